"""What buffers, semaphores and the device answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.cores import CoreCoord, CoreRangeSet, rectangle
from tt_cache_lint.device.layout_methods import page_size
from tt_cache_lint.device.tensor_methods import element_size, memory_shard, memory_sharded, product, shard_cores
from tt_cache_lint.device.tensor_spec import (
    DRAM,
    DRAM_BANKS,
    GRIDS,
    L1,
    ND_SHARDED,
    ShardSpec,
    enum,
    round_up,
    with_mask,
)
from tt_cache_lint.device.tensors import HELD_BUFFER, Buffer, Device, GlobalCircularBuffer, GlobalSemaphore
from tt_cache_lint.interp import ops
from tt_cache_lint.interp.access import null_use
from tt_cache_lint.interp.registry import Site, method
from tt_cache_lint.interp.values import (
    Opt,
    Unknown,
    Value,
    Vec,
    empty,
    mask,
    plain,
)

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine
    from tt_cache_lint.interp.world import World


@method(Buffer, "address")
def buffer_address(m: Machine, site: Site, v: Buffer) -> Value:
    return m.world.address(v.owner, v.run)


@method(GlobalSemaphore, "address", "buffer_address", "config_address")
def semaphore_address(m: Machine, site: Site, v: GlobalSemaphore) -> Value:
    if site.name == "buffer_address":
        return m.world.address(f"{v.name}{HELD_BUFFER}", v.run)
    name = v.name if site.name == "address" else f"{v.name} ({site.name})"
    if not isinstance(v, GlobalCircularBuffer):
        m.world.semaphores.add(name)
    return m.world.address(name, v.run)


@method(GlobalCircularBuffer, "cb_buffer")
def global_buffer(m: Machine, site: Site, v: GlobalCircularBuffer) -> Value:
    """Where its pages lie (global_circular_buffer.hpp:35): what buffer_address() tells."""
    return Buffer(f"{v.name}{HELD_BUFFER}", v.run, None)


@method(GlobalSemaphore, "get")
def pointed_to(m: Machine, site: Site, v: GlobalSemaphore) -> Value:
    """shared_ptr<const GlobalSemaphore>::get(), as in ops of early 2025: a pointer is what it points to."""
    return v


@method(Buffer, "buffer_type")
def buffer_type(m: Machine, site: Site, v: Buffer) -> Value:
    return v.spec.layout.memory.buffer_type if v.spec is not None else L1


@method(Buffer, "is_l1")
def buffer_l1(m: Machine, site: Site, v: Buffer) -> Value:
    return ops.binary(m, "==", buffer_type(m, site, v), L1)


@method(Buffer, "is_dram")
def buffer_dram(m: Machine, site: Site, v: Buffer) -> Value:
    return ops.binary(m, "==", buffer_type(m, site, v), DRAM)


@method(Buffer, "buffer_layout")
def buffer_layout(m: Machine, site: Site, v: Buffer) -> Value:
    return v.spec.layout.memory.memory_layout if v.spec is not None else enum("TensorMemoryLayout", "INTERLEAVED")


@method(Buffer, "page_size")
def buffer_page_size(m: Machine, site: Site, v: Buffer) -> Value:
    return page_size(m, v.spec) if v.spec is not None else m.unknown_number(f"page size of {v.owner}", 0)


@method(Buffer, "aligned_page_size")
def buffer_aligned_page_size(m: Machine, site: Site, v: Buffer) -> Value:
    return round_up(buffer_page_size(m, site, v), 32)


@method(Buffer, "alignment")
def buffer_alignment(m: Machine, site: Site, v: Buffer) -> Value:
    kind = plain(buffer_type(m, site, v))
    return with_mask(32 if kind == DRAM else 16, mask(buffer_type(m, site, v)))


@method(Buffer, "num_pages", "num_dev_pages")
def buffer_pages(m: Machine, site: Site, v: Buffer) -> Value:
    if v.spec is None:
        return m.unknown_number(f"pages of {v.owner}", 0)
    total = ops.binary(m, "*", product(m, v.spec.padded.items), element_size(m, v.spec.layout.dtype))
    return ops.binary(m, "/", total, page_size(m, v.spec))


@method(Buffer, "size", "aligned_size", "aligned_size_per_bank", "page_size_per_bank")
def buffer_size(m: Machine, site: Site, v: Buffer) -> Value:
    if v.spec is None:
        return m.unknown_number(f"size of {v.owner}", 0)
    total = ops.binary(m, "*", product(m, v.spec.padded.items), element_size(m, v.spec.layout.dtype))
    if site.name.endswith("bank") and v.spec.layout.memory.sharded:
        shard = plain(v.spec.layout.memory.shard_spec)
        if isinstance(shard, ShardSpec):
            return ops.binary(m, "*", product(m, shard.shape.items), element_size(m, v.spec.layout.dtype))
    return total


@method(Buffer, "shard_spec")
def buffer_shard(m: Machine, site: Site, v: Buffer) -> Value:
    if v.spec is None:
        return Unknown(f"shard spec of {v.owner}")
    shard = memory_shard(m, site, v.spec.layout.memory)
    if empty(shard):
        raise null_use(m, shard, "shard_spec()")
    return shard.v if isinstance(shard, Opt) else shard


@method(Buffer, "has_shard_spec")
def buffer_has_shard(m: Machine, site: Site, v: Buffer) -> Value:
    if v.spec is None:
        return False
    memory = v.spec.layout.memory
    several = plain(memory.memory_layout) == ND_SHARDED
    return ops.binary(m, "!=", memory.memory_layout, ND_SHARDED) if several else memory_sharded(m, site, memory)


@method(Buffer, "num_cores")
def buffer_cores(m: Machine, site: Site, v: Buffer) -> Value:
    shard = buffer_shard(m, site, v)
    return shard_cores(m, site, shard) if isinstance(shard, ShardSpec) else m.unknown_number(f"cores of {v.owner}", 0)


@method(Buffer, "get_reference_buffer", "get_backing_buffer", "get", "mesh_buffer", "get_device_buffer", "value")
def buffer_itself(m: Machine, site: Site, v: Buffer, *args: Value) -> Value:
    return v


@method(ShardSpec, "grid")
def shard_grid(m: Machine, site: Site, v: ShardSpec) -> Value:
    return v.grid


@method(ShardSpec, "shape")
def shard_shape(m: Machine, site: Site, v: ShardSpec) -> Value:
    return v.shape


@method(ShardSpec, "orientation")
def shard_orientation(m: Machine, site: Site, v: ShardSpec) -> Value:
    return v.orientation


# -- device ----------------------------------------------------------------------------------------------------------


@method(Device, "compute_with_storage_grid_size", "compute_and_storage_grid_size", "logical_grid_size", "grid_size")
def device_grid(m: Machine, site: Site, v: Device) -> Value:
    return grid_of(m.world)


def grid_of(world: World) -> CoreCoord:
    """The cores of a device of this world: few, unless something insists on more."""
    grids = world.grids or GRIDS
    gx, gy = grids[world.seed % len(grids)]
    x = world.fact("device.grid.x", (gx,), number=True)
    y = world.fact("device.grid.y", (gy,), number=True)
    return CoreCoord(x, y)


@method(Device, "arch")
def device_arch(m: Machine, site: Site, v: Device) -> Value:
    """Wormhole, unless a check insists on another: the device is one for both runs."""
    return m.world.fact("device.arch", (enum("ARCH", "WORMHOLE_B0"),), number=True)


@method(Device, "l1_size_per_core")
def device_l1(m: Machine, site: Site, v: Device) -> Value:
    return 1464 * 1024


@method(Device, "num_dram_channels", "num_banks", "num_worker_cores")
def device_banks(m: Machine, site: Site, v: Device, *args: Value) -> Value:
    return DRAM_BANKS


@method(Device, "dram_grid_size")
def device_dram_grid(m: Machine, site: Site, v: Device) -> Value:
    return CoreCoord(DRAM_BANKS, 1)


@method(Buffer, "noc_coordinates")
def buffer_coordinates(m: Machine, site: Site, v: Buffer, bank: Value = 0) -> Value:
    """Where a bank is (tt_metal/impl/buffers/buffer.cpp of 2024): the same for all buffers of a kind."""
    number = plain(bank)
    column = number % DRAM_BANKS if isinstance(number, int) else 0
    return CoreCoord(1 + column, 0)


@method(Device, "worker_cores")
def device_workers(m: Machine, site: Site, v: Device, *args: Value) -> Value:
    """The cores of a sub-device; another sub-device has others."""
    size = device_grid(m, site, v)
    x, y = size.xy
    number = plain(args[1]) if len(args) > 1 else 0
    p = size.mask() | (mask(args[1]) if len(args) > 1 else 0)
    first = 1 if isinstance(number, int) and number else 0
    return CoreRangeSet([rectangle(first, 0, x - 1, y - 1, p)])


@method(Device, "get_sub_device_ids")
def device_sub_devices(m: Machine, site: Site, v: Device) -> Value:
    return Vec([0])


@method(Device, "allocator")
def device_allocator(m: Machine, site: Site, v: Device) -> Value:
    return v


@method(Device, "get_base_allocator_addr", "get_alignment", "lowest_occupied_compute_l1_address")
def device_allocator_number(m: Machine, site: Site, v: Device, *args: Value) -> Value:
    if site.name == "get_alignment":
        return 32
    return None if site.name.startswith("lowest") else 100 * 1024
