"""Experiments: two calls with one hash that differ in one input that the hash leaves out.

The first call builds the program, the second hits it. The validator that runs on hits has to accept the second call
(what it admits one value of is pinned), the two hashes have to be equal (what is determined by hashed inputs cannot
vary), and then the program that the hit leaves is compared with a fresh one: in what is compiled into it, and slot by
slot (what is refreshed or unused shows no difference). facts/hash_judgement.md, the four ways to be safe.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tt_cache_lint.hash.builds import Change
from tt_cache_lint.hash.calls import Calls, Pair, replica
from tt_cache_lint.hash.hasher import Hasher
from tt_cache_lint.hash.key import Key
from tt_cache_lint.hash.trial import Report, Trial
from tt_cache_lint.hash.uses import misfits, of_leaf, swapped, used_by, used_inputs, uses
from tt_cache_lint.hash.vary import DEVICE, is_input, property_of, smaller, varied
from tt_cache_lint.hit import Replay
from tt_cache_lint.interp.interrupts import Interrupt, Thrown
from tt_cache_lint.interp.values import Mark, Value
from tt_cache_lint.interp.world import Fact, World
from tt_cache_lint.search.exploration import Exploration, Path
from tt_cache_lint.search.repairs import plausible

PATHS = 8  # how many paths are looked at for omissions
WORLDS = 3  # in how many worlds of a path
ADMITTING = 4  # of those that show nothing new, for what was refused on the others
TRIALS = 256  # how many pairs of calls are executed for a factory
EVASIONS = 24  # and how many of which only checks inside create() would refuse the second
MEMORY_CONFIG = ".memory_config"
SELECTED = " is selected instead"
ATTRIBUTES = "operation_attributes."
EXISTENCE = (".has_value", ".index")
ASKED = 2  # values of an input that a check asks for, of those it would have
JOINT = 3  # how many inputs that checks tie together are changed at once


class Laboratory:
    """Runs the experiments with one factory."""

    def __init__(self, hasher: Hasher, replay: Replay, exploration: Exploration) -> None:
        self.hasher = hasher
        self.calls = Calls(replay, exploration)
        self.exploration = exploration
        self.left = TRIALS
        self.evasions = EVASIONS
        self.report = Report()
        self.proven: set[str] = set()
        self.tried: set[tuple[str, str]] = set()
        self.wishes: dict[str, list[dict[str, Value]]] = {}  # under which a check would not refuse an input
        self.offered: list[Value] = []  # the values of the input that is varied which were tried
        self.asked: list[Value] = []  # what checks asked for that refused these

    def run(self) -> Report:
        paths = self._paths()
        for path in paths:
            if self._spent():
                break
            self.explore(path)
        self._elsewhere_admitted(paths)
        return self.report

    def _elsewhere_admitted(self, before: list[Path]) -> None:
        """Try what was refused on paths that show nothing new, but that are as the check which refused it asks for."""
        looked = {id(path) for path in before}
        left = ADMITTING
        for path in self.exploration.paths:
            if id(path) in looked or not path.validated or path.contradicts:
                continue
            facts = path.outcomes[0].world.facts
            stuck = {
                leaf
                for leaf in self.report.pinned
                if property_of(leaf) not in self.proven
                and any(
                    all(k in facts and facts[k].value == v for k, v in r.items()) for r in self.wishes.get(leaf, ())
                )
            }
            if stuck and left > 0 and not self._spent():
                left -= 1
                self._explore(path, stuck)

    def _spent(self) -> bool:
        return self.left <= 0 or self.calls.spent()

    def _paths(self) -> list[Path]:
        """The base path and those that show something new or use another attribute, the ones that use most other inputs
        first; none that a check would not let pass."""
        left = [p for p in self.exploration.paths if p.outcomes and not p.contradicts]
        used = {id(path): used_inputs(path) for path in left}
        chosen: list[Path] = []
        known: set[str] = set()

        def worth(path: Path) -> tuple[bool, int, bool]:
            shows, new = path.telling or path.ordinary, used[id(path)] - known
            return path.is_base, sum(shows or name.startswith(ATTRIBUTES) for name in new), shows

        while left and len(chosen) < PATHS:
            most = max(left, key=worth)  # the first among equals
            if chosen and not any(worth(most)):
                break
            left = [path for path in left if path is not most]
            chosen.append(most)
            known |= used[id(most)]
        return chosen

    # -- one path --------------------------------------------------------------------------------------------------

    def explore(self, path: Path) -> None:
        """Vary what a path uses; what no second call gets past a check with in one world is tried in others."""
        self._explore(path, None)
        for other in path.outcomes[1:WORLDS] if path.validated else ():
            stuck = {leaf for leaf in self.report.pinned if property_of(leaf) not in self.proven}
            if not stuck:
                return
            self._explore(replace(path, outcomes=[other]), stuck)

    def _explore(self, path: Path, only: set[str] | None) -> None:
        outcome = path.outcomes[0]
        if "select" in outcome.violations:
            return
        world = replica(outcome.world)
        key = self.hasher.key(world, 1)
        self.report.keys.append((path, key))
        if key.throws:
            return  # no call gets this far
        if key.unclear:
            self.report.unclear = self.report.unclear or key.unclear
        baseline = {change.name for change in self.calls.changes(outcome)}
        used = used_by(outcome)
        facts = [f for f in outcome.world.facts.values() if is_input(f) and f.bit & used and not key.covers(f.key)]
        facts = [f for f in facts if f.key not in self.exploration.ties and not self._repeated(outcome.world, key, f)]
        facts.sort(key=lambda f: (not f.choices, ".logical_shape[" in f.key))
        if only is not None:
            facts = [f for f in facts if f.key in only]
        for fact in facts:
            if property_of(fact.key) not in self.proven:
                self._vary(path, key, fact, baseline)
        if only is None:
            self._reshape(path, key, facts, baseline)

    def _repeated(self, world: World, key: Key, fact: Fact) -> bool:
        """Does the launching function hand an input on as another one, which is hashed?"""
        leaf = self._copy_of(fact.key)
        if not leaf:
            return False
        hashed = key.covers(leaf)
        if not hashed:
            two = replica(world)
            first = self.hasher.key(two, 1)
            known = two.facts.get(leaf)
            if known is not None:
                two.varying = {leaf: next(varied(two, known), known.value)}
                hashed = self.hasher.key(two, 2).content() != first.content()
        if hashed:
            self.report.copied[fact.key] = property_of(leaf)
        return hashed

    def _copy_of(self, leaf: str) -> str:
        """The input that an input is always the same as: a tensor's property by its name, or part of a tensor."""
        copies, name = self.exploration.copies, property_of(leaf)
        if name in copies:
            return f"{copies[name]}.memory_layout" if name.endswith(MEMORY_CONFIG) else copies[name]
        owner = next((tensor for tensor in copies if leaf.startswith(f"{tensor}.")), "")
        return copies[owner] + leaf.removeprefix(owner) if owner else ""

    def _vary(self, path: Path, key: Key, fact: Fact, baseline: set[str]) -> None:
        before = len(self.report.trials)
        self._vary_to(path, key, fact, varied(path.outcomes[0].world, fact), baseline)
        if fact.key in self.report.pinned and len(self.report.trials) == before:
            self._vary_to(path, key, fact, smaller(fact), baseline)

    def _vary_to(self, path: Path, key: Key, fact: Fact, values: Iterator[Value], baseline: set[str]) -> None:
        self.asked, self.offered = [], [fact.value]
        used = uses(path.outcomes[0].fresh, fact.bit)
        for value in _and_asked(values, self.asked, bool(fact.choices)):
            if value in self.offered:
                continue
            self.offered.append(value)
            tried = (fact.key, repr((path.outcomes[0].world.seed, fact.value, value, path.ordinary, used)))
            if tried in self.tried or self.left <= 0:
                continue
            trial = self._pair(path, key, fact.key, {fact.key: value}, baseline)
            if trial is not None or fact.key in self.report.told:  # what is refused here may pass elsewhere
                self.tried.add(tried)
            if trial is not None and _tells(trial):
                self.proven.add(trial.property)
                return

    def _reshape(self, path: Path, key: Key, facts: list[Fact], baseline: set[str]) -> None:
        """Other shapes of the same volume: what a hash of volumes does not tell apart."""
        used = {fact.key.rpartition(".logical_shape[")[0] for fact in facts if ".logical_shape[" in fact.key}
        dims: dict[str, list[Fact]] = {}
        for fact in path.outcomes[0].world.facts.values():
            name, found, _ = fact.key.rpartition(".logical_shape[")
            if found and name in used and isinstance(fact.value, int):
                dims.setdefault(name, []).append(fact)
        exchanged = swapped(path.outcomes[0].world)
        for name, group in dims.items():
            if f"{name}.logical_shape" in self.proven or len(group) < 2:
                continue
            if group[0].key in exchanged:
                trial = self._pair(path, key, group[0].key, exchanged, baseline)
                if trial is not None and _tells(trial):
                    self.proven.add(trial.property)
                    continue
            last, before, first = group[-1], group[-2], group[max(len(group) - 3, 0)]
            # The shards of a tensor may not leave its width free.
            for big, small in ((last, before), (before, last), (first, before), (before, first)):
                if small.value % 2 == 0 and small.value > 1:
                    varying: dict[str, Value] = {big.key: big.value * 2, small.key: small.value // 2}
                    trial = self._pair(path, key, big.key, varying, baseline)
                    if trial is not None and _tells(trial):
                        self.proven.add(trial.property)
                        break

    # -- one pair of calls -----------------------------------------------------------------------------------------

    def _pair(self, path: Path, key: Key, leaf: str, varying: dict[str, Value], baseline: set[str]) -> Trial | None:
        """Execute two calls that differ in `varying`, and in what checks tie to it, if their hashes are equal."""
        if leaf not in path.outcomes[0].world.facts:
            return None
        for _ in range(JOINT):
            second = self.hasher.key(path.outcomes[0].world.onward(varying), 2)
            if second.throws or key.content() != second.content():
                self.report.told.add(leaf)
                return None
            if self._spent():
                return None
            self.left -= 1
            repairs: tuple[dict[str, Value], ...]
            try:
                pair = self.calls.pair(path, varying)
            except Thrown as error:
                if error.message.endswith(SELECTED):
                    return self._elsewhere(path, key, leaf, varying, error.message.removesuffix(SELECTED))
                repairs, why = error.repairs, error.message
            except Interrupt:
                return None
            else:
                if leaf not in pair.outcome.world.facts:  # on the way these calls took, nothing asks for it
                    return None
                if not pair.outcome.refused and not misfits(path, pair):
                    others = self._changed_without(path, key, leaf, varying) if pair.changes else set()
                    return self._trial(path, key, leaf, varying, pair, baseline | others)
                why, repairs = next(iter((pair.outcome.refused or misfits(path, pair)).items()))
            self._ask(leaf, repairs)
            joined = self._joined(key, leaf, varying, repairs)
            if joined is None:
                evading = self._evading(path, leaf, varying)
                if evading is not None:
                    return self._trial(path, key, leaf, varying, evading, baseline, strained=True)
                self.report.pinned.setdefault(leaf, why)
                self.wishes.setdefault(leaf, []).extend(r for r in repairs if leaf not in r)
                return None
            varying = joined
        return None

    def _changed_without(self, path: Path, key: Key, leaf: str, varying: dict[str, Value]) -> set[str]:
        """What changes in the program where only the inputs joined to `leaf` differ, if that is a hit at all."""
        others = {name: value for name, value in varying.items() if name != leaf}
        if not others:
            return set()
        if self.hasher.key(path.outcomes[0].world.onward(others), 2).content() != key.content():
            return set()
        try:
            pair = self.calls.pair(path, others)
        except Interrupt:
            return set()
        return set() if pair.outcome.refused else {change.name for change in pair.changes}

    def _evading(self, path: Path, leaf: str, varying: dict[str, Value]) -> Pair | None:
        """Two calls of which only checks inside create() would refuse the second: a hit runs none of these."""
        before = path.outcomes[0]
        if not path.validated or not before.world.facts[leaf].choices:
            return None
        if self.evasions <= 0:
            return None
        self.evasions -= 1
        try:
            pair = self.calls.pair(path, varying, bodies=False)
        except Interrupt:
            return None
        refused = pair.outcome.refused or misfits(path, pair)
        return pair if leaf in pair.outcome.world.facts and not refused else None

    def _elsewhere(self, path: Path, key: Key, leaf: str, varying: dict[str, Value], name: str) -> Trial:
        """The second call's program would be built by another function."""
        maker = getattr(self.hasher.factory, "maker", None) or self.hasher.factory.create
        place = Mark(maker.file.path, maker.line, 1, maker.line, "")
        outcome = path.outcomes[0]
        bit = outcome.world.facts[leaf].bit
        change = Change("program", "builder", self.hasher.factory.create.name, name, place, (), p=bit)
        trial = Trial(leaf, varying, path, outcome, [change], key, hit=False)
        self.report.trials.append(trial)
        return trial

    def _ask(self, leaf: str, repairs: tuple[dict[str, Value], ...]) -> None:
        """Note the values of an input that a check that refused one asks for."""
        wanted = [repair[leaf] for repair in repairs if len(repair) == 1 and leaf in repair and plausible(repair)]
        self.asked += [value for value in wanted if value not in self.offered][:ASKED]

    @staticmethod
    def _joined(
        key: Key, leaf: str, varying: dict[str, Value], repairs: tuple[dict[str, Value], ...]
    ) -> dict[str, Value] | None:
        """The variation with what a failed check asks for, if that is not hashed either.

        To take the tensor away whose property varies is no answer: what changes then is that it is absent.
        """
        for repair in repairs:
            free = (n not in varying and not key.covers(n) and not _holds(n, leaf) for n in repair)
            if all(free) and not any(n.startswith(DEVICE) for n in repair):
                return {**varying, **repair}
        return None

    def _trial(
        self,
        path: Path,
        key: Key,
        leaf: str,
        varying: dict[str, Value],
        pair: Pair,
        baseline: set[str],
        strained: bool = False,
    ) -> Trial | None:
        """What a pair of calls shows. Where nothing that is compiled differs, a hit says what becomes of arguments."""
        changes = of_leaf(pair, leaf, baseline)
        if not (changes or pair.outcome.switched) and self.calls.moved(pair, leaf):
            try:
                pair = self.calls.whole(path, varying, bodies=not strained)
            except Interrupt:
                return None
            if leaf not in pair.outcome.world.facts:
                return None
            changes = of_leaf(pair, leaf, baseline)
        trial = Trial(leaf, varying, path, pair.outcome, changes, key, strained, pair.hit)
        self.report.trials.append(trial)
        return trial


def _tells(trial: Trial) -> bool:
    """Does something known change in the program? Where that could not be computed, another value may tell more."""
    return bool(trial.outcome.switched) or any(not change.unknown for change in trial.changes)


def _and_asked(values: Iterator[Value], asked: list[Value], choices: bool) -> Iterator[Value]:
    """Values to try; what is asked for where one was refused comes next. A check that names some of a few choices
    would refuse the others, too."""
    for value in values:
        yield value
        named = bool(asked)
        while asked:
            yield asked.pop(0)
        if named and choices:
            return


def _holds(decision: str, leaf: str) -> bool:
    """Does a decision say whether there is an input at all, or which alternative of it?"""
    owner = next((decision.removesuffix(s) for s in EXISTENCE if decision.endswith(s)), "")
    return bool(owner) and leaf != decision and leaf.startswith(owner)
