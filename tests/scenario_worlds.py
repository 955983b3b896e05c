"""The interpreter in exactly the world of a fixture's scenario: every input has the number that the compiled run had.

The driver prints what an op was given (fixtures/include/mock/given.hpp). Here the same JSON answers what the
interpreter asks its world for, so that both run the same code with the same inputs and nothing is made up: a question
that the scenario has no answer to is an error.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

import fixture_driver
from fixture_driver import FIXTURES
from tt_cache_lint import engine
from tt_cache_lint.device import inputs, tables, tensor_inputs, tensor_spec  # noqa: F401  (fills the tables)
from tt_cache_lint.device.cores import CoreRangeSet, rectangle
from tt_cache_lint.device.inputs import DEVICES
from tt_cache_lint.device.tensors import Tensor
from tt_cache_lint.device.workload import Joined
from tt_cache_lint.factory.find import Finder
from tt_cache_lint.factory.found import Factory
from tt_cache_lint.hit import Replay
from tt_cache_lint.infra.callback import ELEMENTS
from tt_cache_lint.infra.callback_find import CallbackFactory
from tt_cache_lint.infra.policy import Inputs, OwnInputs
from tt_cache_lint.interp.interp import Interp
from tt_cache_lint.interp.interrupts import Thrown
from tt_cache_lint.interp.machine import Machine
from tt_cache_lint.interp.registry import ENUM_NUMBERS
from tt_cache_lint.interp.types import MAPS, SEQUENCES, STRINGS, Type
from tt_cache_lint.interp.values import Enum, InitList, Opt, Struct, Val, Value, Vec, plain
from tt_cache_lint.interp.world import Fact, World
from tt_cache_lint.outcome import Outcome, Snapshot
from tt_cache_lint.source.defs import EnumDef, StructDef
from tt_cache_lint.source.files import SourceTree
from tt_cache_lint.source.index import Index

# The device of the mock: one Wormhole (fixtures/README.md).
SEED = 2  # the mock's mesh: a row of two devices (device/mesh.py)
DEVICE: dict[str, Value] = {"device.arch": 2, "device.grid.x": 8, "device.grid.y": 8, "device.id": 0}
LISTS = (SEQUENCES | {"tuple", "pair"}) - {"array"}

Rectangle = tuple[tuple[int, int], tuple[int, int]]


class Mismatch(AssertionError):
    """The interpreter and the compiled program do not agree on what the op is given."""


@dataclass
class Given:
    """What one run is given, by the keys that the interpreter gives to inputs."""

    facts: dict[str, Value] = field(default_factory=lambda: dict(DEVICE))
    addresses: dict[str, int] = field(default_factory=dict)
    grids: dict[str, list[Rectangle]] = field(default_factory=dict)

    def allocated(self, addresses: list[int]) -> None:
        """Take in where the tensors lie that create() puts on the device, in this order."""
        for number, address in enumerate(addresses):
            self.addresses[f"a tensor that create() allocates{f' ({number + 1})' if number else ''}"] = address

    def read(self, interp: Interp, type_: Type, key: str, data: Any) -> None:
        """Take in an input of the given type, as mock/given.hpp prints it."""
        name, decl = type_.name, type_.decl
        if name in DEVICES:
            return
        if name == "Tensor":
            self.tensor(key, data)
        elif name == "MemoryConfig":
            self.memory(key, data)
        elif name == "GlobalSemaphore":
            self.addresses[key] = data
        elif name == "optional":
            self.facts[f"{key}.has_value"] = data is not None
            if data is not None:
                self.read(interp, type_.args[0], key, data)
        elif name == "variant":
            index, value = data
            self.facts[f"{key}.index"] = index
            self.read(interp, type_.args[index], f"{key}<{type_.args[index].name}>", value)
        elif name == "array" or name in LISTS:
            if name not in ("array", "tuple", "pair"):
                self.facts[f"{key}.size"] = len(data)
            for index, item in enumerate(data):
                at = index if name in ("tuple", "pair") else 0
                self.read(interp, type_.args[at], f"{key}[{index}]", item)
        elif name == "CoreRangeSet":
            self.cores(key, data)
        elif name in MAPS or name in STRINGS or name in ("CoreRange", "ShardSpec"):
            raise Mismatch(f"{key}: no scenario has had a {name} among its inputs so far; teach scenario_worlds.py")
        elif isinstance(decl, StructDef):
            members = list(interp.fields(decl).values())
            if len(members) != len(data):
                raise Mismatch(f"{key}: {len(members)} members are read, {len(data)} are compiled")
            for member, item in zip(members, data, strict=True):
                self.read(interp, interp.field_type(member, {}, ()), f"{key}.{member.name}", item)
        elif type_.scalar or isinstance(decl, EnumDef) or name in ENUM_NUMBERS:
            self.facts[key] = float(data) if type_.scalar == "float" else data
        else:
            raise Mismatch(f"{key}: the type {type_!r} is not known")

    def tensor(self, key: str, data: Mapping[str, Any]) -> None:
        self.addresses[key] = data["address"]
        self.facts[f"{key}.rank"] = len(data["logical_shape"])
        for index, extent in enumerate(data["logical_shape"]):
            self.facts[f"{key}.logical_shape[{index}]"] = extent
        self.facts[f"{key}.dtype"] = data["dtype"]
        self.facts[f"{key}.layout"] = data["layout"]
        self.memory(key, data["memory"])

    def cores(self, key: str, data: Any) -> None:
        self.grids[key] = [((x0, y0), (x1, y1)) for (x0, y0), (x1, y1) in data]

    def memory(self, key: str, data: Mapping[str, Any]) -> None:
        self.facts[f"{key}.memory_layout"] = data["memory_layout"]
        self.facts[f"{key}.buffer_type"] = data["buffer_type"]
        shard = data["shard_spec"]
        if shard is not None:
            self.cores(key, shard["grid"])
            self.facts[f"{key}.shard_spec.orientation"] = shard["orientation"]
            for index, extent in enumerate(shard["shape"]):
                self.facts[f"{key}.shard_spec.shape[{index}]"] = extent


class ScenarioWorld(World):
    """A world that knows what the scenario says, and nothing else. `lasting` are addresses of what create() makes."""

    def __init__(self, given: tuple[Given, Given], lasting: list[int]) -> None:
        first, second = given
        differ = {key: value for key, value in second.facts.items() if first.facts.get(key, value) != value}
        super().__init__(seed=SEED, varying=differ)
        self.runs = given
        self.lasting = lasting

    @property
    def now(self) -> Given:
        return self.runs[self.run - 1]

    def fact(self, key: str, choices: tuple[Value, ...], number: bool = False, words: str = "") -> Val:
        if key not in self.now.facts:
            raise Mismatch(f"the interpreter asks for {key}, which the compiled op is not given")
        bit = self.bit(key)
        known: Fact = self.facts[key]
        value = self.now.facts[key]
        if choices and isinstance(choices[0], Enum):
            value = _enumerator(choices, value)
        if known.value is None:
            known.value, known.choices, known.words = value, () if number else choices, words
        return Val(value, bit, key)

    def address(self, owner: str, run: int) -> Val:
        super().address(owner, run)
        run = self.run_of(owner, run)
        number = self.runs[run - 1].addresses[owner] if run else self.lasting[int(owner.rpartition("#")[2])]
        self.addresses[number] = (owner, run)
        key = f"address of {owner}"
        return Val(number, self.bit(key), key)


def _enumerator(choices: tuple[Enum, ...], number: int) -> Enum:
    for choice in choices:
        if choice.number == number:
            return choice
    return tensor_spec.enum(choices[0].type, ENUM_NUMBERS[choices[0].type][number])


def _cores(world: ScenarioWorld, key: str, p: int = 0) -> CoreRangeSet:
    """inputs.input_cores: the scenario's cores instead of some that are made from a seed."""
    p = p or world.bit(key)
    return CoreRangeSet([rectangle(x0, y0, x1, y1, p) for (x0, y0), (x1, y1) in world.now.grids[key]])


