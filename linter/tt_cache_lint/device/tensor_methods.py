"""What tensors, shapes, memory configs and shard specs answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.allocated import HOST, OWN
from tt_cache_lint.device.core_methods import count_of
from tt_cache_lint.device.tensor_inputs import is_sharded
from tt_cache_lint.device.tensor_spec import (
    DRAM,
    ELEMENT_SIZES,
    L1,
    ND_SHARDED,
    AttributeRef,
    MemoryConfig,
    ShardSpec,
    TensorLayout,
    enum,
    make_shape,
    with_mask,
)
from tt_cache_lint.device.tensors import Buffer, Device, Tensor
from tt_cache_lint.interp import ops
from tt_cache_lint.interp.registry import Site, method
from tt_cache_lint.interp.values import (
    Absent,
    Enum,
    Mark,
    Obj,
    Ref,
    Unknown,
    Value,
    Vec,
    key_of,
    mask,
    plain,
)

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine


FORMER_TOPS = ("libs/tt_dnn", "tt_eager/tt_dnn")
LATER_SHAPES = (b"get_legacy_shape", b"logical_shape")

# -- methods ---------------------------------------------------------------------------------------------------------


@method(
    Tensor,
    "buffer",
    "device_buffer",
    "mesh_buffer",
    "get_buffer",
    "mesh_tensor",
    "device_storage",
    "storage",
    "get_mesh_buffer",
)
def tensor_buffer(m: Machine, site: Site, v: Tensor) -> Value:
    if v.name.startswith(HOST):  # how it came to the device was not understood
        return Unknown(f"buffer of {v.name}", mask(v.spec))
    v.buffer.spec = v.spec
    if site.name == "buffer" and v.buffer.owner.startswith(OWN):
        return Buffer(v.buffer.owner, v.buffer.run, v.spec, shares=False)
    return v.buffer


@method(Tensor, "dtype", "get_dtype", "data_type")
def tensor_dtype(m: Machine, site: Site, v: Tensor) -> Value:
    return v.spec.layout.dtype


@method(Tensor, "layout", "get_layout")
def tensor_layout(m: Machine, site: Site, v: Tensor) -> Value:
    return v.spec.layout.page.layout


@method(Tensor, "logical_shape", "get_logical_shape", "get_shape", "get_legacy_shape_")
def tensor_shape(m: Machine, site: Site, v: Tensor) -> Value:
    return v.spec.shape.copy()


@method(Tensor, "shape")
def tensor_plain_shape(m: Machine, site: Site, v: Tensor) -> Value:
    """The padded shape as long as there was no other one (tt_eager/tensor/tensor.hpp until 2024-03, when it was renamed
    get_legacy_shape()); the logical one since."""
    if "shape() is padded" not in m.interp.memory:
        tree = m.interp.index.tree
        m.interp.memory["shape() is padded"] = any(
            any(True for _ in tree.below(top)) and not any(any(tree.mentioning(top, word)) for word in LATER_SHAPES)
            for top in FORMER_TOPS
        )
    return (v.spec.padded if m.interp.memory["shape() is padded"] else v.spec.shape).copy()


@method(Tensor, "padded_shape", "get_padded_shape", "get_legacy_shape", "legacy_shape")
def tensor_padded(m: Machine, site: Site, v: Tensor) -> Value:
    return v.spec.padded.copy()


@method(Tensor, "memory_config")
def tensor_memory(m: Machine, site: Site, v: Tensor) -> Value:
    return v.spec.layout.memory


@method(Buffer, "memory_config")
def storage_memory(m: Machine, site: Site, v: Buffer) -> Value:
    """DeviceStorage::memory_config() of 2023 and 2024."""
    return v.spec.layout.memory if v.spec is not None else Unknown(f"memory config of {v.owner}")


@method(Tensor, "tensor_spec", "get_tensor_spec")
def tensor_spec(m: Machine, site: Site, v: Tensor) -> Value:
    return v.spec


@method(TensorLayout, "get_alignment")
def layout_alignment(m: Machine, site: Site, v: TensorLayout) -> Value:
    return Unknown("alignment", mask(v.page.layout))


@method(ShardSpec, "shape_in_pages")
def shard_pages(m: Machine, site: Site, v: ShardSpec, *args: Value) -> Value:
    return m.unknown_call("ShardSpec.shape_in_pages", [v, *args])


@method(Tensor, "shard_spec")
def tensor_shard(m: Machine, site: Site, v: Tensor) -> Value:
    return memory_shard(m, site, v.spec.layout.memory)


@method(Tensor, "is_sharded")
def tensor_sharded(m: Machine, site: Site, v: Tensor) -> Value:
    return memory_sharded(m, site, v.spec.layout.memory)


@method(Tensor, "device", "mesh_device", "get_device")
@method(Buffer, "device")
def tensor_device(m: Machine, site: Site, v: Obj) -> Value:
    return Device(m.world)


@method(Tensor, "element_size")
def tensor_element_size(m: Machine, site: Site, v: Tensor) -> Value:
    return element_size(m, v.spec.layout.dtype)


def element_size(m: Machine, dtype: Value) -> Value:
    bare = plain(dtype)
    if isinstance(bare, Enum) and bare.name in ELEMENT_SIZES:
        return with_mask(ELEMENT_SIZES[bare.name], mask(dtype))
    return m.unknown_number(f"element size of {key_of(dtype)}", mask(dtype))


def product(m: Machine, items: list[Value]) -> Value:
    total: Value = 1
    for item in items:
        total = ops.binary(m, "*", total, item)
    return total


@method(Tensor, "physical_volume")
def tensor_physical_volume(m: Machine, site: Site, v: Tensor) -> Value:
    return product(m, v.spec.padded.items)


@method(Tensor, "volume", "logical_volume", "get_logical_volume")
def tensor_volume(m: Machine, site: Site, v: Tensor) -> Value:
    shape = v.spec.shape if site.name.endswith("logical_volume") else v.spec.padded
    return product(m, shape.items)


@method(Tensor, "storage_type")
def tensor_storage(m: Machine, site: Site, v: Tensor) -> Value:
    return enum("StorageType", "DEVICE")


@method(Tensor, "on_host")
def tensor_on_host(m: Machine, site: Site, v: Tensor) -> Value:
    """What a factory is given lies on the device (tensor.hpp until 2023-08, storage_type() since)."""
    return False


@method(Tensor, "is_allocated")
@method(Buffer, "is_allocated")
def allocated(m: Machine, site: Site, v: Obj) -> Value:
    return True


@method(Tensor, "strides")
def tensor_strides(m: Machine, site: Site, v: Tensor) -> Value:
    dims = v.spec.padded.items
    return make_shape([product(m, dims[i + 1 :]) for i in range(len(dims))])


@method(Vec, "volume")
def shape_volume(m: Machine, site: Site, v: Vec) -> Value:
    return product(m, v.items)


@method(Vec, "view", "to_array_2D", "values")
def shape_view(m: Machine, site: Site, v: Vec) -> Value:
    return v


@method(Vec, "to_rank")
def shape_to_rank(m: Machine, site: Site, v: Vec, rank: Value) -> Value:
    count = plain(ops.number(m, rank))
    dims = list(v.items)
    while len(dims) < count:
        dims.insert(0, 1)
    if len(dims) > count:
        dims = [product(m, dims[: len(dims) - count + 1]), *dims[len(dims) - count + 1 :]]
    return make_shape(dims)


@method(MemoryConfig, "memory_layout")
def memory_layout(m: Machine, site: Site, v: MemoryConfig) -> Value:
    return v.memory_layout


@method(MemoryConfig, "buffer_type")
def memory_buffer_type(m: Machine, site: Site, v: MemoryConfig) -> Value:
    return v.buffer_type


@method(MemoryConfig, "shard_spec")
def memory_shard(m: Machine, site: Site, v: MemoryConfig) -> Value:
    if v.sharded:
        return v.shard_spec
    return Absent(mask(v.memory_layout), is_sharded(v.memory_layout))


@method(MemoryConfig, "is_sharded")
def memory_sharded(m: Machine, site: Site, v: MemoryConfig) -> Value:
    interleaved = enum("TensorMemoryLayout", "INTERLEAVED")
    return ops.binary(m, "!=", v.memory_layout, interleaved)


@method(MemoryConfig, "is_dram")
def memory_dram(m: Machine, site: Site, v: MemoryConfig) -> Value:
    return ops.binary(m, "==", v.buffer_type, DRAM)


@method(MemoryConfig, "is_l1")
def memory_l1(m: Machine, site: Site, v: MemoryConfig) -> Value:
    return ops.binary(m, "==", v.buffer_type, L1)


@method(MemoryConfig, "with_shard_spec")
def memory_with_shard(m: Machine, site: Site, v: MemoryConfig, shard: Value) -> Value:
    return MemoryConfig(v.memory_layout, v.buffer_type, shard)


@method(MemoryConfig, "created_with_nd_shard_spec")
def memory_created(m: Machine, site: Site, v: MemoryConfig) -> Value:
    return plain(v.memory_layout) == ND_SHARDED


def _memory_member(self: MemoryConfig, m: Machine, name: str) -> Value:
    """Older trees have plain members."""
    if name in ("memory_layout", "buffer_type"):
        return getattr(self, name)
    if name == "shard_spec":
        return self.shard_spec if self.sharded else Absent(mask(self.memory_layout), is_sharded(self.memory_layout))
    return NotImplemented


def _memory_member_ref(self: MemoryConfig, m: Machine, name: str) -> Value:
    if name in ("memory_layout", "buffer_type"):
        return AttributeRef(self, name)
    if name == "shard_spec":
        return _ShardMember(self)
    return NotImplemented


class _ShardMember(Ref):
    __slots__ = ("owner",)

    def __init__(self, owner: MemoryConfig) -> None:
        self.owner = owner

    def get(self) -> Value:
        owner = self.owner
        if not owner.sharded and owner.shard_spec is None:
            return Absent(mask(owner.memory_layout), is_sharded(owner.memory_layout))
        return owner.shard_spec

    def set(self, value: Value, mark: Mark | None = None) -> None:
        self.owner.make = None
        self.owner._shard = value


MemoryConfig.member = _memory_member  # type: ignore[attr-defined]
MemoryConfig.member_ref = _memory_member_ref  # type: ignore[attr-defined]


@method(ShardSpec, "num_cores")
def shard_cores(m: Machine, site: Site, v: ShardSpec) -> Value:
    return count_of(m, v.grid.ranges)


@method(ShardSpec, "numel")
def shard_numel(m: Machine, site: Site, v: ShardSpec) -> Value:
    return product(m, v.shape.items)


@method(ShardSpec, "tensor2d_shape_in_pages", "to_string")
def shard_text(m: Machine, site: Site, v: ShardSpec) -> Value:
    return Unknown(f"{site.name} of {v.identity()}", v.mask())
