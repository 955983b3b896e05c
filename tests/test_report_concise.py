"""One line a finding."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

from report_samples import PATH, RUN, STALE
from tt_cache_lint.model import Place, Problem
from tt_cache_lint.report import View, concise


def test_lines() -> None:
    lines = concise.render(RUN, View()).splitlines()
    assert lines[2] == f"{PATH}:13:30: error TTC301 stale-buffer-address [MaskOp::MultiCore] {STALE.message}"
    assert lines[3:] == [
        "1 error, 1 warning, 1 note in 1 of 3 factories (7 files, 0.25 s)",
        "2 factories not fully analysed: 1 partial (budget used up); 1 skipped (no override)",
    ]


def test_problems_have_a_place_of_their_own() -> None:
    run = replace(RUN, findings=(), problems=(Problem("a.cpp", "too large", 3), Problem("b.cpp", "missing")))
    lines = concise.render(run, View()).splitlines()
    assert lines[:2] == ["a.cpp:3:1: problem: too large", "b.cpp: problem: missing"]


def test_one_line_stays_one_line_and_harmless() -> None:
    finding = replace(
        STALE,
        message="a\n::error::b\x1b[31m [red] ##[error]" + "x" * 5000,
        place=Place("::error file=x::\r\n::warning::", 3),
        factory="F\n::error::",
    )
    out = concise.render(replace(RUN, findings=(finding,)), View())
    first = out.split("\n")[0]
    assert first.startswith(r"\::error file=x::\r\n::warning:::3:1: error TTC301 ")
    assert r"[F\n::error::] a\n::error::b\x1b[31m [red] #\x23[error]xxx" in first
    assert len(first) < 1000
    assert out.count("\n") == 3
    assert not [line for line in out.splitlines() if line.lstrip().startswith("::")]


def test_the_problem_matcher_in_the_readme_reads_them() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (task,) = json.loads(readme.partition("```json\n")[2].partition("```")[0])["tasks"]
    pattern = task["problemMatcher"]["pattern"]
    found = [re.match(pattern["regexp"], line) for line in concise.render(RUN, View()).splitlines()]
    assert [bool(match) for match in found] == [True] * len(RUN.findings) + [False] * (len(found) - len(RUN.findings))
    assert found[2] is not None
    assert found[2].group(pattern["file"], pattern["line"], pattern["column"]) == (PATH, "13", "30")
    assert found[2][pattern["message"]].endswith(STALE.message)
