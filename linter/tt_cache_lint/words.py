"""Facts in a person's words: places, conditions, the two-run table, the lines to write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tt_cache_lint.call import Given
from tt_cache_lint.compare import Reading, SlotState, WorldTable
from tt_cache_lint.device.allocated import OWN
from tt_cache_lint.device.cores import describe
from tt_cache_lint.device.spec import TENSOR
from tt_cache_lint.device.tensors import HELD_BUFFER, Buffer, GlobalCircularBuffer, GlobalSemaphore
from tt_cache_lint.factory.found import Factory
from tt_cache_lint.interp.values import Enum, Handle, Map, Mark, Opt, Struct, Unknown, Value, Vec, empty, plain
from tt_cache_lint.interp.world import UNKNOWN, World
from tt_cache_lint.model import Place, Row, SlotKind
from tt_cache_lint.owners import owners_of
from tt_cache_lint.search.exploration import Path
from tt_cache_lint.source.defs import Definition, StructDef
from tt_cache_lint.spelling import spelling_of

MAX_ROWS = 10
MAX_GIVEN = 400
GIVEN = ("operation_attributes", "tensor_args", "input_tensors", "optional_input_tensors")
# The parts of an input that a reader knows by another name; the first that occurs counts.
PROPERTIES = (
    (".logical_shape[", "shape"),
    (".rank", "shape"),
    (".shard_spec", "shard spec"),
    (".memory_layout", "memory layout"),
    (".buffer_type", "buffer type"),
    (".layout", "layout"),
    (".dtype", "dtype"),
    (".has_value", "presence"),
)


class Describer:
    """Says things about one factory."""

    def __init__(self, factory: Factory) -> None:
        self.factory = factory
        self.folder = factory.path.rpartition("/")[0]
        override = factory.override
        place = Place(factory.path, factory.line)
        if override is not None:
            body_line = override.file.end_line(override.body) if override.body is not None else override.line
            place = Place(override.file.path, override.line, override.node.start_point[1] + 1, body_line)
        self.override_place = Place(place.path, place.line, place.column, place.line)
        self.override_end = place.last if override is not None else 0
        self.spelling = spelling_of(factory)

    # -- places ----------------------------------------------------------------------------------------------------

    @staticmethod
    def place(mark: Mark) -> Place:
        return Place(mark.path, mark.line, mark.column, mark.end_line)

    def near(self, mark: Mark) -> bool:
        """Is a place in the op's own folder?"""
        return mark.path.startswith(self.folder.removesuffix("/device") + "/") or mark.path == self.factory.path

    def user(self, mark: Mark, stack: tuple[Mark, ...]) -> Place:
        """The innermost place that belongs to the op: helpers of the library are not where one would look."""
        for candidate in (mark, *reversed(stack)):
            if self.near(candidate):
                return self.place(candidate)
        return self.place(mark)

    def field_place(self, name: str) -> Place | None:
        shared = self.factory.shared
        if shared is None or not name:
            return None
        for field in shared.fields:
            if field.name == name:
                return Place(field.file.path, field.line)
        return None

    def declared(self) -> tuple[Place, ...]:
        """Where the factory's and its op's structs are, and the hash when it is written by hand."""
        factory, op = self.factory, self.factory.op
        parts: list[Definition | None] = [factory.struct, factory.shared]
        parts += [
            type_.decl for type_ in (factory.attributes, factory.tensor_args) if isinstance(type_.decl, StructDef)
        ]
        parts += [op.struct, op.methods.get("compute_program_hash")] if op is not None else []
        places = [
            Place(part.file.path, part.line, 1, part.file.end_line(part.node)) for part in parts if part is not None
        ]
        return tuple(dict.fromkeys(places))

    @staticmethod
    def kernel_place(table: WorldTable, owner: str) -> Place | None:
        for kernel in table.outcome.fresh.kernels:
            if kernel.name == owner:
                return Describer.place(kernel.mark)
        return None

    # -- words -----------------------------------------------------------------------------------------------------

    def leaf(self, name: str) -> str:
        """An input, as the reader knows it."""
        return named(name)

    def leaves(self, names: Iterable[str]) -> tuple[str, ...]:
        """Several inputs; the dimensions of a shape are one."""
        return tuple(dict.fromkeys(self.leaf(n) for n in names))

    def when(
        self,
        path: Path,
        world: World,
        owners: tuple[str, ...] = (),
        without: frozenset[str] = frozenset(),
        besides: frozenset[str] = frozenset(),
    ) -> tuple[str, ...]:
        """The decisions of a path that differ from what is usual, and that the optional inputs `owners` are there.

        Those in `without` go without saying, those in `besides` are said although they are usual.
        """
        said = [condition(key, world.facts[key].value) for key in sorted(besides)]
        for key in path.decisions:
            if key in without:
                continue
            fact = world.facts.get(key)
            if fact is None or (not fact.choices and key not in path.flips):
                continue
            if not fact.choices:
                said.append(condition(key, fact.value))
                continue
            if fact.bit & world.touched and (key in path.flips or fact.value != fact.choices[0]):
                said.append(condition(key, fact.value, fact.words))
        for owner in owners:
            key = f"{owner}.has_value"
            if key in world.facts:
                said.append(condition(key, world.facts[key].value))
        for name, value in path.templates.items():
            said.append(f"{name} is {value!s}".lower() if isinstance(value, bool) else f"{name} is {value}")
        return tuple(dict.fromkeys(said))

    @staticmethod
    def conditions(world: World, mask: int) -> tuple[str, ...]:
        """The decisions among some inputs, as they are in a world."""
        facts = (world.facts[key] for key in world.leaves(mask) if key in world.facts)
        return tuple(condition(f.key, f.value, f.words) for f in facts if f.choices)

    def rows(self, table: WorldTable, state: SlotState) -> tuple[Row, ...]:
        """The two-run table of the slot and its neighbours."""
        chosen = [s for s in table.slots.values() if s.ordinal == state.ordinal and s.slot.kind is state.slot.kind]
        if state.slot.kind is SlotKind.CB:
            chosen = [s for s in table.slots.values() if s.slot.kind is SlotKind.CB]
        chosen.sort(key=lambda s: (s.slot.owner, s.slot.index))
        important = [s for s in chosen if s is state or s.needing]
        rest = [s for s in chosen if s not in important]
        shown = (important + rest)[:MAX_ROWS]
        if state not in shown:
            shown[-1] = state
        shown.sort(key=lambda s: (s.slot.owner, s.slot.index))
        rows = []
        for item in shown:
            bad = item.bad
            reading = bad[0] if bad else (item.needing or item.readings)[0]
            verdict = "constant" if not item.needing and not bad else "ok"
            if bad:
                verdict = "wrong" if bad[0].write is not None else "stale"
            cores = [r.core for r in (bad or item.readings) if r.core is not None]
            where = describe(cores) if cores else "all"
            rows.append(
                Row(
                    item.slot.name,
                    where,
                    self.shown(table.outcome.world, reading.created),
                    self.shown(table.outcome.world, reading.found),
                    self.shown(table.outcome.world, reading.expected),
                    verdict,
                )
            )
        return tuple(rows)

    def shown(self, world: World, value: Value) -> str:
        """A value in the table; an address is told by its owner's name and number."""
        if isinstance(value, Opt):
            value = value.v
        if isinstance(value, Buffer):
            return f"{self._short(value.owner)} @ 0x{world.address(value.owner, value.run).v:x}"
        bare = plain(value)
        if isinstance(bare, bool):
            return str(int(bare))
        if isinstance(bare, int):
            owner = world.addresses.get(bare)
            return f"{self._short(owner[0])} @ 0x{bare:x}" if owner is not None else str(bare)
        if empty(bare):
            return "none"
        if isinstance(bare, Unknown):
            return "unknown"
        if isinstance(bare, Enum):
            return bare.name
        if isinstance(bare, GlobalSemaphore):
            return f"{self._short(bare.name)} of call {bare.run}"
        return str(bare) if isinstance(bare, (str, float)) else type(bare).__name__

    @staticmethod
    def _short(owner: str) -> str:
        held = HELD_BUFFER if owner.endswith(HELD_BUFFER) else ""
        return owner.removesuffix(held).rpartition(".")[2] + held

    def tensor_text(self, owner: str) -> str:
        """The C++ expression of a tensor in the override."""
        return self.spelling.tensor(owner)

    def given_text(self, world: World, owner: str) -> str:
        """Like tensor_text, with `.value()` behind an optional that is known to be there."""
        held = HELD_BUFFER if owner.endswith(HELD_BUFFER) else ""
        owner = owner.removesuffix(held)
        text = self.tensor_text(owner)
        return f"{text}.value(){held}" if f"{owner}.has_value" in world.facts else text + held

    def _buffer_text(self, world: World, owner: str) -> str:
        """The expression of a buffer, by what holds it: a Buffer& of a global circular buffer, else a Buffer*."""
        text = self.given_text(world, owner)
        return f"&{text}" if owner.endswith(HELD_BUFFER) else self.spelling.buffer(text)

    # -- fixes -----------------------------------------------------------------------------------------------------

    def fix(self, table: WorldTable, state: SlotState, reading: Reading) -> tuple[str, ...]:
        """Lines to write in the override; in create(), where the framework patches what is bound."""
        world = table.outcome.world
        owners = owners_of(world, reading.expected)
        if owners and all(owner.startswith(OWN) for owner in owners):
            return ("// keep what create() allocates for as long as the program: with its end it is freed",)
        if state.kernel is not None and state.kernel.named:
            return self._named(world, state, reading)
        if self.factory.bound:
            return self._binding(world, state, reading)
        of_workload = bool(state.program.place)
        program = self.spelling.program(of_workload)
        target = state.kernel if state.kernel is not None else state.cb
        kept = handle_path(table.outcome.kept_with(state.program), target) if target is not None else ""
        name = kept or (state.slot.owner if state.kernel is not None else "cb_handle")
        handle = self.spelling.kept(name, of_workload)
        value = self._expression(world, reading)
        keep = () if kept else ("// first keep the handle of the first call",)
        if state.kernel is not None and state.kernel.described and not kept:
            handle, keep = f"{state.kernel.ordinal}", ()
        if state.slot.kind is SlotKind.CB:
            scope, star = (
                ("experimental::", "") if isinstance(opened(reading.expected), GlobalCircularBuffer) else ("", "*")
            )
            placed = value[1:] if value.startswith("&") else f"{star}{value}"
            return (*keep, f"{scope}UpdateDynamicCircularBufferAddress({program}, {handle}, {placed});")
        if state.slot.kind is SlotKind.COMMON:
            return (*keep, f"GetCommonRuntimeArgs({program}, {handle})[{state.slot.index}] = {value};")
        return (*keep, f"GetRuntimeArgs({program}, {handle}, core)[{state.slot.index}] = {value};")

    def _named(self, world: World, state: SlotState, reading: Reading) -> tuple[str, ...]:
        """What gives an argument that has a name on a hit."""
        label, value = state.slot.label, self._expression(world, reading)
        owner = owner_name(world, reading.expected)
        if label.startswith(TENSOR) or (owner and owner not in world.semaphores):
            tensor = self.given_text(world, owner) if owner else ""
            return (f"{tensor}.mesh_tensor()  // as a tensor argument, not its address",) if tensor else ()
        if self.factory.override is None or not value:
            return ()
        table = "common_runtime_arg_values" if state.slot.kind is SlotKind.COMMON else "runtime_arg_values"
        return (f'{{"{label}", {value}}}  // in {table} of {state.slot.owner}',)

    def _binding(self, world: World, state: SlotState, reading: Reading) -> tuple[str, ...]:
        """What binds a slot to its buffer; nothing does that for other values, semaphores among them."""
        bare = plain(opened(reading.expected))
        owner = world.addresses.get(bare) if isinstance(bare, int) and not computed(reading.expected) else None
        if owner is None or owner[0] in world.semaphores:
            return ()
        text = self.given_text(world, owner[0])
        if not text:
            return ()
        all_ = "emplace_common_runtime_args" if state.slot.kind is SlotKind.COMMON else "emplace_runtime_args"
        return (f"{text}.buffer(),  // not its address(), as item {state.slot.index} of {all_}()",)

    def _expression(self, world: World, reading: Reading) -> str:
        value = opened(reading.expected)
        if isinstance(value, Buffer):
            return self._buffer_text(world, value.owner)
        if isinstance(value, GlobalCircularBuffer):
            return self.given_text(world, value.name)
        bare = plain(value)
        owner = world.addresses.get(bare) if isinstance(bare, int) else None
        if owner is not None and not computed(value):
            text = self.given_text(world, owner[0])
            plainly = owner[0] in world.semaphores or owner[0].endswith(HELD_BUFFER)
            return f"{text}.address()" if plainly else f"{self.spelling.buffer(text)}->address()"
        origin = getattr(value, "t", None)
        if isinstance(origin, str) and origin.startswith("operation_attributes.") and self.spelling.attribute(origin):
            return self.spelling.attribute(origin)
        return f"/* as in create(): */ {reading.set_mark.text}"


