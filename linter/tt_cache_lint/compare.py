"""P2 against P2*: slot by slot, what a hit left in the program and what a fresh create() puts there.

One world gives a `WorldTable`. A slot is identified by the variable that holds its handle and its index, so that
worlds and paths can be laid over each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tt_cache_lint.device.cores import XY
from tt_cache_lint.device.program import CircularBuffer, CoreArgs, Kernel, Program
from tt_cache_lint.device.tensors import Buffer
from tt_cache_lint.interp.values import Handle, Mark, Opaque, Unknown, Val, Value, empty, identity, mask, plain
from tt_cache_lint.interp.world import UNKNOWN
from tt_cache_lint.model import Slot, SlotKind
from tt_cache_lint.outcome import Outcome

Stack = tuple[Mark, ...]
# What one core was given: run 1's arguments, those after the hit and those of a fresh create(), and how many compare.
Column = tuple[XY | None, list[Value], CoreArgs, CoreArgs, int]


@dataclass(slots=True, eq=False)
class Reading:
    """One slot on one core: what run 1's create() put there, what the hit left, what a fresh create() puts there."""

    core: XY | None
    created: Value
    found: Value
    expected: Value
    set_mark: Mark
    set_stack: Stack
    write: tuple[Mark, Stack] | None
    unknown: bool
    needs_refresh: bool = field(init=False)
    wrong: bool = field(init=False)

    def __post_init__(self) -> None:
        self.needs_refresh = not same(self.created, self.expected)
        self.wrong = not same(self.found, self.expected)


@dataclass(slots=True)
class SlotState:
    """A slot in one world. `ordinal` is the position of its kernel or circular buffer among all of the workload.

    `needing` are the readings that need a refresh, `bad` those that are known to be wrong. `columns` are what all slots
    of its kernel hold; most of it is never looked at.
    """

    slot: Slot
    ordinal: int
    kernel: Kernel | None = None
    cb: CircularBuffer | None = None
    columns: list[Column] = field(default_factory=list)
    unknown_bits: int = 0
    noted: list[Reading] = field(default_factory=list)  # the readings that need a refresh or are wrong
    made: list[Reading] | None = None
    needing: list[Reading] = field(default_factory=list)
    bad: list[Reading] = field(default_factory=list)
    written: bool = False  # by the override, on any core

    @property
    def program(self) -> Program:
        """The program it belongs to."""
        owner = self.kernel or self.cb
        assert owner is not None
        return owner.program

    @property
    def readings(self) -> list[Reading]:
        """One for each core that has the slot."""
        if self.made is None:
            known, index, bits = {r.core: r for r in self.noted}, self.slot.index, self.unknown_bits
            self.made = [
                known.get(column[0]) or _reading(column, index, bits) for column in self.columns if index < column[4]
            ] or self.noted
        return self.made

    def add(self, reading: Reading) -> None:
        """Take in a reading that needs a refresh or is wrong, or the only one."""
        self.noted.append(reading)
        self.written = self.written or reading.write is not None
        if reading.needs_refresh:
            self.needing.append(reading)
        if reading.wrong and not reading.unknown:
            self.bad.append(reading)


@dataclass(slots=True)
class WorldTable:
    """All slots of one world."""

    outcome: Outcome
    slots: dict[tuple[Slot, int], SlotState]
    comparable: bool
    why: str = ""
    needing: list[SlotState] = field(default_factory=list)  # those that need a refresh on any core

    @property
    def needing_refresh(self) -> int:
        return len(self.needing)

    def note(self, state: SlotState, reading: Reading) -> None:
        """Take in a reading of one of the slots."""
        first = not state.needing
        state.add(reading)
        if first and state.needing:
            self.needing.append(state)

    def serve(self, state: SlotState, right: list[Reading]) -> None:
        """Readings that looked wrong need no refresh after all."""
        for reading in right:
            reading.needs_refresh = reading.wrong = False
        state.bad = [r for r in state.bad if r.wrong]
        state.needing = [r for r in state.needing if r.needs_refresh]
        if not state.needing and state in self.needing:
            self.needing.remove(state)


def same(a: Value, b: Value) -> bool:
    """Do two slots hold the same?"""
    if a is b or (type(a) is int and type(b) is int and a == b):
        return True
    if isinstance(a, (Val, Handle)):
        a = a.v
    if isinstance(b, (Val, Handle)):
        b = b.v
    if type(a) is int and type(b) is int:
        return a == b
    if empty(a) and empty(b):
        return True
    return identity(a) == identity(b)


