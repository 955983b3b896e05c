"""The mesh in the device model: coordinates, ranges, workloads, devices; what is listed and not analysed.

The expectations about coordinates are those of tt_metal/api/tt-metalium/mesh_coord.hpp, checked against the mock.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fixture_driver import FIXTURES
from interp_snippets import Case, parameters, run, value
from small_factory import factory
from tt_cache_lint import engine
from tt_cache_lint.device.mesh import MESHES, all_coords
from tt_cache_lint.device.program import Kernel, Program
from tt_cache_lint.device.tensor_inputs import input_tensor
from tt_cache_lint.device.workload import Joined
from tt_cache_lint.interp.values import Mark
from tt_cache_lint.interp.world import World
from tt_cache_lint.model import Cause, Confidence, FactoryFacts, Status

COORDINATES = [
    Case("dimensions", "int f() { MeshCoordinate c(1, 2); return c[0] * 100 + c[-1] * 10 + c.dims(); }", 122),
    Case("linear index", "int f() { return MeshCoordinate(1, 2).to_linear_index(MeshShape(2, 4)); }", 6),
    Case(
        "neighbours wrap unless told otherwise",
        "int f() { auto n = MeshCoordinate(0, 3).get_neighbor(MeshShape(2, 4), 1, 1); return (*n)[1]; }",
        0,
    ),
    Case(
        "no neighbour past the edge",
        "bool f() { return MeshCoordinate(0, 3)"
        ".get_neighbor(MeshShape(2, 4), 1, 1, MeshCoordinate::BoundaryMode::NONE).has_value(); }",
        False,
    ),
    Case(
        "clamped at the edge",
        "int f() { auto n = MeshCoordinate(0, 3)"
        ".get_neighbor(MeshShape(2, 4), 1, 1, MeshCoordinate::BoundaryMode::CLAMP); return (*n)[1]; }",
        3,
    ),
    Case(
        "a range is walked row by row",
        "std::vector<int> f() { std::vector<int> v; "
        "for (const auto& c : MeshCoordinateRange(MeshCoordinate(0, 1), MeshCoordinate(1, 2))) "
        "{ v.push_back(c[0] * 10 + c[1]); } return v; }",
        [1, 2, 11, 12],
    ),
    Case(
        "a range of a mesh",
        "int f() { MeshCoordinateRange r(MeshShape(2, 4)); return r.end_coord()[0] * 10 + r.end_coord()[1]; }",
        13,
    ),
    Case(
        "what two ranges share",
        "int f() { MeshCoordinateRange row(MeshCoordinate(1, 0), MeshCoordinate(1, 3)); "
        "auto shared = row.intersection(MeshCoordinateRange(MeshCoordinate(0, 2), MeshCoordinate(2, 5))); "
        "return shared->start_coord()[0] * 100 + shared->start_coord()[1] * 10 + shared->end_coord()[1]; }",
        123,
    ),
    Case(
        "ranges that share nothing",
        "bool f() { MeshCoordinateRange row(MeshCoordinate(1, 0), MeshCoordinate(1, 3)); "
        "return row.intersection(MeshCoordinateRange(MeshCoordinate(0, 0))).has_value(); }",
        False,
    ),
    Case(
        "a coordinate is a key of a map of ranges",
        "int f() { std::unordered_map<MeshCoordinateRange, int> m; m.emplace(MeshCoordinate(0, 1), 7); "
        "return m.at(MeshCoordinateRange(MeshCoordinate(0, 1), MeshCoordinate(0, 1))); }",
        7,
    ),
    Case(
        "the key of such a map is a range",
        "int f() { std::unordered_map<MeshCoordinateRange, int> m; m.emplace(MeshCoordinate(0, 1), 7); int n = 0; "
        "for (auto& [range, x] : m) { n += range.start_coord()[1] + x; } return n; }",
        8,
    ),
    Case(
        "merged ranges give each coordinate once",
        "int f() { MeshCoordinateRangeSet s; s.merge(MeshCoordinateRange(MeshCoordinate(0, 0))); "
        "s.merge(MeshCoordinateRange(MeshShape(1, 2))); return s.coords().size(); }",
        2,
    ),
    Case(
        "programs by range",
        "int f() { distributed::MeshWorkload w; "
        "w.add_program(MeshCoordinateRange(MeshCoordinate(0, 1)), CreateProgram()); int n = 0; "
        "for (auto& [range, program] : w.get_programs()) { n += 10 + range.start_coord()[1]; } return n; }",
        11,
    ),
]


@pytest.mark.parametrize("case", parameters(COORDINATES))
def test_coordinates(tmp_path: Path, case: Case) -> None:
    assert value(tmp_path, case.code) == case.expected


LANGUAGE = [
    Case(
        "comments between template arguments",
        "std::tuple<\n  int,  // a\n  std::vector<int>,  // b\n  bool> g() { return {1, {2, 3}, true}; }\n"
        "int f() { const auto [a, b, c] = g(); return b.size() + c; }",
        3,
    ),
    Case(
        "views",
        "int f() { auto even = std::views::iota(0, 6) | std::views::filter([](int i) { return i % 2 == 0; }) | "
        "std::views::transform([](int i) { return i * i; }); int n = 0; for (auto i : even) { n += i; } return n; }",
        20,
    ),
    Case(
        "methods with the same number of arguments",
        "struct S { int g(const std::vector<int>& v) { return 1; } int g(int n) { return 2; } }; "
        "int f() { S s; return s.g(5) * 10 + s.g(std::vector<int>{1}); }",
        21,
    ),
    Case(
        "a default argument that only the declaration has",
        "struct S { int g(int a, int b = 4); }; int S::g(int a, int b) { return a * b; } "
        "int f() { S s; return s.g(2); }",
        8,
    ),
    Case(
        "cores of a range by its iterator",
        "int f() { CoreRange r({2, 3}, {3, 4}); auto first = *r.begin(); return first.x * 10 + first.y; }",
        23,
    ),
]


@pytest.mark.parametrize("case", parameters(LANGUAGE))
def test_what_ccl_factories_are_written_in(tmp_path: Path, case: Case) -> None:
    assert value(tmp_path, case.code) == case.expected


@pytest.mark.parametrize(("shape", "chosen"), MESHES)
def test_the_coordinates_of_a_world_lie_in_its_mesh(
    shape: tuple[int, ...], chosen: tuple[tuple[int, ...], ...]
) -> None:
    assert set(chosen) <= set(all_coords(shape))
    assert len(set(chosen)) == 2


def test_parts_of_a_workload_keep_their_handles() -> None:
    """Two programs as one: kernels one after the other, each handle still that of its own program."""
    programs = [Program(), Program()]
    for program in programs:
        program.kernels.append(Kernel(program, "a.cpp", [(0, 0)], None, Mark("", 0, 1, 0, "")))
    joined = Joined(programs, ["(0, 0)", "(0, 1)"])
    assert [kernel.program.place for kernel in joined.kernels] == ["(0, 0)", "(0, 1)"]
    assert [kernel.handle.v for kernel in joined.kernels] == [0, 0]
    joined.close()
    assert all(program.compiled for program in programs)
    programs[1].escaped.add("override")
    assert joined.escaped == {"override"}


def listed(root: Path, text: str) -> list[FactoryFacts]:
    (root / "op.cpp").write_text(text)
    return engine.analyse(root, [root], engine.Options()).facts


def test_a_program_given_as_data_is_skipped(tmp_path: Path) -> None:
    text = factory().replace("uint32_t factor = 1;", "std::vector<std::optional<ProgramDescriptor>> programs;")
    (facts,) = listed(tmp_path, text)
    assert facts.status is Status.SKIPPED
    assert "data" in facts.reason


def test_a_factory_with_create_is_not_listed_twice(tmp_path: Path) -> None:
    (facts,) = listed(tmp_path, factory())
    assert (facts.infra, facts.status) == ("typed", Status.ANALYSED)


def test_a_coordinate_is_not_doubted_because_another_is_refreshed(tmp_path: Path) -> None:
    """Not even where no call is accepted: that the others are refreshed is what is wrong with it."""
    source = FIXTURES / "mesh-coordinate-mismatch/bad_only_first_coordinate"
    for file in (*source.glob("*.hpp"), *source.glob("*.cpp")):
        text = file.read_text(encoding="utf-8")
        never = re.sub(r"(validate_on_program_cache_miss\([^{;]*\{)", r'\1 TT_FATAL(false, "never");', text)
        (tmp_path / file.name).write_text(never, encoding="utf-8")
    paths = sorted(tmp_path.glob("*_program_factory.cpp"))
    (facts,) = engine.analyse(tmp_path, paths, engine.Options()).facts
    assert facts.reason == "no input was found that the validators accept"
    found = {(d.cause, d.confidence) for d in facts.differences}
    assert found == {(Cause.WRONG_COORDINATE, Confidence.LIKELY)}


MESH = """
bool coords(const Tensor& t) {
    const auto& coords = t.device_storage().coords;
    return coords.size() > 0 && coords.size() == t.device_storage().get_coords().size();
}
bool by_id(const Tensor& t) {
    auto* mesh = t.device();
    for (auto* device : mesh->get_devices()) {
        if (mesh->get_device(device->id())->id() != device->id()) { return false; }
    }
    return mesh->get_devices().size() > 1;
}
"""


@pytest.mark.parametrize("name", ["coords", "by_id"])
def test_a_mesh_answers_as_its_storage_and_devices_do(tmp_path: Path, name: str) -> None:
    world = World(0)
    ran = run(tmp_path, MESH, name, (input_tensor(world, "t", 1),), world=world)
    assert ran.data is True
    assert not ran.machine.unknown
    assert not [key for key in world.facts if key.startswith("(")]
