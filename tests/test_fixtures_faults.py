"""Breaking the interpreter on purpose is noticed: each fault makes some fixture's slots differ from the compiled ones.

Most faults show in dozens of fixtures; the witnesses here are few, so that this stays cheap.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("tt_cache_lint.engine")

import interpreter_faults
import scenario_worlds
import test_fixtures_interpreter as comparison
from fixture_driver import FIXTURES
from tt_cache_lint.interp.interrupts import Interrupt

WITNESSES = (
    "resource-order/good_plan_by_reference",
    "creation-in-override/good_plans_and_configs",
    "compile-time-mutation/good_sizes_restated",
    "compile-time-mutation/bad_address_and_size",
    "arg-index-mismatch/bad_off_by_one",
    "buffer-not-kept/bad_core_table",
    "unbound-address/good_workload_semaphore",
)


@pytest.fixture(autouse=True)
def _fresh_engine() -> Iterator[None]:
    """Lowered code keeps what it was lowered with: nothing of a faulty engine may stay, and nothing of a sound one."""
    scenario_worlds.finder.cache_clear()
    comparison.answers.cache_clear()
    yield
    scenario_worlds.finder.cache_clear()
    comparison.answers.cache_clear()


def noticed() -> list[str]:
    """The witnesses in which a slot is not what the compiler made of it, or that cannot be executed."""
    found = []
    for name in WITNESSES:
        try:
            if any(list(comparison.disagreements(answer)) for answer in comparison.answers(FIXTURES / name)):
                found.append(name)
        except (Interrupt, AssertionError):
            found.append(name)
    return found


def test_nothing_is_noticed_without_a_fault() -> None:
    assert noticed() == []


@pytest.mark.parametrize("name", interpreter_faults.FAULTS)
def test_fault_is_noticed(name: str) -> None:
    with interpreter_faults.FAULTS[name]():
        assert noticed(), name
