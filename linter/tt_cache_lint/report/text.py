"""The report for people: per finding a source frame, the two-run slot table, and what to write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tt_cache_lint.model import Confidence, Finding, Problem, Row, Run, Severity
from tt_cache_lint.report import View
from tt_cache_lint.report.factories import print_factories
from tt_cache_lint.report.frame import Mark, Painter
from tt_cache_lint.report.safe import visible
from tt_cache_lint.report.style import FAINT, SEVERITY, VERDICT, coded, console, glyphs, output
from tt_cache_lint.report.summary import counted, tally, unfinished, withheld

INDENT = 2
ROWS_SHOWN = 10
FRAMED = 3  # findings of one rule about the hash of one op that are shown with their source
TITLES = (
    "\nslot",
    "\ncores",
    "after create()\n(run 1)",
    "after the hit\n(run 2)",
    "a fresh create()\n(run 2)",
    "\nverdict",
)
UNWRAPPED = ("\nslot", "\ncores", "\nverdict")
LABEL = 7  # the width of `when` and `write`, with the space after them


def render(run: Run, view: View) -> str:
    """The whole report."""
    target = console(view)
    for path, group in groupby(run.findings, key=lambda finding: finding.place.path):
        _print_file(target, path, list(group), run, view)
    if view.verbose:
        print_factories(target, run.factories, glyphs(view))
    for problem in run.problems:
        _print_problem(target, problem)
    _print_summary(target, run, view)
    return output(target)


def _print_file(target: Console, path: str, findings: Sequence[Finding], run: Run, view: View) -> None:
    drawn = glyphs(view)
    head = Text(f"{drawn.rule * 2} ", FAINT).append(visible(path), "bold").append(f"  {counted(findings)} ", FAINT)
    head.append(drawn.rule * max(2, target.width - head.cell_len), FAINT)
    target.print(head, soft_wrap=True)
    target.print()
    seen: Counter[tuple[str, str]] = Counter()
    for finding in findings:
        kind = (finding.rule, finding.factory)
        seen[kind] += not finding.rows
        _print_finding(target, finding, run, view, brief=seen[kind] > FRAMED and not finding.rows and not view.verbose)


def _print_finding(target: Console, finding: Finding, run: Run, view: View, brief: bool = False) -> None:
    drawn = glyphs(view)
    style = SEVERITY[finding.severity]
    head = Text(f"{finding.severity.value} {finding.id} ", style).append(finding.rule, "bold")
    if finding.factory:
        head.append(f" {drawn.dot} {visible(finding.factory)}", "magenta")
    if finding.confidence is not Confidence.CERTAIN:
        head.append(f" {drawn.dot} {finding.confidence.value}", FAINT)
    target.print(head, soft_wrap=True)
    _indented(target, coded(finding.message))
    if brief:
        at = f"{visible(finding.place.path)}:{finding.place.line}"
        _labelled(target, "at", [Text(at).append("  like the ones above; -v shows the source", FAINT)])
    else:
        target.print()
        painter = Painter(run.texts, drawn, target.width)
        for line in painter.frames(_marks(finding, style)):
            target.print(line, soft_wrap=True)
        target.print()
    if finding.rows:
        _indented(target, _table(finding.rows, view))
        target.print()
    _labelled(target, "when", [] if brief else [coded(fact) for fact in finding.when])
    _labelled(target, "write", [Text("+ ", "green").append(visible(line), "green") for line in finding.fix])
    if brief or finding.when or finding.fix:
        target.print()


def _marks(finding: Finding, style: str) -> list[Mark]:
    related = [Mark(item.place, item.message) for item in finding.related]
    slot = finding.slot if finding.factory else ""  # of a comment it is what stands there anyway
    return [Mark(finding.place, slot, style, primary=True), *related]


def _table(rows: Sequence[Row], view: View) -> Table:
    """The witness: what each slot holds after run 1, after the hit, and what a fresh create() would put there."""
    shown = rows if view.verbose else _shown(rows)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=FAINT)
    for title in TITLES:
        table.add_column(Text(title), overflow="fold", no_wrap=title in UNWRAPPED)
    for row in shown:
        style = VERDICT.get(row.verdict, "")
        bad = style == VERDICT["stale"]
        table.add_row(
            Text(visible(row.slot), "bold" if bad else ""),
            Text(visible(row.cores)),
            Text(visible(row.created)),
            Text(visible(row.after_hit), style if bad else ""),
            Text(visible(row.expected), "green" if bad else ""),
            Text(visible(row.verdict), style),
        )
    if len(shown) < len(rows):
        table.add_row(Text(f"{glyphs(view).cut} {len(rows) - len(shown)} more, see -v", FAINT))
    return table


def _shown(rows: Sequence[Row]) -> list[Row]:
    """The first rows, and among them as many of those that are not ok as there is room for; in the given order."""
    bad = [at for at, row in enumerate(rows) if row.verdict not in ("ok", "constant")]
    rest = [at for at in range(len(rows)) if at not in set(bad)]
    return [rows[at] for at in sorted((bad + rest)[:ROWS_SHOWN])]


def _labelled(target: Console, label: str, lines: Sequence[Text]) -> None:
    for at, line in enumerate(lines):
        shown = Text(f"{label if at == 0 else '':{LABEL}}", FAINT).append_text(line)
        target.print(Text(" " * INDENT).append_text(shown), soft_wrap=True)


def _indented(target: Console, what: Text | Table) -> None:
    target.print(Padding(what, (0, 0, 0, INDENT), expand=False))


def _print_problem(target: Console, problem: Problem) -> None:
    where = visible(problem.path) + (f":{problem.line}" if problem.line else "")
    target.print(Text("problem ", "bold yellow").append(where).append(f": {visible(problem.message)}"), soft_wrap=True)


def _print_summary(target: Console, run: Run, view: View) -> None:
    if run.problems:
        target.print()
    worst = min(run.findings, key=lambda finding: list(Severity).index(finding.severity), default=None)
    left = unfinished(run)
    clean = "bold green" if run.factories and not left and not run.problems else "bold"
    line = tally(run)
    target.print(Text(line[0].upper() + line[1:], SEVERITY[worst.severity] if worst else clean))
    if left:
        hint = "" if view.verbose else "; -v lists them"
        target.print(Text(visible(left), "yellow").append(hint, FAINT))
    for line in withheld(run):
        target.print(Text(line, FAINT))
    if view.verbose:
        target.print(Text(f"Settings: {visible(run.config) or 'none but the defaults and the command line'}", FAINT))
        if run.cached:
            target.print(Text(f"From the cache: {run.cached} of {run.batches} groups of files", FAINT))
    if worst:
        target.print(Text(f"`tt-cache-lint explain {worst.id}` says what a rule looks for and why", FAINT))
