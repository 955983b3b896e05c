"""Words and places that the rules about hashes share."""

from __future__ import annotations

from tt_cache_lint.hash.model import Omission, OpFacts, Use
from tt_cache_lint.model import Related
from tt_cache_rules._common import code, listing

MOST = 4


def use_words(use: Use) -> str:
    """Where an input is used: what the hit leaves there, and what a fresh create() gives."""
    if not use.old and not use.new:
        return f"It shapes {code(use.what)}"
    if use.old == use.new:  # of a list that is not known word by word
        return f"On the hit {code(use.what)} is still what the first call gave; a fresh create() gives something else"
    return f"On the hit {code(use.what)} is still {use.old}; a fresh create() gives {use.new}"


def call_words(omission: Omission) -> str:
    """The two calls that an omission confuses: `a call with 4 hits the program that was built for 2`."""
    if (omission.old, omission.new) == ("present", "absent"):
        calls = "a call without it hits the program that was built with it"
    elif (omission.old, omission.new) == ("absent", "present"):
        calls = "a call with it hits the program that was built without it"
    else:
        calls = f"a call with {omission.new} hits the program that was built for {omission.old}"
    if omission.refused:
        calls += " (on a miss create() would refuse it, but a hit does not run create())"
    if omission.tied:
        calls += f" (the checks want {listing([code(name) for name in omission.tied])} to change as well)"
    return calls


def hash_words(facts: OpFacts) -> str:
    """What computes the op's hash, for a sentence."""
    return facts.hash_name or "the default hash"


def hash_related(facts: OpFacts, words: str) -> tuple[Related, ...]:
    """The place of the hash, where the op has one of its own."""
    return (Related(facts.hash_at, words),) if facts.hash_at is not None else ()


def other_uses(omission: Omission) -> tuple[Related, ...]:
    """The other parts of the program that an input shapes, one a line."""
    first = omission.uses[0]
    places = {(first.place.path, first.place.line)}
    found = []
    for use in omission.uses[1:]:
        if (use.place.path, use.place.line) not in places:
            places.add((use.place.path, use.place.line))
            change = f" is still {use.old}, should be {use.new}" if use.old != use.new else " is still the first call's"
            found.append(Related(use.place, f"{use.what}{change if use.old or use.new else ''}"))
    return tuple(found[:MOST])
