"""Ops of 2023 to 2025, whose methods take lists of tensors and whose members are the attributes: their hashes."""

from __future__ import annotations

from pathlib import Path

import pytest

from interp_snippets import value
from tt_cache_lint.device.old_shapes import OldShape
from tt_cache_lint.engine import Options, analyse
from tt_cache_lint.hash.model import Omission
from tt_cache_lint.interp.access import index_value
from tt_cache_lint.interp.interp import Interp
from tt_cache_lint.interp.machine import Machine
from tt_cache_lint.interp.world import World
from tt_cache_lint.source.files import SourceTree
from tt_cache_lint.source.index import Index

PLACE = "operation_attributes.place"
OP = """
namespace tt::tt_metal {
operation::ProgramWithCallbacks move_single(const Tensor& input, const Tensor& output, uint32_t factor) {
    Program program = CreateProgram();
    CoreCoord core = {0, 0};
    @BEFORE@
    auto writer = CreateKernel(program, "writer.cpp", core, WriterDataMovementConfig({
        (uint32_t)(output.buffer()->buffer_type() == BufferType::DRAM), @COMPILED@}));
    SetRuntimeArgs(program, writer, core, {input.buffer()->address(), output.buffer()->address()});
    auto callback = [writer, core](const void* operation, Program& program, const std::vector<Tensor>& inputs,
            const std::vector<std::optional<const Tensor>>&, const std::vector<Tensor>& outputs) {
        auto& args = GetRuntimeArgs(program, writer, core);
        args[0] = inputs.at(0).buffer()->address();
        args[1] = outputs.at(0).buffer()->address();
    };
    return {.program = std::move(program), .override_runtime_arguments_callback = callback};
}

struct Move {
    MemoryConfig place;
    uint32_t factor;
    bool flag;

    void validate(const @LIST@& inputs) const {
        const Tensor& input = inputs.at(0)@GET@;
        TT_FATAL(input.layout() == Layout::TILE);
        TT_FATAL(!input.is_sharded() and !this->place.is_sharded());
    }
    std::vector<Shape> compute_output_shapes(const @LIST@& inputs) const {
        return {inputs.at(0)@GET@.padded_shape()};
    }
    std::vector<Tensor> create_output_tensors(const @LIST@& inputs) const {
        return operation::generic_create_output_tensors(@OUTPUTS@);
    }
    operation::ProgramWithCallbacks create_program(const @LIST@& inputs, std::vector<Tensor>& outputs) const {
        return move_single(inputs.at(0)@GET@, outputs.at(0), this->factor);
    }
    const operation::Hash compute_program_hash(const @LIST@& inputs) const {
        return operation::hash_operation<Move>(@HASHED@);
    }
};
}  // namespace tt::tt_metal
"""
TENSORS = ("std::vector<Tensor>", "")
REFERENCES = ("std::vector<std::reference_wrapper<const Tensor>>", ".get()")
SAME = "inputs.at(0).dtype(), Layout::TILE"


def omissions(folder: Path, style: tuple[str, str] = TENSORS, op: str = OP, **parts: str) -> dict[str, Omission]:
    text = op.replace("@LIST@", style[0]).replace("@GET@", style[1])
    given = {
        "BEFORE": "",
        "COMPILED": "1",
        "OUTPUTS": f"*this, inputs, {SAME}, this->place",
        "HASHED": "inputs.at(0), this->factor, this->flag",
    }
    for key, part in {**given, **parts}.items():
        text = text.replace(f"@{key}@", part)
    file = folder / "ttnn" / "move_op.cpp"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    (found,) = analyse(folder, [file], Options()).operations
    assert not found.unclear
    return {omission.input: omission for omission in found.omissions if not omission.per_dispatch}


