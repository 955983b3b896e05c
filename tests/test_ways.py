"""How the conditions before a factory have to go, and that the search for inputs follows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from interp_snippets import interp_of
from small_factory import CREATE, STALE, factory
from tt_cache_lint.device.tensor_spec import DTYPES
from tt_cache_lint.engine import Options, analyse
from tt_cache_lint.factory.choice import ways
from tt_cache_lint.factory.find import Finder
from tt_cache_lint.hit import Replay
from tt_cache_lint.interp.interrupts import Thrown
from tt_cache_lint.interp.world import World
from tt_cache_lint.model import Confidence

KINDS = """
    enum class Kind { PLAIN, WIDE, ODD };
    static Kind kind_of(const operation_attributes_t& attributes, const tensor_args_t& tensors) { @KIND@ }
"""
SIGNATURE = "static program_factory_t select_program_factory(const operation_attributes_t&, const tensor_args_t&) {"
NAMED = SIGNATURE.replace("t&, const", "t& attributes, const").replace("t&) {", "t& tensors) {")


def op(body: str, kind: str = "return Kind::PLAIN;") -> str:
    """An op that has another factory to choose from, in which another function may give an enumerator."""
    text = factory(CREATE, STALE)
    assert SIGNATURE in text
    text = text.replace(f"{SIGNATURE}\n        return CopyFactory{{}};", f"{KINDS}{NAMED}\n        {body}")
    text = text.replace("@KIND@", kind)
    text = text.replace("struct CopyOperation {", "struct CopyOperation {\n    struct OtherFactory {};", 1)
    return text.replace("std::variant<CopyFactory>", "std::variant<CopyFactory, OtherFactory>")


COPY, OTHER = "return CopyFactory{};", "return OtherFactory{};"
FACTOR = "operation_attributes.factor"
DISTRACTED = f"if (attributes.flag) {{ {OTHER} }} {OTHER}"  # what is decided last has nothing to do with it
START, MADE = "program_factory_t made = OtherFactory{};", "made = CopyFactory{};"
VOLUME = "(tensors.input.padded_shape()[-1] * tensors.input.padded_shape()[-2])"
MODE = "switch (attributes.factor) { case 7: { return OtherFactory{}; } case 9: return CopyFactory{}; }"
WIDE = f"switch (kind_of(attributes, tensors)) {{ case Kind::WIDE: {COPY} default: {OTHER} }}"


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        pytest.param(f"{MODE} {OTHER}", "return Kind::PLAIN;", {"9": True}, id="a case of a switch"),
        pytest.param(
            WIDE,
            "if (attributes.factor == 3) { return Kind::ODD; } if (attributes.flag) return Kind::WIDE;"
            "return Kind::PLAIN;",
            {"Kind::WIDE": True, "attributes.factor == 3": False, "attributes.flag": True},
            id="an enumerator that another function returns",
        ),
        pytest.param(
            WIDE,
            "return attributes.factor == 3 ? Kind::WIDE : Kind::PLAIN;",
            {"Kind::WIDE": True, "attributes.factor == 3": True},
            id="one side of a conditional expression",
        ),
        pytest.param(
            f"{START} if (attributes.factor == 3) {{ {OTHER} }} else if (attributes.flag) {{ {MADE} }} return made;",
            "return Kind::PLAIN;",
            {"attributes.factor == 3": False, "attributes.flag": True},
            id="assigned to what is returned",
        ),
        pytest.param(
            "auto made = attributes.flag ? program_factory_t{OtherFactory{}} : (CopyFactory{}); return made;",
            "return Kind::PLAIN;",
            {"attributes.flag": False},
            id="what is returned begins with a conditional expression",
        ),
        pytest.param(
            f"if (attributes.factor == 3) {{ if (attributes.flag) {{ {OTHER} }} else {{ {OTHER} }} }} {COPY}",
            "return Kind::PLAIN;",
            {"attributes.factor == 3": False},
            id="both branches of an if leave",
        ),
    ],
)
def test_how_conditions_have_to_go(tmp_path: Path, body: str, kind: str, expected: dict[str, bool]) -> None:
    text = op(body, kind)
    (tmp_path / "op.cpp").write_text(text)
    finder = Finder(interp_of(tmp_path, {}))
    (found,) = [f for f in finder.in_file("op.cpp") if f.name.endswith("CopyFactory")]
    (way,) = ways(found, finder.index)
    said = text.encode()
    conditions = {next((k for k in expected if said.startswith(k.encode(), at)), at): way[p, at] for p, at in way}
    assert conditions == expected


@pytest.mark.parametrize(
    ("body", "kind", "proposed"),
    [
        pytest.param(
            f"switch (attributes.factor) {{ case 7: {OTHER} case 9: {COPY} default: {DISTRACTED} }}",
            "return Kind::PLAIN;",
            [{FACTOR: 9}],
            id="a case of a switch",
        ),
        pytest.param(
            f"switch (kind_of(attributes, tensors)) {{ case Kind::WIDE: {COPY} default: {DISTRACTED} }}",
            "return attributes.factor == 77 ? Kind::WIDE : Kind::PLAIN;",
            [{FACTOR: 77}],
            id="one side of a conditional expression",
        ),
        pytest.param(
            f"if (((uint32_t)tensors.input.dtype() ^ 1) == 77) {{ {COPY} }} {DISTRACTED}",
            "return Kind::PLAIN;",
            [{"tensor_args.input.dtype": kind} for kind in DTYPES[1:]],
            id="a condition on decisions that cannot be solved",
        ),
        pytest.param(
            f"if ((attributes.factor ^ {VOLUME}) > 1000000) {{ {COPY} }} {DISTRACTED}",
            "return Kind::PLAIN;",
            [{"tensor_args.input.logical_shape[3]": 128 << 7}],
            id="one on numbers that has to be larger",
        ),
    ],
)
def test_what_leads_on_is_proposed_first(
    tmp_path: Path, body: str, kind: str, proposed: list[dict[str, object]]
) -> None:
    (tmp_path / "op.cpp").write_text(op(body, kind))
    finder = Finder(interp_of(tmp_path, {}))
    (found,) = [f for f in finder.in_file("op.cpp") if f.name.endswith("CopyFactory")]
    with pytest.raises(Thrown) as thrown:
        Replay(finder.interp, found, {}).execute(World(0), 0.0)
    assert list(thrown.value.repairs[: len(proposed)]) == proposed


def test_the_other_choices_of_decisions() -> None:
    """Numbers and what could not be computed have none."""
    world = World(0, {"b": True})
    bits = world.fact("a", DTYPES).p | world.fact("b", (False, True)).p | world.fact("n", (4,), number=True).p
    world.fact("not asked for", (False, True))
    other = [{"a": kind} for kind in DTYPES[1:]]
    assert world.chosen_otherwise(bits | world.bit("value of something")) == [*other, {"b": False}]


def test_such_a_factory_is_reached(tmp_path: Path) -> None:
    body = f"{START} switch (kind_of(attributes, tensors)) {{ case Kind::WIDE: {MADE} break; default: break; }}"
    kind = "if (attributes.flag) { if (tensors.mask.has_value()) { return Kind::WIDE; } } return Kind::PLAIN;"
    (tmp_path / "op.cpp").write_text(op(f"{body} return made;", kind))
    found = analyse(tmp_path, [tmp_path / "op.cpp"], Options()).facts[0]
    assert found.reason == ""
    assert {d.slot.name: d.confidence for d in found.differences} == {"writer arg 0": Confidence.CERTAIN}


TWICE = (
    "const bool wanted = false; if (wanted && attributes.flag) { return Kind::WIDE; }"
    "if (attributes.factor == 77) { return Kind::WIDE; } return Kind::PLAIN;"
)


def test_each_return_of_an_enumerator_is_a_way(tmp_path: Path) -> None:
    """The first one cannot be had; the second is what is proposed."""
    body = f"switch (kind_of(attributes, tensors)) {{ case Kind::WIDE: {COPY} default: {DISTRACTED} }}"
    (tmp_path / "op.cpp").write_text(op(body, TWICE))
    finder = Finder(interp_of(tmp_path, {}))
    (found,) = [f for f in finder.in_file("op.cpp") if f.name.endswith("CopyFactory")]
    assert len(ways(found, finder.index)) == 2
    with pytest.raises(Thrown) as thrown:
        Replay(finder.interp, found, {}).execute(World(0), 0.0)
    assert {FACTOR: 77} in thrown.value.repairs[:2]
