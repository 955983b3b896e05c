"""Why a slot differs: from the tables of all explored worlds to `Difference`s, one cause each."""

from __future__ import annotations

from tt_cache_lint.compare import Reading, SlotState, WorldTable, same
from tt_cache_lint.coordinates import left_out_coordinate, of_another_coordinate
from tt_cache_lint.device.allocated import OWN
from tt_cache_lint.device.arguments import ArgView
from tt_cache_lint.device.cores import CoreRangeSet
from tt_cache_lint.device.program import Failure
from tt_cache_lint.device.tensors import Buffer, GlobalCircularBuffer
from tt_cache_lint.essential import (
    _only_by_attribute,
    _unknown_conditions,
    _without_work,
    beside_the_point,
    cores_without_args,
    essential,
    same_decisions,
)
from tt_cache_lint.factory.found import Factory
from tt_cache_lint.idle import Idle
from tt_cache_lint.interp.values import Map, Mark, Obj, Opt, Struct, Value, Vec, mask
from tt_cache_lint.interp.world import World
from tt_cache_lint.model import (
    Cause,
    Confidence,
    Difference,
    Held,
    Related,
    Slot,
    SlotKind,
    What,
)
from tt_cache_lint.owners import holds, owner_of, owners_of
from tt_cache_lint.search.exploration import Path
from tt_cache_lint.sightings import Ledger, Sighting
from tt_cache_lint.words import Describer, computed, given

MANY_PATHS = 8  # of one factory, which can hardly all be impossible in what matters
HAS_VALUE = ".has_value"


