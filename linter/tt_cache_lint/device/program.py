"""The program: kernels with their runtime arguments, circular buffers, semaphores.

Semantics: facts/device_model.md sections 1 to 5. What the host API would reject is recorded as a `Failure`, not raised,
so that the rest of the function is still seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tt_cache_lint.device.cores import XY
from tt_cache_lint.device.tensors import Buffer
from tt_cache_lint.interp import ops
from tt_cache_lint.interp.values import (
    Handle,
    Mark,
    Obj,
    Opaque,
    Ref,
    Unknown,
    Val,
    Value,
    Vec,
    copied,
    mask,
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
        "handle",
        "inside",
        "mark",
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


class ArgView(Obj):
    """RuntimeArgsData: a view of a core's arguments; copies are views too (runtime_args_data.hpp:22-70)."""

    __slots__ = ("common", "core", "kernel")

    def __init__(self, kernel: Kernel | None, core: XY | None, common: bool = False) -> None:
        self.kernel = kernel
        self.core = core
        self.common = common

    @property
    def data(self) -> CoreArgs | None:
        if self.kernel is None:
            return None
        if self.common:
            return self.kernel.common
        return self.kernel.args.get(self.core) if self.core is not None else None

    def length(self) -> int:
        data = self.data
        return len(data.vals) if data is not None else 0

    def identity(self) -> object:
        return ("args", self.kernel.ordinal if self.kernel else -1, self.core, self.common)

    def item_ref(self, at: int) -> Ref:
        return ArgRef(self, at)

    def index(self, m: Machine, at: Value) -> Value:
        return self.index_ref(m, at).get()

    def index_ref(self, m: Machine, at: Value) -> Ref:
        number = ops.number(m, at)
        bare = plain(number)
        found = ArgRef(self, bare if isinstance(bare, int) else -1, m)
        found.anywhere = bool(mask(number)) and not m.world.is_known(mask(number))
        return found

    def elements(self) -> list[Value]:
        return [ArgRef(self, i) for i in range(self.length())]

    def as_vector(self, m: Machine) -> Vec:
        data = self.data
        made = Vec(list(data.vals) if data is not None else [Opaque("arguments that were not seen to be set")])
        made.copy_of = self
        return made


class ArgRef(Ref):
    """One argument slot. `anywhere` is set when its index rests on something that could not be computed."""

    __slots__ = ("anywhere", "at", "machine", "view")

    def __init__(self, view: ArgView, at: int, machine: Machine | None = None) -> None:
        self.view = view
        self.at = at
        self.machine = machine
        self.anywhere = False

    def get(self) -> Value:
        data = self.view.data
        if self.anywhere or data is None or not 0 <= self.at < len(data.vals):
            return Unknown(f"argument {self.at}")
        value = data.vals[self.at]
        return Unknown(value.key) if type(value) is Opaque else value

    def set(self, value: Value, mark: Mark | None = None) -> None:
        m = self.machine
        if m is None:
            m = _current[-1] if _current else None
        kernel = self.view.kernel
        if m is None or kernel is None:
            return
        kernel.touched = True
        data = self.view.data
        mark = mark or (data.set_call if data is not None else kernel.mark)
        stack = tuple(m.stack)
        count = len(data.vals) if data is not None else 0
        if self.anywhere and data is not None:
            self._somewhere(data)
            return
        if data is None or not 0 <= self.at < count:
            opaque = data is not None and any(type(v) is Opaque for v in data.vals)
            if opaque or kernel.program.escaped:
                return  # what is there is not known
            core = self.view.core
            kind = "common arguments" if self.view.common else f"arguments on {_core_words(core)}"
            m.failures.append(
                Failure(
                    "range",
                    f"create() sets {f'only {count}' if count else 'no'} {kind}",
                    mark,
                    stack,
                    m.phase,
                    kernel.name,
                    self.at,
                    (core,) if core is not None else (),
                    self.view.common,
                    tuple(m.world.leaves(mask(value))),
                )
            )
            return
        value = ops.convert(m, value, "uint32_t") if not isinstance(value, Obj) else value
        data.vals[self.at] = value
        if m.phase == "override":
            data.writes[self.at] = (mark, stack)
        else:
            data.marks[self.at] = mark

    def _somewhere(self, data: CoreArgs) -> None:
        """A write at an index that cannot be told: behind a block of unknown length, or any argument may have it."""
        if any(type(v) is Opaque for v in data.vals):
            return
        data.vals = [v if i in data.writes else Unknown(f"argument {i}") for i, v in enumerate(data.vals)]


def _core_words(core: XY | None) -> str:
    return f"core ({core[0]},{core[1]})" if core is not None else "that core"


_current: list[Machine] = []


def enter(m: Machine) -> None:
    """Make a machine the one that views without a machine belong to."""
    _current[:] = [m]


def running() -> Machine:
    """The machine that executes now."""
    return _current[-1]


