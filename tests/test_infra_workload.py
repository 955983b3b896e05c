"""Workload-descriptor factories: what a hit patches in each program, what the workload keeps, and who is called.

The semantics are those of ttnn/api/ttnn/mesh_device_operation_adapter.hpp (facts/since_may_2026.md section 1.4).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tt_cache_lint import engine
from tt_cache_lint.infra.adapter import ADAPTER
from tt_cache_lint.model import Cause, FactoryFacts, Status

OP = """
namespace tt::tt_metal {
struct CBFormatDescriptor { uint8_t buffer_index = 0; tt::DataFormat data_format; uint32_t page_size = 0; };
struct CBDescriptor {
    uint32_t total_size = 0;
    CoreRangeSet core_ranges;
    std::vector<CBFormatDescriptor> format_descriptors;
    Buffer* buffer = nullptr;
};
struct KernelDescriptor {
    std::string kernel_source;
    CoreRangeSet core_ranges;
    std::vector<uint32_t> compile_time_args;
    std::vector<std::pair<CoreCoord, std::vector<uint32_t>>> runtime_args;
    std::vector<uint32_t> common_runtime_args;
};
struct ProgramDescriptor {
    std::vector<KernelDescriptor> kernels;
    std::vector<CBDescriptor> cbs;
};
struct WorkloadBuffer { std::shared_ptr<void> owner; Buffer* buffer = nullptr; };
struct WorkloadDescriptor {
    std::vector<GlobalSemaphore> semaphores;
    std::vector<WorkloadBuffer> buffers;
    struct PerCoordProgram { distributed::MeshCoordinateRange range; ProgramDescriptor descriptor; };
    std::vector<PerCoordProgram> programs;
};
}
namespace ttnn::operations::test {
using namespace tt::tt_metal;
struct CopyOperation {
    struct operation_attributes_t { uint32_t factor = 1; uint32_t seed = 0; };
    struct tensor_args_t { Tensor input; std::optional<Tensor> given; };
    using spec_return_value_t = TensorSpec;
    using tensor_return_value_t = Tensor;
    struct CopyFactory {
        static WorkloadDescriptor create_workload_descriptor(
            const operation_attributes_t& attributes, const tensor_args_t& tensors, Tensor& output,
            const ttnn::MeshCoordinateRangeSet& coords);
        @HOOK@
    };
    using program_factory_t = std::variant<CopyFactory>;
    static void validate_on_program_cache_miss(const operation_attributes_t&, const tensor_args_t&) {}
    static ttsl::hash::hash_t compute_program_hash(const operation_attributes_t& a, const tensor_args_t& t) {
        return ttsl::hash::hash_objects_with_default_seed(a.factor, t);
    }
    static TensorSpec compute_output_specs(const operation_attributes_t&, const tensor_args_t& tensors) {
        return tensors.input.tensor_spec();
    }
    static Tensor create_output_tensors(const operation_attributes_t& attributes, const tensor_args_t& tensors) {
        @OUTPUT@
    }
};
WorkloadDescriptor CopyOperation::CopyFactory::create_workload_descriptor(
    const operation_attributes_t& attributes, const tensor_args_t& tensors, Tensor& output,
    const ttnn::MeshCoordinateRangeSet& coords) {
    WorkloadDescriptor workload;
    const CoreRangeSet all(CoreRange({0, 0}, {1, 0}));
    const CoreCoord core{0, 0};
    auto* device = tensors.input.device();
    Tensor table(HostBuffer(std::vector<uint32_t>{1, 2}), ttnn::Shape({1, 2}), DataType::UINT32, Layout::ROW_MAJOR);
    Tensor moved = table.to_device(device, MemoryConfig{});
    @BEFORE@
    for (const auto& coord : coords.coords()) {
        ProgramDescriptor described;
        KernelDescriptor reader{.kernel_source = "kernels/reader.cpp", .core_ranges = all};
        @ARGUMENTS@
        described.kernels.push_back(reader);
        workload.programs.push_back({ttnn::MeshCoordinateRange(coord), std::move(described)});
    }
    return workload;
}
}
"""
NEW_OUTPUT = "return create_device_tensor(compute_output_specs(attributes, tensors), tensors.input.device());"
GIVEN_OUTPUT = f"if (tensors.given.has_value()) {{ return *tensors.given; }} {NEW_OUTPUT}"
BOUND = "reader.emplace_runtime_args(core, {tensors.input.buffer(), output.buffer()});"
SEEDED = "reader.emplace_runtime_args(core, {tensors.input.buffer(), attributes.seed});"
NUMBERS = "reader.runtime_args.push_back({core, {tensors.input.buffer()->address(), output.buffer()->address()}});"
TABLE = "reader.emplace_runtime_args(core, {tensors.input.buffer(), moved.buffer()->address()});"
PARKED = "auto owner = std::make_shared<Tensor>(moved); workload.buffers.push_back({owner, owner->buffer()});"
HOOK = """
static void override_runtime_arguments(
    tt::tt_metal::Program& program, const operation_attributes_t& attributes, const tensor_args_t& tensors,
    Tensor& output, const std::optional<ttnn::MeshCoordinate>&) {
    GetRuntimeArgs(program, 0, CoreCoord{0, 0})[1] = attributes.seed;
}
"""
APPLY = """
static void apply_descriptor(cached_mesh_workload_t& cached_workload, const operation_attributes_t& attrs) {
    for (auto& [range, program] : cached_workload.workload.get_programs()) {
        if constexpr (has_workload_descriptor) {
            apply_resolved_bindings(program);
            @THEN@
        } else if constexpr (has_override) {
            DescriptorFactory::override_runtime_arguments(program, attrs, args, output, coordinate);
        }
    }
}
"""
CALLED = APPLY.replace(
    "@THEN@", "DescriptorFactory::override_runtime_arguments(program, attrs, args, output, coordinate);"
)
NOT_CALLED = APPLY.replace("@THEN@", "")
FIRST, SECOND = "kernel reader.cpp arg 0", "kernel reader.cpp arg 1"


def facts_of(
    root: Path,
    arguments: str,
    *,
    before: str = "",
    output: str = NEW_OUTPUT,
    hook: str = "",
    adapter: str | None = None,
) -> FactoryFacts:
    """The facts about the factory of the op with these parts. `adapter` is the text of the framework's header."""
    text = OP
    for key, part in {"ARGUMENTS": arguments, "BEFORE": before, "OUTPUT": output, "HOOK": hook}.items():
        text = text.replace(f"@{key}@", part)
    file = root / "ttnn" / "copy_program_factory.cpp"
    file.parent.mkdir()
    file.write_text(text)
    if adapter is not None:
        header = root / ADAPTER
        header.parent.mkdir(parents=True)
        header.write_text(adapter)
    (facts,) = engine.analyse(root, [file], engine.Options()).facts
    assert (facts.infra, facts.status) == ("workload-descriptor", Status.ANALYSED), facts.reason
    return facts


