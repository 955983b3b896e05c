"""Overrides that end with an exception where the same call on a miss works."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tt_cache_lint.interp.interrupts import BEYOND, CHECK, NULL, THROW
from tt_cache_lint.model import Confidence, OverrideThrow, Place

if TYPE_CHECKING:
    from tt_cache_lint.outcome import Outcome
    from tt_cache_lint.search.exploration import Exploration, Path
    from tt_cache_lint.words import Describer

NOTHING = "names no circular buffer or kernel of the program"
WHY = {
    NULL: "is used while it is empty",
    CHECK: "is checked by the override only",
    THROW: "is reached by the override only",
    BEYOND: "asks for an output that the op does not make here",
}


def override_throws(exploration: Exploration, words: Describer) -> Iterator[OverrideThrow]:
    """One for each place, from the clearest call that shows it.

    Only what the code does there itself counts, an empty optional or null pointer that is used, a check that fails, a
    handle of nothing or an output that the op does not make, and only for calls that the validators accept. Any other
    index that is too large often comes from an input that cannot be.
    """
    seen: dict[Place, OverrideThrow] = {}
    for path in _sure(exploration) if exploration.validated else ():
        for outcome in path.outcomes:
            for failure in outcome.failures:
                if failure.kind == "handle" and failure.phase == "override":
                    at, when = words.user(failure.mark, failure.stack), tuple(words.when(path, outcome.world))
                    found = OverrideThrow(at, failure.owner or failure.mark.text, NOTHING, when, Confidence.LIKELY)
                    seen.setdefault(at, found)
    for outcome, when in _calls(exploration, words):
        error = outcome.thrown
        if error is None or error.mark is None or not error.kind or outcome.violations:
            continue
        if "override" not in outcome.after.escaped:
            at = words.user(error.mark, ())
            found = OverrideThrow(at, error.mark.text, WHY[error.kind], when, Confidence.LIKELY)
            seen.setdefault(at, found)
    yield from seen.values()


def _sure(exploration: Exploration) -> list[Path]:
    """The paths whose calls the validators accept as they are."""
    return [p for p in exploration.paths if p.validated and not p.contradicts and not p.strained]


def _calls(exploration: Exploration, words: Describer) -> Iterator[tuple[Outcome, tuple[str, ...]]]:
    """Calls in which the override throws, each with what it takes."""
    for path in sorted(_sure(exploration), key=lambda p: (not p.is_base, len(p.flips))):
        for outcome in path.outcomes:
            if outcome.thrown is not None:
                needed = words.conditions(outcome.world, outcome.thrown.mask)
                yield outcome, tuple(dict.fromkeys((*words.when(path, outcome.world), *needed)))
    for outcome in exploration.thrown:
        if outcome.thrown is not None:
            yield outcome, words.conditions(outcome.world, outcome.thrown.mask)
