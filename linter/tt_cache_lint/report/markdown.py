"""A summary in GitHub's and GitLab's markdown, for a pull request or the summary page of a job.

Nothing that comes from sources is markup here: it stands in code spans and code blocks, where markdown interprets
nothing, no name is mentioned and no address becomes a link. There are no tables of it, because a `|` ends a cell even
inside a code span.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tt_cache_lint.model import Confidence, Finding, Row, Run
from tt_cache_lint.report import View
from tt_cache_lint.report.safe import guarded, visible
from tt_cache_lint.report.story import facts_of, story
from tt_cache_lint.report.summary import counted, plural, tally, unfinished, withheld
from tt_cache_lint.report.where import from_repository

MOST = 60_000  # characters; GitHub refuses a comment of more than 65,536
MOST_ROWS = 12
CODE = re.compile(r"`([^`]+)`")
# A word that no reader of markdown takes for anything else; everything else goes into a code span.
WORD = re.compile(r"[(\"']*[A-Za-z0-9][A-Za-z0-9'’()-]*[)\"',.;:!?]*|\d+\.\d+|[-–—&]")
REFERENCE = re.compile(r"(?i)\W*(?:www\b.*|GH-\d+.*|[0-9a-f]{7,40})\W*")


def render(run: Run, view: View) -> str:
    """The report as markdown."""
    head = f"### tt-cache-lint: {counted(run.findings) or 'no findings'}\n\n"
    foot = "".join(f"\n{prose(line)}\n" for line in _closing(run))
    room = MOST - len(head) - len(foot) - 200
    parts: list[str] = []
    prefix = from_repository(run)
    for at, finding in enumerate(run.findings):
        item = _item(run, finding, prefix)
        if len(item) > room:
            parts.append(f"- … {plural(len(run.findings) - at, 'finding')} more\n")
            break
        room -= len(item)
        parts.append(item)
    return guarded(head + "".join(parts) + foot)


def _closing(run: Run) -> Iterator[str]:
    yield f"{tally(run)}."
    left = unfinished(run)
    if left:
        yield f"{left}."
    if run.problems:
        yield f"{plural(len(run.problems), 'problem')} with the input; the first: " + _first(run)
    for line in withheld(run):
        yield f"{line}."


def _first(run: Run) -> str:
    return f"{run.problems[0].path} {run.problems[0].message}"


def _item(run: Run, finding: Finding, prefix: str) -> str:
    """A list item: head, message, and the story and witness folded away."""
    where = code(f"{prefix}{finding.place.path}:{finding.place.line}")
    factory = f" in {code(finding.factory)}" if finding.factory else ""
    sure = "" if finding.confidence is Confidence.CERTAIN else f" ({finding.confidence.value})"
    lines = [f"- **{finding.severity.value}** {finding.id} {finding.rule}{sure}{factory} at {where}  "]
    lines.append(f"  {prose(finding.message)}")
    if finding.when:
        lines.append(f"  When {'; '.join(prose(fact) for fact in finding.when)}.")
    folded = [*_story(run, finding), *_witness(finding.rows), *_fix(finding)]
    if folded:
        lines += ["", "  <details><summary>What happens, and what to write</summary>", "", *folded, "  </details>", ""]
    return "".join(f"{line}\n" for line in lines)


def _story(run: Run, finding: Finding) -> Iterator[str]:
    steps = story(finding, facts_of(run, finding))
    for at, step in enumerate(steps, 1):
        here = step.place.path == finding.place.path
        where = f"line {step.place.line}" if here else code(f"{step.place.path}:{step.place.line}")
        yield f"  {at}. {prose(step.text)} ({where})"
    if steps:
        yield ""


def _witness(rows: Sequence[Row]) -> Iterator[str]:
    if rows:
        titles = (
            "slot",
            "cores",
            "after create() (run 1)",
            "after the hit (run 2)",
            "fresh create() (run 2)",
            "verdict",
        )
        cells = [(r.slot, r.cores, r.created, r.after_hit, r.expected, r.verdict) for r in rows[:MOST_ROWS]]
        table = [titles, *(tuple(visible(cell, 80) for cell in row) for row in cells)]
        wide = [max(len(row[at]) for row in table) for at in range(len(titles))]
        yield from _block("  ".join(f"{cell:{width}}" for cell, width in zip(row, wide, strict=True)) for row in table)


def _fix(finding: Finding) -> Iterator[str]:
    if finding.fix:
        yield from _block((visible(line) for line in finding.fix), "cpp")


def _block(lines: Iterator[str], language: str = "") -> Iterator[str]:
    """A code block inside a list item, with a fence that nothing in it can close."""
    held = [line.rstrip() for line in lines]
    fence = "`" * max(3, 1 + max((len(run) for line in held for run in re.findall("`+", line)), default=0))
    yield f"  {fence}{language}"
    yield from (f"  {line}" for line in held)
    yield f"  {fence}"
    yield ""


def prose(text: str) -> str:
    """A sentence, with its `code` and every word that could mean something to markdown in code spans."""
    said = ""
    for at, part in enumerate(CODE.split(visible(text))):
        shown = code(part) if at % 2 else _words(part)
        # Two code spans side by side would be read as one.
        said += f" {shown}" if said.endswith("`") and shown.startswith("`") else shown
    return said


def _words(text: str) -> str:
    return re.sub(r"\S+", lambda match: _word(match[0]), text)


def _word(word: str) -> str:
    if re.fullmatch(r"[(\"',.;:!?)]+", word) or (WORD.fullmatch(word) and not REFERENCE.fullmatch(word)):
        return word
    end = len(word.rstrip(",.;:!?"))
    return (code(word[:end]) if end else "") + word[end:]


def code(text: str) -> str:
    """A code span that holds exactly this text."""
    text = visible(text) or " "
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"
