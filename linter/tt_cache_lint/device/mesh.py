"""The mesh: coordinates, ranges, workloads, and the devices and fabric nodes that stand at a coordinate.

Semantics: tt_metal/api/tt-metalium/mesh_coord.hpp, mesh_workload.hpp, mesh_device.hpp and program_cache.hpp. A world
has one mesh; the workload is made for two of its coordinates, at different positions, so that what is per coordinate
shows.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from tt_cache_lint.device.tensor_spec import make_shape
from tt_cache_lint.interp import ops, solving
from tt_cache_lint.interp.interrupts import Implausible, Thrown
from tt_cache_lint.interp.refs import ItemRef
from tt_cache_lint.interp.registry import Site, constructor, function, method, method_ref
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import (
    InitList,
    Mark,
    Obj,
    Opt,
    Ptr,
    Ref,
    Unknown,
    Value,
    Vec,
    copied,
    identity,
    mask,
    plain,
)

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine
    from tt_cache_lint.interp.world import World

Coords = tuple[int, ...]
# (shape of the mesh, the coordinates that get a program): an end and a middle, two middles on two axes, the two ends.
# One is square, so that the same number of devices can be taken along either axis.
MESHES: tuple[tuple[Coords, tuple[Coords, Coords]], ...] = (
    ((1, 4), ((0, 0), (0, 1))),
    ((4, 4), ((0, 1), (1, 3))),
    ((1, 2), ((0, 0), (0, 1))),
    ((1, 4), ((0, 2), (0, 3))),
)
MAX_COORDINATES = 64
EXTENT = "mesh.shape["  # the beginning of the keys of the mesh's extents


def mesh_of(world: World) -> tuple[Coords, tuple[Coords, Coords]]:
    """The mesh of a world: its shape, and the coordinates of the workload. Raises Implausible when they do not fit."""
    shape, coords = MESHES[world.seed % len(MESHES)]
    asked = [world.given(f"{EXTENT}{axis}]") for axis in range(len(shape))]
    given = tuple(new if isinstance(new, int) else old for new, old in zip(asked, shape, strict=True))
    if given == shape:
        return shape, coords
    if prod(given) > MAX_COORDINATES or any(at >= most for c in coords for at, most in zip(c, given, strict=True)):
        raise Implausible("a mesh of another size")
    return given, coords


def extents(m: Machine) -> list[Value]:
    """The shape of the mesh. It is an input where a validator asks for it; elsewhere numbers, since what works on one
    mesh works on the others and would be tried for each."""
    shape = mesh_of(m.world)[0]
    if m.phase != "validate":
        return list(shape)
    return [m.world.fact(f"{EXTENT}{axis}]", (extent,), number=True) for axis, extent in enumerate(shape)]


def all_coords(shape: Coords) -> list[Coords]:
    """Every coordinate of a mesh, in row-major order."""
    found: list[Coords] = [()]
    for extent in shape:
        found = [(*head, i) for head in found for i in range(extent)]
    return found


class MeshCoordinate(Obj):
    """A position in the mesh."""

    __slots__ = ("values",)

    def __init__(self, values: list[Value]) -> None:
        self.values = Vec(values, "SmallVector")

    def copy(self) -> MeshCoordinate:
        return MeshCoordinate(list(self.values.items))

    def assign(self, other: Value) -> bool:
        if isinstance(other, MeshCoordinate):
            self.values = Vec(list(other.values.items), "SmallVector")
            return True
        return False

    @property
    def at(self) -> Coords:
        """The position in numbers."""
        found = tuple(plain(v) for v in self.values.items)
        if not all(isinstance(v, int) for v in found):
            raise Implausible("a mesh coordinate without numbers")
        return found

    def identity(self) -> object:
        return ("mesh", tuple(plain(v) for v in self.values.items))

    def mask(self) -> int:
        return mask(self.values)

    def index(self, m: Machine, at: Value) -> Value:
        found = self.index_ref(m, at)
        return found.get() if isinstance(found, Ref) else found

    def index_ref(self, m: Machine, at: Value) -> Value:
        return ItemRef(self.values, dimension(m, at, len(self.values.items)))

    def __repr__(self) -> str:
        return f"({', '.join(str(plain(v)) for v in self.values.items)})"


def dimension(m: Machine, at: Value, count: int) -> int:
    """The number of a dimension, which may be counted from the end. Raises Thrown when there is no such dimension."""
    given = ops.number(m, at)
    position = plain(given)
    if not isinstance(position, int):
        raise Implausible("a dimension without a number")
    if -count <= position < count:
        return position % count
    fits = ops.binary(m, "<", given, count)
    raise Thrown("a dimension that the mesh does not have", mask(given), tuple(solving.want(fits, True)))


class MeshCoordinateRange(Obj):
    """All coordinates between two, both included. A range of one coordinate is as good a key as the coordinate."""

    __slots__ = ("end", "start")

    def __init__(self, start: MeshCoordinate, end: MeshCoordinate) -> None:
        self.start = start
        self.end = end

    def copy(self) -> MeshCoordinateRange:
        return MeshCoordinateRange(self.start.copy(), self.end.copy())

    def assign(self, other: Value) -> bool:
        if isinstance(other, MeshCoordinateRange):
            self.start, self.end = other.start.copy(), other.end.copy()
            return True
        return False

    def coords(self) -> list[Coords]:
        """The coordinates, row-major."""
        found: list[Coords] = [()]
        for first, last in zip(self.start.at, self.end.at, strict=False):
            found = [(*head, i) for head in found for i in range(first, last + 1)]
            if len(found) > MAX_COORDINATES:
                raise Implausible("a mesh of absurd size")
        return found

    def elements(self) -> list[Value]:
        return [MeshCoordinate(list(c)) for c in self.coords()]

    def length(self) -> int:
        return len(self.coords())

    def item_ref(self, at: int) -> Value:
        found = self.coords()
        if not 0 <= at < len(found):
            raise Implausible("dereference of an end iterator")
        return MeshCoordinate(list(found[at]))

    def identity(self) -> object:
        start, end = self.start.identity(), self.end.identity()
        return start if start == end else ("mesh range", start, end)

    def mask(self) -> int:
        return self.start.mask() | self.end.mask()

    def __repr__(self) -> str:
        return repr(self.start) if self.start.identity() == self.end.identity() else f"{self.start}-{self.end}"


class MeshCoordinateRangeSet(Obj):
    """Disjoint ranges of coordinates."""

    __slots__ = ("ranges",)

    def __init__(self, ranges: list[Value]) -> None:
        self.ranges = Vec(ranges)

    def copy(self) -> MeshCoordinateRangeSet:
        return MeshCoordinateRangeSet([copied(r) for r in self.ranges.items])

    def assign(self, other: Value) -> bool:
        if isinstance(other, MeshCoordinateRangeSet):
            self.ranges = other.copy().ranges
            return True
        return False

    def coords(self) -> list[Coords]:
        """All coordinates, in lexicographical order."""
        return sorted({c for r in self.ranges.items if isinstance(r, MeshCoordinateRange) for c in r.coords()})

    def identity(self) -> object:
        return ("mesh ranges", tuple(self.coords()))


# -- coordinates -----------------------------------------------------------------------------------------------------


def coordinate(value: Value) -> MeshCoordinate | None:
    """A coordinate behind a reference or optional; None when it is not known."""
    if isinstance(value, Ref):
        value = value.get()
    if isinstance(value, Opt):
        value = value.v
    return value if isinstance(value, MeshCoordinate) else None


def coordinate_range(value: Value) -> MeshCoordinateRange | None:
    """A range, or the range of one coordinate."""
    if isinstance(value, Ref):
        value = value.get()
    if isinstance(value, MeshCoordinateRange):
        return value
    single = coordinate(value)
    return MeshCoordinateRange(single, single) if single is not None else None


@constructor("MeshCoordinate")
def construct_coordinate(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    if len(args) == 1:
        given = args[0].v if isinstance(args[0], Opt) else args[0]
        if isinstance(given, MeshCoordinate):
            return given
        if isinstance(given, (Vec, InitList)):
            return MeshCoordinate(list(given.items))
        if isinstance(given, Unknown):
            return given
    return MeshCoordinate([ops.number(m, a) for a in args])


@function("zero_coordinate", arity=(1, 1))
def zero_coordinate(m: Machine, site: Site, args: list[Value]) -> Value:
    count = plain(ops.number(m, args[0]))
    return MeshCoordinate([0] * (count if isinstance(count, int) and 0 <= count <= 8 else 0))


@method(MeshCoordinate, "coords")
def coordinate_values(m: Machine, site: Site, v: MeshCoordinate) -> Value:
    return v.values


@method(MeshCoordinate, "dims")
def coordinate_dims(m: Machine, site: Site, v: MeshCoordinate) -> Value:
    return len(v.values.items)


@method_ref(MeshCoordinate, "operator[]", "at")
def coordinate_at(m: Machine, site: Site, v: MeshCoordinate, at: Value) -> Value:
    return v.index_ref(m, at)


@method(MeshCoordinate, "to_linear_index")
def coordinate_linear(m: Machine, site: Site, v: MeshCoordinate, shape: Value) -> Value:
    found: Value = 0
    for extent, position in zip(shape_items(shape), v.values.items, strict=False):
        found = ops.binary(m, "+", ops.binary(m, "*", found, extent), position)
    return found


def shape_items(shape: Value) -> list[Value]:
    """The extents of a mesh shape."""
    if isinstance(shape, Ref):
        shape = shape.get()
    return list(shape.items) if isinstance(shape, (Vec, InitList)) else []


@method(MeshCoordinate, "get_neighbor")
def coordinate_neighbor(
    m: Machine, site: Site, v: MeshCoordinate, shape: Value, offset: Value, dim: Value, mode: Value = None
) -> Value:
    """The neighbour along a dimension; outside of the mesh: wrapped (the default), clamped or none."""
    step = plain(ops.number(m, offset))
    at, extents = list(v.at), [plain(e) for e in shape_items(shape)]
    position = dimension(m, dim, len(at))
    if not isinstance(step, int) or len(extents) != len(at):
        return Unknown(f"neighbor of {v!r}")
    extent = extents[position]
    moved = at[position] + step
    name = getattr(plain(mode), "name", "WRAP")
    if not 0 <= moved < extent:
        if name == "NONE":
            return None
        moved = max(0, min(moved, extent - 1)) if name == "CLAMP" else moved % extent
    at[position] = moved
    return Opt(MeshCoordinate(list(at)))


@constructor("MeshShape")
def construct_mesh_shape(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    given = args[0].items if len(args) == 1 and isinstance(args[0], (Vec, InitList)) else args
    return make_shape([ops.number(m, a) for a in given])


@method(Vec, "mesh_size")
def mesh_size(m: Machine, site: Site, v: Vec) -> Value:
    found: Value = 1
    for item in v.items:
        found = ops.binary(m, "*", found, item)
    return found


@method(Vec, "dims")
def mesh_dims(m: Machine, site: Site, v: Vec) -> Value:
    return len(v.items)


@method(Vec, "is_line_topology")
def mesh_is_line(m: Machine, site: Site, v: Vec) -> Value:
    return sum(plain(i) != 1 for i in v.items) <= 1


# -- ranges ----------------------------------------------------------------------------------------------------------


@constructor("MeshCoordinateRange")
def construct_range(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    if not args:
        return MeshCoordinateRange(MeshCoordinate([]), MeshCoordinate([]))
    if isinstance(args[0], Vec):  # a mesh shape: all of it
        shape = [plain(i) for i in args[0].items]
        return MeshCoordinateRange(MeshCoordinate([0] * len(shape)), MeshCoordinate([s - 1 for s in shape]))
    first = coordinate_range(args[0])
    last = coordinate(args[1]) if len(args) > 1 else None
    if first is None or (len(args) > 1 and last is None):
        return Unknown(f"mesh range of {', '.join(str(identity(a)) for a in args)}")
    return MeshCoordinateRange(first.start, last if last is not None else first.end)


@method(MeshCoordinateRange, "start_coord")
def range_start(m: Machine, site: Site, v: MeshCoordinateRange) -> Value:
    return v.start


@method(MeshCoordinateRange, "end_coord")
def range_end(m: Machine, site: Site, v: MeshCoordinateRange) -> Value:
    return v.end


@method(MeshCoordinateRange, "dims")
def range_dims(m: Machine, site: Site, v: MeshCoordinateRange) -> Value:
    return len(v.start.values.items)


@method(MeshCoordinateRange, "shape")
def range_shape(m: Machine, site: Site, v: MeshCoordinateRange) -> Value:
    return make_shape([b - a + 1 for a, b in zip(v.start.at, v.end.at, strict=False)])


@method(MeshCoordinateRange, "contains")
def range_contains(m: Machine, site: Site, v: MeshCoordinateRange, other: Value) -> Value:
    asked = coordinate_range(other)
    return set(asked.coords()) <= set(v.coords()) if asked is not None else Unknown("contains", mask(other))


@method(MeshCoordinateRange, "intersects")
def range_intersects(m: Machine, site: Site, v: MeshCoordinateRange, other: Value) -> Value:
    asked = coordinate_range(other)
    return bool(set(asked.coords()) & set(v.coords())) if asked is not None else Unknown("intersects", mask(other))


@method(MeshCoordinateRange, "intersection")
def range_intersection(m: Machine, site: Site, v: MeshCoordinateRange, other: Value) -> Value:
    asked = coordinate_range(other)
    if asked is None:
        return Unknown("intersection", mask(other))
    start = [max(pair) for pair in zip(v.start.at, asked.start.at, strict=False)]
    end = [min(pair) for pair in zip(v.end.at, asked.end.at, strict=False)]
    if any(a > b for a, b in zip(start, end, strict=True)):
        return None
    return Opt(MeshCoordinateRange(MeshCoordinate([*start]), MeshCoordinate([*end])))


@method(MeshCoordinateRange, "begin", "cbegin")
def range_begin(m: Machine, site: Site, v: MeshCoordinateRange) -> Value:
    return Ptr(v, 0)


@method(MeshCoordinateRange, "end", "cend")
def range_iterator_end(m: Machine, site: Site, v: MeshCoordinateRange) -> Value:
    return Ptr(v, v.length())


@constructor("MeshCoordinateRangeSet")
def construct_range_set(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    if args and isinstance(args[0], MeshCoordinateRangeSet):
        return args[0]
    given = args[0].items if len(args) == 1 and isinstance(args[0], (Vec, InitList)) else args
    return MeshCoordinateRangeSet([r for r in map(coordinate_range, given) if r is not None])


@method(MeshCoordinateRangeSet, "coords")
def set_coords(m: Machine, site: Site, v: MeshCoordinateRangeSet) -> Value:
    return Vec([MeshCoordinate(list(c)) for c in v.coords()])


@method(MeshCoordinateRangeSet, "ranges")
def set_ranges(m: Machine, site: Site, v: MeshCoordinateRangeSet) -> Value:
    return v.ranges


@method(MeshCoordinateRangeSet, "size")
def set_size(m: Machine, site: Site, v: MeshCoordinateRangeSet) -> Value:
    return len(v.ranges.items)


@method(MeshCoordinateRangeSet, "empty")
def set_empty(m: Machine, site: Site, v: MeshCoordinateRangeSet) -> Value:
    return not v.ranges.items


@method(MeshCoordinateRangeSet, "merge")
def set_merge(m: Machine, site: Site, v: MeshCoordinateRangeSet, other: Value) -> None:
    merged = coordinate_range(other)
    if merged is not None and not set(merged.coords()) <= set(v.coords()):
        v.ranges.push(merged.copy(), site.mark)


# -- what a world gives -----------------------------------------------------------------------------------------------


def input_coordinate(world: World, key: str) -> MeshCoordinate:
    """A coordinate given as an attribute: one of those of the workload."""
    return MeshCoordinate(
        [
            world.fact(f"{key}[{i}]", (value,), number=True)
            for i, value in enumerate(mesh_of(world)[1][world.seed // len(MESHES) % 2])
        ]
    )


def workload_coords(world: World) -> MeshCoordinateRangeSet:
    """What create_mesh_workload is given: the coordinates that get a program, as one range where they form one, since
    the framework merges them (ttnn/api/ttnn/device_operation.hpp:320-335). In a narrow world, the last of them."""
    coords = mesh_of(world)[1][-1:] if world.narrow else mesh_of(world)[1]
    start, end = (MeshCoordinate([pick(values) for values in zip(*coords, strict=True)]) for pick in (min, max))
    whole = MeshCoordinateRange(start, end)
    if whole.length() == len(coords):
        return MeshCoordinateRangeSet([whole])
    return MeshCoordinateRangeSet([MeshCoordinateRange(MeshCoordinate([*c]), MeshCoordinate([*c])) for c in coords])
