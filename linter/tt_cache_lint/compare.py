"""P2 against P2*: slot by slot, what a hit left in the program and what a fresh create() puts there.

One world gives a `WorldTable`. A slot is identified by the variable that holds its handle and its index, so that
worlds and paths can be laid over each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tt_cache_lint.device.cores import XY
from tt_cache_lint.device.program import CircularBuffer, CoreArgs, Kernel, Program
from tt_cache_lint.device.tensors import Buffer
from tt_cache_lint.hit import Outcome
from tt_cache_lint.interp.values import Handle, Mark, Opaque, Unknown, Val, Value, empty, identity, mask, plain
from tt_cache_lint.interp.world import UNKNOWN
from tt_cache_lint.model import Slot, SlotKind

Stack = tuple[Mark, ...]


@dataclass(slots=True)
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

    `needing` are the readings that need a refresh, `bad` those that are known to be wrong.
    """

    slot: Slot
    ordinal: int
    readings: list[Reading] = field(default_factory=list)
    kernel: Kernel | None = None
    cb: CircularBuffer | None = None
    needing: list[Reading] = field(default_factory=list)
    bad: list[Reading] = field(default_factory=list)
    written: bool = False  # by the override, on any core

    @property
    def program(self) -> Program:
        """The program it belongs to."""
        owner = self.kernel or self.cb
        assert owner is not None
        return owner.program

    def add(self, reading: Reading) -> None:
        self.readings.append(reading)
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

    @property
    def needing_refresh(self) -> int:
        return sum(bool(s.needing) for s in self.slots.values())

    @property
    def matched(self) -> int:
        return sum(bool(s.needing) and not any(r.wrong for r in s.needing) for s in self.slots.values())


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
        states: list[SlotState] = []
        for xy, data in new.args.items():
            if xy in old.args:
                created = outcome.created.args.get((position, xy), [])
                _arguments(table, states, SlotKind.ARG, owner, position, old, xy, created, old.args[xy], data, bits)
        if new.common is not None and old.common is not None:
            created = outcome.created.args.get((position, None), [])
            _arguments(table, [], SlotKind.COMMON, owner, position, old, None, created, old.common, new.common, bits)
    for position, (old_cb, new_cb) in enumerate(zip(after.cbs, fresh.cbs, strict=True)):
        _buffer(table, position, old_cb, new_cb, outcome.created.buffers[position])
    return table


def _arguments(
    table: WorldTable,
    states: list[SlotState],
    kind: SlotKind,
    owner: str,
    position: int,
    kernel: Kernel,
    xy: XY | None,
    created: list[Value],
    found: CoreArgs,
    expected: CoreArgs,
    bits: int,
) -> None:
    """Add what one core was given. `states` are the slots of the kernel so far, by index."""
    writes, marks = found.writes, expected.marks
    for index, (want, got, was) in enumerate(zip(expected.vals, found.vals, created, strict=False)):
        if type(want) is Opaque or type(got) is Opaque or type(was) is Opaque:
            break
        if index == len(states):
            slot = Slot(kind, owner, index)
            states.append(table.slots.setdefault((slot, position), SlotState(slot, position, kernel=kernel)))
        unknown = type(want) is not int and is_unknown(want, bits)
        unknown = unknown or (type(got) is not int and is_unknown(got, bits))
        mark = marks[index] or expected.set_call
        states[index].add(Reading(xy, was, got, want, mark, expected.stacks, writes.get(index), unknown))


def _buffer(table: WorldTable, position: int, old: CircularBuffer, new: CircularBuffer, created: Value) -> None:
    if empty(created) and empty(old.buffer) and empty(new.buffer):
        return
    key = (Slot(SlotKind.CB, new.name), position)
    state = SlotState(key[0], position, cb=old)
    known = all(empty(b) or isinstance(b, Buffer) or plain(b) is not None for b in (created, old.buffer, new.buffer))
    state.add(
        Reading(
            None,
            created,
            old.buffer,
            new.buffer,
            new.mark,
            new.stack,
            old.writes[-1] if old.writes else None,
            not known or isinstance(old.buffer, Unknown) or isinstance(new.buffer, Unknown),
        )
    )
    table.slots[key] = state
