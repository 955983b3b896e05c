"""Which arguments a device kernel reads for certain, and what create() sets of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from small_factory import CREATE, REFRESH, factory
from tt_cache_lint.device.kernel_code import KernelCode
from tt_cache_lint.engine import Options, analyse
from tt_cache_lint.model import Confidence
from tt_cache_lint.rule import load_rules


def last(body: str, *arguments: int | None) -> int:
    """The highest index that `void kernel_main()` with this body reads, given these arguments."""
    return KernelCode("k.cpp", f"void kernel_main() {{ {body} }}".encode()).reads(arguments).unique


def arg(index: object) -> str:
    return f"get_arg_val<uint32_t>({index})"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", -1),
        (f"auto a = {arg(0)}; const bool b = {arg(3)} == 1;", 3),
        (f"int i{{0}}; auto a = {arg('i++')}; auto b = {arg('i++')};", 1),
        (f"uint32_t i = 0; auto a = {arg('i++')}; i += 2; auto b = {arg('++i')};", 4),
        (f"constexpr uint32_t base = 4; auto a = {arg('base + 1')};", 5),
        (f"auto p = reinterpret_cast<int*>({arg(2)}); foo({arg(4)});", 4),
        (f"if (x) {{ auto a = {arg(7)}; }}", -1),
        (f"for (int k = 0; k < 9; ++k) {{ auto a = {arg(7)}; }}", 7),
        (f"for (int k = 0; k < 9; ++k) {{ auto a = {arg('2 + k')}; }} auto b = {arg('k')};", 10),
        (f"int i = 1; for (int k = 0; k < 3; ++k) {{ auto a = {arg('i++')}; }} auto b = {arg('i')};", 4),
        (f"int i = 0; while (i < 5) {{ auto a = {arg('i')}; i += 2; }}", 4),
        (f"int i = 0; do {{ auto a = {arg(7)}; }} while (i); auto b = {arg('i')};", 0),
        (f"for (int k = 0; k < x; ++k) {{ auto a = {arg(7)}; }}", -1),
        (f"for (int k = 0; k < 0; ++k) {{ auto a = {arg(7)}; }} auto b = {arg(1)};", 1),
        (f"for (int k = 0; k < 9; ++k) {{ if (x) {{ break; }} auto a = {arg(7)}; }} auto b = {arg(1)};", 1),
        (f"for (int k = 0; k < 9; ++k) {{ if (x) {{ continue; }} auto a = {arg(7)}; }} auto b = {arg(1)};", 1),
        (f"for (int k = 0; k < 9; ++k) {{ switch (x) {{ case 0: break; }} auto a = {arg('k')}; }}", 8),
        (f"for (int k = 0; k < 9; ++k) {{ if (k == 2) {{ break; }} auto a = {arg('k')}; }} auto b = {arg(0)};", 1),
        (f"for (int k = 0; k < 9; ++k) {{ if (x) {{ return; }} auto a = {arg(7)}; }} auto b = {arg(8)};", -1),
        (f"int i = 0; for (;;) {{ auto a = {arg('i')}; i = x; }} auto b = {arg('i + 9')};", 0),
        (f"for (int k = 0; true; ++k) {{ auto a = {arg(2)}; }}", 2),
        (f"for (int k = 0; k < 2; ++k) {{ for (int l = 0; l < 3; ++l) {{ auto a = {arg('3 * k + l')}; }} }}", 5),
        (f"#ifdef X\nauto a = {arg(7)};\n#endif\nauto b = {arg(1)};", 1),
        (f"uint32_t i = 0; if (x) {{ i++; }} auto a = {arg('i')};", -1),
        (f"uint32_t i = 0; next(i); auto a = {arg('i')};", -1),
        (f"auto a = {arg(1)}; if (x) {{ return; }} auto b = {arg(5)};", 1),
        (f"auto a = {arg(1)}; return; auto b = {arg(5)};", 1),
        (f"auto f = [&]() {{ return {arg(8)}; }}; auto a = {arg(1)};", 1),
        (f"auto a = x ? {arg(4)} : 0;", -1),
        (f"int i = 1; DPRINT << {arg('i++')} << ENDL(); DPRINT_DATA0(DPRINT << {arg(7)});", -1),
        (f"int i = 1; DPRINT << {arg('i++')}; auto a = {arg('i')}; auto b = {arg(0)};", 0),
        (f"bool a = x && {arg(4)};", -1),
        (f"if constexpr (true) {{ auto a = {arg(4)}; }}", 4),
    ],
)
def test_certain_reads(body: str, expected: int) -> None:
    assert last(body) == expected


def test_the_arguments_may_decide() -> None:
    body = f"auto n = {arg(1)}; if (n == 0) {{ return; }} auto b = {arg(5)};"
    assert (last(body, 9, 0), last(body, 9, 4), last(body, 9, None)) == (1, 5, 1)


def test_a_loop_as_long_as_an_argument_says() -> None:
    body = f"auto n = {arg(0)}; for (uint32_t i = 0; i < n; ++i) {{ cores[i] = {arg('i + 1')}; }}"
    assert (last(body, 4), last(body, 0), last(body, None)) == (4, 0, 0)


def test_an_index_that_is_computed_is_a_plain_number() -> None:
    """It goes into findings, and these into the cache."""
    index = last(f"auto n = {arg(0)}; auto a = {arg('n + 2')};", 3)
    assert (index, type(index)) == (5, int)


def test_alternative_tokens() -> None:
    body = f"const bool worker = {arg(0)} == 1; if (not worker or worker not_eq 1) {{ return; }} auto b = {arg(5)};"
    assert (last(body, 0), last(body, 1)) == (0, 5)
    assert last(f"if ({arg(0)} and {arg(1)}) {{ auto b = {arg(5)}; }}", 1, 1) == 5


def test_older_compute_kernels_and_common_arguments() -> None:
    text = b"namespace NAMESPACE {\nvoid MAIN {\n  auto a = get_common_arg_val<uint32_t>(2);\n}\n}"
    reads = KernelCode("k.cpp", text).reads([])
    assert (reads.unique, reads.common, reads.common_line) == (-1, 2, 3)


@pytest.mark.parametrize("text", ["", "void kernel_main(", "int f() { return 1; }", "\x00\xff" * 50])
def test_what_is_no_kernel_reads_nothing(text: str) -> None:
    assert KernelCode("k.cpp", text.encode()).reads([]).unique == -1


IDLE = """
    if (core.x == 1) { SetRuntimeArgs(program, reader, core, {0, 0}); IDLE_WRITER continue; }
    SetRuntimeArgs(program, reader, core, {tensors.input.buffer()->address(), 4, 5});
    SetRuntimeArgs(program, writer, core, {output.buffer()->address(), 4});
