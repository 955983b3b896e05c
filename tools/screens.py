"""Make README's screens: run the real command line on bundled examples and draw what it prints as SVG.

    python tools/screens.py [DIR]     default: docs/screens

Nothing is touched up; only the web font is left out of the drawing, so that a screen loads nothing.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

REPO = Path(__file__).resolve().parents[1]
SCREENS = REPO / "docs/screens"
WIDTH = 108
FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
EXAMPLE = "fixtures/stale-buffer-address/bad_optional_bias"
COMMANDS = {
    "check": ("check", EXAMPLE),
    "slots": ("slots", f"{EXAMPLE}/affine_rows_program_factory.cpp"),
    "explain": ("explain", "stale-buffer-address"),
}


def output(*arguments: str) -> str:
    """What the command prints on a terminal with colours. Raises RuntimeError when it fails."""
    environment = {**os.environ, "FORCE_COLOR": "1", "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    environment |= {"COLUMNS": str(WIDTH), "PYTHONIOENCODING": "utf-8"}
    environment.pop("NO_COLOR", None)
    command = [sys.executable, "-c", "from tt_cache_lint.cli import main; main(prog_name='tt-cache-lint')", *arguments]
    done = subprocess.run(command, cwd=REPO, env=environment, capture_output=True, encoding="utf-8", check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{' '.join(arguments)}: {done.stderr}")
    return done.stdout


def drawn(name: str, printed: str) -> str:
    """The SVG of some terminal output."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(printed.rstrip("\n")), overflow="fold")  # a terminal wraps too
    title = f"tt-cache-lint {' '.join(COMMANDS[name])}"
    return FONT.sub("", console.export_svg(title=title, unique_id=f"screen-{name}"))


def main() -> None:
    """Write every screen."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else SCREENS
    folder.mkdir(parents=True, exist_ok=True)
    for name, arguments in COMMANDS.items():
        (folder / f"{name}.svg").write_text(drawn(name, output(*arguments)), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
