"""One world, end to end: a miss, a hit, and the fresh create() that says what the hit should have given.

What a miss makes and what a hit refreshes is the infra's policy (design.md section 5; package `infra`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from tt_cache_lint.again import second_program
from tt_cache_lint.device.inputs import make_input
from tt_cache_lint.device.nd_shard import or_nd_sharded
from tt_cache_lint.device.program import Event, Failure, Program, enter
from tt_cache_lint.device.tensor_inputs import input_tensor
from tt_cache_lint.device.tensors import Tensor
from tt_cache_lint.factory.choice import held_alternatives, never_selected, ways
from tt_cache_lint.factory.found import Factory
from tt_cache_lint.fault import DEBUG, FAULTS
from tt_cache_lint.infra import INFRAS
from tt_cache_lint.infra.policy import OUTPUT, Call, Infra, Inputs, OwnInputs
from tt_cache_lint.interp.access import value_of
from tt_cache_lint.interp.interp import Interp
from tt_cache_lint.interp.interrupts import Broken, Exhausted, Interrupt, Thrown
from tt_cache_lint.interp.machine import UNLIMITED, Branch, Machine, Place
from tt_cache_lint.interp.scale import doubled
from tt_cache_lint.interp.values import WRITTEN_COPIES, Mark, Opt, Struct, TypeRef, Unknown, Value, Vec, copied, plain
from tt_cache_lint.interp.world import World
from tt_cache_lint.source.defs import FunctionDef

NO_LIMITS = (UNLIMITED, UNLIMITED)


@dataclass(slots=True)
class Snapshot:
    """What create() left in the program, before the override ran: arguments by the kernel's position, and buffers."""

    args: dict[tuple[int, object], list[Value]] = field(default_factory=dict)
    buffers: list[Value] = field(default_factory=list)


@dataclass(slots=True)
class Outcome:
    """The three executions of one world."""

    world: World
    after: Program
    fresh: Program
    created: Snapshot
    shares: tuple[Struct, ...]
    events: list[Event]
    failures: list[Failure]
    unknown: dict[str, int]
    copies: list[Vec]
    unset: dict[str, Mark | None]
    touched_by_override: int
    override_unknown: dict[str, int]
    thrown: Thrown | None = None
    violations: dict[str, tuple[dict[str, Value], ...]] = field(default_factory=dict)
    numeric: list[Branch] = field(default_factory=list)
    limits: list[Value] = field(default_factory=list)
    switched: str = ""  # the factory that run 2 would select instead, where the inputs of the runs differ
    core: list[int] = field(default_factory=list)  # the leaves that create() and the override branch on
    # The checks that only run 2 breaks, where they are not insisted on and the inputs of the runs differ.
    refused: dict[str, tuple[dict[str, Value], ...]] = field(default_factory=dict)
    table: Any = None  # what compare.tabulate made of it
    ways: list[Value] = field(default_factory=list)
    statics: dict[object, Value] = field(default_factory=dict)  # the local statics of functions that were called
    programs: list[Program] = field(default_factory=list)  # others that the executions made

    def release(self) -> None:
        """Empty what refers to itself, which would wait for the garbage collector; the outcome is of no use then."""
        self.table = None
        for program in (self.after, self.fresh, *self.programs):
            program.release()

    @property
    def shared(self) -> Struct | None:
        """The shared variables; those of the first program where each has its own."""
        return self.shares[0] if self.shares else None

    def kept_with(self, program: Program) -> Struct | None:
        """The shared variables that belong to a program of the workload."""
        return self.shares[program.part] if program.part < len(self.shares) else self.shared


