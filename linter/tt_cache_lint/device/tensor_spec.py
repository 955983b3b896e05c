"""Specs of tensors: shapes, data types, layouts, memory configs and shards.

Everything but the address is a fact of the tensor's spec, which the default hash covers (facts/device_model.md
sections 6 and 8): both runs see the same values. The relations between them are those of facts/hash_judgement.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tt_cache_lint.device.cores import CoreRangeSet
from tt_cache_lint.interp.registry import ENUM_NUMBERS
from tt_cache_lint.interp.types import SCALARS
from tt_cache_lint.interp.values import (
    Absent,
    Enum,
    Mark,
    Obj,
    Opt,
    Ref,
    Val,
    Value,
    Vec,
    copied,
    identity,
    mask,
    plain,
)
from tt_cache_lint.interp.world import DOMAINS, LEAVES, MAPPINGS

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

ENUM_NUMBERS.update(
    {
        "DataType": ("BFLOAT16", "FLOAT32", "UINT32", "BFLOAT8_B", "BFLOAT4_B", "UINT8", "UINT16", "INT32", "INVALID"),
        "Layout": ("ROW_MAJOR", "TILE", "INVALID"),
        "TensorMemoryLayout": (
            "INTERLEAVED",
            "",
            "HEIGHT_SHARDED",
            "WIDTH_SHARDED",
            "BLOCK_SHARDED",
            "ND_SHARDED",
        ),
        "BufferType": ("DRAM", "L1", "SYSTEM_MEMORY", "L1_SMALL", "TRACE"),
        "ShardOrientation": ("ROW_MAJOR", "COL_MAJOR"),
        "StorageType": ("HOST", "DEVICE"),
        "DataMovementProcessor": ("RISCV_0", "RISCV_1"),
        "NOC": ("RISCV_0_default", "RISCV_1_default"),
        "ARCH": ("Invalid", "GRAYSKULL", "WORMHOLE_B0", "BLACKHOLE"),
    }
)


def enum(type_: str, name: str) -> Enum:
    return Enum(type_, name, ENUM_NUMBERS[type_].index(name))


DTYPES = tuple(enum("DataType", n) for n in ("BFLOAT16", "FLOAT32", "UINT32", "INT32", "BFLOAT8_B", "UINT16"))
LAYOUTS = (enum("Layout", "TILE"), enum("Layout", "ROW_MAJOR"))
MEMORY_LAYOUTS = tuple(
    enum("TensorMemoryLayout", n) for n in ("INTERLEAVED", "HEIGHT_SHARDED", "BLOCK_SHARDED", "WIDTH_SHARDED")
)
ND_SHARDED = enum("TensorMemoryLayout", "ND_SHARDED")  # not among the usual ones: for what asks for it
DRAM_BANKS = 12  # Wormhole
DOMAINS.update({"DataType": DTYPES, "Layout": LAYOUTS, "TensorMemoryLayout": MEMORY_LAYOUTS})
LEAVES.update(
    {
        "has_value": ((True, False), "present"),
        "dtype": (DTYPES, "dtype"),
        "layout": (LAYOUTS, "layout"),
        "memory_layout": (MEMORY_LAYOUTS, "memory layout"),
    }
)
DRAM, L1 = enum("BufferType", "DRAM"), enum("BufferType", "L1")
DOMAINS["BufferType"] = (DRAM, L1)
ORIENTATIONS = (enum("ShardOrientation", "ROW_MAJOR"), enum("ShardOrientation", "COL_MAJOR"))
ELEMENT_SIZES = {
    "BFLOAT16": 2,
    "FLOAT32": 4,
    "UINT32": 4,
    "INT32": 4,
    "UINT16": 2,
    "UINT8": 1,
    "BFLOAT8_B": 1,
    "BFLOAT4_B": 1,
}
FORMATS = {
    "BFLOAT16": "Float16_b",
    "FLOAT32": "Float32",
    "UINT32": "UInt32",
    "INT32": "Int32",
    "UINT16": "UInt16",
    "UINT8": "UInt8",
    "BFLOAT8_B": "Bfp8_b",
    "BFLOAT4_B": "Bfp4_b",
}
FORMAT = "format of a data type"
MAPPINGS[FORMAT] = {Enum("DataType", kind): Enum("DataFormat", form) for kind, form in FORMATS.items()}
FORMAT_SIZES = {
    "Float16_b": 2,
    "Float16": 2,
    "Float32": 4,
    "UInt32": 4,
    "Int32": 4,
    "UInt16": 2,
    "UInt8": 1,
    "Tf32": 4,
    "RawUInt32": 4,
    "RawUInt16": 2,
    "RawUInt8": 1,
    "Int8": 1,
    "Bfp8_b": 1,
    "Bfp8": 1,
    "Lf8": 1,
    "Bfp4_b": 1,
    "Bfp2_b": 1,
}
TILE_BYTES = {"Bfp8_b": 1088, "Bfp8": 1088, "Bfp4_b": 576, "Bfp4": 576, "Bfp2_b": 320}
# Shapes of a world, by seed: last dimension first.
SHAPES = (
    (128, 64, 2, 1, 1),
    (40, 128, 1, 2, 1),
    (96, 64, 3, 1, 2),
    (200, 96, 2, 2, 1),
    (64, 160, 1, 1, 1),
    (256, 32, 4, 1, 1),
    (80, 40, 2, 1, 1),
    (32, 256, 1, 3, 1),
)
MOST_SIDE = 16  # columns and rows of the largest device's grid
GRIDS = ((4, 3), (3, 4), (5, 2), (2, 5), (4, 4), (6, 2), (3, 3), (8, 2))


def make_shape(dims: list[Value]) -> Vec:
    shape = Vec(dims, "Shape")
    shape.elem = SCALARS["uint32_t"]
    return shape


def with_mask(value: Value, p: int, term: object = None) -> Value:
    """A scalar with an origin."""
    if isinstance(value, Val):
        return Val(value.v, value.p | p, value.t)
    return Val(value, p, term) if p else value


def round_up(value: Value, unit: int, p: int = 0) -> Value:
    """A value rounded up, keeping its term for solving."""
    bare = plain(value)
    if not isinstance(bare, int):
        return value
    up = -(-bare // unit) * unit
    whole = mask(value) | p
    return Val(up, whole, ("roundup", value, unit)) if whole else up


class ShardSpec(Obj):
    """grid, shape [height, width], orientation."""

    __slots__ = ("grid", "mode", "orientation", "shape")

    def __init__(self, grid: CoreRangeSet, shape: Vec, orientation: Value) -> None:
        self.grid = grid
        self.shape = shape
        self.orientation = orientation
        self.mode: Value = Enum("ShardMode", "PHYSICAL")

    def copy(self) -> ShardSpec:
        other = ShardSpec(self.grid.copy(), self.shape.copy(), self.orientation)
        other.mode = self.mode
        return other

    def assign(self, other: Value) -> bool:
        if isinstance(other, ShardSpec):
            self.grid, self.shape, self.orientation = other.grid.copy(), other.shape.copy(), other.orientation
            return True
        return False

    def member(self, m: Machine, name: str) -> Value:
        name = name.removeprefix("shard_")  # as in 2023
        return getattr(self, name) if name in ("grid", "shape", "orientation", "mode") else NotImplemented

    def member_ref(self, m: Machine, name: str) -> Value:
        if name == "orientation":
            return AttributeRef(self, name)
        return self.member(m, name)

    def components(self) -> list[Value]:
        """What `auto [grid, shape, orientation] = spec` gives (buffer.hpp:58-66)."""
        return [self.grid, self.shape, AttributeRef(self, "orientation")]

    def parts(self) -> list[Value]:
        return [self.orientation, self.grid, *self.shape.items]

    def identity(self) -> object:
        return ("shard", self.grid.identity(), identity(self.shape), identity(self.orientation))

    def mask(self) -> int:
        return self.grid.mask() | mask(self.shape) | mask(self.orientation)


class AttributeRef(Ref):
    __slots__ = ("name", "owner")

    def __init__(self, owner: Any, name: str) -> None:
        self.owner = owner
        self.name = name

    def get(self) -> Value:
        return getattr(self.owner, self.name)

    def set(self, value: Value, mark: Mark | None = None) -> None:
        setattr(self.owner, self.name, value)


class MemoryConfig(Obj):
    """memory_layout, buffer_type, shard_spec. The shard spec of an input is made when first asked for.

    `shards` is the n-dimensional one where the layout is ND_SHARDED; `shard_spec` is absent then.
    """

    __slots__ = ("_shard", "buffer_type", "make", "memory_layout")

    def __init__(self, memory_layout: Value, buffer_type: Value, shard: Value, make: Any = None) -> None:
        self.memory_layout = memory_layout
        self.buffer_type = buffer_type
        self._shard = shard
        self.make = make

    @property
    def shards(self) -> Value:
        if self.make is not None:
            make, self.make = self.make, None
            self._shard = make()
        return self._shard

    @property
    def shard_spec(self) -> Value:
        if plain(self.memory_layout) == ND_SHARDED:
            layout = self.memory_layout
            return Absent(mask(layout), Val(False, mask(layout), ("!=", layout, ND_SHARDED)) if mask(layout) else None)
        return self.shards

    @property
    def sharded(self) -> bool:
        layout = plain(self.memory_layout)
        return isinstance(layout, Enum) and layout.name != "INTERLEAVED"

    def assign(self, other: Value) -> bool:
        given = other.v if isinstance(other, Opt) else other
        if not isinstance(given, MemoryConfig):
            return False
        if given is not self:
            fresh = given.copy()
            self.memory_layout, self.buffer_type = fresh.memory_layout, fresh.buffer_type
            self._shard, self.make = fresh._shard, fresh.make
        return True

    def copy(self) -> MemoryConfig:
        return MemoryConfig(self.memory_layout, self.buffer_type, copied(self._shard), self.make)

    def parts(self) -> list[Value]:
        return [self.memory_layout, self.buffer_type, self.shards if self.sharded else None]

    def identity(self) -> object:
        shard = plain(self.shards) if self.sharded else None
        return (
            "memory_config",
            identity(self.memory_layout),
            identity(self.buffer_type),
            identity(shard) if shard is not None else None,
        )

    def mask(self) -> int:
        p = mask(self.memory_layout) | mask(self.buffer_type)
        return p | mask(self.shards) if self.sharded else p


class Tile(Obj):
    """A tile's shape."""

    __slots__ = ("height", "p", "width")

    def __init__(self, height: Value = 32, width: Value = 32, p: int = 0) -> None:
        self.height = height
        self.width = width
        self.p = p

    def identity(self) -> object:
        return ("tile", plain(self.height), plain(self.width))


