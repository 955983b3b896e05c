"""Callback factories: an op's create_program() returns the program and a callback that a hit runs.

On a hit only the callback stored with the cached program runs, with the new tensors and the new op. The order of a call
is create_output_tensors, hash, validate, create_program or callback (run_device_operation,
tt_eager/tt_dnn/op_library/run_operation.cpp:143-220 in mid 2024; ttnn/core/old_infra_device_operation.cpp in mid 2025,
which wraps the same in a typed factory). Validation runs on a miss, and on a hit where the op has its own hash; as the
default hash covers all that a validator can see, what it accepts holds in both runs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from tt_cache_lint.device.inputs import make_input
from tt_cache_lint.device.mesh import MeshCoordinate, MeshCoordinateRange, MeshCoordinateRangeSet, mesh_of
from tt_cache_lint.device.program import Failure
from tt_cache_lint.device.tensor_inputs import input_tensor
from tt_cache_lint.device.tensor_spec import TensorSpec
from tt_cache_lint.device.tensors import Tensor
from tt_cache_lint.infra.callback_find import RESULT_BYTES, CallbackFactory, Search, returns_program
from tt_cache_lint.infra.callback_lists import kinds
from tt_cache_lint.infra.callback_parts import (
    ADDRESSES,
    ARGUMENTS,
    FOR_ALL,
    FOR_EACH,
    Part,
    captures,
    dangling,
    definition,
    joined,
    parts_of,
    takes,
)
from tt_cache_lint.infra.policy import Call, Inputs, Made
from tt_cache_lint.interp import build
from tt_cache_lint.interp.interrupts import Implausible, Thrown
from tt_cache_lint.interp.registry import constructor
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import InitList, Lambda, Mark, Opt, Struct, Unknown, Value, Vec, empty
from tt_cache_lint.source.defs import FunctionDef, Param

if TYPE_CHECKING:
    from tt_cache_lint.factory.find import Finder
    from tt_cache_lint.factory.found import Factory
    from tt_cache_lint.interp.code import Code
    from tt_cache_lint.interp.machine import Machine

ATTRIBUTES = "operation_attributes"
MAX_REPAIRS = 32
LISTS = ("input_tensors", "optional_input_tensors", "optional_output_tensors")
TENSOR = Type("Tensor")
ELEMENTS = {
    "input_tensors": TENSOR,
    "optional_input_tensors": Type("optional", (TENSOR,)),
    "optional_output_tensors": Type("optional", (TENSOR,)),
}


class Callback:
    """The policy of callback factories."""

    name = "callback"
    many = False

    def __init__(self) -> None:
        self._searches: dict[int, Search] = {}

    def mentioned(self, text: bytes) -> bool:
        """Does the file name what such a factory returns?"""
        return any(word in text for word in RESULT_BYTES)

    def find(self, finder: Finder, path: str) -> list[Factory]:
        """The factories whose body is in the file."""
        search = self._searches.get(id(finder))
        if search is None or search.finder is not finder:
            search = Search(finder)
            self._searches = {id(finder): search}
        return search.in_file(path)

    # -- a call ----------------------------------------------------------------------------------------------------

    def inputs(self, call: Call, factory: Factory, validate: bool) -> Inputs:
        """The op itself, and the lists of tensors it is run with."""
        assert isinstance(factory, CallbackFactory)
        if factory.op is None:
            raise Thrown("no op was found that calls this function")
        return self._given(call, factory, validate)

    @staticmethod
    def _given(call: Call, factory: CallbackFactory, validate: bool) -> Inputs:
        m, op = call.m, factory.op
        assert op is not None
        attributes, lists = given(m, factory)
        if validate:
            m.phase = "validate"
            for name in ("validate", "validate_with_output_tensors"):
                validator = op.methods.get(name)
                if validator is None:
                    continue
                try:
                    call(validator, member_arguments(m, validator, lists, None), attributes)
                except Thrown as error:
                    if m.checks:
                        raise
                    m.violate(f"validate: {error.message}", error.repairs)
        m.phase = "outputs"
        return Inputs(attributes, lists, _outputs(call, factory, attributes, lists), m.world)

    def make(self, call: Call, factory: Factory, inputs: Inputs) -> Made:
        """What create_program() returns; it has to come from this factory."""
        assert isinstance(factory, CallbackFactory)
        assert factory.maker is not None
        m = call.m
        gate = Gate(m, factory)
        m.branches.clear()
        m.gate, m.route, m.met = gate, frozenset(itertools.chain(*factory.demands)), []
        try:
            given = member_arguments(m, factory.maker, inputs.tensor_args, inputs.output)
            made = call(factory.maker, given, inputs.attributes)
        finally:
            m.gate, m.route = None, frozenset()
        parts = parts_of(made)
        if not parts:
            raise Thrown("create_program() gives no program that can be read")
        if not gate.reached:
            raise gate.elsewhere("another function")
        if factory.override is None:
            factory.override = next((d for d in map(definition, (p.callback for p in parts)) if d is not None), None)
        for part in parts:
            _note_dangling(m, part.callback)
        shares = tuple(kept for kept in (captures(p.callback) for p in parts) if kept is not None)
        return Made(joined(parts), shares if len(shares) == len(parts) else shares[:1], parts)

    def refresh(self, call: Call, factory: Factory, made: Made, inputs: Inputs) -> None:
        """The stored callbacks of each program, the one for addresses first."""
        m, lists = call.m, inputs.tensor_args
        try:
            for part in made.cached:
                self._refresh(m, part, inputs, lists)
        except Implausible as error:
            raise Thrown(str(error), repairs=error.repairs) from error

    @staticmethod
    def _refresh(m: Machine, part: Part, inputs: Inputs, lists: Value) -> None:
        outputs = TensorList(inputs.output.items, m, _output_name)
        if part.addresses is not None:
            given = [*lists.fields["input_tensors"].items, *lists.fields["optional_input_tensors"].items]
            buffers = [Vec([_buffer(m, t) for t in given]), outputs.buffers()]
            first = [part.program] if takes(part.addresses) != 2 else []  # kernels by pointer need no program
            m.call(part.addresses, [*first, *buffers])
        if part.arguments is not None:
            tensors = [lists.fields["input_tensors"], lists.fields["optional_input_tensors"], outputs]
            m.call(part.arguments, [inputs.attributes, part.target, *tensors])


def _note_dangling(m: Machine, callback: Value) -> None:
    """What a hit would use after its end, as failures of the function that made the callback."""
    if not isinstance(callback, Lambda) or callback.code.node is None or callback.code.node.parent is None:
        return
    mark = callback.code.scoping_lowering.mark(callback.code.node.parent)
    for name in dangling(callback):
        m.failures.append(Failure("dangling", f"{name} is a local variable", mark, (), m.phase, name))


class TensorList(Vec):
    """The outputs as the callback gets them. What is beyond their end is no tensor of this call, wherever it leads."""

    __slots__ = ("as_buffers", "m", "name_of")

    def __init__(self, items: list[Value], m: Machine, name_of: Callable[[int], str]) -> None:
        super().__init__(items)
        self.m = m
        self.name_of = name_of
        self.as_buffers = False

    def buffers(self) -> TensorList:
        """The same list as `Buffer*`."""
        made = TensorList([_buffer(self.m, t) for t in self.items], self.m, self.name_of)
        made.as_buffers = True
        return made

    def beyond(self, index: int) -> Value:
        """A tensor that is not there."""
        tensor = input_tensor(self.m.world, f"{self.name_of(index)}, which is not there", self.m.world.run)
        return _buffer(self.m, tensor) if self.as_buffers else tensor


class Gate:
    """Sees which function create_program() takes, and stops when it is not the factory or one on the way to it."""

    def __init__(self, m: Machine, factory: CallbackFactory) -> None:
        self.m = m
        self.target = factory.create.body
        self.route = {id(f.body) for f in factory.route}
        self.ways = factory.demands
        self.name = factory.create.name
        self.reached = False
        self.results: dict[int, bool] = {}

    def __call__(self, code: Code) -> None:
        if self.reached or code.node is None:
            return
        if code.node is self.target:
            self.reached = True
            return
        function = code.function
        if function is not None and returns_program(function) and id(function.body) not in self.route:
            raise self.elsewhere(function.name)

    def elsewhere(self, name: str) -> Thrown:
        """The path leads to another factory: what would have to be different."""
        from tt_cache_lint.interp.solving import want

        world = self.m.world
        decisions: list[dict[str, Value]] = []
        for condition, wanted in self.astray():
            decisions += want(condition, wanted)
            decisions += world.chosen_otherwise(getattr(condition, "p", 0))
        # What std::visit selects by, and what could not be computed, is no branch of the code.
        for key, fact in world.facts.items():
            if fact.choices and fact.bit & world.touched and key.endswith((".index", ")")):
                decisions += [{key: choice} for choice in fact.choices if choice != fact.value]
        numbers: list[dict[str, Value]] = []
        for condition, taken, _ in reversed(self.m.branches):
            for repair in want(condition, not taken):
                decided = all(world.facts[k].choices for k in repair if k in world.facts)
                (decisions if decided else numbers).append(repair)
        # How many dimensions there are is a plain number to the code.
        ranked = ((key, fact) for key, fact in world.facts.items() if key.endswith(".rank"))
        ranks = [{key: choice} for key, fact in ranked for choice in fact.choices if choice != fact.value]
        repairs = _distinct([*decisions, *numbers, *ranks])
        return Thrown(f"{name} is selected instead", world.touched, repairs, after=self.m.last_met())

    def astray(self) -> Iterator[tuple[Value, bool]]:
        """The conditions that left the ways to the factory, and how they have to go: the first of each way first."""
        off = [
            [(condition, not taken) for condition, taken, at in self.m.met if way.get(at, taken) is not taken]
            for way in self.ways
        ]
        told: set[tuple[int, bool]] = set()
        for wrong in itertools.chain(*itertools.zip_longest(*off)):
            if wrong is not None and (id(wrong[0]), wrong[1]) not in told:
                told.add((id(wrong[0]), wrong[1]))
                yield wrong


def _distinct(repairs: list[dict[str, Value]]) -> tuple[dict[str, Value], ...]:
    found: dict[tuple[tuple[str, str], ...], dict[str, Value]] = {}
    for repair in repairs:
        found.setdefault(tuple(sorted((k, repr(v)) for k, v in repair.items())), repair)
    return tuple(found.values())[:MAX_REPAIRS]


def _list(m: Machine, name: str, size: int) -> Value:
    key = f"tensor_args.{name}"
    count = m.world.fact(f"{key}.size", (size,), number=True)
    if name == "optional_output_tensors":
        for position in range(int(count.v)):
            m.world.fact(f"{key}[{position}].has_value", (False, True), words=f"{key}[{position}] present")
    return make_input(m, Type("vector", (ELEMENTS[name],)), key, m.world.run)


def given(m: Machine, factory: CallbackFactory) -> tuple[Value, Struct]:
    """The op itself and its lists of tensors in the current run."""
    for key, (choices, words) in factory.hints.items():
        m.world.fact(key, choices, words=words)
    attributes = make_input(m, factory.attributes, ATTRIBUTES, m.world.run)
    lists = Struct(None, "tensor_args")
    for name in LISTS:
        lists.fields[name] = _list(m, name, factory.sizes.get(name, 0))
    return attributes, lists


def member_arguments(m: Machine, function: FunctionDef, lists: Struct, output: Value) -> list[Value]:
    """The arguments of an op's member, by what its parameters are."""
    given: list[Value] = []
    for kind, param in zip(kinds(function), function.params, strict=True):
        if kind == "output_tensors":
            given.append(output)
        else:
            given.append(lists.fields[kind] if kind else _coordinates(m, function, param))
    return given


