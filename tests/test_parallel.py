"""Several processes: the same report as from one, progress as they go, and a message when one of them dies."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from small_factory import CREATE, REFRESH, STALE, factory
from tt_cache_lint.engine import WORTHWHILE, Options, analyse, batched

OPS = WORTHWHILE // 2 + 1


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """More files than one process is worth, two for each op; every third factory forgets an address."""
    for at in range(OPS):
        folder = tmp_path / f"op{at}" / "device"
        folder.mkdir(parents=True)
        text = factory(CREATE, STALE if at % 3 == 0 else REFRESH).replace("CopyOperation", f"Copy{at}Operation")
        (folder / f"factory{at}.cpp").write_text(text)
        (tmp_path / f"op{at}" / f"op{at}.hpp").write_text("#pragma once\n")
    (tmp_path / "op3" / "broken.cpp").write_bytes(b"override_runtime_arguments\0")
    return tmp_path


def report(root: Path, jobs: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tt_cache_lint", "check", "--isolated", "--format", "json", "--root", ".", "."]
    done = subprocess.run([*command, "--jobs", str(jobs)], cwd=root, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.returncode == 1
    found: dict[str, Any] = json.loads(done.stdout)
    found["summary"].pop("seconds")
    return found


def test_two_processes_say_the_same_as_one(tree: Path) -> None:
    one, two = report(tree, 1), report(tree, 2)
    assert len(one["factories"]) == OPS
    assert len(one["findings"]) == len(range(0, OPS, 3))
    assert [p["path"] for p in one["problems"]] == ["op3/broken.cpp"]
    assert two == one


def test_progress_is_told_until_all_files_are_done(tree: Path) -> None:
    told: list[tuple[int, int]] = []
    analysis = analyse(tree, [tree], Options(jobs=2), lambda done, total, name: told.append((done, total)))
    files = 2 * OPS + 1
    assert analysis.files == files
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert told[-1] == (files, files)


def test_a_process_that_dies_is_told_of(tree: Path) -> None:
    def kill(done: int, total: int, name: str) -> None:
        for child in multiprocessing.active_children():
            child.kill()

    analysis = analyse(tree, [tree], Options(jobs=2), kill)
    lost = [problem for problem in analysis.problems if problem.fault]
    assert lost
    assert all("ended without an answer; try --jobs 1" in problem.message for problem in lost)
    answered = {fact.path.partition("/")[0] for fact in analysis.facts}
    assert answered | {problem.path.partition("/")[0] for problem in lost} == {f"op{at}" for at in range(OPS)}
    assert analysis.files == 2 * OPS + 1


def test_files_of_one_op_stay_together() -> None:
    given = {"a/device/one.cpp": False, "b/b.cpp": False, "a/device/kernels/k.cpp": True, "a/a.hpp": False}
    assert batched(given) == {
        "a": {"a/device/one.cpp": False, "a/device/kernels/k.cpp": True, "a/a.hpp": False},
        "b": {"b/b.cpp": False},
    }
