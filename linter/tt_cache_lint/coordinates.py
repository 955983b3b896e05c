"""Is a slot wrong because the override mistook one coordinate of the mesh for another?

A slot of a workload exists once in each program that has it; these readings are laid side by side.
"""

from __future__ import annotations

from collections.abc import Iterator

from tt_cache_lint.compare import Reading, SlotState, WorldTable, same


def elsewhere(table: WorldTable, state: SlotState) -> Iterator[SlotState]:
    """The same slot in the programs of other coordinates."""
    for other in table.slots.values():
        if other.slot == state.slot and other.program.part != state.program.part:
            yield other


def of_another_coordinate(table: WorldTable, state: SlotState, reading: Reading) -> bool:
    """Does the override write what belongs at another coordinate: its value, or one value for all coordinates?"""
    for other in elsewhere(table, state):
        for there in other.readings:
            if there.core != reading.core or there.unknown or same(there.expected, reading.expected):
                continue
            if same(reading.found, there.expected) or (there.write is not None and same(reading.found, there.found)):
                return True
    return False


def left_out_coordinate(table: WorldTable, state: SlotState) -> bool:
    """Does the override refresh the slot at another coordinate and not here, or with a handle from there?"""
    for failure in table.outcome.failures:
        if failure.kind == "coordinate" and failure.owner == state.slot.owner:
            return True
    return any(
        other.needing and not other.bad and any(r.write is not None for r in other.needing)
        for other in elsewhere(table, state)
    )
