"""A small factory and a `Run` about it, built by hand, for the tests of the reports and of the command line."""

from __future__ import annotations

from dataclasses import replace

from tt_cache_lint.model import (
    CbInfo,
    Confidence,
    FactoryFacts,
    Finding,
    KernelInfo,
    Place,
    Related,
    Row,
    Run,
    Severity,
    Slot,
    SlotCount,
    SlotInfo,
    SlotKind,
    Status,
)

PATH = "ttnn/cpp/ttnn/operations/mask/device/mask_program_factory.cpp"
HEADER = "ttnn/cpp/ttnn/operations/mask/device/mask_device_operation.hpp"

SOURCE = """\
#include "mask_device_operation.hpp"

namespace ttnn::operations::mask {

MaskOp::MultiCore::cached_program_t MaskOp::MultiCore::create(
    const operation_attributes_t& attributes, const tensor_args_t& tensor_args, tensor_return_value_t& output) {
    Program program = CreateProgram();
    auto reader_kernel_id = CreateKernel(program, kReader, cores, ReaderDataMovementConfig(reader_ct_args));
    auto writer_kernel_id = CreateKernel(program, kWriter, cores, WriterDataMovementConfig(writer_ct_args));
    for (uint32_t i = 0; i < num_cores; ++i) {
        SetRuntimeArgs(
            program, reader_kernel_id, cores[i],
            {src->address(), tensor_args.mask->buffer()->address(), num_tiles, offsets[i]});  // keep [i] and [/i]
        SetRuntimeArgs(program, writer_kernel_id, cores[i], {dst->address(), num_tiles});
    }
    return {std::move(program), {reader_kernel_id, writer_kernel_id, cores}};
}

void MaskOp::MultiCore::override_runtime_arguments(
    cached_program_t& cached_program, const operation_attributes_t& attributes,
    const tensor_args_t& tensor_args, tensor_return_value_t& output) {
    auto& [reader_kernel_id, writer_kernel_id, cores] = cached_program.shared_variables;
    for (const auto& core : cores) {
        GetRuntimeArgs(cached_program.program, reader_kernel_id, core)[0] = tensor_args.input.buffer()->address();
        GetRuntimeArgs(cached_program.program, writer_kernel_id, core)[0] = output.buffer()->address();
    }
}

}  // namespace ttnn::operations::mask
"""

ROWS = (
    Row("reader_kernel_id arg 0", "(0,0)-(3,0)", "0x10000 input, run 1", "0x50000 input, run 2", "0x50000", "ok"),
    Row("reader_kernel_id arg 1", "(0,0)-(3,0)", "0x20000 mask, run 1", "0x20000 mask, run 1", "0x60000", "stale"),
    Row("reader_kernel_id arg 2", "(0,0)-(3,0)", "4", "4", "4", "constant"),
)

STALE = Finding(
    "TTC301",
    "stale-buffer-address",
    Severity.ERROR,
    Confidence.CERTAIN,
    "`reader_kernel_id` arg 1 holds the buffer address of tensor_args.mask (`tensor_args.mask->buffer()->address()`); "
    "a cache hit never refreshes it, so the kernel uses the first call's buffer.",
    Place(PATH, 13, 30),
    "MaskOp::MultiCore",
    "reader_kernel_id arg 1",
    ("`tensor_args.mask` has a value",),
    (Related(Place(PATH, 19), "never refreshed here"),),
    ROWS,
    (
        "auto& args = GetRuntimeArgs(cached_program.program, reader_kernel_id, core);",
        "args[1] = tensor_args.mask->buffer()->address();",
    ),
)

ORDER = Finding(
    "TTC101",
    "resource-order",
    Severity.NOTE,
    Confidence.CERTAIN,
    "The kernel `writer_kernel_id` is created after runtime arguments.",
    Place(PATH, 9, 29),
    "MaskOp::MultiCore",
    "writer_kernel_id",
)

NARROW = Finding(
    "TTC406",
    "narrowed-handle",
    Severity.WARNING,
    Confidence.LIKELY,
    "`shared_variables.cb_src` keeps a CBHandle in 32 bits.",
    Place(HEADER, 41, 18),
    "MaskOp::MultiCore",
    "shared_variables.cb_src",
)

FACTORY = FactoryFacts(
    "MaskOp::MultiCore",
    "typed",
    PATH,
    5,
    Place(PATH, 5, 1, 17),
    Place(PATH, 19, 1, 27),
    paths=3,
    worlds=48,
    decisions=1,
    budget="3 of 64 paths",
    slots=SlotCount(3, 2),
    unknown_calls=("mystery_helper",),
    decisions_reached=("tensor_args.mask has a value",),
    kernels=(
        KernelInfo("reader_kernel_id", "kernels/reader_mask.cpp", "4", Place(PATH, 8), "reader_kernel_id"),
        KernelInfo("writer_kernel_id", "kernels/writer_mask.cpp", "4", Place(PATH, 9)),
    ),
    cbs=(CbInfo("CB c_0", "4", "4096", "tensor_args.input", Place(PATH, 9), "cb_src"),),
    table=(
        SlotInfo(
            Slot(SlotKind.ARG, "reader_kernel_id", 0), 4, "src->address()", ("address of tensor_args.input",), True,
            Place(PATH, 13), Place(PATH, 24), "yes",
        ),
        SlotInfo(
            Slot(SlotKind.ARG, "reader_kernel_id", 1), 4, "tensor_args.mask->buffer()->address()",
            ("address of tensor_args.mask",), True, Place(PATH, 13), None, "no",
        ),
        SlotInfo(
            Slot(SlotKind.ARG, "reader_kernel_id", 2), 4, "num_tiles", ("shape of tensor_args.input",), False,
            Place(PATH, 13), None, "not needed",
        ),
    ),
)  # fmt: skip

PARTIAL = replace(FACTORY, factory="OtherOp::Single", status=Status.PARTIAL, reason="budget used up")
SKIPPED = replace(FACTORY, factory="ThirdOp::Mesh", infra="descriptor", status=Status.SKIPPED, reason="no override")
CLEAN = replace(FACTORY, factory="FourthOp::Single", slots=SlotCount(2, 2), unknown_calls=())

RUN = Run(
    root="/root",
    files=7,
    factories=(FACTORY, PARTIAL, SKIPPED, CLEAN),
    findings=(NARROW, ORDER, STALE),
    seconds=0.25,
    texts={PATH: tuple(SOURCE.split("\n"))},
)
