"""What the function that launches an op makes of its parameters: which inputs of the op depend on each other.

`ttnn::prim::x` fills the attributes and tensor arguments and hands them to `launch<Op>` (device_operation.hpp:443-497);
older ops have a static `invoke` that returns both. It is executed with free parameters, once plainly and once with each
decision flipped. What comes out the same every time is a `Tie`: an input that always is a constant, or always follows
from others (`has_bias` is the presence of the bias). With several launching functions only what all agree on counts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from tt_cache_lint.device.inputs import InputStruct, Variant, make_input
from tt_cache_lint.device.program import enter
from tt_cache_lint.device.tensor_spec import MemoryConfig
from tt_cache_lint.device.tensors import Tensor
from tt_cache_lint.fault import FAULTS
from tt_cache_lint.interp.access import value_of
from tt_cache_lint.interp.interp import Interp
from tt_cache_lint.interp.interrupts import Interrupt
from tt_cache_lint.interp.machine import Machine
from tt_cache_lint.interp.registry import Site, function
from tt_cache_lint.interp.solving import want
from tt_cache_lint.interp.values import Absent, Enum, Opt, Struct, Unknown, Val, Value, Vec, identity, key_of, mask
from tt_cache_lint.interp.world import UNKNOWN, Tie, World
from tt_cache_lint.source.defs import FunctionDef, StructDef
from tt_cache_lint.source.nodes import within

if TYPE_CHECKING:
    from tt_cache_lint.factory.found import Factory

T = TypeVar("T")
PARAMETER = "launch."
ATTRIBUTES = "operation_attributes"
TENSORS = "tensor_args"
MAX_FLIPS = 60
MAX_RUNS = 150
SEEDS = 4
MAX_DEPTH = 6
ASPECTS = ("dtype", "layout", "memory_config")  # properties of a tensor that an attribute may repeat
LEVELS = 2  # folders, from the op's own upwards, in which its launching function may stand


class Launched(Interrupt):
    """The op is launched with these attributes and tensor arguments."""

    def __init__(self, given: list[Value]) -> None:
        super().__init__("launched")
        self.given = given


@function("launch", arity=(2, 2))
def launch(m: Machine, site: Site, args: list[Value]) -> Value:
    """device_operation::launch<Op>(attributes, tensor_args)"""
    if m.phase == "launch":
        raise Launched([value_of(a) for a in args])
    return m.unknown_call(site.name, args)


class Known(NamedTuple):
    """What the functions that launch an op say about its inputs.

    `ties` are what an input always is. `copies` maps a property of an optional tensor, such as
    `tensor_args.output.memory_config`, to the attribute that is the same wherever the tensor is given, and a tensor
    among the attributes to the tensor argument that it is.
    """

    ties: dict[str, Tie]
    copies: dict[str, str]


def ties(interp: Interp, factory: Factory) -> dict[str, Tie]:
    """The ties between the inputs of a factory's op, by the input they determine. Empty when none are known."""
    return known(interp, factory).ties


def known(interp: Interp, factory: Factory) -> Known:
    """All that the launching functions of a factory's op agree on."""
    op = factory.op
    if op is None:
        return Known({}, {})
    if op.struct not in interp.launched:
        common: Known | None = None
        for launcher in launchers(interp, op.struct):
            new = _ties_of(interp, launcher)
            common = new if common is None else Known(_both(common.ties, new.ties), _both(common.copies, new.copies))
            if not any(common):
                break
        interp.launched[op.struct] = common or Known({}, {})
    found: Known = interp.launched[op.struct]
    return found


def _both(one: dict[str, T], other: dict[str, T]) -> dict[str, T]:
    return {key: value for key, value in one.items() if key in other and other[key] == value}


# -- finding the function --------------------------------------------------------------------------------------------


def launchers(interp: Interp, op: StructDef) -> Iterator[FunctionDef]:
    """The functions near an op that launch it."""
    seen: set[str] = set()
    for folder in folders(op.file.path):
        for path in interp.index.tree.mentioning(folder, b"launch<", op.name.encode()):
            if path in seen:
                continue
            seen.add(path)
            defs = interp.index.defs(path)
            for group in defs.functions.values() if defs is not None else ():
                yield from (f for f in group if f.body is not None and _launches(interp, f, op))
    yield from (f for f in interp.methods(op, "invoke") if f.body is not None)


