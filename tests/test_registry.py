"""The tables of known names: one handler for each, so that the order of imports decides nothing."""

from __future__ import annotations

import pytest

from tt_cache_lint.interp import registry


class Thing:
    """A class of values."""


@pytest.mark.parametrize(
    "register",
    [
        registry.function("test_of_the_registry"),
        registry.constructor("test_of_the_registry"),
        registry.method(Thing, "test_of_the_registry"),
        registry.method_ref(Thing, "test_of_the_registry"),
    ],
)
def test_a_second_handler_is_refused(register: object) -> None:
    assert callable(register)
    register(lambda *_: None)
    with pytest.raises(ValueError, match="test_of_the_registry"):
        register(lambda *_: None)
