"""Paths and worlds: which executions of a factory are looked at.

A path is an assignment of decisions. The search starts from one path that the validators accept and that selects this
factory, then flips one decision at a time. A world that a check rejects is repaired by solving the failed condition for
an input, or by deciding its latest open decision otherwise. All budgets are counted in interpreter steps, so that a run
says the same on every machine; CPU time is only the emergency brake.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tt_cache_lint.device.tensors import MEMORY_LAYOUTS, MOST_SIDE, ND_SHARDED
from tt_cache_lint.factory.found import Factory
from tt_cache_lint.hit import NO_LIMITS, Outcome, Replay
from tt_cache_lint.interp.interp import Interp
from tt_cache_lint.interp.interrupts import Broken, Exhausted, Implausible, Interrupt, Thrown, Unfit
from tt_cache_lint.interp.machine import FUEL
from tt_cache_lint.interp.scale import doubled
from tt_cache_lint.interp.solving import want
from tt_cache_lint.interp.values import Enum, Value
from tt_cache_lint.interp.world import Fact, Tie, World
from tt_cache_lint.launch import known
from tt_cache_lint.tried import Result, Tried

Decisions = dict[str, Value]
BASE_ATTEMPTS = 48
LOOSE_ATTEMPTS = 64
FLIP_ATTEMPTS = 6
TOGETHER_ATTEMPTS = 10
IMPROVE_ATTEMPTS = 40
CROSSINGS = 12
# So many flips in a row that show nothing new end the search; where they are cheap, it takes more of them.
TELLING_NOTHING, AT_MOST_NOTHING, NOTHING_STEPS = 10, 28, 5_000
# What elements are, and how a shard is walked over, is compiled in: it seldom changes what a hit has to refresh.
SELDOM = (".dtype", ".orientation", ".rank", ".buffer_type")
SELDOM_PRICE = 1.2
UNCHECKED_ATTEMPTS = 2
LONG = 4_000  # steps of an execution that are worth looking for a world with less to do
KINDS = (".memory_layout", ".layout", ".has_value")
# Prices of repairs: a chain of what checks ask for is tried before two arbitrary changes of mind.
DIRECTED, UNDIRECTED, RANK, UNDONE = 0.2, 0.6, 0.05, 0.1
MAX_REPAIRS, PATIENCE = 40, 4
# Attempts in a row that get no further and end a long or a short search; a long one only if they took so many steps.
STUCK, STUCK_SHORT, STUCK_STEPS = 64, 4, 6_000
OTHER_SIDE = {"columns": "rows", "rows": "columns"}
FAR = 20  # ranks behind the others: counts and dimensions are seldom 0


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


class Search:
    """Explores one factory."""

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
        self.learned: Decisions | None = None  # what single checks insist on; None when that is not to be used
        self.careful = False  # try what leaves alone what was decided before what changes it again

    def run(self) -> Exploration:
        """Explore all template instances within the budget."""
        self.instances()
        # What ties admit may need more luck than there is: look at create() anyway.
        if not self.found.paths and self.ties:
            self.ties, self.steps, self.worlds = {}, self.steps + self.found.steps, self.worlds + self.found.worlds
            self.instances()
        if not self.found.paths and not self.found.reason:
            self.found.reason = f"no input was found that reaches create(): {self.last}" if self.last else "nothing ran"
        return self.found

    def instances(self) -> None:
        for templates in self.factory.templates:
            self.explore(self.kind(self.interp, self.factory, templates), templates)
            if self.out_of_budget():
                break

    def out_of_budget(self) -> bool:
        found = self.found
        spent = found.steps > self.steps or found.worlds > self.worlds or time.process_time() > self.deadline
        self.found.spent = self.found.spent or spent
        return spent

    def costly(self) -> bool:
        """Are executions of this factory too dear for a long search?"""
        return self.found.steps > self.steps // 4

    # -- one execution ---------------------------------------------------------------------------------------------

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
            hidden = _ranks(world) if error.guessed else []
            others = [(False, r) for r in (*hidden, *self.alternatives(world, world.touched | error.mask))]
            result.error = error
            result.repairs = [(True, _on_grid(r, world.facts)) for r in (*error.repairs, *error.otherwise)] + others
        except (Implausible, Broken) as error:
            asked = error.repairs if isinstance(error, Implausible) else ()
            others = [(False, r) for r in self.alternatives(world, world.touched)]
            result.error, result.repairs = error, [*((True, r) for r in asked), *others]
        except Exhausted as error:
            result.error, result.repairs = error, [(False, r) for r in _smaller(world)]
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
        others = [(f.key, [c for c in (*f.choices, *_seldom(f)) if c != f.value]) for f in facts if f.choices]
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
        patience, wasted = (STUCK, STUCK_STEPS) if attempts > TOGETHER_ATTEMPTS else (STUCK_SHORT, 0)
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
            asked = _unlike(r for directed, r in repairs if directed)
            guesses = _unlike(r for directed, r in repairs if not directed)
            self.learn(asked)
            # one message may come from several places
            failure = f"{self.last} {_wish(asked)} {getattr(self.last, 'after', None)}"
            failures[failure] = failures.get(failure, 0) + 1
            if failures[failure] == 1:  # further than ever: a new place to start from
                cost = 0.0
                further, since = tried, self.found.steps
            if self.found.steps > self.steps * 2:
                return None
            # what was asked for and did not help is no better than a guess
            helps = failure != before and failures[failure] <= PATIENCE
            prices = (DIRECTED if helps else UNDIRECTED, UNDIRECTED)
            for price, rank, repair in _priced(prices, (asked, guesses)):
                if any(k in locked and locked[k] != v for k, v in repair.items()) or not _plausible(repair):
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

    # -- paths -----------------------------------------------------------------------------------------------------

    def explore(self, replay: Replay, templates: dict[str, Any]) -> None:
        self.tried, self.sizes = {}, {}
        self.narrow = False
        base = self.base(replay)
        if base is None:
            return
        outcome, forced = self.lighter(replay, *base)
        if FUEL - outcome.world.fuel_left >= LONG or forced is not base[1]:
            self.sizes = {k: v for k, v in forced.items() if ".logical_shape[" in k}
        self.found.unselected = replay.unselected
        self.found.reason = ""  # of an execution that took too long, before there was one that did not
        decided = decisions_of(outcome, forced)
        self.broken = frozenset(outcome.violations)
        self.found.validated = self.found.validated or not outcome.violations
        path = Path({}, [outcome], decided, not outcome.violations, True, templates, forced=forced)
        self.found.paths.append(path)
        for seed in range(1, self.budget.base_worlds):
            if self.out_of_budget() or (seed > 1 and self.costly()):
                break
            more = self.world(replay, seed, decided, forced, {})
            if more is not None:
                path.outcomes.append(more)
        self.note(signature(outcome))
        self.narrow = replay.infra.many
        if self.narrow:
            alone, _ = self.attempt(replay, outcome.world.seed, forced)
            if alone is not None:
                self.note(signature(alone))
        # A base path that was hard to find leaves something for the others.
        self.steps = max(self.steps, self.found.steps + self.budget.steps // 2)
        self.worlds = max(self.worlds, self.found.worlds + self.budget.worlds // 4)
        self.otherwise(replay, path, templates)
        self.together(replay, path, templates)
        self.cross(replay, path, forced, templates)
        self.flip(replay, path, templates)

    def otherwise(self, replay: Replay, base: Path, templates: dict[str, Any]) -> None:
        """Calls as ordinary as that of the base path on which a hit refreshes by other means."""
        for condition in base.outcomes[0].ways[:1]:
            for repair in want(condition, True)[:1]:
                found = self.solve(replay, 0, {**base.forced, **repair}, repair, FLIP_ATTEMPTS)
                if found is not None:
                    path = self.keep(replay, *found, repair, templates)
                    path.ordinary, path.start = True, len(path.flips)

    def together(self, replay: Replay, base: Path, templates: dict[str, Any]) -> None:
        """Flip all decisions of a kind at once: all tensors sharded alike, all in row-major, no optional tensor given.

        Ops often take their special paths only when every tensor agrees, which no single flip can reach.
        """
        facts = base.outcomes[0].world.facts
        for suffix in KINDS:
            keys = [k for k, f in facts.items() if k.endswith(suffix) and f.choices]
            if len(keys) < 2 or len(self.found.paths) >= self.budget.paths:
                continue
            for choice in dict.fromkeys(c for k in keys for c in facts[k].choices if c != facts[k].choices[0]):
                if self.out_of_budget() or len(self.found.paths) >= self.budget.paths:
                    return
                flips = {k: choice for k in keys if choice in facts[k].choices}
                found = self.solve(replay, 0, {**self.sizes, **base.decisions, **flips}, {}, TOGETHER_ATTEMPTS)
                if found is None:
                    continue
                outcome, forced = found
                held = {k: v for k, v in forced.items() if k in flips and v == choice}
                if held:
                    self.keep(replay, outcome, forced, held, templates)

    def keep(
        self, replay: Replay, outcome: Outcome, forced: Decisions, flips: Decisions, templates: dict[str, Any]
    ) -> Path:
        """Take a path into the exploration; if it shows something new, for all coordinates."""
        shown = signature(outcome)
        telling = shown not in self.signatures
        more = shown.told() not in self.told
        self.note(shown)
        if more and self.narrow:
            outcome = self.widened(replay, outcome, forced)
            self.note(signature(outcome))
        decided = decisions_of(outcome, forced)
        path = Path(flips, [outcome], decided, not outcome.violations, False, templates, forced=forced)
        broken = frozenset(outcome.violations) - self.broken
        path.contradicts = any(not v.startswith("create: ") for v in broken)
        path.strained = bool(broken)
        path.telling = telling
        self.found.paths.append(path)
        return path

    def note(self, shown: Signature) -> None:
        """Remember what a world shows."""
        self.signatures.add(shown)
        self.told.add(shown.told())

    def widened(self, replay: Replay, outcome: Outcome, forced: Decisions) -> Outcome:
        """The same world with a workload for all coordinates, if that runs as well."""
        self.narrow = False
        try:
            whole, _ = self.attempt(replay, outcome.world.seed, forced)
        finally:
            self.narrow = True
        return whole if whole is not None and len(whole.violations) <= len(outcome.violations) else outcome

    def cross(self, replay: Replay, base: Path, forced: Decisions, templates: dict[str, Any]) -> None:
        """Take the other side of create()'s branches on numbers, by solving them for an input.

        `forced` is what made the base path run, its numbers included: they mostly go on to fit.
        """
        world = base.outcomes[0].world
        facts = world.facts
        tried: set[frozenset[tuple[str, str]]] = set()
        for condition, taken, place in base.outcomes[0].numeric:
            repairs = _changes(want(condition, not taken), facts) or [doubled(condition, not taken, world.sides())]
            for repair in repairs[:2]:
                if len(tried) >= CROSSINGS or self.out_of_budget() or len(self.found.paths) >= self.budget.paths:
                    return
                mark = frozenset((k, repr(v)) for k, v in repair.items())
                if (
                    not repair
                    or mark in tried
                    or any(facts[k].choices for k in repair if k in facts)
                    or not _plausible(repair)
                ):
                    continue
                tried.add(mark)
                found = self.solve(replay, 0, {**forced, **repair}, repair, 10)
                if found is None:
                    found = self.solve(replay, 0, {**self.sizes, **base.decisions, **repair}, repair, 4)
                if found is None:
                    continue
                path = self.keep(replay, *found, dict(repair), templates)
                path.decisions.update(repair)
                path.numeric = True
                if not any(there == place and again is taken for _, again, there in found[0].numeric):
                    break  # otherwise another check made up for the change

    def world(
        self, replay: Replay, seed: int, decided: Decisions, forced: Decisions, locked: Decisions
    ) -> Outcome | None:
        """Another world of a path."""
        found = self.solve(replay, seed, decided, {**decided, **locked}, 6)
        if found is None:
            found = self.solve(replay, seed, forced, {**decided, **locked}, 3)
        return found[0] if found is not None else None

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
                    return self.roomy(replay, seed, found)
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
        for repair in _smaller(outcome.world):
            found = self.solve(replay, outcome.world.seed, {**forced, **repair}, repair, 2)
            if found is not None and set(found[0].violations) <= set(outcome.violations):
                if signature(found[0]) == signature(outcome):
                    return found
        return outcome, forced

    def roomy(self, replay: Replay, seed: int, start: tuple[Outcome, Decisions]) -> tuple[Outcome, Decisions]:
        """A world in which limits that create() works with come to bear, such as the most tiles of a block."""
        outcome, forced = start
        for limit in outcome.limits[:2]:
            for repair in want(limit, True)[:2]:
                found = self.solve(replay, seed, {**forced, **repair}, repair, 4) if _plausible(repair) else None
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
            for repair in _repairs(best.violations):
                if tried >= IMPROVE_ATTEMPTS or not _plausible(repair):
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

    def flip(self, replay: Replay, base: Path, templates: dict[str, Any]) -> None:
        """Flip decisions, the most telling ones first: those that create() and the override branch on, one at a time;
        then what only a flipped path reaches; then further choices, other decisions and pairs."""
        reached = set(self.core_keys(base))
        order = itertools.count()
        others = [p for p in self.found.paths if p.ordinary or (p.telling and p.numeric)]
        crossed = [p for p in others if p.templates is templates]
        # what is ordinary beside the base path was asked for because more can go wrong there
        heap = [
            (cost, next(order), path, key, choice)
            for path in (*(p for p in crossed if p.ordinary), base, *(p for p in crossed if not p.ordinary))
            for cost, key, choice in self.candidates(path, reached)
        ]
        heapq.heapify(heap)
        done: set[frozenset[tuple[str, str]]] = set()
        idle, since = 0, self.found.steps
        while heap and len(self.found.paths) < self.budget.paths and not self.out_of_budget():
            if idle >= (TELLING_NOTHING if self.found.steps - since >= NOTHING_STEPS else AT_MOST_NOTHING):
                break
            _, _, current, key, choice = heapq.heappop(heap)
            mark = frozenset((k, repr(v)) for k, v in {**current.flips, key: choice}.items())
            if mark in done:
                continue
            done.add(mark)
            path = self.flipped(replay, current, key, choice, templates)
            idle += 1
            if path is not None and path.telling:
                idle, since = 0, self.found.steps
            if path is None:
                continue
            if path.own < 3 and path.telling:
                for cost, more, value in self.candidates(path, reached):
                    heapq.heappush(heap, (cost, next(order), path, more, value))

    def candidates(self, path: Path, reached: set[str]) -> Iterator[tuple[float, str, Value]]:
        """What could be flipped on a path, with its price."""
        world = path.outcomes[0].world
        core = dict.fromkeys(self.core_keys(path))
        # What only validators branch on tells little, and nothing more on top of another flip.
        others = () if path.flips else [k for bits in world.order for k in world.leaves(bits) if k not in core]
        for key in (*core, *others):
            fact = world.facts[key]
            if not fact.choices or key in path.flips:
                continue
            self.found.decisions.add(key)
            price = 1.0 * path.own + (0.0 if key in core else 1.5)
            if path.own and key in reached:
                price += 0.7
            if key.endswith(SELDOM):
                price += SELDOM_PRICE
            for rank, choice in enumerate(c for c in fact.choices if c != fact.value):
                yield price + 0.6 * rank, key, choice

    @staticmethod
    def core_keys(path: Path) -> list[str]:
        """The decisions that create() and the override of a path branch on, in order."""
        outcome = path.outcomes[0]
        return [key for bits in outcome.core for key in outcome.world.leaves(bits)]

    def unchecked(self, replay: Replay, forced: Decisions, flips: Decisions) -> tuple[Outcome, Decisions] | None:
        """A flip for which checks inside create() ask for numbers that cannot be solved; the validators must agree."""
        before, self.bodies = self.bodies, False
        try:
            return self.solve(replay, 0, forced, flips, UNCHECKED_ATTEMPTS)
        finally:
            self.bodies = before

    def flipped(self, replay: Replay, current: Path, key: str, choice: Value, templates: dict[str, Any]) -> Path | None:
        flips = {**current.flips, key: choice}
        found = self.solve(replay, 0, {**current.forced, key: choice}, flips, FLIP_ATTEMPTS)
        if found is None and len(current.forced) > len(current.decisions):
            found = self.solve(replay, 0, {**self.sizes, **current.decisions, key: choice}, flips, FLIP_ATTEMPTS)
        if found is None and self.strict and self.bodies:
            found = self.unchecked(replay, {**self.sizes, **current.decisions, key: choice}, flips)
        if found is None:
            return None
        outcome, forced = found
        path = self.keep(replay, outcome, forced, flips, templates)
        path.start = current.start
        if len(flips) > 1 and not path.telling and not outcome.failures:
            return path
        for seed in range(1, self.budget.flip_worlds):
            more = self.world(replay, seed, path.decisions, forced, flips)
            if more is not None:
                path.outcomes.append(more)
        return path


def needs_refresh(outcome: Outcome) -> bool:
    """Does any slot of this world change between the runs?"""
    from tt_cache_lint.compare import tabulate

    table = tabulate(outcome)
    return not table.comparable or table.needing_refresh > 0


class Signature(NamedTuple):
    """What a world shows: two worlds with one signature say the same about every slot, and can be steered alike."""

    slots: frozenset[object]
    failures: frozenset[object]
    events: frozenset[object]
    comparable: bool
    runs: bool
    steering: frozenset[str]  # the decisions that create() and the override branch on
    made: frozenset[object]  # where kernels are made

    def told(self) -> tuple[object, ...]:
        """What it says about the slots."""
        return self[:5]


def signature(outcome: Outcome) -> Signature:
    """The signature of a world."""
    from tt_cache_lint.compare import tabulate

    table = tabulate(outcome)
    world = outcome.world
    slots = frozenset((key, bool(s.needing), bool(s.bad), s.written) for key, s in table.slots.items())
    failures = frozenset((f.kind, f.owner, f.index) for f in outcome.failures)
    events = frozenset((e.kind, e.mark.path, e.mark.line) for e in outcome.events if e.phase == "override")
    steering = frozenset(k for bits in outcome.core for k in world.leaves(bits) if world.facts[k].choices)
    made = frozenset((k.mark.path, k.mark.line) for k in outcome.fresh.kernels)
    return Signature(slots, failures, events, table.comparable, outcome.thrown is None, steering, made)


def _smaller(world: World) -> list[Decisions]:
    """A tile for each tensor, or less of some dimensions: what takes too long may be done for less."""
    dims: dict[str, dict[int, Fact]] = {}
    for key, fact in world.facts.items():
        name, found, index = key.partition(".logical_shape[")
        if found and type(fact.value) is int:
            dims.setdefault(name, {})[int(index.removesuffix("]"))] = fact
    outer: Decisions = {}
    inner: Decisions = {}
    for sides in dims.values():
        for at, fact in sides.items():
            most, small = (1, outer) if at < max(sides) - 1 else (32, inner)
            if fact.value > most:
                small[fact.key] = most
    return [{**outer, **inner}, *([outer, inner] if outer and inner else [])] if outer or inner else []


def _ranks(world: World) -> list[Decisions]:
    """Another rank for all tensors: what a failed check that shows no inputs may have asked for."""
    ranks = [fact for key, fact in world.facts.items() if key.endswith(".rank") and fact.choices]
    choices = dict.fromkeys(c for fact in ranks for c in fact.choices if c != fact.value)
    return [{fact.key: choice for fact in ranks} for choice in choices]


def _seldom(fact: Fact) -> tuple[Value, ...]:
    """What a decision is where nothing usual will do; never flipped to."""
    return (ND_SHARDED,) if fact.key.endswith(".memory_layout") else ()


def _repairs(violations: dict[str, tuple[Decisions, ...]]) -> Iterator[Decisions]:
    """The repairs of broken checks, the first of each before the second of any."""
    for position in range(6):
        for repairs in violations.values():
            if position < len(repairs):
                yield repairs[position]


def decisions_of(outcome: Outcome, forced: Decisions) -> Decisions:
    """The forced assignments that are decisions, not numbers of one world."""
    facts = outcome.world.facts
    return {k: v for k, v in forced.items() if k in facts and facts[k].choices}


def clearest(path: Path) -> tuple[bool, bool, bool]:
    """A sort key: the path first that a reader follows with the least ado."""
    return not path.is_base, not path.validated, path.contradicts


def _changes(repairs: list[Decisions], facts: dict[str, Fact]) -> list[Decisions]:
    """Repairs without what already is so."""
    found = [{k: v for k, v in r.items() if k not in facts or facts[k].value != v} for r in repairs]
    return [r for r in found if r and not any(type(v) is int and v < 0 for v in r.values())]


def _on_grid(repair: Decisions, facts: dict[str, Fact]) -> Decisions:
    """A repair that asks for more columns or rows of cores than there are, spread over both."""
    for key, value in repair.items():
        stem, _, side = key.rpartition(".")
        beside = facts.get(f"{stem}.{OTHER_SIDE[side]}") if side in OTHER_SIDE else None
        if beside is not None and type(beside.value) is int and type(value) is int and value > MOST_SIDE:
            cores = value * beside.value
            for columns in range(MOST_SIDE // 2, 0, -1):
                if cores % columns == 0 and cores // columns <= MOST_SIDE:
                    return {**repair, f"{stem}.columns": columns, f"{stem}.rows": cores // columns}
    return repair


def _unlike(repairs: Iterable[Decisions]) -> list[Decisions]:
    """The first repairs, each once."""
    found: list[Decisions] = []
    for repair in repairs:
        if repair not in found:
            found.append(repair)
            if len(found) == MAX_REPAIRS:
                break
    return found


def _wish(asked: list[Decisions]) -> str:
    """What the first repair is about, and which of a few choices it wants; numbers would be new each time."""
    first = asked[0] if asked else {}
    return " ".join(f"{key}={value}" if isinstance(value, Enum) else key for key, value in sorted(first.items()))


def _priced(
    prices: tuple[float, float], repairs: tuple[list[Decisions], list[Decisions]]
) -> Iterator[tuple[float, int, Decisions]]:
    for price, group in zip(prices, repairs, strict=True):
        far = [any(type(v) is int and v <= 0 and not _may_be_zero(k) for k, v in r.items()) for r in group]
        behind = 0 if all(far) else FAR  # what is the only way is no worse for that
        for rank, (repair, last) in enumerate(zip(group, far, strict=True)):
            yield price, rank + behind * last, repair


def _may_be_zero(key: str) -> bool:
    """A list may well be empty, and a shape among the attributes may say where something starts."""
    return key.endswith(".size") or (key.startswith("operation_attributes") and ".logical_shape[" in key)


def _plausible(repair: Decisions) -> bool:
    for key, value in repair.items():
        if isinstance(value, bool):
            continue
        if isinstance(value, (int, float)):
            dimension = "shape[" in key or key.startswith("device.") or key.endswith((".rank", ".columns", ".rows"))
            least = 1 if dimension else 0 if key.endswith((".x", ".y")) else -999_999
            if not (0 if _may_be_zero(key) else least) <= value < 1_000_000:
                return False
            if (key.endswith(".rank") and value > 6) or ("shape[" in key and value > 100_000):
                return False
            if key.endswith((".columns", ".rows")) and value > MOST_SIDE:
                return False
        if isinstance(value, Enum) and key.endswith(".memory_layout") and value not in (*MEMORY_LAYOUTS, ND_SHARDED):
            return False
    return True
