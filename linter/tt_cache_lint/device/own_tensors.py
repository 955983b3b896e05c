"""Tensors that the code itself makes from data on the host, and what it moves to the device.

One on the device has a buffer of its own, which is freed with the last copy of the tensor or of its storage
(DeviceStorage::deallocate, ttnn/core/tensor/storage.cpp).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.allocated import CREATE, HOST, own_name
from tt_cache_lint.device.program import Program, buffer_of
from tt_cache_lint.device.tensor_make import construct_layout, to_memory
from tt_cache_lint.device.tensor_spec import TensorLayout, TensorSpec
from tt_cache_lint.device.tensors import Buffer, Device, Tensor
from tt_cache_lint.interp.registry import Site, constructor, function, method
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import Mark, Opt, Unknown, Value, Vec, empty, key_of

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine


@constructor("Tensor")
def construct_tensor(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    """A copy, or a tensor from (storage, spec) or (storage, shape, data type, layout)."""
    if args and isinstance(args[0], Opt):
        return args[0].v
    if args and isinstance(args[0], Tensor):
        return args[0]
    spec = next((arg for arg in args if isinstance(arg, TensorSpec)), None)
    if spec is None and len(args) >= 4 and isinstance(args[1], Vec) and args[1].kind == "Shape":
        layout = construct_layout(m, Type("TensorLayout"), [*args[2:4]], mark)
        spec = TensorSpec(args[1], layout) if isinstance(layout, TensorLayout) else None
    if spec is None:
        return Unknown(f"Tensor({', '.join(key_of(a) for a in args)})" if args else "Tensor{}")
    return _on_host(m, args[0], spec)


@constructor("HostBuffer", "HostStorage", "DeviceStorage", "OwnedBuffer", "OwnedStorage")
def construct_storage(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    """Host data and storage handles: what they hold is their name."""
    return Unknown(f"{type_.name}({', '.join(key_of(a) for a in args)})")


@function("from_vector", "from_span", "from_borrowed_data", arity=(2, 6))
def tensor_from_data(m: Machine, site: Site, args: list[Value]) -> Value:
    """Tensor::from_vector(data, spec[, device]) (ttnn/api/ttnn/tensor/tensor.hpp)."""
    if not isinstance(args[1], TensorSpec):
        return m.unknown_call(site.name, args)
    made = _on_host(m, args[0], args[1])
    return _on_device(m, made, None, site.mark) if len(args) > 2 and not empty(args[2]) else made


@method(Tensor, "to_device")
def tensor_to_device(m: Machine, site: Site, v: Tensor, device: Value, memory: Value = None, *more: Value) -> Value:
    return _on_device(m, v, memory, site.mark)


@method(Tensor, "to")
def tensor_to(m: Machine, site: Site, v: Tensor, where: Value, memory: Value = None, *more: Value) -> Value:
    """to(device[, memory config]) moves to the device, to(layout) stays (tt_eager/tensor/tensor.hpp)."""
    return _on_device(m, v, memory, site.mark) if isinstance(where, Device) else m.unknown_call("Tensor.to", [v, where])


@method(Program, "add_buffer")
def program_add_buffer(m: Machine, site: Site, v: Program, buffer: Value) -> None:
    keep(m, buffer)


def keep(m: Machine, value: Value) -> None:
    """What the code allocated is kept for as long as the program."""
    buffer = buffer_of(value)
    if isinstance(buffer, Buffer):
        buffer.unknown_use(m.world)


def _on_host(m: Machine, data: Value, spec: TensorSpec) -> Tensor:
    return Tensor(f"{HOST}of {key_of(data)}", m.world.run, spec)


def _on_device(m: Machine, tensor: Tensor, memory: Value, mark: Mark | None) -> Tensor:
    """A tensor with a buffer of its own; the same, whichever function of the op moves it there."""
    spec = tensor.spec
    layout = spec.layout
    if memory is not None and not isinstance(memory, Device):
        layout = TensorLayout(layout.dtype, layout.page, to_memory(m, memory), layout.padded)
    moved = m.world.moved
    name = own_name(m, "tensor", mark, moved.setdefault(f"{tensor.name} in {key_of(layout)}", len(moved)), CREATE)
    return Tensor(name, m.world.run_of(name, m.world.run), TensorSpec(spec.shape, layout))
