"""The engine on several processors: batches of files go to worker processes, the largest first."""

from __future__ import annotations

import gc
import os
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from tt_cache_lint.engine import Analysis, Batch, Options, Progress, Worker
from tt_cache_lint.model import Problem

_worker: Worker | None = None


def analyse(root: Path, batches: Sequence[Batch], options: Options, progress: Progress | None) -> list[Analysis]:
    """What `Worker` finds out about all batches, whichever of `options.jobs` processes each goes to.

    A batch whose process ends before it answers, for lack of memory say, becomes a problem of its first file.
    """
    total = sum(map(len, batches))
    done: dict[int, Analysis] = {}
    files = 0
    context = get_context("spawn")  # a fork would copy the thread that draws the progress bar
    with ProcessPoolExecutor(min(options.jobs, len(batches)), context, _begin, (root, options)) as pool:
        order = sorted(range(len(batches)), key=lambda at: -_size(root, batches[at]))
        futures: dict[Future[Analysis], int] = {pool.submit(_analyse, batches[at]): at for at in order}
        try:
            for future in as_completed(futures):
                at = futures[future]
                done[at] = _result(future, batches[at])
                files += len(batches[at])
                if progress is not None:
                    progress(files, total, next(reversed(batches[at])))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [done[at] for at in range(len(batches))]


def _size(root: Path, batch: Batch) -> int:
    size = 0
    for name in batch:
        try:
            size += os.stat(root / name).st_size
        except OSError:  # whoever reads it says what is wrong
            continue
    return size


def _result(future: Future[Analysis], batch: Batch) -> Analysis:
    try:
        return future.result()
    except BrokenProcessPool:
        message = f"the process that checked it and {len(batch) - 1} other files of its op ended without an answer"
        return Analysis(
            problems=[Problem(next(iter(batch)), f"{message}; try --jobs 1", fault=True)], files=len(batch), batches=1
        )


def _begin(root: Path, options: Options) -> None:
    global _worker
    gc.disable()  # the engine collects between factories
    _worker = Worker(root, options)


def _analyse(batch: Batch) -> Analysis:
    assert _worker is not None
    return _worker.analyse(batch)