def stale(facts: FactoryFacts) -> dict[str, Cause]:
    return {difference.slot.name: difference.cause for difference in facts.differences}


def test_what_is_bound_is_patched_in_each_program(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, BOUND)
    assert {line.slot.name: line.refreshed for line in facts.table if line.per_dispatch} == {
        FIRST: "yes",
        SECOND: "yes",
    }
    assert stale(facts) == {}


def test_nothing_is_built_anew(tmp_path: Path) -> None:
    """Not even where nothing is bound: that would allocate what the workload keeps once more."""
    assert stale(facts_of(tmp_path, NUMBERS)) == {FIRST: Cause.UNBOUND, SECOND: Cause.UNBOUND}


def test_a_scalar_beside_what_is_bound_stays(tmp_path: Path) -> None:
    assert stale(facts_of(tmp_path, SEEDED)) == {SECOND: Cause.UNBOUND}


def test_a_semaphore_of_the_workload_stays(tmp_path: Path) -> None:
    facts = facts_of(
        tmp_path,
        "reader.emplace_runtime_args(core, {tensors.input.buffer(), workload.semaphores[0].address()});",
        before="workload.semaphores.push_back(ttnn::global_semaphore::create_global_semaphore(device, all, 0));",
    )
    assert stale(facts) == {}


def test_a_buffer_of_the_workload_stays(tmp_path: Path) -> None:
    assert stale(facts_of(tmp_path, TABLE, before=PARKED)) == {}


def test_a_buffer_that_is_not_kept_is_freed(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, TABLE)
    assert stale(facts) == {SECOND: Cause.FREED}
    assert facts.differences[0].fix[0].startswith("// keep what create() allocates")  # binding it would not help
    (related,) = [r for d in facts.differences for r in d.related if r.message == "allocated here"]
    assert related.place.line == OP[: OP.index("table.to_device")].count("\n") + 1


def test_a_buffer_without_its_owner_is_not_kept(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, TABLE, before="workload.buffers.push_back({nullptr, moved.buffer()});")
    assert stale(facts) == {SECOND: Cause.FREED}


def test_what_is_allocated_and_what_is_moved_are_told_apart(tmp_path: Path) -> None:
    """Only the first of two tensors is parked."""
    facts = facts_of(
        tmp_path,
        "reader.emplace_runtime_args(core, {owner->buffer()->address(), other.buffer()->address()});",
        before="auto owner = std::make_shared<Tensor>(create_device_tensor(tensors.input.tensor_spec(), device));"
        "workload.buffers.push_back({owner, owner->buffer()});"
        "Tensor other = Tensor(HostBuffer(std::vector<uint32_t>{3}), ttnn::Shape({1}), DataType::UINT32,"
        " Layout::ROW_MAJOR).to_device(device, MemoryConfig{});",
    )
    assert stale(facts) == {SECOND: Cause.FREED}


def test_an_output_in_the_buffer_of_an_input_unbinds_all(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, BOUND, output=GIVEN_OUTPUT)
    assert set(stale(facts)) == {FIRST, SECOND}
    assert {d.when for d in facts.differences} == {("tensor_args.given is present",)}


@pytest.mark.parametrize(("adapter", "called"), [(None, True), (CALLED, True), (NOT_CALLED, False)])
def test_an_override_writes_what_is_not_bound(tmp_path: Path, adapter: str | None, called: bool) -> None:
    """After the bindings, in those trees whose framework calls it."""
    facts = facts_of(tmp_path, SEEDED, hook=HOOK, adapter=adapter)
    assert stale(facts) == ({} if called else {SECOND: Cause.UNBOUND})
    reason = facts.uncalled.reason if facts.uncalled is not None else ""
    assert reason == ("" if called else "the framework of this tree calls none of such a factory")
