"""The verbose section: how far each factory was analysed, and on what that rests."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from tt_cache_lint.model import FactoryFacts, Status
from tt_cache_lint.report.safe import visible
from tt_cache_lint.report.style import FAINT, Glyphs
from tt_cache_lint.report.summary import plural

STATUS = {Status.ANALYSED: "green", Status.PARTIAL: "yellow", Status.SKIPPED: "yellow"}
LABEL = 15


def print_factories(target: Console, factories: Sequence[FactoryFacts], drawn: Glyphs) -> None:
    """One block a factory, in the order given."""
    if factories:
        target.print(
            Text(f"{drawn.rule * 2} ", FAINT).append(plural(len(factories), "factory"), "bold"), soft_wrap=True
        )
        target.print()
    for facts in factories:
        _print_factory(target, facts)
    if factories:
        target.print()


def _print_factory(target: Console, facts: FactoryFacts) -> None:
    head = Text(f"{facts.status.value:9} ", STATUS[facts.status]).append(visible(facts.factory), "bold")
    head.append(f"  {visible(facts.infra)}  {visible(facts.path)}:{facts.line}", FAINT)
    target.print(head, soft_wrap=True)
    effort = [plural(facts.paths, "path"), plural(facts.worlds, "world"), plural(facts.decisions, "decision")]
    _line(target, "why", facts.reason)
    _line(target, "explored", ", ".join(effort))
    if facts.status is not Status.SKIPPED:
        count = facts.slots
        _line(target, "slots", f"{count.needing_refresh} need a refresh on a hit, {count.matched} get it")
    for at, decision in enumerate(facts.decisions_reached):
        _line(target, "" if at else "decisions", decision)
    _line(target, "unknown calls", ", ".join(facts.unknown_calls))
    _line(target, "budget", facts.budget)


def _line(target: Console, label: str, value: str) -> None:
    if value:
        target.print(Text(f"          {label:{LABEL}}", FAINT).append(visible(value), "default"), soft_wrap=True)
