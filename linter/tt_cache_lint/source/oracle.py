"""What may be asked about types, calls and constants by place, whoever answers.

The syntactic index answers from the text alone (interp/told.py); libclang answers from the compiler's view where there
is a compile database (source/clang.py). Both speak of the same things in the same words, so that tests can hold them
to the same answers. None always means "cannot tell", never "there is none".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol


class OracleError(Exception):
    """An oracle that was asked for cannot be had; the message is for the user."""


class Position(NamedTuple):
    """A place in a file: path relative to the root, line and column from 1, the column in bytes."""

    path: str
    line: int
    column: int = 1


@dataclass(frozen=True, slots=True)
class TypeName:
    """A canonical type: no alias is left in it.

    `name` is the last part of the class's or enumeration's name, or a scalar's (`uint32_t`, `float`, `bool`); `args`
    are the template arguments that were not left to their defaults. `place` is the line that defines it, for what the
    checked tree defines.
    """

    name: str
    args: tuple[TypeName | int | str, ...] = ()
    place: tuple[str, int] | None = None
    ref: bool = False
    ptr: bool = False
    array: bool = False

    def __str__(self) -> str:
        inner = f"<{', '.join(map(str, self.args))}>" if self.args else ""
        return f"{self.name}{inner}{'*' if self.ptr else ''}{'[]' if self.array else ''}{'&' if self.ref else ''}"


Constant = int | float | bool | str


class TypeOracle(Protocol):
    """Answers questions about a tree. Every method returns None where it cannot tell."""

    def canonical_field_type(self, field: Position) -> TypeName | None:
        """The type of the data member whose name stands at this place."""

    def definition_of_call(self, callee: Position) -> tuple[str, int] | None:
        """Path and line of the definition (or else the declaration) of the function whose name is called here."""

    def constant_value(self, constant: Position) -> Constant | None:
        """The value of the constant or enumerator whose name is declared here."""


# What wraps a value without changing what it is to the analysis, and whether it is a pointer to it.
_TRANSPARENT = {
    "reference_wrapper": False,
    "unique_ptr": True,
    "shared_ptr": True,
    "weak_ptr": True,
    "not_null": False,
}
_DEFAULTED = {"allocator", "char_traits", "less", "hash", "equal_to", "default_delete", "deque"}


def plainly(type_: TypeName) -> TypeName:
    """A type as the index would say it: without defaulted arguments, `string` for a basic_string, no smart pointers."""
    args = tuple(plainly(arg) if isinstance(arg, TypeName) else arg for arg in type_.args)
    while len(args) > 1 and isinstance(args[-1], TypeName) and args[-1].name in _DEFAULTED:
        args = args[:-1]
    if type_.name == "basic_string":
        return replace(type_, name="string", args=())
    if type_.name == "basic_string_view":
        return replace(type_, name="string_view", args=())
    if type_.name in _TRANSPARENT and args and isinstance(args[0], TypeName):
        pointer = _TRANSPARENT[type_.name]
        return replace(args[0], ptr=args[0].ptr or pointer, ref=type_.ref)
    return replace(type_, args=args)