class Diagnosis:
    """Reads the tables of a factory."""

    def __init__(self, factory: Factory, describer: Describer, idle: Idle) -> None:
        self.factory = factory
        self.idle = idle
        self.words = describer
        self.ledgers: dict[Slot, Ledger] = {}
        self.failures: dict[tuple[str, str, int], tuple[Path, WorldTable, Failure]] = {}
        self.failed: dict[tuple[str, str, int], list[tuple[Path, World]]] = {}
        self.paths: list[Path] = []
        self.telling: dict[int, int] = {}  # worlds of a path in which anything needs a refresh
        self.failure_count: dict[tuple[str, str, int], int] = {}

    def read(self, path: Path, table: WorldTable) -> None:
        """Take one world into account."""
        outcome = table.outcome
        if not table.comparable or "override" in outcome.after.escaped or outcome.thrown is not None:
            return
        self.telling[id(path)] = self.telling.get(id(path), 0) + bool(table.needing_refresh)
        self.paths.append(path)
        for failure in outcome.failures:
            key = (failure.kind, failure.owner, failure.index)
            self.failure_count[key] = self.failure_count.get(key, 0) + 1
            self.failures.setdefault(key, (path, table, failure))
            self.failed.setdefault(key, []).append((path, outcome.world))
        for state in table.slots.values():
            ledger = self.ledgers.setdefault(state.slot, Ledger(state.slot))
            ledger.worlds += 1
            if table.needing_refresh:
                ledger.there.setdefault(id(path), set()).add(id(table))
            if state.bad:
                cause, name, other = self.cause(table, state)
                writes = [r.write for r in state.bad if r.write is not None]
                ledger.sightings.append(Sighting(path, table, state, cause, name, other, writes[0] if writes else None))
            elif any(r.write is not None for r in state.needing):
                ledger.refreshed.append((path, table, state))

    # -- causes ----------------------------------------------------------------------------------------------------

    def cause(self, table: WorldTable, state: SlotState) -> tuple[Cause, str, str]:
        """(cause, shared variable concerned, other slot) of a wrong slot in one world."""
        bad = state.bad
        written = [r for r in bad if r.write is not None]
        if _freed(table.outcome.world, (written or bad)[0]):
            return Cause.FREED, "", ""
        if written:
            if of_another_coordinate(table, state, written[0]):
                return Cause.WRONG_COORDINATE, "", ""
            cause, name = self._wrong_write(table, written[0])
            if cause is Cause.WRONG_TENSOR:
                swapped = self._swapped_with(table, state, written[0])
                if swapped:
                    return Cause.WRONG_HANDLE, "", swapped
            return cause, name, ""
        if self.factory.bound:
            return Cause.UNBOUND, "", ""
        good = [r for r in state.needing if not r.wrong and r.write is not None]
        unset = self._unset_handle(table, state)
        if good:
            return Cause.PARTIAL_CORES, "", ""
        if any(kernel.named for kernel in table.outcome.fresh.kernels):  # there are no handles in a spec
            return Cause.NOT_REFRESHED, "", ""
        narrow = next((f for f in table.outcome.failures if f.kind == "narrow" and f.phase == "override"), None)
        if narrow is not None:
            return Cause.NARROWED, "", ""
        if unset:
            return Cause.UNINITIALISED, unset, ""
        if left_out_coordinate(table, state):
            return Cause.WRONG_COORDINATE, "", ""
        elsewhere = self._written_elsewhere(table, state, bad[0])
        if elsewhere:
            return Cause.WRONG_HANDLE, "", elsewhere
        if self._copied(table, state):
            return Cause.LOST_COPY, "", ""
        if self._nothing_written(table):
            return Cause.NO_OVERRIDE, "", ""
        target: Obj | None = state.kernel if state.kernel is not None else state.cb
        touched = target is not None and bool(getattr(target, "touched", False))
        if not touched and not holds(table.outcome.kept_with(state.program), target):
            return Cause.NOT_SHARED, "", ""
        return Cause.NOT_REFRESHED, "", ""

    @staticmethod
    def _swapped_with(table: WorldTable, state: SlotState, reading: Reading) -> str:
        """The same slot of another kernel or buffer when the two got each other's values."""
        for other in table.slots.values():
            if other.ordinal == state.ordinal or other.slot.kind is not state.slot.kind:
                continue
            if other.program is not state.program:
                continue
            if other.slot.index != state.slot.index:
                continue
            for r in other.readings:
                if r.core == reading.core and same(r.found, reading.expected) and same(r.expected, reading.found):
                    return other.slot.name
        return ""

    def _wrong_write(self, table: WorldTable, reading: Reading) -> tuple[Cause, str]:
        world = table.outcome.world
        owner = owner_of(world, reading.found)
        wanted = owner_of(world, reading.expected)
        if same(reading.found, reading.created) and mask(reading.found) & world.dispatch:
            return Cause.RUN1_CAPTURE, _captured_in(table.outcome.shared, reading.found)
        if owner is not None and owner[1] == 1:
            return Cause.RUN1_CAPTURE, _captured_in(table.outcome.shared, reading.found)
        if owner is not None and wanted is not None and owner[0] != wanted[0]:
            return Cause.WRONG_TENSOR, ""
        return Cause.WRONG_VALUE, ""

    @staticmethod
    def _unset_handle(table: WorldTable, state: SlotState) -> str:
        """The shared variable without a value that leaves the slot out: for an argument rather a list of cores."""
        shared = table.outcome.shared
        names = [name for name, mark in table.outcome.unset.items() if mark is not None]
        if shared is not None and state.kernel is not None:
            names.sort(key=lambda n: not isinstance(shared.defaults.get(n), (Vec, Map, CoreRangeSet)))
        return names[0] if names else ""

    @staticmethod
    def _nothing_written(table: WorldTable) -> bool:
        if any(f.phase == "override" for f in table.outcome.failures):
            return False
        return not any(r.write is not None for s in table.slots.values() for r in s.readings)

    def _written_elsewhere(self, table: WorldTable, state: SlotState, reading: Reading) -> str:
        """The slot of another kernel or buffer that got what belongs here, if it did not belong there."""
        for other in table.slots.values():
            if other.ordinal == state.ordinal and other.slot.kind is state.slot.kind:
                continue
            if other.program is not state.program:
                continue
            if (other.slot.kind is SlotKind.CB) != (state.slot.kind is SlotKind.CB):
                continue
            if other.slot.kind is not SlotKind.CB and other.slot.index != state.slot.index:
                continue
            for r in other.readings:
                if r.core == reading.core and r.write is not None and r.wrong and same(r.found, reading.expected):
                    return other.slot.name
        for failure in table.outcome.failures:
            if failure.phase == "override" and failure.kind == "range" and failure.index == state.slot.index:
                owner = owner_of(table.outcome.world, reading.expected)
                if (
                    owner is not None
                    and f"address of {owner[0]}" in failure.inputs
                    and failure.owner != state.slot.owner
                ):
                    return f"{failure.owner} arg {failure.index}"
        return ""

    @staticmethod
    def _copied(table: WorldTable, state: SlotState) -> bool:
        for copy in table.outcome.copies:
            view = copy.copy_of
            if isinstance(view, ArgView) and view.kernel is state.kernel and copy.written:
                if state.slot.index in copy.written:
                    return True
        return False

    # -- differences -----------------------------------------------------------------------------------------------

    def differences(self) -> list[Difference]:
        """One difference a slot, from its clearest sighting."""
        found = [d for d in (self._difference(ledger) for ledger in self.ledgers.values()) if d is not None]
        swapped = {d.other_slot for d in found if d.cause is Cause.WRONG_HANDLE}
        # The slot that got a misdirected value is part of the same story, unless it is misdirected itself.
        found = [d for d in found if d.slot.name not in swapped or d.cause is Cause.WRONG_HANDLE]
        return [*found, *self._failed()]

    def _difference(self, ledger: Ledger) -> Difference | None:
        if not ledger.sightings:
            return None
        first = min(ledger.sightings, key=lambda s: (not s.path.is_base, not s.path.validated, s.path.contradicts))
        cause = first.cause
        written_elsewhere = [r for r in ledger.refreshed if not same_decisions(r[0], first.path)]
        guard_write = None
        if cause in (Cause.NOT_REFRESHED, Cause.NOT_SHARED, Cause.NO_OVERRIDE) and written_elsewhere:
            cause = Cause.GUARD
            guard_write = next(
                (r.write for r in written_elsewhere[0][2].readings if r.write is not None and r.needs_refresh), None
            )
        state, table = first.state, first.table
        reading = state.bad[0]
        write = first.write or guard_write
        if cause is Cause.PARTIAL_CORES:
            write = next((r.write for r in state.needing if not r.wrong and r.write is not None), write)
        if cause is Cause.WRONG_HANDLE:
            write = self._write_of(table, first.other) or write
        if cause is Cause.LOST_COPY:
            write = self._copy_write(table, state) or write
        words, world = self.words, table.outcome.world
        related: list[Related] = []
        for mark in (reading.set_mark, *reversed(reading.set_stack)):
            place = words.place(mark)
            if words.near(mark) and place.line != words.user(reading.set_mark, reading.set_stack).line:
                related.append(Related(place, "called here"))
                break
        by_number = cause is Cause.UNBOUND and (state.kernel is None or not state.kernel.named)
        patched = self._patched(table) if by_number else None
        made = [world.made[o] for o in owners_of(world, reading.expected) if o in world.made]
        if cause is Cause.FREED and made:
            related.append(Related(words.place(made[0]), "allocated here"))
        if patched is not None:
            said = "bound to a buffer, so a hit patches this and builds nothing anew"
            related.append(Related(words.user(*patched), said))
        return Difference(
            state.slot,
            self._what(state, world, reading),
            cause,
            self._held(world, reading.created, reading),
            self._held(world, reading.found, reading, write),
            self._held(world, reading.expected, reading),
            words.user(reading.set_mark, reading.set_stack),
            words.user(*write) if write is not None else None,
            words.override_place,
            tuple(r.core for r in state.bad if r.core is not None),
            tuple(r.core for r in state.readings if r.core is not None),
            words.when(
                first.path,
                world,
                (*owners_of(world, reading.expected), *(_in_place(table) if cause is Cause.UNBOUND else ())),
                beside_the_point(first.path, world, [(s.path, s.table.outcome.world) for s in ledger.sightings]),
                essential(first.path, world, [p for p, _, _ in ledger.refreshed]),
            ),
            self._confidence(ledger, first),
            words.rows(table, state),
            words.fix(table, state, reading),
            first.field,
            words.field_place(first.field),
            tuple(related),
            first.other,
            given(world),
            state.program.place if cause is Cause.WRONG_COORDINATE else "",
            # What is wrong under one condition only matters to what is compiled under it.
            idle=all(self.idle(s.table, s.state, exact=cause is Cause.GUARD) for s in ledger.sightings),
        )

    @staticmethod
    def _patched(table: WorldTable) -> tuple[Mark, tuple[Mark, ...]] | None:
        """An argument that the framework patches."""
        arguments = (s for s in table.slots.values() if s.slot.kind is not SlotKind.CB)
        return next((r.write for s in arguments for r in s.needing if r.write is not None), None)

    def _write_of(self, table: WorldTable, slot_name: str) -> tuple[Mark, tuple[Mark, ...]] | None:
        for other in table.slots.values():
            if other.slot.name == slot_name:
                return next((r.write for r in other.readings if r.write is not None), None)
        for failure in table.outcome.failures:
            if failure.kind == "range" and f"{failure.owner} arg {failure.index}" == slot_name:
                return failure.mark, failure.stack
        return None

    @staticmethod
    def _copy_write(table: WorldTable, state: SlotState) -> tuple[Mark, tuple[Mark, ...]] | None:
        for copy in table.outcome.copies:
            view = copy.copy_of
            if isinstance(view, ArgView) and view.kernel is state.kernel and copy.written:
                mark = copy.written.get(state.slot.index)
                if mark is not None:
                    return mark, ()
        return None

    @staticmethod
    def _what(state: SlotState, world: World, reading: Reading) -> What:
        if state.slot.kind is SlotKind.CB:
            return What.CB
        if any(n.startswith("address of ") for n in world.leaves(mask(reading.expected))):
            return What.ADDRESS
        return What.SCALAR

    def _held(
        self, world: World, value: Value, reading: Reading, write: tuple[Mark, tuple[Mark, ...]] | None = None
    ) -> Held:
        if isinstance(value, Opt):
            value = value.v
        if isinstance(value, Buffer):
            name = f"address of {value.owner}"
            return Held(None, self.words.tensor_text(value.owner), (name,), (name,))
        if isinstance(value, GlobalCircularBuffer):
            return Held(None, self.words.tensor_text(value.name))
        leaves = world.leaves(mask(value))
        varying = [n for n in leaves if n in world.varying]  # what makes the difference goes without the rest
        inputs = self.words.leaves(varying or leaves)
        dispatch = tuple(self.words.leaf(n) for n in world.leaves(mask(value) & world.dispatch))
        number = value.v if hasattr(value, "v") else value
        text = write[0].text if write is not None else reading.set_mark.text
        owners = owners_of(world, value)
        semaphore = bool(owners) and world.semaphores.issuperset(owners)
        return Held(number if isinstance(number, int) else None, text, inputs, dispatch, computed(value), semaphore)

    def _confidence(self, ledger: Ledger, first: Sighting) -> Confidence:
        """Certain: on a path the validators accept, in several worlds, nothing unknown in sight."""
        if "select" in first.table.outcome.violations and not self._always(ledger):
            return Confidence.POSSIBLE  # on this path another factory would run
        if first.cause is Cause.PARTIAL_CORES and _without_work(first.table, first.state):
            return Confidence.POSSIBLE
        if first.cause is Cause.WRONG_VALUE and _only_by_attribute(first):
            return Confidence.POSSIBLE
        total = max(1, self.telling.get(id(first.path), 1))
        worlds = len({id(s.table) for s in ledger.sightings if s.path is first.path})
        if self._rests_on_unknown(ledger) or worlds * 2 < len(ledger.there.get(id(first.path), ())):
            return Confidence.POSSIBLE
        if (
            first.path.strained
            and first.cause is not Cause.WRONG_HANDLE  # which handle the override takes depends on no number
            and self._what(first.state, first.table.outcome.world, first.state.bad[0]) is not What.ADDRESS
        ):
            return Confidence.POSSIBLE
        if not first.path.validated and any(key.startswith("tensor_return_value") for key in first.path.flips):
            return Confidence.POSSIBLE  # nothing says that the output can be so
        if not first.path.validated:
            # Where other inputs refresh it, only a call that the validators accept could tell which of them occur.
            elsewhere = first.write is None and ledger.refreshed and first.cause is not Cause.WRONG_COORDINATE
            doubted = first.path.contradicts or elsewhere
            return Confidence.POSSIBLE if doubted else Confidence.LIKELY
        if (first.path.is_base or first.path.ordinary) and not _unknown_conditions(first):
            return Confidence.CERTAIN if worlds >= 2 or total == 1 else Confidence.LIKELY
        return Confidence.LIKELY

    def _always(self, ledger: Ledger) -> bool:
        """Is an address or a circular buffer left alone on many paths and refreshed on none, whatever they are?"""
        first = ledger.sightings[0]
        return (
            not ledger.refreshed
            and all(s.write is None for s in ledger.sightings)
            and len({id(s.path) for s in ledger.sightings}) >= MANY_PATHS
            and self._what(first.state, first.table.outcome.world, first.state.bad[0]) is not What.SCALAR
        )

    def _rests_on_unknown(self, ledger: Ledger) -> bool:
        """Is the slot wrong only under one outcome of a condition that could not be computed?"""
        seen: dict[str, set[bool]] = {}
        for sighting in ledger.sightings:
            outcome = sighting.table.outcome
            world = outcome.world
            conditions = [n for n in world.leaves(outcome.touched_by_override) if n.startswith("(")]
            if not conditions:
                return False
            for name in conditions:
                seen.setdefault(name, set()).add(bool(world.facts[name].value))
        return any(len(values) < 2 for values in seen.values())

    def _failed(self) -> list[Difference]:
        """What the host API rejects or writes out of range, as differences of cause OUT_OF_RANGE."""
        found = []
        for key, (path, table, failure) in self.failures.items():
            if failure.kind not in ("range", "core", "count", "common-twice"):
                continue
            if failure.kind in ("count", "range") and failure.phase != "override":
                continue
            kind = SlotKind.COMMON if failure.common else SlotKind.ARG
            slot = Slot(kind, failure.owner, max(failure.index, 0))
            words, world = self.words, table.outcome.world
            place = words.user(failure.mark, failure.stack)
            held = Held(None, failure.mark.text, words.leaves(failure.inputs))
            without = [p for p in self.paths if not any(p is other for other, _ in self.failed[key])]
            sure = path.validated and self.failure_count[key] > 1
            confidence = Confidence.CERTAIN if sure and path.is_base else Confidence.LIKELY
            if path.contradicts or path.strained or "select" in table.outcome.violations:
                confidence = Confidence.POSSIBLE
            if failure.kind == "range" and self.idle.starved(table, failure.owner, failure.cores):
                confidence = Confidence.POSSIBLE  # a call that never worked
            if confidence is Confidence.CERTAIN and _unknown_conditions(
                Sighting(path, table, SlotState(slot, 0), Cause.OUT_OF_RANGE)
            ):
                confidence = Confidence.LIKELY
            outside = failure.kind == "core" and failure.phase == "create"
            if outside and (not path.validated or world.misfits):
                confidence = Confidence.POSSIBLE  # which cores there are is a matter of inputs that the op accepts
            idle = cores_without_args(table, failure.owner)
            if outside and not idle:
                continue  # every core of the kernel has arguments; the surplus is never read
            found.append(
                Difference(
                    slot,
                    What.SCALAR,
                    Cause.OUTSIDE_KERNEL if outside else Cause.OUT_OF_RANGE,
                    Held(None, failure.message),
                    held,
                    Held(None, ""),
                    words.kernel_place(table, failure.owner) or place,
                    place,
                    words.override_place,
                    failure.cores,
                    failure.cores,
                    words.when(
                        path,
                        world,
                        (),
                        beside_the_point(path, world, self.failed[key]),
                        essential(path, world, without),
                    ),
                    confidence,
                    given=given(world),
                    refused=failure.kind in ("count", "common-twice"),
                )
            )
        return found


def _captured_in(shared: Struct | None, value: Value) -> str:
    """The shared variable that holds what belongs to run 1."""
    if shared is None:
        return ""
    for name, item in shared.fields.items():
        if same(item, value):
            return name
        inner = item.v if isinstance(item, Opt) else item
        if isinstance(inner, Buffer) or hasattr(inner, "buffer"):
            return name
    return ""


def _freed(world: World, reading: Reading) -> bool:
    """Does the slot need what create() itself allocates, and is nothing else written there?"""
    values = [reading.expected, *([reading.found] if reading.write is not None else ())]
    owners = [owners_of(world, value) for value in values]
    return all(names and all(name.startswith(OWN) for name in names) for names in owners)


def _in_place(table: WorldTable) -> tuple[str, ...]:
    """The optional tensors in whose buffers outputs lie, so that nothing is bound."""
    world = table.outcome.world
    keys = (key for way in table.outcome.ways for key in world.leaves(mask(way)))
    return tuple(key.removesuffix(HAS_VALUE) for key in keys if key.endswith(HAS_VALUE))
