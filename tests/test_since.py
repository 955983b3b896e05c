"""`--since REV`, with real git repositories."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import small_factory
from tt_cache_lint import since
from tt_cache_lint.cli import main
from tt_cache_lint.model import Place


def git(folder: Path, *args: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *args], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "a commit")


def check(*args: object) -> Result:
    return CliRunner().invoke(main, ["check", *(str(arg) for arg in args)])


def found(tree: Path, revision: str = "HEAD", *args: object) -> list[str]:
    result = check(tree, "--since", revision, "--format", "json", *args)
    assert result.exit_code in (0, 1), result.output
    return [finding["path"] for finding in json.loads(result.stdout)["findings"]]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two committed ops, one stale slot each, in files that begin and end with unrelated functions."""
    git(tmp_path, "init", "-q", "-b", "main")
    for name in ("one", "two"):
        source = small_factory.factory(override=small_factory.STALE, name=name.title())
        (tmp_path / f"{name}.cpp").write_text(
            f"int before() {{\n    return 1;\n}}\n{source}\nint after() {{\n    return 1;\n}}\n"
        )
    commit(tmp_path)
    return tmp_path


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_nothing_changed(tree: Path) -> None:
    assert found(tree) == []
    result = check(tree, "--since", "HEAD")
    assert result.exit_code == 0
    assert "2 findings on code that has not changed" in result.stdout


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Program program = CreateProgram();", "Program program = CreateProgram();  // same"),
        ("    auto& program = cached.program;\n", "    auto& program = cached.program;\n\n"),
        ("bool flag = false;", "bool flag = true;"),
        ("KernelHandle writer{};", "KernelHandle writer;"),
        ("    const auto& shared = cached.shared_variables;\n", ""),
    ],
    ids=["create", "override", "attributes", "shared variables", "deleted line"],
)
def test_a_change_to_what_matters(tree: Path, old: str, new: str) -> None:
    file = tree / "one.cpp"
    if not new:  # something has to be left that the override can use
        edit(
            file,
            "const auto& shared = cached.shared_variables;",
            "const auto& shared = cached.shared_variables;\n        int idle = 0;",
        )
        commit(tree)
        old, new = "        int idle = 0;\n", ""
    edit(file, old, new)
    assert found(tree) == ["one.cpp"]
    commit(tree)
    assert found(tree) == []
    assert found(tree, "HEAD~1") == ["one.cpp"]


@pytest.mark.parametrize(("old", "new"), [("return 1;", "return 2;"), ("int before() {", "\n\n\nint before() {")])
def test_a_change_elsewhere_in_the_file(tree: Path, old: str, new: str) -> None:
    edit(tree / "one.cpp", old, new)
    assert found(tree) == []


def test_a_hash_written_by_hand(tree: Path) -> None:
    file = tree / "one.cpp"
    struct = "    using program_factory_t = std::variant<"
    edit(
        file,
        struct,
        "    static uint64_t compute_program_hash(const operation_attributes_t&, const tensor_args_t&);\n" + struct,
    )
    edit(
        file,
        "\nint after()",
        "\nuint64_t ttnn::operations::test::OneOperation::compute_program_hash(\n"
        "    const operation_attributes_t& a, const tensor_args_t& t) {\n    return 1;\n}\nint after()",
    )
    commit(tree)
    assert found(tree) == []
    text = file.read_text()
    assert text.count("return 1;") == 3
    head, _, tail = text.rpartition("compute_program_hash")
    file.write_text(head + "compute_program_hash" + tail.replace("return 1;", "return 2;", 1))
    assert found(tree) == ["one.cpp"]


HASH = """
    static uint64_t compute_program_hash(const operation_attributes_t& attributes, const tensor_args_t& tensors) {
        return hash_operation<HashOperation>(tensors.input);
    }
"""


def test_findings_about_a_hash(tree: Path) -> None:
    variant = "    using program_factory_t = std::variant<"
    source = small_factory.factory(name="Hash").replace(
        "ReaderDataMovementConfig({})", "ReaderDataMovementConfig({attributes.factor})"
    )
    file = tree / "hash.cpp"
    file.write_text(source.replace(variant, HASH + variant))
    commit(tree)
    assert [finding["id"] for finding in json.loads(check(file, "--format", "json").stdout)["findings"]] == ["TTC501"]
    assert found(tree) == []
    edit(file, "hash_operation<HashOperation>(tensors.input)", "hash_operation<HashOperation>(tensors.input, 1)")
    assert found(tree) == ["hash.cpp"]
    commit(tree)
    edit(file, "Program program = CreateProgram();", "Program program = CreateProgram();  // same")
    assert found(tree) == ["hash.cpp"]


def test_a_header_of_its_own(tree: Path) -> None:
    text = (tree / "one.cpp").read_text()
    start, end = text.index("struct OneOperation"), text.index("OneOperation::OneFactory::cached_program_t")
    (tree / "one.hpp").write_text(
        "namespace ttnn::operations::test {\nusing namespace tt::tt_metal;\n" + text[start:end] + "}\n"
    )
    (tree / "one.cpp").write_text('#include "one.hpp"\n' + text[:start] + text[end:])
    commit(tree)
    assert found(tree) == []
    edit(tree / "one.hpp", "bool flag = false;", "bool flag = true;")
    assert found(tree) == ["one.cpp"]


