"""A bar on standard error for a run that takes long, when a terminal watches."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from tt_cache_lint.report.safe import visible

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE = 1.0  # seconds without a bar
NAME = 50  # characters of a file's name


class Bar:
    """Give it to the engine; it appears after a while and leaves nothing behind."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.started = time.monotonic()
        self._bar: tuple[Progress, TaskID] | None = None

    def __enter__(self) -> Bar:
        return self

    def __call__(self, done: int, total: int, name: str) -> None:
        if self._bar is None:
            if time.monotonic() - self.started < PATIENCE:
                return
            self._bar = self._begin()
        bar, task = self._bar
        bar.update(task, completed=done, total=total, file=visible(name.rpartition("/")[2], NAME))

    def _begin(self) -> tuple[Progress, TaskID]:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = [
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("files"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[file]}", markup=False, style="bright_black"),
        ]
        console = Console(file=self.stream, markup=False, emoji=False, highlight=False)
        bar = Progress(*columns, console=console, transient=True, refresh_per_second=4)
        bar.start()
        return bar, bar.add_task("", file="")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar[0].stop()