def _shard(world: ScenarioWorld, name: str, layout: Val, shape: Any) -> tensor_spec.ShardSpec:
    """tensor_inputs.input_shard, with the scenario's grid and shape."""
    p = layout.p | world.bit(f"{name}.shard_spec")
    grid = _cores(world, name, p)
    sides = [world.fact(f"{name}.shard_spec.shape[{index}]", (), number=True) for index in range(2)]
    orientation = world.fact(f"{name}.shard_spec.orientation", tensor_spec.ORIENTATIONS)
    return tensor_spec.ShardSpec(grid, tensor_spec.make_shape([Val(s.v, s.p | p, s.t) for s in sides]), orientation)


class ScenarioReplay(Replay):
    """Executes a factory in a scenario's world. `outputs` is what the compiled op returned in each run."""

    def __init__(self, interp: Interp, factory: Factory, templates: dict[str, Any], outputs: list[Any]) -> None:
        super().__init__(interp, factory, templates)
        self.compiled_outputs = outputs

    def _outputs(self, m: Machine, attributes: Value, tensor_args: Value) -> Value:
        made = super()._outputs(m, attributes, tensor_args)
        assert isinstance(m.world, ScenarioWorld)
        self._compare(m.world, made, "tensor_return_value")
        return made

    def _inputs(self, m: Machine, validate: bool) -> Inputs:
        given = super()._inputs(m, validate)
        if isinstance(self.infra, OwnInputs):  # which makes the outputs by itself
            assert isinstance(m.world, ScenarioWorld)
            self._compare(m.world, given.output, "output_tensors")
        return given

    def _compare(self, world: ScenarioWorld, made: Value, where: str) -> None:
        """Hold the outputs of the current run to the compiled ones; they are allocated anew in each run."""
        for run, (given, output) in enumerate(zip(world.runs, self.compiled_outputs, strict=True), 1):
            self._same(given, made, output, where, run == world.run)

    def _same(self, given: Given, made: Value, data: Any, where: str, now: bool) -> None:
        """Hold an output to the compiled one where it is of this run, and note the address allocated for it."""
        if isinstance(made, Opt):
            made = made.v
        if isinstance(made, Tensor) and data is not None:
            owner = made.buffer.owner
            if not owner.startswith("tensor_args"):
                given.addresses[owner] = data["address"]
            spec = made.spec
            memory = spec.layout.memory
            mine = {
                "address": given.addresses[owner],
                "logical_shape": [plain(item) for item in spec.shape.items],
                "dtype": _number(spec.layout.dtype),
                "layout": _number(spec.layout.page.layout),
                "memory_layout": _number(memory.memory_layout),
                "buffer_type": _number(memory.buffer_type),
            }
            theirs = {key: data[key] if key in data else data["memory"][key] for key in mine}
            if now and mine != theirs:
                raise Mismatch(f"{where}: {mine} is interpreted, {theirs} is compiled")
        elif isinstance(made, (Vec, InitList)):
            if len(made.items) != len(data):
                raise Mismatch(f"{where}: {len(made.items)} outputs are interpreted, {len(data)} compiled")
            for index, item in enumerate(made.items):
                self._same(given, item, data[index], f"{where}[{index}]", now)
        elif isinstance(made, Struct):
            for (name, item), inner in zip(made.fields.items(), data, strict=True):
                self._same(given, item, inner, f"{where}.{name}", now)
        elif plain(made) is not None or data is not None:
            raise Mismatch(f"{where}: {made!r} is interpreted, {data!r} is compiled")


