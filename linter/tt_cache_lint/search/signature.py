"""What a world shows, so that paths which show the same are told from those that show something new."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tt_cache_lint.outcome import Outcome


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
