"""Cores: work splits and orders, as laws and against the documented algorithm (facts/device_model.md section 9)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interp_snippets import value
from tt_cache_lint.device.cores import XY, CoreRangeSet, merged, rectangle
from tt_cache_lint.device.cores import CoreCoord as Coord
from tt_cache_lint.device.work_split import corerange_to_cores, grid_to_cores, num_cores_to_set, split_work_to_cores
from tt_cache_lint.interp.interrupts import Implausible, Thrown
from tt_cache_lint.interp.machine import Machine
from tt_cache_lint.interp.registry import Site
from tt_cache_lint.interp.values import Mark, Opt, Val, Value, plain
from tt_cache_lint.interp.world import World

# The same examples in every run: a failure can be seen again.
LAWS = settings(deadline=None, max_examples=80, derandomize=True)

SITE = Site(Mark("", 0, 1, 0, ""), "split")
GRIDS = st.tuples(st.integers(1, 8), st.integers(1, 8))


def machine() -> Machine:
    return Machine(None, World(0))


def order(gx: int, gy: int, row_wise: bool) -> list[XY]:
    """The documented order: columns first, rows first when row-wise."""
    if row_wise:
        return [(x, y) for y in range(gy) for x in range(gx)]
    return [(x, y) for x in range(gx) for y in range(gy)]


def split(grid: Value, units: int, row_wise: bool = False) -> tuple[int, list[XY], list[XY], list[XY], int, int]:
    given = split_work_to_cores(machine(), SITE, [grid, units, row_wise]).items
    count, every, first, second, more, less = given
    return plain(count), every.xys(), first.xys(), second.xys(), plain(more), plain(less)


@st.composite
def sets(draw: st.DrawFn) -> CoreRangeSet:
    """A few disjoint ranges, in any order."""
    ranges = []
    for i, x in enumerate(draw(st.permutations([0, 3, 6]))):
        if i and draw(st.booleans()):
            continue
        y = draw(st.integers(0, 3))
        ranges.append(rectangle(x, y, x + draw(st.integers(0, 2)), y + draw(st.integers(0, 3))))
    return CoreRangeSet(ranges)


@LAWS
@given(GRIDS, st.integers(0, 200), st.booleans())
def test_split_gives_every_unit_once(grid: tuple[int, int], units: int, row_wise: bool) -> None:
    count, every, first, second, more, less = split(Coord(*grid), units, row_wise)
    assert len(first) * more + len(second) * less == units
    assert not set(first) & set(second)
    assert set(first) | set(second) == set(every)
    assert len(every) == len(set(every)) == count == min(units, grid[0] * grid[1])
    assert not second or more == less + 1
    assert second or less == 0


@LAWS
@given(GRIDS, st.integers(1, 200), st.booleans())
def test_split_takes_cores_in_order(grid: tuple[int, int], units: int, row_wise: bool) -> None:
    count, every, first, second, _, _ = split(Coord(*grid), units, row_wise)
    cores = order(*grid, row_wise)
    assert set(every) == set(cores[:count])
    assert set(first) == set(cores[: len(first)])
    assert set(second) == set(cores[len(first) : count])


@LAWS
@given(sets(), st.integers(0, 90), st.booleans())
def test_split_over_a_set(cores: CoreRangeSet, units: int, row_wise: bool) -> None:
    count, every, first, second, more, less = split(cores, units, row_wise)
    assert len(first) * more + len(second) * less == units
    assert count == min(units, len(cores.xys()))
    assert set(every) <= set(cores.xys())
    assert not set(first) & set(second)


@pytest.mark.parametrize(
    ("units", "expected"),
    [
        (0, (0, 0, 0, 0, 0)),
        (1, (1, 1, 0, 1, 0)),
        (6, (6, 6, 0, 1, 0)),
        (12, (6, 6, 0, 2, 0)),
        (13, (6, 1, 5, 3, 2)),
        (17, (6, 5, 1, 3, 2)),
    ],
)
def test_split_by_hand(units: int, expected: tuple[int, ...]) -> None:
    count, _, first, second, more, less = split(Coord(2, 3), units)
    assert (count, len(first), len(second), more, less) == expected


@LAWS
@given(st.integers(0, 64), GRIDS, st.booleans())
def test_grid_to_cores_by_count(count: int, grid: tuple[int, int], row_wise: bool) -> None:
    gx, gy = grid
    count = min(count, gx * gy)
    found = [c.xy for c in grid_to_cores(machine(), SITE, [count, gx, gy, row_wise]).items]
    assert found == order(gx, gy, row_wise)[:count]
    assert found == [(i % gx, i // gx) if row_wise else (i // gy, i % gy) for i in range(count)]


@LAWS
@given(st.integers(0, 5), st.integers(0, 5), GRIDS, st.booleans())
def test_grid_to_cores_between_two(x: int, y: int, size: tuple[int, int], row_wise: bool) -> None:
    end = Coord(x + size[0] - 1, y + size[1] - 1)
    found = [c.xy for c in grid_to_cores(machine(), SITE, [Coord(x, y), end, row_wise]).items]
    assert found == [(x + a, y + b) for a, b in order(*size, row_wise)]


def test_grid_to_cores_between_unknown_ones() -> None:
    (core,) = grid_to_cores(machine(), SITE, [Coord(1, 2), Opt(Coord(1, 2))]).items
    assert core.xy == (1, 2)
    with pytest.raises(Implausible):
        grid_to_cores(machine(), SITE, [3, 4])


@LAWS
@given(sets(), st.booleans(), st.one_of(st.none(), st.integers(0, 60)))
def test_corerange_to_cores(cores: CoreRangeSet, row_wise: bool, limit: int | None) -> None:
    """Ranges as stored, each in order; the limit cuts the end off."""
    found = [c.xy for c in corerange_to_cores(machine(), SITE, [cores, limit, row_wise]).items]
    expected: list[XY] = []
    for item in cores.ranges:
        x0, y0, x1, y1 = item.box()
        expected += [(x0 + a, y0 + b) for a, b in order(x1 - x0 + 1, y1 - y0 + 1, row_wise)]
    assert found == (expected if limit is None else expected[:limit])
    assert len(found) == len(set(found))


@LAWS
@given(GRIDS, st.integers(0, 80), st.booleans())
def test_a_set_of_so_many_cores(grid: tuple[int, int], count: int, row_wise: bool) -> None:
    if count > grid[0] * grid[1]:
        with pytest.raises(Thrown):
            num_cores_to_set(machine(), SITE, [count, Coord(*grid), row_wise])
        return
    found = num_cores_to_set(machine(), SITE, [count, Coord(*grid), row_wise]).xys()
    assert len(found) == count
    assert set(found) == set(order(*grid, row_wise)[:count])


@LAWS
@given(st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6))))
def test_merged_loses_and_doubles_nothing(cores: set[XY]) -> None:
    found = merged(cores).xys()
    assert sorted(found) == sorted(cores)


@LAWS
@given(st.integers(-3, 9), st.integers(-3, 9), st.integers(-3, 9), st.integers(-3, 9))
def test_a_range_is_a_rectangle_or_impossible(x0: int, y0: int, x1: int, y1: int) -> None:
    item = rectangle(x0, y0, x1, y1)
    if x1 < x0 or y1 < y0 or x0 < 0 or y0 < 0:
        with pytest.raises(Implausible):
            item.xys()
        return
    found = item.xys()
    assert len(found) == (x1 - x0 + 1) * (y1 - y0 + 1)
    assert found == sorted(found, key=lambda c: (c[1], c[0]))  # x inside y


@pytest.mark.parametrize(
    ("made", "cores"),
    [
        ("CoreRangeSet cores{{{.start = CoreCoord(1, 0), .end = last}}};", 4),
        ("CoreRangeSet cores = {{{.start = CoreCoord(1, 0), .end = last}}};", 4),
        ("CoreRangeSet cores{{}}; cores = {{{.start = CoreCoord(1, 0), .end = last}}};", 4),
        ("CoreRangeSet cores{std::set<CoreRange>{CoreRange(CoreCoord(1, 0)), CoreRange(last)}};", 2),
    ],
)
def test_designators_make_one_range(tmp_path: Path, made: str, cores: int) -> None:
    code = f"int f() {{ CoreCoord last(2, 1); {made} return cores.num_cores(); }}"
    assert value(tmp_path, code) == cores


@pytest.mark.parametrize(
    "made",
    [
        pytest.param("CoreRange cores{.start = {6, 0}, .end = {last, 0}};", id="no constructor checks designators"),
        pytest.param("CoreRange cores(CoreCoord(6, 0), CoreCoord(last, 0));", id="the constructor throws"),
    ],
)
def test_what_makes_a_range_end_behind_its_start(tmp_path: Path, made: str) -> None:
    code = f"int f(int columns) {{ std::size_t last = columns - 1; {made} return CoreRangeSet(cores).num_cores(); }}"
    with pytest.raises((Implausible, Thrown)) as broken:
        value(tmp_path, code, args=(Val(4, 1, "columns"),))
    assert isinstance(broken.value, (Implausible, Thrown))
    assert broken.value.repairs[:1] == ({"columns": 7},)


def test_absurd_sizes_are_implausible() -> None:
    with pytest.raises(Implausible):
        rectangle(0, 0, 10_000, 10_000).xys()
    with pytest.raises(Implausible):
        grid_to_cores(machine(), SITE, [1_000_000, 1000, 1000])
    with pytest.raises(Implausible):
        grid_to_cores(machine(), SITE, [3, 0, 1])


def test_a_split_remembers_what_it_derives_from() -> None:
    world = World(0)
    units, grid = world.fact("units", (13,), True), world.fact("device.x", (2,), True)
    found = split_work_to_cores(Machine(None, world), SITE, [Coord(grid, 3), units]).items
    assert plain(found[0]) == 6
    assert all(world.leaves(part.p) == ["units", "device.x"] for part in (found[0], found[4], found[5]))
    assert world.leaves(found[2].mask()) == ["units", "device.x"]


IN_RANGES = """
std::vector<uint32_t> f() {
    CoreRangeSet all(std::set<CoreRange>{CoreRange(CoreCoord(0, 0)), CoreRange({2, 0}, {3, 0})});
    std::vector<uint32_t> found;
    for (uint32_t x = 0; x < 4; ++x) {
        CoreCoord core(x, 0);
        auto at = std::find(all.ranges().begin(), all.ranges().end(), core);
        found.push_back(at == all.ranges().end() ? 0 : 1);
    }
    found.push_back(all == CoreRange({0, 0}, {0, 0}));
    return found;
}
"""


def test_a_core_is_looked_for_among_ranges(tmp_path: Path) -> None:
    """ranges() is one vector, and a core is a range of its own where a range is wanted (core_coord.hpp)."""
    assert value(tmp_path, IN_RANGES) == [1, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("ranges.find(core) != ranges.end()", [1, 0, 0]),
        ("ranges.contains(core)", [1, 0, 0]),
        ("[&] { ranges.erase(core); return ranges.size(); }()", [1, 2, 2]),
    ],
)
def test_a_set_of_ranges_is_asked_for_a_core(tmp_path: Path, asked: str, expected: list[int]) -> None:
    """As CoreRangeSet::ranges() once was."""
    code = (
        "std::vector<uint32_t> f() { std::vector<uint32_t> found; for (uint32_t x = 0; x < 3; ++x) {"
        " std::set<CoreRange> ranges{CoreRange(CoreCoord(0, 0)), CoreRange({1, 0}, {2, 0})};"
        f" CoreCoord core(x, 0); found.push_back({asked}); }} return found; }}"
    )
    assert value(tmp_path, code) == expected
