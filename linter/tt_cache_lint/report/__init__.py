"""The output layer: everything that turns a `Run` or its facts into text for people and programs.

A format is a module of this package with `render(run, view) -> str`, and its line in `FORMATS`. The text it returns is
ready to be written anywhere: what comes from sources, paths and rules has been through `safe.visible`.
"""

from __future__ import annotations

import importlib
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TextIO, cast

if TYPE_CHECKING:
    from tt_cache_lint.model import Run

FORMATS = {
    "text": "frames, slot tables and fixes, for people",
    "concise": "one line a finding, for editors and grep",
    "json": "everything, for programs",
    "sarif": "SARIF 2.1.0, for code scanning; findings do not fail the run unless --fail-on is given",
    "github": "workflow commands, for annotations in GitHub Actions",
    "gitlab": "a code quality report, for GitLab CI",
    "markdown": "a summary, for a pull request or a job's summary page",
}
STATISTICS = "statistics"  # what --statistics prints instead of findings

PIPE_WIDTH = 120  # of a stream that has no width


@dataclass(frozen=True, slots=True)
class View:
    """What the reader's end can show. Nothing below asks the environment again."""

    width: int = PIPE_WIDTH
    color: bool = False
    unicode: bool = True
    verbose: bool = False

    @classmethod
    def of(cls, stream: TextIO, *, verbose: bool = False) -> View:
        """The view of a stream: a terminal's own width and colours, or plain text; NO_COLOR and FORCE_COLOR count."""
        color = not os.environ.get("NO_COLOR") and (stream.isatty() or bool(os.environ.get("FORCE_COLOR")))
        width = shutil.get_terminal_size((PIPE_WIDTH, 24)).columns
        encoding = (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "")
        return cls(width=width, color=color, unicode=encoding.startswith("utf"), verbose=verbose)


class Format(Protocol):
    """What a format module offers."""

    def render(self, run: Run, view: View) -> str: ...


def load_format(name: str) -> Format:
    """Import one format; the others, and what they import, stay out of the process."""
    return cast(Format, importlib.import_module(f"{__name__}.{name}"))
