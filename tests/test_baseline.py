"""Baselines: written, used, and only ever made smaller."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

import small_factory
from tt_cache_lint import baseline
from tt_cache_lint.baseline import Entry
from tt_cache_lint.cli import main
from tt_cache_lint.model import Confidence, Finding, Place, Severity

NOTHING = "        (void)core;\n"


def check(*args: object) -> Result:
    return CliRunner().invoke(main, ["check", *(str(arg) for arg in args)])


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two ops in two folders, one stale slot each."""
    (tmp_path / ".git").mkdir()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.cpp").write_text(
            small_factory.factory(override=small_factory.STALE, name=name.title())
        )
    return tmp_path


@pytest.fixture
def known(tree: Path) -> Path:
    """A baseline with both."""
    file = tree / "known.json"
    result = check(tree, "--write-baseline", file)
    assert (result.exit_code, result.stdout) == (0, f"2 findings written to {file}\n")
    return file


def listed(file: Path) -> list[str]:
    return [entry["path"] for entry in json.loads(file.read_text())["findings"]]


def fix(tree: Path, name: str) -> None:
    (tree / name / f"{name}.cpp").write_text(small_factory.factory(name=name.title()))


def test_it_is_not_overwritten_by_half_a_run(tree: Path, known: Path) -> None:
    before = known.read_bytes()
    result = check(tree / "one", tree / "missing", "--write-baseline", known)
    assert result.exit_code == 2
    assert "the baseline was not written, because of" in result.stderr
    assert known.read_bytes() == before


def test_known_findings_are_not_reported(tree: Path, known: Path) -> None:
    assert check(tree).exit_code == 1
    result = check(tree, "--baseline", known)
    assert result.exit_code == 0
    assert "2 findings in the baseline" in result.stdout
    (tree / "tt-cache-lint.toml").write_text('baseline = "known.json"')
    assert check(tree).exit_code == 0


def test_line_shifts_do_not_matter(tree: Path, known: Path) -> None:
    file = tree / "one" / "one.cpp"
    file.write_text("\n" * 30 + file.read_text())
    assert check(tree, "--baseline", known).exit_code == 0


def test_new_findings_are_reported(tree: Path, known: Path) -> None:
    (tree / "two" / "two.cpp").write_text(small_factory.factory(override=NOTHING, name="Two"))
    document = json.loads(check(tree, "--baseline", known, "--format", "json").stdout)
    assert [finding["path"] for finding in document["findings"]] == ["two/two.cpp"] * len(document["findings"])
    assert document["findings"]
    assert next(one["by"] for one in document["silenced"]) == "baseline"


def test_fixed_findings_are_told_and_pruned(tree: Path, known: Path) -> None:
    before = known.read_bytes()
    fix(tree, "one")
    result = check(tree, "--baseline", known)
    assert "1 in the baseline known.json fixed; --prune-baseline takes them out" in result.stdout
    assert known.read_bytes() == before
    result = check(tree, "--baseline", known, "--prune-baseline")
    assert "1 fixed, taken out of the baseline known.json" in result.stdout
    assert listed(known) == ["two/two.cpp"]


def test_pruning_never_adds(tree: Path, known: Path) -> None:
    fix(tree, "one")
    check(tree, "--baseline", known, "--prune-baseline")
    (tree / "one" / "one.cpp").write_text(small_factory.factory(override=small_factory.STALE, name="One"))
    result = check(tree, "--baseline", known, "--prune-baseline")
    assert result.exit_code == 1
    assert listed(known) == ["two/two.cpp"]


@pytest.mark.parametrize("args", [["one"], ["--select", "TTC1"], ["--ignore", "TTC301"], ["one", "--since", "HEAD"]])
def test_what_was_not_looked_at_is_not_fixed(tree: Path, known: Path, args: list[str]) -> None:
    if "--since" in args:
        pytest.importorskip("subprocess").run(
            "rm -rf .git && git init -q . && git add . && git -c user.name=a -c user.email=a@b commit -qm x",
            shell=True, cwd=tree, check=True,
        )  # fmt: skip
    fix(tree, "two")
    paths = [tree / arg for arg in args if arg == "one"] or [tree]
    check(*paths, *(arg for arg in args if arg != "one"), "--baseline", known, "--prune-baseline")
    assert sorted(listed(known)) == ["one/one.cpp", "two/two.cpp"]


