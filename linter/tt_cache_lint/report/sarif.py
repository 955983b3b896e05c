"""SARIF 2.1.0 (OASIS, errata 01), for code scanning and for editors.

What GitHub shows of it is limited; what goes beyond is left out here, so that the right part is kept, and is counted in
a notification. Limits: docs.github.com, code security, "SARIF files", "Results exceed limits" and "SARIF support".
"""

from __future__ import annotations

import inspect
import json
from collections import Counter
from typing import Any

from tt_cache_lint import __version__
from tt_cache_lint.model import Confidence, Finding, Place, Run, Severity, Silenced, Status
from tt_cache_lint.report import View
from tt_cache_lint.report.safe import visible
from tt_cache_lint.report.story import facts_of, story
from tt_cache_lint.report.where import column, encoded, from_repository, inside, repository
from tt_cache_lint.rule import Rule, load_rules

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
BASE = "%SRCROOT%"
MOST_RESULTS = 5_000  # "only the top 5,000 results will be included, prioritized by severity"; 25,000 are rejected
MOST_LOCATIONS = 100  # "only 100 locations will be included" of a result
MOST_STEPS = 1_000  # "only the top 1,000 thread flow locations"
MOST_TAGS = 10  # "only 10 tags will be included" of a rule
MOST_NOTIFICATIONS = 1_000  # ours: a hostile tree must not make the file too large to upload (10 MB, compressed)
DESCRIPTION = 1_024  # characters of shortDescription and fullDescription
HELP = 30_000  # characters; ours: GitHub names no limit, and a page that long is a mistake
RANK = {Confidence.CERTAIN: 95.0, Confidence.LIKELY: 70.0, Confidence.POSSIBLE: 30.0}
PROBLEM = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "recommendation"}
# The name that GitHub gives its own line hash, primaryLocationLineHash, is left to upload-sarif: it warns about others.
FINGERPRINT = "ttCacheLint/v1"


def render(run: Run, view: View) -> str:
    """The report as one SARIF log with one run."""
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_Writer(run).run()]}
    text = json.dumps(log, indent=1) + "\n"
    return text.replace("##", "#\\u0023").replace("\x7f", "\\u007f")


