"""SARIF: against a schema, against a real consumer, and against GitHub's limits.

Two schemas: the official one, and one of ours that is narrower (tests/schemas).
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from sarif.loader import load_sarif_file

import small_factory
from report_samples import FACTORY, NARROW, ORDER, PARTIAL, PATH, RUN, STALE
from tt_cache_lint import __version__
from tt_cache_lint.cli import main
from tt_cache_lint.model import Confidence, Finding, Place, Problem, Related, Run, Severity, Silenced
from tt_cache_lint.report import View, sarif
from tt_cache_lint.rule import load_rules

ROOT = Path(__file__).resolve().parent.parent
SCHEMAS = [Path(__file__).parent / "schemas" / name for name in ("sarif-2.1.0.json", "sarif-used.json")]
VALIDATORS = [
    jsonschema.validators.validator_for(schema)(schema) for schema in (json.loads(path.read_text()) for path in SCHEMAS)
]


def valid(text: str) -> dict[str, Any]:
    """The one run of a log that all schemas accept."""
    log = json.loads(text)
    for validator in VALIDATORS:
        validator.validate(log)
    run = log["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        if "ruleIndex" in result:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    prints = [tuple(sorted(result["partialFingerprints"].items())) for result in run["results"]]
    assert len(set(prints)) == len(prints)
    assert isinstance(run, dict)
    return run


def render(run: Run = RUN) -> dict[str, Any]:
    return valid(sarif.render(run, View()))


def only(finding: Finding, **more: Any) -> dict[str, Any]:
    (result,) = render(replace(RUN, findings=(finding,), **more))["results"]
    assert isinstance(result, dict)
    return result


def where(location: dict[str, Any]) -> tuple[str, int, int]:
    physical = location["physicalLocation"]
    return physical["artifactLocation"]["uri"], physical["region"]["startLine"], physical["region"]["startColumn"]


def test_results() -> None:
    run = render()
    assert [(one["ruleId"], one["level"], one["rank"]) for one in run["results"]] == [
        ("TTC406", "warning", 70.0),
        ("TTC101", "note", 95.0),
        ("TTC301", "error", 95.0),
    ]
    stale = run["results"][2]
    assert where(stale["locations"][0]) == (PATH, 13, 30)
    assert stale["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "MaskOp::MultiCore"
    (related,) = stale["relatedLocations"]
    assert (where(related)[1], related["message"]["text"]) == (19, "never refreshed here")
    assert stale["message"]["text"] == (
        f"{STALE.message} When `tensor_args.mask` has a value. See: [never refreshed here](1)."
    )
    assert stale["properties"]["write"] == list(STALE.fix)


def test_the_code_flow_tells_the_story() -> None:
    facts = replace(FACTORY, override_end=27)
    (flow,) = only(STALE, factories=(facts,))["codeFlows"]
    steps = flow["threadFlows"][0]["locations"]
    assert [step["executionOrder"] for step in steps] == [1, 2, 3, 4]
    assert [(where(step["location"])[1], step["location"]["message"]["text"]) for step in steps] == [
        (13, "Miss: create() puts `0x20000 mask, run 1` into reader_kernel_id arg 1."),
        (17, "The program is cached as it is now."),
        (19, "Hit: the hash is the same, so only the override runs, on the cached program."),
        (
            27,
            "It returns: reader_kernel_id arg 1 holds `0x20000 mask, run 1`, where a fresh create() puts `0x60000`.",
        ),
    ]


def test_the_code_flow_of_a_wrong_write_begins_in_create() -> None:
    facts = replace(FACTORY, override_end=27)
    wrong = replace(STALE, place=Place(PATH, 24, 9), related=(Related(Place(PATH, 13, 14), "create() sets it here"),))
    steps = only(wrong, factories=(facts,))["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [where(step["location"])[1] for step in steps] == [13, 17, 19, 24, 27]
    assert steps[3]["location"]["message"]["text"] == "It writes here."


def test_no_code_flow_without_a_slot() -> None:
    assert "codeFlows" not in only(ORDER)
    assert "codeFlows" not in only(NARROW)


def test_fingerprints_survive_line_shifts_and_differ() -> None:
    moved = replace(STALE, place=Place(PATH, 113, 3))
    assert only(STALE)["partialFingerprints"] == only(moved)["partialFingerprints"]
    both = render(replace(RUN, findings=(STALE, moved)))["results"]
    assert [one["partialFingerprints"][sarif.FINGERPRINT][-2:] for one in both] == [":1", ":2"]


def test_suppressions() -> None:
    silenced = (
        Silenced(STALE, "it is\x1b[2J fine", Place(PATH, 12, 5)),
        Silenced(replace(STALE, slot="other"), "in the baseline known.json"),
    )
    first, second = render(replace(RUN, findings=(), silenced=silenced))["results"]
    assert first["suppressions"][0]["kind"] == "inSource"
    assert first["suppressions"][0]["justification"] == r"it is\x1b[2J fine"
    assert where(first["suppressions"][0]["location"]) == (PATH, 12, 5)
    assert second["suppressions"] == [
        {"kind": "external", "status": "accepted", "justification": "in the baseline known.json"}
    ]


def test_rules_have_help_from_their_pages() -> None:
    driver = render()["tool"]["driver"]
    assert (driver["name"], driver["semanticVersion"]) == ("tt-cache-lint", __version__)
    assert [rule["id"] for rule in driver["rules"]] == [rule.id for rule in load_rules()]
    for rule in driver["rules"]:
        assert rule["help"]["markdown"].startswith("## What it does\n")
        assert rule["help"]["text"].startswith("What it does:\n\n")
        assert "## " not in rule["help"]["text"]
        assert "```" not in rule["help"]["text"]
        assert rule["fullDescription"]["text"] in " ".join(rule["help"]["markdown"].split())
        assert len(rule["help"]["markdown"]) < sarif.HELP


def test_what_was_not_understood_is_told() -> None:
    run = replace(RUN, factories=(FACTORY, PARTIAL), problems=(Problem("a.cpp", "too large", unread=True),))
    (invocation,) = render(run)["invocations"]
    assert invocation["executionSuccessful"] is False
    assert [(told["level"], told["message"]["text"]) for told in invocation["toolExecutionNotifications"]] == [
        ("warning", "a.cpp: too large"),
        ("note", "OtherOp::Single was not fully analysed (partial): budget used up"),
    ]
    assert render(RUN)["invocations"][0]["executionSuccessful"] is True


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("a b/ü.cpp", "a%20b/%C3%BC.cpp"),
        ("a%20b.cpp", "a%2520b.cpp"),
        ("http:x?y#z.cpp", "http%3Ax%3Fy%23z.cpp"),
        ('new\nline"\\[].cpp', "new%0Aline%22%5C%5B%5D.cpp"),
        ("\udcff.cpp", "%FF.cpp"),
    ],
)
def test_uris(path: str, uri: str) -> None:
    assert where(only(replace(STALE, place=Place(path, 3)))["locations"][0])[0] == uri
    assert unquote(uri, errors="surrogateescape") == path


def test_uris_are_relative_to_the_checkout(tmp_path: Path) -> None:
    root = tmp_path / "third party" / "tt-metal"
    root.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    run = render(replace(RUN, root=str(root)))
    assert run["originalUriBaseIds"]["%SRCROOT%"]["uri"] == tmp_path.as_uri() + "/"
    assert where(run["results"][2]["locations"][0])[0] == f"third%20party/tt-metal/{PATH}"
    assert render(replace(RUN, root="/"))["originalUriBaseIds"]["%SRCROOT%"]["uri"] == "file:///"


def test_columns_are_utf_16() -> None:
    line = "ü𝄞 = x;"  # 2 bytes and 1 unit, 4 bytes and 2 units
    at = replace(STALE, place=Place("a.cpp", 1, len("ü𝄞 = ".encode()) + 1), related=())
    assert where(only(at, texts={"a.cpp": (line,)})["locations"][0]) == ("a.cpp", 1, 7)
    far = replace(at, place=Place("a.cpp", 1, 999))
    assert where(only(far, texts={"a.cpp": (line,)})["locations"][0])[2] == 9


def test_ranges() -> None:
    region = only(replace(STALE, place=Place(PATH, 3, 1, 9)))["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 3, "startColumn": 1, "endLine": 9}


def test_limits() -> None:
    related = tuple(Related(Place(PATH, at), f"place {at}") for at in range(1, 2000))
    (result,) = render(replace(RUN, findings=(replace(STALE, related=related),)))["results"]
    assert len(result["relatedLocations"]) + 1 == sarif.MOST_LOCATIONS
    assert "[place 99](99)" in result["message"]["text"]
    assert "(100)" not in result["message"]["text"]
    many = [replace(NARROW, slot=f"slot {at}") for at in range(sarif.MOST_RESULTS)]
    run = render(replace(RUN, findings=(*many, STALE), silenced=(Silenced(ORDER, "x"),)))
    assert len(run["results"]) == sarif.MOST_RESULTS
    assert run["results"][0]["ruleId"] == "TTC301"
    told = run["invocations"][0]["toolExecutionNotifications"][0]
    assert told["message"]["text"] == "2 results are left out: GitHub shows 5000."
    problems = tuple(Problem(f"{at}.cpp", "binary") for at in range(5000))
    assert len(render(replace(RUN, problems=problems))["invocations"][0]["toolExecutionNotifications"]) == 1000


EVIL = st.text(st.sampled_from('a\0\x1b\n\r\u2028\u202e\x7f\x9b:[](){}\\"%#/?<>&`|.\udcff𝄞'), max_size=12)
NUMBER = st.integers(-1, 40)


@settings(deadline=None, derandomize=True)
@given(path=EVIL.filter(lambda path: path.strip("./") not in ("",) and not path.startswith("/") and ".." not in path),
       text=EVIL, line=NUMBER, column=NUMBER, end=NUMBER)  # fmt: skip
def test_nothing_from_sources_breaks_it(path: str, text: str, line: int, column: int, end: int) -> None:
    place = Place(path, line, column, end)
    finding = Finding(
        "TTC301", "stale-buffer-address", Severity.ERROR, Confidence.LIKELY, f"m {text}", place, text or "F", text,
        (text,), (Related(place, f"r {text}"),), (replace(STALE.rows[1], slot=text, created=text),), (text,),
    )  # fmt: skip
    facts = replace(FACTORY, factory=text or "F", path=path, create=place, override=place, override_end=end)
    run = replace(RUN, findings=(finding,), silenced=(Silenced(finding, f"j {text}", place),), factories=(facts,),
                  problems=(Problem(path, f"p {text}", line),))  # fmt: skip
    out = sarif.render(run, View())
    valid(out)
    assert out.isascii()
    assert "##" not in out


def test_no_text_becomes_a_link() -> None:
    evil = replace(STALE, message="see [this](1) and [that](http://example.org)", when=("[x](2)",), related=())
    assert "](" not in only(evil)["message"]["text"]
    evil = replace(STALE, related=(Related(Place(PATH, 3), "a]b[c\\](1)"),))
    assert only(evil)["message"]["text"].endswith(r"See: [a\]b\[c\\\](1)](1).")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A log as the command line writes it, of an op with a stale slot and an ignored one, in a folder with a blank."""
    (tmp_path / ".git").mkdir()
    folder = tmp_path / "my ops"
    folder.mkdir()
    (folder / "copy.cpp").write_text(small_factory.factory(override=small_factory.STALE))
    ignored = small_factory.factory(override=small_factory.STALE, name="Other")
    line = "SetRuntimeArgs(program, writer, core, {output.buffer()->address(), 4});"
    (folder / "other.cpp").write_text(
        ignored.replace(line, f"{line}  // tt-cache-lint: ignore[TTC301] it is preallocated")
    )
    log = tmp_path / "out.sarif"
    result = CliRunner().invoke(main, ["check", str(folder), "--format", "sarif", "-o", str(log)])
    assert (result.exit_code, result.output) == (0, "")
    return log


