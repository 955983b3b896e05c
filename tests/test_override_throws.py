"""Overrides that throw where create() works (TTC310)."""

from __future__ import annotations

from pathlib import Path

import pytest

from small_factory import REFRESH, factory
from tt_cache_lint.engine import Options, analyse
from tt_cache_lint.model import OverrideThrow


def throws(root: Path, refresh: str, validate: str = "") -> tuple[OverrideThrow, ...]:
    (root / "op.cpp").write_text(factory(override=REFRESH + refresh, validate=validate))
    (facts,) = analyse(root, [root / "op.cpp"], Options()).facts
    return facts.throws


@pytest.mark.parametrize(
    ("text", "empty"),
    [
        ("tensors.mask.value()", True),
        ("tensors.mask->logical_shape()", True),
        ("*tensors.mask", True),
        ('TT_FATAL(tensors.mask.has_value(), "needs a mask")', False),
    ],
)
def test_what_throws_and_where(tmp_path: Path, text: str, empty: bool) -> None:
    (found,) = throws(tmp_path, f"\n        const auto& mask = {text};\n" if empty else f"\n        {text};\n")
    assert found.empty is empty
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


def test_what_the_validator_refuses_does_not_count(tmp_path: Path) -> None:
    refresh, needed = "const auto& mask = tensors.mask.value();", 'TT_FATAL(tensors.mask.has_value(), "needed");'
    assert throws(tmp_path, refresh, needed) == ()
