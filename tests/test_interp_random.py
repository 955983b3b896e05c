"""<random>: what a distribution draws is fixed by the engine's seed, where that is an input."""

from __future__ import annotations

from pathlib import Path

import pytest

from interp_snippets import run, value
from small_factory import factory
from tt_cache_lint.engine import Options, analyse
from tt_cache_lint.interp.values import Unknown, Val

DRAW = """
std::uniform_int_distribution<uint32_t> distribution(1, 100);
uint32_t draw(std::mt19937& e) { return distribution(e); }
"""


@pytest.mark.parametrize("engine", ["std::mt19937 e(7);", "std::mt19937 e;", "std::default_random_engine e(3);"])
def test_without_an_input_nothing_is_known(tmp_path: Path, engine: str) -> None:
    assert isinstance(
        run(tmp_path, f"{DRAW.replace('std::mt19937&', 'auto&')} uint32_t f() {{ {engine} return draw(e); }}").value,
        Unknown,
    )


def test_the_clock_as_a_seed(tmp_path: Path) -> None:
    drawn = run(tmp_path, DRAW + "uint32_t f() { std::mt19937 e(std::time(nullptr)); return draw(e); }")
    assert isinstance(drawn.value, Val)
    assert drawn.value.p & drawn.machine.world.dispatch


def test_each_draw_is_another_one_and_a_copy_repeats_them(tmp_path: Path) -> None:
    text = """bool f() { std::mt19937 e(std::time(nullptr)); auto again = e; auto a = draw(e); auto b = draw(e);
        auto c = draw(again); return a != b && a == c; }"""
    assert value(tmp_path, DRAW + text) is True


CREATE = """
    std::mt19937 e(attributes.factor);
    SetRuntimeArgs(program, reader, core, {tensors.input.buffer()->address(), draw(e)});
    SetRuntimeArgs(program, writer, core, {output.buffer()->address()});
"""
REFRESH = """
    std::mt19937 e(attributes.factor);
    GetRuntimeArgs(program, shared.reader, core)[0] = tensors.input.buffer()->address();
    GetRuntimeArgs(program, shared.reader, core)[@] = draw(e);
    GetRuntimeArgs(program, shared.writer, core)[0] = output.buffer()->address();
"""


def test_a_seed_that_the_hash_leaves_out(tmp_path: Path) -> None:
    for at, slots in (("1", []), ("0", ["reader arg 0", "reader arg 1"])):
        text = factory(CREATE, REFRESH.replace("@", at), helpers=DRAW).replace(
            "static TensorSpec compute_output_specs",
            "static auto compute_program_hash(const operation_attributes_t& attributes, const tensor_args_t& tensors) {"
            " return tt::tt_metal::operation::hash_operation<CopyOperation>(tensors); }\n"
            "    static TensorSpec compute_output_specs",
        )
        (tmp_path / "op.cpp").write_text(text)
        (facts,) = analyse(tmp_path, [tmp_path / "op.cpp"], Options()).facts
        assert sorted(d.slot.name for d in facts.differences) == slots
