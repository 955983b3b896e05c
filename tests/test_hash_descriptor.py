"""What is compiled into a program that an op describes, and what of it the hash leaves out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tt_cache_lint.engine import Options, analyse

OP = """
namespace tt::tt_metal {
struct KernelDescriptor {
    std::string kernel_source;
    CoreRangeSet core_ranges;
    std::vector<uint32_t> compile_time_args;
    std::vector<std::pair<CoreCoord, std::vector<uint32_t>>> runtime_args;
    std::variant<ReaderConfigDescriptor, ComputeConfigDescriptor> config;
};
struct ReaderConfigDescriptor {};
struct ComputeConfigDescriptor { bool fp32_dest_acc_en = false; };
struct ProgramDescriptor {
    std::vector<KernelDescriptor> kernels;
    std::vector<CBDescriptor> cbs;
};
}
namespace ttnn::operations::test {
using namespace tt::tt_metal;
struct CopyOperation {
    struct operation_attributes_t { uint32_t factor = 1; bool flag = false; };
    struct tensor_args_t { Tensor input; };
    using spec_return_value_t = TensorSpec;
    using tensor_return_value_t = Tensor;
    struct CopyFactory {
        static ProgramDescriptor create_descriptor(
            const operation_attributes_t& attributes, const tensor_args_t& tensors, tensor_return_value_t& output);
    };
    using program_factory_t = std::variant<CopyFactory>;
    static void validate_on_program_cache_miss(const operation_attributes_t&, const tensor_args_t&) {}
    static ttsl::hash::hash_t compute_program_hash(const operation_attributes_t& a, const tensor_args_t& t) {
        return operation::hash_operation<CopyOperation>(t);
    }
    static TensorSpec compute_output_specs(const operation_attributes_t& attributes, const tensor_args_t& tensors) {
        return tensors.input.tensor_spec();
    }
    static Tensor create_output_tensors(const operation_attributes_t& attributes, const tensor_args_t& tensors) {
        return create_device_tensor(compute_output_specs(attributes, tensors), tensors.input.device());
    }
};
ProgramDescriptor CopyOperation::CopyFactory::create_descriptor(
    const operation_attributes_t& attributes, const tensor_args_t& tensors, Tensor& output) {
    ProgramDescriptor described;
    KernelDescriptor kernel;
    kernel.kernel_source = "reader.cpp";
    kernel.core_ranges = CoreRangeSet(CoreRange({0, 0}, {1, 0}));
    @BODY@
    described.kernels.push_back(std::move(kernel));
    return described;
}
}
"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("kernel.compile_time_args = {3, attributes.factor};", {"factor"}),
        ("kernel.compile_time_args.push_back(attributes.factor);", {"factor"}),
        ("std::vector<uint32_t> words = {attributes.factor}; kernel.compile_time_args = std::move(words);", {"factor"}),
        ("kernel.config = ComputeConfigDescriptor{.fp32_dest_acc_en = attributes.flag};", {"flag"}),
        ("kernel.compile_time_args = {3};", set()),
        ("kernel.runtime_args.emplace_back(CoreCoord{0, 0}, std::vector<uint32_t>{attributes.factor});", set()),
    ],
)
def test_what_a_descriptor_compiles(tmp_path: Path, body: str, expected: set[str]) -> None:
    file = tmp_path / "ttnn" / "copy_program_factory.cpp"
    file.parent.mkdir()
    file.write_text(OP.replace("@BODY@", body))
    (found,) = analyse(tmp_path, [file], Options()).operations
    assert {o.input.removeprefix("operation_attributes.") for o in found.omissions} == expected
