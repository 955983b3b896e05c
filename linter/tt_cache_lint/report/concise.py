"""One line a finding: `path:line:col: severity TTC301 stale-buffer-address [Factory] message`.

The lines of the summary come last and have no `path:line:` prefix, so a tool that matches lines passes them over.
"""

from __future__ import annotations

from collections.abc import Iterator

from tt_cache_lint.model import Finding, Problem, Run
from tt_cache_lint.report import View
from tt_cache_lint.report.safe import guarded, visible
from tt_cache_lint.report.summary import tally, unfinished, withheld

LIMIT = 600


def render(run: Run, view: View) -> str:
    """The report as lines."""
    return guarded("".join(f"{line}\n" for line in _lines(run)))


def _lines(run: Run) -> Iterator[str]:
    for finding in run.findings:
        yield _finding(finding)
    for problem in run.problems:
        yield _problem(problem)
    yield tally(run)
    left = unfinished(run)
    if left:
        yield visible(left)
    yield from withheld(run)


def _finding(finding: Finding) -> str:
    place = finding.place
    where = f"{visible(place.path)}:{place.line}:{place.column}"
    factory = f" [{visible(finding.factory)}]" if finding.factory else ""
    what = f"{finding.severity.value} {finding.id} {finding.rule}{factory}"
    return f"{where}: {what} {visible(finding.message, LIMIT)}"


def _problem(problem: Problem) -> str:
    where = visible(problem.path) + (f":{problem.line}:1" if problem.line else "")
    return f"{where}: problem: {visible(problem.message, LIMIT)}"
