"""How a sharded buffer's pages lie on cores: NdShardSpec, BufferDistributionSpec and the page mappings.

Facts: tt_metal/impl/tensor/spec/tensor_spec.cpp:256-284 (a legacy shard spec has an n-dimensional form) and
tt_metal/impl/buffers/buffer_distribution_spec.cpp (cores, shards and pages).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import TYPE_CHECKING

from tt_cache_lint.device.cores import XY, CoreRangeSet, core_vector, rectangle
from tt_cache_lint.device.nd_shard import ROUND_ROBIN, NdShardSpec
from tt_cache_lint.device.tensor_inputs import is_sharded
from tt_cache_lint.device.tensor_spec import (
    ORIENTATIONS,
    MemoryConfig,
    ShardSpec,
    TensorSpec,
    make_shape,
    with_mask,
)
from tt_cache_lint.device.tensors import Buffer, Tensor
from tt_cache_lint.device.work_split import set_order
from tt_cache_lint.interp import ops
from tt_cache_lint.interp.interrupts import Implausible
from tt_cache_lint.interp.registry import CONSTANTS, Site, method
from tt_cache_lint.interp.values import Absent, Enum, Obj, Opt, Struct, Unknown, Value, Vec, mask, plain

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

PADDING = 0xFFFFFFFF
MAX_PAGES = 20_000
CONSTANTS["UncompressedBufferPageMapping::PADDING"] = PADDING
GRID_2D = Enum("ShardDistributionStrategy", "GRID_2D")


def nd_form(memory: MemoryConfig | None) -> Value:
    """The n-dimensional form of a memory config's shard spec; absent when it is not sharded."""
    if memory is None:
        return None
    p, sharded = mask(memory.memory_layout), is_sharded(memory.memory_layout)
    if not memory.sharded:
        return Absent(p, sharded)
    shard = plain(memory.shards)
    if isinstance(shard, NdShardSpec):
        return Opt(shard, p, sharded)
    if not isinstance(shard, ShardSpec):
        return Opt(Unknown(f"nd_shard_spec of {memory.identity()}", memory.mask()), p, sharded)
    layout = plain(memory.memory_layout)
    strategy = GRID_2D if isinstance(layout, Enum) and layout.name == "BLOCK_SHARDED" else ROUND_ROBIN
    return Opt(NdShardSpec(shard.shape.copy(), shard.grid.copy(), shard.orientation, strategy), p, sharded)


@method(Tensor, "nd_shard_spec")
def tensor_nd_shard(m: Machine, site: Site, v: Tensor) -> Value:
    return nd_form(v.spec.layout.memory)


@method(MemoryConfig, "nd_shard_spec")
def memory_nd_shard(m: Machine, site: Site, v: MemoryConfig) -> Value:
    return nd_form(v)