def folders(path: str) -> Iterator[str]:
    """The folders in which the functions that launch an op may stand, the op's own first."""
    folder = path.rpartition("/")[0]
    for _ in range(LEVELS):
        yield folder
        folder = folder.rpartition("/")[0]
        if folder.endswith("operations") or "/" not in folder:
            break


def _launches(interp: Interp, launcher: FunctionDef, op: StructDef) -> bool:
    body = launcher.body
    if body is None or b"launch<" not in launcher.file.text[body.start_byte : body.end_byte]:
        return False
    scoping = interp.scoping(launcher.file, launcher.scope)
    for node in within(body):
        if node.type == "alias_declaration":
            name, type_ = node.child_by_field_name("name"), node.child_by_field_name("type")
            if name is not None and type_ is not None:
                scoping.local[launcher.file.text_of(name)] = scoping.type(type_)
        elif node.type == "template_function":
            name, given = node.child_by_field_name("name"), node.child_by_field_name("arguments")
            if name is not None and launcher.file.text_of(name) == "launch" and given is not None:
                if given.named_children and scoping.type(given.named_children[0]).decl is op:
                    return True
    return False


# -- executing it ----------------------------------------------------------------------------------------------------


def _ties_of(interp: Interp, launcher: FunctionDef) -> Known:
    plainly = _run(interp, launcher, 0, {})
    if plainly is None:
        return Known({}, {})
    common, copies = plainly.ties(), plainly.copies()
    optional = any(isinstance(v, (Opt, Absent)) and key.startswith(TENSORS) for key, v in plainly.inputs)
    survey = _Survey()
    survey.extend(plainly, {})
    if len(survey.queue) > MAX_FLIPS:
        return Known({}, {})
    survey.queue.extend((seed, {}, "") for seed in range(1, SEEDS))
    for seed, forced, about in survey:
        # What is handed on depends on what is given, hardly ever on what that is like.
        of_presence = not forced or any(key.endswith(".has_value") for key in forced)
        wanted = common or (of_presence and (any(copies.values()) or (optional and not copies)))
        reading = _run(interp, launcher, seed, forced) if wanted else None
        survey.note(reading, forced, about)
        if reading is not None:
            found = reading.ties()
            common = {k: t for k, t in common.items() if found.get(k) == t or (k not in found and reading.lacks(k))}
            for place, attribute in reading.copies().items():
                copies[place] = attribute if copies.get(place, attribute) == attribute else ""
    # Behind a branch on numbers of which only one side was seen, a constant may be another one.
    return Known(
        common if survey.settled() else {k: t for k, t in common.items() if t[0] != "constant"},
        {place: attribute for place, attribute in copies.items() if attribute},
    )


class _Survey:
    """The executions of a launching function to look at: each decision flipped, and both sides of branches on numbers,
    also of what only comes up once another was flipped."""

    def __init__(self) -> None:
        self.queue: deque[tuple[int, dict[str, Value], str]] = deque()  # seed, what to force, the branch it is about
        self.sides: dict[str, set[bool]] = {}  # the sides seen of branches on numbers
        self.asked: set[object] = set()
        self.left = MAX_RUNS

    def __iter__(self) -> Iterator[tuple[int, dict[str, Value], str]]:
        while self.queue and self.left:
            self.left -= 1
            yield self.queue.popleft()

    def extend(self, reading: Reading, forced: dict[str, Value]) -> None:
        """Note what came up in an execution."""
        for fact in reading.world.facts.values():
            # what is first branched on here may not matter where it was flipped before
            mark = (fact.key, fact.key in reading.decided)
            if fact.key.startswith(PARAMETER) and mark not in self.asked and fact.key not in forced:
                self.asked |= {mark, (fact.key, False)}
                others = (choice for choice in fact.choices if choice != fact.value)
                self.queue.extend((0, {**forced, fact.key: choice}, "") for choice in others)
        for name, condition, taken in reading.numeric:
            self.sides.setdefault(name, set()).add(taken)
            if name not in self.asked:
                self.asked.add(name)
                repairs = (r for r in want(condition, not taken) if all(key.startswith(PARAMETER) for key in r))
                self.queue.extend((0, {**forced, **repair}, name) for repair in islice(repairs, 1))

    def note(self, reading: Reading | None, forced: dict[str, Value], about: str) -> None:
        """Take an execution into account; None when it did not get to the launch."""
        if about and (reading is None or about not in {name for name, _, _ in reading.numeric}):
            self.sides[about] = {True, False}  # the other side launches nothing, or an earlier branch rules it out
        if reading is not None:
            self.extend(reading, forced)

    def settled(self) -> bool:
        return not self.queue and all(len(sides) == 2 for sides in self.sides.values())


