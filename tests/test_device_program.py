"""The device model: what host API calls do to a program, and what they reject (facts/device_model.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from interp_snippets import MAIN, data, interp_of, value
from tt_cache_lint.device.program import CircularBuffer, Failure, Kernel, Program, enter
from tt_cache_lint.device.tensor_inputs import input_tensor
from tt_cache_lint.device.tensor_spec import DRAM, L1
from tt_cache_lint.interp.access import value_of
from tt_cache_lint.interp.interrupts import Thrown
from tt_cache_lint.interp.machine import Machine
from tt_cache_lint.interp.values import Handle, Opaque, Value, mask, plain
from tt_cache_lint.interp.world import World

START = """
using namespace tt::tt_metal;
struct Shared { KernelHandle kernel; KernelHandle other; CBHandle cb; std::vector<CoreCoord> cores; };
struct Cached { Program program; Shared shared; };
"""
KERNEL = """
    Program program = CreateProgram();
    CoreRangeSet cores(CoreRange({0, 0}, {1, 2}));
    auto kernel = CreateKernel(program, "reader.cpp", cores, ReaderDataMovementConfig({}));
"""


class Device:
    """A snippet's create() and override() on one machine, as a hit runs them."""

    def __init__(self, root: Path, code: str) -> None:
        self.interp = interp_of(root, START + code)
        self.world = World(0, {"input.buffer_type": L1})  # so that a circular buffer can be placed on it
        self.machine = Machine(self.interp, self.world)
        enter(self.machine)
        self.result: Value = None

    def call(self, name: str, *args: Value) -> Value:
        defs = self.interp.index.defs(MAIN)
        assert defs is not None
        function = defs.functions[name][0]
        given = list(args)
        return value_of(self.machine.invoke(self.interp.code(self.machine, function, (), given), given))

    def create(self) -> Program:
        self.world.run, self.machine.phase = 1, "create"
        self.result = self.call("create", self.tensor())
        program = self.result if isinstance(self.result, Program) else self.result.fields["program"]
        assert isinstance(program, Program)
        return program

    def override(self) -> Program:
        program = self.create()
        program.compiled = True
        self.world.run, self.machine.phase = 2, "override"
        shared = None if isinstance(self.result, Program) else self.result.fields["shared"]
        self.call("override", program, shared, self.tensor())
        return program

    def tensor(self) -> Value:
        return input_tensor(self.world, "input", self.world.run)

    @property
    def failures(self) -> list[Failure]:
        return list(self.machine.failures)

    @property
    def kinds(self) -> list[str]:
        return [f.kind for f in self.failures]


def words(kernel: Kernel) -> dict[tuple[int, int], list[Any]]:
    return {xy: [plain(v) for v in args.vals] for xy, args in sorted(kernel.args.items())}


def created(root: Path, body: str) -> tuple[Device, Program]:
    device = Device(root, f"Program create(const Tensor& input) {{ {KERNEL} {body} return program; }}")
    program = device.create()
    assert not device.machine.unknown
    return device, program


def overridden(root: Path, body: str, override: str) -> tuple[Device, Program]:
    device = Device(
        root,
        f"Cached create(const Tensor& input) {{ {KERNEL} CBHandle cb = 0; KernelHandle other = 0; {body} "
        "return {program, {kernel, other, cb, {{0, 0}, {1, 1}}}}; }\n"
        f"void override(Program& program, Shared& shared, const Tensor& input) {{ {override} }}",
    )
    program = device.override()
    assert not device.machine.unknown
    return device, program


# -- runtime arguments -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "cores"),
    [
        ("CoreCoord{1, 2}", [(1, 2)]),
        ("CoreCoord(0, 1)", [(0, 1)]),
        ("CoreRange({0, 0}, {0, 1})", [(0, 0), (0, 1)]),
        ("cores", [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]),
        ("CoreRangeSet({CoreRange({0, 0}), CoreRange({1, 1}, {1, 2})})", [(0, 0), (1, 1), (1, 2)]),
        ("{0, 2}", [(0, 2)]),
    ],
)
def test_arguments_go_to_the_cores_named(tmp_path: Path, where: str, cores: list[tuple[int, int]]) -> None:
    device, program = created(tmp_path, f"SetRuntimeArgs(program, kernel, {where}, {{7, 8u, true}});")
    assert words(program.kernels[0]) == {xy: [7, 8, 1] for xy in cores}
    assert not device.failures