def owner_name(world: World, value: Value) -> str:
    """Whose address a value is, "" for anything else."""
    bare = plain(opened(value))
    owner = world.addresses.get(bare) if isinstance(bare, int) and not computed(value) else None
    return owner[0] if owner is not None else ""


def named(leaf: str) -> str:
    """An input, as the reader knows it; the dimensions of a shape are one."""
    for part, words in () if leaf.startswith(("address of ", UNKNOWN, "(")) else PROPERTIES:
        owner, found, _ = leaf.partition(part)
        if found:
            return f"the {words} of {owner}"
    return leaf.removeprefix(UNKNOWN)


def opened(value: Value) -> Value:
    """What an optional holds; any other value as it is."""
    return value.v if isinstance(value, Opt) else value


def computed(value: Value) -> bool:
    """Is a number the result of a computation, and only by chance equal to one of its operands?"""
    term = getattr(value, "t", None)
    while isinstance(term, tuple) and term[0] == "cast":
        term = getattr(term[1], "t", None)
    return isinstance(term, tuple)


def given(world: World, varied: Mapping[str, Value] | None = None) -> tuple[Given, ...]:
    """The elementary inputs that a world decided on: shapes, layouts, attributes; no addresses, no device.

    `varied` are the values of a second call; by default those of the world's own.
    """
    others = world.varying if varied is None else varied
    found = []
    for key, fact in world.facts.items():
        value = _bare(fact.value)
        if isinstance(value, (bool, int, float, str)) and key.startswith(GIVEN):
            other = _bare(others.get(key))
            found.append(Given(key, value, other if type(other) is type(value) and other != value else None))
    return tuple(found[:MAX_GIVEN])


