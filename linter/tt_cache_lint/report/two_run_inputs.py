"""What a witness world gives an op, as Python: tensors, memory configs, attributes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tt_cache_lint.call import CallArgument, Given, Scalar
from tt_cache_lint.report.python_text import call, identifier, is_identifier, literal

TENSORS = "tensor_args."
TILE = 32
LONGEST = 48  # characters of a variable
SIDES = ("x", "y", "columns", "rows")
ROW = 8  # cores side by side in a shard grid
DTYPES = {
    "BFLOAT16": ("bfloat16", "bfloat16"),
    "FLOAT32": ("float32", "float32"),
    "BFLOAT8_B": ("bfloat8_b", "bfloat16"),
    "BFLOAT4_B": ("bfloat4_b", "bfloat16"),
    "UINT32": ("uint32", "int32"),
    "INT32": ("int32", "int32"),
    "UINT16": ("uint16", "int32"),
    "UINT8": ("uint8", "uint8"),
}
LAYOUTS = {"TILE": "ttnn.TILE_LAYOUT", "ROW_MAJOR": "ttnn.ROW_MAJOR_LAYOUT"}
INTERLEAVED = {"DRAM": "ttnn.DRAM_MEMORY_CONFIG", "L1": "ttnn.L1_MEMORY_CONFIG"}
SEMAPHORES = ("GlobalSemaphore", "MultiDeviceGlobalSemaphore")
SEMAPHORE_CORES = "SEMAPHORE_CORES"
DEVICES = ("MeshDevice", "IDevice", "Device")
FILL = "  # FILL IN: "
World = Mapping[str, Given]


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One tensor as ttnn.from_torch() needs it. `memory` is a name or an expression."""

    shape: tuple[int, ...] = (1, 1, 64, 128)
    dtype: str = "BFLOAT16"
    layout: str = "TILE"
    memory: str = INTERLEAVED["DRAM"]

    @property
    def random(self) -> str:
        """The expression of a torch tensor."""
        kind = DTYPES[self.dtype][1]
        size = f"({', '.join(map(str, self.shape))}{',' if len(self.shape) == 1 else ''})"
        if kind.startswith(("int", "uint")):
            return f"torch.randint(0, 32, {size}, dtype=torch.{kind})"
        return f"torch.rand({size}, dtype=torch.{kind})"

    def made(self, variable: str, torch_name: str, indent: str, more: Sequence[str]) -> list[str]:
        """The statement that puts it on the device."""
        arguments = [torch_name, f"dtype=ttnn.{DTYPES[self.dtype][0]}", f"layout={LAYOUTS[self.layout]}"]
        return call(f"{variable} = ttnn.from_torch(", [*arguments, *more, f"memory_config={self.memory}"], indent)


@dataclass(slots=True)
class Inputs:
    """All that one call is given. `memories` are the sharded memory configs, by the constant that names each.

    `passed` are the call's arguments as written; `varied` maps the names of those that differ between the two calls to
    their two values.
    """

    tensors: dict[str, TensorSpec] = field(default_factory=dict)
    memories: dict[str, list[str]] = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)
    varied: dict[str, tuple[str, str]] = field(default_factory=dict)
    semaphores: dict[str, bool] = field(default_factory=dict)  # variable -> is it a list of them?
    lost: list[Given] = field(default_factory=list)  # inputs that differ and that no argument gives


def inputs_of(given: Sequence[Given], arguments: Sequence[CallArgument], device: str) -> Inputs:
    """The arguments of a call in a world."""
    world = {item.key: item for item in given}
    made = Inputs()
    used: set[str] = set()
    keyword = False
    for position, argument in enumerate(arguments):
        name = identifier(argument.name if len(argument.name) <= LONGEST else "", f"argument_{position}")
        value = _value(made, world, argument, name, device, used)
        if value is None:
            keyword = True  # what follows a left-out argument is passed by name
            continue
        keyword = keyword or argument.keyword or (argument.type != "Tensor" and value != device)
        made.passed.append(f"{argument.name}={value}" if keyword and is_identifier(argument.name) else value)
    made.lost = [item for key, item in sorted(world.items()) if item.other is not None and key not in used]
    return made


