"""Tensor accessors of kernels against the compile-time arguments that create() gives (TTC605)."""

from __future__ import annotations

from pathlib import Path

import pytest

from small_factory import factory
from tt_cache_lint.device.kernel_accessors import KernelAccessors
from tt_cache_lint.device.kernel_build import Compiled
from tt_cache_lint.device.kernel_code import KernelCode
from tt_cache_lint.engine import Options, analyse
from tt_cache_lint.model import Confidence

FIXED = "constexpr auto first = TensorAccessorArgs<1>();"
AFTER = "constexpr auto second = TensorAccessorArgs<first.next_compile_time_args_offset()>();"
FETCH = "uint32_t at = 0; const uint32_t a = get_arg_val<uint32_t>(at++), b = get_arg_val<uint32_t>(at++);"
USE_FIRST, USE_SECOND = "const auto s = TensorAccessor(first, a, 32);", "const auto t = TensorAccessor(second, b);"


def found(
    body: str, defines: dict[str, str] | None = None, before: str = "", words: tuple[int, ...] = ()
) -> list[tuple[int, int]]:
    """Where the accessors of a kernel begin, and which arguments are their addresses. The host's begin at 1 and 3."""
    code = KernelCode("k.cpp", f"{before}\nvoid kernel_main() {{ {FETCH}\n{body}\n}}".encode())
    compiled = Compiled(dict(enumerate(words)), {}, {} if defines is None else defines)
    made = KernelAccessors(code, {1: 3, 3: 5}, 1).of([None, None, 7], compiled)
    return [(one.first, one.address) for one in made]


def test_one_after_the_other() -> None:
    assert found(f"{FIXED} {AFTER} {USE_FIRST} {USE_SECOND}") == [(1, 0), (3, 1)]


def test_a_constant_of_the_file_numbers_them() -> None:
    before = "namespace n { constexpr uint32_t offset = 1; }"
    assert found("constexpr auto first = TensorAccessorArgs<offset>(); " + USE_FIRST, before=before) == [(1, 0)]


def test_a_literal_behind_the_first_accessor_is_not_known_on_the_host() -> None:
    assert found("constexpr auto first = TensorAccessorArgs<2>(); " + USE_FIRST) == []


def test_the_address_is_followed_into_casts_and_calls() -> None:
    assert found(f"{FIXED} const auto s = TensorAccessor(first, get_arg_val<uint32_t>(2));") == [(1, 2)]
    assert found(f"{FIXED} uint64_t wide = (uint64_t)b; const auto s = TensorAccessor(first, wide);") == [(1, 1)]
    assert found(f"{FIXED} a = a + 1; {USE_FIRST}".replace("const uint32_t a", "uint32_t a")) == []


@pytest.mark.parametrize(
    ("defines", "expected"),
    [({}, [(1, 0), (3, 1)]), ({"A_SHARDED": "1"}, [(1, 1)]), ({"A_SHARDED": "0"}, [(1, 0), (3, 1)])],
)
def test_text_that_is_compiled_in(defines: dict[str, str], expected: list[tuple[int, int]]) -> None:
    body = f"""
#if !A_SHARDED && !B_SHARDED
    {FIXED} {AFTER} {USE_FIRST}
#elif !B_SHARDED
    constexpr auto second = TensorAccessorArgs<1>();
#endif
    {USE_SECOND}"""
    assert found(body, defines) == expected


def test_compile_time_arguments_decide() -> None:
    body = f"{FIXED} if constexpr (get_compile_time_arg_val(0) == 1) {{ {USE_FIRST} }}"
    assert found(body, words=(1,)) == [(1, 0)]
    assert found(body, words=(0,)) == []
    assert found(body) == []  # not known: it may not be made


def test_a_block_hides_what_is_outside() -> None:
    inner = f"{{ constexpr auto first = TensorAccessorArgs<0>(); const uint32_t a = 5; }} {USE_FIRST}"
    assert found(f"{FIXED} {inner}") == [(1, 0)]


