"""Overrides that throw where create() works (TTC310)."""

from __future__ import annotations

from pathlib import Path

import pytest

from small_factory import REFRESH, factory
from tt_cache_lint.engine import Options, analyse
from tt_cache_lint.model import OverrideThrow

EMPTY = "is used while it is empty"


def throws(root: Path, refresh: str, validate: str = "") -> tuple[OverrideThrow, ...]:
    (root / "op.cpp").write_text(factory(override=REFRESH + refresh, validate=validate))
    (facts,) = analyse(root, [root / "op.cpp"], Options()).facts
    return facts.throws


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("tensors.mask.value()", EMPTY),
        ("tensors.mask->logical_shape()", EMPTY),
        ("*tensors.mask", EMPTY),
        ('TT_FATAL(tensors.mask.has_value(), "needs a mask")', "is checked by the override only"),
        ('if (!tensors.mask.has_value()) TT_THROW("needs a mask")', "is reached by the override only"),
    ],
)
def test_what_throws_and_where(tmp_path: Path, text: str, why: str) -> None:
    (found,) = throws(tmp_path, f"\n        const auto& mask = {text};\n" if why is EMPTY else f"\n        {text};\n")
    assert found.why == why
    assert found.when == ("tensor_args.mask has no value",)
    line = (tmp_path / "op.cpp").read_text().splitlines()[found.place.line - 1]
    assert text in line


@pytest.mark.parametrize(
    "text",
    [
        "if (tensors.mask.has_value()) { const auto& mask = tensors.mask.value(); }",
        "auto* mask = tensors.mask.has_value() ? tensors.mask->buffer() : nullptr; if (mask) { mask->address(); }",
        'TT_FATAL(tensors.input.logical_shape()[0] >= 0, "never fails");',
        "std::vector<uint32_t> few(attributes.factor); auto last = few.at(7);",  # an index may come from odd inputs
    ],
)
def test_what_does_not(tmp_path: Path, text: str) -> None:
    assert throws(tmp_path, text) == ()


def test_a_handle_of_nothing(tmp_path: Path) -> None:
    """It is only kept where the circular buffer is made (Program::get_circular_buffer throws for others)."""
    refresh = "UpdateDynamicCircularBufferAddress(program, CBHandle{0}, *tensors.input.buffer());"
    (found,) = throws(tmp_path, refresh)
    assert (found.why, found.text) == ("names no circular buffer or kernel of the program", "CBHandle{0}")


def test_what_the_validator_refuses_does_not_count(tmp_path: Path) -> None:
    refresh, needed = "const auto& mask = tensors.mask.value();", 'TT_FATAL(tensors.mask.has_value(), "needed");'
    assert throws(tmp_path, refresh, needed) == ()
