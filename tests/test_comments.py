"""`// tt-cache-lint: ignore[rule] reason`, from the comment to the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import example, given, settings
from hypothesis import strategies as st

import small_factory
from tt_cache_lint.cli import main
from tt_cache_lint.comments import Ignore, Ignores
from tt_cache_lint.model import Confidence, Finding, Place, Related, Severity
from tt_cache_lint.rule import load_rules

RULES = load_rules()
STALE_LINE = "SetRuntimeArgs(program, writer, core, {output.buffer()->address(), 4});"
WHY = "the output is always preallocated"


def check(*args: object) -> Result:
    return CliRunner().invoke(main, ["check", "--format", "json", *(str(arg) for arg in args)])


def report(path: Path, source: str, *args: object) -> dict[str, Any]:
    (path / ".git").mkdir(exist_ok=True)
    (path / "copy.cpp").write_text(source)
    result = check(path / "copy.cpp", *args)
    assert result.exit_code in (0, 1), result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def ids(document: dict[str, Any], key: str = "findings") -> list[str]:
    return [finding["id"] for finding in document[key]]


def with_line(line: str) -> str:
    """The op whose factory leaves the output's address stale; `line` stands for the one that sets it."""
    source = small_factory.factory(override=small_factory.STALE)
    assert source.count(STALE_LINE) == 1
    return source.replace(STALE_LINE, line)


@pytest.mark.parametrize(
    "line",
    [
        f"{STALE_LINE}  // tt-cache-lint: ignore[TTC301] {WHY}",
        f"{STALE_LINE}  // tt-cache-lint: ignore[stale-buffer-address] {WHY}",
        f"{STALE_LINE}  // tt-cache-lint: ignore[TTC3] {WHY}",
        f"{STALE_LINE}  // tt-cache-lint:ignore [ TTC301 ]: {WHY}",
        f"{STALE_LINE}  // keep // tt-cache-lint: ignore[TTC301] {WHY}",
        f"{STALE_LINE}  /* tt-cache-lint: ignore[TTC301] {WHY} */",
        f"// tt-cache-lint: ignore[TTC301] {WHY}\n        {STALE_LINE}",
        f"// tt-cache-lint: ignore[TTC301] {WHY}\n    // and another remark\n        {STALE_LINE}",
        f"/* tt-cache-lint: ignore[TTC301] {WHY}\n    on two lines */\n        {STALE_LINE}",
    ],
)
def test_a_comment_suppresses(tmp_path: Path, line: str) -> None:
    document = report(tmp_path, with_line(line))
    assert ids(document) == []
    assert ids(document, "silenced") == ["TTC301"]
    assert WHY in document["silenced"][0]["reason"]
    assert document["summary"]["suppressed"] == 1


def test_a_comment_at_any_place_of_the_finding_counts(tmp_path: Path) -> None:
    head = "void CopyOperation::CopyFactory::override_runtime_arguments("
    source = small_factory.factory(override=small_factory.STALE)
    document = report(tmp_path, source.replace(head, f"// tt-cache-lint: ignore[TTC301] {WHY}\n{head}"))
    assert (ids(document), ids(document, "silenced")) == ([], ["TTC301"])