def _bare(value: Value) -> Value:
    bare = plain(value)
    return bare.name if isinstance(bare, Enum) else bare


def condition(key: str, value: Value, names: str = "") -> str:
    """One decision in words; `names` are the alternatives of a variant."""
    bare = plain(value)
    if names and key.endswith(".index") and isinstance(bare, int) and 0 <= bare < len(alternatives := names.split("|")):
        return f"{key.removesuffix('.index')} holds {alternatives[bare]}"
    if key.endswith(".has_value"):
        return f"{key.removesuffix('.has_value')} {'is present' if bare else 'has no value'}"
    if key.startswith("("):
        return f"{key[1:-1]} is {'true' if bare else 'false'}"
    name = key
    for suffix, words in (
        (".memory_layout", " memory layout"),
        (".buffer_type", " buffer type"),
        (".index", " alternative"),
    ):
        if key.endswith(suffix):
            name = key.removesuffix(suffix) + words
    if isinstance(bare, bool):
        return f"{name} is {'true' if bare else 'false'}"
    return f"{name} is {bare.name if isinstance(bare, Enum) else bare}"


def handle_path(shared: Value, target: object, depth: int = 0) -> str:
    """The member of the shared variables that holds a handle, as C++ text."""
    from tt_cache_lint.owners import same_target

    if not isinstance(shared, Struct) or depth > 3:
        return ""
    for name, value in shared.fields.items():
        inner = value.v if isinstance(value, Opt) else value
        if isinstance(inner, Handle) and same_target(inner.target, target):  # type: ignore[arg-type]
            return name
        if isinstance(inner, Vec):
            for position, item in enumerate(inner.items):
                if isinstance(item, Handle) and same_target(item.target, target):  # type: ignore[arg-type]
                    return f"{name}[{position}]"
        if isinstance(inner, Map):
            for key, item in inner.items.values():
                if isinstance(item, Handle) and same_target(item.target, target):  # type: ignore[arg-type]
                    return f"{name}.at({plain(key)!r})"
        if isinstance(inner, Struct):
            found = handle_path(inner, target, depth + 1)
            if found:
                return f"{name}.{found}"
    return ""
