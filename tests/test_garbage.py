"""What an analysis leaves behind: executions are let go of by themselves, without the garbage collector's help.

The collector walks over all that is alive, which took a tenth of the time of a long run.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tt_cache_lint.engine import Options, analyse

FIXTURES = Path(__file__).parent.parent / "fixtures"
EXECUTED = {"Machine", "World", "Program", "Kernel", "CircularBuffer", "Outcome", "WorldTable", "Event", "traceback"}
FOLDERS = (
    "stale-buffer-address/bad_optional_bias",
    "stale-buffer-address/bad_callback_second_input",
    "stale-buffer-address/bad_mesh_semaphore_given",
    "unbound-address",
    "hash-omits",
    "hidden-state",
    "override-throws",
)


@pytest.fixture
def saved() -> Iterator[list[object]]:
    """What the garbage collector finds goes here."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield gc.garbage
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_execution_waits_for_the_garbage_collector(folder: str, saved: list[object]) -> None:
    analysis = analyse(FIXTURES, [FIXTURES / folder], Options())
    assert analysis.facts
    del analysis
    gc.collect()
    assert not Counter(type(item).__name__ for item in saved if type(item).__name__ in EXECUTED)
