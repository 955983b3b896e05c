"""How much memory a type takes: the sizes and alignments of the Itanium C++ ABI on x86-64 and RISC-V."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tt_cache_lint.interp import build, ops
from tt_cache_lint.interp.types import Type
from tt_cache_lint.source.declarators import peel
from tt_cache_lint.source.defs import EnumDef, FieldDef, StructDef

if TYPE_CHECKING:
    from typing import Any

    from tt_cache_lint.interp.classes import Classes

POINTER = 8
FLOATS = {"float": 4, "double": 8, "bfloat16": 2}
DEEP = 8  # classes in classes


class Size(NamedTuple):
    """In bytes."""

    bytes: int
    align: int


def scalar_size(type_: Type) -> int:
    """The bytes of a number, 0 for other types."""
    if type_.name in FLOATS:
        return FLOATS[type_.name]
    return 1 if type_.scalar == "bool" else ops.INTEGERS.get(type_.scalar, (0, False))[0] // 8


def size_of(interp: Classes, type_: Type, depth: int = 0) -> Size | None:
    """The size of a type, None where it is not known of any part of it."""
    if type_.ptr or type_.name == "nullptr_t":
        return Size(POINTER, POINTER)
    number = scalar_size(type_)
    if number:
        return Size(number, number)
    if isinstance(type_.decl, EnumDef):
        base = type_.decl.node.child_by_field_name("base")
        place = interp.scoping(type_.decl.file, type_.decl.scope)
        return size_of(interp, place.type(base), depth + 1) if base is not None else Size(4, 4)
    if type_.name == "array" and len(type_.args) == 2:
        item, count = type_.args
        return _many(size_of(interp, item, depth + 1), count) if isinstance(item, Type) and type(count) is int else None
    if isinstance(type_.decl, StructDef) and depth < DEEP:
        return _class_size(interp, type_.decl, build.template_arguments(type_.decl, type_.args), depth)
    return None


def _class_size(interp: Classes, decl: StructDef, templates: dict[str, Any], depth: int) -> Size | None:
    if b"virtual" in decl.file.text[decl.node.start_byte : decl.node.end_byte]:
        return None
    around = interp.scoping(decl.file, decl.scope, templates)
    parts: list[Size | None] = []
    for base in decl.bases:
        parent = around.type(base)
        inherited = size_of(interp, parent, depth + 1)
        if not isinstance(parent.decl, StructDef) or interp.fields(parent.decl):  # an empty base takes no room
            parts.append(inherited)
    parts += [_field_size(interp, field, templates, depth) for field in decl.fields if not field.is_static]
    end, align = 0, 1
    for part in parts:
        if part is None:
            return None
        align = max(align, part.align)
        start = 0 if decl.kind == "union" else -(-end // part.align) * part.align
        end = max(end, start + part.bytes)
    return Size(max(-(-end // align) * align, 1), align)


def _field_size(interp: Classes, field: FieldDef, templates: dict[str, Any], depth: int) -> Size | None:
    if field.is_pointer or field.is_ref:
        return Size(POINTER, POINTER)
    if any(child.type == "bitfield_clause" for child in field.node.named_children):
        return None
    type_ = interp.field_type(field, templates, None)
    if not type_.array:
        return size_of(interp, type_, depth + 1)
    place, array = interp.place_of_field(field, templates), peel(field.declarator).array
    length = array.child_by_field_name("size") if array is not None else None
    count = place.constant(length) if length is not None else None
    return _many(size_of(interp, place.type(field.type), depth + 1), count) if count is not None else None


def _many(element: Size | None, count: int) -> Size | None:
    return Size(element.bytes * count, element.align) if element is not None else None
