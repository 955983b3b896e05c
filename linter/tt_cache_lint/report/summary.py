"""The closing words of a report: how much was found, and how much was not looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tt_cache_lint.model import FactoryFacts, Finding, Run, Severity, Status
from tt_cache_lint.report.safe import visible

REASONS_SHOWN = 3
REASON_LENGTH = 70


def plural(count: int, noun: str) -> str:
    """`1 file`, `2 files`, `2 factories`."""
    if count == 1:
        return f"1 {noun}"
    return f"{count} {noun[:-1]}ies" if noun.endswith("y") else f"{count} {noun}s"


def counted(findings: Iterable[Finding]) -> str:
    """`2 errors, 1 note`; "" when there is nothing."""
    counts = Counter(finding.severity for finding in findings)
    return ", ".join(plural(counts[severity], severity.value) for severity in Severity if counts[severity])


def tally(run: Run) -> str:
    """One line: what was found in how much."""
    read = f"{plural(run.files, 'file')}, {run.seconds:.2f} s"
    if not run.factories:
        return f"no program factories found ({read})"
    looked_at = [facts for facts in run.factories if facts.status is not Status.SKIPPED]
    if not looked_at:
        return f"{plural(len(run.factories), 'factory')} found, none analysed ({read})"
    total = plural(len(looked_at), "factory")
    if not run.findings:
        return f"no findings in {total} ({read})"
    found = {finding.factory for finding in run.findings if finding.factory}
    if not found:
        return f"{counted(run.findings)} in comments, none in {total} ({read})"
    hit = len(found & {facts.factory for facts in looked_at})
    ops = len(found) - hit  # what is wrong with a hash concerns an op and all its factories
    where = total if hit == len(looked_at) else f"{hit} of {total}"
    if ops:
        where = f"{where} and {plural(ops, 'op')}" if hit else f"{plural(ops, 'op')} with {total}"
    return f"{counted(run.findings)} in {where} ({read})"


def unfinished(run: Run) -> str:
    """One line on the factories that were not fully analysed, so that silence is not taken for clean; "" when none."""
    parts = []
    for status in (Status.PARTIAL, Status.SKIPPED):
        group = [facts for facts in run.factories if facts.status is status]
        if group:
            parts.append(f"{len(group)} {status.value} ({_reasons(group)})")
    if not parts:
        return ""
    count = sum(facts.status is not Status.ANALYSED for facts in run.factories)
    return f"{plural(count, 'factory')} not fully analysed: {'; '.join(parts)}"


def withheld(run: Run) -> list[str]:
    """One line each on findings that exist but are not listed."""
    lines = []
    if run.hidden:
        lines.append(f"{plural(run.hidden, 'possible finding')} not shown; see --show-possible")
    if run.suppressed:
        lines.append(f"{plural(run.suppressed, 'finding')} suppressed in the sources")
    if run.baselined:
        lines.append(f"{plural(run.baselined, 'finding')} in the baseline")
    if run.unchanged:
        lines.append(f"{plural(run.unchanged, 'finding')} on code that has not changed")
    return [*lines, *map(visible, run.notes)]


def _reasons(group: list[FactoryFacts]) -> str:
    counts = Counter(_short(facts.reason) for facts in group)
    shown = counts.most_common(REASONS_SHOWN)
    texts = [reason if len(counts) == 1 else f"{reason}: {count}" for reason, count in shown]
    rest = len(group) - sum(count for _, count in shown)
    if rest:
        texts.append(f"other reasons: {rest}")
    return ", ".join(texts)


def _short(reason: str) -> str:
    reason = reason or "no reason given"
    return reason if len(reason) <= REASON_LENGTH else reason[: REASON_LENGTH - 1] + "…"
