"""What the rich reports look like: colours, glyphs, and a console that writes to a string."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from tt_cache_lint.model import Severity
from tt_cache_lint.report import View
from tt_cache_lint.report.safe import guarded, visible

SEVERITY = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold cyan"}
VERDICT = {"ok": "green", "stale": "bold red", "wrong": "bold red", "constant": "dim"}
FAINT = "bright_black"
SECOND = "bold blue"
CODE = re.compile(r"`[^`]+`")
NARROWEST = 40
WIDEST = 160


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The drawing characters."""

    bar: str
    gap: str
    heavy: str
    light: str
    corner: str
    block: str
    rule: str
    dot: str
    cut: str


UNICODE = Glyphs("│", "⋮", "━", "─", "╭─", "┃", "─", "·", "…")
ASCII = Glyphs("|", ":", "^", "-", "-->", ">", "-", "-", "~")


def glyphs(view: View) -> Glyphs:
    """The glyphs that the reader's encoding has."""
    return UNICODE if view.unicode else ASCII


def console(view: View) -> Console:
    """A console that writes to memory. Markup, emoji codes and highlighting are off: C++ such as `[i]` must survive."""
    return Console(
        file=io.StringIO(),
        width=min(max(view.width, NARROWEST), WIDEST),
        force_terminal=view.color,
        color_system="auto" if view.color else None,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=False,
    )


def output(target: Console) -> str:
    """What was printed to `target`, without trailing blanks, harmless for log readers."""
    assert isinstance(target.file, io.StringIO)
    lines = target.file.getvalue().splitlines()
    return guarded("".join(f"{line.rstrip()}\n" for line in lines))


def coded(text: str, style: str = "") -> Text:
    """A sentence with its `code` set off."""
    shown = Text(visible(text), style)
    shown.highlight_regex(CODE, "cyan")
    return shown
