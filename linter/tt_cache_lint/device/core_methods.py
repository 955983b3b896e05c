"""What core ranges and sets of them answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.cores import CoreCoord, CoreRange, CoreRangeSet, merged, number_with, rectangle, to_set
from tt_cache_lint.interp import ops
from tt_cache_lint.interp.registry import Site, method
from tt_cache_lint.interp.values import (
    Obj,
    Ptr,
    Val,
    Value,
    mask,
    plain,
)

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine


# -- methods ---------------------------------------------------------------------------------------------------------


@method(CoreRange, "size", "num_cores")
def range_size(m: Machine, site: Site, v: CoreRange) -> Value:
    return count_of(m, [v])


def count_of(m: Machine, ranges: list[CoreRange]) -> Value:
    """How many cores there are in ranges; by their columns and rows if these are inputs."""
    found: Value = 0
    p = 0
    for item in ranges:
        p |= item.mask()
        sides = item.given()
        count = ops.binary(m, "*", *sides) if sides is not None else len(item.xys())
        found = ops.binary(m, "+", found, count) if found else count
    return found if isinstance(found, Val) else number_with(found, p)


@method(CoreRange, "grid_size")
def range_grid(m: Machine, site: Site, v: CoreRange) -> Value:
    sides = v.given()
    if sides is not None:
        return CoreCoord(*sides)
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
    one, two = to_set(m, v), to_set(m, other)
    if len(one.ranges) == len(two.ranges) == 1:
        apart = _apart(m, one.ranges[0], two.ranges[0])
        if apart is not None:
            return ops.negate(m, apart)
    return bool(set(two.xys()) & set(one.xys()))


def _apart(m: Machine, a: CoreRange, b: CoreRange) -> Value:
    """The condition that two ranges have no core in common: one is below, above, right or left of the other. None when
    neither is given to the op."""
    if a.given() is None and b.given() is None:
        return None
    beyond = [ops.binary(m, ">", p.start.y, q.end.y) for p, q in ((b, a), (a, b))]
    beyond += [ops.binary(m, ">", p.start.x, q.end.x) for p, q in ((b, a), (a, b))]
    value, p, term = any(plain(side) for side in beyond), a.mask() | b.mask(), beyond[0]
    for side in beyond[1:]:
        term = Val(value, p, ("||", term, side))
    return term


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
    return count_of(m, v.ranges)


@method(CoreRangeSet, "size")
def set_size(m: Machine, site: Site, v: CoreRangeSet) -> Value:
    known = v.count is not None and v.count.v == len(v.ranges)
    return v.count if known else number_with(len(v.ranges), v.mask())


@method(CoreRangeSet, "empty")
def set_empty(m: Machine, site: Site, v: CoreRangeSet) -> Value:
    known = v.count is not None and v.count.v == len(v.ranges)
    return ops.binary(m, "==", v.count, 0) if known else not v.ranges


@method(CoreRangeSet, "ranges")
def set_ranges(m: Machine, site: Site, v: CoreRangeSet) -> Value:
    return v.view()


@method(CoreRangeSet, "bounding_box")
def set_box(m: Machine, site: Site, v: CoreRangeSet) -> Value:
    if len(v.ranges) == 1:
        return v.ranges[0].copy()
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
