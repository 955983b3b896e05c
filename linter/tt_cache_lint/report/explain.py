"""The page of a rule: its docstring, which is markdown with headings, paragraphs, lists and fenced code."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from itertools import groupby

from rich.padding import Padding
from rich.text import Text

from tt_cache_lint.report import View
from tt_cache_lint.report.safe import visible
from tt_cache_lint.report.style import FAINT, SEVERITY, coded, console, glyphs, output
from tt_cache_lint.rule import Rule

WIDTH = 96
ITEM = re.compile(r"\s*([-*]|\d+\.)\s")


def render(rule: Rule, view: View) -> str:
    """The page as text."""
    target = console(view)
    head = Text(f"{rule.id} ", SEVERITY[rule.severity]).append(rule.name, "bold")
    head.append(f" {glyphs(view).dot} {rule.severity.value} {glyphs(view).dot} invariant {rule.invariant}", FAINT)
    target.print(head)
    target.print(Text(visible(rule.summary)))
    width = min(WIDTH, target.width)
    for kind, text in blocks(inspect.cleandoc(rule.__doc__ or "")):
        target.print()
        if kind == "heading":
            target.print(Text(visible(text), "bold"))
        elif kind == "code":
            for line in text.split("\n"):
                target.print(Text(f"    {visible(line)}", "cyan"), soft_wrap=True)
        else:
            target.print(Padding(coded(text), (0, 0, 0, 2), expand=False), width=width)
    return output(target)


def blocks(page: str) -> Iterator[tuple[str, str]]:
    """The page's blocks: ("heading" | "code" | "text", content). A paragraph comes as one line."""
    fenced = False
    kinds = []
    for line in page.split("\n"):
        fence = line.lstrip().startswith("```")
        if fence:
            kinds.append(("", line))
            fenced = not fenced
        elif fenced:
            kinds.append(("code", line))
        elif line.startswith("#"):
            kinds.append(("heading", line.lstrip("#").strip()))
        else:
            kinds.append(("text" if line.strip() else "", line))
    for kind, group in groupby(kinds, key=lambda item: item[0]):
        lines = [line for _, line in group]
        if kind == "text":
            yield from (("text", item) for item in _paragraphs(lines))
        elif kind:
            yield from ((kind, line) for line in (["\n".join(lines)] if kind == "code" else lines))


def _paragraphs(lines: list[str]) -> Iterator[str]:
    """The lines of one block joined; every list item is a paragraph of its own."""
    current: list[str] = []
    for line in lines:
        if ITEM.match(line) and current:
            yield " ".join(current)
            current = []
        current.append(line.strip())
    yield " ".join(current)
