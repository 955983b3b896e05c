"""The tensors an op is given: shapes, memory configs and shard specs that a world decides."""

from __future__ import annotations

from typing import Any

from tt_cache_lint.device.cores import CoreCoord, CoreRange, CoreRangeSet
from tt_cache_lint.device.nd_shard import NdShardSpec
from tt_cache_lint.device.tensor_spec import (
    DRAM,
    DTYPES,
    GRIDS,
    L1,
    LAYOUTS,
    MEMORY_LAYOUTS,
    MOST_SIDE,
    ORIENTATIONS,
    SHAPES,
    MemoryConfig,
    PageConfig,
    ShardSpec,
    TensorLayout,
    TensorSpec,
    Tile,
    enum,
    make_shape,
)
from tt_cache_lint.device.tensors import Tensor
from tt_cache_lint.interp.interrupts import Implausible, Thrown
from tt_cache_lint.interp.values import Enum, Opt, Val, Value, Vec, mask, plain
from tt_cache_lint.interp.world import NOT_GIVEN, World

# -- inputs ----------------------------------------------------------------------------------------------------------


ROW_MAJOR = enum("Layout", "ROW_MAJOR")


def default_dims(world: World) -> tuple[int, ...]:
    return SHAPES[world.seed % len(SHAPES)]


def _fact(
    world: World, name: str, aspect: str, choices: tuple[Value, ...], number: bool = False, words: str = ""
) -> Val:
    """A property of a tensor. The tensors of a list are alike: what is insisted on for the first one is the default of
    the others."""
    owner, found, index = name.rpartition("[")
    if found and index != "0]" and index.endswith("]"):
        first = world.given(f"{owner}[0]{aspect}")
        if first is not NOT_GIVEN:
            choices = (first,) if number else (first, *(c for c in choices if c != first))
    return world.fact(f"{name}{aspect}", choices, number=number, words=words)


def input_shape(world: World, name: str) -> Vec:
    """The logical shape of an input tensor: a rank decision and a number for each dimension."""
    rank = _fact(world, name, ".rank", (4, 2, 3), words=f"rank of {name}")
    dims = default_dims(world)
    count = int(rank.v)
    if not 0 <= count <= 8:
        raise Implausible("an absurd rank")
    items: list[Value] = []
    for index in range(count):
        default = dims[count - 1 - index] if count - 1 - index < len(dims) else 1
        value = _fact(world, name, f".logical_shape[{index}]", (default,), number=True)
        items.append(Val(value.v, value.p, value.t))
    shape = make_shape(items)
    shape.key = rank  # what asks for the rank depends on it
    return shape


def input_memory(world: World, name: str, shape: Any = None) -> MemoryConfig:
    """A memory config whose layout is a decision."""
    layout = _fact(world, name, ".memory_layout", MEMORY_LAYOUTS, words=f"{name} memory layout")
    sharded = layout.v.name != "INTERLEAVED"
    kinds = (L1, DRAM) if sharded else (DRAM, L1)
    buffer_type = _fact(world, name, ".buffer_type", kinds, words=f"{name} buffer type")
    if not sharded:
        return MemoryConfig(layout, buffer_type, None)

    def placed(kind: Val) -> ShardSpec | NdShardSpec:
        made = input_shard(world, name, layout, shape)
        if kind.v == L1:
            _within_device(world, made.grid)
        return made

    return MemoryConfig(layout, buffer_type, None, lambda: Opt(placed(buffer_type), layout.p, is_sharded(layout)))


def _within_device(world: World, cores: CoreRangeSet) -> None:
    """L1 shards lie on cores that the device has: it gets as many as that takes. Raises Thrown when it is known to have
    fewer."""
    usual = (world.grids or GRIDS)[world.seed % len(world.grids or GRIDS)]
    larger: dict[str, Value] = {}
    for side, position, most in zip(("x", "y"), (2, 3), usual, strict=True):
        key = f"device.grid.{side}"
        needed = max((item.box()[position] + 1 for item in cores.ranges), default=0)
        if needed > most or key in world.facts or world.given(key) is not NOT_GIVEN:
            if world.fact(key, (max(needed, most),), number=True).v < needed:
                larger[key] = needed
    if larger:
        raise Thrown("a shard grid beyond the device's", cores.mask(), (larger,))


