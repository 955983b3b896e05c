"""Words and places that the rules about hashes share."""

from __future__ import annotations

from tt_cache_lint.hash.model import Omission, OpFacts, Use
from tt_cache_lint.model import Related
from tt_cache_rules._common import code

MOST = 4


def use_words(use: Use) -> str:
    """Where an input is used, with its value in two calls."""
    return f"{code(use.what)} is {use.old}, then {use.new}" if use.old or use.new else code(use.what)


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
            found.append(Related(use.place, use_words(use).replace("`", "")))
    return tuple(found[:MOST])