class _Writer:
    """Writes one run."""

    def __init__(self, run: Run) -> None:
        self.source = run
        self.prefix = from_repository(run)
        self.rules = load_rules()
        self.index = {rule.id: at for at, rule in enumerate(self.rules)}
        self.seen: Counter[str] = Counter()

    def run(self) -> dict[str, Any]:
        driver: dict[str, Any] = {
            "name": "tt-cache-lint",
            "semanticVersion": __version__,
            "rules": [_rule(rule) for rule in self.rules],
        }
        base = repository(self.source.root).as_uri()
        results = self._results()
        return {
            "tool": {"driver": driver},
            "invocations": [self._invocation(len(results))],
            "originalUriBaseIds": {BASE: {"uri": base if base.endswith("/") else f"{base}/"}},
            "columnKind": "utf16CodeUnits",
            "automationDetails": {"id": "tt-cache-lint/"},
            "results": results,
        }

    # -- results ---------------------------------------------------------------------------------------------------

    def _results(self) -> list[dict[str, Any]]:
        reported = [(finding, None) for finding in self.source.findings]
        silenced = [(one.finding, one) for one in self.source.silenced]
        items: list[tuple[Finding, Silenced | None]] = [*reported, *silenced]
        if len(items) > MOST_RESULTS:
            order = (*Severity, *Confidence)
            items.sort(key=lambda i: (i[1] is not None, order.index(i[0].severity), order.index(i[0].confidence)))
        return [self._result(finding, one) for finding, one in items[:MOST_RESULTS]]

    def _result(self, finding: Finding, silenced: Silenced | None) -> dict[str, Any]:
        self.seen[finding.fingerprint] += 1
        related = finding.related[: MOST_LOCATIONS - 1]
        result: dict[str, Any] = {
            "ruleId": finding.id,
            "level": finding.severity.value,
            "rank": RANK[finding.confidence],
            "message": {"text": self._message(finding)},
            "locations": [self._location(finding.place, logical=finding.factory)],
            "partialFingerprints": {FINGERPRINT: f"{finding.fingerprint}:{self.seen[finding.fingerprint]}"},
            "properties": {
                "confidence": finding.confidence.value,
                "slot": visible(finding.slot),
                "when": [visible(fact) for fact in finding.when],
                "write": [visible(line) for line in finding.fix],
            },
        }
        if finding.id in self.index:
            result["ruleIndex"] = self.index[finding.id]
        if related:
            result["relatedLocations"] = [
                {"id": at, **self._location(one.place, _plain(one.message))} for at, one in enumerate(related, 1)
            ]
        steps = story(finding, facts_of(self.source, finding))[:MOST_STEPS]
        if steps:
            flow = [
                {"location": self._location(step.place, _plain(step.text)), "executionOrder": at}
                for at, step in enumerate(steps, 1)
            ]
            result["codeFlows"] = [{"threadFlows": [{"locations": flow}]}]
        if silenced is not None:
            result["suppressions"] = [self._suppression(silenced)]
        return result

    def _message(self, finding: Finding) -> str:
        """The message, the conditions, and a link to each related place: GitHub shows those that are linked."""
        text = _plain(finding.message)
        if finding.when:
            text += f" When {'; '.join(_plain(fact) for fact in finding.when)}."
        links = [f"[{_linked(one.message)}]({at})" for at, one in enumerate(finding.related[: MOST_LOCATIONS - 1], 1)]
        return f"{text} See: {', '.join(links)}." if links else text

    def _suppression(self, silenced: Silenced) -> dict[str, Any]:
        kind = "inSource" if silenced.place is not None else "external"
        suppression = {"kind": kind, "status": "accepted", "justification": visible(silenced.reason)}
        return suppression if silenced.place is None else {**suppression, "location": self._location(silenced.place)}

    def _location(self, place: Place, message: str = "", logical: str = "") -> dict[str, Any]:
        region = {"startLine": max(1, place.line), "startColumn": column(self.source, place)}
        if place.last > region["startLine"]:
            region["endLine"] = place.last
        uri = encoded(self.prefix + place.path)
        location: dict[str, Any] = {
            "physicalLocation": {"artifactLocation": {"uri": uri, "uriBaseId": BASE}, "region": region}
        }
        if logical:
            location["logicalLocations"] = [{"fullyQualifiedName": visible(logical), "kind": "type"}]
        if message:
            location["message"] = {"text": message}
        return location

    # -- how it went -----------------------------------------------------------------------------------------------

    def _invocation(self, written: int) -> dict[str, Any]:
        """What was not read or not understood: without it, no result could be taken for a clean file."""
        run = self.source
        told: list[dict[str, Any]] = []
        left_out = len(run.findings) + len(run.silenced) - written
        if left_out:
            told.append(_notification("warning", f"{left_out} results are left out: GitHub shows {MOST_RESULTS}."))
        for problem in run.problems:
            known = [self._location(Place(problem.path, problem.line))] if inside(run, problem) else []
            told.append(_notification("warning", _plain(f"{problem.path}: {problem.message}"), *known))
        for facts in run.factories:
            if facts.status is not Status.ANALYSED:
                text = _plain(f"{facts.factory} was not fully analysed ({facts.status.value}): {facts.reason}")
                told.append(_notification("note", text, self._location(Place(facts.path, facts.line))))
        unread = any(problem.unread for problem in run.problems)
        return {"executionSuccessful": not unread, "toolExecutionNotifications": told[:MOST_NOTIFICATIONS]}


def _notification(level: str, text: str, *locations: dict[str, Any]) -> dict[str, Any]:
    notification = {"level": level, "message": {"text": text}}
    return {**notification, "locations": list(locations)} if locations else notification


def _rule(rule: Rule) -> dict[str, Any]:
    page = inspect.cleandoc(rule.__doc__ or "")[:HELP]
    sections = _sections(page)
    tags = ["correctness", "program-cache", rule.invariant][:MOST_TAGS]
    return {
        "id": rule.id,
        "name": rule.name[:255],
        "shortDescription": {"text": rule.summary[:DESCRIPTION]},
        "fullDescription": {"text": (sections.get("What it does") or rule.summary)[:DESCRIPTION]},
        "help": {"text": _text(page), "markdown": page},
        "defaultConfiguration": {"level": rule.severity.value},
        "properties": {"tags": tags, "precision": "high", "problem.severity": PROBLEM[rule.severity]},
    }


def _sections(page: str) -> dict[str, str]:
    """The paragraphs of a rule's page by heading."""
    from tt_cache_lint.report.explain import blocks

    found: dict[str, str] = {}
    heading = ""
    for kind, text in blocks(page):
        if kind == "heading":
            heading = text
        elif kind == "text":
            found[heading] = f"{found[heading]}\n{text}" if heading in found else text
    return found


def _text(page: str) -> str:
    """A rule's page without markup, for readers that show no markdown."""
    from tt_cache_lint.report.explain import blocks

    shown = {"heading": lambda text: f"{text}:", "code": _indented}
    return "\n\n".join(shown.get(kind, str)(text) for kind, text in blocks(page))


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.split("\n"))


def _plain(text: str) -> str:
    """Text in which nothing is a link: SARIF takes `[words](1)` in a message for one (section 3.11.6)."""
    return visible(text).replace("](", "] (")


def _linked(text: str) -> str:
    """Text for the inside of a link, where brackets and backslashes have to be escaped."""
    return visible(text).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
