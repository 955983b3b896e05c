"""The GitHub Action: valid by GitHub's schema, and its steps run as a runner would run them."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

REPO = Path(__file__).parents[1]
ACTION = REPO / "action.yml"
TOOL = ("pyproject.toml", "README.md", "linter", "rules")
EXPRESSION = re.compile(r"\$\{\{ *(github\.action_path|inputs\.([\w-]+)) *\}\}")


@pytest.fixture(scope="module")
def action() -> dict[str, Any]:
    return dict(yaml.safe_load(ACTION.read_text(encoding="utf-8")))


def test_the_manifests_are_valid() -> None:
    """The action by GitHub's schema; the hook by pre-commit itself."""
    schema = ["check_jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml"]
    for command in (schema, ["pre_commit", "validate-manifest", ".pre-commit-hooks.yaml"]):
        done = subprocess.run([sys.executable, "-m", *command], cwd=REPO, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_no_input_is_pasted_into_shell(action: dict[str, Any]) -> None:
    for step in action["runs"]["steps"]:
        assert "${{" not in step.get("run", "")


class Runner:
    """What GitHub's runner does with a composite action's shell steps."""

    def __init__(self, action: dict[str, Any], source: Path, folder: Path) -> None:
        self.action, self.source, self.folder = action, source, folder
        self.temp = folder / "temp"
        self.temp.mkdir(parents=True)
        self.outputs = folder / "outputs"
        self.outputs.touch()

    def run(self, step: str, workspace: Path, **given: str) -> subprocess.CompletedProcess[str]:
        """Run one step in a workspace with some inputs; the others have their defaults."""
        inputs = {name: str(spec.get("default", "")) for name, spec in self.action["inputs"].items()}
        inputs |= {name.replace("_", "-"): value for name, value in given.items()}
        found = next(s for s in self.action["runs"]["steps"] if s["name"].startswith(step))
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        for key, value in found["env"].items():
            environment[key] = EXPRESSION.sub(lambda m: inputs[m[2]] if m[2] else str(self.source), value)
        environment |= {"RUNNER_TEMP": str(self.temp), "GITHUB_OUTPUT": str(self.outputs)}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", found["run"]]
        return subprocess.run(command, cwd=workspace, env=environment, capture_output=True, text=True, check=False)


def test_it_installs_itself_and_fails_on_a_finding(action: dict[str, Any], tmp_path: Path) -> None:
    source = tmp_path / "action"
    source.mkdir()
    for name in TOOL:
        if (REPO / name).is_dir():
            shutil.copytree(REPO / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(REPO / name, source / name)
    runner = Runner(action, source, tmp_path / "runner")
    done = runner.run("Install", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    op = "stale-buffer-address/bad_grouped_args"
    workspace = tmp_path / "workspace"
    shutil.copytree(REPO / "fixtures" / op, workspace / "ttnn/cpp/ttnn/operations/op")
    bad = runner.run("Check", workspace)
    assert bad.returncode == 1, bad.stdout + bad.stderr
    assert "stale-buffer-address" in bad.stdout
    lenient = runner.run("Check", workspace, fail_on="never", sarif="true")
    assert lenient.returncode == 0, lenient.stdout + lenient.stderr
    name, _, file = runner.outputs.read_text().strip().partition("=")
    assert name == "sarif"
    assert '"stale-buffer-address"' in Path(file).read_text()
    assert runner.run("Check", workspace, paths="nowhere").returncode == 2


def test_inputs_reach_the_command_line_as_they_are(action: dict[str, Any], tmp_path: Path) -> None:
    runner = Runner(action, REPO, tmp_path)
    program = runner.temp / "tt-cache-lint/bin/tt-cache-lint"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "star").touch()

    def arguments(**given: str) -> list[str]:
        done = runner.run("Check", tmp_path, **given)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    start = ["check", "--format", "github", "--fail-on", "error", "--no-cache"]
    assert arguments() == [*start, "--", "ttnn/cpp/ttnn/operations"]
    assert arguments(paths="a b\n c\n") == [*start, "--", "a", "b", "c"]
    assert arguments(paths="--root=/ $(touch x) `touch x` *") == [
        *start, "--", "--root=/", "$(touch", "x)", "`touch", "x`", "*",
    ]  # fmt: skip
    assert not (tmp_path / "x").exists()
    assert arguments(baseline="b $x", since="main; true") == [
        *start, "--baseline", "b $x", "--since", "main; true", "--", "ttnn/cpp/ttnn/operations",
    ]  # fmt: skip
    assert runner.outputs.read_text() == ""
    sarif = f"sarif={runner.temp}/tt-cache-lint.sarif"
    assert arguments(sarif="true", format="text") == [
        "check", "--format", "text", "--fail-on", "error", "--no-cache", "-o", sarif, "--", "ttnn/cpp/ttnn/operations",
    ]  # fmt: skip
    assert runner.outputs.read_text() == f"{sarif}\n"