def test_grouped_arguments(tmp_path: Path) -> None:
    body = """
    std::vector<CoreCoord> where = {{0, 0}, {1, 1}};
    std::vector<std::vector<uint32_t>> args = {{1, 2}, {3, 4}};
    SetRuntimeArgs(program, kernel, where, args);"""
    _, program = created(tmp_path, body)
    assert words(program.kernels[0]) == {(0, 0): [1, 2], (1, 1): [3, 4]}


def test_grouped_arguments_of_another_count_are_rejected(tmp_path: Path) -> None:
    body = """
    std::vector<CoreCoord> where = {{0, 0}, {1, 1}};
    std::vector<std::vector<uint32_t>> args = {{1, 2}};
    SetRuntimeArgs(program, kernel, where, args);"""
    device, _ = created(tmp_path, body)
    assert device.kinds == ["count"]


def test_a_second_list_of_the_same_size_replaces(tmp_path: Path) -> None:
    body = "SetRuntimeArgs(program, kernel, CoreCoord{0, 0}, {1, 2}); SetRuntimeArgs(program, kernel, cores, {3, 4});"
    device, program = created(tmp_path, body)
    assert words(program.kernels[0])[(0, 0)] == [3, 4]
    assert not device.failures


def test_a_second_list_of_another_size_is_rejected_and_changes_nothing(tmp_path: Path) -> None:
    body = (
        "SetRuntimeArgs(program, kernel, CoreCoord{0, 0}, {1, 2}); SetRuntimeArgs(program, kernel, cores, {3, 4, 5});"
    )
    device, program = created(tmp_path, body)
    assert device.kinds == ["count"]
    assert device.failures[0].cores == ((0, 0),)
    assert words(program.kernels[0]) == {(0, 0): [1, 2]} | {
        xy: [3, 4, 5] for xy in [(0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    }


def test_an_empty_list_sets_nothing(tmp_path: Path) -> None:
    device, program = created(tmp_path, "SetRuntimeArgs(program, kernel, cores, {});")
    assert words(program.kernels[0]) == {}
    assert not device.failures


def test_arguments_outside_the_kernel_are_rejected(tmp_path: Path) -> None:
    device, _ = created(tmp_path, "SetRuntimeArgs(program, kernel, CoreCoord{5, 5}, {1});")
    assert [(f.kind, f.cores) for f in device.failures] == [("core", ((5, 5),))]


def test_arguments_are_words(tmp_path: Path) -> None:
    body = "int minus = -1; SetRuntimeArgs(program, kernel, CoreCoord{0, 0}, {(uint32_t)minus, uint32_t(1) << 31});"
    _, program = created(tmp_path, body)
    assert words(program.kernels[0]) == {(0, 0): [0xFFFFFFFF, 0x80000000]}


def test_the_list_is_copied(tmp_path: Path) -> None:
    body = "std::vector<uint32_t> a = {1}; SetRuntimeArgs(program, kernel, CoreCoord{0, 0}, a); a[0] = 9;"
    _, program = created(tmp_path, body)
    assert words(program.kernels[0]) == {(0, 0): [1]}


def test_common_arguments(tmp_path: Path) -> None:
    device, program = created(tmp_path, "SetCommonRuntimeArgs(program, kernel, {4, 5});")
    common = program.kernels[0].common
    assert common is not None
    assert [plain(v) for v in common.vals] == [4, 5]
    assert not device.failures


def test_common_arguments_twice_are_rejected(tmp_path: Path) -> None:
    """kernel.cpp:670-674: only once, also with the same size."""
    body = "SetCommonRuntimeArgs(program, kernel, {4, 5}); SetCommonRuntimeArgs(program, kernel, {6, 7});"
    device, program = created(tmp_path, body)
    assert device.kinds == ["common-twice"]
    common = program.kernels[0].common
    assert common is not None
    assert [plain(v) for v in common.vals] == [4, 5]


def test_common_arguments_again_in_the_override_are_rejected(tmp_path: Path) -> None:
    device, _ = overridden(
        tmp_path, "SetCommonRuntimeArgs(program, kernel, {4});", "SetCommonRuntimeArgs(program, shared.kernel, {5});"
    )
    assert [(f.kind, f.phase) for f in device.failures] == [("common-twice", "override")]


def test_common_arguments_are_refreshed_through_their_view(tmp_path: Path) -> None:
    device, program = overridden(
        tmp_path,
        "SetCommonRuntimeArgs(program, kernel, {4, 5});",
        "auto& common = GetCommonRuntimeArgs(program, shared.kernel); common[1] = 9;",
    )
    common = program.kernels[0].common
    assert common is not None
    assert [plain(v) for v in common.vals] == [4, 9]
    assert set(common.writes) == {1}
    assert not device.failures


# -- views -----------------------------------------------------------------------------------------------------------

SET = "SetRuntimeArgs(program, kernel, cores, {1, 2, 3});"


@pytest.mark.parametrize(
    "write",
    [
        "auto& args = GetRuntimeArgs(program, shared.kernel, CoreCoord{0, 1}); args[1] = 9;",
        "auto args = GetRuntimeArgs(program, shared.kernel, CoreCoord{0, 1}); args[1] = 9;",
        "auto& args = GetRuntimeArgs(program, shared.kernel, CoreCoord{0, 1}); args.at(1) = 9;",
        "GetRuntimeArgs(program, shared.kernel, CoreCoord{0, 1})[1] = 9;",
        "GetRuntimeArgs(program, shared.kernel)[0][1][1] = 9;",
        "auto& grid = GetRuntimeArgs(program, shared.kernel); auto& args = grid[0][1]; args[1] = 9;",
        "auto& grid = GetRuntimeArgs(program, shared.kernel); CoreCoord c{0, 1}; grid.at(c.x).at(c.y)[1] = 9;",
        "auto* args = GetRuntimeArgs(program, shared.kernel, CoreCoord{0, 1}).data(); args[1] = 9;",
        "auto* args = GetRuntimeArgs(program, shared.kernel, CoreCoord{0, 1}).data(); *(args + 1) = 9;",
        "uint32_t* args = GetRuntimeArgs(program, shared.kernel, CoreCoord{0, 1}).data(); args++; *args = 9;",
        "auto& args = GetRuntimeArgs(program, shared.kernel, CoreCoord{0, 1}); auto& word = args[1]; word = 9;",
        "auto& args = GetRuntimeArgs(program, shared.kernel, CoreCoord{0, 1}); uint32_t i = 0; i++; args[i++] = 9;",
        "auto& args = GetRuntimeArgs(program, shared.kernel, CoreCoord{0, 1}); args[1] += 7;",
        "auto& args = GetRuntimeArgs(program, shared.kernel, CoreCoord{0, 1}); *(args.begin() + 1) = 9;",
        (
            "auto w = [&](uint32_t i, uint32_t v) { "
            "GetRuntimeArgs(program, shared.kernel, CoreCoord{0, 1})[i] = v; }; w(1, 9);"
        ),
        "uint32_t i = 0; for (auto& word : GetRuntimeArgs(program, shared.kernel, CoreCoord{0, 1})) "
        "{ if (i == 1) { word = 9; } i++; }",
        "SetRuntimeArgs(program, shared.kernel, CoreCoord{0, 1}, {1, 9, 3});",
    ],
)
def test_views_write_through(tmp_path: Path, write: str) -> None:
    device, program = overridden(tmp_path, SET, write)
    found = words(program.kernels[0])
    assert found.pop((0, 1)) == [1, 9, 3]
    assert set(map(tuple, found.values())) == {(1, 2, 3)}
    assert 1 in program.kernels[0].args[(0, 1)].writes
    assert not device.failures


VIEW = "auto& view = GetRuntimeArgs(program, shared.kernel, CoreCoord{0, 1}); "


@pytest.mark.parametrize(
    "copy",
    [
        VIEW + "std::vector<uint32_t> args(view.begin(), view.end());",
        VIEW + "std::vector<uint32_t> args(view.data(), view.data() + view.size());",
        VIEW + "std::vector<uint32_t> args(3); std::copy(view.begin(), view.end(), args.begin());",
        VIEW + "auto args = std::vector<uint32_t>(view.begin(), view.end());",
        "std::vector<uint32_t> args = GetRuntimeArgs(program, shared.kernel, CoreCoord{0, 1});",
    ],
)
def test_a_copy_into_a_vector_does_not_write_through(tmp_path: Path, copy: str) -> None:
    device, program = overridden(tmp_path, SET, copy + " args[1] = 9;")
    assert words(program.kernels[0])[(0, 1)] == [1, 2, 3]
    assert program.kernels[0].args[(0, 1)].writes == {}
    assert not device.failures


def test_a_copy_that_is_set_again_counts(tmp_path: Path) -> None:
    _, program = overridden(
        tmp_path,
        SET,
        "std::vector<uint32_t> args = GetRuntimeArgs(program, shared.kernel, CoreCoord{0, 1}); args[1] = 9; "
        "SetRuntimeArgs(program, shared.kernel, CoreCoord{0, 1}, args);",
    )
    assert words(program.kernels[0])[(0, 1)] == [1, 9, 3]


@pytest.mark.parametrize(
    ("write", "index", "cores"),
    [
        ("GetRuntimeArgs(program, shared.kernel, CoreCoord{0, 1})[3] = 9;", 3, ((0, 1),)),
        ("GetRuntimeArgs(program, shared.kernel, CoreCoord{4, 4})[0] = 9;", 0, ((4, 4),)),
        ("GetCommonRuntimeArgs(program, shared.kernel)[0] = 9;", 0, ()),
        ("GetRuntimeArgs(program, shared.kernel, CoreCoord{0, 1})[-1] = 9;", -1, ((0, 1),)),
    ],
)
def test_writes_out_of_range(tmp_path: Path, write: str, index: int, cores: tuple[tuple[int, int], ...]) -> None:
    device, program = overridden(tmp_path, SET, write)
    (failure,) = device.failures
    assert (failure.kind, failure.index, failure.cores, failure.phase) == ("range", index, cores, "override")
    assert failure.owner == "kernel"
    assert all(v == [1, 2, 3] for v in words(program.kernels[0]).values())


def test_a_read_out_of_range_is_no_failure_and_unknown(tmp_path: Path) -> None:
    device, _ = overridden(
        tmp_path, SET, "uint32_t x = GetRuntimeArgs(program, shared.kernel, CoreCoord{0, 1})[7]; x++;"
    )
    assert not device.failures


def test_the_size_of_a_view(tmp_path: Path) -> None:
    device = Device(
        tmp_path,
        f"Program create(const Tensor& input) {{ {KERNEL} {SET} "
        "auto& a = GetRuntimeArgs(program, kernel, CoreCoord{0, 0}); "
        "for (uint32_t i = 0; i < a.size(); i++) { a[i] = a[i] * 2; } return program; }",
    )
    assert words(device.create().kernels[0])[(0, 0)] == [2, 4, 6]


def test_override_addresses_are_those_of_the_second_run(tmp_path: Path) -> None:
    device, program = overridden(
        tmp_path,
        "SetRuntimeArgs(program, kernel, cores, {input.buffer()->address(), 5});",
        (
            "for (const auto& core : shared.cores) { "
            "GetRuntimeArgs(program, shared.kernel, core)[0] = input.buffer()->address(); }"
        ),
    )
    owners = {xy: device.world.addresses[v[0]] for xy, v in words(program.kernels[0]).items()}
    assert {xy for xy, owner in owners.items() if owner == ("input", 2)} == {(0, 0), (1, 1)}
    assert {owner for xy, owner in owners.items() if xy not in {(0, 0), (1, 1)}} == {("input", 1)}


def test_writes_outside_of_the_override_leave_no_refresh(tmp_path: Path) -> None:
    _, program = created(tmp_path, SET + "GetRuntimeArgs(program, kernel, CoreCoord{0, 0})[0] = 4;")
    assert words(program.kernels[0])[(0, 0)] == [4, 2, 3]
    assert program.kernels[0].args[(0, 0)].writes == {}


def test_marks_of_arguments_are_the_lines_of_the_elements(tmp_path: Path) -> None:
    device, program = created(
        tmp_path, "\nstd::vector<uint32_t> a = {\n1,\n2};\na.push_back(3);\nSetRuntimeArgs(program, kernel, cores, a);"
    )
    args = program.kernels[0].args[(0, 0)]
    lines = [mark.line for mark in args.marks if mark is not None]
    assert [line - lines[0] for line in lines] == [0, 1, 2]
    assert args.set_call.line - lines[0] == 3
    assert not device.failures


# -- creation --------------------------------------------------------------------------------------------------------


def test_kernel_handles_are_ordinals(tmp_path: Path) -> None:
    body = """
    auto second = CreateKernel(program, "writer.cpp", cores, WriterDataMovementConfig({}));
    auto third = CreateKernel(program, "compute.cpp", CoreCoord{0, 0}, ComputeConfig{});
    SetRuntimeArgs(program, kernel, CoreCoord{0, 0}, {kernel, second, third});
    SetRuntimeArgs(program, 2, CoreCoord{0, 0}, {77});"""
    device, program = created(tmp_path, body)
    assert [k.ordinal for k in program.kernels] == [0, 1, 2]
    assert [k.name for k in program.kernels] == ["kernel", "second", "third"]
    assert words(program.kernels[0]) == {(0, 0): [0, 1, 2]}
    assert words(program.kernels[2]) == {(0, 0): [77]}
    assert [len(k.cores) for k in program.kernels] == [6, 6, 1]
    assert not device.failures


def test_a_default_handle_is_the_first_kernel(tmp_path: Path) -> None:
    """KernelHandle{} is 0, which names a kernel: nothing fails, the wrong kernel is written."""
    device, program = overridden(
        tmp_path, SET, "KernelHandle handle{}; GetRuntimeArgs(program, handle, CoreCoord{0, 0})[0] = 9;"
    )
    assert words(program.kernels[0])[(0, 0)] == [9, 2, 3]
    assert not device.failures


def test_handles_keep_their_identity(tmp_path: Path) -> None:
    body = """
    std::vector<KernelHandle> handles = {kernel};
    handles.push_back(CreateKernel(program, "w.cpp", cores, WriterDataMovementConfig({})));
    std::map<int, KernelHandle> by_key; by_key[7] = handles[1];
    auto pair = std::make_pair(handles[0], by_key.at(7));
    auto [a, b] = pair;
    uint32_t raw = static_cast<uint32_t>(b);
    SetRuntimeArgs(program, a, CoreCoord{0, 0}, {1});
    SetRuntimeArgs(program, raw, CoreCoord{0, 0}, {2});"""
    _, program = created(tmp_path, body)
    assert [words(k) for k in program.kernels] == [{(0, 0): [1]}, {(0, 0): [2]}]


def test_a_circular_buffer_handle_is_no_ordinal(tmp_path: Path) -> None:
    body = "cb = CreateCircularBuffer(program, cores, CircularBufferConfig(64, {{0, tt::DataFormat::UInt32}}));"
    device, program = overridden(tmp_path, body, "UpdateDynamicCircularBufferAddress(program, 0, *input.buffer());")
    assert device.kinds == ["handle"]
    assert program.cbs[0].writes == []


def test_a_circular_buffer_is_pointed_elsewhere(tmp_path: Path) -> None:
    body = """
    auto config = CircularBufferConfig(64, {{tt::CBIndex::c_3, tt::DataFormat::UInt32}})
        .set_page_size(tt::CBIndex::c_3, 32).set_globally_allocated_address(*input.buffer());
    cb = CreateCircularBuffer(program, cores, config);"""
    device, program = overridden(
        tmp_path, body, "UpdateDynamicCircularBufferAddress(program, shared.cb, *input.buffer());"
    )
    (cb,) = program.cbs
    assert isinstance(cb, CircularBuffer)
    assert cb.name == "c_3"
    assert (plain(cb.total), plain(cb.pages[3])) == (64, 32)
    assert (cb.buffer.owner, cb.buffer.run) == ("input", 2)
    assert len(cb.writes) == 1
    assert not device.failures


def test_where_a_circular_buffer_is_placed(tmp_path: Path) -> None:
    body = """
    CircularBufferConfig config(64, {{0, tt::DataFormat::UInt32}});
    const bool before = config.globally_allocated_address().has_value();
    config.set_globally_allocated_address(*input.buffer());
    SetRuntimeArgs(program, kernel, CoreCoord{0, 0}, {before, *config.globally_allocated_address()});"""
    device, program = created(tmp_path, body)
    no, address = program.kernels[0].args[0, 0].vals
    assert (plain(no), plain(address)) == (0, plain(device.world.address("input", 1)))
    assert device.world.leaves(mask(address)) == ["address of input"]


def test_a_circular_buffer_on_what_is_not_understood_is_placed_somewhere(tmp_path: Path) -> None:
    body = """
    CircularBufferConfig config(64, {{0, tt::DataFormat::UInt32}});
    config.set_globally_allocated_address(*buffer_from_elsewhere());
    SetRuntimeArgs(program, kernel, CoreCoord{0, 0}, {(uint32_t)config.globally_allocated_address().has_value()});"""
    program = Device(tmp_path, f"Program create(const Tensor& input) {{ {KERNEL} {body} return program; }}").create()
    (placed,) = program.kernels[0].args[0, 0].vals
    assert type(plain(placed)) is not int


def test_a_circular_buffer_over_dram_asks_for_another_tensor(tmp_path: Path) -> None:
    device = Device(
        tmp_path,
        """
void create(const Tensor& input) {
    auto config = CircularBufferConfig(64, {{tt::CBIndex::c_3, tt::DataFormat::UInt32}});
    config.set_globally_allocated_address(*input.buffer());
}""",
    )
    device.world.forced["input.buffer_type"] = DRAM
    device.machine.phase = "create"
    with pytest.raises(Thrown, match="in DRAM") as refused:
        device.call("create", input_tensor(device.world, "input", 1))
    asked = {key for repair in refused.value.repairs for key in repair}
    assert asked == {"input.memory_layout", "input.buffer_type"}


def test_a_narrowed_circular_buffer_handle_is_told(tmp_path: Path) -> None:
    device, _ = overridden(
        tmp_path,
        "cb = CreateCircularBuffer(program, cores, CircularBufferConfig(64, {{0, tt::DataFormat::UInt32}}));",
        "uint32_t id = shared.cb; UpdateDynamicCircularBufferAddress(program, id, *input.buffer());",
    )
    assert device.kinds == ["narrow"]


@pytest.mark.parametrize(
    ("call", "what"),
    [
        ('CreateKernel(program, "x.cpp", CoreCoord{0, 0}, ComputeConfig{});', "kernel"),
        (
            "CreateCircularBuffer(program, CoreCoord{0, 0}, CircularBufferConfig(64, {{0, tt::DataFormat::UInt32}}));",
            "circular",
        ),
        ("CreateSemaphore(program, CoreCoord{0, 0}, 0);", "semaphore"),
    ],
)
def test_creation_after_compilation_is_rejected(tmp_path: Path, call: str, what: str) -> None:
    device, program = overridden(tmp_path, "", call)
    assert [(f.kind, f.phase) for f in device.failures] == [("after-compile", "override")]
    assert what in device.failures[0].message
    assert len(program.kernels) == 1
    assert program.cbs == []


def test_semaphores_take_the_lowest_free_id(tmp_path: Path) -> None:
    body = """
    auto a = CreateSemaphore(program, CoreRange({0, 0}, {0, 1}), 0);
    auto b = CreateSemaphore(program, CoreRange({1, 0}, {1, 1}), 0);
    auto c = CreateSemaphore(program, CoreRange({0, 1}, {1, 1}), 0);
    auto d = CreateSemaphore(program, CoreCoord{0, 0}, 0);
    auto e = CreateSemaphore(program, cores, 0);
    SetRuntimeArgs(program, kernel, CoreCoord{0, 0}, {a, b, c, d, e});"""
    _, program = created(tmp_path, body)
    # a and b share no core; c meets both; d meets a only, and c not; e meets all.
    assert words(program.kernels[0]) == {(0, 0): [0, 0, 1, 1, 2]}
    assert len(program.semaphores) == 5


def test_semaphores_by_pointer(tmp_path: Path) -> None:
    """As they were made until 2023-09: with the device, and asked for their address."""
    body = """
    CreateSemaphore(program, CoreCoord{0, 0}, 0);
    auto sender = CreateSemaphore(program, input.device(), cores, 0);
    SetRuntimeArgs(program, kernel, CoreCoord{0, 0}, {sender->address()});"""
    _, program = created(tmp_path, body)
    assert words(program.kernels[0]) == {(0, 0): [1]}


def test_ethernet_cores_to_neighbours(tmp_path: Path) -> None:
    """Each neighbour has cores of its own, all of them in use."""
    body = """
    std::vector<uint32_t> given;
    for (const auto& core : input.device()->get_ethernet_sockets(1)) {
        if (input.device()->is_active_ethernet_core(core, true)) { given.push_back(core.y); }
    }
    for (const auto& core : input.device()->get_ethernet_sockets(2)) { given.push_back(core.y); }
    SetRuntimeArgs(program, kernel, CoreCoord{0, 0}, given);"""
    _, program = created(tmp_path, body)
    assert words(program.kernels[0]) == {(0, 0): list(range(4, 12))}


def test_events_come_in_order(tmp_path: Path) -> None:
    body = """
    CreateCircularBuffer(program, cores, CircularBufferConfig(64, {{0, tt::DataFormat::UInt32}}));
    CreateSemaphore(program, cores, 0);
    SetRuntimeArgs(program, kernel, cores, {1});
    SetCommonRuntimeArgs(program, kernel, {1});"""
    device, _ = created(tmp_path, body)
    assert [e.kind for e in device.machine.log] == ["program", "kernel", "cb", "semaphore", "args", "common"]


def test_a_circular_buffer_is_resized(tmp_path: Path) -> None:
    device, program = overridden(
        tmp_path,
        "cb = CreateCircularBuffer(program, cores, "
        "CircularBufferConfig(64, {{0, tt::DataFormat::UInt32}}).set_page_size(0, 32));",
        "UpdateCircularBufferTotalSize(program, shared.cb, 128); "
        "UpdateCircularBufferPageSize(program, shared.cb, 0, 64);",
    )
    assert (plain(program.cbs[0].total), plain(program.cbs[0].pages[0])) == (128, 64)
    events = [e for e in device.machine.log if e.phase == "override"]
    assert [(e.kind, plain(e.old), plain(e.value)) for e in events] == [("cb-size", 64, 128), ("cb-page-size", 32, 64)]


def test_a_program_is_never_copied(tmp_path: Path) -> None:
    device = Device(
        tmp_path,
        'void add(Program& p) { CreateKernel(p, "x.cpp", CoreCoord{0, 0}, ComputeConfig{}); }\n'
        f"Program create(const Tensor& input) {{ {KERNEL} add(program); "
        "Program moved = std::move(program); add(moved); return moved; }",
    )
    assert len(device.create().kernels) == 3


def test_an_unknown_helper_with_the_program_marks_it(tmp_path: Path) -> None:
    device = Device(
        tmp_path,
        f"Program create(const Tensor& input) {{ {KERNEL} elsewhere::decorate(program, kernel); return program; }}",
    )
    program = device.create()
    assert program.escaped == {"create"}
    assert device.machine.unknown == {"elsewhere::decorate": 1}


def test_handle_values(tmp_path: Path) -> None:
    _, program = created(
        tmp_path, "CreateCircularBuffer(program, cores, CircularBufferConfig(64, {{0, tt::DataFormat::UInt32}}));"
    )
    assert isinstance(program.kernels[0].handle, Handle)
    assert data(program.kernels[0].handle) == 0
    assert program.cbs[0].handle.v > 0xFFFFFFFF  # pointer-sized: 32 bits do not hold it


PROXY = """
struct Outer {
    struct shared_variables_t { uint32_t number; };
    using cached_program_t = ttnn::device_operation::CachedProgram<shared_variables_t>;
};
uint32_t f() {
    Outer::cached_program_t cached{CreateProgram(), {4}};
    cached.@NAME@.number += 1;
    auto proxy = Outer::cached_program_t::proxy(cached.program, cached.shared_variables);
    return proxy.@NAME@.number * 10 + cached.@NAME@.number;
}
"""


@pytest.mark.parametrize("name", ["shared_variables", "program_attributes"])
def test_what_shared_variables_are_called(tmp_path: Path, name: str) -> None:
    """By their older name, too, in the cached program and in what the override of a workload makes for each program."""
    assert value(tmp_path, START + PROXY.replace("@NAME@", name)) == 55


def test_a_list_with_unknown_items_is_copied_item_by_item(tmp_path: Path) -> None:
    """What a fabric helper appended is there in the copy, too, and stands where it stood."""
    body = """
        std::vector<uint32_t> args = {1, 2, 3};
        append_fabric_mux_connection_rt_args(true, CoreCoord{0, 0}, args);
        std::vector<uint32_t> copied;
        for (size_t i = 0; i < args.size(); ++i) { copied.push_back(args[i]); }
        SetRuntimeArgs(program, kernel, CoreCoord{0, 0}, copied);
    """
    device = Device(tmp_path, f"Program create(const Tensor& input) {{ {KERNEL} {body} return program; }}")
    (kernel,) = device.create().kernels
    vals = kernel.args[(0, 0)].vals
    assert [plain(v) for v in vals[:3]] == [1, 2, 3]
    assert [type(v) for v in vals[3:]] == [Opaque]