@pytest.mark.parametrize(
    ("line", "also"),
    [
        (f"// tt-cache-lint: ignore[TTC301] {WHY}\n\n        {STALE_LINE}", ["TTC001"]),
        (f"int before;  // tt-cache-lint: ignore[TTC301] {WHY}\n        {STALE_LINE}", ["TTC001"]),
        (f"{STALE_LINE}\n  // tt-cache-lint: ignore[TTC301] {WHY}", ["TTC001"]),
        (f"{STALE_LINE}  // tt-cache-lint: ignore[TTC302] {WHY}", ["TTC001"]),
        (f"{STALE_LINE}  // tt-cache-lint: ignore[TTC301]", ["TTC002"]),
        (f"{STALE_LINE}  // tt-cache-lint: ignore[TTC301] --", ["TTC002"]),
        (f"{STALE_LINE}  // tt-cache-lint: ignore {WHY}", ["TTC002"]),
        (f"{STALE_LINE}  // tt-cache-lint: ignore[] {WHY}", ["TTC002"]),
        (f"{STALE_LINE}  // tt-cache-lint: ignore[TTC301 {WHY}", ["TTC002"]),
        (f"{STALE_LINE}  // tt-cache-lint: ignore[stale-bufer-address] {WHY}", ["TTC002"]),
        (f"{STALE_LINE}  // tt-cache-lint: ignore[TTC001] {WHY}", ["TTC002"]),
        (f"{STALE_LINE}  // tt-cache-lint: disable[TTC301] {WHY}", ["TTC002"]),
        (f"{STALE_LINE}  // tt-cache-lint ignore[TTC301] {WHY}", ["TTC002"]),
        (f"{STALE_LINE}  // tt-cache-lint finds this one", []),
        (f'{STALE_LINE} auto s = "// tt-cache-lint: ignore[TTC301] {WHY}";', []),
        (f'{STALE_LINE} auto s = R"(\n// tt-cache-lint: ignore[TTC301] {WHY}\n)";', []),
    ],
)
def test_what_does_not_suppress_is_said(tmp_path: Path, line: str, also: list[str]) -> None:
    document = report(tmp_path, with_line(line))
    assert sorted(ids(document)) == sorted(["TTC301", *also])
    assert document["silenced"] == []


def test_messages_about_comments(tmp_path: Path) -> None:
    def said(comment: str) -> str:
        found = report(tmp_path, with_line(f"{STALE_LINE}  // {comment}"))["findings"]
        (message,) = [finding["message"] for finding in found if finding["id"] != "TTC301"]
        return str(message)

    assert said("tt-cache-lint: ignore[TTC301]") == (
        "This comment has no effect: it gives no reason; write `tt-cache-lint: ignore[RULE] reason`."
    )
    assert said("tt-cache-lint: ignore[TTC301, nope] why").startswith(
        "A part of this comment has no effect: no rule is"
    )
    assert "no rule is called 'stale-bufer-address'; did you mean 'stale-buffer-address'?" in said(
        "tt-cache-lint: ignore[stale-bufer-address] x"
    )
    assert "`ignore[TTC302]` suppresses nothing here any more." in said("tt-cache-lint: ignore[TTC301, TTC302] reason")


def test_one_good_word_counts_next_to_a_bad_one(tmp_path: Path) -> None:
    document = report(tmp_path, with_line(f"{STALE_LINE}  // tt-cache-lint: ignore[TTC301, nope] {WHY}"))
    assert (ids(document), ids(document, "silenced")) == (["TTC002"], ["TTC301"])


CLEAN = small_factory.factory().replace(
    STALE_LINE, f"{STALE_LINE}  // tt-cache-lint: ignore[stale-buffer-address] {WHY}"
)


def test_unused(tmp_path: Path) -> None:
    (finding,) = report(tmp_path, CLEAN)["findings"]
    assert (finding["id"], finding["severity"], finding["factory"]) == ("TTC001", "warning", "")
    line = next(at for at, text in enumerate(CLEAN.split("\n"), 1) if "tt-cache-lint" in text)
    assert finding["line"] == line


@pytest.mark.parametrize("args", [["--select", "TTC301"], ["--ignore", "TTC001"], ["--ignore", "TTC301"]])
def test_unused_is_not_said_of_rules_that_did_not_run(tmp_path: Path, args: list[str]) -> None:
    assert report(tmp_path, CLEAN, *args)["findings"] == []


def test_unused_is_not_said_of_rules_ignored_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "tt-cache-lint.toml").write_text('per-file-ignores = { "copy.cpp" = ["TTC301"] }')
    assert report(tmp_path, CLEAN)["findings"] == []


