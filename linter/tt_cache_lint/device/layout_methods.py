"""What tensor specs, layouts, page configs and tiles answer, and the sizes that follow from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.nd_shard import NdShardSpec
from tt_cache_lint.device.tensor_make import to_memory
from tt_cache_lint.device.tensor_methods import element_size, product
from tt_cache_lint.device.tensor_spec import (
    FORMAT,
    FORMAT_SIZES,
    TILE_BYTES,
    PageConfig,
    ShardSpec,
    TensorLayout,
    TensorSpec,
    Tile,
    with_mask,
)
from tt_cache_lint.device.tensors import Tensor
from tt_cache_lint.interp import ops
from tt_cache_lint.interp.registry import Site, method
from tt_cache_lint.interp.values import (
    Enum,
    Unknown,
    Val,
    Value,
    Vec,
    key_of,
    mask,
    plain,
)
from tt_cache_lint.interp.world import MAPPINGS

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine


@method(TensorSpec, "logical_shape")
def spec_shape(m: Machine, site: Site, v: TensorSpec) -> Value:
    return v.shape.copy()


@method(TensorSpec, "padded_shape")
def spec_padded(m: Machine, site: Site, v: TensorSpec) -> Value:
    return v.padded.copy()


@method(TensorSpec, "data_type")
def spec_dtype(m: Machine, site: Site, v: TensorSpec) -> Value:
    return v.layout.dtype


@method(TensorLayout, "get_data_type")
def layout_dtype(m: Machine, site: Site, v: TensorLayout) -> Value:
    return v.dtype


@method(TensorSpec, "layout")
def spec_layout(m: Machine, site: Site, v: TensorSpec) -> Value:
    return v.layout.page.layout


@method(TensorSpec, "tensor_layout")
def spec_tensor_layout(m: Machine, site: Site, v: TensorSpec) -> Value:
    return v.layout


@method(TensorSpec, "page_config")
def spec_page(m: Machine, site: Site, v: TensorSpec) -> Value:
    return v.layout.page


@method(TensorLayout, "get_page_config")
def layout_page(m: Machine, site: Site, v: TensorLayout) -> Value:
    return v.page


@method(TensorSpec, "memory_config")
def spec_memory(m: Machine, site: Site, v: TensorSpec) -> Value:
    return v.layout.memory


@method(TensorLayout, "get_memory_config")
def layout_memory(m: Machine, site: Site, v: TensorLayout) -> Value:
    return v.memory


@method(TensorSpec, "tile")
def spec_tile(m: Machine, site: Site, v: TensorSpec) -> Value:
    return v.layout.page.tile


@method(Tensor, "get_tile")
def tensor_tile(m: Machine, site: Site, v: Tensor) -> Value:
    """Tensor::get_tile() of autumn 2024 (ttnn/cpp/ttnn/tensor/tensor.hpp)."""
    return v.spec.layout.page.tile


@method(TensorLayout, "get_tile")
def layout_tile(m: Machine, site: Site, v: TensorLayout) -> Value:
    return v.page.tile


@method(PageConfig, "get_tile")
def page_tile(m: Machine, site: Site, v: PageConfig) -> Value:
    return v.tile


@method(PageConfig, "get_layout")
def page_layout(m: Machine, site: Site, v: PageConfig) -> Value:
    return v.layout


@method(TensorSpec, "with_memory_config")
def spec_with_memory(m: Machine, site: Site, v: TensorSpec, memory: Value) -> Value:
    return TensorSpec(v.shape, TensorLayout(v.layout.dtype, v.layout.page, to_memory(m, memory), v.layout.padded))


@method(TensorSpec, "compute_packed_buffer_size_bytes")
def spec_bytes(m: Machine, site: Site, v: TensorSpec) -> Value:
    return ops.binary(m, "*", product(m, v.padded.items), element_size(m, v.layout.dtype))


@method(TensorSpec, "compute_page_size_bytes")
def spec_page_size(m: Machine, site: Site, v: TensorSpec) -> Value:
    return page_size(m, v)


@method(Tile, "get_height")
def tile_height(m: Machine, site: Site, v: Tile) -> Value:
    return v.height


@method(Tile, "get_width")
def tile_width(m: Machine, site: Site, v: Tile) -> Value:
    return v.width


@method(Tile, "get_tile_shape")
def tile_shape(m: Machine, site: Site, v: Tile) -> Value:
    return Vec([v.height, v.width], "array")


@method(Tile, "get_face_shape")
def tile_face_shape(m: Machine, site: Site, v: Tile) -> Value:
    return Vec([16, 16], "array")


@method(Tile, "get_tile_hw")
def tile_hw(m: Machine, site: Site, v: Tile) -> Value:
    return ops.binary(m, "*", v.height, v.width)


@method(Tile, "get_face_hw")
def tile_face_hw(m: Machine, site: Site, v: Tile) -> Value:
    return 256


@method(Tile, "get_num_faces")
def tile_faces(m: Machine, site: Site, v: Tile) -> Value:
    return ops.binary(m, "/", tile_hw(m, site, v), 256)


@method(Tile, "get_transpose_of_faces", "get_transpose_within_face")
def tile_transpose(m: Machine, site: Site, v: Tile) -> Value:
    return False


@method(Tile, "get_tile_size")
def tile_size_of(m: Machine, site: Site, v: Tile, format_: Value) -> Value:
    return tile_bytes(m, format_)


def tile_bytes(m: Machine, format_: Value) -> Value:
    """tt::tile_size: 1024 elements, or a block float tile with its exponents."""
    bare = plain(format_)
    if isinstance(bare, Enum):
        size = TILE_BYTES.get(bare.name) or (1024 * FORMAT_SIZES[bare.name] if bare.name in FORMAT_SIZES else 0)
        if size:
            return with_mask(size, mask(format_))
    return Val(2048, mask(format_) | m.world.bit(f"value of tile size of {key_of(format_)}"))


def data_format(m: Machine, dtype: Value) -> Value:
    bare = plain(dtype)
    if isinstance(bare, Enum) and bare in MAPPINGS[FORMAT]:
        return ops.mapped(dtype, FORMAT)
    return Unknown(f"data format of {key_of(dtype)}", mask(dtype))


def page_size(m: Machine, spec: TensorSpec) -> Value:
    """page_size = f(dtype, page config, padded shape, memory config)."""
    layout = plain(spec.layout.page.layout)
    if isinstance(layout, Enum) and layout.name == "TILE":
        return with_mask(
            tile_bytes(m, data_format(m, spec.layout.dtype)), mask(spec.layout.page.layout) | mask(spec.layout.dtype)
        )
    width = spec.padded.items[-1] if spec.padded.items else 1
    if spec.layout.memory.sharded:
        shard = plain(spec.layout.memory.shards)
        if isinstance(shard, ShardSpec):
            width = shard.shape.items[1]
        elif isinstance(shard, NdShardSpec) and shard.shard_shape.items:
            width = shard.shard_shape.items[-1]
    return ops.binary(m, "*", width, element_size(m, spec.layout.dtype))