def _coordinates(m: Machine, function: FunctionDef, param: Param) -> Value:
    """Where in the mesh a program is made: for each coordinate of a workload, or for one of them."""
    type_ = function.file.text_of(param.type).rpartition("::")[2] if param.type is not None else ""
    first, second = mesh_of(m.world)[1]
    if type_ == "MeshCoordinateRangeSet":  # ops of this infra are given one range
        start = first if first[0] == second[0] else second
        return MeshCoordinateRangeSet([MeshCoordinateRange(MeshCoordinate(list(start)), MeshCoordinate(list(second)))])
    if type_ == "MeshCoordinate":
        return MeshCoordinate(list(second))
    return Unknown(param.name or "a parameter")


def _outputs(call: Call, factory: CallbackFactory, attributes: Value, lists: Struct) -> Value:
    """What the op's outputs are: its own create_output_tensors, or the given ones, or one for each spec it computes."""
    m = call.m
    assert factory.op is not None
    maker = factory.op.methods.get("create_output_tensors")
    made: Value = None
    if maker is not None:
        made = call(maker, member_arguments(m, maker, lists, None), attributes)
    else:
        given = lists.fields["optional_output_tensors"]
        if given.items and not empty(given.items[0]):
            return Vec([t.v if isinstance(t, Opt) else t for t in given.items])
        specs = factory.op.methods.get("compute_output_specs")
        if specs is not None:
            found = call(specs, member_arguments(m, specs, lists, None), attributes)
            if isinstance(found, Vec):
                made = Vec([_output(m, i, spec) for i, spec in enumerate(found.items)])
    if isinstance(made, InitList):
        made = Vec(list(made.items))
    if isinstance(made, Vec):
        return made
    return Vec([input_tensor(m.world, _output_name(0), m.world.run)])


