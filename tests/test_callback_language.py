"""What older factories of the callback infra ask of the interpreter, the device model and the search for inputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from interp_snippets import Case, parameters, value
from tt_cache_lint.device.chip import COLUMNS, DRAM, GRID, ROWS
from tt_cache_lint.interp import solving
from tt_cache_lint.interp.interrupts import Thrown
from tt_cache_lint.interp.values import Val
from tt_cache_lint.interp.world import World

CASES = [
    Case(
        "rotate",
        "std::vector<int> f() { std::vector<int> v{1, 2, 3, 4}; std::rotate(v.begin(), v.end() - 1, v.end()); "
        "return v; }",
        [4, 1, 2, 3],
    ),
    Case(
        "rotate tells where the first went",
        "int f() { std::vector<int> v{1, 2, 3, 4}; auto i = std::rotate(v.begin(), v.begin() + 1, v.end()); "
        "return *i; }",
        1,
    ),
    Case(
        "a stream takes whatever it is given",
        'int f() { std::stringstream s; s << "words: " << 70 << "\\t" << 1.5f; for (int i = 0; i < 3; ++i) { s << i; } '
        "return 7; }",
        7,
    ),
    Case(
        "braces for an rvalue reference",
        "int g(std::vector<int>&& v) { return v.size(); } int f() { return g({4, 5, 6}); }",
        3,
    ),
    Case(
        "braces for a const rvalue reference",
        "int g(const std::vector<int>&& v) { return v[1]; } int f() { return g({4, 5, 6}); }",
        5,
    ),
    Case(
        "a base class is initialised",
        "struct B { int x; int y; }; struct D : B { D(int z) : B{z, 2} {} }; "
        "int f() { D d(5); return d.x * 10 + d.y; }",
        52,
    ),
    Case(
        "a constructor that calls another",
        "struct D { int x = 0; D(int a, int b) : x(a + b) {} D(int a) : D(a, 4) {} }; int f() { D d(3); return d.x; }",
        7,
    ),
    Case(
        "a constant that a using-directive brings",
        "namespace a { namespace types { constexpr int K = 3; } using namespace types; } int f() { return a::K; }",
        3,
    ),
    Case(
        "an alias of its own name, reached through other aliases",
        "namespace n { struct Outer { struct shared_t { int a; int b; }; }; } "
        "template <typename T> struct Box { T t; }; "
        "struct F { using shared_t = n::Outer::shared_t; using cached_t = Box<F::shared_t>; "
        "static cached_t make(); }; "
        "F::cached_t F::make() { return cached_t{{3, 4}}; } "
        "int f() { auto c = F::make(); return c.t.a * 10 + c.t.b; }",
        34,
    ),
    Case(
        "a set of ranges in a tuple becomes a core set",
        "std::tuple<int, CoreRangeSet> g() { std::set<CoreRange> s; s.insert(CoreRange({0, 0}, {2, 1})); "
        "return std::make_tuple(1, s); } int f() { auto [n, cores] = g(); return cores.num_cores(); }",
        6,
    ),
    Case(
        "overloaded picks by type",
        "struct A {}; struct B {}; int f() { std::variant<A, B> v = B{}; return std::visit(ttsl::overloaded{"
        "[](const A&) { return 1; }, [](const B&) { return 2; }, [](const auto&) { return 3; }}, v); }",
        2,
    ),
    Case(
        "overloaded takes what is for any",
        "struct A {}; struct B {}; int f() { std::variant<A, B> v = A{}; return std::visit(ttsl::overloaded{"
        "[](const B&) { return 2; }, [](const auto&) { return 3; }}, v); }",
        3,
    ),
    Case(
        "a function in a member is replaced, and its copy is not",
        "struct S { std::function<int()> g; }; int f() { S s; s.g = [] { return 1; }; auto old = s.g; "
        "s.g = [old] { return old() * 10 + 2; }; return s.g(); }",
        12,
    ),
    Case(
        "a reference wrapper",
        "struct S { int x; }; int f() { S s{4}; auto r = std::ref(s); r.get().x = 5; return s.x; }",
        5,
        bug="auto copies what std::ref refers to",
    ),
    Case(
        "a memory config is a value",
        "int f() { MemoryConfig a{TensorMemoryLayout::HEIGHT_SHARDED, BufferType::L1}; auto b = a; "
        "b.memory_layout = TensorMemoryLayout::INTERLEAVED; return a.is_sharded() && !b.is_sharded(); }",
        1,
    ),
    Case(
        "the shard spec of a copied memory config is its own",
        "int f() { MemoryConfig a{TensorMemoryLayout::HEIGHT_SHARDED, BufferType::L1, ShardSpec(CoreRangeSet("
        "CoreRange({0, 0}, {1, 0})), {64, 32}, ShardOrientation::ROW_MAJOR)}; auto b = a; b.shard_spec->shape[0] /= 2; "
        "return a.shard_spec->shape[0] * 100 + b.shard_spec->shape[0]; }",
        6432,
    ),
    Case(
        "what a log counts up is counted",
        'int f() { std::vector<int> v{4, 5}; size_t i = 0; log_trace(tt::LogOp, "{} {}", v.at(i++), v.at(i++)); '
        'log_debug(tt::LogOp, "{}", g(i)); TT_ASSERT(v.size() == i, "missed some"); return i; }',
        2,
    ),
    Case(
        "on from a core",
        "int f() { auto set = num_cores_to_corerangeset(CoreCoord(2, 0), 3, CoreCoord(4, 2), true); "
        "return set.contains(CoreCoord(0, 1)) && !set.contains(CoreCoord(0, 0)) && set.num_cores() == 3; }",
        1,
    ),
    Case(
        "cores of a set by their numbers, under both names",
        "int f() { CoreRangeSet set(CoreRange({0, 0}, {2, 1})); auto cores = select_from_corerange(set, 1, 3, true); "
        "return cores == select_from_corerangeset(set, 1, 3, true) && cores.num_cores() == 3 && "
        "cores.contains(CoreCoord(0, 1)) && !cores.contains(CoreCoord(0, 0)); }",
        1,
    ),
    Case(
        "a rectangle in the first range that has room",
        "int f() { CoreRangeSet set(std::set<CoreRange>{CoreRange({0, 0}, {1, 0}), CoreRange({0, 2}, {3, 4})}); "
        "auto found = select_contiguous_range_from_corerangeset(set, 2, 1); "
        "auto none = select_contiguous_range_from_corerangeset(set, 4, 0); "
        "return none.has_value() ? 0 : found->start_coord.y * 100 + found->end_coord.x * 10 + found->end_coord.y; }",
        223,
    ),
    Case(
        "a search of the library ends",
        "int f() { uint32_t n = 4000000000; return merge_num_sticks_to_read(n, 4000000000, 4096) == 1 && "
        "merge_num_sticks_to_read(12, 64, 512) == 6; }",
        1,
    ),
]


@pytest.mark.parametrize("case", parameters(CASES))
def test_language(tmp_path: Path, case: Case) -> None:
    assert value(tmp_path, case.code) == case.expected


def leaf(key: str, number: int) -> Val:
    return Val(number, 1, key)


def test_a_whole_input_stays_whole() -> None:
    assert solving.solve(leaf("n", 3), 4.2) == [{"n": 5}]


def test_what_is_rounded_up_is_solved_for_multiples_only() -> None:
    rounded = Val(64, 1, ("roundup", leaf("n", 40), 32))
    assert solving.solve(rounded, 96) == [{"n": 96}]
    assert solving.solve(rounded, 48) == []


def test_a_product_is_solved_by_two_factors_where_one_cannot() -> None:
    rows = Val(64, 1, ("roundup", leaf("rows", 64), 32))
    product = Val(192, 3, ("*", leaf("batch", 3), rows))
    assert solving.solve(product, 32) == [{"rows": 32, "batch": 1}]


def test_the_chip_is_consistent() -> None:
    """Sizes of the tables, and that no worker shares its place with a DRAM bank."""
    assert len(COLUMNS) == GRID[0]
    assert len(ROWS) >= GRID[1]
    assert not {(x, y) for x in COLUMNS for y in ROWS} & set(DRAM)
    assert len(set(DRAM)) == len(DRAM) == 12


def test_dram_banks_ask_for_a_whole_chip(tmp_path: Path) -> None:
    from interp_snippets import interp_of
    from tt_cache_lint.device.chip import dram_core, noc_core
    from tt_cache_lint.device.cores import CoreCoord
    from tt_cache_lint.device.tensors import Device
    from tt_cache_lint.interp.machine import Machine
    from tt_cache_lint.interp.registry import Site
    from tt_cache_lint.interp.values import Mark

    site = Site(Mark("", 1, 1, 1, ""), "dram_core_from_dram_channel")
    small = Machine(interp_of(tmp_path, "int f() { return 1; }"), World(0))
    with pytest.raises(Thrown) as refused:
        dram_core(small, site, Device(small.world), 0)
    whole = Machine(small.interp, World(0, dict(refused.value.repairs[0])))
    assert dram_core(whole, site, Device(whole.world), 4).xy == (5, 1)
    assert noc_core(
        whole, Site(site.mark, "worker_core_from_logical_core"), Device(whole.world), CoreCoord(4, 5)
    ).xy == (6, 7)


@pytest.mark.parametrize(("width", "kind", "fits"), [(4, "L1", True), (2, "L1", False), (2, "DRAM", True)])
def test_a_device_has_the_cores_of_the_shards(width: int, kind: str, fits: bool) -> None:
    """A path that insists on a small device is none for L1 shards on more cores; DRAM shards lie on banks."""
    from tt_cache_lint.device.tensor_inputs import input_memory
    from tt_cache_lint.device.tensor_spec import enum

    given = {
        "device.grid.x": width,
        "t.memory_layout": enum("TensorMemoryLayout", "HEIGHT_SHARDED"),
        "t.buffer_type": enum("BufferType", kind),
    }
    memory = input_memory(World(0, given), "t")
    if fits:
        assert memory.shard_spec.v.grid.ranges[0].box() == (0, 0, 3, 0)
    else:
        with pytest.raises(Thrown, match="beyond the device"):
            _ = memory.shard_spec


def test_an_index_that_an_input_gives_is_rather_lowered_than_the_rank_raised(tmp_path: Path) -> None:
    from interp_snippets import interp_of
    from tt_cache_lint.device.tensor_inputs import input_shape
    from tt_cache_lint.interp.access import out_of_range
    from tt_cache_lint.interp.machine import Machine

    m = Machine(interp_of(tmp_path, "int f() { return 1; }"), World(0))
    shape = input_shape(m.world, "t")
    fifth, third = out_of_range(m, shape, 4, leaf("dim", 4)), out_of_range(m, shape, 3, leaf("dim", 3))
    assert isinstance(fifth, Thrown)
    assert fifth.repairs == ({"dim": 3}, {"t.rank": 5})
    assert isinstance(third, Thrown)
    assert third.repairs == ({"t.rank": 4}, {"dim": 3})


def test_a_shared_semaphore_is_what_its_pointer_points_to(tmp_path: Path) -> None:
    """std::visit tells a GlobalSemaphore by its pointer from an id."""
    code = (
        "int f(std::shared_ptr<const GlobalSemaphore> s) { std::variant<uint32_t, const GlobalSemaphore*> v = s.get(); "
        "return std::visit(ttsl::overloaded{[](uint32_t) { return 1; }, [](GlobalSemaphore const* g) { return 2; }, "
        "[](auto&&) { return 3; }}, v); }"
    )
    from interp_snippets import interp_of
    from tt_cache_lint.device.tensors import GlobalSemaphore
    from tt_cache_lint.interp.machine import Machine

    interp = interp_of(tmp_path, code)
    (body,) = interp.index.functions("f", "f.cpp")
    assert Machine(interp, World(0)).invoke(interp.instance(body, {}, None), [GlobalSemaphore("s", 1)]) == 2


def test_old_page_mappings_agree(tmp_path: Path) -> None:
    """Every list of BufferPageMapping tells the same story about the pages."""
    from tt_cache_lint.device.old_pages import listed
    from tt_cache_lint.device.shards import Pages
    from tt_cache_lint.interp.values import plain

    pages = Pages((3, 2), (2, 1), [(0, 0), (1, 0), (0, 1), (1, 1)], 0)
    to_host = [plain(h) for h in listed(pages, "dev_page_to_host_page_mapping_").items]
    to_device = [plain(d) for d in listed(pages, "host_page_to_dev_page_mapping_").items]
    assert to_host == [0, 2, 1, 3, 4, None, 5, None]  # two pages a core, column by column; the last ones are padded
    assert [to_host[device] for device in to_device] == list(range(6))
    local = [plain(d) for d in listed(pages, "host_page_to_local_shard_page_mapping_").items]
    cores = [plain(d) for d in listed(pages, "dev_page_to_core_mapping_").items]
    assert [cores[device] * 2 + place for device, place in zip(to_device, local, strict=True)] == to_device
