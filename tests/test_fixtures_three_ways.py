"""Findings == annotations == what the compiled program did, for every fixture.

test_fixtures_run.py holds the annotations to the compiled program; here the linter's findings are held to both. A
disagreement is shown with the three answers side by side.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import fixture_driver
import fixture_report
from fixture_driver import FIXTURES
from fixture_report import Annotation
from test_fixtures_run import STALE_SLOT, each_folder

pytest.importorskip("tt_cache_lint.engine")

COMMAND = "from tt_cache_lint.cli import main; main()"


class Claim(NamedTuple):
    """A finding, or an annotation: what is said of which line."""

    path: str
    line: int
    rule: str
    slot: str


class Linted(NamedTuple):
    """What the linter said about all fixtures."""

    findings: dict[Path, list[Claim]]
    factories: list[dict[str, Any]]


@pytest.fixture(scope="session")
def linted() -> Linted:
    """One run over all fixtures, through the command line."""
    command = [sys.executable, "-c", COMMAND, "check", str(FIXTURES), "--root", str(FIXTURES), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    answer = json.loads(done.stdout)
    findings: dict[Path, list[Claim]] = {}
    for item in answer["findings"]:
        claim = Claim(item["path"], item["line"], item["rule"], item["slot"])
        findings.setdefault((FIXTURES / item["path"]).parent, []).append(claim)
    return Linted(findings, answer["factories"])


def claim_of(note: Annotation) -> Claim:
    return Claim(note.path.relative_to(FIXTURES).as_posix(), note.line, note.rule, note.slot)


def expected(folder: Path) -> set[Claim]:
    """What the linter says today: expectations and known noise, without the known gaps."""
    return {claim_of(note) for note in fixture_report.expectations(folder) if note.kind != "expect-missing"}


def program_says(folder: Path, slot: str) -> str:
    """What the compiled program knows about a slot, in words."""
    said = []
    for scenario in fixture_report.report(folder):
        cells = scenario.differences.get(slot, [])
        if cells:
            one = cells[0]
            said.append(f"{scenario.name}: {one.after_hit} instead of {one.fresh} on {len(cells)} core(s)")
        said.extend(f"{scenario.name}: {failure.kind}" for failure in scenario.failures if failure.slot == slot)
    return "; ".join(dict.fromkeys(said)) or "nothing wrong in any scenario"


def disagreements(folder: Path, found: set[Claim]) -> Iterator[str]:
    wanted = expected(folder)
    for claim in sorted(wanted ^ found):
        yield (
            f"{claim.path}:{claim.line} {claim.rule} {claim.slot}\n"
            f"    annotated: {'yes' if claim in wanted else 'no'}\n"
            f"    linter:    {'yes' if claim in found else 'no'}\n"
            f"    program:   {program_says(folder, claim.slot)}"
        )


@each_folder()
def test_linter_agrees(folder: Path, linted: Linted) -> None:
    answers = list(disagreements(folder, set(linted.findings.get(folder, []))))
    assert not answers, "\n".join(answers)


@each_folder()
def test_no_finding_twice(folder: Path, linted: Linted) -> None:
    found = linted.findings.get(folder, [])
    assert len(found) == len(set(found))


@each_folder()
def test_every_stale_slot_is_true_of_the_program(folder: Path, linted: Linted) -> None:
    """Findings against the program, past the annotations."""
    noise = {claim_of(note) for note in fixture_report.expectations(folder) if note.kind == "expect-noise"}
    stale = {slot for scenario in fixture_report.report(folder) for slot in scenario.differences}
    for claim in linted.findings.get(folder, []):
        if claim.rule in STALE_SLOT and claim not in noise:
            assert claim.slot in stale, claim


def test_every_fixture_was_analysed(linted: Linted) -> None:
    analysed = {(FIXTURES / item["path"]).parent for item in linted.factories if item["status"] == "analysed"}
    assert sorted(set(fixture_driver.folders()) - analysed) == []