def test_new_files_and_renamed_ones(tree: Path) -> None:
    (tree / "three.cpp").write_text(small_factory.factory(override=small_factory.STALE, name="Three"))
    assert found(tree) == ["three.cpp"]
    git(tree, "mv", "one.cpp", "uno.cpp")
    assert found(tree) == ["three.cpp", "uno.cpp"]


def test_only_what_this_branch_changed(tree: Path) -> None:
    git(tree, "checkout", "-q", "-b", "topic")
    edit(tree / "one.cpp", "bool flag = false;", "bool flag = true;")
    commit(tree)
    git(tree, "checkout", "-q", "main")
    edit(tree / "two.cpp", "bool flag = false;", "bool flag = true;")
    commit(tree)
    git(tree, "checkout", "-q", "topic")
    assert found(tree, "main") == ["one.cpp"]


def test_a_root_below_the_repository(tree: Path) -> None:
    (tree / "sub").mkdir()
    git(tree, "mv", "one.cpp", "sub/one.cpp")
    commit(tree)
    edit(tree / "sub" / "one.cpp", "bool flag = false;", "bool flag = true;")
    edit(tree / "two.cpp", "bool flag = false;", "bool flag = true;")
    assert found(tree / "sub", "HEAD", "--root", tree / "sub") == ["one.cpp"]


NAMES = [
    "with space.cpp",
    "tab\there.cpp",
    'quote".cpp',
    "back\\slash.cpp",
    "ünï.cpp",
    "new\nline.cpp",
    "-dash.cpp",
    ":(top).cpp",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("tracked", [True, False])
def test_file_names(tmp_path: Path, name: str, tracked: bool) -> None:
    git(tmp_path, "init", "-q")
    file = tmp_path / name
    if tracked:
        file.write_text("int a;\nint b;\nint c;\n")
    commit(tmp_path)
    file.write_text("int a;\nint x;\nint c;\n")
    changed = since.changes(tmp_path, "HEAD")
    assert changed.touch(Place(name, 2))
    assert changed.touch(Place(name, 1)) is not tracked


def test_lines_that_look_like_a_diff(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "a.cpp").write_text("int a;\nint x;\nint y;\n")
    (tmp_path / "b.cpp").write_text("int b;\n")
    commit(tmp_path)
    (tmp_path / "a.cpp").write_text("int a;\n++ b/b.cpp\n@@ -1 +1,9 @@\nint x;\nint y;\nint z;\n")
    assert since.changes(tmp_path, "HEAD").lines == {"a.cpp": [range(2, 4), range(6, 7)]}


def test_deleted_lines_count_inside_a_place_only() -> None:
    changed = since.Changes(cuts={"a.cpp": [5]})
    assert changed.touch(Place("a.cpp", 5, end_line=6))
    assert not changed.touch(Place("a.cpp", 6, end_line=9))
    assert not changed.touch(Place("a.cpp", 1, end_line=5))


@pytest.mark.parametrize(
    ("revision", "message"),
    [
        ("nowhere", "git knows no commit 'nowhere'"),
        ("--output=stolen", "'--output=stolen' is not a git revision"),
        ("-", "'-' is not a git revision"),
        ("", "'' is not a git revision"),
        ("a\x1b[31m", "is not a git revision"),
        ("HEAD:one.cpp", "git knows no commit 'HEAD:one.cpp'"),
        ("HEAD; touch stolen", "git knows no commit"),
        ("$(touch stolen)", "git knows no commit"),
    ],
)
def test_bad_revisions(tree: Path, revision: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    result = check(tree, f"--since={revision}")
    assert (result.exit_code, message in result.stderr) == (2, True)
    assert "\x1b" not in result.output
    assert not (tree / "stolen").exists()


def test_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "a.cpp").write_text("int a;\n")
    result = check(tmp_path, "--since", "HEAD", "--root", tmp_path)
    assert (result.exit_code, "is not in a git repository" in result.stderr) == (2, True)


def test_no_git(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    result = check(tree, "--since", "HEAD")
    assert (result.exit_code, "git is not installed" in result.stderr) == (2, True)


def test_a_repository_cannot_make_git_run_things(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    mark = tmp_path_factory.mktemp("marks") / "ran"
    script = tmp_path_factory.mktemp("scripts") / "script"
    script.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    script.chmod(0o755)
    for key in ("core.fsmonitor", "diff.external", "diff.evil.command", "diff.evil.textconv", "core.pager"):
        git(tree, "config", key, str(script))
    (tree / ".gitattributes").write_text("*.cpp diff=evil\n")
    for key, value in (
        ("diff.noprefix", "true"),
        ("diff.mnemonicPrefix", "true"),
        ("color.ui", "always"),
        ("diff.relative", "true"),
    ):
        git(tree, "config", key, value)
    mark.unlink(missing_ok=True)
    edit(tree / "one.cpp", "bool flag = false;", "bool flag = true;")
    assert found(tree) == ["one.cpp"]
    assert not mark.exists()


def test_the_settings_of_a_hook_do_not_confuse_git(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree / "sub").mkdir()
    git(tree, "mv", "one.cpp", "sub/one.cpp")
    commit(tree)
    edit(tree / "sub" / "one.cpp", "bool flag = false;", "bool flag = true;")
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.chdir(os.sep)
    assert found(tree / "sub", "HEAD", "--root", tree / "sub") == ["one.cpp"]