def _value(made: Inputs, world: World, argument: CallArgument, name: str, device: str, used: set[str]) -> str | None:
    """The expression for an argument; None leaves it to its default."""
    kind = argument.type
    if kind in DEVICES:
        return device
    if kind == "Tensor":
        return _tensors(made, world, argument, name)
    keys = _attributes(world, argument)
    if kind in SEMAPHORES and not (argument.default or argument.optional):
        return _semaphore(made, argument, name)
    if kind == "MemoryConfig":
        found = next((key for key in keys if f"{key}.memory_layout" in world), None)
        if found is not None:
            return _memory(made, world, found, next(iter(made.tensors.values()), TensorSpec()))
    item = next((world[key] for key in keys if key in world), None)
    if item is not None and not argument.items:
        used.update(key for key in keys if key in world)
        return _scalar(made, argument, name, item)
    numbers = next((_sequence(world, key) for key in keys if f"{key}.size" in world or f"{key}[0]" in world), None)
    if argument.items and numbers is not None:
        return f"[{', '.join(map(literal, numbers))}]"
    corner = next((key for key in keys if f"{key}.x" in world and f"{key}.y" in world), None)
    if kind == "CoreCoord" and corner is not None and not argument.items:
        return f"ttnn.CoreCoord({literal(world[f'{corner}.x'].value)}, {literal(world[f'{corner}.y'].value)})"
    if argument.default or argument.optional:
        return None
    fallback = {"bool": "False", "float": "1.0", "DataType": "ttnn.bfloat16", "Layout": "ttnn.TILE_LAYOUT"}
    if not argument.items and kind in fallback:
        return fallback[kind]
    if not argument.items and kind.startswith(("int", "uint", "size_t")):
        return "1"
    return _open(kind, argument.items)


def _semaphore(made: Inputs, argument: CallArgument, name: str) -> str:
    """A semaphore of its own for each call, as models make them anew or take turns with several."""
    grid = "ttnn.CoreRange(ttnn.CoreCoord(0, 0), ttnn.CoreCoord(3, 3))"
    made.memories[SEMAPHORE_CORES] = [f"ttnn.CoreRangeSet({{{grid}}})"]
    made.semaphores[name] = argument.items
    return name


def _scalar(made: Inputs, argument: CallArgument, name: str, item: Given) -> str:
    """A number, a flag or an enumerator; a parameter of the call where the second call may be given another."""
    value = _written(argument.type, item.value)
    if item.other is None:
        return value
    made.varied[name] = (value, _written(argument.type, item.other))
    return name


def _written(kind: str, value: Scalar) -> str:
    if not isinstance(value, str):
        return literal(value)
    if kind == "DataType" and value in DTYPES:
        return f"ttnn.{DTYPES[value][0]}"
    if kind == "Layout" and value in LAYOUTS:
        return LAYOUTS[value]
    return f"ttnn.{kind}.{value}" if is_identifier(kind) and is_identifier(value) else _open(kind)


def _open(kind: str, items: bool = False) -> str:
    """An argument that a person has to fill in."""
    return f"None{FILL}{'a sequence of ' if items else ''}{identifier(kind, 'its value')}"


def _attributes(world: World, argument: CallArgument) -> list[str]:
    """The inputs of the op that an argument may give, those of the same name first."""
    fed = [key for key in argument.feeds if not key.startswith(TENSORS)]
    named = f"operation_attributes.{argument.name}"
    return sorted(fed, key=lambda key: key != named) if fed else [named]


def _sequence(world: World, key: str) -> list[Scalar]:
    found: list[Scalar] = []
    while f"{key}[{len(found)}]" in world:
        found.append(world[f"{key}[{len(found)}]"].value)
    return found


# -- tensors -----------------------------------------------------------------------------------------------------------


def _tensors(made: Inputs, world: World, argument: CallArgument, name: str) -> str | None:
    """The variable of a tensor argument, or a list of several."""
    fed = [key for key in argument.feeds if key.startswith(TENSORS)]
    keys = [key for key in (*fed, f"{TENSORS}{argument.name}") if _known(world, key)]
    present = [key for key in keys if _present(world, key)]
    if not present and (argument.optional or argument.default):
        return None
    if argument.items:
        lists = [f"{key}[{i}]" for key in present[:1] for i in range(8) if f"{key}[{i}].rank" in world]
        names = [f"{name}_{i}" for i in range(max(len(lists), 1))]
        for variable, key in zip(names, lists or [""], strict=True):
            made.tensors[variable] = tensor_spec(made, world, key)
        return f"[{', '.join(names)}]"
    made.tensors[name] = tensor_spec(made, world, present[0] if present else "")
    return name


def _known(world: World, key: str) -> bool:
    return any(f"{key}{suffix}" in world for suffix in (".rank", ".has_value", "[0].rank", ".dtype"))


def _present(world: World, key: str) -> bool:
    presence = world.get(f"{key}.has_value")
    return presence is None or bool(presence.value)


def tensor_spec(made: Inputs, world: World, key: str) -> TensorSpec:
    """The spec of the tensor `key`; what the world leaves open is usual."""
    usual = TensorSpec()
    dims = tuple(int(v) for v in _sequence(world, f"{key}.logical_shape"))
    dtype = _word(world, f"{key}.dtype", DTYPES, usual.dtype)
    layout = _word(world, f"{key}.layout", LAYOUTS, usual.layout)
    spec = TensorSpec(dims or usual.shape, dtype, layout)
    return TensorSpec(spec.shape, dtype, layout, _memory(made, world, key, spec))


def _word(world: World, key: str, known: Mapping[str, object], usual: str) -> str:
    item = world.get(key)
    return str(item.value) if item is not None and item.value in known else usual