def test_unused_is_not_said_where_the_analysis_is_partial(tmp_path: Path) -> None:
    source = CLEAN.replace("auto& program = cached.program;", "auto& program = cached.program; mystery(program);")
    document = report(tmp_path, source)
    assert document["factories"][0]["status"] == "partial"
    assert document["findings"] == []


def test_unused_in_a_header_is_said_when_its_folder_is_checked(tmp_path: Path) -> None:
    header = tmp_path / "shared.hpp"
    header.write_text(f"#pragma once\nint x;  // tt-cache-lint: ignore[TTC301] {WHY}\n")
    assert report(tmp_path, small_factory.factory())["findings"] == []
    assert ids(json.loads(check(tmp_path).stdout)) == ["TTC001"]


def test_comments_in_files_that_were_not_asked_for_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "other.cpp").write_text("int x;  // tt-cache-lint: ignore[TTC301]\n")
    assert report(tmp_path, small_factory.factory())["findings"] == []
    assert ids(json.loads(check(tmp_path).stdout)) == ["TTC002"]


def test_suppressed_findings_do_not_fail_the_run(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "copy.cpp").write_text(with_line(f"{STALE_LINE}  // tt-cache-lint: ignore[TTC301] {WHY}"))
    result = CliRunner().invoke(main, ["check", str(tmp_path)])
    assert result.exit_code == 0
    assert "1 finding suppressed in the sources" in result.stdout


def finding(*lines: int, rule: str = "TTC301") -> Finding:
    places = [Place("a.cpp", line) for line in lines]
    related = tuple(Related(place, "") for place in places[1:])
    return Finding(rule, "", Severity.ERROR, Confidence.CERTAIN, "", places[0], "F", related=related)


def read(tmp_path: Path, text: str) -> list[Ignore]:
    (tmp_path / "a.cpp").write_bytes(text.encode("utf-8", "surrogateescape"))
    return Ignores(tmp_path, ["a.cpp"], RULES).all


def test_several_comments_above_one_line(tmp_path: Path) -> None:
    comments = [f"// tt-cache-lint: ignore[{rule}] why" for rule in ("TTC301", "TTC302", "TTC303")]
    assert [(i.words, i.target) for i in read(tmp_path, "\n".join([*comments, "int x;"]))] == [
        (("TTC301",), 4),
        (("TTC302",), 4),
        (("TTC303",), 4),
    ]


def test_a_comment_is_used_by_each_of_its_rules(tmp_path: Path) -> None:
    read(tmp_path, "int x;  // tt-cache-lint: ignore[TTC301, TTC302] why\n")
    ignores = Ignores(tmp_path, ["a.cpp"], RULES)
    assert ignores.of(finding(9, 1)) is not None
    assert ignores.of(finding(9, 2)) is None
    assert ignores.of(finding(1, rule="TTC303")) is None
    assert [f.message for f in ignores.unused(["a.cpp"], RULES)] == [
        "`ignore[TTC302]` suppresses nothing here any more."
    ]


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\\\n still the comment\n"])
def test_at_the_end_of_a_file(tmp_path: Path, end: str) -> None:
    (ignore,) = read(tmp_path, "// tt-cache-lint: ignore[TTC301] why" + end)
    assert ignore.fault == ""


PIECES = [*'/*"\\\n\r\t {}();[]:x\u2028\0ü', "// tt-cache-lint: ignore[TTC301] y"]


@settings(deadline=None, derandomize=True)
@given(text=st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
@example(text="/* tt-cache-lint: ignore[TTC301] y")
@example(text="#define X // tt-cache-lint: ignore[TTC301] y\\\n")
def test_any_text_is_survived(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp()
    for ignore in read(folder, text):
        assert 1 <= ignore.place.line <= ignore.target <= text.count("\n") + 2


def test_files_that_are_none_are_passed_over(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.cpp")
    (tmp_path / "folder.cpp").mkdir()
    (tmp_path / "link.cpp").symlink_to("/etc/passwd")
    assert Ignores(tmp_path, ["pipe.cpp", "folder.cpp", "link.cpp", "none.cpp"], RULES).all == []
