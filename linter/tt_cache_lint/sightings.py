"""Where a wrong slot was seen."""

from __future__ import annotations

from dataclasses import dataclass, field

from tt_cache_lint.compare import SlotState, WorldTable
from tt_cache_lint.interp.values import Mark
from tt_cache_lint.model import Cause, Slot
from tt_cache_lint.search.exploration import Path


@dataclass(slots=True)
class Sighting:
    """A slot that is wrong in one world of one path."""

    path: Path
    table: WorldTable
    state: SlotState
    cause: Cause
    field: str = ""
    other: str = ""
    write: tuple[Mark, tuple[Mark, ...]] | None = None


@dataclass(slots=True)
class Ledger:
    """All sightings of one slot, and where it was seen to be right."""

    slot: Slot
    sightings: list[Sighting] = field(default_factory=list)
    refreshed: list[tuple[Path, WorldTable, SlotState]] = field(default_factory=list)
    worlds: int = 0
    there: dict[int, set[int]] = field(default_factory=dict)  # worlds of a path with the slot, and anything to refresh
