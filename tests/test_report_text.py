"""The report for people, at a fixed width and without colours unless colours are the point."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from report_samples import FACTORY, NARROW, PARTIAL, PATH, ROWS, RUN, SKIPPED, STALE
from tt_cache_lint.model import Confidence, Finding, Place, Problem, Related, Row, Run
from tt_cache_lint.report import View, text
from tt_cache_lint.report.frame import span
from tt_cache_lint.report.summary import tally

PLAIN = View(width=120)

EXPECTED = """\
error TTC301 stale-buffer-address · MaskOp::MultiCore
  `reader_kernel_id` arg 1 holds the buffer address of tensor_args.mask (`tensor_args.mask->buffer()->address()`); a
  cache hit never refreshes it, so the kernel uses the first call's buffer.

    ╭─ ttnn/cpp/ttnn/operations/mask/device/mask_program_factory.cpp:13:30
 11 │         SetRuntimeArgs(
 12 │             program, reader_kernel_id, cores[i],
 13 │             {src->address(), tensor_args.mask->buffer()->address(), num_tiles, offsets[i]});  // keep [i] and [/i]
    │                              ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ reader_kernel_id arg 1
 14 │         SetRuntimeArgs(program, writer_kernel_id, cores[i], {dst->address(), num_tiles});
    ⋮
 19 │ void MaskOp::MultiCore::override_runtime_arguments(
    │ ─────────────────────────────────────────────────── never refreshed here

                                       after create()        after the hit         a fresh create()
  slot                    cores        (run 1)               (run 2)               (run 2)           verdict
  reader_kernel_id arg 0  (0,0)-(3,0)  0x10000 input, run 1  0x50000 input, run 2  0x50000           ok
  reader_kernel_id arg 1  (0,0)-(3,0)  0x20000 mask, run 1   0x20000 mask, run 1   0x60000           stale
  reader_kernel_id arg 2  (0,0)-(3,0)  4                     4                     4                 constant

  when   `tensor_args.mask` has a value
  write  + auto& args = GetRuntimeArgs(cached_program.program, reader_kernel_id, core);
         + args[1] = tensor_args.mask->buffer()->address();
"""


def only(*findings: Finding, **changes: Any) -> Run:
    return replace(RUN, findings=findings, **changes)


def lines_of(run: Run, view: View = PLAIN) -> list[str]:
    return text.render(run, view).splitlines()


def test_a_finding_is_shown_whole() -> None:
    assert EXPECTED in text.render(RUN, PLAIN)


def test_findings_are_grouped_by_file_and_summed_up() -> None:
    lines = lines_of(RUN)
    heads = [line for line in lines if line.startswith("── ")]
    assert [head.rstrip("─").strip() for head in heads] == [
        "── ttnn/cpp/ttnn/operations/mask/device/mask_device_operation.hpp  1 warning",
        f"── {PATH}  1 error, 1 note",
    ]
    assert lines[-3:] == [
        "1 error, 1 warning, 1 note in 1 of 3 factories (7 files, 0.25 s)",
        "2 factories not fully analysed: 1 partial (budget used up); 1 skipped (no override); -v lists them",
        "`tt-cache-lint explain TTC301` says what a rule looks for and why",
    ]


def test_what_is_wrong_with_a_hash_concerns_an_op() -> None:
    hashed = replace(STALE, rule="hash-omits", factory="MaskOp")
    assert tally(replace(RUN, findings=(STALE, hashed))).startswith("2 errors in 1 of 3 factories and 1 op (")
    assert tally(replace(RUN, findings=(hashed,), factories=(FACTORY,))).startswith("1 error in 1 op with 1 factory (")


def test_silence_is_not_clean_when_factories_were_not_analysed() -> None:
    assert lines_of(only(factories=(FACTORY,))) == ["No findings in 1 factory (7 files, 0.25 s)"]
    assert lines_of(only(factories=(PARTIAL, SKIPPED)))[1].startswith("2 factories not fully analysed: 1 partial")
    assert lines_of(only(factories=())) == ["No program factories found (7 files, 0.25 s)"]


def test_reasons_are_counted_and_the_rare_ones_merged() -> None:
    reasons = ["a", "a", "b", "c", "d", "e"]
    factories = tuple(replace(PARTIAL, factory=f"F{at}", reason=reason) for at, reason in enumerate(reasons))
    assert "6 partial (a: 2, b: 1, c: 1, other reasons: 2)" in text.render(only(factories=factories), PLAIN)


def test_hidden_findings_and_problems_are_mentioned() -> None:
    report = text.render(only(hidden=2, problems=(Problem("a.cpp", "too large", 3),)), PLAIN)
    assert "problem a.cpp:3: too large" in report
    assert "2 possible findings not shown; see --show-possible" in report


def test_confidence_is_shown_when_it_is_not_certain() -> None:
    head = lines_of(only(NARROW))[2]
    assert head == "warning TTC406 narrowed-handle · MaskOp::MultiCore · likely"
    assert "likely" not in text.render(only(replace(NARROW, confidence=Confidence.CERTAIN)), PLAIN)


def test_a_place_without_source_is_one_line() -> None:
    assert "mask_device_operation.hpp:41:18  shared_variables.cb_src" in text.render(only(NARROW), PLAIN)


def test_a_related_place_in_another_file_has_its_own_frame() -> None:
    finding = replace(STALE, related=(Related(Place("other.hpp", 2, 5), "declared here"),))
    lines = lines_of(only(finding, texts={**RUN.texts, "other.hpp": ("struct S {", "    int handle;", "};")}))
    at = lines.index("    ╭─ other.hpp:2:5")
    assert lines[at + 1 : at + 3] == ["  2 │     int handle;", "    │     ────────── declared here"]


def test_a_range_is_marked_at_its_side_and_cut_in_the_middle() -> None:
    lines = lines_of(only(replace(STALE, place=Place(PATH, 5, 1, 17), related=())))
    marked = [line for line in lines if line.startswith("┃")]
    assert [line[:4].strip("┃ ") for line in marked if line[1:4].strip()] == ["5", "6", "7", "17"]
    assert any(line.strip() == "⋮" for line in lines)


def test_verbose_lists_every_factory() -> None:
    report = text.render(RUN, replace(PLAIN, verbose=True))
    for line in (
        f"analysed  MaskOp::MultiCore  typed  {PATH}:5",
        "explored       3 paths, 48 worlds, 1 decision",
        "slots          3 need a refresh on a hit, 2 get it",
        "decisions      tensor_args.mask has a value",
        "unknown calls  mystery_helper",
        "budget         3 of 64 paths",
        "partial   OtherOp::Single",
        "why            no override",
    ):
        assert line in report
    assert "FourthOp" not in text.render(RUN, PLAIN)


def test_long_tables_keep_what_is_wrong() -> None:
    rows = (*(replace(ROWS[0], slot=f"k arg {at}") for at in range(30)), ROWS[1])
    report = text.render(only(replace(STALE, rows=rows)), PLAIN)
    assert "0x20000 mask, run 1" in report
    assert "… 21 more, see -v" in report
    assert "k arg 29" in text.render(only(replace(STALE, rows=rows)), replace(PLAIN, verbose=True))


def test_colours_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b" not in text.render(RUN, PLAIN)
    assert "\x1b[1;31merror TTC301" in text.render(RUN, replace(PLAIN, color=True))


def test_ascii_when_the_reader_has_no_unicode() -> None:
    assert text.render(RUN, replace(PLAIN, unicode=False)).isascii()


@pytest.mark.parametrize("width", [1, 40, 80, 100, 120])
def test_frames_stay_within_the_width(width: int) -> None:
    source = tuple("x" * 400 for _ in range(30))
    run = only(replace(STALE, message="m", rows=(), fix=(), when=()), texts={PATH: source})
    frame = [line for line in lines_of(run, View(width=width)) if "│" in line]
    assert len(frame) > 5
    assert max(map(len, frame)) <= max(width, 40)


def test_a_far_column_is_brought_into_view() -> None:
    source = ["", "", "y" * 5_000_000 + " target(a, b), tail"]
    finding = replace(STALE, place=Place(PATH, 3, 5_000_002), related=())
    lines = lines_of(only(finding, texts={PATH: tuple(source)}))
    code = next(line for line in lines if "target" in line)
    under = lines[lines.index(code) + 1]
    assert under.index("━") == code.index("target")
    assert under.count("━") == len("target(a, b)")


@pytest.mark.parametrize(
    ("raw", "column", "marked"),
    [
        ("f(a->address(), b)", 3, "a->address()"),
        ("    int handle;  // expect: x", 1, "int handle"),
        ("args[1] = x /* why */ + y;", 1, "args[1] = x"),
        ('g("a, b", c)', 3, '"a, b"'),
        (r'g("\", b", c)', 3, r'"\", b"'),
        ("n = 1'000, m", 1, "n = 1'000"),
        ("override(", 1, "override("),
        ("x", 90, "x"),
        ("x", 0, "x"),
    ],
)
def test_the_expression_at_a_column(raw: str, column: int, marked: str) -> None:
    start, end = span(raw, column)
    assert raw[start:end] == marked


def test_an_empty_line_can_be_marked() -> None:
    assert span("", 1) == (0, 1)


def test_tabs_and_wide_characters_keep_the_mark_in_place() -> None:
    source = ('\tcall("漢字", value);',)
    finding = replace(STALE, place=Place(PATH, 1, 13), related=(), slot="s")
    lines = lines_of(only(finding, texts={PATH: source}))
    # A tab is four cells, each of the two characters two.
    at = lines.index(' 1 │     call("漢字", value);')
    assert lines[at + 1] == "   │ " + " " * 17 + "━━━━━ s"


HOSTILE = "\x1b[2J\x1b]0;owned\x07 [red]bold[/red] :bomb: \u202ereversed\u200b ##[error]x \x9b31m \udc80"


def hostile_run() -> Run:
    source = tuple(f"::error::{HOSTILE} {at}" for at in range(30))
    finding = replace(
        STALE,
        message=f"{HOSTILE}\n::error file=a::b " + "word " * 40 + "::warning::z",
        factory=f"F{HOSTILE}",
        slot=HOSTILE,
        when=(HOSTILE, "\n::error::when"),
        fix=("::error::fix", HOSTILE),
        place=Place(f"::error::{HOSTILE}\n::error::path", 5),
        related=(Related(Place(PATH, 8), HOSTILE),),
        rows=(Row(f"::error::{HOSTILE}", HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE),),
    )
    factory = replace(PARTIAL, reason=f"\n::error::{HOSTILE}", unknown_calls=(HOSTILE,), factory=HOSTILE, infra=HOSTILE)
    problem = Problem(f"::error::{HOSTILE}", f"\n::error::{HOSTILE}")
    return only(finding, factories=(factory,), problems=(problem,), texts={finding.place.path: source, PATH: source})


@pytest.mark.parametrize("width", [40, 60, 120])
def test_hostile_text_is_neutralised(width: int) -> None:
    report = text.render(hostile_run(), View(width=width, verbose=True))
    assert all(char.isprintable() for char in report.replace("\n", ""))
    assert "##[" not in report
    assert not [line for line in report.split("\n") if line.lstrip().startswith("::")]
    if width == 120:
        assert r"\x1b[2J" in report
        assert "[red]bold[/red] :bomb:" in report  # neither markup nor emoji codes mean anything


def test_hostile_text_is_neutralised_in_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    import re

    monkeypatch.setenv("TERM", "xterm-256color")
    report = re.sub(r"\x1b\[[0-9;]*m", "", text.render(hostile_run(), View(width=80, color=True)))
    assert all(char.isprintable() for char in report.replace("\n", ""))
    assert not [line for line in report.split("\n") if line.lstrip().startswith("::")]


def test_many_findings_of_a_kind_without_a_table_are_told_briefly() -> None:
    """The first three with their source, the others with their place and what to write; -v shows all."""
    several = only(*(replace(STALE, rows=(), slot=f"hash: input {i}") for i in range(5)))
    brief, whole = (text.render(several, View(width=100, verbose=verbose)) for verbose in (False, True))
    assert brief.count("like the ones above") == 2
    assert brief.count("hash: input ") == 3
    assert "like the ones above" not in whole
