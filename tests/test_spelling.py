"""How fixes spell what an override works with, in both infras."""

from __future__ import annotations

from pathlib import Path

from small_factory import CREATE, factory
from test_callback import MAKER, op
from tt_cache_lint.engine import Options, analyse
from tt_cache_lint.model import FactoryFacts

WRITTEN = "GetRuntimeArgs(program, writer, core)[0] = output_tensors.at(0).buffer()->address();"


def fixes(facts: FactoryFacts) -> set[str]:
    return {line for difference in facts.differences for line in difference.fix}


def stale(root: Path, line: str, **parts: str) -> FactoryFacts:
    """The callback without one of its lines."""
    (facts,) = op(root, **{"maker": MAKER, "without": line, **parts})
    return facts


def test_typed(tmp_path: Path) -> None:
    (tmp_path / "op.cpp").write_text(factory(CREATE, "GetRuntimeArgs(program, shared.reader, core)[1] = 4;"))
    (facts,) = analyse(tmp_path, [tmp_path / "op.cpp"], Options()).facts
    assert fixes(facts) == {
        "GetRuntimeArgs(cached.program, cached.shared_variables.reader, core)[0] = tensors.input.buffer()->address();",
        "GetRuntimeArgs(cached.program, cached.shared_variables.writer, core)[0] = output.buffer()->address();",
    }


def test_a_callback_knows_lists_of_tensors_and_what_it_captured(tmp_path: Path) -> None:
    assert fixes(stale(tmp_path, WRITTEN)) == {WRITTEN}


def test_a_callback_gets_the_operation(tmp_path: Path) -> None:
    """What the hash leaves out is a member of it."""
    hash_ = """
    operation::Hash compute_program_hash(const std::vector<Tensor>& input_tensors) const {
        return operation::hash_operation<Copy>(input_tensors.at(0));
    }"""
    first = "SetRuntimeArgs(program, reader, core, {input.buffer()->address()});"
    facts = stale(
        tmp_path,
        "",
        maker=MAKER.replace("output_tensors.at(0))", "output_tensors.at(0), factor)") + hash_,
        members="uint32_t factor;",
        replaced="|".join(
            [
                f"{first}=>SetRuntimeArgs(program, reader, core, {{input.buffer()->address(), factor}});",
                "copy_multi_core(const Tensor& input, Tensor& output)=>"
                "copy_multi_core(const Tensor& input, Tensor& output, uint32_t factor)",
            ]
        ),
    )
    assert fixes(facts) == {"GetRuntimeArgs(program, reader, core)[1] = static_cast<const Copy*>(operation)->factor;"}


def test_a_callback_with_lists_of_buffers(tmp_path: Path) -> None:
    tensors = """const void* operation,
                        Program& program,
                        const std::vector<Tensor>& input_tensors,
                        const std::vector<std::optional<const Tensor>>&,
                        const std::vector<Tensor>& output_tensors)"""
    buffers = "const Program& program, const std::vector<Buffer*>& inputs, const std::vector<Buffer*>& outputs)"
    facts = stale(
        tmp_path,
        WRITTEN,
        replaced=f"{tensors}=>{buffers}|input_tensors.at(0).buffer()->address();=>inputs.at(0)->address();",
    )
    assert fixes(facts) == {"GetRuntimeArgs(program, writer, core)[0] = outputs.at(0)->address();"}


def test_what_create_allocates_has_to_live(tmp_path: Path) -> None:
    """No line could write its address: with the end of create() it is gone."""
    made = "SetRuntimeArgs(program, writer, core, {output.buffer()->address()});"
    facts = stale(
        tmp_path,
        "",
        replaced=f"Program program{{}};=>Program program{{}}; auto scratch = CreateBuffer(config);|"
        f"{made}=>SetRuntimeArgs(program, writer, core, {{output.buffer()->address(), scratch->address()}});",
    )
    (fix,) = fixes(facts)
    assert fix.startswith("// keep what create() allocates")
