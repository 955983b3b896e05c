"""Core coordinates, ranges and sets, and the library functions that split work over them.

Facts: facts/device_model.md sections 1 and 9 (tt_metal/common/core_coord.cpp, tt_metal/common/work_split.cpp).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp import ops
from tt_cache_lint.interp.registry import Site, constructor, function, method
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import (
    Enum,
    Implausible,
    InitList,
    Mark,
    Obj,
    Opaque,
    Opt,
    Ptr,
    Ref,
    Thrown,
    Unknown,
    Val,
    Value,
    Vec,
    empty,
    key_of,
    mask,
    plain,
)

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

XY = tuple[int, int]
MAX_CORES = 600


class _Member(Ref):
    __slots__ = ("name", "owner")

    def __init__(self, owner: CoreCoord, name: str) -> None:
        self.owner = owner
        self.name = name

    def get(self) -> Value:
        return getattr(self.owner, self.name)

    def set(self, value: Value, mark: Mark | None = None) -> None:
        setattr(self.owner, self.name, value)


class CoreCoord(Obj):
    """tt_xy_pair; x and y are values with an origin."""

    __slots__ = ("x", "y")

    def __init__(self, x: Value, y: Value) -> None:
        self.x = x
        self.y = y

    def copy(self) -> CoreCoord:
        return CoreCoord(self.x, self.y)

    def assign(self, other: Value) -> bool:
        if isinstance(other, CoreCoord):
            self.x, self.y = other.x, other.y
            return True
        if isinstance(other, (InitList, Vec)) and len(other.items) == 2:
            self.x, self.y = other.items
            return True
        return False

    @property
    def xy(self) -> XY:
        x, y = self.x, self.y
        if type(x) is int and type(y) is int:
            return (x, y)
        x, y = plain(x), plain(y)
        if isinstance(x, int) and isinstance(y, int):
            return (x, y)
        raise Implausible("a core without numbers")

    def identity(self) -> object:
        return (plain(self.x), plain(self.y))

    def mask(self) -> int:
        return mask(self.x) | mask(self.y)

    def member(self, m: Machine, name: str) -> Value:
        return getattr(self, name) if name in ("x", "y") else NotImplemented

    def member_ref(self, m: Machine, name: str) -> Value:
        return _Member(self, name) if name in ("x", "y") else NotImplemented

    def components(self) -> list[Value]:
        return [_Member(self, "x"), _Member(self, "y")]

    def arithmetic(self, m: Machine, op: str, a: Value, b: Value, other: Value) -> Value:
        """Element-wise + and -."""
        if isinstance(a, CoreCoord) and isinstance(b, CoreCoord):
            return CoreCoord(ops.binary(m, op, a.x, b.x), ops.binary(m, op, a.y, b.y))
        return Unknown(f"({key_of(a)} {op} {key_of(b)})")

    def __repr__(self) -> str:
        return f"({plain(self.x)},{plain(self.y)})"


class CoreRange(Obj):
    """A rectangle of cores, both ends included."""

    __slots__ = ("end", "p", "start")

    def __init__(self, start: CoreCoord, end: CoreCoord) -> None:
        self.start = start
        self.end = end

    def copy(self) -> CoreRange:
        return CoreRange(self.start.copy(), self.end.copy())

    def assign(self, other: Value) -> bool:
        if isinstance(other, CoreRange):
            self.start, self.end = other.start.copy(), other.end.copy()
            return True
        return False

    def box(self) -> tuple[int, int, int, int]:
        (x0, y0), (x1, y1) = self.start.xy, self.end.xy
        if x1 < x0 or y1 < y0 or x0 < 0 or y0 < 0:
            raise Implausible("a core range that ends before it starts")
        if (x1 - x0 + 1) * (y1 - y0 + 1) > MAX_CORES:
            raise Implausible("a core range of absurd size")
        return x0, y0, x1, y1

    def xys(self) -> list[XY]:
        """The cores, x inside y (core_coord.hpp:71-90)."""
        x0, y0, x1, y1 = self.box()
        return [(x, y) for y in range(y0, y1 + 1) for x in range(x0, x1 + 1)]

    def mask(self) -> int:
        return self.start.mask() | self.end.mask()

    def identity(self) -> object:
        return (self.start.identity(), self.end.identity())

    def member(self, m: Machine, name: str) -> Value:
        return {"start_coord": self.start, "end_coord": self.end, "start": self.start, "end": self.end}.get(
            name, NotImplemented
        )

    def elements(self) -> list[Value]:
        return coords(self.xys(), self.mask())

    def length(self) -> int:
        return len(self.xys())

    def item_ref(self, at: int) -> Value:
        found = self.xys()
        if not 0 <= at < len(found):
            raise Implausible("dereference of an end iterator")
        return coords(found[at : at + 1], self.mask())[0]

    def components(self) -> list[Value]:
        return [self.start, self.end]

    def __repr__(self) -> str:
        return f"[{self.start}-{self.end}]"


class CoreRangeSet(Obj):
    """Disjoint ranges in the order given."""

    __slots__ = ("ranges",)

    def __init__(self, ranges: list[CoreRange]) -> None:
        self.ranges = ranges

    def copy(self) -> CoreRangeSet:
        return CoreRangeSet([r.copy() for r in self.ranges])

    def assign(self, other: Value) -> bool:
        if isinstance(other, CoreRangeSet):
            self.ranges = [r.copy() for r in other.ranges]
            return True
        return False

    def xys(self) -> list[XY]:
        found: list[XY] = []
        for item in self.ranges:
            found.extend(item.xys())
        if len(found) > MAX_CORES:
            raise Implausible("a core set of absurd size")
        return found

    def mask(self) -> int:
        p = 0
        for item in self.ranges:
            p |= item.mask()
        return p

    def identity(self) -> object:
        return tuple(r.identity() for r in self.ranges)

    def elements(self) -> list[Value]:
        return list(self.ranges)

    def __repr__(self) -> str:
        return f"{{{', '.join(map(repr, self.ranges))}}}"


def number_with(value: int, p: int) -> Value:
    return Val(value, p) if p else value


def coords(xys: Iterable[XY], p: int = 0) -> list[Value]:
    """Core coordinates as values."""
    if p:
        return [CoreCoord(Val(x, p), Val(y, p)) for x, y in xys]
    return [CoreCoord(x, y) for x, y in xys]


def core_vector(xys: Iterable[XY], p: int = 0) -> Vec:
    vector = Vec(coords(xys, p))
    vector.elem = Type("CoreCoord")
    return vector


def rectangle(x0: int, y0: int, x1: int, y1: int, p: int = 0) -> CoreRange:
    return CoreRange(
        CoreCoord(number_with(x0, p), number_with(y0, p)), CoreCoord(number_with(x1, p), number_with(y1, p))
    )


def to_coord(m: Machine, value: Value) -> CoreCoord:
    """Anything that converts to a CoreCoord."""
    if isinstance(value, Ref):
        value = value.get()
    if isinstance(value, Opt):
        value = value.v
    if isinstance(value, CoreCoord):
        return value
    if isinstance(value, (InitList, Vec)) and len(value.items) == 2:
        return CoreCoord(ops.convert(m, value.items[0], "size_t"), ops.convert(m, value.items[1], "size_t"))
    if isinstance(value, CoreRange):
        return value.start
    if isinstance(value, Unknown):
        return CoreCoord(m.unknown_number(f"{value.key}.x", value.p), m.unknown_number(f"{value.key}.y", value.p))
    raise Implausible("this is no core")


def to_range(m: Machine, value: Value) -> CoreRange:
    if isinstance(value, CoreRange):
        return value
    if isinstance(value, (InitList, Vec)) and len(value.items) == 2 and not isinstance(plain(value.items[0]), int):
        return CoreRange(to_coord(m, value.items[0]).copy(), to_coord(m, value.items[1]).copy())
    core = to_coord(m, value)
    return CoreRange(core.copy(), core.copy())


def to_set(m: Machine, value: Value) -> CoreRangeSet:
    """Anything that names cores: a coordinate, a range, a set, a vector of any of them."""
    if isinstance(value, Opt):
        value = value.v
    if isinstance(value, CoreRangeSet):
        return value
    if isinstance(value, (CoreCoord, CoreRange)):
        return CoreRangeSet([to_range(m, value)])
    if isinstance(value, (InitList, Vec)):
        if len(value.items) == 2 and all(isinstance(plain(i), int) or _is_point(i) for i in value.items):
            return CoreRangeSet([to_range(m, value)])
        if len(value.items) == 1 and isinstance(value.items[0], CoreRangeSet):
            return value.items[0]
        hidden = next((i for i in value.items if isinstance(i, Opaque)), None)
        if hidden is not None:
            return to_set(m, Unknown(hidden.key))
        return CoreRangeSet([to_range(m, item) for item in value.items])
    if isinstance(value, Unknown):
        count = m.unknown_number(f"cores of {value.key}", value.p)
        return CoreRangeSet([rectangle(0, 0, 0, max(0, min(plain(count), 6) - 1), count.p)])
    if empty(value):
        return CoreRangeSet([])
    raise Implausible("this is no core set")


def _is_point(value: Value) -> bool:
    """`{x, y}`: two of them in braces make one CoreRange, not two ranges of one core."""
    return isinstance(value, InitList) and len(value.items) == 2 and all(isinstance(plain(i), int) for i in value.items)


def merged(xys: Iterable[XY], p: int = 0) -> CoreRangeSet:
    """The cores as maximal vertical runs; the order is by column."""
    ranges: list[CoreRange] = []
    for x, y in sorted(set(xys)):
        if ranges:
            x0, _, x1, y1 = ranges[-1].box()
            if x0 == x1 == x and y1 == y - 1:
                ranges[-1].end = CoreCoord(number_with(x, p), number_with(y, p))
                continue
        ranges.append(rectangle(x, y, x, y, p))
    return CoreRangeSet(_joined(ranges, p))


def _joined(ranges: list[CoreRange], p: int) -> list[CoreRange]:
    result: list[CoreRange] = []
    for item in ranges:
        if result:
            x0, y0, x1, y1 = result[-1].box()
            a0, b0, a1, b1 = item.box()
            if (b0, b1) == (y0, y1) and a0 == x1 + 1:
                result[-1] = rectangle(x0, y0, a1, y1, p)
                continue
        result.append(item)
    return result


@constructor("CoreCoord", "tt_xy_pair")
def make_coord(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    if not args:
        return CoreCoord(0, 0)
    if len(args) == 1:
        only = args[0]
        if isinstance(only, InitList) and only.names:
            parts = dict(zip(only.names, only.items, strict=False))
            return CoreCoord(parts.get("x", 0), parts.get("y", 0))
        return to_coord(m, only).copy()
    return CoreCoord(ops.convert(m, args[0], "size_t"), ops.convert(m, args[1], "size_t"))


@constructor("CoreRange")
def make_range(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    if not args:
        return rectangle(0, 0, 0, 0)
    if len(args) == 1:
        return to_range(m, args[0]).copy()
    made = CoreRange(to_coord(m, args[0]).copy(), to_coord(m, args[1]).copy())
    (x0, y0), (x1, y1) = made.start.xy, made.end.xy
    if x1 < x0 or y1 < y0:
        raise Thrown("a core range that ends before it starts", made.mask())
    return made


@constructor("CoreRangeSet")
def make_set(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    if not args:
        return CoreRangeSet([])
    if len(args) == 2 and not isinstance(args[0], CoreRange):
        return CoreRangeSet([to_range(m, InitList(args, [None, None], None, mark))])  # type: ignore[arg-type]
    if len(args) > 1:
        return CoreRangeSet([to_range(m, a).copy() for a in args])
    only = args[0]
    if isinstance(only, (InitList, Vec)) and len(only.items) == 1 and isinstance(only.items[0], (InitList, Vec)):
        only = only.items[0]
    if isinstance(only, (InitList, Vec)) and len(only.items) == 1 and isinstance(only.items[0], CoreRangeSet):
        only = only.items[0]
    return to_set(m, only).copy()


# -- methods ---------------------------------------------------------------------------------------------------------


@method(CoreRange, "size", "num_cores")
def range_size(m: Machine, site: Site, v: CoreRange) -> Value:
    return number_with(len(v.xys()), v.mask())


@method(CoreRange, "grid_size")
def range_grid(m: Machine, site: Site, v: CoreRange) -> Value:
    x0, y0, x1, y1 = v.box()
    p = v.mask()
    return CoreCoord(number_with(x1 - x0 + 1, p), number_with(y1 - y0 + 1, p))


@method(CoreRange, "contains", "contains_coord")
def range_contains(m: Machine, site: Site, v: CoreRange, other: Value) -> Value:
    return _contains(m, v, other)


@method(CoreRangeSet, "contains", "core_coord_in_core_ranges")
def set_contains(m: Machine, site: Site, v: CoreRangeSet, other: Value) -> Value:
    return _contains(m, v, other)


def _contains(m: Machine, v: CoreRange | CoreRangeSet, other: Value) -> Value:
    """Membership is plain: which core a loop is at is no path decision."""
    inner = to_set(m, other)
    return set(inner.xys()) <= set(v.xys())


@method(CoreRange, "intersects")
@method(CoreRangeSet, "intersects")
def set_intersects(m: Machine, site: Site, v: CoreRange | CoreRangeSet, other: Value) -> Value:
    return bool(set(to_set(m, other).xys()) & set(v.xys()))


@method(CoreRangeSet, "intersection")
def set_intersection(m: Machine, site: Site, v: CoreRangeSet, other: Value) -> Value:
    return merged(set(to_set(m, other).xys()) & set(v.xys()), v.mask() | mask(other))


@method(CoreRangeSet, "subtract")
def set_subtract(m: Machine, site: Site, v: CoreRangeSet, other: Value) -> Value:
    return merged(set(v.xys()) - set(to_set(m, other).xys()), v.mask() | mask(other))


@method(CoreRangeSet, "merge")
def set_merge(m: Machine, site: Site, v: CoreRangeSet, other: Value) -> Value:
    return merged([*v.xys(), *to_set(m, other).xys()], v.mask() | mask(other))


@method(CoreRangeSet, "merge_ranges")
def set_merge_ranges(m: Machine, site: Site, v: CoreRangeSet) -> Value:
    return merged(v.xys(), v.mask())


@method(CoreRange, "begin", "cbegin")
def range_begin(m: Machine, site: Site, v: CoreRange) -> Value:
    return Ptr(v, 0)


@method(CoreRange, "end", "cend")
def range_end(m: Machine, site: Site, v: CoreRange) -> Value:
    return Ptr(v, v.length())


@method(CoreRangeSet, "num_cores")
def set_num_cores(m: Machine, site: Site, v: CoreRangeSet) -> Value:
    return number_with(len(v.xys()), v.mask())


@method(CoreRangeSet, "size")
def set_size(m: Machine, site: Site, v: CoreRangeSet) -> Value:
    return number_with(len(v.ranges), v.mask())


@method(CoreRangeSet, "empty")
def set_empty(m: Machine, site: Site, v: CoreRangeSet) -> Value:
    return not v.ranges


@method(CoreRangeSet, "ranges")
def set_ranges(m: Machine, site: Site, v: CoreRangeSet) -> Value:
    vector = Vec(list(v.ranges))
    vector.elem = Type("CoreRange")
    return vector


@method(CoreRangeSet, "bounding_box")
def set_box(m: Machine, site: Site, v: CoreRangeSet) -> Value:
    xys = v.xys()
    if not xys:
        return rectangle(0, 0, 0, 0)
    xs, ys = [x for x, _ in xys], [y for _, y in xys]
    return rectangle(min(xs), min(ys), max(xs), max(ys), v.mask())


@method(CoreCoord, "str")
@method(CoreRange, "str")
@method(CoreRangeSet, "str")
def to_text(m: Machine, site: Site, v: Obj) -> Value:
    return repr(v)


# -- functions -------------------------------------------------------------------------------------------------------


def grid_order(count: int, gx: int, gy: int, row_wise: bool) -> list[XY]:
    """grid_to_cores (core_coord.cpp:491-510)."""
    if count and (gx <= 0 or gy <= 0):
        raise Implausible("an empty grid")
    if count > MAX_CORES:
        raise Implausible("a grid of absurd size")
    return [(i % gx, i // gx) if row_wise else (i // gy, i % gy) for i in range(count)]


def ordered_cores(box: tuple[int, int, int, int], row_wise: bool) -> list[XY]:
    """grid_to_cores(start, end): x outer by default, y outer when row-wise."""
    x0, y0, x1, y1 = box
    if row_wise:
        return [(x, y) for y in range(y0, y1 + 1) for x in range(x0, x1 + 1)]
    return [(x, y) for x in range(x0, x1 + 1) for y in range(y0, y1 + 1)]


def set_order(cores: CoreRangeSet, row_wise: bool) -> list[XY]:
    """corerange_to_cores: ranges as stored (core_coord.cpp:599)."""
    found: list[XY] = []
    for item in cores.ranges:
        found.extend(ordered_cores(item.box(), row_wise))
    return found


def _flag(m: Machine, args: list[Value], position: int) -> bool:
    return ops.truth(m, args[position]) if len(args) > position and not isinstance(args[position], Enum) else False


@function("grid_to_cores", arity=(2, 4))
def grid_to_cores(m: Machine, site: Site, args: list[Value]) -> Value:
    if isinstance(args[0], (CoreCoord, InitList)):
        start, end = to_coord(m, args[0]), to_coord(m, args[1])
        box = CoreRange(start, end).box()
        return core_vector(ordered_cores(box, _flag(m, args, 2)), start.mask() | end.mask())
    numbers = [ops.convert(m, ops.number(m, a), "uint32_t") for a in args[:3]]
    count, gx, gy = (plain(n) for n in numbers)
    p = mask(numbers[0]) | mask(numbers[1]) | mask(numbers[2])
    return core_vector(grid_order(count, gx, gy, _flag(m, args, 3)), p)


@function("grid_to_cores_with_noop", arity=(3, 6))
def grid_to_cores_with_noop(m: Machine, site: Site, args: list[Value]) -> Value:
    """The used cores first, then the rest of the grid (core_coord.cpp: grid_to_cores_with_noop)."""
    if len(args) == 3:
        used, everything = to_set(m, args[0]), to_set(m, args[1])
        rows = _flag(m, args, 2)
        first = set_order(used, rows)
        others = [c for c in set_order(everything, rows) if c not in set(first)]
        return core_vector([*first, *others], used.mask() | everything.mask())
    bx, by, gx, gy = (plain(ops.number(m, a)) for a in args[:4])
    row_wise = _flag(m, args, 4)
    box = (0, 0, bx, by)
    inside = ordered_cores(box, row_wise)
    rest = [c for c in ordered_cores((0, 0, gx - 1, gy - 1), row_wise) if c not in set(inside)]
    return core_vector([*inside, *rest])


@function("corerange_to_cores", arity=(1, 3))
def corerange_to_cores(m: Machine, site: Site, args: list[Value]) -> Value:
    cores = to_set(m, args[0])
    found = set_order(cores, _flag(m, args, 2))
    given = len(args) > 1 and not empty(args[1]) and not (isinstance(args[1], InitList) and not args[1].items)
    if given:
        limit = plain(ops.number(m, args[1]))
        found = found[:limit] if limit >= 0 else found
    return core_vector(found, cores.mask())


def split(m: Machine, xys: list[XY], units: Value, p: int) -> Value:
    """split_work_to_cores (work_split.cpp:337-400), given the cores in order."""
    count = plain(ops.convert(m, ops.number(m, units), "uint32_t"))
    if not isinstance(count, int) or count < 0:
        raise Implausible("no amount of work")
    p |= mask(units)
    total = len(xys)
    none = CoreRangeSet([])
    if count == 0 or total == 0:
        items: list[Value] = [0, none, none.copy(), none.copy(), 0, 0]
    elif count <= total:
        used = _set_of(xys[:count], p)
        items = [count, used, used.copy(), none, 1, 0]
    else:
        more = count % total
        each = count // total
        everything = _set_of(xys, p)
        if more == 0:
            items = [total, everything, everything.copy(), none, each, 0]
        else:
            items = [total, everything, _set_of(xys[:more], p), _set_of(xys[more:], p), each + 1, each]
    return Vec([number_with(i, p) if isinstance(i, int) else i for i in items], "tuple")


def _set_of(xys: list[XY], p: int) -> CoreRangeSet:
    """A set that iterates in the given column- or row-major order, as maximal runs of it."""
    ranges: list[CoreRange] = []
    start = 0
    while start < len(xys):
        x, y = xys[start]
        end = start
        while end + 1 < len(xys):
            nx, ny = xys[end + 1]
            px, py = xys[end]
            step = (nx - px, ny - py)
            first = (xys[start + 1][0] - x, xys[start + 1][1] - y)
            if step != first or step not in ((0, 1), (1, 0)):
                break
            end += 1
        ranges.append(rectangle(x, y, *xys[end], p))
        start = end + 1
    return CoreRangeSet(_stacked(ranges, p))


def _stacked(ranges: list[CoreRange], p: int) -> list[CoreRange]:
    result: list[CoreRange] = []
    for item in ranges:
        if result:
            x0, y0, x1, y1 = result[-1].box()
            a0, b0, a1, b1 = item.box()
            if (b0, b1) == (y0, y1) and a0 == x1 + 1 and y0 != y1:
                result[-1] = rectangle(x0, y0, a1, y1, p)
                continue
            if (a0, a1) == (x0, x1) and b0 == y1 + 1 and x0 != x1:
                result[-1] = rectangle(x0, y0, x1, b1, p)
                continue
        result.append(item)
    return result


@function("split_work_to_cores", arity=(2, 3))
def split_work_to_cores(m: Machine, site: Site, args: list[Value]) -> Value:
    row_wise = _flag(m, args, 2)
    grid = args[0]
    if isinstance(grid, CoreRangeSet):
        return split(m, set_order(grid, row_wise), args[1], grid.mask())
    if isinstance(grid, CoreRange):
        return split(m, ordered_cores(grid.box(), row_wise), args[1], grid.mask())
    size = to_coord(m, grid)
    gx, gy = size.xy
    return split(m, grid_order(gx * gy, gx, gy, row_wise), args[1], size.mask())


@function("split_work_to_cores_even_multiples", arity=(3, 4))
def split_even_multiples(m: Machine, site: Site, args: list[Value]) -> Value:
    """(units of each core, cores): whole multiples are dealt out in turn (work_split.cpp:314-335)."""
    size = to_coord(m, args[0])
    gx, gy = size.xy
    units, multiple = (plain(ops.convert(m, ops.number(m, a), "uint32_t")) for a in args[1:3])
    if not isinstance(units, int) or not isinstance(multiple, int) or multiple < 1 or units < multiple:
        raise Implausible("no amount of work")
    p = size.mask() | mask(args[1]) | mask(args[2])
    count = min(units // multiple, gx * gy)
    shares = [0] * count
    for turn in range(-(-units // multiple)):
        shares[turn % count] += min(multiple, units - turn * multiple)
    used = _set_of(grid_order(count, gx, gy, _flag(m, args, 3)), p)
    return Vec([Vec([number_with(s, p) for s in shares]), used], "tuple")


@function("num_cores_to_corerangeset", "num_cores_to_corerange_set", arity=(2, 3))
def num_cores_to_set(m: Machine, site: Site, args: list[Value]) -> Value:
    count = plain(ops.convert(m, ops.number(m, args[0]), "uint32_t"))
    row_wise = _flag(m, args, 2)
    if isinstance(args[1], CoreRangeSet):
        xys, p = set_order(args[1], row_wise), args[1].mask()
    else:
        size = to_coord(m, args[1])
        gx, gy = size.xy
        xys, p = grid_order(gx * gy, gx, gy, row_wise), size.mask()
    if count > len(xys):
        raise Thrown("more cores than the grid has", p | mask(args[0]))
    return _set_of(xys[:count], p | mask(args[0]))


@function("num_cores_to_corerangeset_in_subcoregrids", arity=(3, 4))
def num_cores_in_subgrids(m: Machine, site: Site, args: list[Value]) -> Value:
    """From a start core on, through the ranges of a set (work_split.cpp)."""
    start = to_coord(m, args[0]).xy
    count = plain(ops.number(m, args[1]))
    cores = to_set(m, args[2])
    xys = set_order(cores, _flag(m, args, 3))
    first = xys.index(start) if start in xys else 0
    if first + count > len(xys):
        raise Thrown("more cores than the sub-grids have", cores.mask() | mask(args[1]))
    return _set_of(xys[first : first + count], cores.mask() | mask(args[1]))


@function("select_contiguous_range_from_corerangeset", "select_from_corerangeset", arity=(3, 4))
def select_from_set(m: Machine, site: Site, args: list[Value]) -> Value:
    cores = to_set(m, args[0])
    first, last = plain(ops.number(m, args[1])), plain(ops.number(m, args[2]))
    xys = set_order(cores, _flag(m, args, 3))
    return _set_of(xys[first : last + 1], cores.mask())


def cores_of(m: Machine, value: Value) -> list[XY]:
    """The cores a CoreSpec names."""
    if isinstance(value, CoreCoord):
        return [value.xy]
    return to_set(m, value).xys()


def describe(xys: Iterable[XY]) -> str:
    """Cores in words: `(0,0)-(3,2)`, `(0,0), (1,0)`, ..."""
    ranges = merged(xys).ranges
    parts = []
    for item in ranges[:4]:
        x0, y0, x1, y1 = item.box()
        parts.append(f"({x0},{y0})" if (x0, y0) == (x1, y1) else f"({x0},{y0})-({x1},{y1})")
    return ", ".join(parts) + (", ..." if len(ranges) > 4 else "")


__all__ = ["Any", "CoreCoord", "CoreRange", "CoreRangeSet", "cores_of", "describe", "to_coord", "to_set"]