# -- distribution ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Pages:
    """Shapes in pages, the cores in shard order, and the inputs all of it derives from."""

    tensor: tuple[int, ...]
    shard: tuple[int, ...]
    cores: list[XY]
    p: int
    grid: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.grid = [-(-t // s) for t, s in zip(self.tensor, self.shard, strict=True)]
        if prod(self.tensor) > MAX_PAGES:
            raise Implausible("a tensor of absurd size")

    @property
    def shards(self) -> int:
        return prod(self.grid)

    def shards_on(self, core: int) -> int:
        return self.shards // len(self.cores) + (core < self.shards % len(self.cores))

    def on_cores(self) -> list[list[int]]:
        """For each core the host page of each device page, PADDING where there is none."""
        most = -(-self.shards // len(self.cores))
        found = [[PADDING] * (most * prod(self.shard)) for _ in self.cores]
        for number, at in enumerate(product(*(range(n) for n in self.grid))):
            core, start = number % len(self.cores), number // len(self.cores) * prod(self.shard)
            for offset, inside in enumerate(product(*(range(n) for n in self.shard))):
                page = [a * s + i for a, s, i in zip(at, self.shard, inside, strict=True)]
                if all(x < t for x, t in zip(page, self.tensor, strict=True)):
                    host = 0
                    for x, t in zip(page, self.tensor, strict=True):
                        host = host * t + x
                    found[core][start + offset] = host
        return found


def pages_of(spec: TensorSpec) -> Pages | None:
    """How the pages of a sharded tensor lie; None when it is not sharded or not known.

    Raises Implausible for a shard of more dimensions than the tensor has (buffer_distribution_spec.cpp:300-304).
    """
    nd = plain(nd_form(spec.layout.memory))
    if not isinstance(nd, NdShardSpec):
        return None
    tile = spec.layout.page.tile
    layout = plain(spec.layout.page.layout)
    sides = [plain(d) for d in spec.padded.items]
    shard = [plain(d) for d in nd.shard_shape.items]
    if not all(type(d) is int and d > 0 for d in (*sides, *shard)) or len(shard) < 2 or len(sides) < 2:
        return None
    if len(shard) > len(sides):
        rank = spec.shape.key if isinstance(spec.shape, Vec) else None
        asked = [{rank.t: len(shard)}] if rank is not None and isinstance(rank.t, str) else []
        raise Implausible("a shard of more dimensions than its tensor", tuple(asked))
    tiled = isinstance(layout, Enum) and layout.name == "TILE"
    unit = [plain(tile.height), plain(tile.width)] if tiled else [1, shard[-1]]
    if not all(type(u) is int and u > 0 for u in unit):
        return None
    for dims in (sides, shard):
        dims[-2:] = [-(-d // u) for d, u in zip(dims[-2:], unit, strict=True)]
    tensor = (prod(sides[: len(sides) - len(shard) + 1]), *sides[len(sides) - len(shard) + 1 :])
    rows = plain(nd.orientation) == ORIENTATIONS[0]
    cores = set_order(nd.grid, rows)
    if plain(nd.shard_distribution_strategy) == GRID_2D and len(nd.grid.ranges) == 1:
        high, wide = (max(1, -(-t // s)) for t, s in zip(tensor[-2:], shard[-2:], strict=True))
        if not rows:
            high, wide = wide, high
        x0, y0, x1, y1 = nd.grid.ranges[0].box()
        trimmed = rectangle(x0, y0, min(x1, x0 + wide - 1), min(y1, y0 + high - 1))
        cores = set_order(CoreRangeSet([trimmed]), rows)
    p = nd.mask() | mask(spec.shape) | mask(spec.layout.page.layout)
    return Pages(tensor, tuple(shard), cores, p) if cores else None


class Distribution(Obj):
    """BufferDistributionSpec."""

    __slots__ = ("pages",)

    def __init__(self, pages: Pages) -> None:
        self.pages = pages

    def identity(self) -> object:
        return ("distribution", self.pages.tensor, self.pages.shard, tuple(self.pages.cores))


@method(Buffer, "buffer_distribution_spec")
def buffer_distribution(m: Machine, site: Site, v: Buffer) -> Value:
    memory = v.spec.layout.memory if v.spec is not None else None
    form = nd_form(memory)
    if v.spec is None or not isinstance(form, Opt):
        return form
    pages = pages_of(v.spec)
    if pages is None:
        return Opt(Unknown(f"buffer_distribution_spec of {v.identity()}", v.spec.mask()), form.p, form.t)
    return Opt(Distribution(pages), form.p, form.t)


@method(Distribution, "num_shards", "max_num_shards_per_core", "num_cores", "num_cores_with_data")
def distribution_count(m: Machine, site: Site, v: Distribution) -> Value:
    pages = v.pages
    counts = {
        "num_shards": pages.shards,
        "max_num_shards_per_core": -(-pages.shards // len(pages.cores)),
        "num_cores": len(pages.cores),
        "num_cores_with_data": min(len(pages.cores), pages.shards),
    }
    return with_mask(counts[site.name], pages.p)


@method(Distribution, "num_shards_per_core", "num_dev_pages_per_core", "max_num_dev_pages_per_core")
def distribution_per_core(m: Machine, site: Site, v: Distribution, *args: Value) -> Value:
    core = plain(ops.number(m, args[0])) if args else 0
    shards = v.pages.shards_on(core if isinstance(core, int) else 0)
    return with_mask(shards * (prod(v.pages.shard) if "pages" in site.name else 1), v.pages.p)


@method(Distribution, "tensor_shape_in_pages", "shard_shape_in_pages")
def distribution_shape(m: Machine, site: Site, v: Distribution) -> Value:
    dims = v.pages.tensor if site.name.startswith("tensor") else v.pages.shard
    return make_shape([with_mask(d, v.pages.p) for d in dims])


@method(Distribution, "cores", "cores_with_data")
def distribution_cores(m: Machine, site: Site, v: Distribution) -> Value:
    cores = v.pages.cores if site.name == "cores" else v.pages.cores[: v.pages.shards]
    return core_vector(cores, v.pages.p)


@method(Distribution, "core_groups", "core_groups_tuple")
def distribution_groups(m: Machine, site: Site, v: Distribution) -> Value:
    """Cores with data, those with one shard more and the others; the tuple is that of split_work_to_cores."""
    pages = v.pages
    less, more = divmod(pages.shards, len(pages.cores))
    first = pages.cores[:more] if more else pages.cores
    second = pages.cores[more:] if more and less else []
    sets = [
        CoreRangeSet([rectangle(x, y, x, y, pages.p) for x, y in cores])
        for cores in (pages.cores[: pages.shards], first, second)
    ]
    counts = [with_mask(n, pages.p) for n in (less + bool(more), less if more else 0)]
    if site.name == "core_groups_tuple":
        return Vec([with_mask(len(sets[0].ranges), pages.p), *sets, *counts], "tuple")
    return record(
        "CoreGroups",
        cores_with_data=sets[0],
        cores_in_group_1=sets[1],
        cores_in_group_2=sets[2],
        num_shards_per_core_in_group_1=counts[0],
        num_shards_per_core_in_group_2=counts[1],
    )


def record(name: str, **fields: Value) -> Struct:
    made = Struct(None, name)
    made.fields.update(fields)
    return made


@method(Distribution, "compute_page_mapping")
def distribution_mapping(m: Machine, site: Site, v: Distribution) -> Value:
    return mapping(v.pages)


def mapping(pages: Pages) -> Struct:
    """UncompressedBufferPageMapping."""
    return record(
        "UncompressedBufferPageMapping",
        all_cores=core_vector(pages.cores, pages.p),
        core_host_page_indices=Vec([Vec([with_mask(i, pages.p) for i in core]) for core in pages.on_cores()]),
    )


class PageMapping(Vec):
    """BufferPageMapping: iterated over, it gives each page of the host with its core and its place there."""

    __slots__ = ("pages",)

    pages: Pages

    def copy(self) -> Vec:
        return self

    def member(self, m: Machine, name: str) -> Value:
        if name.endswith("_"):
            from tt_cache_lint.device.old_pages import listed

            return listed(self.pages, name)
        return core_vector(self.pages.cores, self.pages.p) if name == "all_cores" else NotImplemented


@method(Buffer, "get_buffer_page_mapping")
def buffer_mapping(m: Machine, site: Site, v: Buffer) -> Value:
    pages = pages_of(v.spec) if v.spec is not None else None
    if pages is None:
        return m.unknown_call("Buffer.get_buffer_page_mapping", [v])
    made = PageMapping(list(_mapped(pages)), "BufferPageMapping")
    made.pages = pages
    return made


def _mapped(pages: Pages) -> Iterator[Struct]:
    for core, held in enumerate(pages.on_cores()):
        for device, host in enumerate(held):
            if host != PADDING:
                where = (with_mask(n, pages.p) for n in (core, device, host))
                yield record("MappedPage", **dict(zip(("core_id", "device_page", "host_page"), where, strict=True)))
