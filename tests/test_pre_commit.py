"""The pre-commit hook, through the real pre-commit: it builds the hook's environment and is run by git itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]
TOOL = (".pre-commit-hooks.yaml", "pyproject.toml", "README.md", "linter", "rules")
BAD = REPO / "fixtures/stale-buffer-address/bad_grouped_args"
OP = "ttnn/cpp/ttnn/operations/eltwise/masked_swap/device"
FACTORY = f"{OP}/masked_swap_program_factory.cpp"
HEADER, OPERATION = f"{OP}/masked_swap_device_operation.hpp", f"{OP}/masked_swap_device_operation.cpp"
KERNEL = f"{OP}/kernels/reader_masked_swap.cpp"
REFRESHED = "writer_args[2] = std::get<0>(outputs).buffer()->address();"
FIX = "writer_args[3] = std::get<1>(outputs).buffer()->address();"


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A command without the machine's git settings, and with pre-commit's environments apart."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "PRE_COMMIT", "PYTHONPATH"))}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "PRE_COMMIT_COLOR": "never"}
    environment |= {"PRE_COMMIT_HOME": str(folder.parent / "pre-commit")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")
    done = run(folder, "git", *identity, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def commit(folder: Path, message: str) -> subprocess.CompletedProcess[str]:
    git(folder, "add", "-A")
    return run(folder, "git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", message)


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This checkout as a repository of its own, with what is not committed yet."""
    folder = tmp_path_factory.mktemp("hooks") / "tool"
    folder.mkdir()
    for name in TOOL:
        source = REPO / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(source, folder / name)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "tool")
    return folder


@pytest.fixture(scope="module")
def project(tool: Path) -> Path:
    """A checkout with one op, whose factory is right."""
    folder = tool.parent / "project"
    (folder / OP / "kernels").mkdir(parents=True)
    for name in (FACTORY, HEADER, OPERATION):
        shutil.copy(BAD / Path(name).name, folder / name)
    text = (folder / FACTORY).read_text()
    (folder / FACTORY).write_text(text.replace(REFRESHED, f"{REFRESHED}\n        {FIX}"))
    (folder / KERNEL).write_text("void kernel_main() {}\n")
    (folder / "notes.md").write_text("No C++ here.\n")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "an op")
    return folder


def broken(project: Path) -> None:
    """Take the refresh of the second output out again."""
    file = project / FACTORY
    file.write_text(file.read_text().replace(FIX, ""))


def edited(project: Path, path: str) -> None:
    with (project / path).open("a") as file:
        file.write("// edited\n")


def hooked(tool: Path, project: Path) -> None:
    """The hook as README says: a config file, then `pre-commit install`."""
    revision = git(tool, "rev-parse", "HEAD")
    config = f"repos:\n- repo: {tool}\n  rev: {revision}\n  hooks:\n    - id: tt-cache-lint\n"
    (project / ".pre-commit-config.yaml").write_text(config)
    done = run(project, sys.executable, "-m", "pre_commit", "install", "--install-hooks")
    assert done.returncode == 0, done.stdout + done.stderr


def test_git_refuses_a_bad_commit_and_takes_a_good_one(tool: Path, project: Path) -> None:
    hooked(tool, project)
    edited(project, FACTORY)
    good = commit(project, "a comment")
    assert good.returncode == 0, good.stdout + good.stderr
    assert "Passed" in good.stderr

    broken(project)
    bad = commit(project, "the second output is forgotten")
    assert bad.returncode == 1
    assert "Failed" in bad.stderr
    assert "stale-buffer-address" in bad.stderr
    assert FACTORY in bad.stderr

    # The bad factory gets in on purpose; from now on every file that belongs to it is stopped by the hook.
    git(project, "commit", "-qnm", "the second output is forgotten, unchecked")
    for path in (HEADER, OPERATION, KERNEL):
        edited(project, path)
        done = commit(project, "only this file")
        assert done.returncode == 1, path
        assert "TTC301" in done.stderr, path
        git(project, "reset", "-q", "--hard")
    edited(project, "notes.md")
    prose = commit(project, "only prose")
    assert prose.returncode == 0, prose.stderr
    assert "(no files to check)Skipped" in prose.stderr


def test_try_repo_runs_on_all_files(tool: Path, project: Path) -> None:
    broken(project)
    git(project, "add", "-A")
    done = run(project, sys.executable, "-m", "pre_commit", "try-repo", str(tool), "tt-cache-lint", "--all-files")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "`writer_id` arg 3 holds the buffer address of tensor_return_value[1]" in " ".join(done.stdout.split())
