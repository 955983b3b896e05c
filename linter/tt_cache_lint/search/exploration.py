"""What a search gives: the explored paths of a factory, with their worlds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp.values import Value

if TYPE_CHECKING:
    from tt_cache_lint.interp.world import Tie
    from tt_cache_lint.outcome import Outcome

Decisions = dict[str, Value]


@dataclass(slots=True)
class Budget:
    """What a factory may cost. `steps` are interpreter steps over all executions, `worlds` the executions."""

    paths: int = 64
    steps: int = 160_000
    worlds: int = 800
    base_worlds: int = 4
    flip_worlds: int = 1
    seconds: float = 20.0


@dataclass(slots=True)
class Path:
    """One explored path: what was flipped against the base path, and its worlds."""

    flips: Decisions
    outcomes: list[Outcome]
    decisions: Decisions
    validated: bool
    is_base: bool
    templates: dict[str, Any] = field(default_factory=dict)
    contradicts: bool = False  # breaks a check of the validators that the base path does not
    strained: bool = False  # breaks a check inside create() that the base path does not
    telling: bool = True  # shows something that no earlier path shows
    numeric: bool = False  # the other side of a branch on numbers
    forced: Decisions = field(default_factory=dict)  # all that was insisted on, numbers included
    ordinary: bool = False  # as ordinary a call as that of the base path
    start: int = 0  # so many of the flips belong to the ordinary call that it comes from

    @property
    def own(self) -> int:
        """The flips against the ordinary call."""
        return len(self.flips) - self.start


@dataclass(slots=True)
class Exploration:
    """All that was explored of a factory."""

    paths: list[Path] = field(default_factory=list)
    reason: str = ""
    worlds: int = 0
    steps: int = 0
    decisions: set[str] = field(default_factory=set)
    spent: bool = False
    validated: bool = True
    unselected: bool = False  # select_program_factory() gives the factory for no input
    internal: str = ""
    thrown: list[Outcome] = field(default_factory=list)  # the override throws, but need not: none of the paths
    ties: Mapping[str, Tie] = field(default_factory=dict)  # what is known of the function that launches the op
    copies: Mapping[str, str] = field(default_factory=dict)  # properties of tensors that it hands on as attributes
    executed: list[Outcome] = field(default_factory=list)  # in all searches and experiments with the factory

    def release(self) -> None:
        """Let go of all outcomes; nothing may be read from them afterwards."""
        for outcome in self.executed:
            outcome.release()


def decisions_of(outcome: Outcome, forced: Decisions) -> Decisions:
    """The forced assignments that are decisions, not numbers of one world."""
    facts = outcome.world.facts
    return {k: v for k, v in forced.items() if k in facts and facts[k].choices}


def clearest(path: Path) -> tuple[bool, bool, bool]:
    """A sort key: the path first that a reader follows with the least ado."""
    return not path.is_base, not path.validated, path.contradicts
