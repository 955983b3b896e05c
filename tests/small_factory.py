"""A small op with one factory, in one file, for tests of the whole engine."""

from __future__ import annotations

OP = """
namespace ttnn::operations::test {
using namespace tt::tt_metal;

struct CopyOperation {
    struct operation_attributes_t {
        uint32_t factor = 1;
        bool flag = false;
    };
    struct tensor_args_t {
        Tensor input;
        std::optional<Tensor> mask;
    };
    using spec_return_value_t = TensorSpec;
    using tensor_return_value_t = Tensor;
    struct CopyFactory {
        struct shared_variables_t {
            KernelHandle reader{};
            KernelHandle writer{};
            std::vector<CoreCoord> cores;
        };
        using cached_program_t = ttnn::device_operation::CachedProgram<shared_variables_t>;
        static cached_program_t create(const operation_attributes_t&, const tensor_args_t&, tensor_return_value_t&);
        static void override_runtime_arguments(
            cached_program_t&, const operation_attributes_t&, const tensor_args_t&, tensor_return_value_t&);
    };
    using program_factory_t = std::variant<CopyFactory>;
    static program_factory_t select_program_factory(const operation_attributes_t&, const tensor_args_t&) {
        return CopyFactory{};
    }
    static void validate_on_program_cache_miss(const operation_attributes_t& attributes, const tensor_args_t& tensors) {
        @VALIDATE@
    }
    static TensorSpec compute_output_specs(const operation_attributes_t& attributes, const tensor_args_t& tensors) {
        return tensors.input.tensor_spec();
    }
    static Tensor create_output_tensors(const operation_attributes_t& attributes, const tensor_args_t& tensors) {
        return create_device_tensor(compute_output_specs(attributes, tensors), tensors.input.device());
    }
};

@HELPERS@

CopyOperation::CopyFactory::cached_program_t CopyOperation::CopyFactory::create(
    const operation_attributes_t& attributes, const tensor_args_t& tensors, Tensor& output) {
    Program program = CreateProgram();
    auto cores = grid_to_cores(2, 2, 1);
    CoreRangeSet all(CoreRange({0, 0}, {1, 0}));
    auto reader = CreateKernel(program, "reader.cpp", all, ReaderDataMovementConfig({}));
    auto writer = CreateKernel(program, "writer.cpp", all, WriterDataMovementConfig({}));
    for (const auto& core : cores) {
        @CREATE@
    }
    return {std::move(program), {reader, writer, cores}};
}
"""
OVERRIDE = """
void CopyOperation::CopyFactory::override_runtime_arguments(
    cached_program_t& cached, const operation_attributes_t& attributes, const tensor_args_t& tensors, Tensor& output) {
    auto& program = cached.program;
    const auto& shared = cached.shared_variables;
    for (const auto& core : shared.cores) {
        @OVERRIDE@
    }
}
"""
END = """
}  // namespace ttnn::operations::test
"""

CREATE = """
        SetRuntimeArgs(program, reader, core, {tensors.input.buffer()->address(), 4});
        SetRuntimeArgs(program, writer, core, {output.buffer()->address(), 4});
"""
REFRESH = """
        GetRuntimeArgs(program, shared.reader, core)[0] = tensors.input.buffer()->address();
        GetRuntimeArgs(program, shared.writer, core)[0] = output.buffer()->address();
"""
STALE = """
        GetRuntimeArgs(program, shared.reader, core)[0] = tensors.input.buffer()->address();
"""


def factory(
    create: str = CREATE, override: str | None = REFRESH, *, helpers: str = "", validate: str = "", name: str = "Copy"
) -> str:
    """The text of an op. `override` None leaves the override out. By default everything is refreshed."""
    text = OP + (OVERRIDE if override is not None else "") + END
    for key, part in (("CREATE", create), ("OVERRIDE", override or ""), ("HELPERS", helpers), ("VALIDATE", validate)):
        text = text.replace(f"@{key}@", part)
    if override is None:
        text = text.replace(
            "        static void override_runtime_arguments(\n"
            "            cached_program_t&, const operation_attributes_t&, "
            "const tensor_args_t&, tensor_return_value_t&);\n",
            "",
        )
    return text.replace("Copy", name)
