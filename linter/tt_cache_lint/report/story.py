"""A finding as a sequence of events: what a slot holds after the miss, what happens on the hit, what is left wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tt_cache_lint.model import FactoryFacts, Finding, Place, Row, Run


@dataclass(frozen=True, slots=True)
class Step:
    """One event and where it happens."""

    place: Place
    text: str


def facts_of(run: Run, finding: Finding) -> FactoryFacts | None:
    """The facts of a finding's factory; of several with one name those in the finding's own file."""
    same = [facts for facts in run.factories if facts.factory == finding.factory]
    return next((facts for facts in same if facts.path == finding.place.path), same[0] if same else None)


def story(finding: Finding, facts: FactoryFacts | None) -> list[Step]:
    """The steps in the order they happen; none when the finding is not about what a slot holds."""
    row = _wrong(finding)
    if row is None or facts is None or facts.create is None:
        return []
    create = facts.create
    steps = [Step(_set_at(finding, facts), f"Miss: create() puts {_code(row.created)} into {row.slot}.")]
    steps.append(Step(Place(create.path, create.last), "The program is cached as it is now."))
    if facts.override is None:
        steps.append(Step(create, "Hit: the hash is the same, so create() does not run, and there is no override."))
    else:
        steps.append(
            Step(facts.override, "Hit: the hash is the same, so only the override runs, on the cached program.")
        )
        steps += _within(finding, facts)
    end = facts.override_body or create
    last = Place(end.path, end.last)
    left = f"{row.slot} holds {_code(row.after_hit)}, where a fresh create() puts {_code(row.expected)}."
    steps.append(Step(last, f"It returns: {left}"))
    return steps


def _wrong(finding: Finding) -> Row | None:
    """The line of the witness that the finding is about."""
    bad = [row for row in finding.rows if row.verdict not in ("ok", "constant")]
    return next((row for row in bad if row.slot == finding.slot), bad[0] if bad else None)


def _set_at(finding: Finding, facts: FactoryFacts) -> Place:
    """Where create() sets the slot, as far as the finding says."""
    assert facts.create is not None
    if not _inside(finding.place, facts.override_body):
        return finding.place
    said = (related.place for related in finding.related if related.message.startswith("create()"))
    return next(said, facts.create)


def _within(finding: Finding, facts: FactoryFacts) -> Iterator[Step]:
    override = facts.override_body
    places = [(finding.place, "It writes here.")]
    places += [(related.place, related.message) for related in finding.related]
    for place, text in sorted(places, key=lambda item: item[0].line):
        if override is not None and place.line != override.line and _inside(place, override):
            yield Step(place, text)


def _inside(place: Place, function: Place | None) -> bool:
    return function is not None and place.path == function.path and function.line <= place.line <= function.last


def _code(text: str) -> str:
    return "`" + text.replace("`", "'") + "`"