def _output(m: Machine, position: int, spec: Value) -> Tensor:
    """An output of this spec, of any where it is not known."""
    name, run = _output_name(position), m.world.run
    return Tensor(name, run, spec) if isinstance(spec, TensorSpec) else input_tensor(m.world, name, run)


def _output_name(position: int) -> str:
    return f"tensor_return_value[{position}]" if position else "tensor_return_value"


def _buffer(m: Machine, tensor: Value) -> Value:
    """The Buffer* of a tensor; null for an optional one that is not there."""
    if isinstance(tensor, Opt):
        tensor = tensor.v
    if isinstance(tensor, Tensor):
        tensor.buffer.spec = tensor.spec
        return tensor.buffer
    return None if empty(tensor) else Unknown("buffer")


@constructor("CacheableProgram", "ProgramWithCallbacks", "ProgramWithOptionalOutputTensors")
def cacheable_program(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    """{program, [addresses callback,] [arguments callback]}; a callback's parameters tell which of the two it is."""
    if len(args) == 1 and isinstance(args[0], Struct):
        return args[0]
    made = Struct(None, "ProgramWithCallbacks")
    items, names = list(args), None
    if len(args) == 1 and isinstance(args[0], InitList) and args[0].names is not None:
        items, names = list(args[0].items), args[0].names
    for position, item in enumerate(items):
        value = item.v if isinstance(item, Opt) else item
        if names is not None and names[position]:
            name = names[position]
        elif position == 0:
            name = "program"
        else:
            name = ADDRESSES if takes(value) in (2, 3) else ARGUMENTS
        if isinstance(value, InitList):
            value = build.default_value(m, Type("Program")) if name == "program" else None
        if name == "program" or not empty(value):
            made.fields[name] = value
    if mark is not None:
        made.marks[""] = mark
    return made


@constructor("CacheableMeshWorkload", "MeshWorkloadWithCallbacks")
def cacheable_workload(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    """{workload, callback for all of it, callbacks by range}"""
    if len(args) == 1 and isinstance(args[0], Struct):
        return args[0]
    given = args[0] if len(args) == 1 and isinstance(args[0], InitList) and args[0].names is not None else None
    names, items = (given.names, given.items) if given is not None else (("workload", FOR_ALL, FOR_EACH), args)
    made = Struct(None, "CacheableMeshWorkload")
    made.fields.update(zip(names or (), items, strict=False))
    return made


@constructor("Attributes")
def reflected_attributes(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    """tt::stl::reflection::Attributes, a list of names and values: what attributes() of an older op gives."""
    return args[0] if len(args) == 1 and isinstance(args[0], Vec) else Vec(list(args))
