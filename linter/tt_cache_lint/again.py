"""What a second create() would build, told from the first: the same program with the addresses of run 2.

Executing create() twice only tells apart what derives from addresses. Where every such value can be computed again from
its term, and nothing was decided by an address, the second execution is not needed.
"""

from __future__ import annotations

from copy import copy

from tt_cache_lint.device.program import CircularBuffer, CoreArgs, Kernel, Program, new_program
from tt_cache_lint.device.tensors import Buffer, GlobalSemaphore
from tt_cache_lint.device.workload import Joined
from tt_cache_lint.interp import ops
from tt_cache_lint.interp.machine import Machine
from tt_cache_lint.interp.values import Enum, Handle, Opaque, Opt, Unknown, Val, Value, empty
from tt_cache_lint.interp.world import World

ADDRESS = "address of "
ONE_RUN = ("', 1)", "the clock", "randomness")  # in the keys of leaves that belong to one run


class NotTold(Exception):
    """A value whose second reading cannot be computed."""


def second_program(m: Machine, program: Program) -> Program | None:
    """The program that create() would build in run 2; None when only executing it can tell."""
    world = m.world
    if world.varying or world.touched & world.dispatch or program.escaped:
        return None
    if any(text in name for name in world.names for text in ONE_RUN):
        return None
    try:
        return _Second(m).program(program)
    except NotTold:
        return None


class _Second:
    """One translation from run 1 to run 2."""

    def __init__(self, m: Machine) -> None:
        self.m = m
        self.world: World = m.world
        self.known: dict[int, Value] = {}

    def program(self, program: Program) -> Program:
        if isinstance(program, Joined):
            return Joined([self.program(p) for p in program.parts], [p.place for p in program.parts])
        made = new_program(self.m, program.mark)
        made.semaphores = list(program.semaphores)
        for kernel in program.kernels:
            made.kernels.append(self.kernel(kernel, made))
        for cb in program.cbs:
            made.cbs.append(self.cb(cb, made))
        return made

    def kernel(self, old: Kernel, program: Program) -> Kernel:
        made: Kernel = copy(old)
        made.program = program
        made.args = {xy: self.arguments(data) for xy, data in old.args.items()}
        made.common = self.arguments(old.common) if old.common is not None else None
        made.handle = _same_name(old.handle, made)
        return made

    def arguments(self, old: CoreArgs) -> CoreArgs:
        return CoreArgs([v if type(v) is int else self.value(v) for v in old.vals], old.marks, old.set_call, old.stacks)

    def cb(self, old: CircularBuffer, program: Program) -> CircularBuffer:
        made: CircularBuffer = copy(old)
        made.program, made.formats, made.writes = program, dict(old.formats), []
        made.total, made.offset, made.buffer = self.value(old.total), self.value(old.offset), self.value(old.buffer)
        made.pages = {index: self.value(page) for index, page in old.pages.items()}
        made.handle = _same_name(old.handle, made)
        return made

    # -- values ----------------------------------------------------------------------------------------------------

    def value(self, old: Value) -> Value:
        """A value as run 2 has it."""
        if isinstance(old, Val):
            if not old.p & self.world.dispatch:
                return old
            found = self.known.get(id(old))
            if found is None:
                if self.computed(old, 1) != old.v:
                    raise NotTold
                found = self.known[id(old)] = Val(self.computed(old, 2), old.p, old.t)
            return found
        if old is None or isinstance(old, (int, float, str, Enum, Handle, Opaque)) or empty(old):
            return old
        if isinstance(old, Unknown):
            if ONE_RUN[0] in old.key or old.p & self.world.dispatch:
                raise NotTold
            return old
        if isinstance(old, Buffer):
            return Buffer(old.owner, self.world.run_of(old.owner, 2), old.spec) if old.run == 1 else old
        if type(old) is GlobalSemaphore:
            return GlobalSemaphore(old.name, 2) if old.run == 1 else old
        if type(old) is Opt:
            return Opt(self.value(old.v), old.p, old.t)
        raise NotTold

    def computed(self, value: Value, run: int) -> Value:
        """The number of a value in a run, from its term."""
        if not isinstance(value, Val) or not value.p & self.world.dispatch:
            return value.v if isinstance(value, (Val, Handle)) else value
        term = value.t
        if isinstance(term, str) and term.startswith(ADDRESS):
            return self.world.address(term.removeprefix(ADDRESS), run).v
        if not isinstance(term, tuple) or len(term) != 3:
            raise NotTold
        operator, left, right = term
        if operator == "cast":
            return ops.convert(self.m, self.computed(left, run), right)
        if operator not in ops.OPERATIONS or right is None:
            raise NotTold
        a, b = self.computed(left, run), self.computed(right, run)
        if not isinstance(a, (int, float)) or not isinstance(b, (int, float)):
            raise NotTold
        return ops.OPERATIONS[operator](a, b)


def _same_name(old: Handle, target: Kernel | CircularBuffer) -> Handle:
    made = Handle(old.kind, old.v, target, old.name)
    made.depth = old.depth
    return made
