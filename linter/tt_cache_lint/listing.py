"""The lists that the `slots` command prints: the kernels, circular buffers and slots of one world of a factory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tt_cache_lint.compare import SlotState, WorldTable
from tt_cache_lint.device.cores import describe
from tt_cache_lint.device.tensors import Buffer
from tt_cache_lint.interp.values import Opt, Value, empty, mask, plain
from tt_cache_lint.model import CbInfo, Difference, KernelInfo, SlotInfo
from tt_cache_lint.owners import holds
from tt_cache_lint.words import Describer, handle_path


class Listing:
    """Makes the lists for one factory.

    `omitted` are differences that show only where an input that is not hashed varies, `varied` what a second call with
    the same hash may be given for such inputs.
    """

    def __init__(self, words: Describer, omitted: Sequence[Difference], varied: Mapping[str, Value]) -> None:
        self.words = words
        self.omitted = omitted
        self.varied = varied

    def slots(self, table: WorldTable) -> Iterator[SlotInfo]:
        """The slots of a world, each once: what it holds, and whether a hit refreshes it."""
        world = table.outcome.world
        parts: set[object] = set()
        for state in sorted(table.slots.values(), key=lambda s: (s.slot.kind.value, s.ordinal, s.slot.index)):
            owner = state.kernel or state.cb
            same_slot = (state.slot, owner.ordinal if owner is not None else 0)
            if same_slot in parts:  # in the program of another coordinate
                continue
            parts.add(same_slot)
            reading = state.readings[0]
            leaves = world.leaves(mask(reading.expected))
            leaves.sort(key=lambda leaf: leaf not in self.varied)
            if isinstance(reading.expected, Buffer):
                leaves = [f"address of {reading.expected.owner}"]
            writes = [r.write for r in state.readings if r.write is not None]
            left_out = self.left_out(table, state)
            yield SlotInfo(
                state.slot,
                len(state.readings) if state.kernel is not None else len(state.cb.cores) if state.cb else 0,
                reading.set_mark.text,
                self.words.leaves(leaves),
                bool(state.needing or left_out),
                self.words.user(reading.set_mark, reading.set_stack),
                self.words.user(*writes[0]) if writes else None,
                left_out or _refreshed(state),
            )

    def kernels(self, table: WorldTable) -> Iterator[KernelInfo]:
        """The kernels of its program."""
        seen: set[tuple[str, int]] = set()
        for kernel in table.outcome.fresh.kernels:
            if (kernel.name, kernel.ordinal) in seen:
                continue
            seen.add((kernel.name, kernel.ordinal))
            shared = table.outcome.kept_with(kernel.program)
            kept = handle_path(shared, kernel) if holds(shared, kernel) else ""
            source = plain(kernel.source)
            yield KernelInfo(
                kernel.name,
                source if isinstance(source, str) else "unknown",
                describe(kernel.cores),
                self.words.user(kernel.mark, kernel.stack),
                kept,
            )

    def cbs(self, table: WorldTable) -> Iterator[CbInfo]:
        """The circular buffers of its program."""
        after = table.outcome.after.cbs
        seen: set[tuple[str, int]] = set()
        for position, cb in enumerate(table.outcome.fresh.cbs):
            if (cb.name, cb.ordinal) in seen:
                continue
            seen.add((cb.name, cb.ordinal))
            shared = table.outcome.kept_with(cb.program)
            buffer = cb.buffer.v if isinstance(cb.buffer, Opt) else cb.buffer
            owner = buffer.owner if isinstance(buffer, Buffer) else "" if empty(buffer) else "unknown"
            kept = handle_path(shared, cb) if holds(shared, cb) else ""
            writes = after[position].writes if position < len(after) else []
            yield CbInfo(
                cb.name,
                describe(cb.cores),
                self.words.shown(table.outcome.world, cb.total),
                owner,
                self.words.user(cb.mark, cb.stack),
                kept,
                self.words.user(*writes[-1]) if writes else None,
            )

    def left_out(self, table: WorldTable, state: SlotState) -> str:
        """Is a slot refreshed that holds the same in the two calls of this world, but depends on an input that the
        hash leaves out? "yes" or "no"; "" where it does not have to be."""
        if not self.varied or state.needing:
            return ""
        leaves = table.outcome.world.leaves(mask(state.readings[0].expected))
        if not any(leaf in self.varied for leaf in leaves):
            return ""
        if any(d.slot == state.slot for d in self.omitted):
            return "no"
        return "yes" if any(r.write is not None for r in state.readings) else ""


def _refreshed(state: SlotState) -> str:
    if not state.needing:
        return "no" if state.bad else "not needed"
    wrong = [r for r in state.needing if r.wrong]
    if any(r.unknown for r in wrong):
        return "unknown"
    return "yes" if not wrong else "no" if len(wrong) == len(state.needing) else "partly"
