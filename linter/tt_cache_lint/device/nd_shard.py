"""NdShardSpec: shards of as many dimensions as the tensor has.

Facts: tt_metal/api/tt-metalium/buffer_types.hpp:16 (a memory layout is ND_SHARDED where no ShardSpec of two dimensions
says the same, so that there is none then) and tt_metal/impl/tensor/spec/tensor_spec.cpp:256-284.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.cores import CoreRangeSet, to_set
from tt_cache_lint.device.tensor_spec import MEMORY_LAYOUTS, ND_SHARDED, ORIENTATIONS, make_shape
from tt_cache_lint.interp.registry import Site, constructor, method
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import Enum, InitList, Mark, Obj, Opt, Unknown, Value, Vec, identity, mask, plain

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

ROUND_ROBIN = Enum("ShardDistributionStrategy", "ROUND_ROBIN_1D")


class NdShardSpec(Obj):
    """shard_shape, grid, orientation, shard_distribution_strategy."""

    __slots__ = ("grid", "orientation", "shard_distribution_strategy", "shard_shape")

    def __init__(self, shape: Vec, grid: CoreRangeSet, orientation: Value, strategy: Value = ROUND_ROBIN) -> None:
        self.shard_shape = shape
        self.grid = grid
        self.orientation = orientation
        self.shard_distribution_strategy = strategy

    def copy(self) -> NdShardSpec:
        return NdShardSpec(
            self.shard_shape.copy(), self.grid.copy(), self.orientation, self.shard_distribution_strategy
        )

    def member(self, m: Machine, name: str) -> Value:
        return getattr(self, name) if name in NdShardSpec.__slots__ else NotImplemented

    def parts(self) -> list[Value]:
        return [self.orientation, *self.shard_shape.items]

    def identity(self) -> object:
        return ("nd shard", identity(self.shard_shape), self.grid.identity(), identity(self.orientation))

    def mask(self) -> int:
        return mask(self.shard_shape) | self.grid.mask() | mask(self.orientation)


@method(NdShardSpec, "with_shard_shape")
def with_shard_shape(m: Machine, site: Site, v: NdShardSpec, shape: Value) -> Value:
    made = v.copy()
    if isinstance(shape, (Vec, InitList)):
        made.shard_shape = make_shape(list(shape.items))
    return made


@constructor("NdShardSpec")
def make_nd_shard(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    if len(args) == 1 and isinstance(args[0], InitList) and args[0].names is not None:
        given = dict(zip(args[0].names, args[0].items, strict=True))
        args = [given.get(n) for n in ("shard_shape", "grid", "orientation", "shard_distribution_strategy")]
    elif len(args) == 1:
        only = args[0].v if isinstance(args[0], Opt) else args[0]
        return only.copy() if isinstance(only, NdShardSpec) else Unknown("NdShardSpec")
    shape = args[0] if args else None
    items = list(shape.items) if isinstance(shape, (Vec, InitList)) else [32, 32]
    grid = to_set(m, args[1]) if len(args) > 1 else CoreRangeSet([])
    orientation = args[2] if len(args) > 2 and isinstance(plain(args[2]), Enum) else ORIENTATIONS[0]
    strategy = args[3] if len(args) > 3 and isinstance(plain(args[3]), Enum) else ROUND_ROBIN
    return NdShardSpec(make_shape(items), grid, orientation, strategy)


def or_nd_sharded(repairs: list[dict[str, Value]]) -> list[dict[str, Value]]:
    """A tensor without a ShardSpec may be interleaved, or sharded in more dimensions than two."""
    several = [
        {**repair, key: ND_SHARDED}
        for repair in repairs
        for key, value in repair.items()
        if key.endswith(".memory_layout") and value == MEMORY_LAYOUTS[0]
    ]
    return repairs + several
