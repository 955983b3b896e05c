"""Pairs of calls, executed only as far as what they are asked for needs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from tt_cache_lint.compare import same, unknown_mask
from tt_cache_lint.device.program import Program
from tt_cache_lint.hash.builds import Change, Differ, unreadable
from tt_cache_lint.hash.idle import without_effect
from tt_cache_lint.hit import Replay
from tt_cache_lint.infra import INFRAS
from tt_cache_lint.interp.machine import FUEL
from tt_cache_lint.interp.values import Value, mask
from tt_cache_lint.interp.world import World
from tt_cache_lint.outcome import Outcome
from tt_cache_lint.search.exploration import Exploration, Path
from tt_cache_lint.words import named

STEPS = 200_000  # what they may cost in interpreter steps, so that every machine says the same
SECONDS = 20.0  # the emergency brake, in CPU time
RESIZING = ("cb-size", "cb-page-size")
Moved = tuple[int, bool, int]  # a runtime argument: its kernel, whether it is a common one, its index


@dataclass(slots=True)
class Pair:
    """Two calls of a path and what is compiled otherwise for the second one.

    With `hit` off only create() was executed for the second call: what a hit leaves is what the path's own hit left.
    """

    before: Outcome
    outcome: Outcome
    changes: list[Change]
    hit: bool


class Calls:
    """Executes pairs of calls of one factory."""

    def __init__(self, replay: Replay, exploration: Exploration) -> None:
        self.replay = replay
        self.executed = exploration.executed
        self.deadline = time.process_time() + SECONDS
        self.steps = STEPS
        self.refreshing = replay.factory.infra in INFRAS  # a hit is executed at all
        # What of a circular buffer only a hit tells.
        self.movable = ("placement", "total size", "page size") if _resizes(exploration) else ("placement",)

    def spent(self) -> bool:
        return self.steps <= 0 or time.process_time() > self.deadline

    def execute(self, world: World, strict: bool, bodies: bool = True) -> Outcome:
        """Two calls that differ in what varies in a world. Raises Interrupt as `Replay.execute` does."""
        try:
            outcome = self.replay.execute(world, self.deadline, strict, bodies=bodies)
        finally:
            self.steps -= FUEL - world.fuel_left
        self.executed.append(outcome)
        return outcome

    def pair(self, path: Path, varying: dict[str, Value], bodies: bool = True) -> Pair:
        """Two calls of which the second differs in `varying`, executed as far as what is compiled needs.

        Raises Interrupt as `Replay.execute` does.
        """
        before = path.outcomes[0]
        world = before.world.onward(varying)
        try:
            outcome = self.replay.second(before, world, self.deadline, path.validated, bodies)
        finally:
            self.steps -= FUEL - world.fuel_left
        self.executed.append(outcome)
        changes = list(self.changes(outcome))
        if self.refreshing and any(map(self._open, changes)):
            return self.whole(path, varying, bodies)
        return Pair(before, outcome, changes, False)

    def _open(self, change: Change) -> bool:
        """Does only a hit tell? It may move buffers, and fail on a program of another make."""
        return not change.owner or (change.owner.startswith("CB ") and change.what in self.movable)

    def whole(self, path: Path, varying: dict[str, Value], bodies: bool = True) -> Pair:
        """The same with what a hit leaves."""
        before = path.outcomes[0]
        world = replica(before.world)
        world.varying = varying
        outcome = self.execute(world, path.validated, bodies)
        return Pair(before, outcome, list(self.changes(outcome)), True)

    def moved(self, pair: Pair, leaf: str) -> set[Moved]:
        """The runtime arguments of an input that are others in the second call, and that a hit may have a say in."""
        if not self.refreshing or pair.hit:
            return set()
        name, bits = named(leaf), 0
        for fact in pair.outcome.world.facts.values():
            if named(fact.key) == name:
                bits |= fact.bit
        return set(_moved(pair.before.fresh, pair.outcome.fresh, bits))

    def changes(self, outcome: Outcome) -> Iterator[Change]:
        """What a fresh program has compiled otherwise than the hit leaves it, and what the kernels use of that."""
        if unreadable(outcome.fresh) or unreadable(outcome.after):
            return
        for change in Differ(unknown_mask(outcome)).changes(outcome.after, outcome.fresh):
            if not without_effect(self.replay.interp, outcome.fresh, change):
                yield change


def _moved(old: Program, new: Program, bits: int) -> Iterator[Moved]:
    for before, after in zip(old.kernels, new.kernels, strict=False):
        lists = [(before.args.get(xy), data) for xy, data in after.args.items()]
        for one, two in (*lists, (before.common, after.common)):
            if one is None or two is None:
                continue
            if len(one.vals) != len(two.vals):
                yield after.ordinal, two is after.common, min(len(one.vals), len(two.vals))
            for index, (a, b) in enumerate(zip(one.vals, two.vals, strict=False)):
                if not same(a, b) and (mask(a) | mask(b)) & bits:
                    yield after.ordinal, two is after.common, index


def _resizes(exploration: Exploration) -> bool:
    """Does the override set the sizes of circular buffers on any explored path?"""
    outcomes = (outcome for path in exploration.paths for outcome in path.outcomes)
    return any(e.kind in RESIZING and e.phase == "override" for outcome in outcomes for e in outcome.events)


def replica(world: World) -> World:
    """A new world in which every fact of another one holds."""
    forced = {key: fact.value for key, fact in world.facts.items() if fact.value is not None}
    return World(world.seed, {**world.forced, **forced}, ties=world.ties, narrow=world.narrow)
