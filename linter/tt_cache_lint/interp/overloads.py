"""Which function of a name a call means: how well values fit the types of parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.interp.registry import CONSTRUCTORS
from tt_cache_lint.interp.types import AUTO, SCALARS, SEQUENCES, Type
from tt_cache_lint.interp.values import (
    Absent,
    Enum,
    FuncRef,
    InitList,
    Lambda,
    Map,
    Obj,
    Opt,
    Struct,
    TypeRef,
    Unknown,
    Value,
    Vec,
    plain,
)
from tt_cache_lint.source.defs import FunctionDef, StructDef

if TYPE_CHECKING:
    from tt_cache_lint.interp.classes import Classes


def nearness(where: tuple[str, ...], scope: tuple[str, ...]) -> int:
    count = 0
    for a, b in zip(where, scope, strict=False):
        if a != b:
            break
        count += 1
    return count


def takes(function: FunctionDef, count: int) -> bool:
    params = function.params
    if params and params[-1].is_pack:
        return count >= len(params) - 1
    if count > len(params):
        return False
    return all(p.default is not None for p in params[count:])


def type_of(value: Value) -> Type | None:
    """The C++ type of a value, as far as it can be told from the value."""
    if isinstance(value, Struct) and value.type is not None:
        return Type(value.type.name, (), value.type)
    if isinstance(value, TypeRef):
        found: Type = value.type
        return found
    bare = plain(value)
    if isinstance(bare, bool):
        return SCALARS["bool"]
    if isinstance(bare, int):
        return SCALARS["int" if bare < 0 else "uint32_t" if bare < 1 << 32 else "uint64_t"]
    if isinstance(bare, float):
        return SCALARS["float"]
    if isinstance(value, Obj) and not isinstance(value, (Vec, Lambda, InitList, Opt, Map)):
        return Type(type(value).__name__)
    return None


def fits(interp: Classes, value: Value, type_: Type) -> int:
    """How well a value fits a parameter type: -1 not at all, more is better."""
    if isinstance(value, Unknown) or type_.name == "auto":
        return 1
    if isinstance(value, InitList):
        return _list_fits(interp, value, type_)
    if type_.name == "optional":
        inner = type_.args[0] if type_.args and isinstance(type_.args[0], Type) else AUTO
        if value is None or isinstance(value, Absent):
            return 2
        return max(fits(interp, value.v if isinstance(value, Opt) else value, inner), -1)
    if isinstance(value, Opt):
        value = value.v
    if value is None or isinstance(value, Absent):
        return 2 if type_.ptr else -1
    bare = plain(value)
    if isinstance(bare, (int, float)) and not isinstance(value, Obj):
        if type_.scalar:
            return 3 if (type_.scalar == "bool") == isinstance(bare, bool) else 2
        return -1 if type_.decl is not None or type_.name in _NOT_NUMBERS or type_.name in CONSTRUCTORS else 0
    if type_.scalar:
        return 1 if isinstance(bare, Enum) else -1
    if isinstance(value, Struct):
        if isinstance(type_.decl, StructDef):
            return 4 if value.type is not None and value.type.qualified == type_.decl.qualified else -1
        return (
            3 if value.name == type_.name else (-1 if type_.name in _NOT_NUMBERS or type_.name in CONSTRUCTORS else 0)
        )
    if isinstance(value, Vec):
        if value.kind == "Shape" or type_.name == "Shape":
            return 5 if type_.name == value.kind else 1 if type_.name in SEQUENCES or value.kind in SEQUENCES else -1
        if type_.name in SEQUENCES:
            return 4 if type_.name == value.kind else 2
        if type_.name in ("tuple", "pair"):
            return 4 if type_.name == value.kind else -1
        return -1 if type_.decl is not None or type_.name in CONSTRUCTORS else 0
    if isinstance(bare, Enum):
        return 4 if bare.type == type_.name else -1
    if isinstance(bare, str):
        return 3 if type_.name in ("string", "string_view", "char") else -1
    if type(value).__name__ == type_.name:
        return 5
    if isinstance(value, (Lambda, FuncRef)):
        return 2 if type_.name == "function" else 0
    if type_.name in CONSTRUCTORS or type_.decl is not None or type_.name in SEQUENCES:
        return 0 if type_.name in _CONVERTIBLE.get(type(value).__name__, ()) else -1
    return 0


def _list_fits(interp: Classes, value: InitList, type_: Type) -> int:
    """A braced list fits a sequence when each item fits its element, a class when each item fits its member."""
    if not value.items:
        return 1
    if type_.name in SEQUENCES:
        elem = type_.args[0] if type_.args and isinstance(type_.args[0], Type) else AUTO
        points = [fits(interp, item, elem) for item in value.items]
        return -1 if min(points) < 0 or value.names is not None else 3
    if isinstance(type_.decl, StructDef):
        fields = interp.fields(type_.decl)
        if value.names is not None:
            return 3 if set(value.names) <= set(fields) else -1
        if len(value.items) > len(fields) and not interp.methods(type_.decl, type_.decl.name):
            return -1
        types = [interp.field_type(f, {}, ()) for f in fields.values()]
        points = [fits(interp, item, kind) for item, kind in zip(value.items, types, strict=False)]
        return -1 if points and min(points) < 0 and not interp.methods(type_.decl, type_.decl.name) else 2
    if type_.scalar:
        return 1 if len(value.items) == 1 else -1
    return 1


_NOT_NUMBERS = SEQUENCES | {"tuple", "pair", "map", "unordered_map", "string", "string_view", "function", "variant"}
_CONVERTIBLE: dict[str, tuple[str, ...]] = {
    "CoreCoord": ("CoreRange", "CoreRangeSet"),
    "CoreRange": ("CoreRangeSet",),
    "Device": ("IDevice", "MeshDevice"),
    "MeshDevice": ("IDevice", "Device"),
}
