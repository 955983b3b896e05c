"""A code quality report for GitLab CI: a part of Code Climate's format (docs.gitlab.com/ci/testing/code_quality).

Findings only: GitLab shows the difference between two of these reports, and has no place for anything else.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

from tt_cache_lint.model import Finding, Run, Severity
from tt_cache_lint.report import View
from tt_cache_lint.report.safe import visible
from tt_cache_lint.report.where import from_repository

SEVERITY = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.NOTE: "info"}


def render(run: Run, view: View) -> str:
    """The report as a JSON list."""
    seen: Counter[str] = Counter()
    prefix = from_repository(run)
    items = []
    for finding in run.findings:
        seen[finding.fingerprint] += 1
        items.append(_item(finding, prefix, seen[finding.fingerprint]))
    text = json.dumps(items, indent=1) + "\n"
    return text.replace("##", "#\\u0023").replace("\x7f", "\\u007f")


def _item(finding: Finding, prefix: str, nth: int) -> dict[str, Any]:
    place = finding.place
    unique = finding.fingerprint if nth == 1 else hashlib.sha256(f"{finding.fingerprint}:{nth}".encode()).hexdigest()
    return {
        "description": f"{finding.id} {finding.rule}: {visible(finding.message)}",
        "check_name": finding.rule,
        "fingerprint": unique,
        "severity": SEVERITY[finding.severity],
        "categories": ["Bug Risk"],
        "type": "issue",
        "location": {"path": visible(prefix + place.path), "lines": {"begin": place.line, "end": place.last}},
    }
