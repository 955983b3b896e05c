"""What the function that launches an op says about the op's inputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from small_factory import CREATE, REFRESH, factory
from tt_cache_lint.device import tables  # noqa: F401  (fills the tables)
from tt_cache_lint.engine import Options, analyse
from tt_cache_lint.factory.find import Finder
from tt_cache_lint.interp.interp import Interp
from tt_cache_lint.interp.world import Tie, World
from tt_cache_lint.launch import known, ties
from tt_cache_lint.source.files import SourceTree
from tt_cache_lint.source.index import Index

FLAG, FACTOR = "operation_attributes.flag", "operation_attributes.factor"
CONSTANT = ("constant", True)
MASK = "tensor_args.mask.has_value"


def prim(flag: str, *, before: str = "", name: str = "copy", more: str = "", factor: str = "factor") -> str:
    """A launching function that fills the attribute `flag` with an expression."""
    return f"""
namespace ttnn::prim {{
Tensor {name}(const Tensor& input, const std::optional<Tensor>& mask, uint32_t factor, std::optional<bool> wanted) {{
    using OperationType = ttnn::operations::test::CopyOperation;
    {before}
    auto attributes = OperationType::operation_attributes_t{{.factor = {factor}, .flag = {flag}}};
    {more}
    return ttnn::device_operation::launch<OperationType>(attributes, OperationType::tensor_args_t{{input, mask}});
}}
}}
"""


def ties_of(root: Path, launching: str, op: str | None = None) -> dict[str, Tie]:
    (root / "op.cpp").write_text((op or factory()) + launching)
    interp = Interp(Index(SourceTree(root)))
    (found,) = Finder(interp).in_file("op.cpp")
    return ties(interp, found)


@pytest.mark.parametrize(
    ("launching", "expected"),
    [
        (prim("mask.has_value()"), {FLAG: ("input", MASK)}),
        (prim("!mask.has_value()"), {FLAG: ("!", ("input", MASK), ("constant", False))}),
        (prim("true"), {FLAG: ("constant", True)}),
        (prim("with_mask", before="const bool with_mask = mask.has_value();"), {FLAG: ("input", MASK)}),
        (prim("false", more="attributes.flag = mask.has_value();"), {FLAG: ("input", MASK)}),
        (prim("wanted.value_or(true)"), {}),
        (prim("factor > 3"), {}),
        (prim("on", before="bool on = false; if (factor > 3) { on = true; }"), {}),
        (prim("on", before="bool on = false; if (mask.has_value()) { on = true; }"), {}),
        (prim("on", before="bool on = false; if (mask.has_value() && factor > 3) { on = true; }"), {}),
        (prim("on", before="bool on = false; if (mask.has_value() && wanted.has_value()) { on = true; }"), {}),
        (prim("unknown_to_us(mask)"), {}),
        (prim("true", more="uint32_t half = factor > 3 ? 1 : 2; attributes.factor = half + factor;"), {FLAG: CONSTANT}),
        (prim("true", before="TT_FATAL(factor > 0 && factor < 9);"), {FLAG: CONSTANT}),
        (prim("on", before="bool on = true; if (mystery(factor) == 12345) { on = false; }"), {}),
        (prim("true", factor="7"), {FLAG: ("constant", True), FACTOR: ("constant", 7)}),
        (prim("true") + prim("false", name="other"), {}),
        (prim("mask.has_value()") + prim("mask.has_value()", name="other"), {FLAG: ("input", MASK)}),
        ("", {}),
    ],
)
def test_ties(tmp_path: Path, launching: str, expected: dict[str, Tie]) -> None:
    assert ties_of(tmp_path, launching) == expected


PLACE = "const std::optional<MemoryConfig>& place"
MASKED = "tensor_args.mask.memory_config"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("mask.has_value() ? mask->memory_config() : input.memory_config()", {MASKED}),
        ("mask.has_value() ? mask->memory_config() : place.value_or(input.memory_config())", {MASKED}),
        ("place.value_or(mask.has_value() ? mask->memory_config() : input.memory_config())", set()),
        ("input.memory_config()", set()),
        ("mask.has_value() ? MemoryConfig(mask->memory_config().memory_layout(), BufferType::L1) : *place", set()),
    ],
)
def test_a_property_that_is_handed_on_as_an_attribute(tmp_path: Path, given: str, expected: set[str]) -> None:
    """Whoever hashes the attribute has hashed the property as well; nothing else calls the op."""
    op = factory().replace("bool flag = false;", "bool flag = false;\n        MemoryConfig where;")
    launching = prim("true", more=f"attributes.where = {given};").replace(
        "uint32_t factor", f"{PLACE}, uint32_t factor"
    )
    (tmp_path / "op.cpp").write_text(op + launching)
    interp = Interp(Index(SourceTree(tmp_path)))
    (found,) = Finder(interp).in_file("op.cpp")
    assert set(known(interp, found).copies) == expected
    hashed = (
        "static ttsl::hash::hash_t compute_program_hash(const operation_attributes_t& a, const tensor_args_t& t) "
        "{ return operation::hash_operation<CopyOperation>(HASHED, t.input, t.mask.has_value()); }\n"
        "    static TensorSpec compute_output_specs"
    )
    kind = "tensors.mask.has_value() ? (uint32_t)tensors.mask->memory_config().buffer_type() : 7"
    op = op.replace("ReaderDataMovementConfig({})", f"ReaderDataMovementConfig({{{kind}}})")
    for what, omitted in (("a", {MASKED} - expected), ("a.where", {MASKED} - expected), ("a.flag", {MASKED})):
        text = op.replace("static TensorSpec compute_output_specs", hashed.replace("HASHED", what))
        (tmp_path / "op.cpp").write_text(text + launching)
        (facts,) = analyse(tmp_path, [tmp_path / "op.cpp"], Options(inputs=True)).operations
        assert {o.input for o in facts.omissions} == omitted, what
        same = {i.input for i in facts.inputs if i.verdict.startswith("always the same as operation_attributes.where")}
        assert same == (expected if what != "a.flag" else set())


@pytest.mark.parametrize(("given", "omitted"), [("input", set()), ("mask.value_or(input)", {"dtype"})])
def test_a_tensor_among_the_attributes(tmp_path: Path, given: str, omitted: set[str]) -> None:
    """It is the tensor argument, of which the hash has all."""
    op = factory().replace("bool flag = false;", "bool flag = false;\n        Tensor again;")
    op = op.replace("ReaderDataMovementConfig({})", "ReaderDataMovementConfig({(uint32_t)attributes.again.dtype()})")
    hashed = (
        "static ttsl::hash::hash_t compute_program_hash(const operation_attributes_t& a, const tensor_args_t& t) "
        "{ return operation::hash_operation<CopyOperation>(a.flag, t); }\n    static TensorSpec compute_output_specs"
    )
    text = op.replace("static TensorSpec compute_output_specs", hashed)
    launching = prim("true").replace(".flag = true}", f".flag = true, .again = {given}}}")
    (tmp_path / "op.cpp").write_text(text + launching)
    (facts,) = analyse(tmp_path, [tmp_path / "op.cpp"], Options()).operations
    assert {o.input for o in facts.omissions} == {f"operation_attributes.again.{name}" for name in omitted}


def test_an_op_that_returns_its_inputs(tmp_path: Path) -> None:
    op = factory().replace(
        "    static program_factory_t select",
        "    static std::tuple<operation_attributes_t, tensor_args_t> invoke("
        "const Tensor& input, const std::optional<Tensor>& mask) {\n"
        "        return {operation_attributes_t{3, mask.has_value()}, tensor_args_t{input, mask}};\n    }\n"
        "    static program_factory_t select",
    )
    assert ties_of(tmp_path, "", op) == {FLAG: ("input", MASK), FACTOR: ("constant", 3)}


def test_an_optional_that_is_always_given_is_there(tmp_path: Path) -> None:
    op = factory().replace("bool flag = false;", "bool flag = false;\n        std::optional<SubDeviceId> device_part;")
    tied = ties_of(
        tmp_path,
        prim("true", more="attributes.device_part = part;").replace("factor,", "factor, SubDeviceId part,", 1),
        op,
    )
    assert tied == {FLAG: CONSTANT, "operation_attributes.device_part.has_value": CONSTANT}


def test_a_guard_on_a_tied_attribute_is_the_guard_it_is_tied_to(tmp_path: Path) -> None:
    """create() asks for the tensor, the override for the flag that says the same."""
    text = factory(
        CREATE.replace(", 4});", ", tensors.mask.has_value() ? tensors.mask->buffer()->address() : 0});", 1),
        REFRESH + "if (attributes.flag) { GetRuntimeArgs(program, shared.reader, core)[1] = "
        "tensors.mask->buffer()->address(); }",
    )
    found = []
    for launching in (prim("wanted.value_or(false)"), prim("mask.has_value()")):
        (tmp_path / "op.cpp").write_text(text + launching)
        (facts,) = analyse(tmp_path, [tmp_path / "op.cpp"], Options()).facts
        found.append([d.slot.name for d in facts.differences])
    assert found == [["reader arg 1"], []]


def test_a_tied_input_follows_what_is_forced_on_the_other() -> None:
    world = World(0, {MASK: False}, ties={FLAG: ("!", ("input", MASK), ("constant", False))})
    flag = world.fact(FLAG, (False, True))
    assert flag.v is True
    assert world.leaves(flag.p) == [MASK]
    assert FLAG not in world.facts