@pytest.mark.parametrize("style", [TENSORS, REFERENCES])
@pytest.mark.parametrize(
    ("outputs", "missing"),
    [
        (f"*this, inputs, {SAME}, this->place", {PLACE}),
        ("*this, inputs, std::nullopt, Layout::TILE, this->place", {PLACE}),
        ("*this, inputs, Layout::TILE, this->place", {PLACE}),  # as it was in 2023
        (f"*this, inputs, {SAME}, std::nullopt", set()),  # where the input lies
        ("*this, inputs", set()),
    ],
)
def test_where_the_output_lies(tmp_path: Path, style: tuple[str, str], outputs: str, missing: set[str]) -> None:
    outputs = outputs.replace("inputs.at(0)", f"inputs.at(0){style[1]}")
    hashed = f"inputs.at(0){style[1]}, this->factor, this->flag"
    assert set(omissions(tmp_path, style, OUTPUTS=outputs, HASHED=hashed)) == missing


def test_the_place_is_hashed(tmp_path: Path) -> None:
    assert not omissions(tmp_path, HASHED="inputs.at(0), this->place, this->factor")


@pytest.mark.parametrize(
    ("compiled", "hashed", "fix"),
    [
        ("factor", "inputs.at(0), this->place", "this->factor,"),
        ("(uint32_t)input.dtype()", "inputs.at(0).layout(), this->place", "inputs.at(0).dtype(),"),
        ("input.padded_shape()[-1]", "inputs.at(0).dtype(), this->place", "inputs.at(0).logical_shape(),"),
    ],
)
def test_what_to_write_into_the_hash(tmp_path: Path, compiled: str, hashed: str, fix: str) -> None:
    (found,) = omissions(tmp_path, COMPILED=compiled, HASHED=hashed).values()
    assert found.fix[0].split()[0] == fix


def test_what_to_write_for_a_member_of_a_variant(tmp_path: Path) -> None:
    """The variant has no such member: it is hashed as a whole."""
    structs = "struct Plain {}; struct Blocked { uint32_t width = 2; }; using Choice = std::variant<Plain, Blocked>;\n"
    op = OP.replace("bool flag;", "Choice choice;").replace(
        "namespace tt::tt_metal {", f"namespace tt::tt_metal {{ {structs}"
    )
    op = op.replace("uint32_t factor) {", "uint32_t factor, const Choice& choice) {")
    op = op.replace("this->factor);", "this->factor, this->choice);")
    width = "std::holds_alternative<Blocked>(choice) ? std::get<Blocked>(choice).width : 0"
    found = omissions(tmp_path, op=op, COMPILED=width, HASHED="inputs.at(0), this->place, this->factor")
    assert {o.fix[0].split()[0] for o in found.values()} == {"this->choice,"}


def test_an_input_that_a_check_ties_to_another(tmp_path: Path) -> None:
    """Both of them are left out, and no call can change one alone."""
    tile = "TT_FATAL(input.layout() == Layout::TILE);"
    op = OP.replace(tile, f"{tile} TT_FATAL(this->flag == (this->factor == 4));")
    found = omissions(tmp_path, op=op, COMPILED="factor", HASHED="inputs.at(0), this->place")
    assert found["operation_attributes.factor"].tied == ("operation_attributes.flag",)


def test_a_shape_with_padding_counts_from_its_end(tmp_path: Path) -> None:
    machine = Machine(Interp(Index(SourceTree(tmp_path))), World())
    assert index_value(machine, OldShape([1, 2, 32, 64], [1, 2, 30, 60]), -1) == 64


def test_the_memory_of_an_ethernet_core(tmp_path: Path) -> None:
    code = (
        "uint32_t f() { using eth_l1_mem::address_map; "
        "return address_map::MAX_L1_LOADING_SIZE - address_map::ERISC_L1_UNRESERVED_BASE; }"
    )
    assert value(tmp_path, code) == 160_096


@pytest.mark.parametrize(
    "statement",
    [
        'std::stringstream s; s << "[" << factor << ", " << 4096 << "]"; log_info(s.str());',
        "detail::AddConfigBuffer(program, input.buffer());",
        "uint32_t steps = 64 / std::min(factor / 32, 8u);",
    ],
)
def test_what_ops_of_2024_do_on_the_way(tmp_path: Path, statement: str) -> None:
    """create() gets to its end, and is no less readable for it."""
    assert set(omissions(tmp_path, BEFORE=statement)) == {PLACE}