class ArgGrid(Obj):
    """GetRuntimeArgs(program, kernel): [x][y] of views."""

    __slots__ = ("kernel", "x")

    def __init__(self, kernel: Kernel | None, x: int | None = None) -> None:
        self.kernel = kernel
        self.x = x

    def index(self, m: Machine, at: Value) -> Value:
        return self.index_ref(m, at)

    def index_ref(self, m: Machine, at: Value) -> Value:
        bare = plain(ops.number(m, at))
        position = bare if isinstance(bare, int) else -1
        if self.x is None:
            return ArgGrid(self.kernel, position)
        return ArgView(self.kernel, (self.x, position))

    def identity(self) -> object:
        return ("grid", self.kernel.ordinal if self.kernel else -1, self.x)

    def length(self) -> int:
        if self.kernel is None or not self.kernel.cores:
            return 0
        return 1 + (max(x for x, _ in self.kernel.cores) if self.x is None else max(y for _, y in self.kernel.cores))

    def item_ref(self, at: int) -> Value:
        return ArgGrid(self.kernel, at) if self.x is None else ArgView(self.kernel, (self.x, at))

    def elements(self) -> list[Value]:
        return [self.item_ref(i) for i in range(self.length())]


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


def kernel_of(m: Machine, program: Value, handle: Value) -> Kernel | None:
    """The kernel a handle names in a program: a handle is a creation ordinal (program.cpp:408-412)."""
    if not isinstance(program, Program):
        return None
    if isinstance(handle, Ref):
        handle = handle.get()
    if isinstance(handle, Handle):
        target = handle.target
        if isinstance(target, Kernel) and target.program is program:
            return target
        number = handle.v
    elif isinstance(handle, Unknown):
        return None
    else:
        number = plain(ops.number(m, handle))
    if isinstance(number, int) and 0 <= number < len(program.kernels):
        return program.kernels[number]
    return None


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


def set_args(m: Machine, kernel: Kernel, xys: list[XY], args: Value, mark: Mark, common: bool = False) -> None:
    """SetRuntimeArgs / SetCommonRuntimeArgs on resolved cores (kernel.cpp:612-674)."""
    items, marks = argument_items(m, args)
    stack = tuple(m.stack)
    kernel.touched = kernel.touched or m.phase == "override"
    if not items:
        return
    m.log.append(Event("common" if common else "args", mark, stack, m.phase, kernel))
    if common:
        if kernel.common is not None:
            m.failures.append(
                Failure(
                    "common-twice",
                    "common runtime arguments can be set only once",  # kernel.cpp:670-674
                    mark,
                    stack,
                    m.phase,
                    kernel.name,
                )
            )
            return
        kernel.common = CoreArgs(items, marks, mark, stack)
        return
    inside = kernel.inside
    outside = [xy for xy in xys if xy not in inside]
    if outside and inside and not kernel.unsure:
        m.failures.append(
            Failure(
                "core",
                f"the kernel does not run on {_core_words(outside[0])}",
                mark,
                stack,
                m.phase,
                kernel.name,
                -1,
                tuple(outside),
            )
        )
    for xy in xys:
        known = kernel.args.get(xy)
        if known is None:
            kernel.args[xy] = CoreArgs(list(items), list(marks), mark, stack)
            if m.phase == "override":
                kernel.args[xy].writes = {i: (marks[i] or mark, stack) for i in range(len(items))}
            continue
        if len(items) != len(known.vals) and not any(type(v) is Opaque for v in (*items, *known.vals)):
            m.failures.append(
                Failure(
                    "count",
                    f"create() sets {len(known.vals)} arguments on {_core_words(xy)}, and setting {len(items)} in "
                    "their place is refused",  # kernel.cpp:654-662
                    mark,
                    stack,
                    m.phase,
                    kernel.name,
                    -1,
                    (xy,),
                )
            )
            continue
        before, known.vals = known.vals, list(items)
        if m.phase == "override":
            # A word of a copied list that was not assigned comes back as it was: that refreshes nothing.
            fresh = [i for i in range(len(items)) if marks[i] is not None or not _returned(args, before, items, i)]
            known.writes.update({i: (marks[i] or mark, stack) for i in fresh})
        else:
            known.marks = list(marks)
            known.set_call = mark


def _returned(args: Value, before: list[Value], items: list[Value], index: int) -> bool:
    copied_from = args.copy_of if isinstance(args, Vec) else args if isinstance(args, ArgView) else None
    return copied_from is not None and index < len(before) and items[index] is before[index]


def argument_items(m: Machine, args: Value) -> tuple[list[Value], list[Mark | None]]:
    """The words of an argument list, each as uint32_t."""
    from tt_cache_lint.interp.values import InitList, Opt

    if isinstance(args, Opt):
        args = args.v
    if isinstance(args, ArgView):
        data = args.data
        return (list(data.vals), [None] * len(data.vals)) if data is not None else ([], [])
    if isinstance(args, (Vec, InitList)):
        items = [
            i if type(i) is int and 0 <= i < 0x80000000 else i if isinstance(i, Opaque) else _word(m, i)
            for i in args.items
        ]
        return items, list(args.marks)
    if isinstance(args, Unknown):
        return [Opaque(args.key)], [None]
    return [], []


def _word(m: Machine, value: Value) -> Value:
    if isinstance(value, Buffer):
        return m.world.address(value.owner, value.run)
    if isinstance(value, float):
        value = int(value)
    return ops.convert(m, value, "uint32_t")


__all__ = ["ArgGrid", "ArgRef", "ArgView", "Program", "Val", "copied", "field"]