def _run(interp: Interp, launcher: FunctionDef, seed: int, forced: dict[str, Value]) -> Reading | None:
    """One execution, None when it does not get to the launch."""
    world = World(seed, forced)
    m = Machine(interp, world)
    m.phase = "launch"
    enter(m)
    scoping = interp.scoping(launcher.file, launcher.scope)
    given = [make_input(m, scoping.type(p.type, p.declarator), f"{PARAMETER}{p.name}", 1) for p in launcher.params]
    try:
        result = value_of(m.invoke(interp.code(m, launcher, (), list(given)), list(given)))
    except Launched as launched:
        result = Vec(launched.given)
    except (Interrupt, RecursionError, *FAULTS):
        result = None
    reading = Reading(world, m, result) if isinstance(result, Vec) and len(result.items) == 2 else None
    m.release()
    return reading


class Reading:
    """What one execution handed to the op."""

    def __init__(self, world: World, m: Machine, given: Vec) -> None:
        self.world = world
        self.m = m
        self.inputs: list[tuple[str, Value]] = []
        self.absent: set[str] = set()
        self.decided = {leaf for condition, *_ in m.branches for leaf in world.leaves(mask(condition))}
        self.numeric = [(str(_spelt(c)), c, taken) for c, taken, _ in m.branches if self._is_numeric(c)]
        for key, value in zip((ATTRIBUTES, TENSORS), given.items, strict=True):
            self._collect(key, value_of(value), 0)
        # where the parameters end up: the first place names them, tensors before attributes
        self.places: dict[str, str] = {}
        for key, value in sorted(self.inputs, key=lambda item: not item[0].startswith(TENSORS)):
            origin = _origin(value)
            if not origin.startswith(PARAMETER):
                continue
            self.places.setdefault(origin, key)
            if isinstance(value, (Opt, Absent)):
                self.places.setdefault(f"{origin}.has_value", f"{key}.has_value")

    def _collect(self, key: str, value: Value, depth: int) -> None:
        if isinstance(value, Struct) and value.type is not None and not isinstance(value, InputStruct):
            for name, field in self.m.interp.fields(value.type).items() if depth < MAX_DEPTH else ():
                given = value_of(value.get(name))
                self._collect(f"{key}.{name}", given, depth + 1)
                optional = self.m.interp.field_type(field, {}, ()).name == "optional"
                if optional and given is not None and not isinstance(given, (Opt, Absent, Unknown)):
                    self.inputs.append((f"{key}.{name}.has_value", True))
            return
        self.inputs.append((key, value))
        if isinstance(value, Absent) or value is None:
            self.absent.add(key)
        if isinstance(value, Opt) and not isinstance(value, Variant) and depth < MAX_DEPTH:
            self._collect(key, value_of(value.v), depth + 1)
        elif isinstance(value, MemoryConfig):
            self.inputs.append((f"{key}.memory_layout", value.memory_layout))
            self.inputs.append((f"{key}.buffer_type", value.buffer_type))
        elif isinstance(value, Vec) and value.key is None and value.kind in ("vector", "SmallVector"):
            self.inputs.append((f"{key}.size", len(value.items)))
            for index, item in enumerate(value.items):
                self._collect(f"{key}[{index}]", value_of(item), depth + 1)

    def _is_numeric(self, condition: Value) -> bool:
        """Does a condition rest on more than decisions, all of which are flipped?"""
        facts = (self.world.facts.get(leaf) for leaf in self.world.leaves(mask(condition)))
        return any(fact is None or not fact.choices for fact in facts)

    def lacks(self, key: str) -> bool:
        """Is the input part of an optional that is empty here?"""
        parts = key.split(".")
        return any(".".join(parts[:n]) in self.absent for n in range(1, len(parts)))

    def ties(self) -> dict[str, Tie]:
        found: dict[str, Tie] = {}
        for key, value in self.inputs:
            if isinstance(value, (Opt, Absent)) or value is None:
                presence: Value = not isinstance(value, Absent) and value is not None
                origin = getattr(value, "t", None)
                if origin is not None:
                    presence = origin if isinstance(origin, Val) else Val(presence, 1, origin)
                elif value is not None and value.p:
                    continue
                self._add(found, f"{key}.has_value", presence)
            else:
                self._add(found, key, value)
        return found

    def copies(self) -> dict[str, str]:
        """The properties of the optional tensors that are given, with the attribute that repeats them, "" if none.

        And the tensors among the attributes, with the tensor argument that each is.
        """
        optional = {key for key, value in self.inputs if isinstance(value, Opt)}
        tensors = {_origin(v): (key, v) for key, v in self.inputs if isinstance(v, Tensor) and key in optional}
        found = {f"{place}.{aspect}": "" for place, _ in tensors.values() for aspect in ASPECTS}
        for key, value in self.inputs:
            part = value.memory_layout if isinstance(value, MemoryConfig) else value
            owner, _, aspect = str(getattr(part, "t", "")).rpartition(".")
            place, tensor = tensors.get(owner, ("", None))
            if tensor is None or not key.startswith(ATTRIBUTES):
                continue
            if isinstance(value, MemoryConfig):
                same = identity(value) == identity(tensor.spec.layout.memory)
                aspect = "memory_config" if same else ""
            name = f"{place}.{aspect}"
            if name in found:
                found[name] = found[name] or key
        arguments = {_origin(v): key for key, v in self.inputs if isinstance(v, Tensor) and key.startswith(TENSORS)}
        for key, value in self.inputs:
            if isinstance(value, Tensor) and key.startswith(ATTRIBUTES):
                found[key] = arguments.get(_origin(value), "")
        return found

    def _add(self, found: dict[str, Tie], key: str, value: Value) -> None:
        tie = self._tie(value, 0)
        if tie is not None and tie != ("input", key):
            found.setdefault(key, tie)

    def _tie(self, value: Value, depth: int) -> Tie | None:
        """A value as a tie, None when it rests on anything but the op's inputs."""
        if isinstance(value, (bool, int, float)) or (isinstance(value, Enum) and value.number >= 0):
            return ("constant", value)
        if not isinstance(value, Val) or depth > MAX_DEPTH:
            return None
        if isinstance(value.t, str):
            place = self._place(value.t)
            return ("input", place) if place else None
        if not isinstance(value.t, tuple) or len(value.t) != 3:
            return None
        op, left, right = value.t
        if op not in OPERATORS:
            return None
        one = self._tie(left, depth + 1)
        other = self._tie(right, depth + 1) if op != "!" else ("constant", False)
        return (op, one, other) if one is not None and other is not None else None

    def _place(self, leaf: str) -> str:
        """The op's input that a leaf of the launching function becomes."""
        if leaf.startswith((UNKNOWN, "(")):
            return ""
        parts = leaf.split(".")
        for count in range(len(parts), 1, -1):
            place = self.places.get(".".join(parts[:count]))
            if place is not None:
                return ".".join([place, *parts[count:]])
        return ""


def _spelt(value: Value, depth: int = 0) -> object:
    """A condition by the way it is computed, so that it is known again in another execution."""
    if isinstance(value, Val) and isinstance(value.t, tuple) and depth < MAX_DEPTH:
        return tuple(part if isinstance(part, str) else _spelt(part, depth + 1) for part in value.t)
    return value.t if isinstance(value, Val) and value.t is not None else key_of(value)


OPERATORS = {"==", "!=", "!", "&&", "||"}


def _origin(value: Value) -> str:
    """The key of the input a value is a copy of."""
    if isinstance(value, Tensor):
        return value.name
    if isinstance(value, InputStruct):
        return value.key
    if isinstance(value, (Opt, Absent)):
        return value.t.removesuffix(".has_value") if isinstance(value.t, str) else ""
    if isinstance(value, Val):
        return value.t if isinstance(value.t, str) else ""
    return ""
