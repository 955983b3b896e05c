"""What CI systems read: GitHub's workflow commands, GitLab's code quality, markdown."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

import small_factory
from report_samples import FACTORY, NARROW, ORDER, PARTIAL, PATH, RUN, STALE
from tt_cache_lint.cli import main
from tt_cache_lint.model import Finding, Place, Problem, Related, Run, Severity
from tt_cache_lint.report import FORMATS, View, github, gitlab, markdown, statistics

EVIL = "a`b``c|d\n::error::x%0A<b>&amp;*e*_f_[g](http://h)@user #1 ~~s~~ $m$ ##[error] \x1b[31m \\` www.i.org :tada:"


def evil(finding: Finding = STALE, text: str = EVIL) -> Run:
    row = replace(finding.rows[1], created=text, after_hit=text, expected=text, slot=text, cores=text)
    hostile = replace(
        finding, message=text, place=Place(text, 3), factory=text, slot=text, when=(text,), rows=(row,), fix=(text,),
        related=(Related(Place(text, 4), text),),
    )  # fmt: skip
    facts = replace(FACTORY, factory=text, path=text, override_end=27)
    partial = replace(PARTIAL, factory=text, reason=text)
    return replace(RUN, findings=(hostile,), factories=(facts, partial), problems=(Problem(text, text),), notes=(text,))


# --- GitHub


def parsed(line: str) -> tuple[str, dict[str, str], str]:
    """A line as the runner reads it: actions/runner, ActionCommand.cs."""
    match = re.fullmatch(r"::(\w+) ([^\n]*?)::(.*)", line)
    assert match is not None, line
    properties = dict(item.split("=", 1) for item in match[2].split(","))

    def plain(text: str, names: dict[str, str]) -> str:
        for code, char in names.items():
            text = text.replace(code, char)
        return text

    data = {"%0D": "\r", "%0A": "\n", "%25": "%"}
    return (
        match[1],
        {k: plain(v, {"%3A": ":", "%2C": ",", **data}) for k, v in properties.items()},
        plain(match[3], data),
    )


def commands(run: Run) -> list[str]:
    return [line for line in github.render(run, View()).split("\n") if line.startswith("::")]


def test_workflow_commands() -> None:
    assert [parsed(line)[0] for line in commands(RUN)] == ["error", "warning", "notice"]
    _, properties, message = parsed(commands(RUN)[0])
    assert properties == {
        "file": PATH, "line": "13", "endLine": "13", "title": "TTC301 stale-buffer-address", "col": "30",
    }  # fmt: skip
    assert message == f"{PATH}:13: TTC301 stale-buffer-address [MaskOp::MultiCore] {STALE.message}"
    assert github.render(RUN, View()).splitlines()[3:] == [
        "1 error, 1 warning, 1 note in 1 of 3 factories (7 files, 0.25 s)",
        "2 factories not fully analysed: 1 partial (budget used up); 1 skipped (no override)",
    ]


def test_only_the_first_ten_of_a_level_are_annotations() -> None:
    many = tuple(replace(NARROW, slot=str(at), message=f"warning {at}") for at in range(25))
    run = replace(RUN, findings=(*many, STALE))
    assert [parsed(line)[0] for line in commands(run)] == ["error"] + ["warning"] * 10
    out = github.render(run, View())
    assert all(f"warning {at}\n" in out for at in range(25))


def test_problems_are_warnings(tmp_path: Path) -> None:
    (tmp_path / "a,b:c.cpp").touch()
    problems = (Problem("a,b:c.cpp", "100% binary"), Problem("/etc/x", "is outside the root"))
    assert commands(replace(RUN, root=str(tmp_path), findings=(), problems=problems)) == [
        "::warning file=a%2Cb%3Ac.cpp,line=1,title=tt-cache-lint::a,b:c.cpp: 100%25 binary",
        "::warning title=tt-cache-lint::/etc/x: is outside the root",
    ]


@settings(deadline=None, derandomize=True)
@given(st.text(st.sampled_from("a%:,=\n\r\x1b\u2028#[]0DA25"), min_size=1))
def test_commands_hold_exactly_what_was_said(text: str) -> None:
    out = github.render(evil(text=text), View())
    lines = out.split("\n")
    assert len([line for line in lines if re.match(r"\s*::", line)]) == 2
    for line in lines[:2]:
        parsed(line)
    assert "\x1b" not in out
    assert "\r" not in out
    assert "##[" not in out


def test_a_root_below_the_checkout(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "sub").mkdir()
    run = replace(RUN, root=str(tmp_path / "sub"))
    assert parsed(commands(run)[0])[1]["file"] == f"sub/{PATH}"
    assert json.loads(gitlab.render(run, View()))[0]["location"]["path"].startswith("sub/")
    assert f"`sub/{PATH}:13`" in markdown.render(run, View())


# --- GitLab

# The part of Code Climate's format that GitLab reads: docs.gitlab.com/ci/testing/code_quality
QUALITY = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": "^(?!\\./|/)"},
                    "lines": {"required": ["begin"], "properties": {"begin": {"type": "integer", "minimum": 1}}},
                },
            },
        },
    },
}


def test_code_quality() -> None:
    moved = replace(STALE, place=Place(PATH, 99))
    items = json.loads(gitlab.render(replace(RUN, findings=(STALE, moved, ORDER)), View()))
    jsonschema.validate(items, QUALITY)
    assert [item["severity"] for item in items] == ["critical", "critical", "info"]
    assert len({item["fingerprint"] for item in items}) == 3
    (alone,) = json.loads(gitlab.render(replace(RUN, findings=(moved,)), View()))
    assert alone["fingerprint"] == items[0]["fingerprint"]
    assert items[0]["location"] == {"path": PATH, "lines": {"begin": 13, "end": 13}}


def test_code_quality_is_ascii_and_valid_whatever_the_source() -> None:
    out = gitlab.render(evil(), View())
    jsonschema.validate(json.loads(out), QUALITY)
    assert out.isascii()
    assert "##[" not in out


# --- markdown


class Page(HTMLParser):
    """What a rendered page holds: its tags, and the text outside of code."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.codes: list[str] = []
        self.prose = ""
        self._code = 0
        self.feed(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text))

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag == "code":
            self._code += 1
            self.codes.append("")

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag == "code"

    def handle_data(self, data: str) -> None:
        if self._code:
            self.codes[-1] += data
        else:
            self.prose += data


