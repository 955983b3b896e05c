"""Library functions whose sources lie outside of the analysed folders: tile arithmetic, packing, work distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.cores import CoreCoord
from tt_cache_lint.device.tensor_make import construct_layout, construct_shape, to_memory
from tt_cache_lint.device.tensor_spec import DRAM_BANKS, TensorLayout, TensorSpec, enum, round_up
from tt_cache_lint.device.tensors import Buffer, Device, Tensor
from tt_cache_lint.interp import ops
from tt_cache_lint.interp.interrupts import Implausible
from tt_cache_lint.interp.registry import Site, function, method
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import Enum, InitList, Opt, Unknown, Val, Value, Vec, key_of, mask, plain

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

MOST_COUNTED = 1 << 16


def _counted(most: float) -> int:
    """What a search counts to. Raises Implausible where that is a size of no program."""
    if most > MOST_COUNTED:
        raise Implausible("a search over too many numbers")
    return int(most)


@function("round_up_to_mul32", "round_up_to_mul16", "round_up_to_tile", arity=(1, 2))
def round_up_fixed(m: Machine, site: Site, args: list[Value]) -> Value:
    unit = 16 if site.name.endswith("16") else 32
    if len(args) > 1:
        bare = plain(ops.number(m, args[1]))
        unit = bare if isinstance(bare, int) and bare > 0 else 32
    return round_up(ops.number(m, args[0]), unit)


@function("bfloat16", arity=(0, 1))
def bfloat16(m: Machine, site: Site, args: list[Value]) -> Value:
    return ops.convert(m, args[0], "float") if args else 0.0


@function("pack_two_bfloat16_into_uint32", "pack_two_uint16_into_uint32", arity=(1, 2))
def pack_two(m: Machine, site: Site, args: list[Value]) -> Value:
    items = args[0].items if len(args) == 1 and isinstance(args[0], (InitList, Vec)) else args
    if len(items) != 2:
        return m.unknown_call(site.name, args)
    low, high = (plain(ops.number(m, i)) for i in items)
    if isinstance(low, float) or isinstance(high, float):
        value = (ops.float_bits(low) >> 16) | (ops.float_bits(high) >> 16 << 16)
    else:
        value = (int(low) & 0xFFFF) | ((int(high) & 0xFFFF) << 16)
    p = mask(items[0]) | mask(items[1])
    return Val(value, p, ("pack", items[0], items[1])) if p else value


@function("find_max_divisor", arity=(2, 2))
def find_max_divisor(m: Machine, site: Site, args: list[Value]) -> Value:
    """The largest divisor not above a limit, 5 and 7 left out (tt_metal/common/work_split.cpp)."""
    value, limit = plain(ops.number(m, args[0])), plain(ops.number(m, args[1]))
    found = next((d for d in range(_counted(limit), 0, -1) if d not in (5, 7) and value % d == 0), 1)
    p = mask(args[0]) | mask(args[1])
    if found < limit and m.phase == "create" and mask(args[0]):
        m.limits.append(Val(False, p, ("==", args[0], int(limit))))
    return Val(found, p) if p else found


@function("merge_num_sticks_to_read", arity=(3, 3))
def merge_sticks(m: Machine, site: Site, args: list[Value]) -> Value:
    """How many sticks one read may take: a divisor of their number that stays below the limit."""
    sticks, size, limit = (plain(ops.number(m, a)) for a in args)
    p = mask(args[0]) | mask(args[1]) | mask(args[2])
    most = _counted(min(sticks, limit // size if size > 0 else sticks))
    best = next((count for count in range(most, 0, -1) if sticks % count == 0), 1)
    return Val(best, p) if p else best


@function("get_max_cores_divisible_by_tiles_per_core_tiles", arity=(2, 3))
def max_cores_divisible(m: Machine, site: Site, args: list[Value]) -> Value:
    tiles, limit = plain(ops.number(m, args[0])), plain(ops.number(m, args[1]))
    even = ops.truth(m, args[2]) if len(args) > 2 else False
    cores = max((c for c in range(1, _counted(limit) + 1) if tiles % c == 0 and (not even or c % 2 == 0)), default=1)
    p = mask(args[0]) | mask(args[1])
    values = [cores, tiles // cores]
    return Vec([Val(v, p) if p else v for v in values], "tuple")


@function("calculate_bank_size_spread", arity=(4, 4))
def bank_size_spread(m: Machine, site: Site, args: list[Value]) -> Value:
    size, page, banks, unit = (plain(ops.number(m, a)) for a in args)
    if not page or not banks or not unit:
        return m.unknown_number(site.name, 0)
    pages = -(-(size // page if page else 1) // banks)
    value = pages * (-(-page // unit) * unit)
    p = mask(args[0]) | mask(args[1]) | mask(args[2])
    return Val(value, p) if p else value


@function("is_sharded", arity=(1, 1))
def is_sharded(m: Machine, site: Site, args: list[Value]) -> Value:
    return ops.binary(m, "!=", args[0], enum("TensorMemoryLayout", "INTERLEAVED"))


@function("is_device_tensor", "is_tensor_on_device_or_multidevice", "is_tensor_on_device", arity=(1, 1))
def on_device(m: Machine, site: Site, args: list[Value]) -> Value:
    return True


@function("fromPaddedShape", "fromLegacyPaddedShape", arity=(4, 5))
def from_padded_shape(m: Machine, site: Site, args: list[Value]) -> Value:
    """TensorLayout::fromPaddedShape(dtype, page config, memory config, logical shape, padded shape)."""
    layout = construct_layout(m, Type("TensorLayout"), args[:3], site.mark)
    if isinstance(layout, TensorLayout) and len(args) > 4 and isinstance(args[4], Vec):
        layout.padded = args[4].copy()
    return layout


@method(TensorLayout, "with_memory_config")
def layout_with_memory(m: Machine, site: Site, v: TensorLayout, memory: Value) -> Value:
    return TensorLayout(v.dtype, v.page, to_memory(m, memory), v.padded)


@function("view", "reshape", arity=(2, 3))
def view(m: Machine, site: Site, args: list[Value]) -> Value:
    """A tensor with another shape over the same buffer."""
    tensor = args[0].v if isinstance(args[0], Opt) else args[0]
    if not isinstance(tensor, Tensor):
        return m.unknown_call(site.name, args)
    shape = construct_shape(m, Type("Shape"), [args[1]], site.mark)
    if not isinstance(shape, Vec):
        return m.unknown_call(site.name, args)
    made = tensor.copy()
    layout = tensor.spec.layout
    made.spec_ = TensorSpec(shape, TensorLayout(layout.dtype, layout.page, layout.memory))
    return made


@method(Vec, "to_array_4D")
def to_array_4d(m: Machine, site: Site, v: Vec) -> Value:
    items = list(v.items[-4:])
    return Vec([1] * (4 - len(items)) + items, "array")


@method(Buffer, "core_type")
def buffer_core_type(m: Machine, site: Site, v: Buffer) -> Value:
    from tt_cache_lint.device.buffer_methods import buffer_type
    from tt_cache_lint.interp.values import Enum

    kind = buffer_type(m, site, v)
    bare = plain(kind)
    name = "DRAM" if isinstance(bare, Enum) and bare.name == "DRAM" else "WORKER"
    return Val(Enum("CoreType", name), mask(kind)) if mask(kind) else Enum("CoreType", name)


@method(Device, "get_optimal_dram_bank_to_logical_worker_assignment")
def dram_workers(m: Machine, site: Site, v: Device, *args: Value) -> Value:
    """One worker for each DRAM bank."""
    return Vec([CoreCoord(i % 4, i // 4) for i in range(DRAM_BANKS)])


@function(
    "GetPreferredNOCForDRAMRead",
    "GetPreferredNOCForDRAMWrite",
    "preferred_noc_for_dram_read",
    "preferred_noc_for_dram_write",
    arity=(1, 1),
)
def preferred_noc(m: Machine, site: Site, args: list[Value]) -> Value:
    """NOC_0 for reading, NOC_1 for writing (tt_metal/api/tt-metalium/kernel_types.hpp:133-145)."""
    return Enum("NOC", "NOC_0", 0) if "ead" in site.name else Enum("NOC", "NOC_1", 1)


@function("is_block_float", arity=(1, 1))
def is_block_float(m: Machine, site: Site, args: list[Value]) -> Value:
    bare = plain(args[0])
    found = getattr(bare, "name", "").upper().startswith("BF") and "FLOAT16" not in getattr(bare, "name", "").upper()
    return Val(found, mask(args[0])) if mask(args[0]) else found


@function("get_optimal_worker_cores_for_sharded_tensor", arity=(1, 2))
def workers_of_shards(m: Machine, site: Site, args: list[Value]) -> Value:
    """The cores that hold shards, in shard-orientation order; for DRAM the worker next to each bank."""
    from tt_cache_lint.device.cores import core_vector
    from tt_cache_lint.device.tensor_spec import DRAM, ORIENTATIONS, ShardSpec
    from tt_cache_lint.device.work_split import set_order

    tensor = args[0].v if isinstance(args[0], Opt) else args[0]
    if not isinstance(tensor, Tensor):
        return m.unknown_call(site.name, args)
    memory = tensor.spec.layout.memory
    shard = plain(memory.shard_spec) if memory.sharded else None
    if not isinstance(shard, ShardSpec) or plain(memory.buffer_type) == DRAM:
        return dram_workers(m, site, Device(m.world))
    rows = plain(shard.orientation) == ORIENTATIONS[0]
    return core_vector(set_order(shard.grid, rows), shard.mask())


@function("time", arity=(1, 1))
def clock(m: Machine, site: Site, args: list[Value]) -> Value:
    """The clock: another number in each run."""
    bit = m.world.bit("the clock")
    m.world.dispatch |= bit
    return Val(1000 * m.world.run, bit, "the clock")


@function("__builtin_clz", "__builtin_ctz", "__builtin_popcount", arity=(1, 1))
def builtin_bits(m: Machine, site: Site, args: list[Value]) -> Value:
    value = plain(ops.number(m, args[0]))
    number = int(value)
    if site.name.endswith("clz"):
        found = 32 - number.bit_length()
    elif site.name.endswith("ctz"):
        found = (number & -number).bit_length() - 1 if number else 32
    else:
        found = bin(number).count("1")
    return Val(found, mask(args[0])) if mask(args[0]) else found


__all__ = ["Unknown", "key_of"]


@function("get_batch_size", arity=(1, 1))
def batch_size(m: Machine, site: Site, args: list[Value]) -> Value:
    """The product of all dimensions but the last two (ttnn/api/ttnn/tensor/tensor_utils.hpp)."""
    shape = args[0]
    if not isinstance(shape, Vec):
        return m.unknown_call("get_batch_size", args)
    product: Value = 1
    for item in shape.items[:-2]:
        product = ops.binary(m, "*", product, item)
    return product


@function("is_floating_point", arity=(1, 1))
def floating_point(m: Machine, site: Site, args: list[Value]) -> Value:
    """Is a data type one of floating-point numbers?"""
    dtype = plain(args[0])
    if not isinstance(dtype, Enum):
        return m.unknown_call("is_floating_point", args)
    known = dtype.name in ("BFLOAT16", "FLOAT32", "BFLOAT8_B", "BFLOAT4_B")
    return Val(known, mask(args[0]), None) if mask(args[0]) else known
