"""The search for one world that runs: executions, each with the repairs that the one before asked for."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tt_cache_lint.hit import NO_LIMITS, Replay
from tt_cache_lint.interp.interrupts import Broken, Exhausted, Implausible, Interrupt, Thrown, Unfit
from tt_cache_lint.interp.machine import FUEL
from tt_cache_lint.interp.values import Enum, Value
from tt_cache_lint.interp.world import World
from tt_cache_lint.launch import known
from tt_cache_lint.outcome import Outcome
from tt_cache_lint.search.exploration import Budget, Decisions, Exploration
from tt_cache_lint.search.repairs import (
    DIRECTED,
    PATIENCE,
    RANK,
    UNDIRECTED,
    UNDONE,
    on_grid,
    plausible,
    priced,
    ranks,
    seldom,
    smaller,
    unlike,
    wish,
)
from tt_cache_lint.search.tried import Result, Tried

if TYPE_CHECKING:
    from tt_cache_lint.factory.found import Factory
    from tt_cache_lint.interp.interp import Interp
    from tt_cache_lint.search.signature import Signature

TOGETHER_ATTEMPTS = 20
# Attempts in a row that get no further and end a search, by how many it has at most; a long one only if they took so
# many steps.
STUCK = ((10, 4), (TOGETHER_ATTEMPTS, 8))
STUCK_LONG, STUCK_STEPS = 64, 6_000


class Solver:
    """Finds worlds of one factory that run."""

    def __init__(self, interp: Interp, factory: Factory, budget: Budget, kind: type[Replay] = Replay) -> None:
        self.interp = interp
        self.factory = factory
        self.budget = budget
        self.kind = kind
        launched = known(interp, factory)
        self.ties = launched.ties
        self.deadline = time.process_time() + budget.seconds
        self.steps, self.worlds = budget.steps, budget.worlds
        self.found = Exploration(ties=self.ties, copies=launched.copies)
        self.last: Interrupt | None = None
        self.strict = True
        self.limits = NO_LIMITS  # how many broken checks are too many, when they are not insisted on
        self.unfit = False  # the last execution broke too many
        self.bodies = True  # insist on the checks inside create()
        self.broken: frozenset[str] = frozenset()
        self.signatures: set[Signature] = set()
        self.told: set[tuple[object, ...]] = set()  # what they say about the slots
        self.sizes: Decisions = {}  # of tensors, where executions take long
        self.narrow = False  # worlds make a workload for one coordinate
        self.tried: dict[tuple[int, bool, bool, bool], Tried] = {}  # by seed, strictness and breadth
        self.fallback: tuple[Outcome, Decisions] | None = None  # ran, but its override throws
        self.refused: set[tuple[str, Value]] = set()  # choices that no path was found for where they were tried
        self.learned: Decisions | None = None  # what single checks insist on; None when that is not to be used
        self.careful = False  # try what leaves alone what was decided before what changes it again

    def out_of_budget(self) -> bool:
        found = self.found
        spent = found.steps > self.steps or found.worlds > self.worlds or time.process_time() > self.deadline
        self.found.spent = self.found.spent or spent
        return spent

    def costly(self) -> bool:
        """Are executions of this factory too dear for a long search?"""
        return self.found.steps > self.steps // 4

    def attempt(
        self, replay: Replay, seed: int, forced: Decisions
    ) -> tuple[Outcome | None, list[tuple[bool, Decisions]]]:
        """Execute one world, if no earlier one was told the same; the outcome, or the repairs to try."""
        tried = self.tried.setdefault((seed, self.strict, self.bodies, self.narrow), Tried())
        result = tried.find(forced)
        if result is None:
            world = World(seed, dict(forced), ties=self.ties, narrow=self.narrow)
            result = self.execute(replay, world)
            if not isinstance(result.error, Unfit):  # with other limits it may be of use
                tried.add(world.asked, result)
        self.found.worlds += 1
        self.found.steps += result.steps
        self.unfit = isinstance(result.error, Unfit)
        if result.error is not None and not self.unfit:
            self.last = result.error
            if isinstance(result.error, Exhausted):
                self.found.reason = str(result.error)
            elif isinstance(result.error, Broken):
                self.found.internal = str(result.error)
        if result.outcome is not None and result.repairs:
            self.fallback = (result.outcome, dict(forced))
            self.found.thrown.append(result.outcome)
            return None, result.repairs
        return result.outcome, result.repairs

    def execute(self, replay: Replay, world: World) -> Result:
        """Execute one world."""
        result = Result()
        try:
            result.outcome = outcome = replay.execute(world, self.deadline, self.strict, self.limits, self.bodies)
            if outcome.thrown is not None:
                result.repairs = [(True, r) for r in outcome.thrown.repairs]
        except Thrown as error:
            hidden = ranks(world) if error.guessed else []
            others = [(False, r) for r in (*hidden, *self.alternatives(world, world.touched | error.mask))]
            result.error = error
            result.repairs = [(True, on_grid(r, world.facts)) for r in (*error.repairs, *error.otherwise)] + others
        except (Implausible, Broken) as error:
            result.error = error
            if isinstance(error, Implausible):
                result.repairs = [*((True, r) for r in error.repairs), *((False, r) for r in error.guesses)]
            result.repairs += [(False, r) for r in self.alternatives(world, world.touched)]
        except Exhausted as error:
            result.error, result.repairs = error, [(False, r) for r in smaller(world)]
        except Unfit as error:
            result.error = error
        if result.error is not None:  # what it was raised from would keep the whole execution alive
            result.error.__traceback__ = result.error.__context__ = result.error.__cause__ = None
        else:
            self.found.executed.append(outcome)
        result.steps = FUEL - world.fuel_left
        return result

    @staticmethod
    def alternatives(world: World, mask: int) -> Iterator[Decisions]:
        """Other choices for the decisions in a mask: of the latest first, and one of each before a second of any."""
        facts = [world.facts[key] for key in reversed(world.leaves(mask)) if key in world.facts]
        facts.sort(key=lambda f: not f.key.startswith("operation_attributes"))  # attributes steer more than dtypes do
        others = [(f.key, [c for c in (*f.choices, *seldom(f)) if c != f.value]) for f in facts if f.choices]
        for rank in range(max((len(choices) for _, choices in others), default=0)):
            for key, choices in others:
                if rank < len(choices):
                    yield {key: choices[rank]}

    def solve(
        self, replay: Replay, seed: int, forced: Decisions, locked: Decisions, attempts: int
    ) -> tuple[Outcome, Decisions] | None:
        """Find a world that runs by the cheapest chain of repairs: what a failed check asks for goes first."""
        self.fallback = None
        seen: set[frozenset[tuple[str, type, Value]]] = set()
        failures: dict[str, int] = {}
        order = itertools.count()
        heap: list[tuple[float, int, Decisions, Decisions, str]] = [(0.0, next(order), dict(forced), {}, "")]
        tried = further = 0
        patience = next((few for most, few in STUCK if attempts <= most), STUCK_LONG)
        wasted = STUCK_STEPS if patience == STUCK_LONG else 0
        since = self.found.steps
        while heap and tried < attempts and time.process_time() < self.deadline:
            if tried - further >= patience and self.found.steps - since >= wasted:
                break
            cost, _, current, repair, before = heapq.heappop(heap)
            current = {**current, **repair}
            if self.learned:
                current.update((k, v) for k, v in self.learned.items() if v is not None and k not in locked)
            key = frozenset((k, type(v), v) for k, v in current.items())
            if key in seen:
                continue
            seen.add(key)
            tried += 1
            outcome, repairs = self.attempt(replay, seed, current)
            if outcome is not None:
                return outcome, current
            if self.unfit:
                return None
            asked = unlike(r for directed, r in repairs if directed)
            guesses = unlike(r for directed, r in repairs if not directed)
            self.learn(asked)
            # one message may come from several places
            failure = f"{self.last} {wish(asked)} {getattr(self.last, 'after', None)}"
            failures[failure] = failures.get(failure, 0) + 1
            if failures[failure] == 1:  # further than ever: a new place to start from
                cost = 0.0
                further, since = tried, self.found.steps
            if self.found.steps > self.steps * 2:
                return None
            # what was asked for and did not help is no better than a guess
            helps = failure != before and failures[failure] <= PATIENCE
            prices = (DIRECTED if helps else UNDIRECTED, UNDIRECTED)
            for price, rank, repair in priced(prices, (asked, guesses)):
                if any(k in locked and locked[k] != v for k, v in repair.items()) or not plausible(repair):
                    continue
                if all(k in current and current[k] == v for k, v in repair.items()):
                    continue
                undone = UNDONE if self.careful and any(k in current for k in repair) else 0.0
                heapq.heappush(heap, (cost + price + RANK * rank + undone, next(order), current, repair, failure))
        return self.fallback

    def learn(self, asked: list[Decisions]) -> None:
        """A check that a single decision can satisfy holds for all that follows, too, until another one asks for
        something else."""
        if getattr(self.last, "guessed", False) or self.learned is None or not asked or len(asked[0]) != 1:
            return
        (key, value), *_ = asked[0].items()
        if not isinstance(value, (bool, Enum)):
            return
        if key in self.learned and self.learned[key] != value:
            self.learned[key] = None
        elif all(r == asked[0] for r in asked):
            self.learned[key] = value