"""


def test_an_idle_core_with_a_shorter_list(tmp_path: Path) -> None:
    refresh = REFRESH.replace("GetRuntimeArgs", "if (core.x == 1) { continue; } GetRuntimeArgs", 1)
    create = IDLE.replace("IDLE_WRITER", "SetRuntimeArgs(program, writer, core, {0, 0});")
    (tmp_path / "op.cpp").write_text(factory(create, refresh))
    (tmp_path / "writer.cpp").write_text(f"void kernel_main() {{ auto a = {arg(1)}; }}")
    for reads, expected in ((2, [("reader arg 2", 2, ((1, 0),))]), (1, [])):
        (tmp_path / "reader.cpp").write_text(f"void kernel_main() {{\n  auto a = {arg(reads)};\n}}")
        (facts,) = analyse(tmp_path, [tmp_path / "op.cpp"], Options()).facts
        assert [(s.slot.name, s.count, s.cores) for s in facts.short] == expected
        for short in facts.short:
            assert short.confidence is Confidence.CERTAIN
            assert (short.read_at.path, short.read_at.line) == ("reader.cpp", 2)


def test_a_list_of_unknown_length_and_a_kernel_that_is_not_there(tmp_path: Path) -> None:
    create = CREATE.replace("SetRuntimeArgs(program, reader, core, {", "std::vector<uint32_t> more = {").replace(
        ", 4});\n", ", 4}; append_from_elsewhere(more); SetRuntimeArgs(program, reader, core, more);\n", 1
    )
    (tmp_path / "op.cpp").write_text(factory(create))
    (tmp_path / "reader.cpp").write_text(f"void kernel_main() {{ auto a = {arg(30)}; }}")
    (facts,) = analyse(tmp_path, [tmp_path / "op.cpp"], Options()).facts
    assert facts.short == ()


READ = f"auto n = {arg(0)}; auto b = {arg(1)};"


@pytest.mark.parametrize(
    ("body", "arguments", "used"),
    [
        (f"{READ} f(n);", (), 0),
        (f"{READ} f(n, g + b);", (), 1),
        (f"{READ} b = 4; f(n);", (), 0),
        (f"f({arg(1)});", (), 1),
        (f"auto b = {arg(1)} + 1;", (), 1),
        (f"{READ} for (int i = 0; i < n; ++i) {{ f(b); }}", (0, 9), 0),
        (f"{READ} for (int i = b; i < b + n; ++i) {{ f(b); }}", (0, 9), 1),
        (f"{READ} for (int i = 0; i < n; ++i) {{ f(b); }}", (2, 9), 1),
        (f"{READ} for (int i = 0; i < n; ++i) {{ f(b); }}", (None, 9), 1),
        (f"{READ} while (n) {{ f(b); }}", (0, 9), 0),
        (f"{READ} while (n) {{ f(b); }}", (1, 9), 1),
        (f"{READ} do {{ f(b); }} while (n);", (0, 9), 1),
        (f"{READ} if (n) {{ f(b); }}", (0, 9), 0),
        (f"{READ} if (x) {{ f(b); }}", (0, 9), 1),
        (f"{READ} if (n == 0) {{ return; }} f(b);", (0, 9), 1),  # what stands behind is not looked at
        (f"{READ} switch (n) {{ case 1: f(b); }}", (0, 9), 1),
        (f"{READ} auto later = [&]() {{ f(b); }};", (), 1),
        (f"{READ} for (int i = 0; i < x; ++i) {{ auto later = [&]() {{ f(b); }}; }}", (), 1),
        (f"{READ}\n#ifdef X\nf(b);\n#endif\n", (), 1),
        (f"{READ} {{ auto b = 3; }} f(n);", (), 0),
        (f"{READ} auto c = x ? b : 0;", (), 1),
        (f"{READ} q[b] = 1;", (), 1),
        (f"{READ} throw b;", (), 1),
    ],
)
def test_what_something_is_made_of(body: str, arguments: tuple[int | None, ...], used: int) -> None:
    code = KernelCode("k.cpp", f"void kernel_main() {{ {body} }}".encode())
    assert code.reads(arguments).used == used


def test_what_an_idle_core_reads_and_makes_nothing_of(tmp_path: Path) -> None:
    """A note: the loop makes no turn there. Where it makes some, or the value is used anyway, it is an error."""
    refresh = REFRESH.replace("GetRuntimeArgs", "if (core.x == 1) { continue; } GetRuntimeArgs", 1)
    create = IDLE.replace("IDLE_WRITER", "SetRuntimeArgs(program, writer, core, {0, 0});")
    (tmp_path / "op.cpp").write_text(factory(create, refresh))
    (tmp_path / "writer.cpp").write_text("void kernel_main() {}")
    rules = [rule for rule in load_rules() if rule.id == "TTC601"]
    for more, severity in (("", "note"), ("f(step);", "error")):
        body = f"auto n = {arg(1)}; auto step = {arg(2)}; for (int i = 0; i < n; ++i) {{ f(step); }} {more}"
        (tmp_path / "reader.cpp").write_text(f"void kernel_main() {{ {body} }}")
        (facts,) = analyse(tmp_path, [tmp_path / "op.cpp"], Options()).facts
        (found,) = (finding for rule in rules for finding in rule.check(facts))
        assert (found.slot, found.severity.value) == ("reader arg 2", severity)
        assert found.message.endswith("Nothing is made of it there.") is (severity == "note")


@pytest.mark.parametrize(
    "body",
    [
        f"auto n = {arg(1)}; if (n + 1 == 3) {{ auto b = {arg(5)}; }} auto c = {arg(0)};",
        f"auto c = {arg(0)}; uint32_t i = {arg(1)}; i++; i += 1; auto b = {arg('i')};",
        f"bool b = {arg(0)} != 7 && !({arg(1)} == 2); if (b) {{ auto c = {arg(6)}; }}",
    ],
)
def test_what_is_remembered_of_one_core_fits_the_others(body: str) -> None:
    """The same code asked for many cores says what it says when it is asked anew."""
    code = KernelCode("k.cpp", f"void kernel_main() {{ {body} }}".encode())
    cores = [(a, b, c) for c in (None, 0) for a in (7, 0, None) for b in (2, 3, None, 2)]
    assert [code.reads(core).unique for core in cores] == [last(body, *core) for core in cores]


def test_an_idle_core_without_arguments(tmp_path: Path) -> None:
    refresh = REFRESH.replace("GetRuntimeArgs", "if (core.x == 1) { continue; } GetRuntimeArgs", 1)
    (tmp_path / "op.cpp").write_text(factory(IDLE.replace("IDLE_WRITER", ""), refresh))
    (tmp_path / "reader.cpp").write_text("void kernel_main() {}")
    for reads, expected in ((arg(1), [("writer arg 1", 0, ((1, 0),), Confidence.LIKELY)]), ("0", [])):
        (tmp_path / "writer.cpp").write_text(f"void kernel_main() {{\n  auto a = {reads};\n}}")
        (facts,) = analyse(tmp_path, [tmp_path / "op.cpp"], Options()).facts
        assert [(s.slot.name, s.count, s.cores, s.confidence) for s in facts.short] == expected


@pytest.mark.parametrize(("reads", "expected"), [(arg(1), [("writer arg 1", 0, 2, Confidence.LIKELY)]), ("0", [])])
def test_a_kernel_without_any_arguments(tmp_path: Path, reads: str, expected: list[object]) -> None:
    """On none of its cores, though it reads some."""
    first = CREATE.strip().splitlines()[0]
    refresh = REFRESH.strip().splitlines()[0]
    (tmp_path / "op.cpp").write_text(factory(first, refresh))
    (tmp_path / "reader.cpp").write_text("void kernel_main() {}")
    (tmp_path / "writer.cpp").write_text(f"void kernel_main() {{\n  auto a = {reads};\n}}")
    (facts,) = analyse(tmp_path, [tmp_path / "op.cpp"], Options()).facts
    assert [(s.slot.name, s.count, len(s.cores), s.confidence) for s in facts.short] == expected
    said = [(f.rule, f.message.partition(" that ")[0]) for rule in load_rules() for f in rule.check(facts)]
    where = "The kernel of `writer` runs on all 2 cores: (0,0)-(1,0)"
    assert said == [("partial-core-coverage", where)] * len(expected)
    for short in facts.short:
        assert (short.set_at.path, short.read_at.path, short.read_at.line) == ("op.cpp", "writer.cpp", 2)


PREALLOCATED = "return tensors.mask.has_value() ? *tensors.mask : create_device_tensor("


@pytest.mark.parametrize(
    ("returned", "sure"),
    [
        pytest.param("return create_device_tensor(", Confidence.LIKELY, id="an input"),
        pytest.param(PREALLOCATED, Confidence.POSSIBLE, id="the output"),
    ],
)
def test_a_given_output_of_another_rank(tmp_path: Path, returned: str, sure: Confidence) -> None:
    """Few checks forbid it; another input of another rank is one to reckon with."""
    create = """
        std::vector<uint32_t> sides(tensors.mask.has_value() ? tensors.mask->logical_shape().rank() : 4);
        SetRuntimeArgs(program, reader, core, sides);
        SetRuntimeArgs(program, writer, core, {output.buffer()->address()});
    """
    refresh = REFRESH.strip().splitlines()[1]
    check = (
        "TT_FATAL(tensors.input.logical_shape().rank() == 4);"
        "TT_FATAL(!tensors.mask.has_value() || tensors.mask->logical_shape().rank() > 1);"
    )
    text = factory(create, refresh, validate=check)
    assert "return create_device_tensor(" in text
    (tmp_path / "op.cpp").write_text(text.replace("return create_device_tensor(", returned))
    (tmp_path / "reader.cpp").write_text(f"void kernel_main() {{ auto a = {arg(3)}; }}")
    (facts,) = analyse(tmp_path, [tmp_path / "op.cpp"], Options()).facts
    assert [(s.slot.name, s.confidence) for s in facts.short] == [("reader arg 3", sure)]


@pytest.mark.parametrize(
    ("check", "sure"),
    [
        pytest.param("", Confidence.LIKELY, id="accepted"),
        pytest.param(
            "TT_FATAL(tensors.input.logical_shape()[0] != tensors.input.logical_shape()[0]);",
            Confidence.POSSIBLE,
            id="not accepted",
        ),
    ],
)
def test_bare_cores_in_a_call_that_no_op_accepts(tmp_path: Path, check: str, sure: Confidence) -> None:
    """Which cores there are depends on the inputs: nothing is told of those that cannot be."""
    refresh = REFRESH.replace("GetRuntimeArgs", "if (core.x == 1) { continue; } GetRuntimeArgs", 1)
    (tmp_path / "op.cpp").write_text(factory(IDLE.replace("IDLE_WRITER", ""), refresh, validate=check))
    (tmp_path / "reader.cpp").write_text("void kernel_main() {}")
    (tmp_path / "writer.cpp").write_text(f"void kernel_main() {{ auto a = {arg(1)}; }}")
    (facts,) = analyse(tmp_path, [tmp_path / "op.cpp"], Options()).facts
    assert [s.confidence for s in facts.short] == [sure]


@pytest.mark.parametrize(
    ("layout", "side", "sure"),
    [
        pytest.param("HEIGHT_SHARDED", "shape[1] == width", Confidence.CERTAIN, id="rows as wide as the tensor"),
        pytest.param("HEIGHT_SHARDED", "shape[1] == 2 * width", Confidence.POSSIBLE, id="wider rows"),
        pytest.param(
            "HEIGHT_SHARDED",
            "shape[1] == 2 * width && tensors.input.layout() == Layout::ROW_MAJOR",
            Confidence.CERTAIN,
            id="row-major ones are made as wide as their shards",
        ),
        pytest.param("WIDTH_SHARDED", "shape[0] == height", Confidence.CERTAIN, id="columns as high"),
        pytest.param("WIDTH_SHARDED", "shape[0] == 2 * height", Confidence.POSSIBLE, id="higher columns"),
    ],
)
def test_shards_that_no_tensor_has(tmp_path: Path, layout: str, side: str, sure: Confidence) -> None:
    """A tensor spec refuses them (tt_metal/impl/tensor/spec/tensor_spec.cpp:16-93), whatever the op accepts."""
    check = f"""
        TT_FATAL(tensors.input.memory_config().memory_layout() == TensorMemoryLayout::{layout});
        const auto width = tensors.input.logical_shape()[-1];
        const auto height = tensors.input.physical_volume() / width;
        TT_FATAL(tensors.input.shard_spec()->{side});
    """
    refresh = REFRESH.replace("GetRuntimeArgs", "if (core.x == 1) { continue; } GetRuntimeArgs", 1)
    create = IDLE.replace("IDLE_WRITER", "SetRuntimeArgs(program, writer, core, {0, 0});")
    (tmp_path / "op.cpp").write_text(factory(create, refresh, validate=check))
    (tmp_path / "writer.cpp").write_text("void kernel_main() {}")
    (tmp_path / "reader.cpp").write_text(f"void kernel_main() {{ auto a = {arg(2)}; }}")
    (facts,) = analyse(tmp_path, [tmp_path / "op.cpp"], Options()).facts
    assert [s.confidence for s in facts.short] == [sure]
