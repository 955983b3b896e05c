"""A checkout with one op that Python can call: a fixture's device operation, with functions and a binding above it."""

from __future__ import annotations

import shutil
from pathlib import Path

FIXTURE = Path(__file__).parents[1] / "fixtures/stale-scalar/bad_listed_hash"
OP = "ttnn/cpp/ttnn/operations/moreh/momentum_step"
FACTORY = f"{OP}/device/momentum_step_program_factory.cpp"

HEADER = """#pragma once
#include "ttnn/types.hpp"
namespace ttnn {
std::tuple<Tensor, Tensor> momentum_step(
    const Tensor& param, const Tensor& grad, const Tensor& velocity, float lr, float momentum, uint32_t step,
    bool nesterov, const std::optional<MemoryConfig>& memory_config);
}
"""
FUNCTION = """#include "momentum_step.hpp"
#include "device/momentum_step_device_operation.hpp"
namespace ttnn::prim {
std::tuple<Tensor, Tensor> momentum_step(
    const Tensor& param, const Tensor& grad, const Tensor& velocity, float lr, float momentum, uint32_t step,
    bool nesterov, const std::optional<MemoryConfig>& memory_config) {
    using OperationType = ttnn::operations::moreh::momentum_step::MomentumStepOperation;
    auto attributes = OperationType::operation_attributes_t{
        lr, momentum, step, nesterov, memory_config.value_or(param.memory_config())};
    auto tensors = OperationType::tensor_args_t{.param = param, .grad = grad, .velocity = velocity};
    return ttnn::device_operation::launch<OperationType>(attributes, tensors);
}
}
namespace ttnn {
std::tuple<Tensor, Tensor> momentum_step(
    const Tensor& param, const Tensor& grad, const Tensor& velocity, float lr, float momentum, uint32_t step,
    bool nesterov, const std::optional<MemoryConfig>& memory_config) {
    const auto rate = lr;
    return ttnn::prim::momentum_step(param, grad, velocity, rate, momentum, step, nesterov, memory_config);
}
}
"""
BINDING = """#include "momentum_step.hpp"
namespace ttnn::operations::moreh::momentum_step {
void bind_momentum_step(nb::module_& mod) {
    ttnn::bind_function<"momentum_step", "ttnn.operations.">(
        mod,
        R"doc(One step.)doc",
        &ttnn::momentum_step,
        nb::arg("param"),
        nb::arg("grad"),
        nb::arg("velocity").noconvert(),
        nb::arg("lr") = 0.1f,
        nb::arg("momentum") = 0.9f,
        nb::kw_only(),
        nb::arg("step") = 0,
        nb::arg("nesterov") = false,
        nb::arg("memory_config") = nb::none());
}
}
"""


def write(root: Path, binding: str = BINDING) -> Path:
    """The checkout, below `root`. Returns the path of its factory."""
    device = root / OP / "device"
    device.mkdir(parents=True)
    for file in FIXTURE.iterdir():
        if file.name.startswith("momentum_step"):
            shutil.copy(file, device / file.name)
    (root / OP / "momentum_step.hpp").write_text(HEADER)
    (root / OP / "momentum_step.cpp").write_text(FUNCTION)
    (root / OP / "momentum_step_nanobind.cpp").write_text(binding)
    golden = root / "ttnn/ttnn/operations"
    golden.mkdir(parents=True)
    return root / FACTORY