class Replay:
    """Executes a factory in worlds."""

    infras: ClassVar[Mapping[str, Infra]] = INFRAS

    def __init__(self, interp: Interp, factory: Factory, templates: dict[str, object]) -> None:
        self.interp = interp
        self.factory = factory
        self.templates = templates
        self.infra = self.infras[factory.infra]
        self.own_inputs = self.infra if isinstance(self.infra, OwnInputs) else None
        self.unselected = never_selected(factory)
        self.ways: list[dict[Place, bool]] | None = None
        self.wanted: dict[str, Value] | None = None

    def execute(
        self,
        world: World,
        deadline: float,
        strict: bool = True,
        limits: tuple[int, int] = NO_LIMITS,
        bodies: bool = True,
    ) -> Outcome:
        """Run the world. Raises Interrupt when it is impossible or cannot be finished.

        With `strict` off, validators, TT_FATALs and the selection of the factory are not insisted on; what they would
        have rejected is noted in the outcome's `violations`. `limits` says how many of these before create(), and up to
        its end, make the outcome useless: Unfit is raised then. With `bodies` off only create()'s own checks are not
        insisted on.
        """
        m = Machine(self.interp, world, deadline)
        return self._guarded(m, lambda: self._execute(m, world, strict, limits, bodies))

    def second(self, before: Outcome, world: World, deadline: float, strict: bool, bodies: bool) -> Outcome:
        """Only the program that a second call gets on a miss, after a first call that went as in `before`.

        `world` goes on from that of `before`, and so does the outcome: what the hit left is what it left there. Raises
        Interrupt as `execute` does.
        """
        m = Machine(self.interp, world, deadline)
        return self._guarded(m, lambda: self._second(m, before, strict, bodies))

    @staticmethod
    def _guarded(m: Machine, run: Callable[[], Outcome]) -> Outcome:
        """Run something on a machine. Whatever ends it early is raised as an Interrupt."""
        try:
            return run()
        except Interrupt:
            for program in m.programs:
                program.release()
            raise
        except RecursionError as error:
            raise Exhausted("the code nests too deeply") from error
        except MemoryError as error:
            raise Exhausted("the code needs too much memory") from error
        except FAULTS as error:
            if os.environ.get(DEBUG):
                raise
            raise Broken(f"the interpreter failed: {type(error).__name__}: {error}") from error
        finally:
            m.world.fuel_left = m.fuel
            m.release()

    def _execute(self, m: Machine, world: World, strict: bool, limits: tuple[int, int], bodies: bool) -> Outcome:
        factory = self.factory
        m.checks, m.limit = strict, limits[0]
        enter(m)
        world.grids = factory.grids
        world.run = 1
        first = self._inputs(m, validate=True)
        try:
            self._select(m, first)
        except Thrown as error:
            if strict:
                raise
            m.violate("select", error.repairs)
        m.phase, m.limit, m.checks = "create", limits[1], strict and bodies
        touched_before, order_before = world.touched, world.order
        world.touched, world.order = 0, []
        made = self.infra.make(self._caller(m), factory, first)
        program, shares = made.program, made.shares
        snapshot = _snapshot(program)
        fresh = second_program(m, program)
        touched = world.touched
        unset: dict[str, Mark | None] = {}
        for shared in shares:
            unset.update(_unset(shared))
        failures, events = list(m.failures), list(m.log)
        numeric = [*m.numeric.values(), *m.further.values()]
        violations, broken, m.limit = dict(m.violations), set(m.broken), UNLIMITED

        world.run = 2
        m.counters.clear()
        m.checks = strict
        second = self._inputs(m, validate=bool(world.varying))
        m.checks = strict and bodies
        switched = self._switched(m, second) if world.varying else ""
        refused = {check: repairs for (check, p), repairs in m.broken.items() if (check, p) not in broken}
        m.phase = "override"
        m.failures, m.log = [], []
        m.branches.clear()
        WRITTEN_COPIES.clear()
        program.close()
        before = dict(m.unknown)
        thrown: Thrown | None = None
        try:
            self.infra.refresh(self._caller(m), factory, made, second)
        except Thrown as error:
            thrown = error.with_traceback(None)
            thrown.__context__ = thrown.__cause__ = None
        touched_after = world.touched
        override_unknown = {k: n - before.get(k, 0) for k, n in m.unknown.items() if n != before.get(k, 0)}
        failures += m.failures
        events += m.log
        copies = list(WRITTEN_COPIES)
        for shared in shares:
            unset.update(_read_unset(shared, unset))

        if fresh is None:
            fresh = self._again(m)
        core, world.order = world.order, order_before + world.order
        world.touched |= touched_before
        return Outcome(
            world,
            program,
            fresh,
            snapshot,
            shares,
            events,
            failures,
            dict(m.unknown),
            copies,
            {k: v for k, v in unset.items() if v is not None or k},
            touched_after & ~touched,
            override_unknown,
            thrown,
            violations,
            numeric,
            list(m.limits),
            switched,
            core,
            refused,
            ways=list(m.ways),
            statics=dict(m.statics),
            programs=list(m.programs),
        )

    def _second(self, m: Machine, before: Outcome, strict: bool, bodies: bool) -> Outcome:
        world = m.world
        m.checks = strict
        m.statics = {key: copied(value) for key, value in before.statics.items()}
        enter(m)
        world.grids = self.factory.grids
        if not strict:  # what the first call breaks, too, is no reason to refuse the second
            world.run = 1
            self._inputs(m, validate=True)
        broken = set(m.broken)
        world.run = 2
        m.counters.clear()
        inputs = self._inputs(m, validate=True)
        m.checks = strict and bodies
        switched = self._switched(m, inputs)
        refused = {check: repairs for (check, p), repairs in m.broken.items() if (check, p) not in broken}
        fresh = self._again(m)
        programs = list(m.programs)
        after = replace(before, world=world, fresh=fresh, switched=switched, refused=refused, programs=programs)
        after.thrown = after.table = None
        return after

    def _again(self, m: Machine) -> Program:
        """Execute create() once more, with what run 2 is given."""
        m.phase = "create"
        m.failures, m.log = [], []
        m.counters.clear()
        given = self._inputs(m, validate=False)
        m.phase = "create"
        return self.infra.make(self._caller(m), self.factory, given).program

    # -- the parts of a call ---------------------------------------------------------------------------------------

    def _inputs(self, m: Machine, validate: bool) -> Inputs:
        factory, run = self.factory, m.world.run
        if self.own_inputs is not None:
            return self.own_inputs.inputs(self._caller(m), factory, validate)
        attributes = make_input(m, factory.attributes, "operation_attributes", run)
        tensor_args = make_input(m, factory.tensor_args, "tensor_args", run)
        if validate:
            # Run 1 is a miss, and what it checked of hashed facts holds on every hit (device_operation.hpp:298-366).
            miss, hit = (self._method(f"validate_on_program_cache_{when}") for when in ("miss", "hit"))
            validator = (hit or miss) if run == 2 else (miss or hit)
            if validator is not None:
                m.phase = "validate"
                try:
                    self._call(m, validator, [attributes, tensor_args])
                except Thrown as error:
                    if m.checks:
                        raise
                    m.violate(f"validate: {error.message}", error.repairs, error.mask)
        m.phase = "outputs"
        return Inputs(attributes, tensor_args, self._outputs(m, attributes, tensor_args), m.world)

    def _method(self, name: str) -> FunctionDef | None:
        op = self.factory.op
        return op.methods.get(name) if op is not None else None

    def _outputs(self, m: Machine, attributes: Value, tensor_args: Value) -> Value:
        maker = self._method("create_output_tensors")
        if maker is not None:
            try:
                made = self._call(m, maker, [attributes, tensor_args])
            except Thrown as error:
                if m.checks:
                    raise
                m.violations[f"outputs: {error.message}"] = error.repairs[:12]
                made = Unknown("outputs")
            if not isinstance(made, Unknown):
                if isinstance(made, Opt) and self.factory.returns.name == "Tensor":
                    made = made.v
                _name_parts(made)
                m.world.preallocated.update(_given_outputs(made))
                return made
        if self.factory.returns.name in ("Tensor", "auto"):
            return input_tensor(m.world, OUTPUT, m.world.run)
        return make_input(m, self.factory.returns, OUTPUT, m.world.run)

    def _switched(self, m: Machine, inputs: Inputs) -> str:
        """The factory that run 2's own inputs select, when it is another one: on a hit the first call's is kept
        (ttnn/api/ttnn/device_operation.hpp:273-276)."""
        try:
            self._select(m, inputs)
        except Thrown as error:
            return error.message.removesuffix(" is selected instead")
        return ""

    def _select(self, m: Machine, inputs: Inputs) -> None:
        chooser = self._method("select_program_factory")
        op = self.factory.op
        if chooser is None or op is None or len(op.factories) < 2:
            return
        if self.unselected:  # whatever the inputs are: it is of no use to look for others
            m.violate("select", ())
            return
        m.phase = "select"
        m.branches.clear()
        chosen = self._call(m, chooser, [inputs.attributes, inputs.tensor_args])
        name = chosen_name(chosen)
        if name is None or name == self.factory.create.scope[-1]:
            return
        from tt_cache_lint.interp.solving import want

        repairs = self._held(m.world) + self._toward(m)
        bits = 0
        for condition, taken, _ in reversed(m.branches):
            repairs += want(condition, not taken)
            bits |= getattr(condition, "p", 0)
        raise Thrown(f"{name} is selected instead", bits, tuple(repairs[:32]), after=m.last_met())

    def _held(self, world: World) -> list[dict[str, Value]]:
        """The alternatives that std::visit has to find, which is no branch of the code."""
        if self.wanted is None:
            self.wanted = held_alternatives(self.factory, self.interp)
        facts = world.facts
        return [{key: choice} for key, choice in self.wanted.items() if key in facts and facts[key].value != choice]

    def _toward(self, m: Machine) -> list[dict[str, Value]]:
        """What takes select_program_factory() on where it left the way to this factory."""
        from tt_cache_lint.interp.solving import want

        if self.ways is None:
            self.ways = ways(self.factory, self.interp.index)
        repairs: list[dict[str, Value]] = []
        for way in self.ways:
            off = ((c, not taken) for c, taken, at in m.branches if at is not None and way.get(at, taken) is not taken)
            condition, wanted = next(off, (None, False))
            repairs += or_nd_sharded(want(condition, wanted) or self._other(m.world, condition, wanted))
        return repairs

    @staticmethod
    def _other(world: World, condition: Value, wanted: bool) -> list[dict[str, Value]]:
        """What may make a condition come out otherwise that cannot be solved: larger inputs and other choices."""
        larger = doubled(condition, wanted, world.sides()) if condition is not None else {}
        return [*([larger] if larger else []), *world.chosen_otherwise(getattr(condition, "p", 0))]

    def _caller(self, m: Machine) -> Call:
        return _Caller(self, m)

    def _call(self, m: Machine, function: FunctionDef, args: list[Value], this: Value = None) -> Value:
        owner = self.interp.owner_of(function)
        # A member defined outside of its class names the class's template parameters in its own way.
        given = dict(zip(function.template, self.templates.values(), strict=False))
        templates = given if len(given) == len(self.templates) else {}
        code = self.interp.instance(function, templates, owner)
        return value_of(m.invoke(code, args, this))


