"""What is said of a finding: the conditions that matter, how several outputs are called, and the lines to write."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from small_factory import CREATE, REFRESH, factory
from tt_cache_lint.engine import Options, analyse
from tt_cache_lint.essential import beside_the_point, essential
from tt_cache_lint.model import FactoryFacts, Held, SlotKind
from tt_cache_rules._common import subject
from tt_cache_rules.missing_override import MissingOverride

CHOICES: dict[str, tuple[Any, ...]] = {
    "operation_attributes.flag": (False, True),
    "tensor_args.a.layout": ("TILE", "ROW_MAJOR"),
    "tensor_args.a.memory_layout": ("INTERLEAVED", "HEIGHT_SHARDED", "BLOCK_SHARDED"),
}
FLAG, LAYOUT, MEMORY = CHOICES
TEMPLATES: dict[str, Any] = {}


def path(**flips: Any) -> Any:
    named = {{"flag": FLAG, "layout": LAYOUT, "memory": MEMORY}[name]: value for name, value in flips.items()}
    values = {key: named.get(key, choices[0]) for key, choices in CHOICES.items()}
    return SimpleNamespace(flips=named, decisions=values, templates=TEMPLATES)


def world(of: Any) -> Any:
    return SimpleNamespace(facts={k: SimpleNamespace(value=v, choices=CHOICES[k]) for k, v in of.decisions.items()})


@pytest.mark.parametrize(
    ("seen", "without"),
    [
        ([], set()),
        ([path(flag=True)], {FLAG}),
        ([path(memory="HEIGHT_SHARDED")], set()),  # block sharded was not seen
        ([path(memory="HEIGHT_SHARDED"), path(memory="BLOCK_SHARDED")], {MEMORY}),
        ([path(flag=True, layout="ROW_MAJOR")], set()),  # one of the two may be needed
        ([path(flag=True), path(layout="ROW_MAJOR")], {FLAG, LAYOUT}),
    ],
)
def test_conditions_beside_the_point(seen: list[Any], without: set[str]) -> None:
    assert beside_the_point(path(), world(path()), [(p, world(p)) for p in seen]) == without


def test_a_condition_that_drags_another_along_stays() -> None:
    other = path(flag=True)
    there = world(other)
    there.facts[LAYOUT].value = "ROW_MAJOR"  # repaired on the way
    assert beside_the_point(path(), world(path()), [(other, there)]) == set()


def test_a_flag_that_is_off_is_said_where_it_matters() -> None:
    assert essential(path(), world(path()), [path(flag=True)]) == {FLAG}
    assert essential(path(), world(path()), [path(flag=True, layout="ROW_MAJOR"), path(layout="ROW_MAJOR")]) == set()


def test_an_address_with_an_offset_is_not_the_address() -> None:
    inputs = ("address of tensor_args.a",)
    assert subject(Held(1, "a", inputs, inputs), SlotKind.ARG) == "the buffer address of tensor_args.a"
    inside = Held(1, "a", inputs, inputs, computed=True)
    assert subject(inside, SlotKind.ARG) == "an address in the buffer of tensor_args.a"


def facts(root: Path, text: str) -> FactoryFacts:
    (root / "op.cpp").write_text(text)
    (found,) = analyse(root, [root / "op.cpp"], Options()).facts
    return found


def test_the_line_to_write_keeps_an_offset(tmp_path: Path) -> None:
    """Also where the offset is 0 in the witness."""
    create = "uint32_t start = tensors.input.buffer()->address() + (attributes.factor - attributes.factor) * 4;\n"
    create += CREATE.replace("tensors.input.buffer()->address()", "start")
    (writer,) = (line for line in REFRESH.splitlines() if "shared.writer" in line)
    (found,) = facts(tmp_path, factory(create, writer)).differences
    assert found.fix == (
        "GetRuntimeArgs(cached.program, cached.shared_variables.reader, core)[0] = /* as in create(): */ start;",
    )


TWO_OUTPUTS = (
    ("using spec_return_value_t = TensorSpec;", "using spec_return_value_t = std::vector<TensorSpec>;"),
    ("using tensor_return_value_t = Tensor;", "using tensor_return_value_t = std::vector<Tensor>;"),
    ("return create_device_tensor(compute_output_specs(attributes, tensors), tensors.input.device());",
     "auto second = create_device_tensor(tensors.input.tensor_spec(), tensors.input.device());\n"
     "auto first = create_device_tensor(tensors.input.tensor_spec(), tensors.input.device());\n"
     "return {first, second};"),
    ("static Tensor create_output_tensors", "static std::vector<Tensor> create_output_tensors"),
    ("Tensor& output", "std::vector<Tensor>& output"),
)  # fmt: skip


def test_several_outputs_are_called_by_their_place(tmp_path: Path) -> None:
    create = CREATE.replace(
        "output.buffer()->address(), 4", "output[0].buffer()->address(), output[1].buffer()->address()"
    )
    text = factory(create, "")
    for old, new in TWO_OUTPUTS:
        assert old in text
        text = text.replace(old, new)
    owners = {d.slot.name: d.expected.inputs for d in facts(tmp_path, text).differences}
    assert owners["writer arg 0"] == ("address of tensor_return_value[0]",)
    assert owners["writer arg 1"] == ("address of tensor_return_value[1]",)


@pytest.mark.parametrize(
    ("guard", "said"),
    [("shared.reader != 0", True), ("shared.cores.size() == 0", False), ("attributes.factor == 0 && false", False)],
)
def test_a_handle_compared_with_0(tmp_path: Path, guard: str, said: bool) -> None:
    found = facts(tmp_path, factory(CREATE, f"if ({guard}) {{ {REFRESH} }}"))
    messages = [f.message for f in MissingOverride().check(found)]
    assert len(messages) == 1
    assert ("0 is the handle of the first kernel" in messages[0]) is said
