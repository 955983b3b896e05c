"""The JSON contract: keys, types, values."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from report_samples import FACTORY, PARTIAL, PATH, RUN, STALE
from tt_cache_lint import __version__
from tt_cache_lint.model import Place, Problem, Run
from tt_cache_lint.report import View
from tt_cache_lint.report import json as report


def document(run: Run = RUN) -> dict[str, Any]:
    loaded = json.loads(report.render(run, View()))
    assert isinstance(loaded, dict)
    return loaded


def test_the_document() -> None:
    found = document()
    assert list(found) == ["version", "tool", "summary", "factories", "findings", "problems", "silenced"]
    assert found["version"] == 1
    assert found["tool"] == {"name": "tt-cache-lint", "version": __version__}
    counts = {"hidden": 0, "suppressed": 0, "baselined": 0, "unchanged": 0}
    assert found["summary"] == {"files": 7, "factories": 4, "findings": 3, "seconds": 0.25, **counts}


def test_a_factory() -> None:
    assert document(replace(RUN, factories=(FACTORY,)))["factories"] == [
        {
            "path": PATH,
            "factory": "MaskOp::MultiCore",
            "infra": "typed",
            "line": 5,
            "paths": 3,
            "worlds": 48,
            "decisions": 1,
            "slots": {"needing_refresh": 3, "matched": 2},
            "unknown_calls": ["mystery_helper"],
            "status": "analysed",
            "reason": "",
            "decisions_reached": ["tensor_args.mask has a value"],
            "budget": "3 of 64 paths",
        }
    ]
    partial = document(replace(RUN, factories=(PARTIAL,)))["factories"][0]
    assert (partial["status"], partial["reason"]) == ("partial", "budget used up")


def test_a_finding() -> None:
    found = document(replace(RUN, findings=(STALE,)))["findings"][0]
    assert found["rows"][1] == {
        "slot": "reader_kernel_id arg 1",
        "cores": "(0,0)-(3,0)",
        "created": "0x20000 mask, run 1",
        "after_hit": "0x20000 mask, run 1",
        "expected": "0x60000",
        "verdict": "stale",
    }
    del found["rows"]
    assert found == {
        "id": "TTC301",
        "rule": "stale-buffer-address",
        "severity": "error",
        "confidence": "certain",
        "message": STALE.message,
        "path": PATH,
        "line": 13,
        "column": 30,
        "end_line": 13,
        "factory": "MaskOp::MultiCore",
        "slot": "reader_kernel_id arg 1",
        "when": ["`tensor_args.mask` has a value"],
        "related": [{"path": PATH, "line": 19, "message": "never refreshed here"}],
        "fingerprint": STALE.fingerprint,
        "fix": list(STALE.fix),
    }


def test_end_line_of_a_range() -> None:
    finding = replace(STALE, place=Place(PATH, 5, 1, 17))
    assert document(replace(RUN, findings=(finding,)))["findings"][0]["end_line"] == 17


def test_problems_and_hidden() -> None:
    found = document(replace(RUN, problems=(Problem("a.cpp", "too large", 3),), hidden=4))
    assert found["problems"] == [{"path": "a.cpp", "message": "too large", "line": 3, "unread": False, "fault": False}]
    assert found["summary"]["hidden"] == 4


def test_hostile_text_survives_as_data_and_moves_no_terminal() -> None:
    text = "\x1b[2J\x7f\x9b\u202e##[error]\n::error::\udc80 [red] \\##[x"
    run = replace(RUN, findings=(replace(STALE, message=text),))
    out = report.render(run, View())
    assert out.isascii()
    assert all(char.isprintable() for char in out.replace("\n", ""))
    assert "##[" not in out
    assert document(run)["findings"][0]["message"] == text
