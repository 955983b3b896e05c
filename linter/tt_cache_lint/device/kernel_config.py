"""The configuration that a kernel is made with (tt-metalium/kernel_types.hpp)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.interp import build
from tt_cache_lint.interp.refs import CallRef
from tt_cache_lint.interp.registry import constructor
from tt_cache_lint.interp.types import SCALARS, Type
from tt_cache_lint.interp.values import NOWHERE, InitList, Mark, Obj, Opt, Unknown, Value, Vec, copied, identity

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

# The parameters of the constructors of ReaderDataMovementConfig and WriterDataMovementConfig.
POSITIONS = ("compile_args", "defines", "named_compile_args", "opt_level", "include_paths")
# The parameters behind the cores until 2023-11 (host_api.hpp).
OLD_POSITIONS = {
    "CreateDataMovementKernel": ("compile_args", "processor", "noc"),
    "CreateComputeKernel": ("compile_args", "math_fidelity", "fp32_dest_acc_en", "math_approx_mode"),
}
CONTAINERS = {
    "compile_args": Type("vector", (SCALARS["uint32_t"],)),
    "defines": Type("map", (Type("string"), Type("string"))),
    "named_compile_args": Type("unordered_map", (Type("string"), SCALARS["uint32_t"])),
}


class KernelConfig(Obj):
    """The configuration of a kernel: what is given to it, by member or position."""

    __slots__ = ("given", "kind")

    def __init__(self, kind: str, given: list[Value]) -> None:
        self.kind = kind
        self.given = given

    def copy(self) -> KernelConfig:
        return KernelConfig(self.kind, [copied(item) for item in self.given])

    def identity(self) -> object:
        return (self.kind, tuple(identity(g) for g in self.given))

    def positions(self) -> tuple[str, ...]:
        """The members that are given by position."""
        first = self.given[0] if self.given else None
        if isinstance(first, Vec) or (isinstance(first, InitList) and first.names is None):
            if self.kind in OLD_POSITIONS:
                return OLD_POSITIONS[self.kind]
        return POSITIONS if self.kind.startswith(("Reader", "Writer")) else ()

    def member(self, m: Machine, name: str) -> Value:
        """A member as it stands; a list or map can be added to."""
        named = self._by_name(m)
        if name in named.names:
            return self._opened(m, named, name)
        if name not in CONTAINERS:
            return Unknown(f"{self.kind}.{name}")
        self._put(named, name, build.default_value(m, CONTAINERS[name]), None)
        return named.items[-1]

    def member_ref(self, m: Machine, name: str) -> Value:
        if name in CONTAINERS:
            return self.member(m, name)
        return CallRef(lambda: self.member(m, name), lambda value, mark: self._put(self._by_name(m), name, value, mark))

    def _by_name(self, m: Machine) -> Designated:
        """What is given, as one list of members by their names."""
        if len(self.given) == 1 and isinstance(self.given[0], Designated):
            return self.given[0]
        names, items, marks = [], [], []
        positions = self.positions()
        for position, value in enumerate(self.given):
            if isinstance(value, InitList) and value.names is not None:
                names += value.names
                items += value.items
                marks += value.marks
            else:
                names.append(positions[position] if position < len(positions) else f"config[{position}]")
                items.append(value)
                marks.append(None)
        made = Designated(items, marks, names, NOWHERE)
        self.given = [made]
        return made

    @staticmethod
    def _opened(m: Machine, named: Designated, name: str) -> Value:
        """A member that is there, as what its type makes of it."""
        at = named.names.index(name)
        value = named.items[at]
        if isinstance(value, Opt):
            value = value.v
        if isinstance(value, InitList) and name in CONTAINERS:
            value = build.coerce(m, value, CONTAINERS[name])
        named.items[at] = value
        return value

    @staticmethod
    def _put(named: Designated, name: str, value: Value, mark: Mark | None) -> None:
        if name in named.names:
            at = named.names.index(name)
            named.items[at], named.marks[at] = value, mark
        else:
            named.names.append(name)
            named.items.append(value)
            named.marks.append(mark)


class Designated(InitList):
    """A braced list of which every item has the name of a member."""

    __slots__ = ()
    names: list[str]

    def copy(self) -> Designated:
        return Designated([copied(i) for i in self.items], list(self.marks), list(self.names), self.mark)


@constructor(
    "ReaderDataMovementConfig", "WriterDataMovementConfig", "DataMovementConfig", "ComputeConfig", "EthernetConfig"
)
def kernel_config(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    if len(args) == 1 and isinstance(args[0], KernelConfig):
        return args[0].copy()
    return KernelConfig(type_.name, [copied(a) for a in args])
