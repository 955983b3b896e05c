"""Shapes before 2024-11: padded dimensions with a padding beside them (tt_eager/tensor/types.hpp in mid 2024)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.tensor_make import construct_shape
from tt_cache_lint.device.tensor_spec import make_shape, round_up
from tt_cache_lint.interp import ops
from tt_cache_lint.interp.registry import CONSTRUCTORS, Site, constructor, member, method
from tt_cache_lint.interp.types import SCALARS, Type
from tt_cache_lint.interp.values import NOWHERE, InitList, Mark, Struct, Val, Value, Vec, copied, plain

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

TILE = 32


class OldShape(Vec):
    """Padded dimensions that know the logical ones."""

    __slots__ = ("logical",)

    def __init__(self, padded: list[Value], logical: list[Value]) -> None:
        super().__init__(padded, "Shape")
        self.elem = SCALARS["uint32_t"]
        self.logical = logical

    def copy(self) -> OldShape:
        return OldShape(list(self.items), list(self.logical))


def without_padding(shape: Vec) -> list[Value]:
    """The logical dimensions behind padded ones."""
    if isinstance(shape, OldShape) and len(shape.logical) == len(shape.items):
        return list(shape.logical)
    return [_before_rounding(item) for item in shape.items]


def _before_rounding(item: Value) -> Value:
    term = item.t if isinstance(item, Val) else None
    return term[1] if isinstance(term, tuple) and term[0] == "roundup" else item


def pad(front: Value, back: Value) -> Struct:
    """Padding::PadDimension."""
    made = Struct(None, "PadDimension")
    made.fields.update(front=front, back=back)
    return made


def to_pad(value: Value) -> Value:
    if isinstance(value, Struct):
        return value.copy()
    if isinstance(value, InitList) and value.names:
        given = dict(zip(value.names, value.items, strict=False))
        return pad(given.get("front", 0), given.get("back", 0))
    if isinstance(value, (InitList, Vec)) and len(value.items) == 2:
        return pad(*value.items)
    return pad(0, 0) if isinstance(value, InitList) else value


@constructor("PadDimension")
def construct_pad(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    if len(args) == 1:
        return to_pad(args[0])
    return pad(args[0], args[1]) if len(args) == 2 else pad(0, 0)


@constructor("Padding")
def construct_padding(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    """Padding(rank) or Padding(dimensions, value)."""
    first = args[0] if args else 0
    if isinstance(first, Vec) and first.kind == "Padding":
        return first.copy()
    if isinstance(first, InitList) and len(args) == 1 and len(first.items) == 2:
        first = first.items[0]
    if isinstance(first, (Vec, InitList)):
        return Vec([to_pad(item) for item in first.items], "Padding")
    rank = plain(ops.number(m, first))
    return Vec([pad(0, 0) for _ in range(min(max(int(rank), 0), 8))], "Padding")


def construct_padded(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    """Shape(dimensions, Padding), Shape(logical, padded), or what a shape has always been made of."""
    if len(args) == 1 and isinstance(args[0], OldShape):
        return args[0].copy()
    if len(args) == 1 and isinstance(args[0], InitList) and _is_pair(args[0].items):
        args = list(args[0].items)
    if not _is_pair(args):
        return construct_shape(m, type_, args, mark)
    first, second = args
    if second.kind == "Padding" if isinstance(second, Vec) else _of_pairs(second):
        pads = construct_padding(m, Type("Padding"), [second], mark)
        assert isinstance(pads, Vec)
        dims = [copied(item) for item in first.items]
        unpadded = [_less(m, dim, by) for dim, by in zip(dims, pads.items, strict=False)]
        return OldShape(dims, unpadded if len(unpadded) == len(dims) else dims)
    return OldShape([copied(i) for i in second.items], [copied(i) for i in first.items])


def _is_pair(args: list[Value]) -> bool:
    return len(args) == 2 and all(isinstance(a, (Vec, InitList)) for a in args)


def _of_pairs(value: InitList) -> bool:
    return any(isinstance(item, (InitList, Struct)) for item in value.items)


def _less(m: Machine, dim: Value, by: Value) -> Value:
    if not isinstance(by, Struct):
        return dim
    found = ops.binary(m, "-", ops.binary(m, "-", dim, by.get("front")), by.get("back"))
    return found if isinstance(plain(found), int) and plain(found) >= 0 else dim


for name in ("Shape", "SimpleShape", "LegacyShape"):
    CONSTRUCTORS[name] = construct_padded


@method(Vec, "without_padding")
def shape_without_padding(m: Machine, site: Site, v: Vec) -> Value:
    return make_shape(without_padding(v))


@method(Vec, "logical_shape")
def shape_logical(m: Machine, site: Site, v: Vec) -> Value:
    return make_shape(without_padding(v))


@method(Vec, "padded_shape")
def shape_padded(m: Machine, site: Site, v: Vec) -> Value:
    return shape_with_padding(m, site, v)


@method(Vec, "padding")
def shape_padding(m: Machine, site: Site, v: Vec) -> Value:
    logical = without_padding(v)
    return Vec([pad(0, ops.binary(m, "-", a, b)) for a, b in zip(v.items, logical, strict=True)], "Padding")


@method(Vec, "with_tile_padding")
def shape_with_padding(m: Machine, site: Site, v: Vec) -> Vec:
    """The padded dimensions; of plain ones those that tiles ask for."""
    if isinstance(v, OldShape):
        return make_shape(list(v.items))
    dims = list(v.items)
    for back in (1, 2):
        if len(dims) >= back:
            dims[-back] = round_up(dims[-back], TILE)
    return make_shape(dims)


@member("Shape", "value")
def shape_value(m: Machine, v: Vec) -> Value:
    """ttnn::Shape::value of autumn 2024: the LegacyShape, with padded dimensions (ttnn/cpp/ttnn/tensor/types.hpp)."""
    padded = shape_with_padding(m, Site(NOWHERE, "value"), v)
    return OldShape(list(padded.items), without_padding(v) if isinstance(v, OldShape) else list(v.items))


@method(Vec, "pad_value")
def pad_value(m: Machine, site: Site, v: Vec) -> Value:
    return 0


@method(Vec, "get_normalized_index")
def normalized_index(m: Machine, site: Site, v: Vec, at: Value) -> Value:
    """A negative index counts from the end."""
    bare = plain(ops.number(m, at))
    return bare + len(v.items) if isinstance(bare, int) and bare < 0 else at
