"""Pairs of calls that were executed, and what came of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from tt_cache_lint.compare import WorldTable, tabulate
from tt_cache_lint.hash.builds import Change
from tt_cache_lint.hash.key import Key
from tt_cache_lint.hash.vary import property_of
from tt_cache_lint.interp.values import Value
from tt_cache_lint.outcome import Outcome
from tt_cache_lint.search.exploration import Path


@dataclass(slots=True)
class Trial:
    """A pair of calls that was executed: what differed in the inputs, and what in the programs."""

    leaf: str
    varying: dict[str, Value]
    path: Path
    outcome: Outcome
    changes: list[Change]
    key: Key
    strained: bool = False  # a check inside create() would refuse the second call, if it were no hit
    hit: bool = True  # the hit was executed, and not only create() for the second call

    @property
    def table(self) -> WorldTable:
        """The slots. What is found in them is told only where there was a hit."""
        return tabulate(self.outcome)

    @property
    def property(self) -> str:
        return property_of(self.leaf)


@dataclass(slots=True)
class Report:
    """What the experiments with one factory gave."""

    trials: list[Trial] = field(default_factory=list)
    pinned: dict[str, str] = field(default_factory=dict)  # inputs that a check on hits pins, with the check
    copied: dict[str, str] = field(default_factory=dict)  # inputs that are hashed as the attribute that repeats them
    told: set[str] = field(default_factory=set)  # inputs that the hash tells apart although it does not hold them
    unclear: str = ""
    keys: list[tuple[Path, Key]] = field(default_factory=list)