def test_what_could_not_be_analysed_is_not_fixed(tree: Path, known: Path) -> None:
    file = tree / "one" / "one.cpp"
    file.write_text(
        file.read_text().replace("auto& program = cached.program;", "auto& program = cached.program; mystery(program);")
    )
    check(tree, "--baseline", known, "--prune-baseline")
    assert sorted(listed(known)) == ["one/one.cpp", "two/two.cpp"]
    file.write_bytes(b"\0")
    check(tree, "--baseline", known, "--prune-baseline")
    assert sorted(listed(known)) == ["one/one.cpp", "two/two.cpp"]


def test_a_file_that_is_gone_is_fixed(tree: Path, known: Path) -> None:
    (tree / "one" / "one.cpp").unlink()
    check(tree, "--baseline", known, "--prune-baseline")
    assert listed(known) == ["two/two.cpp"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "has no `version` 1"),
        ('{"version": 2}', "has no `version` 1"),
        ('{"version": 1}', "has no list of `findings`"),
        ('{"version": 1, "findings": [3]}', "findings[0] is not an object"),
        ('{"version": 1, "findings": [{}]}', "findings[0] has no 'fingerprint' that is a str"),
    ],
)
def test_bad_baselines(tree: Path, text: str, message: str) -> None:
    file = tree / "known\x1b[31m.json"
    file.write_text(text)
    result = check(tree, "--baseline", file)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "\x1b" not in result.output


@pytest.mark.parametrize("count", [0, -1, True, "1", 1.5, None])
def test_a_bad_count(tree: Path, known: Path, count: Any) -> None:
    document = json.loads(known.read_text())
    document["findings"][1]["count"] = count
    known.write_text(json.dumps(document))
    result = check(tree, "--baseline", known)
    assert (result.exit_code, "findings[1]" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    "args",
    [
        ["--prune-baseline"],
        ["--baseline", "missing.json"],
        ["--write-baseline", "b.json", "--baseline", "b.json"],
        ["--write-baseline", "b.json", "--since", "HEAD"],
        ["--write-baseline", "no/such/folder/b.json"],
    ],
)
def test_usage_errors(tree: Path, args: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    assert check(tree, *args).exit_code == 2
    assert not list(tree.glob("*.json"))


def test_possible_findings_are_written_when_they_are_shown(tree: Path) -> None:
    (tree / "tt-cache-lint.toml").write_text('confidence = "certain"')
    assert check(tree, "--write-baseline", tree / "known.json").exit_code == 0


# --- counting


def finding(name: str, line: int) -> Finding:
    return Finding("TTC301", "stale", Severity.ERROR, Confidence.CERTAIN, "", Place("a.cpp", line), name)


NAMES = st.lists(st.sampled_from("abc"), max_size=8)


@settings(deadline=None, derandomize=True)
@given(before=NAMES, after=NAMES)
def test_new_known_and_fixed_add_up(before: list[str], after: list[str]) -> None:
    known = baseline.entries(finding(name, at) for at, name in enumerate(before))
    found = [finding(name, at) for at, name in enumerate(after)]
    new, old = baseline.split(found, known)
    gone = baseline.fixed(found, known, lambda entry: True)
    kept = baseline.without(known, gone)
    assert sorted(f.factory for f in new + old) == sorted(after)
    assert sum(entry.count for entry in known) == len(before) == len(old) + sum(entry.count for entry in gone)
    assert sum(entry.count for entry in kept) == len(old)
    assert baseline.split(found, kept) == (new, old)  # pruning changes nothing of what is reported
    assert {entry.fingerprint for entry in kept} <= {entry.fingerprint for entry in known}


def test_what_cannot_be_judged_stays() -> None:
    known = [Entry("f", "r", "p", "F", "s", 2)]
    assert baseline.fixed([], known, lambda entry: False) == []


def test_it_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "known.json"
    file.write_text("old")

    def broken(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", broken)
    with pytest.raises(baseline.BaselineError, match="No space left"):
        baseline.write(file, [])
    assert [path.name for path in tmp_path.iterdir()] == ["known.json"]
    assert file.read_text() == "old"