def _number(value: Value) -> Any:
    bare = plain(value)
    return bare.number if isinstance(bare, Enum) else bare


@functools.cache
def finder() -> Finder:
    """The engine over all fixtures."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), engine.RECURSION))
    return Finder(Interp(Index(SourceTree(FIXTURES))))


def factories(folder: Path) -> Iterator[Factory]:
    """The factories of a fixture, each once."""
    for path in sorted(folder.glob("*.cpp")):
        yield from finder().in_file(path.relative_to(FIXTURES).as_posix())


@contextmanager
def _given_grids() -> Iterator[None]:
    with mock.patch.object(tensor_inputs, "input_shard", _shard), mock.patch.object(inputs, "input_cores", _cores):
        yield


def interpret(factory: Factory, raw: Mapping[str, Any]) -> Outcome | None:
    """The three executions in the world of a scenario; None when the op selects another factory for it."""
    runs = raw["inputs"]
    interp = finder().interp
    chosen: list[Outcome] = []
    for templates in factory.templates:
        given = (Given(), Given())
        for one, addresses in zip(given, raw["allocated"], strict=True):
            one.allocated(addresses)
        for one, (attributes, args, _) in zip(given, runs, strict=True):
            one.read(interp, factory.attributes, "operation_attributes", attributes)
            if isinstance(factory, CallbackFactory):  # the op's lists of tensors, in the order of the mock's struct
                for (name, element), items in zip(ELEMENTS.items(), args, strict=True):
                    one.read(interp, Type("vector", (element,)), f"tensor_args.{name}", items)
            else:
                one.read(interp, factory.tensor_args, "tensor_args", args)
        replay = ScenarioReplay(interp, factory, templates, [output for _, _, output in runs])
        try:
            with _given_grids():
                chosen.append(replay.execute(ScenarioWorld(given, raw["lasting"]), 0.0))
        except Thrown as error:
            if "is selected instead" not in error.message:
                raise
    if len(chosen) > 1:
        raise Mismatch(f"{len(chosen)} instances of {factory.name} run where one does")
    return chosen[0] if chosen else None


def outcome_of(folder: Path, raw: Mapping[str, Any]) -> tuple[Factory, Outcome]:
    """The factory that the op selects in a scenario, and what the interpreter makes of it."""
    ran = [(factory, outcome) for factory in factories(folder) if (outcome := interpret(factory, raw)) is not None]
    if len(ran) != 1:
        raise Mismatch(f"{folder.name}, {raw['scenario']}: {len(ran)} factories run where one does")
    factory, outcome = ran[0]
    return factory, part_of(outcome, raw["place"]) if raw["place"] else outcome


def part_of(outcome: Outcome, place: str) -> Outcome:
    """The outcome of the program at one place of the mesh, as that of a program alone."""
    after, fresh = outcome.after, outcome.fresh
    assert isinstance(after, Joined)
    assert isinstance(fresh, Joined)
    number = [part.place for part in after.parts].index(place)
    kernels = [position for position, kernel in enumerate(after.kernels) if kernel.program.part == number]
    args = {
        (kernels.index(position), core): values
        for (position, core), values in outcome.created.args.items()
        if position in kernels
    }
    placed = zip(after.cbs, outcome.created.buffers, strict=True)
    buffers = [buffer for cb, buffer in placed if cb.program.part == number]
    created = Snapshot(args, buffers)
    return replace(outcome, after=after.parts[number], fresh=fresh.parts[number], created=created)


def scenarios(folder: Path) -> tuple[dict[str, Any], ...]:
    """What the compiled fixture printed."""
    return fixture_driver.output(folder)
