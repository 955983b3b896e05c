"""Every input of create(): what it shapes, and whether the hash covers it. For the `hash` printer."""

from __future__ import annotations

from collections.abc import Iterator

from tt_cache_lint.hash.builds import all_parts
from tt_cache_lint.hash.calls import replica
from tt_cache_lint.hash.hasher import Hasher
from tt_cache_lint.hash.key import Key, covering
from tt_cache_lint.hash.model import NOT_LOOKED_AT, NOT_TRIED, UNSETTLED, HashedInput, Use
from tt_cache_lint.hash.trial import Report, Trial
from tt_cache_lint.hash.vary import is_input, property_of
from tt_cache_lint.infra import INFRAS
from tt_cache_lint.interp.values import mask
from tt_cache_lint.model import SlotKind
from tt_cache_lint.outcome import Outcome
from tt_cache_lint.search.exploration import Exploration
from tt_cache_lint.words import Describer

COVER = ("no", "partly", "derived", "yes")  # from worst to best
NO_EFFECT = "without effect in what was tried"
LEAST = (NO_EFFECT, *UNSETTLED, "")  # what another factory of the op knows better


def listed(hasher: Hasher, exploration: Exploration, report: Report, words: Describer) -> Iterator[HashedInput]:
    """The inputs that create() uses on any explored path."""
    lines: dict[str, HashedInput] = {}
    for path in exploration.paths:
        outcome = path.outcomes[0]
        key = hasher.key(replica(outcome.world), 1)
        if key.throws:
            continue
        for line in _of(outcome, key, report, words, hasher):
            lines[line.input] = merged(lines.get(line.input), line)
    yield from lines.values()


def merged(old: HashedInput | None, new: HashedInput) -> HashedInput:
    """Two lines about one input as one: all its uses, the worse cover."""
    if old is None:
        return new
    uses = {use.what: use for use in (*old.uses, *new.uses)}
    worse = min(old, new, key=lambda line: COVER.index(line.covered))
    verdict = min((worse.verdict, old.verdict, new.verdict), key=_says_little)
    return HashedInput(old.input, tuple(uses.values()), worse.covered, worse.how, verdict)


def _says_little(verdict: str) -> int:
    """From the verdict that counts most to none."""
    if verdict.startswith("omitted"):
        return 0
    return 2 + LEAST.index(verdict) if verdict in LEAST else 1


def _of(outcome: Outcome, key: Key, report: Report, words: Describer, hasher: Hasher) -> Iterator[HashedInput]:
    world = outcome.world
    groups: dict[str, list[str]] = {}
    for fact in world.facts.values():
        if is_input(fact):
            groups.setdefault(property_of(fact.key), []).append(fact.key)
    branches = 0
    for bits in outcome.core:
        branches |= bits
    compiled = [(part, part.p) for part in all_parts(outcome.fresh) if part.p]
    hashed = _hashed_leaves(hasher, outcome)
    for name, leaves in groups.items():
        bits = 0
        for leaf in leaves:
            bits |= world.facts[leaf].bit
        uses = [Use(c.name, words.user(c.mark, c.stack)) for c, p in compiled if p & bits]
        uses += list(_slots(outcome, bits, words))
        if branches & bits:
            uses.append(Use("branch", words.override_place))
        if not uses:
            continue
        covered, how = _cover(leaves, key, hashed)
        yield HashedInput(
            name, tuple(uses), covered, how, _verdict(leaves, covered, report, hasher.factory.infra in INFRAS)
        )


def _hashed_leaves(hasher: Hasher, outcome: Outcome) -> set[str]:
    """The inputs that computed items of the hash derive from."""
    world = replica(outcome.world)
    return set(world.leaves(hasher.key(world, 1).mask()))


def _slots(outcome: Outcome, bits: int, words: Describer) -> Iterator[Use]:
    """The runtime arguments that derive from an input."""
    for kernel in outcome.fresh.kernels:
        seen: set[int] = set()
        for data in kernel.args.values():
            for index, value in enumerate(data.vals):
                if index not in seen and not isinstance(value, int) and mask(value) & bits:
                    seen.add(index)
                    mark = data.marks[index] or data.set_call
                    yield Use(f"{kernel.name} {SlotKind.ARG.value} {index}", words.user(mark, data.stacks))


def _cover(leaves: list[str], key: Key, hashed: set[str]) -> tuple[str, str]:
    """Whether the hash covers the parts of an input, and through what."""
    through = [covering(leaf, key.whole) for leaf in leaves]
    if all(through):
        return "yes", ", ".join(dict.fromkeys(name for name in through if name))[:60]
    rest = [leaf for leaf, name in zip(leaves, through, strict=True) if name is None]
    if all(leaf in hashed for leaf in rest):
        return "derived", "a value computed from it"
    return ("partly", "only a part of it") if any(through) or any(leaf in hashed for leaf in rest) else ("no", "")


def _stale(trial: Trial) -> bool:
    """Does the hit leave something of the varied input as it was?"""
    bit = trial.outcome.world.facts[trial.leaf].bit
    readings = (r for state in trial.table.slots.values() for r in state.readings)
    return any(r.wrong and not r.unknown and mask(r.expected) & bit for r in readings)


def _refreshed(trial: Trial) -> bool:
    """Does the hit bring something of the varied input up to date?"""
    bit = trial.outcome.world.facts[trial.leaf].bit
    readings = (r for state in trial.table.slots.values() for r in state.readings)
    return any(r.needs_refresh and mask(r.expected) & bit for r in readings)


def _verdict(leaves: list[str], covered: str, report: Report, refreshing: bool) -> str:
    """Why an input that is not hashed as it is does no harm, or that it does."""
    if covered == "yes":
        return ""
    names = {property_of(leaf) for leaf in leaves}
    trials = [t for t in report.trials if t.property in names]
    if any(t.changes or t.outcome.switched for t in trials):
        return "omitted: the program differs"
    if refreshing and any(_stale(trial) for trial in trials):
        return "omitted: a runtime argument stays stale"
    if trials and refreshing:
        return "refreshed on a hit" if any(_refreshed(trial) for trial in trials) else NO_EFFECT
    if trials:
        return NOT_LOOKED_AT
    for leaf in leaves:
        if leaf in report.copied:
            return f"always the same as {report.copied[leaf]}, which is hashed"
        if leaf in report.pinned:
            return f"pinned by {report.pinned[leaf]}"
    return "told apart by the hash" if any(leaf in report.told for leaf in leaves) else NOT_TRIED
