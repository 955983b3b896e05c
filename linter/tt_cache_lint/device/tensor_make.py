"""Constructors of tensors and of what describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.cores import CoreRangeSet, to_set
from tt_cache_lint.device.tensor_inputs import input_memory, input_shape
from tt_cache_lint.device.tensor_spec import (
    DRAM,
    DTYPES,
    LAYOUTS,
    ORIENTATIONS,
    MemoryConfig,
    PageConfig,
    ShardSpec,
    TensorLayout,
    TensorSpec,
    Tile,
    enum,
    make_shape,
)
from tt_cache_lint.device.tensors import GlobalSemaphore
from tt_cache_lint.interp.registry import constructor
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import (
    Enum,
    InitList,
    Mark,
    Opt,
    Ref,
    Unknown,
    Value,
    Vec,
    copied,
    empty,
    plain,
)

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine


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
            given = only
            if len(given.items) == 1 and isinstance(given.items[0], (Vec, InitList)):
                given = given.items[0]
            made = make_shape(list(given.items))
            made.key = given.key if isinstance(given, Vec) else None
            return made
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


@constructor("GlobalSemaphore")
def construct_semaphore(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    return args[0] if args else GlobalSemaphore(f"semaphore#{m.count('semaphore')}", m.world.run)
