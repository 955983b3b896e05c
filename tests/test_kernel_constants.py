"""Compile-time arguments that a kernel makes nothing of."""

from __future__ import annotations

from pathlib import Path

import pytest

from small_factory import factory
from tt_cache_lint.check import run_check
from tt_cache_lint.device.kernel_constants import NEXT, compile_time_uses
from tt_cache_lint.engine import Options, analyse
from tt_cache_lint.model import Confidence, Severity
from tt_cache_lint.source.files import SourceTree

C0, C1 = "get_compile_time_arg_val(0)", "get_compile_time_arg_val(1)"
STRUCT = "template <typename T> struct Args { const uint32_t first; const bool second; const T rest; };"
MADE = (
    "constexpr auto get() { constexpr auto r = TensorAccessorArgs<2>(); "
    f"return Args<decltype(r)>{{{C0}, {C1} != 0, r}}; }}"
)
MAIN = "void kernel_main() {{ {} }}"


def ignored(root: Path, text: str, headers: dict[str, str] | None = None) -> list[int]:
    for name, content in {"k.cpp": text, **(headers or {})}.items():
        (root / name).write_text(content)
    tree = SourceTree(root)
    kernel = tree.get("k.cpp")
    assert kernel is not None
    uses = compile_time_uses(tree, kernel)
    return [index for index in range(3) if uses.ignores(index)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (MAIN.format(""), [0, 1, 2]),
        (MAIN.format(f"use({C0});"), [1, 2]),
        (MAIN.format(f"constexpr uint32_t a = {C0}; constexpr bool b = {C1} == 1; use(a);"), [1, 2]),
        (MAIN.format(f"constexpr auto a = static_cast<uint32_t>({C0}); {C1};"), [0, 1, 2]),
        (MAIN.format(f"constexpr uint32_t a = {C0}; if constexpr (a) {{ use(); }}"), [1, 2]),
        (f"constexpr uint32_t a = {C0};\n#define WIDTH a\n{MAIN.format('use(WIDTH);')}", [1, 2]),
        (f"#define FIRST get_compile_time_arg_val(0)\n{MAIN.format('')}", []),
        (MAIN.format("constexpr uint32_t at = 1; use(get_compile_time_arg_val(at));"), []),
        (MAIN.format("use(kernel_compile_time_args[2]);"), []),
        (MAIN.format("constexpr auto a = TensorAccessorArgs<1>();"), [0]),
        (
            MAIN.format(
                "constexpr auto a = TensorAccessorArgs<2, 0>(); constexpr auto b = "
                "TensorAccessorArgs<a.next_compile_time_args_offset()>();"
            ),
            [0, 1],
        ),
        (MAIN.format("constexpr uint32_t at = 1; constexpr auto a = TensorAccessorArgs<at>();"), []),
        (f"{STRUCT}\n{MADE}\n{MAIN.format('constexpr auto args = get(); use(args.second);')}", [0]),
        (f"{STRUCT}\n{MADE}\n{MAIN.format('constexpr auto args = get(); use(args.first, args.rest);')}", [1]),
        (f"{STRUCT}\n{MADE}\n{MAIN.format('constexpr auto [x, y, z] = get(); use(y);')}", []),
        (f"constexpr std::array<uint32_t, 2> all = {{{C0}, {C1}}};\n{MAIN.format('use(all);')}", [2]),
    ],
)
def test_what_a_kernel_ignores(tmp_path: Path, text: str, expected: list[int]) -> None:
    assert ignored(tmp_path, text) == expected


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ("common.hpp", [1, 2]),
        ("api/dataflow/dataflow_api.h", [0, 1, 2]),  # the device's own
        ("../other/common.hpp", []),  # an op's, and not there
    ],
)
def test_headers(tmp_path: Path, include: str, expected: list[int]) -> None:
    headers = {"common.hpp": f"inline void load() {{ use({C0}); }}"}
    assert ignored(tmp_path, f'#include "{include}"\n{MAIN.format("load();")}', headers) == expected


def op(root: Path, compiled: str, kernel: str, **parts: str) -> Path:
    """An op that compiles an expression into a kernel which is there."""
    text = factory(**parts)
    text = text.replace("ReaderDataMovementConfig({})", f"ReaderDataMovementConfig({{{compiled}}})")
    file = root / "ttnn" / "copy_program_factory.cpp"
    file.parent.mkdir()
    file.write_text(text.replace('"reader.cpp"', '"ttnn/reader.cpp"'))
    (root / "ttnn" / "reader.cpp").write_text(kernel)
    return file


@pytest.mark.parametrize(("body", "severity"), [(f"use({C0});", Severity.ERROR), ("", Severity.NOTE)])
def test_an_address_that_the_kernel_makes_nothing_of(tmp_path: Path, body: str, severity: Severity) -> None:
    file = op(tmp_path, "tensors.input.buffer()->address()", MAIN.format(body))
    (found,) = [f for f in run_check(tmp_path, [file]).findings if f.rule == "per-dispatch-compile-time"]
    assert (found.severity, found.confidence) == (severity, Confidence.CERTAIN)
    assert ("makes nothing of it" in found.message) is (severity is Severity.NOTE)


@pytest.mark.parametrize(("body", "omitted"), [(f"use({C0});", ["operation_attributes.factor"]), ("", [])])
def test_an_omitted_input_that_the_kernel_makes_nothing_of(tmp_path: Path, body: str, omitted: list[str]) -> None:
    file = op(tmp_path, "attributes.factor", MAIN.format(body))
    hashed = (
        "static ttsl::hash::hash_t compute_program_hash(const operation_attributes_t& a, const tensor_args_t& t) "
        "{ return operation::hash_operation<CopyOperation>(a.flag, t); }\n    static TensorSpec compute_output_specs"
    )
    file.write_text(file.read_text().replace("static TensorSpec compute_output_specs", hashed))
    (facts,) = analyse(tmp_path, [file], Options()).operations
    assert [o.input for o in facts.omissions] == omitted


DESCRIBED = "constexpr auto args = TensorAccessorArgs<0>();"
MEMORY = ["tensor_args.input.memory_config"]


@pytest.mark.parametrize(
    ("body", "omitted"),
    [
        (f"{DESCRIBED} use(TensorAccessor(args, 0));", MEMORY),
        (f"{DESCRIBED} use(args.{NEXT}());", []),
        (f"{DESCRIBED} use({C0});", MEMORY),  # its words are read by their numbers
        (f"{DESCRIBED} use(get_compile_time_arg_val(args.{NEXT}() - 2));", MEMORY),
    ],
)
def test_an_accessor_that_the_kernel_makes_nothing_of(tmp_path: Path, body: str, omitted: list[str]) -> None:
    file = op(tmp_path, "words", MAIN.format(body))
    hashed = (
        "static ttsl::hash::hash_t compute_program_hash(const operation_attributes_t& a, const tensor_args_t& t) "
        "{ return operation::hash_operation<CopyOperation>(a, t.mask, t.input.logical_shape(), t.input.dtype(), "
        "t.input.layout()); }\n    static TensorSpec compute_output_specs"
    )
    text = file.read_text().replace("static TensorSpec compute_output_specs", hashed)
    start = "    Program program = CreateProgram();\n"
    words = "    std::vector<uint32_t> words; TensorAccessorArgs(*tensors.input.buffer()).append_to(words);\n"
    file.write_text(text.replace(start, start + words).replace("Config({words})", "Config(words)"))
    (facts,) = analyse(tmp_path, [file], Options()).operations
    assert [o.input for o in facts.omissions] == omitted
