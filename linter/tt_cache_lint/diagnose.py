"""Why a slot differs: from the tables of all explored worlds to `Difference`s, one cause each."""

from __future__ import annotations

from collections.abc import Iterator

from tt_cache_lint.causes import cause_of
from tt_cache_lint.compare import Reading, SlotState, WorldTable
from tt_cache_lint.device.arguments import ArgView
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
from tt_cache_lint.interp.values import Mark, Opt, Value, mask
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
from tt_cache_lint.owners import owners_of
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
                cause, name, other = cause_of(self.factory, table, state)
                writes = [r.write for r in state.bad if r.write is not None]
                ledger.sightings.append(Sighting(path, table, state, cause, name, other, writes[0] if writes else None))
            elif any(r.write is not None for r in state.needing):
                ledger.refreshed.append((path, table, state))

    # -- causes ----------------------------------------------------------------------------------------------------

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
            tuple(self._related(table, state, cause)),
            first.other,
            given(world),
            state.program.place if cause is Cause.WRONG_COORDINATE else "",
            # What is wrong under one condition only matters to what is compiled under it.
            idle=all(self.idle(s.table, s.state, exact=cause is Cause.GUARD) for s in ledger.sightings),
        )

    def _related(self, table: WorldTable, state: SlotState, cause: Cause) -> Iterator[Related]:
        """The other places that the reader of a difference should see."""
        words, world, reading = self.words, table.outcome.world, state.bad[0]
        for mark in (reading.set_mark, *reversed(reading.set_stack)):
            place = words.place(mark)
            if words.near(mark) and place.line != words.user(reading.set_mark, reading.set_stack).line:
                yield Related(place, "called here")
                break
        made = [world.made[o] for o in owners_of(world, reading.expected) if o in world.made]
        if cause is Cause.FREED and made:
            yield Related(words.place(made[0]), "allocated here")
        by_number = cause is Cause.UNBOUND and (state.kernel is None or not state.kernel.named)
        patched = self._patched(table) if by_number else None
        if patched is not None:
            said = "bound to a buffer, so a hit patches this and builds nothing anew"
            yield Related(words.user(*patched), said)

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


def _in_place(table: WorldTable) -> tuple[str, ...]:
    """The optional tensors in whose buffers outputs lie, so that nothing is bound."""
    world = table.outcome.world
    keys = (key for way in table.outcome.ways for key in world.leaves(mask(way)))
    return tuple(key.removesuffix(HAS_VALUE) for key in keys if key.endswith(HAS_VALUE))
