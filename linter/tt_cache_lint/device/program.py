"""The program: kernels with their runtime arguments, circular buffers, semaphores.

Semantics: facts/device_model.md sections 1 to 5. What the host API would reject is recorded as a `Failure`, not raised,
so that the rest of the function is still seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tt_cache_lint.device.cores import XY
from tt_cache_lint.interp.values import (
    Handle,
    Mark,
    Obj,
    Ref,
    Value,
    plain,
)

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

CB_BASE = 0x7F0000000000


@dataclass(slots=True)
class Failure:
    """Something the host API rejects, or that writes where nothing is."""

    kind: str  # "range", "core", "count", "common-twice", "after-compile", "handle", "order", "coordinate"
    message: str
    mark: Mark
    stack: tuple[Mark, ...]
    phase: str
    owner: str = ""
    index: int = -1
    cores: tuple[XY, ...] = ()
    common: bool = False
    inputs: tuple[str, ...] = ()


@dataclass(slots=True)
class Event:
    """One effect on the program, in order."""

    kind: str  # "program", "cb", "kernel", "semaphore", "args", "common", "cb-address", "cb-size", "cb-page-size"
    mark: Mark
    stack: tuple[Mark, ...]
    phase: str
    target: Any = None
    value: Value = None
    old: Value = None


class CoreArgs:
    """The runtime arguments of one kernel on one core (or its common arguments).

    `writes` maps an index to the mark of the override's last write. `set_marks` are the marks create() left.
    """

    __slots__ = ("marks", "set_call", "stacks", "vals", "writes")

    def __init__(self, vals: list[Value], marks: list[Mark | None], call: Mark, stack: tuple[Mark, ...]) -> None:
        self.vals = vals
        self.marks = marks
        self.set_call = call
        self.stacks = stack
        self.writes: dict[int, tuple[Mark, tuple[Mark, ...]]] = {}


class Kernel(Obj):
    """A kernel of the program."""

    __slots__ = (
        "args",
        "built",
        "common",
        "config",
        "cores",
        "cores_mask",
        "described",
        "handle",
        "inside",
        "mark",
        "named",
        "ordinal",
        "program",
        "source",
        "stack",
        "touched",
        "unsure",
    )

    def __init__(self, program: Program, source: Value, cores: list[XY], config: Value, mark: Mark) -> None:
        self.program = program
        self.ordinal = len(program.kernels)
        self.source = source
        self.cores = cores
        self.inside = frozenset(cores)
        self.config = config
        self.mark = mark
        self.stack: tuple[Mark, ...] = ()
        self.args: dict[XY, CoreArgs] = {}
        self.common: CoreArgs | None = None
        self.handle = Handle("kernel", self.ordinal, self)
        self.touched = False
        self.named = False  # its arguments go by names, not by numbers
        self.described = False  # it comes from a descriptor: its handle is its place there, and nobody has to keep it
        self.unsure = False  # its cores rest on something that could not be computed
        self.cores_mask = 0  # the inputs that its cores derive from
        self.built: Any = None  # what kernels.built made of the config, once the program is complete

    def identity(self) -> object:
        return ("kernel", self.ordinal)

    @property
    def name(self) -> str:
        """The variable that holds the handle, or what can be said instead."""
        if self.handle.name:
            return self.handle.name
        source = plain(self.source)
        if isinstance(source, str):
            return f"kernel {source.rpartition('/')[2]}"
        return f"kernel {self.ordinal}"


class CircularBuffer(Obj):
    """A circular buffer of the program."""

    __slots__ = (
        "buffer",
        "cores",
        "cores_mask",
        "formats",
        "handle",
        "mark",
        "offset",
        "ordinal",
        "pages",
        "program",
        "stack",
        "total",
        "touched",
        "writes",
    )

    def __init__(self, program: Program, cores: list[XY], mark: Mark) -> None:
        self.program = program
        self.ordinal = len(program.cbs)
        self.cores = cores
        self.mark = mark
        self.stack: tuple[Mark, ...] = ()
        self.total: Value = 0
        self.formats: dict[object, Value] = {}
        self.pages: dict[object, Value] = {}
        self.buffer: Value = None
        self.offset: Value = 0
        self.handle = Handle("cb", CB_BASE + 0x340 * self.ordinal, self)
        self.writes: list[tuple[Mark, tuple[Mark, ...]]] = []
        self.touched = False
        self.cores_mask = 0  # the inputs that its cores derive from

    def identity(self) -> object:
        return ("cb", self.ordinal)

    @property
    def name(self) -> str:
        for index in self.formats:
            return f"c_{index}" if isinstance(index, int) else str(index)
        return f"#{self.ordinal}"


class Program(Obj):
    """A program. `escaped` is set when code that could not be read may have changed it; `why` says which.

    `part` numbers the programs of a workload, `place` says where in the mesh one runs.
    """

    __slots__ = ("cbs", "compiled", "escaped", "kernels", "mark", "part", "place", "semaphores", "why")

    def __init__(self, mark: Mark | None = None) -> None:
        self.kernels: list[Kernel] = []
        self.cbs: list[CircularBuffer] = []
        self.semaphores: list[tuple[frozenset[XY], int]] = []
        self.compiled = False
        self.escaped: set[str] = set()
        self.why: list[str] = []
        self.mark = mark
        self.part = 0
        self.place = ""

    def copy(self) -> Program:
        return self

    def assign(self, other: Value) -> bool:
        if isinstance(other, Program) and other is not self:
            self.kernels, self.cbs, self.semaphores = other.kernels, other.cbs, other.semaphores
            self.escaped, self.why = other.escaped, other.why
            return True
        return other is self

    def identity(self) -> object:
        return ("program", id(self))

    def stable_key(self) -> object:
        return "program"

    def close(self) -> None:
        """The first enqueue compiles the program: nothing can be created in it any more, and names are given."""
        self.compiled = True
        for handle in (*(k.handle for k in self.kernels), *(c.handle for c in self.cbs)):
            handle.depth = -1

    def escape(self, m: Machine, key: str) -> None:
        """Unknown code got hold of the program."""
        self.escaped.add(m.phase)
        self.why.append(key)

    def length(self) -> int:
        return len(self.kernels)

    def release(self) -> None:
        """Empty what refers to itself; the program is of no use then."""
        for kernel in self.kernels:
            kernel.args, kernel.common = {}, None
            kernel.handle.target = None
        for cb in self.cbs:
            cb.buffer = cb.total = cb.handle.target = None
        self.kernels, self.cbs = [], []


def new_program(m: Machine, mark: Mark | None) -> Program:
    """A program of this execution."""
    program = Program(mark)
    m.programs.append(program)
    return program


_current: list[Machine] = []


def enter(m: Machine) -> None:
    """Make a machine the one that views without a machine belong to."""
    _current[:] = [m]


def running() -> Machine:
    """The machine that executes now."""
    return _current[-1]


class CbConfig(Obj):
    """CircularBufferConfig under construction."""

    __slots__ = ("buffer", "formats", "mark", "offset", "pages", "total")

    def __init__(self, total: Value, mark: Mark | None) -> None:
        self.total = total
        self.formats: dict[object, Value] = {}
        self.pages: dict[object, Value] = {}
        self.buffer: Value = None
        self.offset: Value = 0
        self.mark = mark

    def copy(self) -> CbConfig:
        made = CbConfig(self.total, self.mark)
        made.formats, made.pages = dict(self.formats), dict(self.pages)
        made.buffer, made.offset = self.buffer, self.offset
        return made

    def assign(self, other: Value) -> bool:
        if not isinstance(other, CbConfig):
            return False
        self.total, self.buffer, self.offset = other.total, other.buffer, other.offset
        self.formats, self.pages = dict(other.formats), dict(other.pages)
        return True


def cb_of(m: Machine, program: Value, handle: Value) -> CircularBuffer | None:
    """The circular buffer a handle names: an address, never an ordinal (circular_buffer.cpp:25)."""
    if not isinstance(program, Program):
        return None
    if isinstance(handle, Ref):
        handle = handle.get()
    if isinstance(handle, Handle) and handle.kind == "cb":
        target = handle.target
        if isinstance(target, CircularBuffer):
            if target.program is program:
                return target
            if target.ordinal < len(program.cbs) and not (program.place and target.program.place):
                return program.cbs[target.ordinal]
    return None


def buffer_of(value: Value) -> Value:
    """The buffer behind a buffer, tensor or pointer."""
    from tt_cache_lint.device.tensors import Tensor
    from tt_cache_lint.interp.values import Opt

    if isinstance(value, Opt):
        value = value.v
    if isinstance(value, Tensor):
        return value.buffer
    return value