OURS = {"h3", "p", "ul", "ol", "li", "strong", "code", "pre", "br", "details", "summary"}


def test_markdown() -> None:
    facts = replace(FACTORY, override_end=27)
    page = Page(markdown.render(replace(RUN, factories=(facts,)), View()))
    assert page.tags == OURS
    assert "tt-cache-lint: 1 error, 1 warning, 1 note" in page.prose
    assert f"{PATH}:13" in page.codes
    assert "tensor_args.mask->buffer()->address()" in page.codes
    assert any("reader_kernel_id arg 1  (0,0)-(3,0)" in code for code in page.codes)
    assert any(code.rstrip() == "\n".join(STALE.fix) for code in page.codes)
    assert "Miss: create() puts" in page.prose


def test_nothing_from_sources_is_markup() -> None:
    page = Page(markdown.render(evil(), View()))
    assert page.tags == OURS
    for trace in ("@", "#", "http", "www", "|", "*", "~", "$", ":tada", "<", "`", "["):
        assert trace not in page.prose, page.prose
    assert any("(http://h)@user" in code for code in page.codes)


@settings(deadline=None, derandomize=True)
@given(st.text(st.sampled_from("ab `|*_<>&[]()!@#~$:/.\\\n\r\t-+=1x{}"), min_size=1, max_size=30))
@example("##[")
@example("##a[`")
def test_code_spans_hold_exactly_the_text(text: str) -> None:
    shown = text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    shown = re.sub(r"##(?=\w*\[)", r"#\\x23", shown)  # a command to the log readers of CI systems
    page = Page(f"a {markdown.code(text)} b")
    assert page.tags == {"p", "code"}
    (code,) = page.codes
    # Markdown takes one blank off both ends, and no reader sees the difference.
    assert code.strip(" ") == shown.strip(" ")


@settings(deadline=None, derandomize=True)
@given(st.text(st.sampled_from("ab `|*_<>&[]()!@#~$:/.\\\n-+=1x{}w"), max_size=40))
def test_prose_has_no_markup(text: str) -> None:
    page = Page(f"x {markdown.prose(text)} y")
    assert page.tags <= {"p", "code"}
    assert not set(page.prose) & set("|*_<>[]@#~$/\\{}`")


@pytest.mark.parametrize("word", ["GH-12", "www.example.org", "deadbeef1234", "a@b.org", "#12", "@me", "a/b#1", "x_y_"])
def test_references_are_code(word: str) -> None:
    assert markdown.prose(f"see {word}, then") == f"see `{word}`, then"


@pytest.mark.parametrize(
    "text", ["It writes (here).", "4 of 16 cores: it isn't", "a well-known create() call", "1.5 s"]
)
def test_sentences_stay_sentences(text: str) -> None:
    assert markdown.prose(text) == text


def test_markdown_fits_a_comment() -> None:
    many = tuple(replace(STALE, slot=str(at), message="word " * 200) for at in range(500))
    text = markdown.render(replace(RUN, findings=many), View())
    assert len(text) < 65_536
    assert re.search(r"- … \d+ findings more\n", text)


def test_nothing_found() -> None:
    text = markdown.render(replace(RUN, findings=(), factories=(FACTORY,)), View())
    assert text.startswith("### tt-cache-lint: no findings\n")
    assert "no findings in 1 factory" in text


# --- statistics


def test_statistics() -> None:
    more = replace(STALE, slot="x", factory="Other", severity=Severity.WARNING)
    assert statistics.render(replace(RUN, findings=(STALE, more, NARROW)), View()).splitlines()[:2] == [
        "    2  TTC301  stale-buffer-address  error/warning  2 certain, in 2 factories",
        "    1  TTC406  narrowed-handle       warning  0 certain, in 1 factory",
    ]
    assert "\x1b" not in statistics.render(evil(), View())


# --- all of them, on real files

NAMES = ["e\x1b[31m`|,:%<b>@me\n::error::.cpp", os.fsdecode(b"bad\xff.cpp"), "ünï cödé.cpp", "##[error].cpp"]


@pytest.mark.parametrize("name", list(FORMATS))
def test_hostile_file_names(name: str, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    for at, file in enumerate(NAMES):
        (tmp_path / file).write_text(small_factory.factory(override=small_factory.STALE, name=f"Evil{at}"))
    out = tmp_path / "out"
    result = CliRunner().invoke(main, ["check", str(tmp_path), "--format", name, "-o", str(out), "--fail-on", "error"])
    assert (result.exit_code, result.output) == (1, "")
    text = out.read_text("utf-8")
    assert not set(text) & {"\x1b", "\r", "\x9b"}
    assert "##[" not in text
    commands = [line for line in text.split("\n") if re.match(r"\s*::", line)]
    assert len(commands) == (len(NAMES) if name == "github" else 0)
    for at in range(len(NAMES)):
        assert f"Evil{at}Operation" in text or name == "gitlab"  # which has no place for it