def test_the_command_line(written: Path) -> None:
    run = valid(written.read_text())
    assert [("suppressions" in one, where(one["locations"][0])[0]) for one in run["results"]] == [
        (False, "my%20ops/copy.cpp"),
        (True, "my%20ops/other.cpp"),
    ]
    steps = run["results"][0]["codeFlows"][0]["threadFlows"][0]["locations"]
    source = (written.parent / "my ops" / "copy.cpp").read_text().split("\n")
    seen = [source[where(step["location"])[1] - 1] for step in steps]
    assert "output.buffer()->address()" in seen[0]
    assert seen[1] == "}"
    assert "::override_runtime_arguments(" in seen[2]
    assert seen[3] == "}"


@pytest.mark.parametrize(("args", "status"), [([], 0), (["--fail-on", "error"], 1), (["--fail-on", "never"], 0)])
def test_findings_fail_the_run_only_when_asked(written: Path, args: list[str], status: int) -> None:
    result = CliRunner().invoke(main, ["check", str(written.parent / "my ops"), "--format", "sarif", *args])
    assert result.exit_code == status
    valid(result.stdout)


def test_what_cannot_be_read_fails_the_run_all_the_same(written: Path) -> None:
    result = CliRunner().invoke(main, ["check", str(written.parent / "none.cpp"), "--format", "sarif"])
    assert result.exit_code == 2
    assert valid(result.stdout)["invocations"][0]["toolExecutionNotifications"]


def test_sarif_tools_reads_it(written: Path) -> None:
    loaded = load_sarif_file(str(written))
    assert loaded.get_distinct_tool_names() == ["tt-cache-lint"]
    assert loaded.get_result_count() == 2
    records = loaded.get_records()
    assert {(one["Severity"], one["Code"]) for one in records} == {("error", "TTC301")}
    assert [unquote(one["Location"]) for one in records] == ["my ops/copy.cpp", "my ops/other.cpp"]
    assert all(one["Line"] > 1 for one in records)


def test_the_sarif_command_reads_it(written: Path) -> None:
    tool = [sys.executable, "-m", "sarif"]
    for args in (
        ["summary"],
        ["csv", "--output", str(written.with_suffix(".csv"))],
        ["emacs", "--output", str(written.with_suffix(".txt"))],
    ):
        told = subprocess.run([*tool, args[0], *args[1:], str(written)], capture_output=True, text=True, check=False)
        assert told.returncode == 0, told.stderr
    summary = subprocess.run([*tool, "summary", str(written)], capture_output=True, text=True, check=True).stdout
    assert "error: 2" in summary
    assert "TTC301" in summary
