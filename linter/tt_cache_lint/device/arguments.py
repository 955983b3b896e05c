"""Runtime arguments: views of them, and how they are set."""

from __future__ import annotations

from tt_cache_lint.device.cores import XY
from tt_cache_lint.device.program import CoreArgs, Event, Failure, Kernel, Program, _current
from tt_cache_lint.device.tensors import Buffer
from tt_cache_lint.interp import ops
from tt_cache_lint.interp.machine import Machine
from tt_cache_lint.interp.values import Handle, Mark, Obj, Opaque, Ref, Unknown, Value, Vec, mask, plain


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
