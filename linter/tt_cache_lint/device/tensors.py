"""Tensors, buffers, shapes and memory configs of a world.

Everything but the address is a fact of the tensor's spec, which the default hash covers (facts/device_model.md
sections 6 and 8): both runs see the same values. The relations between them are those of facts/hash_judgement.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tt_cache_lint.device.cores import CoreCoord, CoreRangeSet, rectangle, to_set
from tt_cache_lint.interp import ops
from tt_cache_lint.interp.access import null_use
from tt_cache_lint.interp.registry import CONSTANTS, ENUM_NUMBERS, Site, constructor, method
from tt_cache_lint.interp.types import SCALARS, Type
from tt_cache_lint.interp.values import (
    Absent,
    Enum,
    Handle,
    Implausible,
    InitList,
    Mark,
    Obj,
    Opt,
    Pointer,
    Ref,
    Struct,
    Unknown,
    Val,
    Value,
    Vec,
    copied,
    empty,
    identity,
    key_of,
    mask,
    plain,
)
from tt_cache_lint.interp.world import DOMAINS, LEAVES, World

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
GRIDS = ((4, 3), (3, 4), (5, 2), (2, 5), (4, 4), (6, 2), (3, 3), (8, 2))
CONSTANTS.update({"is_device_tensor": None})
del CONSTANTS["is_device_tensor"]


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
        self.mode: Value = enum_value_of("ShardMode", "PHYSICAL")

    def copy(self) -> ShardSpec:
        return ShardSpec(self.grid.copy(), self.shape.copy(), self.orientation)

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
            return _Attribute(self, name)
        return self.member(m, name)

    def components(self) -> list[Value]:
        """What `auto [grid, shape, orientation] = spec` gives (buffer.hpp:58-66)."""
        return [self.grid, self.shape, _Attribute(self, "orientation")]

    def parts(self) -> list[Value]:
        return [self.orientation, *self.shape.items]

    def identity(self) -> object:
        return ("shard", self.grid.identity(), identity(self.shape), identity(self.orientation))

    def mask(self) -> int:
        return self.grid.mask() | mask(self.shape) | mask(self.orientation)


def enum_value_of(type_: str, name: str) -> Enum:
    return Enum(type_, name)


class _Attribute(Ref):
    __slots__ = ("name", "owner")

    def __init__(self, owner: Any, name: str) -> None:
        self.owner = owner
        self.name = name

    def get(self) -> Value:
        return getattr(self.owner, self.name)

    def set(self, value: Value, mark: Mark | None = None) -> None:
        setattr(self.owner, self.name, value)


class MemoryConfig(Obj):
    """memory_layout, buffer_type, shard_spec. The shard spec of an input is made when first asked for."""

    __slots__ = ("_shard", "buffer_type", "make", "memory_layout")

    def __init__(self, memory_layout: Value, buffer_type: Value, shard: Value, make: Any = None) -> None:
        self.memory_layout = memory_layout
        self.buffer_type = buffer_type
        self._shard = shard
        self.make = make

    @property
    def shard_spec(self) -> Value:
        if self.make is not None:
            make, self.make = self.make, None
            self._shard = make()
        return self._shard

    @property
    def sharded(self) -> bool:
        layout = plain(self.memory_layout)
        return isinstance(layout, Enum) and layout.name != "INTERLEAVED"

    def copy(self) -> MemoryConfig:
        return self

    def parts(self) -> list[Value]:
        return [self.memory_layout, self.buffer_type, self.shard_spec if self.sharded else None]

    def identity(self) -> object:
        shard = plain(self.shard_spec) if self.sharded else None
        return (
            "memory_config",
            identity(self.memory_layout),
            identity(self.buffer_type),
            identity(shard) if shard is not None else None,
        )

    def mask(self) -> int:
        p = mask(self.memory_layout) | mask(self.buffer_type)
        return p | mask(self.shard_spec) if self.sharded else p


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
            return self.layout.padded
        return self.shape

    def parts(self) -> list[Value]:
        return [*self.shape.items, self.layout.dtype, self.layout.page.layout, *self.layout.memory.parts()]

    def identity(self) -> object:
        return ("spec", identity(self.shape), self.layout.identity())

    def mask(self) -> int:
        return mask(self.shape) | mask(self.layout.dtype) | mask(self.layout.page.layout) | self.layout.memory.mask()


class Buffer(Obj):
    """Device memory. `run` is the run it was allocated in: its address belongs to that run."""

    __slots__ = ("owner", "run", "spec")
    is_storage = True  # it stands for the storage of a tensor, too

    def __init__(self, owner: str, run: int, spec: TensorSpec | None) -> None:
        self.owner = owner
        self.run = run
        self.spec = spec

    def identity(self) -> object:
        return ("buffer", self.owner, self.run)

    def stable_key(self) -> object:
        return ("buffer", self.owner)


class Tensor(Obj):
    """A device tensor: a spec and a buffer. Copies share both."""

    __slots__ = ("buffer", "make", "name", "spec_")

    def __init__(self, name: str, run: int, spec: TensorSpec | None = None, make: Any = None) -> None:
        self.name = name
        self.spec_ = spec
        self.make = make
        self.buffer = Buffer(name, run, None)

    @property
    def spec(self) -> TensorSpec:
        if self.spec_ is None:
            self.spec_ = self.make()
        self.buffer.spec = self.spec_
        return self.spec_

    def assign(self, other: Value) -> bool:
        if isinstance(other, Opt):
            other = other.v
        if isinstance(other, Tensor):
            self.name, self.spec_, self.make, self.buffer = other.name, other.spec_, other.make, other.buffer
            return True
        return False

    def copy(self) -> Tensor:
        made = Tensor(self.name, self.buffer.run, self.spec_, self.make)
        made.buffer = self.buffer
        return made

    def identity(self) -> object:
        return ("tensor", self.name, self.buffer.run)

    def stable_key(self) -> object:
        return ("tensor", self.name)


class Device(Obj):
    """The mesh device, one per world, or the device `at` a coordinate of the mesh."""

    __slots__ = ("at", "world")

    def __init__(self, world: World, at: tuple[int, ...] | None = None) -> None:
        self.world = world
        self.at = at

    def identity(self) -> object:
        return "device" if self.at is None else ("device", self.at)


class GlobalSemaphore(Obj):
    """A device allocation given by the caller: its address is not hashed (device_model.md section 5)."""

    __slots__ = ("name", "run")

    def __init__(self, name: str, run: int) -> None:
        self.name = name
        self.run = run

    def identity(self) -> object:
        return ("semaphore", self.name, self.run)

    def stable_key(self) -> object:
        return ("semaphore", self.name)


class GlobalCircularBuffer(GlobalSemaphore):
    """A circular buffer shared by programs."""

    __slots__ = ()


# -- inputs ----------------------------------------------------------------------------------------------------------


def default_dims(world: World) -> tuple[int, ...]:
    return SHAPES[world.seed % len(SHAPES)]


def input_shape(world: World, name: str) -> Vec:
    """The logical shape of an input tensor: a rank decision and a number for each dimension."""
    rank = world.fact(f"{name}.rank", (4, 2, 3), words=f"rank of {name}")
    dims = default_dims(world)
    count = int(rank.v)
    if not 0 <= count <= 8:
        raise Implausible("an absurd rank")
    items: list[Value] = []
    for index in range(count):
        default = dims[count - 1 - index] if count - 1 - index < len(dims) else 1
        value = world.fact(f"{name}.logical_shape[{index}]", (default,), number=True)
        items.append(Val(value.v, value.p, value.t))
    return make_shape(items)


def input_memory(world: World, name: str, shape: Any = None) -> MemoryConfig:
    """A memory config whose layout is a decision."""
    layout = world.fact(f"{name}.memory_layout", MEMORY_LAYOUTS, words=f"{name} memory layout")
    sharded = layout.v.name != "INTERLEAVED"
    kinds = (L1, DRAM) if sharded else (DRAM, L1)
    buffer_type = world.fact(f"{name}.buffer_type", kinds, words=f"{name} buffer type")
    if not sharded:
        return MemoryConfig(layout, buffer_type, None)
    return MemoryConfig(
        layout, buffer_type, None, lambda: Opt(input_shard(world, name, layout, shape), layout.p, is_sharded(layout))
    )


def is_sharded(layout: Value) -> Value:
    """The condition that a memory layout is a sharded one, as a term."""
    bare = plain(layout)
    interleaved = enum("TensorMemoryLayout", "INTERLEAVED")
    return Val(bare != interleaved, mask(layout), ("!=", layout, interleaved)) if mask(layout) else None


def input_shard(world: World, name: str, layout: Val, shape: Any) -> ShardSpec:
    """A shard spec that fits the shape: the grid does not always start at the origin."""
    padded: Vec = shape() if callable(shape) else make_shape([*reversed(default_dims(world)[:4])])
    width = int(plain(padded.items[-1]))
    height = 1
    for item in padded.items[:-1]:
        height *= int(plain(item))
    p = layout.p | world.bit(f"{name}.shard_spec")
    # Every tensor of a world shares one shard grid, as sharded ops mostly demand.
    pick = world.seed % 4
    x0, y0 = ((0, 0), (1, 0), (0, 0), (0, 1))[pick]
    kind = layout.v.name
    if kind == "BLOCK_SHARDED":
        nx, ny = (2, 2) if pick % 2 == 0 else (2, 1)
        grid = [rectangle(x0, y0, x0 + nx - 1, y0 + ny - 1, p)]
        extents = [_share(height, ny), _share(width, nx)]
    else:
        count = 2 if pick % 2 else min(4, GRIDS[world.seed % len(GRIDS)][0])
        grid = [rectangle(x0, y0, x0 + count - 1, y0, p)]
        extents = [_share(height, count), width] if kind == "HEIGHT_SHARDED" else [height, _share(width, count)]
    sides: list[Value] = []
    for index, extent in enumerate(extents):
        fact = world.fact(f"{name}.shard_spec.shape[{index}]", (extent,), number=True)
        sides.append(Val(fact.v, fact.p | p, fact.t))
    orientation = world.fact(f"{name}.shard_spec.orientation", ORIENTATIONS, words=f"{name} shard orientation")
    return ShardSpec(CoreRangeSet(grid), make_shape(sides), orientation)


def _share(extent: int, parts: int) -> int:
    share = -(-extent // parts)
    return -(-share // 32) * 32 if extent % 32 == 0 else share


def input_tensor(world: World, name: str, run: int) -> Tensor:
    """A tensor given to the op."""

    def make() -> TensorSpec:
        shape = input_shape(world, name)
        dtype = world.fact(f"{name}.dtype", DTYPES, words=f"{name} dtype")
        layout = world.fact(f"{name}.layout", LAYOUTS, words=f"{name} layout")
        page = PageConfig(layout, Tile())
        spec = TensorSpec(shape, TensorLayout(dtype, page, None))  # type: ignore[arg-type]
        spec.layout.memory = input_memory(world, name, lambda: spec.padded)
        return spec

    return Tensor(name, run, None, make)


# -- methods ---------------------------------------------------------------------------------------------------------


@method(Tensor, "buffer", "mesh_buffer", "get_buffer", "mesh_tensor", "device_storage", "storage", "get_mesh_buffer")
def tensor_buffer(m: Machine, site: Site, v: Tensor) -> Value:
    v.buffer.spec = v.spec
    return v.buffer


@method(Tensor, "dtype", "get_dtype", "data_type")
def tensor_dtype(m: Machine, site: Site, v: Tensor) -> Value:
    return v.spec.layout.dtype


@method(Tensor, "layout", "get_layout")
def tensor_layout(m: Machine, site: Site, v: Tensor) -> Value:
    return v.spec.layout.page.layout


@method(Tensor, "logical_shape", "get_logical_shape", "shape", "get_shape", "get_legacy_shape_")
def tensor_shape(m: Machine, site: Site, v: Tensor) -> Value:
    return v.spec.shape.copy()


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


@method(Tensor, "volume", "logical_volume")
def tensor_volume(m: Machine, site: Site, v: Tensor) -> Value:
    shape = v.spec.shape if site.name == "logical_volume" else v.spec.padded
    return product(m, shape.items)


@method(Tensor, "storage_type")
def tensor_storage(m: Machine, site: Site, v: Tensor) -> Value:
    return enum("StorageType", "DEVICE")


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
    return False


def _memory_member(self: MemoryConfig, m: Machine, name: str) -> Value:
    """Older trees have plain members."""
    if name in ("memory_layout", "buffer_type"):
        return getattr(self, name)
    if name == "shard_spec":
        return self.shard_spec if self.sharded else Absent(mask(self.memory_layout), is_sharded(self.memory_layout))
    return NotImplemented


def _memory_member_ref(self: MemoryConfig, m: Machine, name: str) -> Value:
    if name in ("memory_layout", "buffer_type"):
        return _Attribute(self, name)
    if name == "shard_spec":
        return _ShardMember(self)
    return NotImplemented


class _ShardMember(Ref):
    __slots__ = ("owner",)

    def __init__(self, owner: MemoryConfig) -> None:
        self.owner = owner

    def get(self) -> Value:
        return self.owner.shard_spec

    def set(self, value: Value, mark: Mark | None = None) -> None:
        self.owner.make = None
        self.owner._shard = value


MemoryConfig.member = _memory_member  # type: ignore[attr-defined]
MemoryConfig.member_ref = _memory_member_ref  # type: ignore[attr-defined]


@method(ShardSpec, "num_cores")
def shard_cores(m: Machine, site: Site, v: ShardSpec) -> Value:
    return with_mask(len(v.grid.xys()), v.grid.mask())


@method(ShardSpec, "numel")
def shard_numel(m: Machine, site: Site, v: ShardSpec) -> Value:
    return product(m, v.shape.items)


@method(ShardSpec, "tensor2d_shape_in_pages", "to_string")
def shard_text(m: Machine, site: Site, v: ShardSpec) -> Value:
    return Unknown(f"{site.name} of {v.identity()}", v.mask())


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
    if isinstance(bare, Enum) and bare.name in FORMATS:
        return with_mask(Enum("DataFormat", FORMATS[bare.name]), mask(dtype))
    return Unknown(f"data format of {key_of(dtype)}", mask(dtype))


@method(Buffer, "address")
def buffer_address(m: Machine, site: Site, v: Buffer) -> Value:
    return m.world.address(v.owner, v.run)


@method(GlobalSemaphore, "address", "buffer_address", "config_address")
def semaphore_address(m: Machine, site: Site, v: GlobalSemaphore) -> Value:
    name = v.name if site.name == "address" else f"{v.name} ({site.name})"
    return m.world.address(name, v.run)


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


def page_size(m: Machine, spec: TensorSpec) -> Value:
    """page_size = f(dtype, page config, padded shape, memory config)."""
    layout = plain(spec.layout.page.layout)
    if isinstance(layout, Enum) and layout.name == "TILE":
        return with_mask(
            tile_bytes(m, data_format(m, spec.layout.dtype)), mask(spec.layout.page.layout) | mask(spec.layout.dtype)
        )
    width = spec.padded.items[-1] if spec.padded.items else 1
    if spec.layout.memory.sharded:
        shard = plain(spec.layout.memory.shard_spec)
        if isinstance(shard, ShardSpec):
            width = shard.shape.items[1]
    return ops.binary(m, "*", width, element_size(m, spec.layout.dtype))


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
    return memory_sharded(m, site, v.spec.layout.memory) if v.spec is not None else False


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


@method(Device, "compute_with_storage_grid_size", "logical_grid_size", "grid_size")
def device_grid(m: Machine, site: Site, v: Device) -> Value:
    grids = m.world.grids or GRIDS
    gx, gy = grids[m.world.seed % len(grids)]
    x = m.world.fact("device.grid.x", (gx,), number=True)
    y = m.world.fact("device.grid.y", (gy,), number=True)
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


@method(
    Device,
    "worker_core_from_logical_core",
    "ethernet_core_from_logical_core",
    "virtual_core_from_logical_core",
    "worker_cores_from_logical_cores_",
)
def device_physical(m: Machine, site: Site, v: Device, core: Value, *args: Value) -> Value:
    from tt_cache_lint.device.cores import to_coord

    logical = to_coord(m, core)
    return CoreCoord(ops.binary(m, "+", logical.x, 18), ops.binary(m, "+", logical.y, 18))


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


# -- constructors ----------------------------------------------------------------------------------------------------


def to_memory(m: Machine, value: Value) -> MemoryConfig:
    """Anything that stands for a memory config."""
    if isinstance(value, Ref):
        value = value.get()
    if isinstance(value, Opt):
        value = value.v
    if isinstance(value, MemoryConfig):
        return value
    if isinstance(value, Unknown):
        return input_memory(m.world, value.key)
    return MemoryConfig(enum("TensorMemoryLayout", "INTERLEAVED"), DRAM, None)


@constructor("MemoryConfig")
def make_memory(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    made = MemoryConfig(enum("TensorMemoryLayout", "INTERLEAVED"), DRAM, None)
    if len(args) == 1:
        only = args[0]
        if isinstance(only, InitList) and only.names is not None:
            for name, value in zip(only.names, only.items, strict=True):
                if name == "shard_spec":
                    made._shard = _shard_of(m, value)
                elif name in ("memory_layout", "buffer_type"):
                    setattr(made, name, value)
            return made
        if isinstance(only, (MemoryConfig, Unknown, Opt)):
            return to_memory(m, only)
    for value in args:
        bare = plain(value)
        if isinstance(bare, Enum) and bare.type == "TensorMemoryLayout":
            made.memory_layout = value
        elif isinstance(bare, Enum) and bare.type == "BufferType":
            made.buffer_type = value
        elif not empty(value):
            made._shard = _shard_of(m, value)
    return made


def _shard_of(m: Machine, value: Value) -> Value:
    if isinstance(value, InitList):
        value = make_shard(m, Type("ShardSpec"), value.items, value.mark)
    if empty(value) or isinstance(value, (Opt, Unknown)):
        return value
    return Opt(value)


@constructor("ShardSpec")
def make_shard(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    if len(args) == 1 and isinstance(args[0], InitList) and args[0].names is not None:
        given = dict(zip(args[0].names, args[0].items, strict=True))
        # The second names are those of 2023.
        grid, shape = given.get("grid", given.get("shard_grid")), given.get("shape", given.get("shard_shape"))
        args = [grid, shape, given.get("orientation", given.get("shard_orientation", ORIENTATIONS[0]))]
    elif len(args) == 1 and isinstance(args[0], (ShardSpec, Opt, Unknown)):
        return copied(plain(args[0]))
    grid = to_set(m, args[0]) if args else CoreRangeSet([])
    sides = args[1] if len(args) > 1 else None
    items = list(sides.items) if isinstance(sides, (Vec, InitList)) else [32, 32]
    orientation = args[2] if len(args) > 2 and isinstance(plain(args[2]), Enum) else ORIENTATIONS[0]
    return ShardSpec(grid, make_shape(items), orientation)


@constructor("Shape", "SimpleShape", "LegacyShape", "Shape2D")
def construct_shape(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    if not args:
        return make_shape([])
    if len(args) == 1:
        only = args[0].v if isinstance(args[0], Opt) else args[0]
        if isinstance(only, (Vec, InitList)):
            items = only.items
            if len(items) == 1 and isinstance(items[0], (Vec, InitList)):
                items = items[0].items
            return make_shape(list(items))
        if isinstance(only, Unknown):
            return input_shape(m.world, only.key)
        return make_shape([only])
    return make_shape(list(args))


@constructor("Tile")
def construct_tile(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    if args and isinstance(args[0], Tile):
        return args[0]
    if args and isinstance(args[0], (InitList, Vec)):
        args = list(args[0].items)
        if len(args) == 1 and isinstance(args[0], (InitList, Vec)):
            args = list(args[0].items)
    return Tile(args[0], args[1]) if len(args) >= 2 else Tile()


@constructor("PageConfig")
def construct_page(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    if args and isinstance(args[0], PageConfig):
        return args[0]
    tile = next((a for a in args[1:] if isinstance(a, Tile)), None)
    return PageConfig(args[0] if args else LAYOUTS[0], tile or Tile())


@constructor("TensorLayout")
def construct_layout(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    if args and isinstance(args[0], TensorLayout):
        return args[0]
    dtype = args[0] if args else DTYPES[0]
    page = args[1] if len(args) > 1 else None
    if isinstance(page, InitList):
        page = construct_page(m, type_, page.items, mark)
    if isinstance(page, Unknown):
        page = PageConfig(m.world.fact(f"{page.key}.layout", LAYOUTS), Tile())
    if not isinstance(page, PageConfig):
        page = PageConfig(page if page is not None else LAYOUTS[0], Tile())
    memory = to_memory(m, args[2]) if len(args) > 2 else to_memory(m, None)
    return TensorLayout(dtype, page, memory)


@constructor("TensorSpec")
def construct_spec(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    if len(args) == 1:
        only = args[0].v if isinstance(args[0], Opt) else args[0]
        if isinstance(only, InitList):
            return construct_spec(m, type_, only.items, mark)
        return only
    if not args:
        return Unknown("TensorSpec{}")
    shape = construct_shape(m, type_, [args[0]], mark)
    layout = args[1]
    if isinstance(layout, InitList):
        layout = construct_layout(m, type_, layout.items, mark)
    if not isinstance(layout, TensorLayout):
        layout = construct_layout(m, type_, [], mark)
    return TensorSpec(shape, TensorLayout(layout.dtype, layout.page, layout.memory, layout.padded))


@constructor("Tensor")
def construct_tensor(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    if args and isinstance(args[0], Opt):
        return args[0].v
    if args and isinstance(args[0], Tensor):
        return args[0]
    for arg in args:
        if isinstance(arg, TensorSpec):
            return Tensor(f"tensor#{m.count('tensor')}", m.world.run, arg)
    return Unknown("Tensor{}") if not args else Unknown(f"Tensor({', '.join(key_of(a) for a in args)})")


@constructor("HostBuffer", "HostStorage", "DeviceStorage", "OwnedBuffer")
def construct_storage(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    """Host data and storage handles: their content does not matter here."""
    return Unknown(f"{type_.name}({', '.join(key_of(a) for a in args)})")


@constructor("GlobalSemaphore")
def construct_semaphore(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    return args[0] if args else GlobalSemaphore(f"semaphore#{m.count('semaphore')}", m.world.run)


__all__ = ["Handle", "Pointer", "Struct"]
