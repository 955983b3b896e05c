"""What the search for inputs understands of the checks that they have to pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from small_factory import CREATE, STALE, factory
from tt_cache_lint.engine import Options, analyse
from tt_cache_lint.model import Confidence, FactoryFacts

REFUSED = "no input was found that the validators accept"
NEVER = "select_program_factory() never gives this factory"


def facts(root: Path, text: str) -> FactoryFacts:
    """Of the first factory."""
    (root / "op.cpp").write_text(text)
    return analyse(root, [root / "op.cpp"], Options()).facts[0]


def checked(root: Path, validate: str) -> FactoryFacts:
    """With the checks of an op that has a start and a step for each dimension."""
    text = factory(CREATE, STALE, validate=validate)
    return facts(root, text.replace("bool flag = false;", "bool flag = false; Shape start; Shape step;"))


ROW_MAJOR_ONLY = 'TT_FATAL(tensors.input.layout() == Layout::ROW_MAJOR, "rows"); }'
TILES = 'TT_FATAL(tensors.input.layout() == Layout::TILE, "tiles");'
ANY = "std::any_of(attributes.step.cbegin(), attributes.step.cend(), [](uint32_t s) { return s != 1; })"
ALL = "std::all_of(attributes.step.cbegin(), attributes.step.cend(), [](uint32_t s) { return s == 1; })"
NONE = "std::none_of(attributes.step.cbegin(), attributes.step.cend(), [](uint32_t s) { return s != 1; })"


@pytest.mark.parametrize(
    "validate",
    [
        pytest.param(
            'for (uint32_t i = 0; i < 4; i++) { TT_FATAL(attributes.start[i] == 0, "start"); }', id="a start is 0"
        ),
        pytest.param(f'TT_FATAL(!{ANY}, "steps");', id="any_of"),
        pytest.param(f'TT_FATAL({ALL}, "steps");', id="all_of"),
        pytest.param(f'TT_FATAL({NONE}, "steps");', id="none_of"),
        pytest.param(f"if ({ANY}) {{ {ROW_MAJOR_ONLY} {TILES}", id="a check under a condition on numbers"),
        pytest.param(f"if ({ALL}) {{}} else {{ {ROW_MAJOR_ONLY} {TILES}", id="a check under else"),
        pytest.param(
            "bool strided = false; for (uint32_t s : attributes.step) { if (s != 1) { strided = true; break; } }"
            'TT_FATAL(!strided, "steps");',
            id="a flag set in a loop",
        ),
        pytest.param(
            "bool plain = true; for (uint32_t s : attributes.step) { if (s == 1) {} else { plain = false; } }"
            'TT_FATAL(plain, "steps");',
            id="a flag taken back under else",
        ),
    ],
)
def test_an_input_is_found(tmp_path: Path, validate: str) -> None:
    found = checked(tmp_path, validate)
    assert found.reason == ""
    assert {d.slot.name: d.confidence for d in found.differences} == {"writer arg 0": Confidence.CERTAIN}


def test_a_tensor_has_no_side_of_0(tmp_path: Path) -> None:
    assert checked(tmp_path, 'TT_FATAL(tensors.input.logical_shape()[0] == 0, "empty");').reason == REFUSED


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param("return OtherFactory{};", NEVER, id="another"),
        pytest.param("return OtherFactory();", NEVER, id="called"),
        pytest.param("return CopyOperation::OtherFactory{};", NEVER, id="qualified"),
        pytest.param("return attributes.flag ? OtherFactory{} : OtherFactory{};", NEVER, id="both sides"),
        pytest.param('if (attributes.flag) { return OtherFactory{}; } TT_THROW(""); return {};', NEVER, id="thrown"),
        pytest.param("auto f = [] { return CopyFactory{}; }; return OtherFactory{};", NEVER, id="of a lambda"),
        pytest.param("if (attributes.factor == 77) { return CopyFactory{}; } return OtherFactory{};", "", id="this"),
        pytest.param("return attributes.flag ? OtherFactory{} : CopyFactory{};", "", id="one side"),
        pytest.param("if (attributes.flag) { return OtherFactory{}; } return {};", "", id="the first of the variant"),
        pytest.param("if (attributes.flag) { return OtherFactory{}; } return pick();", "", id="a helper"),
    ],
)
def test_a_factory_that_nothing_selects_is_told(tmp_path: Path, body: str, reason: str) -> None:
    text = factory(CREATE, STALE)
    text = text.replace("struct CopyOperation {", "struct CopyOperation {\n    struct OtherFactory {};", 1)
    text = text.replace("std::variant<CopyFactory>", "std::variant<CopyFactory, OtherFactory>")
    text = text.replace("operation_attributes_t&, const tensor_args_t&) {\n        return CopyFactory{};", "X", 1)
    text = text.replace(
        "    static program_factory_t select_program_factory(const X",
        "    static CopyFactory pick() { return CopyFactory{}; }\n"
        "    static program_factory_t select_program_factory(\n"
        f"        const operation_attributes_t& attributes, const tensor_args_t&) {{\n        {body}",
    )
    assert body in text
    found = facts(tmp_path, text)
    assert found.reason == reason
    (difference,) = found.differences
    assert (difference.confidence is Confidence.CERTAIN) is (not reason)