def unknown_mask(outcome: Outcome) -> int:
    """The provenance bits of leaves that stand for something not understood."""
    bits = 0
    for name, fact in outcome.world.facts.items():
        if name.startswith((UNKNOWN, "(", "cores of ")):
            bits |= fact.bit
    return bits


def is_unknown(value: Value, bits: int) -> bool:
    return isinstance(value, (Unknown, Opaque)) or bool(mask(value) & bits)


def tabulate(outcome: Outcome) -> WorldTable:
    """Lay the program after the hit over the fresh one; done once for an outcome."""
    found: WorldTable | None = outcome.table
    if found is None:
        found = outcome.table = _tabulated(outcome)
    return found


def _tabulated(outcome: Outcome) -> WorldTable:
    table = WorldTable(outcome, {}, True)
    after, fresh = outcome.after, outcome.fresh
    if len(after.kernels) != len(fresh.kernels) or len(after.cbs) != len(fresh.cbs):
        table.comparable = False
        table.why = "the two runs build programs of different make"
        return table
    bits = unknown_mask(outcome)
    for position, (old, new) in enumerate(zip(after.kernels, fresh.kernels, strict=True)):
        owner = new.name  # kernels that share a handle variable share the name: they are one slot to a person
        states = _Slots(table, SlotKind.ARG, owner, position, old, bits)
        for xy, data in new.args.items():
            if xy in old.args:
                states.add(xy, outcome.created.args.get((position, xy), []), old.args[xy], data)
        if new.common is not None and old.common is not None:
            created = outcome.created.args.get((position, None), [])
            _Slots(table, SlotKind.COMMON, owner, position, old, bits).add(None, created, old.common, new.common)
    for position, (old_cb, new_cb) in enumerate(zip(after.cbs, fresh.cbs, strict=True)):
        _buffer(table, position, old_cb, new_cb, outcome.created.buffers[position])
    return table


@dataclass(slots=True)
class _Slots:
    """The slots of one kernel, by index."""

    table: WorldTable
    kind: SlotKind
    owner: str
    position: int
    kernel: Kernel
    bits: int
    states: list[SlotState] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)

    def add(self, xy: XY | None, created: list[Value], found: CoreArgs, expected: CoreArgs) -> None:
        """Add what one core was given."""
        states, count = self.states, 0
        telling: list[int] = []
        for want, got, was in zip(expected.vals, found.vals, created, strict=False):
            if want is not got or want is not was:
                if type(want) is Opaque or type(got) is Opaque or type(was) is Opaque:
                    break
                if not (same(was, want) and same(got, want)):
                    telling.append(count)
            elif type(want) is Opaque:
                break
            count += 1
        for index in range(len(states), count):
            slot = Slot(self.kind, self.owner, index, _label(self.table, self.kernel, self.kind, index))
            state = SlotState(slot, self.position, self.kernel, None, self.columns, self.bits)
            states.append(self.table.slots.setdefault((slot, self.position), state))
        column = (xy, created, found, expected, count)
        self.columns.append(column)
        for index in telling:
            self.table.note(states[index], _reading(column, index, self.bits))
        for index in found.writes:
            if index < count:
                states[index].written = True


def _label(table: WorldTable, kernel: Kernel, kind: SlotKind, index: int) -> str:
    """The name of an argument that has one."""
    if not kernel.named:
        return ""
    labels = table.outcome.world.labels.get((kernel.handle.name, kind is SlotKind.COMMON), [])
    return labels[index] if index < len(labels) else ""


def _reading(column: Column, index: int, bits: int) -> Reading:
    """One slot on one core."""
    xy, created, found, expected, _ = column
    want, got = expected.vals[index], found.vals[index]
    unknown = type(want) is not int and is_unknown(want, bits)
    unknown = unknown or (type(got) is not int and is_unknown(got, bits))
    mark = expected.marks[index] or expected.set_call
    return Reading(xy, created[index], got, want, mark, expected.stacks, found.writes.get(index), unknown)


def _buffer(table: WorldTable, position: int, old: CircularBuffer, new: CircularBuffer, created: Value) -> None:
    if empty(created) and empty(old.buffer) and empty(new.buffer):
        return
    key = (Slot(SlotKind.CB, new.name), position)
    state = SlotState(key[0], position, cb=old)
    known = all(empty(b) or isinstance(b, Buffer) or plain(b) is not None for b in (created, old.buffer, new.buffer))
    table.note(
        state,
        Reading(
            None,
            created,
            old.buffer,
            new.buffer,
            new.mark,
            new.stack,
            old.writes[-1] if old.writes else None,
            not known or isinstance(old.buffer, Unknown) or isinstance(new.buffer, Unknown),
        ),
    )
    table.slots[key] = state
