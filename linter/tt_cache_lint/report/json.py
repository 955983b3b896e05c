"""The contract that programs read. Keys may be added; those that are here stay, with their types.

The output is ASCII: json escapes control characters and everything else, so nothing in it can move a terminal.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from tt_cache_lint import __version__
from tt_cache_lint.model import FactoryFacts, Finding, Run
from tt_cache_lint.report import View

VERSION = 1


def render(run: Run, view: View) -> str:
    """The report as one JSON document."""
    document = {
        "version": VERSION,
        "tool": {"name": "tt-cache-lint", "version": __version__},
        "summary": {
            "files": run.files,
            "factories": len(run.factories),
            "findings": len(run.findings),
            "seconds": round(run.seconds, 3),
            "hidden": run.hidden,
            "suppressed": run.suppressed,
            "baselined": run.baselined,
            "unchanged": run.unchanged,
        },
        "factories": [_factory(facts) for facts in run.factories],
        "findings": [_finding(finding) for finding in run.findings],
        "problems": [dataclasses.asdict(problem) for problem in run.problems],
        "silenced": [
            {"by": "comment" if one.place else "baseline", "reason": one.reason, **_finding(one.finding)}
            for one in run.silenced
        ],
    }
    text = json.dumps(document, indent=2) + "\n"
    # `##[` is a log command to some CI systems; both characters only occur inside strings.
    return text.replace("##", "#\\u0023").replace("\x7f", "\\u007f")


def _factory(facts: FactoryFacts) -> dict[str, Any]:
    return {
        "path": facts.path,
        "factory": facts.factory,
        "infra": facts.infra,
        "line": facts.line,
        "paths": facts.paths,
        "worlds": facts.worlds,
        "decisions": facts.decisions,
        "slots": {"needing_refresh": facts.slots.needing_refresh, "matched": facts.slots.matched},
        "unknown_calls": list(facts.unknown_calls),
        "status": facts.status.value,
        "reason": facts.reason,
        "decisions_reached": list(facts.decisions_reached),
        "budget": facts.budget,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    place = finding.place
    return {
        "id": finding.id,
        "rule": finding.rule,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "message": finding.message,
        "path": place.path,
        "line": place.line,
        "column": place.column,
        "end_line": place.last,
        "factory": finding.factory,
        "slot": finding.slot,
        "when": list(finding.when),
        "related": [
            {"path": related.place.path, "line": related.place.line, "message": related.message}
            for related in finding.related
        ],
        "fingerprint": finding.fingerprint,
        "fix": list(finding.fix),
        "rows": [dataclasses.asdict(row) for row in finding.rows],
    }