@dataclass(slots=True)
class _Caller:
    """The `Call` that an infra gets."""

    replay: Replay
    m: Machine

    def __call__(self, function: FunctionDef, args: list[Value], this: Value = None) -> Value:
        return self.replay._call(self.m, function, args, this)


def _given_outputs(made: Value) -> Iterator[str]:
    """The names of outputs that are tensors of the caller's."""
    for item in made.items if isinstance(made, Vec) else [made]:
        tensor = item.v if isinstance(item, Opt) else item
        if isinstance(tensor, Tensor) and not tensor.name.startswith(OUTPUT):
            yield tensor.name


def _name_parts(made: Value) -> None:
    """Call several outputs by their place among them, the first one too."""
    items = made.items if isinstance(made, Vec) else []
    tensors = [item.v if isinstance(item, Opt) else item for item in items]
    places: dict[str, str] = {}
    for position, tensor in enumerate(tensors):
        if isinstance(tensor, Tensor) and tensor.name.startswith(OUTPUT):
            places.setdefault(tensor.name, f"{OUTPUT}[{position}]")
    for tensor in tensors:
        if isinstance(tensor, Tensor) and tensor.name in places:
            tensor.name = tensor.buffer.owner = places[tensor.name]


def chosen_name(chosen: Value) -> str | None:
    """The class of the factory that select_program_factory returned."""
    if isinstance(chosen, Opt):
        chosen = chosen.v
    if isinstance(chosen, Struct):
        return chosen.name
    if isinstance(chosen, TypeRef):
        return str(chosen.type.name)
    return None


