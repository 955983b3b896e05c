"""Executions that were told the same are not repeated, and only those."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tt_cache_lint.interp.world import NOT_GIVEN
from tt_cache_lint.search.tried import Result, Tried

KEYS = "abcd"
VALUES = st.sampled_from([True, False, 0, 1, 2.0, "x"])


def asked(forced: dict[str, Any]) -> dict[str, Any]:
    """What a made-up program asks for: `a`, then, by the answer, more or less."""
    found = {"a": forced.get("a", NOT_GIVEN)}
    if found["a"] is True:
        found["b"] = forced.get("b", NOT_GIVEN)
    elif type(found["a"]) is int:
        found["c"] = forced.get("c", NOT_GIVEN)
        found["d"] = forced.get("d", NOT_GIVEN)
    return found


def told(questions: dict[str, Any]) -> object:
    return tuple((key, type(value), value) for key, value in questions.items())


@given(st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES), min_size=1, max_size=30))
def test_a_result_is_found_again_exactly_when_an_execution_would_ask_and_be_told_the_same(worlds: list[Any]) -> None:
    tried = Tried()
    seen: dict[object, Result] = {}
    for forced in worlds:
        key = told(asked(forced))
        found = tried.find(forced)
        assert (found is None) == (key not in seen)
        if found is None:
            found = seen[key] = Result(steps=len(seen))
            tried.add(asked(forced), found)
        assert found is seen[key]


def test_an_execution_that_asks_for_nothing_is_done_once() -> None:
    tried = Tried()
    result = Result()
    tried.add({}, result)
    assert tried.find({"a": 1}) is result


def test_an_execution_ends_at_the_first_broken_check_too_many() -> None:
    from tt_cache_lint.interp.interrupts import Unfit
    from tt_cache_lint.interp.machine import Machine
    from tt_cache_lint.interp.world import World

    m = Machine(None, World())
    m.limit = 2
    m.violate("one", [])
    m.violate("one", [])
    with pytest.raises(Unfit):
        m.violate("two", [])