class PageConfig(Obj):
    """Layout and tile."""

    __slots__ = ("layout", "tile")

    def __init__(self, layout: Value, tile: Tile) -> None:
        self.layout = layout
        self.tile = tile

    def identity(self) -> object:
        return ("page", identity(self.layout), self.tile.identity())


class TensorLayout(Obj):
    """dtype, page config, memory config; a padded shape where one was given."""

    __slots__ = ("dtype", "memory", "padded", "page")

    def __init__(self, dtype: Value, page: PageConfig, memory: MemoryConfig, padded: Vec | None = None) -> None:
        self.dtype = dtype
        self.page = page
        self.memory = memory
        self.padded = padded

    def identity(self) -> object:
        return ("tensor_layout", identity(self.dtype), self.page.identity(), self.memory.identity())


class TensorSpec(Obj):
    """Logical shape and tensor layout."""

    __slots__ = ("layout", "shape")

    def __init__(self, shape: Vec, layout: TensorLayout) -> None:
        self.shape = shape
        self.layout = layout

    @property
    def padded(self) -> Vec:
        if self.layout.padded is not None:
            return self.layout.padded
        layout = plain(self.layout.page.layout)
        if isinstance(layout, Enum) and layout.name == "TILE":
            dims = list(self.shape.items)
            p = mask(self.layout.page.layout)
            tile = self.layout.page.tile
            for back, unit in ((1, plain(tile.width)), (2, plain(tile.height))):
                if len(dims) >= back and isinstance(unit, int):
                    dims[-back] = round_up(dims[-back], unit, p)
            self.layout.padded = make_shape(dims)
            self.layout.padded.key = self.shape.key
            return self.layout.padded
        return self._of_whole_shards() or self.shape

    def _of_whole_shards(self) -> Vec | None:
        """The shape of a sharded row-major tensor whose rows the shards do not divide (page_config.cpp:143-155)."""
        memory = self.layout.memory
        if memory is None or not memory.sharded or not self.shape.items:
            return None
        shard = plain(memory.shard_spec)
        side = shard.shape.items[1] if isinstance(shard, ShardSpec) and len(shard.shape.items) == 2 else None
        last, unit = plain(self.shape.items[-1]), plain(side)
        if not isinstance(last, int) or not isinstance(unit, int) or unit <= 0 or last % unit == 0:
            return None
        self.layout.padded = make_shape([*self.shape.items[:-1], round_up(self.shape.items[-1], unit, mask(side))])
        self.layout.padded.key = self.shape.key
        return self.layout.padded

    def parts(self) -> list[Value]:
        return [*self.shape.items, self.layout.dtype, self.layout.page.layout, *self.layout.memory.parts()]

    def identity(self) -> object:
        return ("spec", identity(self.shape), self.layout.identity())

    def mask(self) -> int:
        return mask(self.shape) | mask(self.layout.dtype) | mask(self.layout.page.layout) | self.layout.memory.mask()