def _snapshot(program: Program) -> Snapshot:
    made = Snapshot()
    for position, kernel in enumerate(program.kernels):
        for xy, data in kernel.args.items():
            made.args[(position, xy)] = list(data.vals)
        if kernel.common is not None:
            made.args[(position, None)] = list(kernel.common.vals)
    made.buffers = [cb.buffer for cb in program.cbs]
    return made


def _unset(shared: Struct | None) -> dict[str, Mark | None]:
    """The shared variables that create() never gave a value (what it only read counts as not given)."""
    if shared is None or shared.type is None:
        return {}
    return {f.name: None for f in shared.type.fields if f.name not in shared.fields and not _filled(shared, f.name)}


def _filled(shared: Struct, name: str) -> bool:
    value = shared.defaults.get(name)
    if isinstance(value, Vec):
        return bool(value.items)
    items = getattr(value, "items", None)
    if isinstance(items, dict):
        return bool(items)
    fields = getattr(value, "fields", None)
    if isinstance(fields, dict):
        return bool(fields)
    ranges = getattr(value, "ranges", None)
    return bool(ranges)


def _read_unset(shared: Struct | None, unset: dict[str, Mark | None]) -> dict[str, Mark | None]:
    if shared is None:
        return {}
    return {name: shared.marks.get("") or Mark("", 0, 1, 0, "") for name in unset if name in shared.defaults}


__all__ = ["Inputs", "Outcome", "Replay", "copied", "plain"]
