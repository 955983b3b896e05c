"""Orders of cores and splits of work over them, exactly as tt_metal/common/work_split.cpp has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.cores import (
    MAX_CORES,
    XY,
    CoreCoord,
    CoreRange,
    CoreRangeSet,
    core_vector,
    number_with,
    rectangle,
    to_coord,
    to_set,
)
from tt_cache_lint.interp import ops, solving
from tt_cache_lint.interp.interrupts import Implausible, Thrown
from tt_cache_lint.interp.registry import Site, function
from tt_cache_lint.interp.values import Enum, InitList, Opt, Value, Vec, empty, mask, plain

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

# The worker cores of whole devices: Wormhole, Grayskull, Blackhole (compute_with_storage_grid_size of
# tt_metal/core_descriptors/*.yaml).
CHIPS = ((8, 8), (12, 9), (14, 10))


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
    if len(args) == 2 or isinstance(args[0], (CoreCoord, InitList)):
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


@function("num_cores_to_corerangeset", "num_cores_to_corerange_set", arity=(2, 4))
def num_cores_to_set(m: Machine, site: Site, args: list[Value]) -> Value:
    """(count, grid, [by rows]), or (first core, count, grid, [by rows]): on from that core (work_split.cpp)."""
    start: XY | None = None
    if isinstance(args[0], CoreCoord) or (isinstance(args[0], InitList) and len(args[0].items) == 2):
        start, args = to_coord(m, args[0]).xy, args[1:]
    count = plain(ops.convert(m, ops.number(m, args[0]), "uint32_t"))
    row_wise = _flag(m, args, 2)
    if isinstance(args[1], CoreRangeSet):
        xys, p = set_order(args[1], row_wise), args[1].mask()
    else:
        size = to_coord(m, args[1])
        gx, gy = size.xy
        xys, p = grid_order(gx * gy, gx, gy, row_wise), size.mask()
    xys = xys[xys.index(start) :] if start in xys else xys
    if count > len(xys):
        raise Thrown("more cores than the grid has", p | mask(args[0]), _fewer(args[0], len(xys)))
    return _set_of(xys[:count], p | mask(args[0]))


def _fewer(count: Value, most: int) -> tuple[dict[str, Value], ...]:
    """What would make a number of cores fit; or a larger device."""
    needed = plain(count)
    larger = next(((x, y) for x, y in CHIPS if isinstance(needed, int) and needed <= x * y), CHIPS[0])
    return (*solving.solve(count, most), dict(zip(("device.grid.x", "device.grid.y"), larger, strict=True)))


@function("num_cores_to_corerangeset_in_subcoregrids", arity=(3, 4))
def num_cores_in_subgrids(m: Machine, site: Site, args: list[Value]) -> Value:
    """From a start core on, through the ranges of a set (work_split.cpp)."""
    start = to_coord(m, args[0]).xy
    count = plain(ops.number(m, args[1]))
    cores = to_set(m, args[2])
    xys = set_order(cores, _flag(m, args, 3))
    first = xys.index(start) if start in xys else 0
    if first + count > len(xys):
        left = _fewer(args[1], len(xys) - first)
        raise Thrown("more cores than the sub-grids have", cores.mask() | mask(args[1]), left)
    return _set_of(xys[first : first + count], cores.mask() | mask(args[1]))


@function("select_contiguous_range_from_corerangeset", arity=(3, 3))
def select_contiguous(m: Machine, site: Site, args: list[Value]) -> Value:
    """A rectangle that reaches x further and y down, in the first range that has room for it, if one has
    (tt_metal/common/core_coord.cpp:632-643)."""
    cores = to_set(m, args[0])
    x, y = (int(plain(ops.number(m, a))) for a in args[1:])
    p = cores.mask() | mask(args[1]) | mask(args[2])
    for one in cores.ranges:
        x0, y0, x1, y1 = one.box()
        if 0 <= x <= x1 - x0 and 0 <= y <= y1 - y0:
            return Opt(rectangle(x0, y0, x0 + x, y0 + y, p))
    return None


@function("select_from_corerangeset", "select_from_corerange", arity=(3, 4))
def select_from_set(m: Machine, site: Site, args: list[Value]) -> Value:
    cores = to_set(m, args[0])
    first, last = plain(ops.number(m, args[1])), plain(ops.number(m, args[2]))
    xys = set_order(cores, _flag(m, args, 3))
    return _set_of(xys[first : last + 1], cores.mask())
