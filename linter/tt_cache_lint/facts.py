"""From an exploration to `FactoryFacts`: everything the rules and printers may know about one factory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from tt_cache_lint.accessors import accessor_mismatches
from tt_cache_lint.compare import WorldTable, same, tabulate, unknown_mask
from tt_cache_lint.device.program import CircularBuffer, Kernel
from tt_cache_lint.device.program import Event as RawEvent
from tt_cache_lint.device.tensors import Buffer
from tt_cache_lint.diagnose import Diagnosis
from tt_cache_lint.factory.found import Factory
from tt_cache_lint.idle import Idle
from tt_cache_lint.interp.interp import Interp
from tt_cache_lint.interp.values import Handle, Opt, Struct, Value, Vec, mask, plain
from tt_cache_lint.listing import Listing
from tt_cache_lint.model import (
    Cause,
    Confidence,
    Dangling,
    Difference,
    Event,
    EventKind,
    FactoryFacts,
    Place,
    SharedField,
    SlotCount,
    Status,
    UncalledOverride,
)
from tt_cache_lint.search.exploration import Exploration, Path
from tt_cache_lint.short import short_arguments
from tt_cache_lint.source.files import SourceFile
from tt_cache_lint.throws import override_throws
from tt_cache_lint.words import Describer, given

if TYPE_CHECKING:
    from tree_sitter import Node

KINDS = {
    "program": EventKind.PROGRAM,
    "cb": EventKind.CB,
    "kernel": EventKind.KERNEL,
    "semaphore": EventKind.SEMAPHORE,
    "args": EventKind.ARGS,
    "common": EventKind.COMMON_ARGS,
    "cb-address": EventKind.CB_ADDRESS,
    "cb-size": EventKind.CB_SIZE,
    "cb-page-size": EventKind.CB_PAGE_SIZE,
}


class Collector:
    """Collects the facts of one explored factory."""

    def __init__(
        self,
        interp: Interp,
        factory: Factory,
        exploration: Exploration,
        omitted: Sequence[Difference] = (),
        varied: Mapping[str, Value] | None = None,
    ) -> None:
        self.interp = interp
        self.varied = varied or {}  # what a second call with the same hash may be given
        self.omitted = omitted  # differences that show only where an input that is not hashed varies
        self.factory = factory
        self.exploration = exploration
        self.words = Describer(factory)
        self.listing = Listing(self.words, omitted, self.varied)
        self.tables: list[tuple[Path, WorldTable]] = [
            (path, tabulate(outcome)) for path in exploration.paths for outcome in path.outcomes
        ]

    def collect(self) -> FactoryFacts:
        factory, words = self.factory, self.words
        diagnosis = Diagnosis(factory, words, Idle(self.interp))
        for path, table in self.tables:
            diagnosis.read(path, table)
        found = diagnosis.differences()
        known = {d.slot for d in found}
        differences = (*found, *(d for d in self.omitted if d.slot not in known))
        throws = tuple(override_throws(self.exploration, words))
        status, reason = self._status(told=bool(throws))
        base = self._best_table()
        create_end = factory.create.file.end_line(factory.create.node)
        return FactoryFacts(
            factory=factory.name,
            infra=factory.infra,
            path=factory.path,
            line=factory.line,
            create=Place(factory.path, factory.line, 1, create_end),
            override=words.override_place if factory.override is not None else None,
            override_end=words.override_end,
            declared=words.declared(),
            status=status,
            reason=reason,
            paths=len(self.exploration.paths),
            worlds=self.exploration.worlds,
            decisions=len(self.exploration.decisions),
            budget=f"{self.exploration.steps} steps" + (", used up" if self.exploration.spent else ""),
            slots=self._count(),
            unknown_calls=self._unknown(),
            decisions_reached=tuple(sorted(self.exploration.decisions)),
            differences=differences,
            short=tuple(short_arguments(self.interp, self.exploration.paths, words)),
            throws=throws,
            uncalled=uncalled_override(factory),
            accessors=tuple(accessor_mismatches(self.interp, self.exploration.paths, words)),
            events=tuple(self._events()),
            shared=tuple(self._shared(differences)),
            dangling=tuple(self._dangling()),
            table=tuple(self.listing.slots(base)) if base is not None else (),
            kernels=tuple(self.listing.kernels(base)) if base is not None else (),
            cbs=tuple(self.listing.cbs(base)) if base is not None else (),
            given=given(base.outcome.world, self.varied) if base is not None else (),
        )

    # -- how far it went -------------------------------------------------------------------------------------------

    def _status(self, told: bool) -> tuple[Status, str]:
        """How far the analysis went and what kept it; `told` when there are findings on what the override throws."""
        explored = self.exploration
        if not explored.paths:
            return Status.PARTIAL, explored.internal or explored.reason or "nothing could be executed"
        tables = [t for _, t in self.tables]
        escaped = [t for t in tables if "override" in t.outcome.after.escaped]
        if len(escaped) == len(tables):
            why = escaped[0].outcome.after.why
            return (
                Status.PARTIAL,
                f"the override hands the program to code that cannot be read: {why[-1] if why else ''}",
            )
        thrown = [t for t in tables if t.outcome.thrown is not None]
        if len(thrown) == len(tables):
            reason = f"the override throws on every explored path: {thrown[0].outcome.thrown}"
            return Status.ANALYSED if told else Status.PARTIAL, reason
        if not any(t.comparable for t in tables):
            return Status.PARTIAL, tables[0].why
        if all("create" in t.outcome.after.escaped and not t.needing_refresh for t in tables):
            why = tables[0].outcome.after.why
            return Status.PARTIAL, f"create() does what cannot be read: {why[0] if why else ''}"
        if not any(t.slots for t in tables) and all(_nowhere(t.outcome.fresh.kernels) for t in tables):
            return Status.PARTIAL, "which runtime arguments the kernels get, and on which cores, cannot be told"
        if explored.unselected:
            return Status.ANALYSED, "select_program_factory() never gives this factory"
        return Status.ANALYSED, "" if explored.validated else "no input was found that the validators accept"

    def _best_table(self) -> WorldTable | None:
        usable = [t for _, t in self.tables if t.comparable and t.outcome.thrown is None]
        return max(usable, key=lambda t: t.needing_refresh) if usable else None

    def _count(self) -> SlotCount:
        needing: set[tuple[str, int]] = set()
        wrong: set[tuple[str, int]] = set()
        for _, table in self.tables:
            if "override" in table.outcome.after.escaped or table.outcome.thrown is not None:
                continue
            for state in table.slots.values():
                owner = state.kernel or state.cb
                key = (state.slot.name, owner.ordinal if owner is not None else 0)
                if state.needing:
                    needing.add(key)
                    if any(r.wrong for r in state.needing):
                        wrong.add(key)
                elif done := self.listing.left_out(table, state):
                    needing.add(key)
                    if done == "no":
                        wrong.add(key)
        return SlotCount(len(needing), len(needing - wrong))

    def _unknown(self) -> tuple[str, ...]:
        names: dict[str, int] = {}
        for _, table in self.tables:
            for name, count in table.outcome.unknown.items():
                names[name] = max(count, names.get(name, 0))
        return tuple(sorted(names))

    # -- events ----------------------------------------------------------------------------------------------------

    def _events(self) -> Iterator[Event]:
        """What create() does on the base path, in order, and what the override does on any path."""
        seen: set[tuple[object, ...]] = set()
        for number, (path, table) in enumerate(self.tables):
            for raw in table.outcome.events:
                if raw.phase == "create" and number:
                    continue
                event = self._event(path, table, raw)
                if event is None:
                    continue
                key = (event.kind, event.place, event.name, event.in_override, event.changes)
                if key not in seen:
                    seen.add(key)
                    yield event

    def _event(self, path: Path, table: WorldTable, raw: RawEvent) -> Event | None:
        if raw.phase not in ("create", "override"):
            return None
        in_override = raw.phase == "override"
        place = self.words.user(raw.mark, raw.stack)
        name = ""
        changes = False
        old = new = ""
        target = raw.target
        if isinstance(target, Kernel):
            name = target.name
        elif isinstance(target, CircularBuffer):
            name = target.name
            if raw.kind in ("cb-size", "cb-page-size"):
                old, new = self._shown(table, raw.old), self._shown(table, raw.value)
                changes = in_override and self._resized(table, target, raw)
        if in_override and raw.kind == "program" and target is None:
            return Event(EventKind.PROGRAM, place, "program", True, when=self.words.when(path, table.outcome.world))
        confidence = Confidence.CERTAIN if path.is_base and path.validated else Confidence.LIKELY
        if changes and mask(raw.value) & unknown_mask(table.outcome):
            confidence = Confidence.POSSIBLE
        when = self.words.when(path, table.outcome.world) if in_override else ()
        part = target.program.part if isinstance(target, (Kernel, CircularBuffer)) else 0
        return Event(KINDS[raw.kind], place, name, in_override, changes, "", when, confidence, old, new, part)

    @staticmethod
    def _resized(table: WorldTable, cb: CircularBuffer, raw: RawEvent) -> bool:
        """Does the override give a size that a fresh create() would not?"""
        position = next((i for i, known in enumerate(table.outcome.after.cbs) if known is cb), -1)
        if not 0 <= position < len(table.outcome.fresh.cbs):
            return False
        fresh = table.outcome.fresh.cbs[position]
        if raw.kind == "cb-size":
            return not same(raw.value, fresh.total)
        return not any(same(raw.value, page) for page in fresh.pages.values())

    def _shown(self, table: WorldTable, value: Value) -> str:
        return self.words.shown(table.outcome.world, value)

    # -- shared variables ------------------------------------------------------------------------------------------

    def _shared(self, differences: tuple[Difference, ...]) -> Iterator[SharedField]:
        shared = self.factory.shared
        if shared is None:
            return
        harmful = {d.field: d for d in reversed(differences) if d.cause is Cause.UNINITIALISED and d.field}
        for field in shared.fields:
            type_ = field.file.text_of(field.type) if field.type is not None else ""
            place = Place(field.file.path, field.line)
            samples = [t.outcome.shared.fields.get(field.name) for _, t in self.tables if t.outcome.shared is not None]
            values = [v for v in samples if v is not None]
            blamed = harmful.get(field.name)
            narrow = any(_narrowed(v) for v in values)
            yield SharedField(
                field.name,
                type_,
                place,
                kind=_kind(values[0]) if values else "",
                initialised=blamed is None,
                has_default=field.default is not None,
                read=self._read_place(field.name) if blamed is not None or narrow else None,
                narrow=narrow,
                set_at=self._built(field.name),
                harmful=blamed.slot.name if blamed is not None else "",
                zero=self._zero(field.name) if any(_first_kernel(v) for v in values) else None,
                when=blamed.when if blamed is not None else (),
                confidence=blamed.confidence if blamed is not None else Confidence.CERTAIN,
            )

    def _dangling(self) -> Iterator[Dangling]:
        """What a callback uses after its end, each on the first path that shows it."""
        seen: set[tuple[str, int]] = set()
        for path, table in self.tables:
            for failure in table.outcome.failures:
                key = (failure.owner, failure.mark.line)
                if failure.kind == "dangling" and key not in seen:
                    seen.add(key)
                    sure = path.is_base and path.validated
                    confidence = Confidence.CERTAIN if sure else Confidence.LIKELY
                    when = () if path.is_base else self.words.when(path, table.outcome.world)
                    yield Dangling(failure.owner, self.words.place(failure.mark), confidence, when)

    def _built(self, name: str) -> Place | None:
        """Where create() built the shared variables."""
        for _, table in self.tables:
            shared = table.outcome.shared
            if shared is None:
                continue
            mark = shared.marks.get(name) or shared.marks.get("")
            if mark is not None and mark.line:
                return self.words.place(mark)
        return self._return_place()

    def _return_place(self) -> Place | None:
        node = self.factory.create.body
        if node is None:
            return None
        found = None
        stack = [node]
        while stack:
            current = stack.pop()
            if current.type == "return_statement" and (found is None or current.start_byte > found.start_byte):
                found = current
            if current.type != "lambda_expression":
                stack.extend(current.named_children)
        return Place(self.factory.path, self.factory.create.file.line(found)) if found is not None else None

    def _zero(self, name: str) -> Place | None:
        """Where the override compares a kernel handle of the shared variables with 0. A handle is the number of its
        kernel in the program, from 0 (tt_metal/impl/program/program.cpp, add_kernel), so 0 does not say "no kernel"."""
        override = self.factory.override
        if override is None or override.body is None:
            return None
        stack, file = [override.body], override.file
        while stack:
            current = stack.pop()
            left, right = current.child_by_field_name("left"), current.child_by_field_name("right")
            compares = current.type == "binary_expression" and any(
                c.type in ("==", "!=", ">") for c in current.children
            )
            if compares and left is not None and right is not None and "0" in (file.text_of(left), file.text_of(right)):
                if name in (_member(file, left), _member(file, right)):
                    return Place(file.path, file.line(current), current.start_point[1] + 1)
            stack.extend(reversed(current.named_children))
        return None

    def _read_place(self, name: str) -> Place:
        """Where the override reads a shared variable."""
        override = self.factory.override
        if override is None or override.body is None:
            return self.words.override_place
        stack = [override.body]
        found = []
        while stack:
            current = stack.pop()
            if current.type == "field_expression":
                field = current.child_by_field_name("field")
                if field is not None and override.file.text_of(field) == name:
                    found.append(current)
            stack.extend(current.named_children)
        if not found:
            return self.words.override_place
        first = min(found, key=lambda n: n.start_byte)
        return Place(override.file.path, override.file.line(first), first.start_point[1] + 1)


def _narrowed(value: Value) -> bool:
    if isinstance(value, Handle):
        return value.narrow
    if isinstance(value, Vec):
        return any(_narrowed(i) for i in value.items)
    return isinstance(value, Opt) and _narrowed(value.v)


def _member(file: SourceFile, node: Node) -> str:
    """The name of a variable or member, or of the list that an element is of."""
    while node.type == "subscript_expression" and (inner := node.child_by_field_name("argument")) is not None:
        node = inner
    if node.type == "field_expression" and (field := node.child_by_field_name("field")) is not None:
        return file.text_of(field)
    return file.text_of(node) if node.type == "identifier" else ""


def _first_kernel(value: Value) -> bool:
    """Is the handle of the program's first kernel in it?"""
    if isinstance(value, Handle):
        return value.kind == "kernel" and value.v == 0
    if isinstance(value, Vec):
        return any(_first_kernel(i) for i in value.items)
    return isinstance(value, Opt) and _first_kernel(value.v)


def _kind(value: Value) -> str:
    inner = value.v if isinstance(value, Opt) else value
    if isinstance(inner, Handle):
        return {"kernel": "kernel handle", "cb": "circular buffer handle"}.get(inner.kind, inner.kind)
    if isinstance(inner, Buffer):
        return "buffer"
    if isinstance(inner, Vec):
        return "list"
    if isinstance(inner, Struct):
        return "struct"
    return "number" if isinstance(plain(inner), (int, float)) else ""


def _nowhere(kernels: Sequence[Kernel]) -> bool:
    """Are there kernels, and none that runs on any core that is known?"""
    return bool(kernels) and not any(kernel.cores and not kernel.unsure for kernel in kernels)


def uncalled_override(factory: Factory) -> UncalledOverride | None:
    """The override of a factory that nothing calls."""
    found = factory.uncalled
    if found is None:
        return None
    at = found.function
    place = Place(at.file.path, at.line, at.node.start_point[1] + 1, at.file.end_line(at.node))
    return UncalledOverride(place, found.reason, Confidence.CERTAIN if found.seen else Confidence.LIKELY)
