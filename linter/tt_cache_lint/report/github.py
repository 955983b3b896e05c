"""Workflow commands of GitHub Actions: each becomes an annotation on the lines of a pull request.

A step shows only the first ten of each level, so those that matter most come first and the others are plain lines of
the log. Limits: github.com/actions/toolkit, docs/problem-matchers.md. Escapes: actions/toolkit, core/src/command.ts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tt_cache_lint.model import Confidence, Finding, Problem, Run, Severity
from tt_cache_lint.report import View
from tt_cache_lint.report.safe import guarded, visible
from tt_cache_lint.report.summary import tally, unfinished, withheld
from tt_cache_lint.report.where import column, from_repository, inside

MOST = 10  # annotations of one level and step
LIMIT = 1000  # characters of a message
COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render(run: Run, view: View) -> str:
    """The report as lines."""
    return "".join(f"{line}\n" for line in _lines(run))


def _lines(run: Run) -> Iterator[str]:
    order = (*Severity, *Confidence)
    ranked = sorted(run.findings, key=lambda f: (order.index(f.severity), order.index(f.confidence)))
    counts: Counter[str] = Counter()
    more = []
    for finding in ranked:
        command = COMMANDS[finding.severity]
        counts[command] += 1
        if counts[command] <= MOST:
            yield _command(run, finding, command)
        else:
            more.append(f"{command}: {_message(run, finding)}")
    for problem in run.problems:
        counts["warning"] += 1
        if counts["warning"] <= MOST:
            yield _problem(run, problem)
        else:
            more.append(f"warning: {visible(problem.path)}: {visible(problem.message, LIMIT)}")
    left = unfinished(run)
    for line in [*more, tally(run), *([visible(left)] if left else []), *withheld(run)]:
        yield guarded(line)


def _command(run: Run, finding: Finding, command: str) -> str:
    place = finding.place
    properties = {
        "file": visible(from_repository(run) + place.path),
        "line": str(place.line),
        "endLine": str(place.last),
        "title": f"{finding.id} {finding.rule}",
    }
    if place.last == place.line:
        properties["col"] = str(column(run, place))
    return _written(command, properties, _message(run, finding))


def _problem(run: Run, problem: Problem) -> str:
    said = f"{visible(problem.path)}: {visible(problem.message, LIMIT)}"
    if not inside(run, problem):
        return _written("warning", {"title": "tt-cache-lint"}, said)
    properties = {"file": visible(from_repository(run) + problem.path), "line": str(max(1, problem.line))}
    return _written("warning", {**properties, "title": "tt-cache-lint"}, said)


def _message(run: Run, finding: Finding) -> str:
    """With the place in front: the log shows the message only."""
    factory = f" [{visible(finding.factory)}]" if finding.factory else ""
    where = f"{visible(from_repository(run) + finding.place.path)}:{finding.place.line}"
    return f"{where}: {finding.id} {finding.rule}{factory} {visible(finding.message, LIMIT)}"


def _written(command: str, properties: dict[str, str], message: str) -> str:
    said = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{command} {said}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
