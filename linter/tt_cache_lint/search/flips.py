"""The other paths of a factory: decisions flipped one at a time or together, and branches on numbers crossed."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp.machine import FUEL
from tt_cache_lint.interp.scale import doubled
from tt_cache_lint.interp.solving import want
from tt_cache_lint.search.exploration import Decisions, Exploration, Path, decisions_of
from tt_cache_lint.search.first import LONG, FirstPath
from tt_cache_lint.search.repairs import changes, plausible
from tt_cache_lint.search.signature import Signature, signature
from tt_cache_lint.search.solver import TOGETHER_ATTEMPTS

if TYPE_CHECKING:
    from tt_cache_lint.hit import Replay
    from tt_cache_lint.interp.values import Value
    from tt_cache_lint.outcome import Outcome

FLIP_ATTEMPTS, FEW_ATTEMPTS = 20, 6  # the second where executions are dear
MODE_ATTEMPTS = 30  # for a flag that stands for another way to work: it has a dozen checks of its own
CROSSINGS = 12
# So many flips in a row that show nothing new end the search; where they are cheap, it takes more of them.
TELLING_NOTHING, AT_MOST_NOTHING, NOTHING_STEPS = 10, 28, 5_000
# What elements are, and how a shard is walked over, is compiled in: it seldom changes what a hit has to refresh.
SELDOM = (".dtype", ".orientation", ".rank", ".buffer_type")
SELDOM_PRICE = 1.2
REFUSED_PRICE = 1.2  # what did not fit one path seldom fits another
UNCHECKED_ATTEMPTS = 2
KINDS = (".memory_layout", ".layout", ".has_value")


def _is_mode(key: str, choice: Value) -> bool:
    """Is a decision a flag among the op's attributes?"""
    return isinstance(choice, bool) and key.startswith("operation_attributes.") and not key.endswith(".has_value")


class Search(FirstPath):
    """Explores one factory."""

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

    def explore(self, replay: Replay, templates: dict[str, Any]) -> None:
        self.tried, self.sizes, self.refused = {}, {}, set()
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
            repairs = changes(want(condition, not taken), facts) or [doubled(condition, not taken, world.sides())]
            for repair in repairs[:2]:
                if len(tried) >= CROSSINGS or self.out_of_budget() or len(self.found.paths) >= self.budget.paths:
                    return
                mark = frozenset((k, repr(v)) for k, v in repair.items())
                if (
                    not repair
                    or mark in tried
                    or any(facts[k].choices for k in repair if k in facts)
                    or not plausible(repair)
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
                yield price + 0.6 * rank + REFUSED_PRICE * ((key, choice) in self.refused), key, choice

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
        few = FEW_ATTEMPTS if self.costly() else FLIP_ATTEMPTS
        attempts = MODE_ATTEMPTS if _is_mode(key, choice) and not current.flips else few
        found = self.solve(replay, 0, {**current.forced, key: choice}, flips, attempts)
        if found is None and len(current.forced) > len(current.decisions):
            found = self.solve(replay, 0, {**self.sizes, **current.decisions, key: choice}, flips, few)
        if found is None and self.strict and self.bodies:
            found = self.unchecked(replay, {**self.sizes, **current.decisions, key: choice}, flips)
        if found is None:
            self.refused.add((key, choice))
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