def _memory(made: Inputs, world: World, key: str, spec: TensorSpec) -> str:
    """A memory config: ttnn's own, or a constant with a shard spec of the world's shard shape."""
    layout = _word(world, f"{key}.memory_layout", dict.fromkeys((*SHARDED, ND_SHARDED)), "INTERLEAVED")
    buffer = _word(world, f"{key}.buffer_type", INTERLEAVED, "DRAM" if layout == "INTERLEAVED" else "L1")
    if layout == "INTERLEAVED":
        return INTERLEAVED[buffer]
    sides = [int(v) for v in _sequence(world, f"{key}.shard_spec.shape")]
    orientation = _word(world, f"{key}.shard_spec.orientation", {"COL_MAJOR": 0}, "ROW_MAJOR")
    height, width = sides if len(sides) == 2 else _whole(spec)
    shape = f"({height}, {width})"
    if layout == ND_SHARDED:  # on fewer cores than there are shards, or two dimensions would say the same
        columns, rows = 2, 1
        shape = f"ttnn.Shape({[1] * (len(spec.shape) - 2) + [height, width]})"
    else:
        columns, rows = _grid(spec, layout, orientation, max(height, 1), max(width, 1))
    ranges = _ranges(world, f"{key}.shard_spec.grid", columns, rows, block=layout == "BLOCK_SHARDED")
    name = f"{layout}_{height}X{width}" + ("_DRAM" if buffer == "DRAM" else "")
    grid = ", ".join(
        f"ttnn.CoreRange(ttnn.CoreCoord({x}, {y}), ttnn.CoreCoord({x + wide - 1}, {y + high - 1}))"
        for x, y, wide, high in ranges
    )
    cores, way = f"ttnn.CoreRangeSet({{{grid}}})", f"ttnn.ShardOrientation.{orientation}"
    if layout == ND_SHARDED:
        spread = call("ttnn.NdShardSpec(", [shape, cores, f"orientation={way}"], "    ")
        lines = ["ttnn.MemoryConfig(", f"    ttnn.BufferType.{buffer},", *spread[:-1], f"{spread[-1]},", ")"]
    else:
        parts = (f"ttnn.TensorMemoryLayout.{layout}", f"ttnn.BufferType.{buffer}")
        shard = _shard(f"ttnn.ShardSpec({cores}, {shape}, {way})")
        lines = ["ttnn.MemoryConfig(", *(f"    {part}," for part in parts), *shard, ")"]
    while made.memories.get(name, lines) != lines:
        name += "_B"
    made.memories[name] = lines
    return name


def _ranges(world: World, key: str, columns: int, rows: int, block: bool) -> list[tuple[int, ...]]:
    """The ranges of cores of the world's shard grid; one at the origin if these do not hold that many shards."""
    found: list[tuple[int, ...]] = []
    while all(f"{(at := f'{key}[{len(found)}]' if found else key)}.{side}" in world for side in SIDES):
        found.append(tuple(int(world[f"{at}.{side}"].value) for side in SIDES))
    fits = found and sum(item[2] * item[3] for item in found) >= columns * rows
    if not fits or (block and (found[0][2], found[0][3]) != (columns, rows)):
        return [(0, 0, columns, rows)]
    return found


def _shard(text: str) -> list[str]:
    """The shard spec as an argument of its own, on one line where it fits."""
    if len(text) + 5 <= 120:
        return [f"    {text},"]
    inside = text.removeprefix("ttnn.ShardSpec(").removesuffix(")")
    grid, _, rest = inside.partition("), (")
    side, _, orientation = rest.rpartition(", ")
    return ["    ttnn.ShardSpec(", f"        {grid}),", f"        ({side},", f"        {orientation},", "    ),"]


ND_SHARDED = "ND_SHARDED"
SHARDED = ("HEIGHT_SHARDED", "WIDTH_SHARDED", "BLOCK_SHARDED")


def _whole(spec: TensorSpec) -> tuple[int, int]:
    """Height and width of the tensor as a matrix, padded to tiles where it is tiled."""
    unit = TILE if spec.layout == "TILE" else 1
    padded = [-(-side // unit) * unit for side in spec.shape[-2:]]
    return math.prod(spec.shape[:-2]) * (padded[0] if len(padded) > 1 else 1), padded[-1]


def _grid(spec: TensorSpec, layout: str, orientation: str, height: int, width: int) -> tuple[int, int]:
    """Columns and rows of cores that hold all shards."""
    tall, wide = _whole(spec)
    down, across = -(-tall // height), -(-wide // width)
    if layout == "BLOCK_SHARDED":
        return (across, down) if orientation == "ROW_MAJOR" else (down, across)
    count = down if layout == "HEIGHT_SHARDED" else across
    columns = max(c for c in range(1, ROW + 1) if count % c == 0)
    return columns, count // columns
