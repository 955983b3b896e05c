"""What an op is given: attributes and tensor arguments, made lazily from a world's facts by their declared types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.cores import CoreCoord, CoreRange, CoreRangeSet, number_with, rectangle
from tt_cache_lint.device.mesh import all_coords, input_coordinate, mesh_of
from tt_cache_lint.device.mesh_device import MeshSocket
from tt_cache_lint.device.tensor_inputs import default_dims, input_memory, input_shape, input_tensor
from tt_cache_lint.device.tensor_spec import (
    DRAM,
    DTYPES,
    GRIDS,
    L1,
    LAYOUTS,
    MEMORY_LAYOUTS,
    ORIENTATIONS,
    ShardSpec,
    Tile,
    make_shape,
)
from tt_cache_lint.device.tensors import Device, GlobalCircularBuffer, GlobalSemaphore
from tt_cache_lint.interp import build
from tt_cache_lint.interp.interrupts import Implausible
from tt_cache_lint.interp.registry import Site, method
from tt_cache_lint.interp.types import MAPS, SEQUENCES, STRINGS, Type, bound
from tt_cache_lint.interp.values import Absent, Map, Opt, Struct, Unknown, Val, Value, Vec, identity
from tt_cache_lint.source.defs import EnumDef, StructDef

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine
    from tt_cache_lint.interp.world import World

ENUM_CHOICES = {
    "DataType": DTYPES,
    "Layout": LAYOUTS,
    "TensorMemoryLayout": MEMORY_LAYOUTS,
    "BufferType": (DRAM, L1),
    "ShardOrientation": ORIENTATIONS,
}
INTEGERS = (2, 3, 1, 4)
DEVICES = {"MeshDevice", "IDevice", "Device"}
MAX_CHOICES = 12
MOST_ITEMS = 64  # of a vector among the inputs
OF_THE_CHIP = {"WormholeComputeKernelConfig"}  # alternatives that belong to the device of the model
# How the compute engine is set is the caller's choice; no launching function derives it from tensors.
COMPUTE_CONFIGS = {"WormholeComputeKernelConfig", "GrayskullComputeKernelConfig", "BlackholeComputeKernelConfig"}


class InputStruct(Struct):
    """A struct given to the op: its members are facts, made when first read."""

    __slots__ = ("key",)

    key: str

    def copy(self) -> InputStruct:
        other = InputStruct(self.type, self.name, self.default)
        plain_copy = super().copy()
        other.fields, other.defaults, other.marks = plain_copy.fields, plain_copy.defaults, plain_copy.marks
        other.key = self.key
        return other


class Variant(Opt):
    """A variant given to the op: which alternative it holds is a decision."""

    __slots__ = ("index", "types")

    def __init__(self, value: Value, index: Val, types: tuple[Type, ...]) -> None:
        super().__init__(value, index.p, index.t)
        self.index = index
        self.types = types

    def copy(self) -> Variant:
        return Variant(self.v, self.index, self.types)


@method(Variant, "index")
def variant_index(m: Machine, site: Site, v: Variant) -> Value:
    return v.index


def make_input(m: Machine, type_: Type, key: str, run: int) -> Value:
    """The value of the input `key` of the given type."""
    world = m.world
    name = type_.name
    kind = type_.scalar
    if name in DEVICES:
        return Device(world)
    if name in ("Tensor", "MeshTensor"):
        return input_tensor(world, key, run)
    if kind == "bool":
        return world.fact(key, (False, True), words=key)
    if kind == "float":
        return world.fact(key, (0.5, 1.5, 2.0), number=True)
    if kind:
        return world.fact(key, INTEGERS, number=True)
    if name == "optional":
        return _optional(m, type_, key, run)
    if name == "variant":
        return _variant(m, type_, key, run)
    if name in ("vector", "SmallVector", "span", "set", "unordered_set", "initializer_list", "deque"):
        elem = type_.args[0] if type_.args and isinstance(type_.args[0], Type) else None
        devices = all_coords(mesh_of(world)[0]) if elem is not None and elem.name in DEVICES else []
        size = world.fact(f"{key}.size", (len(devices) or 2,), number=True)
        count = max(0, min(int(size.v), MOST_ITEMS))
        items = [_item(m, elem, f"{key}[{i}]", run, i, count) for i in range(count)]
        made = Vec(items, name)
        made.elem, made.key = elem, size
        return made
    if name == "array" and len(type_.args) == 2 and isinstance(type_.args[1], int):
        m.spend(max(0, type_.args[1]))
        return Vec([make_input(m, type_.args[0], f"{key}[{i}]", run) for i in range(type_.args[1])], "array")
    if name in ("tuple", "pair"):
        return Vec([make_input(m, a, f"{key}[{i}]", run) for i, a in enumerate(type_.args)], name)
    if name in MAPS:
        return _map(m, type_, key, run)
    if name in STRINGS:
        return world.fact(key, ("",), number=True)
    if name == "MemoryConfig":
        return input_memory(world, key)
    if name in ("Shape", "SimpleShape", "LegacyShape"):
        return input_shape(world, key)
    if name in ("GlobalSemaphore",):
        return GlobalSemaphore(key, run)
    if name == "GlobalCircularBuffer":
        return GlobalCircularBuffer(key, run)
    if name in ("CoreCoord", "tt_xy_pair"):
        return CoreCoord(world.fact(f"{key}.x", (2,), number=True), world.fact(f"{key}.y", (2,), number=True))
    if name == "CoreRange":
        rows = world.fact(f"{key}.rows", (2,), number=True)
        return rectangle(0, 0, 1, max(int(rows.v), 1) - 1, rows.p)
    if name == "CoreRangeSet":
        return input_cores(world, key)
    if name == "ShardSpec":
        dims = default_dims(world)
        columns = world.fact(f"{key}.columns", (2,), number=True)
        grid = CoreRangeSet([rectangle(0, 0, max(int(columns.v), 1) - 1, 0, columns.p)])
        return ShardSpec(grid, make_shape([dims[1] // 2 or 1, dims[0]]), ORIENTATIONS[0])
    if name == "SubDeviceId":
        return world.fact(key, (1,), number=True)  # not the first one, which is what absence means
    if name == "Tile":
        return Tile()
    if name == "MeshCoordinate":
        return input_coordinate(world, key)
    if name == "MeshSocket":
        return MeshSocket(key, run)
    return _declared(m, type_, key, run)


def input_cores(world: World, key: str) -> CoreRangeSet:
    """A set of cores given to the op: most of the grid, in one range unless something else is insisted on; or none.

    Raises Implausible for more ranges than rows.
    """
    gx, gy = GRIDS[world.seed % len(GRIDS)]
    count = world.fact(f"{key}.size", (1,), number=True)
    if not count.v:
        return CoreRangeSet([], count)
    rows = world.fact(f"{key}.rows", (gy - world.seed % 2,), number=True)
    last, p = max(int(rows.v), 1) - 1, rows.p | count.p
    if not 0 < count.v <= last + 1:
        raise Implausible("more ranges of cores than rows")
    above = [rectangle(0, y, gx - 1, y, p) for y in range(count.v - 1)]
    start = CoreCoord(number_with(0, p), number_with(len(above), p))
    end = CoreCoord(number_with(gx - 1, p), Val(last, p, ("-", rows, 1)))
    return CoreRangeSet([*above, CoreRange(start, end)], count)


def _item(m: Machine, elem: Type | None, key: str, run: int, position: int, count: int) -> Value:
    """An element of a list; integers count up or down, as dimension lists and permutations do."""
    if elem is None:
        return Unknown(key)
    if elem.name in DEVICES:  # those of the mesh, in order
        coords = all_coords(mesh_of(m.world)[0])
        return Device(m.world, coords[position] if position < len(coords) else None)
    if elem.scalar and elem.scalar not in ("bool", "float"):
        default = position if m.world.seed % 2 == 0 else count - 1 - position
        return m.world.fact(key, (default,), number=True)
    if elem.name == "CoreCoord":  # a list of cores: each another one
        x = m.world.fact(f"{key}.x", (position,), number=True)
        return CoreCoord(x, m.world.fact(f"{key}.y", (0,), number=True))
    return make_input(m, elem, key, run)


def _map(m: Machine, type_: Type, key: str, run: int) -> Map:
    """A map given to the op: empty, but with one entry where only the hash reads it."""
    made = Map(type_.name)
    types = [a for a in type_.args[:2] if isinstance(a, Type)]
    if m.phase == "hash" and len(types) == 2:
        name, value = (make_input(m, t, f"{key}[{i}]", run) for i, t in enumerate(types))
        made.items[identity(name)] = (name, value)
    return made


def _optional(m: Machine, type_: Type, key: str, run: int) -> Value:
    inner = type_.args[0] if type_.args and isinstance(type_.args[0], Type) else None
    tensor = inner is not None and inner.name == "Tensor"
    presence = m.world.fact(f"{key}.has_value", (True, False) if tensor else (False, True), words=f"{key} present")
    if not presence.v:
        return Absent(presence.p, presence.t)
    value = make_input(m, inner, key, run) if inner is not None else Unknown(key)
    return Opt(value, presence.p, presence.t)


def _variant(m: Machine, type_: Type, key: str, run: int) -> Value:
    types = tuple(a for a in type_.args if isinstance(a, Type))
    if not types:
        return Unknown(key)
    order = sorted(range(len(types)), key=lambda i: types[i].name not in OF_THE_CHIP)
    index = m.world.fact(f"{key}.index", tuple(order), words="|".join(t.name for t in types))
    chosen = types[int(index.v) % len(types)]
    return Variant(make_input(m, chosen, f"{key}<{chosen.name}>", run), index, types)


def _declared(m: Machine, type_: Type, key: str, run: int) -> Value:
    decl = type_.decl
    if isinstance(decl, EnumDef):
        choices = ENUM_CHOICES.get(decl.name)
        if choices is None:
            choices = tuple(build.enum_value(m, decl, name) for name in list(decl.values)[:MAX_CHOICES])
        if not choices:
            return Unknown(key)
        return m.world.fact(key, choices, words=key)
    if type_.name in ENUM_CHOICES:
        return m.world.fact(key, ENUM_CHOICES[type_.name], words=key)
    if isinstance(decl, StructDef):
        return input_struct(m, decl, type_, key, run)
    if type_.name in SEQUENCES:
        return Vec([], type_.name)
    return m.world.opaque(key)


def input_struct(m: Machine, decl: StructDef, type_: Type, key: str, run: int) -> InputStruct:
    """A struct whose members are facts."""
    templates = bound(decl, type_.args)
    interp = m.interp

    def default(struct: Struct, name: str) -> Value:
        field = interp.fields(decl).get(name)
        if field is None:
            constant = interp.static_member(m, decl, name)
            return constant if constant is not None else Unknown(f"{key}.{name}")
        return make_input(m, interp.field_type(field, templates, ()), f"{key}.{name}", run)

    if decl.name in COMPUTE_CONFIGS:
        m.world.free += (f"{key}.",)
    made = InputStruct(decl, decl.name, default)
    made.key = key
    return made