def is_sharded(layout: Value) -> Value:
    """The condition that a memory layout is a sharded one, as a term."""
    bare = plain(layout)
    interleaved = enum("TensorMemoryLayout", "INTERLEAVED")
    return Val(bare != interleaved, mask(layout), ("!=", layout, interleaved)) if mask(layout) else None


def input_shard(world: World, name: str, layout: Val, shape: Any) -> ShardSpec | NdShardSpec:
    """A shard spec that fits the shape: the grid does not always start at the origin.

    One of n dimensions splits the tensor into more shards than there are cores, which no other one can.
    """
    padded: Vec = shape() if callable(shape) else make_shape([*reversed(default_dims(world)[:4])])
    if not padded.items:
        raise Implausible("shards of a tensor without dimensions")
    width = int(plain(padded.items[-1]))
    height = 1
    for item in padded.items[:-1]:
        height *= int(plain(item))
    p = layout.p | world.bit(f"{name}.shard_spec")
    # Every tensor of a world shares one shard grid, as sharded ops mostly demand.
    pick = world.seed % 4
    x0, y0 = ((0, 0), (1, 0), (0, 0), (0, 1))[pick]
    kind = layout.v.name
    usual = (2, 2 if pick % 2 == 0 else 1)
    if kind != "BLOCK_SHARDED":
        usual = (2, 2) if pick == 2 else (2 if pick % 2 else min(4, GRIDS[world.seed % len(GRIDS)][0]), 1)
    cores = input_ranges(world, f"{name}.shard_spec.grid", (x0, y0, *usual), p)
    orientation: Value = ORIENTATIONS[0]
    if kind == "BLOCK_SHARDED":
        orientation = _orientation(world, name)
        most = _most_shards(kind, cores, orientation)
        extents = [_share(height, most[0]), _share(width, most[1])]
    elif kind == "HEIGHT_SHARDED":
        extents = [_share(height, len(cores.xys())), width]
    else:
        extents = [height, _share(width, len(cores.xys()))]
    several = kind == "ND_SHARDED"
    if several:
        rows = int(plain(padded.items[-2])) if len(padded.items) > 1 else 1
        extents = [_share(rows, 2), width]
    sides: list[Value] = []
    for index, extent in enumerate(extents):
        fact = _fact(world, name, f".shard_spec.shape[{index}]", (extent,), number=True)
        sides.append(Val(fact.v, fact.p | p, fact.t))
    orientation = _orientation(world, name)
    if shape is not None and not several:
        page = world.facts.get(f"{name}.layout")
        shard = int(sides[0].v), int(sides[1].v)
        if page is not None and page.value == ROW_MAJOR and shard[1] > 0:
            width = -(-width // shard[1]) * shard[1]  # page_config.cpp:151-155
        most = _most_shards(kind, cores, orientation)
        if not _fits(kind, (height, width), shard, most):
            world.misfits[name] = _fitting(kind, name, (height, width), shard, most)
    if several:
        return NdShardSpec(make_shape([1] * (len(padded.items) - 2) + sides), cores, orientation)
    return ShardSpec(cores, make_shape(sides), orientation)


def _orientation(world: World, name: str) -> Val:
    return _fact(world, name, ".shard_spec.orientation", ORIENTATIONS, words=f"{name} shard orientation")


def _most_shards(kind: str, cores: CoreRangeSet, orientation: Value) -> tuple[int, int]:
    """How many shards there may be along height and width (tt_metal/impl/tensor/spec/tensor_spec.cpp:36-91)."""
    count = len(cores.xys())
    if kind != "BLOCK_SHARDED":
        return {"HEIGHT_SHARDED": (count, 1), "WIDTH_SHARDED": (1, count)}.get(kind, (count, count))
    left, top, right, bottom = cores.ranges[0].box()
    columns, rows = right - left + 1, bottom - top + 1
    bare = plain(orientation)
    return (columns, rows) if isinstance(bare, Enum) and bare.name == "COL_MAJOR" else (rows, columns)


def _fits(kind: str, extent: tuple[int, int], shard: tuple[int, int], most: tuple[int, int]) -> bool:
    """Does a tensor of that height and width take such shards?"""
    if min(shard) <= 0:
        return False
    shards = [-(-whole // part) for whole, part in zip(extent, shard, strict=True)]
    if kind == "HEIGHT_SHARDED":
        return shard[1] == extent[1] and shards[0] <= most[0]
    if kind == "WIDTH_SHARDED":
        return shard[0] == extent[0] and shards[1] <= most[1]
    return shards[0] <= most[0] and shards[1] <= most[1]


def _fitting(
    kind: str, name: str, extent: tuple[int, int], shard: tuple[int, int], most: tuple[int, int]
) -> dict[str, Value]:
    """The shard's sides with which the tensor takes it."""
    whole = {"HEIGHT_SHARDED": (False, True), "WIDTH_SHARDED": (True, False)}.get(kind, (False, False))
    sides = [
        full if is_whole else _share(full, parts) for full, is_whole, parts in zip(extent, whole, most, strict=True)
    ]
    return {f"{name}.shard_spec.shape[{at}]": side for at, side in enumerate(sides) if side != shard[at]}


def input_ranges(world: World, key: str, usual: tuple[int, int, int, int], p: int = 0) -> CoreRangeSet:
    """A set of cores given to the op: how many ranges it has, where each starts and how large it is, are inputs.

    `usual` are x, y, columns and rows of the one range there is when nothing is insisted on, `p` further inputs that
    it derives from. Raises Implausible for an absurd set.
    """
    count = world.fact(f"{key}.size", (1,), number=True)
    if not 0 < count.v <= MOST_SIDE:
        raise Implausible("a set of absurdly many ranges of cores")
    ranges = [_range(world, key, usual, p | count.p)]
    for index in range(1, count.v):
        below = ranges[-1].box()[3] + 1
        ranges.append(_range(world, f"{key}[{index}]", (usual[0], below, 1, 1), p | count.p))
    return CoreRangeSet(ranges, count)


def _range(world: World, key: str, usual: tuple[int, int, int, int], p: int) -> CoreRange:
    sides = zip(("x", "y", "columns", "rows"), usual, strict=True)
    facts = [world.fact(f"{key}.{side}", (value,), number=True) for side, value in sides]
    x, y, columns, rows = (Val(fact.v, fact.p | p, fact.t) for fact in facts)
    if not (0 <= x.v < MOST_SIDE and 0 <= y.v < MOST_SIDE and 0 < columns.v <= MOST_SIDE and 0 < rows.v <= MOST_SIDE):
        raise Implausible("cores beyond any device's")
    ends = [_last(start, count) for start, count in ((x, columns), (y, rows))]
    return CoreRange(CoreCoord(x, y), CoreCoord(*ends), (columns, rows))


def _last(start: Val, count: Val) -> Val:
    p = start.p | count.p
    return Val(start.v + count.v - 1, p, ("-", Val(start.v + count.v, p, ("+", start, count)), 1))


def _share(extent: int, parts: int) -> int:
    share = -(-extent // parts)
    return -(-share // 32) * 32 if extent % 32 == 0 else share


def input_tensor(world: World, name: str, run: int) -> Tensor:
    """A tensor given to the op."""

    def make() -> TensorSpec:
        shape = input_shape(world, name)
        dtype = _fact(world, name, ".dtype", DTYPES, words=f"{name} dtype")
        layout = _fact(world, name, ".layout", LAYOUTS, words=f"{name} layout")
        page = PageConfig(layout, Tile())
        bare = TensorSpec(shape, TensorLayout(dtype, page, None))  # type: ignore[arg-type]
        return TensorSpec(shape, TensorLayout(dtype, page, input_memory(world, name, lambda: bare.padded)))

    return Tensor(name, run, None, make)
