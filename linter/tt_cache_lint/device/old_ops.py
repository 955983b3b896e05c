"""What the framework of 2023 to 2025 did around an op whose methods take lists of tensors.

Sources: tt_eager/tt_dnn/op_library/run_operation.hpp (2024), ttnn/cpp/ttnn/run_operation.hpp (late 2024).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.own_tensors import keep
from tt_cache_lint.device.resources import create_device_tensor
from tt_cache_lint.device.tensor_spec import MemoryConfig, enum
from tt_cache_lint.device.tensors import Tensor
from tt_cache_lint.interp.access import value_of
from tt_cache_lint.interp.registry import CONSTANTS, Site, function, method
from tt_cache_lint.interp.values import Enum, InitList, Opt, Struct, Value, Vec, empty, plain

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

# The L1 of an ethernet core on Wormhole (tt_metal/hw/inc/wormhole/eth_l1_address_map.h of June 2024): a header of the
# device's, which is seldom in a tree; ops place their ethernet buffers with it.
ETHERNET_L1 = {
    "ERISC_L1_UNRESERVED_BASE": 102_048,
    "ERISC_L1_UNRESERVED_SIZE": 160_096,
    "MAX_L1_LOADING_SIZE": 262_144,
    "MAX_SIZE": 262_144,
    "MAX_NUM_CONCURRENT_TRANSACTIONS": 8,
}
CONSTANTS.update({f"address_map::{name}": value for name, value in ETHERNET_L1.items()})
SHAPES_OF = ("compute_output_shapes", "compute_output_specs")


@method(Tensor, "get")
def referred(m: Machine, site: Site, v: Tensor) -> Value:
    """std::reference_wrapper<const Tensor>::get(): ops of 2023 were given their tensors so."""
    return v


@method(Tensor, "buffer_type")
def tensor_buffer_type(m: Machine, site: Site, v: Tensor) -> Value:
    """Tensor::buffer_type() of 2023."""
    return v.spec.layout.memory.buffer_type


@function("generic_create_output_tensors", arity=(2, 5))
def generic_create_output_tensors(m: Machine, site: Site, args: list[Value]) -> Value:
    """A tensor for each shape that the op computes. (op, inputs, [dtype], [layout], [memory config]).

    Without a dtype it is the first input's, and so is the memory config where std::nullopt is given for it.
    """
    op, tensors = args[0], args[1]
    inputs = list(tensors.items) if isinstance(tensors, (Vec, InitList)) else []
    first = inputs[0].v if inputs and isinstance(inputs[0], Opt) else inputs[0] if inputs else None
    shapes = _computed(m, op, tensors) if isinstance(op, Struct) else None
    if shapes is None or not isinstance(first, Tensor):
        return m.unknown_call(site.name, args)
    dtype, layout, memory = first.spec.layout.dtype, enum("Layout", "TILE"), None
    for position, given in enumerate(args[2:], 2):
        value = given.v if isinstance(given, Opt) else given
        bare = plain(value)
        if isinstance(bare, Enum):
            dtype, layout = (value, layout) if bare.type == "DataType" else (dtype, value)
        elif isinstance(value, MemoryConfig):
            memory = value
        elif empty(value) and position == len(args) - 1:
            memory = first.spec.layout.memory
    made = []
    for shape in shapes:
        rest = [dtype, layout, None] if memory is None else [dtype, layout, None, memory]
        made.append(create_device_tensor(m, site, [shape, *rest]))
    return Vec(made)


@function("default_create_output_tensors", arity=(3, 3))
def default_create_output_tensors(m: Machine, site: Site, args: list[Value]) -> Value:
    """(op, inputs, optional outputs): the outputs given, or one for each spec that the op computes of its inputs.

    Source: ttnn/api/ttnn/operation.hpp:450-474 in mid 2025.
    """
    op, tensors, given = args
    outputs = [t.v if isinstance(t, Opt) else t for t in given.items] if isinstance(given, (Vec, InitList)) else []
    if outputs and not empty(outputs[0]):
        return Vec(outputs)
    specs = _computed(m, op, tensors) if isinstance(op, Struct) else None
    if specs is None:
        return m.unknown_call(site.name, args)
    return Vec([create_device_tensor(m, site, [spec, None]) for spec in specs])


def _computed(m: Machine, op: Struct, tensors: Value) -> list[Value] | None:
    """The shapes or specs that the op itself computes from its inputs; None when it does not say."""
    for name in SHAPES_OF:
        code = m.interp.method(m, op, name, [tensors]) if op.type is not None else None
        found = value_of(m.invoke(code, [tensors], op)) if code is not None else None
        if isinstance(found, (Vec, InitList)) and getattr(found, "kind", "vector") != "Shape":
            return list(found.items)
    return None


@function("AddConfigBuffer", "AssignGlobalBufferToProgram", arity=(2, 2))
def keep_alive(m: Machine, site: Site, args: list[Value]) -> None:
    """The program keeps the buffer as long as it lives (tt_metal/detail/tt_metal.hpp of 2024); it builds nothing."""
    keep(m, args[1])
