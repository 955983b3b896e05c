"""Mesh factories that have the framework's adapter of descriptors make and refresh their workload.

The semantics are those of ttnn/api/ttnn/mesh_device_operation_adapter.hpp (facts/since_may_2026.md section 2.3).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tt_cache_lint import engine
from tt_cache_lint.model import Cause, FactoryFacts, Status

OP = """
namespace tt::tt_metal {
struct KernelDescriptor {
    std::string kernel_source;
    CoreRangeSet core_ranges;
    std::vector<std::pair<CoreCoord, std::vector<uint32_t>>> runtime_args;
    std::vector<uint32_t> common_runtime_args;
};
struct ProgramDescriptor { std::vector<KernelDescriptor> kernels; };
}
namespace ttnn::operations::test {
using namespace tt::tt_metal;
struct CopyOperation {
    struct operation_attributes_t { uint32_t factor = 1; uint32_t seed = 0; };
    struct tensor_args_t { Tensor input; };
    using spec_return_value_t = TensorSpec;
    using tensor_return_value_t = Tensor;
    struct Described {
        static ProgramDescriptor create_descriptor(
            const operation_attributes_t& attributes, const tensor_args_t& tensors, Tensor& output@COORDINATE@);
        @HOOK@
    };
    struct Types {
        using operation_attributes_t = CopyOperation::operation_attributes_t;
        using tensor_args_t = CopyOperation::tensor_args_t;
    };
    struct CopyFactory {
        using adapter_t =
            ttnn::device_operation::MeshDeviceOperationAdapter<Types>::DescriptorMeshWorkloadAdapter<Described>;
        using cached_mesh_workload_t = typename adapter_t::cached_mesh_workload_t;
        static cached_mesh_workload_t create_mesh_workload(
            const operation_attributes_t&, const ttnn::MeshCoordinateRangeSet&, const tensor_args_t&, Tensor&);
        static void override_runtime_arguments(
            cached_mesh_workload_t&, const operation_attributes_t&, const tensor_args_t&, Tensor&);
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
        return create_device_tensor(compute_output_specs(attributes, tensors), tensors.input.device());
    }
};
ProgramDescriptor CopyOperation::Described::create_descriptor(
    const operation_attributes_t& attributes, const tensor_args_t& tensors, Tensor& output@COORDINATE@) {
    ProgramDescriptor described;
    const CoreRangeSet all(CoreRange({0, 0}, {0, 0}));
    KernelDescriptor copier{.kernel_source = "kernels/copier.cpp", .core_ranges = all};
#define COMMON {attributes.factor, attributes.seed}
    copier.emplace_runtime_args(CoreCoord{0, 0}, {@BOUND@});
    copier.emplace_common_runtime_args(COMMON);
#undef COMMON
    described.kernels.push_back(std::move(copier));
    return described;
}
CopyOperation::CopyFactory::cached_mesh_workload_t CopyOperation::CopyFactory::create_mesh_workload(
    const operation_attributes_t& attributes, const ttnn::MeshCoordinateRangeSet& coords, const tensor_args_t& tensors,
    Tensor& output) {
    return adapter_t::create_mesh_workload(attributes, coords, tensors, output);
}
void CopyOperation::CopyFactory::override_runtime_arguments(
    cached_mesh_workload_t& cached, const operation_attributes_t& attributes, const tensor_args_t& tensors,
    Tensor& output) {
    @APPLIED@
    for (auto& [range, program] : cached.workload.get_programs()) {
        @WRITTEN@
    }
}
}
"""
BOUND = "tensors.input.buffer(), output.buffer()"
NUMBERS = "tensors.input.buffer()->address(), output.buffer()->address()"
APPLIED = "adapter_t::apply_descriptor(cached, attributes, tensors, output);"
WRITTEN = "GetCommonRuntimeArgs(program, 0)[1] = attributes.seed;"
COORDINATE = ", const std::optional<ttnn::MeshCoordinate>& at"
HOOK = """
static void override_runtime_arguments(
    Program& program, const operation_attributes_t&, const tensor_args_t& tensors, Tensor& output,
    const std::optional<ttnn::MeshCoordinate>&) {
    auto& args = GetRuntimeArgs(program, 0, CoreCoord{0, 0});
    args[0] = tensors.input.buffer()->address();
}
"""
INPUT, OUTPUT, SEED = "kernel copier.cpp arg 0", "kernel copier.cpp arg 1", "kernel copier.cpp common arg 1"


def facts_of(
    root: Path,
    *,
    bound: str = BOUND,
    applied: str = APPLIED,
    written: str = WRITTEN,
    coordinate: str = COORDINATE,
    hook: str = "",
) -> FactoryFacts:
    """The facts about the only factory of the op with these parts."""
    parts = {"BOUND": bound, "APPLIED": applied, "WRITTEN": written, "COORDINATE": coordinate, "HOOK": hook}
    text = OP
    for key, part in parts.items():
        text = text.replace(f"@{key}@", part)
    file = root / "ttnn" / "copy_program_factory.cpp"
    file.parent.mkdir()
    file.write_text(text)
    (facts,) = engine.analyse(root, [file], engine.Options()).facts
    assert (facts.infra, facts.status) == ("mesh", Status.ANALYSED), facts.reason
    return facts


def stale(facts: FactoryFacts) -> set[str]:
    return {difference.slot.name for difference in facts.differences}


@pytest.mark.parametrize("bound", [BOUND, NUMBERS])
@pytest.mark.parametrize("coordinate", ["", COORDINATE])
def test_the_adapter_refreshes_and_the_override_writes_the_rest(tmp_path: Path, bound: str, coordinate: str) -> None:
    """What is bound is patched; where nothing is, all is built anew."""
    facts = facts_of(tmp_path, bound=bound, coordinate=coordinate)
    assert stale(facts) == set()
    refreshed = {line.slot.name: line.refreshed for line in facts.table if line.per_dispatch}
    assert refreshed == {INPUT: "yes", OUTPUT: "yes", SEED: "yes"}


def test_what_the_override_leaves_out(tmp_path: Path) -> None:
    assert stale(facts_of(tmp_path, written="")) == {SEED}


def test_nothing_is_left_out_where_all_is_built_anew(tmp_path: Path) -> None:
    assert stale(facts_of(tmp_path, bound=NUMBERS, written="")) == set()


def test_what_the_adapter_was_not_asked_for(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, applied="")
    assert stale(facts) == {INPUT, OUTPUT}
    assert Cause.UNBOUND not in {difference.cause for difference in facts.differences}


def test_the_override_of_the_described_factory_goes_first(tmp_path: Path) -> None:
    """It refreshes by itself, and nothing is patched beside it."""
    assert stale(facts_of(tmp_path, hook=HOOK)) == {OUTPUT}


def test_what_is_proposed_names_the_kernel_by_its_place(tmp_path: Path) -> None:
    """Nothing has to be kept for it: the kernels have the order of the descriptor."""
    (seed,) = facts_of(tmp_path, written="").differences
    assert seed.cause is Cause.NOT_REFRESHED
    assert seed.fix == ("GetCommonRuntimeArgs(program, 0)[1] = attributes.seed;",)


def test_a_described_factory_that_nothing_wraps_is_not_passed_over(tmp_path: Path) -> None:
    """Also where the op's program_factory_t does not name it: who uses it is not known then."""
    text = OP.replace("DescriptorMeshWorkloadAdapter<Described>", "DescriptorMeshWorkloadAdapter<Other>")
    for key, part in {"BOUND": BOUND, "APPLIED": APPLIED, "WRITTEN": WRITTEN, "COORDINATE": "", "HOOK": ""}.items():
        text = text.replace(f"@{key}@", part)
    file = tmp_path / "ttnn" / "copy_program_factory.cpp"
    file.parent.mkdir()
    file.write_text(text)
    found = {facts.factory: facts.status for facts in engine.analyse(tmp_path, [file], engine.Options()).facts}
    assert found == {"CopyOperation::CopyFactory": Status.PARTIAL, "CopyOperation::Described": Status.ANALYSED}
