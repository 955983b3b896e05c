"""Inputs that validators accept are found: what checks ask of cores, lists, the mesh and several conditions at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from small_factory import factory
from tt_cache_lint.device.buffer_methods import grid_of
from tt_cache_lint.device.core_methods import count_of, set_box, set_intersects
from tt_cache_lint.device.cores import CoreRangeSet
from tt_cache_lint.device.mesh import mesh_of
from tt_cache_lint.device.tensor_inputs import input_memory, input_ranges, input_shape, input_tensor
from tt_cache_lint.device.tensor_spec import FORMAT, MEMORY_LAYOUTS, enum, make_shape
from tt_cache_lint.engine import Options, analyse
from tt_cache_lint.interp import ops, solving
from tt_cache_lint.interp.interrupts import Implausible, Thrown
from tt_cache_lint.interp.machine import Machine
from tt_cache_lint.interp.registry import Site
from tt_cache_lint.interp.scale import those_that_do
from tt_cache_lint.interp.values import Enum, Mark, Val, Value, plain
from tt_cache_lint.interp.world import World

SITE = Site(Mark("", 0, 1, 0, ""), "cores")
SHARDED = "const auto& grid = tensors.input.shard_spec().value().grid;"
BOTH = f"{SHARDED} const auto& other = tensors.mask.value().shard_spec().value().grid;"
MORE = """std::vector<uint32_t> places;
    CoreRangeSet idle;
    struct First { uint32_t a; };
    struct Second { uint32_t b; };
    struct Third { uint32_t c; };
    using Config = std::variant<First, Second, Third>;
    std::optional<Config> config;"""
PICK = """
CopyOperation::operation_attributes_t::Config pick(const CopyOperation::operation_attributes_t& attributes) {
    return attributes.config.value();
}
"""
CHECKS = {
    "apart": f"{BOTH} TT_FATAL(!grid.intersects(other), ); TT_FATAL(grid.num_cores() == other.num_cores(), );",
    "same": f"{BOTH} TT_FATAL(grid == other, ); TT_FATAL(grid.num_cores() == 6, );",
    "place": f"""{SHARDED} const auto ranges = grid.ranges();
        TT_FATAL(ranges[0].start_coord.x == 1 && ranges[0].end_coord.x == 3 && ranges[0].start_coord.y == 0 &&
            ranges[0].end_coord.y == 1 && ranges[1].start_coord.x == 1 && ranges[1].end_coord.x == 2 &&
            ranges[1].start_coord.y == 2 && ranges[1].end_coord.y == 2, );""",
    "box": f"{SHARDED} TT_FATAL(grid.bounding_box().grid_size().x == 3 && grid.bounding_box().grid_size().y == 2, );",
    "spec": f"{SHARDED} TT_FATAL(tensors.input.shard_spec().value().num_cores() == 5, );",
    "wide": f"{SHARDED} TT_FATAL(grid.num_cores() == 12, );",
    "spread": f"{SHARDED} TT_FATAL(grid.num_cores() == 35, );",
    "many": f"""{SHARDED} const auto cores = corerange_to_cores(grid, std::nullopt, true);
        for (uint32_t i = 0; i < 8; i++) {{ TT_FATAL(cores[i].y < 3, ); }}""",
    "no cores": "TT_FATAL(attributes.idle.empty() && attributes.idle.size() == 0, );",
    "ranges": "TT_FATAL(attributes.idle.ranges().size() == 2 && attributes.idle.ranges()[1].end_coord.y == 4, );",
    "core in braces": """TT_FATAL(tensors.input.device()->worker_core_from_logical_core({CoreCoord(1, 2)}) ==
        tensors.input.device()->worker_core_from_logical_core(CoreCoord(1, 2)), );""",
    "mesh": "TT_FATAL(tensors.input.device()->get_view().num_cols() == 8, );",
    "devices": """uint32_t count = 0;
        for (const auto& at : tensors.input.device_storage().get_coords()) { count = std::max(count, at[1] + 1); }
        TT_FATAL(count == 8 && tensors.input.device()->num_devices() == 16, );""",
    "visit": """TT_FATAL(attributes.config.has_value(), );
        std::visit([&](const auto& config) {
            using Kind = std::decay_t<decltype(config)>;
            if constexpr (!std::is_same_v<Kind, Third>) { TT_THROW("not this one"); }
        }, pick(attributes));""",
    "list": """TT_FATAL(tensors.mask.has_value() != !attributes.places.empty(), );
        TT_FATAL(tensors.mask.has_value(), );""",
}


@pytest.mark.parametrize("check", CHECKS)
def test_inputs_are_found(tmp_path: Path, check: str) -> None:
    text = factory(validate=CHECKS[check], helpers=PICK).replace("bool flag = false;", MORE)
    (tmp_path / "op.cpp").write_text(text)
    (found,) = analyse(tmp_path, [tmp_path / "op.cpp"], Options()).facts
    assert not found.reason
    assert found.slots.needing_refresh == found.slots.matched > 0


def test_a_loop_that_runs_too_seldom_runs_more_often(tmp_path: Path) -> None:
    """What a list is too short for says nothing of the inputs; the conditions of the loop that filled it do."""
    create = """
        std::vector<uint32_t> pages;
        for (uint32_t i = 0; i < attributes.factor; i++) { pages.push_back(i); }
        std::vector<uint32_t> some;
        std::copy(pages.begin() + 40, pages.begin() + 41, std::back_inserter(some));
        SetRuntimeArgs(program, reader, core, {tensors.input.buffer()->address(), some[0]});
        SetRuntimeArgs(program, writer, core, {output.buffer()->address(), 4});"""
    (tmp_path / "op.cpp").write_text(factory(create=create))
    (found,) = analyse(tmp_path, [tmp_path / "op.cpp"], Options()).facts
    assert not found.reason
    assert found.slots.needing_refresh == found.slots.matched > 0


# -- cores given to the op -------------------------------------------------------------------------------------------


def given(m: Machine, name: str, usual: tuple[int, int, int, int] = (0, 0, 4, 1)) -> CoreRangeSet:
    return input_ranges(m.world, name, usual)


def mended(asked: list[dict[str, Value]]) -> Machine:
    """A machine in a world that insists on the first repair."""
    return Machine(None, World(0, dict(asked[0])))


def test_a_number_of_cores_leads_to_columns() -> None:
    m = Machine(None, World(0))
    count = count_of(m, given(m, "g").ranges)
    m = mended(solving.want(ops.binary(m, "==", count, 8), True))
    assert plain(count_of(m, given(m, "g").ranges)) == 8


def test_several_ranges_are_counted_together() -> None:
    m = Machine(None, World(0, {"g.size": 2, "g[1].columns": 3}))
    cores = given(m, "g")
    assert plain(count_of(m, cores.ranges)) == len(set(cores.xys())) == 7
    (one, two) = (item.box() for item in cores.ranges)
    assert one[3] < two[1]  # they lie below each other unless something else is insisted on


@pytest.mark.parametrize("wanted", [True, False])
def test_overlapping_cores_can_be_had_and_avoided(wanted: bool) -> None:
    m = Machine(None, World(0))
    places = {"a": (0, 0, 4, 1), "b": (0, 3 if wanted else 0, 4, 1)}
    before = set_intersects(m, SITE, *(given(m, n, p) for n, p in places.items()))
    assert plain(before) is not wanted
    results = []
    for repair in solving.want(before, wanted):
        try:
            other = mended([repair])
            results.append(plain(set_intersects(other, SITE, *(given(other, n, p) for n, p in places.items()))))
        except Implausible:  # beyond the device
            continue
    assert wanted in results


def test_cores_that_the_code_changed_have_no_columns_to_ask_for() -> None:
    m = Machine(None, World(0))
    box = set_box(m, SITE, given(m, "g"))
    box.end.y = 2
    assert box.given() is None
    assert plain(count_of(m, [box])) == 12


@pytest.mark.parametrize(
    "absurd", [{"g.x": -1}, {"g.columns": 0}, {"g.rows": 40}, {"g.size": 0}, {"g.size": 99}, {"g.y": 16}]
)
def test_absurd_cores_are_refused(absurd: dict[str, Value]) -> None:
    with pytest.raises(Implausible):
        given(Machine(None, World(0, absurd)), "g")


def test_l1_shards_lie_on_the_device() -> None:
    """More columns than devices usually have make it a larger one; one that is insisted on has to be another."""
    insisted: dict[str, Value] = {"t.memory_layout": MEMORY_LAYOUTS[1], "t.shard_spec.grid.columns": 7}
    world = World(0, dict(insisted))
    assert len(plain(input_memory(world, "t").shard_spec).grid.xys()) == 7
    assert grid_of(world).xy[0] == 7
    small = World(0, {**insisted, "device.grid.x": 5})
    with pytest.raises(Thrown) as thrown:
        _ = input_memory(small, "t").shard_spec
    assert thrown.value.repairs == ({"device.grid.x": 7},)


def test_the_tensors_of_a_list_are_alike() -> None:
    """What is insisted on for the first one holds for all, unless it is insisted on otherwise."""
    first: dict[str, Value] = {
        "list[0].logical_shape[3]": 96,
        "list[0].memory_layout": MEMORY_LAYOUTS[2],
        "list[2].logical_shape[3]": 7,
    }
    world = World(0, first)
    specs = [input_tensor(world, f"list[{at}]", 1).spec for at in range(3)]
    assert [plain(spec.shape.items[-1]) for spec in specs] == [96, 96, 7]
    assert {plain(spec.layout.memory.memory_layout) for spec in specs} == {MEMORY_LAYOUTS[2]}
    assert MEMORY_LAYOUTS[0] in world.facts["list[1].memory_layout"].choices


@pytest.mark.parametrize("absurd", [{"mesh.shape[1]": 1}, {"mesh.shape[0]": 40}])
def test_a_mesh_has_the_coordinates_of_the_workload(absurd: dict[str, Value]) -> None:
    assert mesh_of(World(0, {"mesh.shape[0]": 2}))[0] == (2, 4)
    with pytest.raises(Implausible):
        mesh_of(World(0, absurd))


# -- conditions ------------------------------------------------------------------------------------------------------


def test_flags_that_have_to_differ() -> None:
    m = Machine(None, World(0))
    flags = [Val(True, m.world.bit(n), n) for n in ("a", "b")]
    assert solving.want(ops.binary(m, "!=", *flags), True) == [{"a": False}, {"b": False}]


@pytest.mark.parametrize(("sign", "first", "wanted"), [("&", 8, {"x": 9}), ("|", 8, {"x": 9}), ("&", 9, {"n": 3})])
def test_bits_of_conditions_are_what_they_mean(sign: str, first: int, wanted: dict[str, int]) -> None:
    """`bool both = x > 8; both &= n == 3;`"""
    m = Machine(None, World(0))
    x, n = (Val(v, m.world.bit(k), k) for k, v in (("x", first), ("n", 3 if sign == "&" and first == 8 else 4)))
    left, right = ops.binary(m, ">", x, 8), ops.binary(m, "==", n, 3)
    found = ops.convert(m, ops.binary(m, sign, left, right), "bool")
    assert wanted in solving.want(found, True)


def test_a_long_conjunction_is_solved_to_its_first_operand() -> None:
    m = Machine(None, World(0))
    term: Value = ops.binary(m, "==", Val(0, m.world.bit("x0"), "x0"), 7)
    for at in range(1, 12):
        term = Val(False, 1, ("&&", term, ops.binary(m, "==", Val(at, m.world.bit(f"x{at}"), f"x{at}"), at)))
    assert solving.want(term, True) == [{"x0": 7}]


def test_what_does_not_undo_the_rest_comes_first() -> None:
    """`x == 1` holds: `x + n - 1 == 3` is had by another n, not by another x."""
    m = Machine(None, World(0))
    x, n = (Val(v, m.world.bit(k), k) for k, v in (("x", 1), ("n", 4)))
    end = ops.binary(m, "-", ops.binary(m, "+", x, n), 1)
    holds, fails = ops.binary(m, "==", x, 1), ops.binary(m, "==", end, 3)
    both = Val(False, x.p | n.p, ("&&", holds, fails))
    assert solving.want(both, True)[0] == {"n": 3}


def test_a_repair_that_does_nothing_comes_last() -> None:
    m = Machine(None, World(0))
    x = Val(2, m.world.bit("x"), "x")
    condition = ops.binary(m, "==", ops.binary(m, "*", x, x), 16)
    repairs: list[dict[str, Value]] = [{"x": 8}, {"x": 4}]
    assert those_that_do(condition, True, repairs) == [{"x": 4}, {"x": 8}]


def test_long_terms_are_solved() -> None:
    m = Machine(None, World(0))
    number: Value = Val(0, 1, "n")
    zero, condition = number, ops.binary(m, "==", Val(1, 2, "k"), 4)
    for _ in range(10):
        number = ops.binary(m, "+", number, 2)
        zero = Val(0, 1, ("cast", zero, "uint32_t"))
        condition = Val(not plain(condition), 2, ("!", condition, None))
    assert solving.want(ops.binary(m, "==", number, 100), True) == [{"n": 80}]
    assert solving.want(Val(False, 1, ("!=", zero, 0)), True) == [{"n": 1}]
    assert solving.want(condition, True) == [{"k": 4}]


def test_a_shape_of_another_rank() -> None:
    """An input can be given as many dimensions as what it is compared with, and the other one as many as it has."""
    m = Machine(None, World(0, {"a.rank": 2, "b.rank": 1}))
    a, b = (input_shape(m.world, name) for name in "ab")
    one, two = {"a.rank": 1, "a.logical_shape[0]": 128}, {"b.rank": 2, "b.logical_shape[0]": 64}
    assert solving.want(ops.binary(m, "==", a, b), True) == [one, {**two, "b.logical_shape[1]": 128}]
    fixed = make_shape([5, 6, 7])
    three = {f"b.logical_shape[{at}]": side for at, side in enumerate((5, 6, 7))}
    assert solving.want(ops.binary(m, "==", fixed, b), True) == [{"b.rank": 3, **three}]


def test_the_data_format_of_an_input() -> None:
    m = Machine(None, World(0))
    bfloat, float_, tiny = (enum("DataType", name) for name in ("BFLOAT16", "FLOAT32", "BFLOAT4_B"))
    found = ops.mapped(Val(bfloat, 1, "t.dtype"), FORMAT)
    assert (plain(found), ops.mapped(bfloat, FORMAT)) == (Enum("DataFormat", "Float16_b"),) * 2
    condition = ops.binary(m, "==", found, Enum("DataFormat", "Float32"))
    assert solving.want(condition, True) == [{"t.dtype": float_}]
    repairs: list[dict[str, Value]] = [{"t.dtype": tiny}, {"t.dtype": float_}]
    assert those_that_do(condition, True, repairs) == repairs[::-1]
