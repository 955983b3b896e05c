"""The first path of a factory: one that the op accepts if there is any, and that shows as much as it can."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.hit import NO_LIMITS, Replay
from tt_cache_lint.interp.machine import FUEL
from tt_cache_lint.interp.solving import want
from tt_cache_lint.outcome import Outcome
from tt_cache_lint.search.repairs import plausible, repairs, smaller
from tt_cache_lint.search.signature import needs_refresh, signature
from tt_cache_lint.search.solver import Solver

if TYPE_CHECKING:
    from tt_cache_lint.search.exploration import Decisions

BASE_ATTEMPTS = 48
LOOSE_ATTEMPTS = 64
IMPROVE_ATTEMPTS = 40
HASH_REPAIRS = 4
LONG = 4_000  # steps of an execution that are worth looking for a world with less to do


class FirstPath(Solver):
    """Finds the path that all others are flipped from."""

    def base(self, replay: Replay) -> tuple[Outcome, Decisions] | None:
        """The first path, after whose finding nothing is searched for with care any more."""
        try:
            return self.first(replay)
        finally:
            self.careful = False

    def first(self, replay: Replay) -> tuple[Outcome, Decisions] | None:
        """The first path: one that the op itself accepts if there is any, else the one that breaks fewest checks.

        A world in which nothing needs a refresh proves nothing: other seeds are tried for one that does.
        """
        self.strict = self.bodies = True
        needs: Decisions = self.factory.needs
        self.learned = {}
        idle: tuple[Outcome, Decisions] | None = None
        long = (0, 4 * BASE_ATTEMPTS)
        for seed, attempts in ((0, BASE_ATTEMPTS), (2, BASE_ATTEMPTS // 2), (1, 8), (3, 8), long):
            if (seed in (1, 3) and idle is None) or (attempts > BASE_ATTEMPTS and (idle is not None or self.costly())):
                continue
            self.careful = attempts > BASE_ATTEMPTS  # not at once: it takes longer where that is not needed
            found = self.solve(replay, seed, needs, needs, attempts)
            if found is not None:
                if needs_refresh(found[0]):
                    self.learned, self.careful = None, False
                    return self.roomy(replay, seed, self.hashable(replay, seed, found))
                idle = idle or found
        self.learned = None
        if idle is not None:
            return self.busy(replay, idle) or idle
        self.bodies = False
        found = self.solve(replay, 0, needs, needs, LOOSE_ATTEMPTS)
        if found is not None:
            return self.improve(replay, 0, found)
        self.strict = False
        self.found.validated = False
        for seed in (0, 1):
            for given in (needs, {}) if needs else ({},):
                found = self.solve(replay, seed, given, given, LOOSE_ATTEMPTS)
                if found is not None:
                    return self.improve(replay, seed, found)
        return None

    def lighter(self, replay: Replay, outcome: Outcome, forced: Decisions) -> tuple[Outcome, Decisions]:
        """The same with smaller tensors, where an execution takes long and that shows as much."""
        if FUEL - outcome.world.fuel_left < LONG:
            return outcome, forced
        for repair in smaller(outcome.world):
            found = self.solve(replay, outcome.world.seed, {**forced, **repair}, repair, 2)
            if found is not None and set(found[0].violations) <= set(outcome.violations):
                if signature(found[0]) == signature(outcome):
                    return found
        return outcome, forced

    def hashable(self, replay: Replay, seed: int, start: tuple[Outcome, Decisions]) -> tuple[Outcome, Decisions]:
        """A world whose hash can be computed, which every call is asked for before anything else."""
        for _ in range(HASH_REPAIRS):
            outcome, forced = start
            wanted = next((r for r in replay.hash_wants(outcome) if plausible(r)), None)
            if wanted is None:
                break
            together = {**forced, **wanted}
            if outcome.world.facts.keys() & wanted.keys():
                found = self.solve(replay, seed, together, wanted, 6)
                if found is None or not needs_refresh(found[0]):
                    break
                start = found
            else:  # nothing but the hash asks for it
                outcome.world.forced.update(wanted)
                start = outcome, together
        return start

    def roomy(self, replay: Replay, seed: int, start: tuple[Outcome, Decisions]) -> tuple[Outcome, Decisions]:
        """A world in which limits that create() works with come to bear, such as the most tiles of a block."""
        outcome, forced = start
        for limit in outcome.limits[:2]:
            for repair in want(limit, True)[:2]:
                found = self.solve(replay, seed, {**forced, **repair}, repair, 4) if plausible(repair) else None
                if found is not None and needs_refresh(found[0]):
                    outcome, forced = found
                    break
        return outcome, forced

    def busy(self, replay: Replay, idle: tuple[Outcome, Decisions]) -> tuple[Outcome, Decisions] | None:
        """A world with work to do: other shapes, then small values for one attribute after the other."""
        facts = idle[0].world.facts
        numbers = [k for k, f in facts.items() if k.startswith("operation_attributes") and type(f.value) is int]
        trials: list[tuple[int, Decisions]] = [(seed, {}) for seed in range(4, 8)]
        trials += [(0, {key: value}) for key in numbers[:6] for value in (0, 1, 32)]
        for seed, forced in trials:
            if self.out_of_budget():
                break
            found = self.solve(replay, seed, forced, forced, 6)
            if found is not None and needs_refresh(found[0]):
                return found
        return None

    def improve(self, replay: Replay, seed: int, start: tuple[Outcome, Decisions]) -> tuple[Outcome, Decisions]:
        """Repair broken checks one by one, keeping what breaks fewer (min-conflicts)."""
        best, forced = start
        tried = 0
        improved = True
        while improved and best.violations and tried < IMPROVE_ATTEMPTS and not self.out_of_budget():
            improved = False
            for repair in repairs(best.violations):
                if tried >= IMPROVE_ATTEMPTS or not plausible(repair):
                    continue
                candidate = {**forced, **repair}
                if candidate == forced:
                    continue
                tried += 1
                self.limits = (len(best.violations), len(best.violations))
                outcome, _ = self.attempt(replay, seed, candidate)
                self.limits = NO_LIMITS
                if outcome is not None and len(outcome.violations) < len(best.violations):
                    best, forced, improved = outcome, candidate, True
                    break
        return best, forced
