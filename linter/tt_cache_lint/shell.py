"""What all commands share: errors as messages, and writing to files and streams."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TextIO

import click

from tt_cache_lint.report.safe import guarded, visible

FAILED = 2  # the exit status of usage and internal errors


class Failure(click.ClickException):
    """An error that is shown as a message; exit status 2."""

    exit_code = FAILED

    def __init__(self, message: str) -> None:
        super().__init__(guarded(visible(message)))


def write(path: Path, text: str) -> None:
    """Write a file. Raises Failure."""
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise Failure(f"cannot write {path}: {error.strerror or error}") from error


def emit(text: str, stream: TextIO) -> None:
    """Write to a stream whose encoding may lack our characters and whose reader may have gone away."""
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except BrokenPipeError:
        # What is still buffered has to go somewhere, or Python complains when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