CREATE = """
    SetRuntimeArgs(program, reader, core, {tensors.input.buffer()->address(), output.buffer()->address()});
    SetRuntimeArgs(program, writer, core, {output.buffer()->address()});
"""
REFRESH = """
    auto& args = GetRuntimeArgs(program, shared.reader, core);
    args[0] = tensors.input.buffer()->address();
    args[1] = output.buffer()->address();
    GetRuntimeArgs(program, shared.writer, core)[0] = output.buffer()->address();
"""
HOST = """std::vector<uint32_t> words = {7};
    TensorAccessorArgs(*tensors.input.buffer()).append_to(words);
    TensorAccessorArgs(*output.buffer()).append_to(words);
    auto reader = CreateKernel(program, "reader.cpp", all, ReaderDataMovementConfig(words));"""


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        (f"{FIXED} {AFTER} {USE_FIRST} {USE_SECOND}", []),
        (f"constexpr auto first = TensorAccessorArgs<0>(); {USE_FIRST}", [(0, "tensor_args.input", "")]),
        (
            f"{FIXED} const auto s = TensorAccessor(first, b);",
            [(1, "tensor_return_value", "tensor_args.input")],
        ),
    ],
)
def test_the_engine_compares(tmp_path: Path, kernel: str, expected: list[tuple[int, str, str]]) -> None:
    plain = 'auto reader = CreateKernel(program, "reader.cpp", all, ReaderDataMovementConfig({}));'
    text = factory(CREATE, REFRESH)
    assert plain in text
    # the output lies in L1, so that its words are others than the input's
    text = text.replace(plain, HOST).replace(
        "return tensors.input.tensor_spec();",
        "return TensorSpec(tensors.input.logical_shape(), TensorLayout(tensors.input.dtype(), "
        "PageConfig(tensors.input.layout()), MemoryConfig(TensorMemoryLayout::INTERLEAVED, BufferType::L1)));",
    )
    text = text.replace("@VALIDATE@", "")
    (tmp_path / "op.cpp").write_text(text)
    (tmp_path / "reader.cpp").write_text(f"void kernel_main() {{ {FETCH}\n{kernel}\n}}")
    (tmp_path / "writer.cpp").write_text("void kernel_main() {}")
    (facts,) = analyse(tmp_path, [tmp_path / "op.cpp"], Options()).facts
    assert [(a.index, a.address, a.holds) for a in facts.accessors] == expected
    assert all(a.confidence is Confidence.LIKELY and a.used_at.path == "reader.cpp" for a in facts.accessors)


def test_tensors_that_are_described_alike_do_no_harm(tmp_path: Path) -> None:
    text = factory(CREATE, REFRESH).replace(
        'auto reader = CreateKernel(program, "reader.cpp", all, ReaderDataMovementConfig({}));', HOST
    )
    (tmp_path / "op.cpp").write_text(text)
    (tmp_path / "reader.cpp").write_text(f"void kernel_main() {{ {FETCH} {FIXED} auto s = TensorAccessor(first, b); }}")
    (tmp_path / "writer.cpp").write_text("void kernel_main() {}")
    (facts,) = analyse(tmp_path, [tmp_path / "op.cpp"], Options(only="CopyFactory")).facts
    assert [a for a in facts.accessors if not a.when] == []


def test_an_enumerator_of_the_kernel_decides() -> None:
    before = "enum class ROLE : uint8_t { IDLE, WORKER = 7 };"
    leave = "const uint32_t role = get_arg_val<uint32_t>(2); if (role == (uint32_t)ROLE::%s) { return; }"
    assert found(f"{leave % 'IDLE'} {FIXED} {USE_FIRST}", before=before) == [(1, 0)]
    assert found(f"{leave % 'WORKER'} {FIXED} {USE_FIRST}", before=before) == []
    assert found(f"{leave % 'OTHER'} {FIXED} {USE_FIRST}", before=before) == []
