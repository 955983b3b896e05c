"""Numbers that a compute kernel only calculates with: data of one call, hashed for nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from small_factory import factory
from tt_cache_lint.device.kernel_code import KernelCode
from tt_cache_lint.device.kernel_data import is_data
from tt_cache_lint.engine import Options, analyse
from tt_cache_lint.model import Confidence

ARG = "get_arg_val<uint32_t>({})"


def code(body: str) -> KernelCode:
    return KernelCode("k.cpp", f"void kernel_main() {{ {body} }}".encode())


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (f"uint32_t n = {ARG.format(0)}; power_tile(dst, n);", True),
        (f"power_tile(dst, {ARG.format(0)});", True),
        (f"uint32_t n = {ARG.format(0)}; for (uint32_t i = 0; i < n; ++i) {{ power_tile(dst, i); }}", False),
        (f"uint32_t n; n = {ARG.format(0)}; auto m = n * 2; while (i < m) {{ power_tile(dst, n); }}", False),
        (f"uint32_t n = {ARG.format(0)}; if (n == 0) {{ power_tile(dst, 1); }}", False),
        (f"uint32_t n = {ARG.format(0)}; use(n == 0 ? 1 : 2);", False),
        (f"uint32_t n = {ARG.format(0)}; use(table[n]);", False),
        (f"uint32_t n = {ARG.format(1)}; power_tile(dst, n);", False),  # another argument
        (f"uint32_t n = {ARG.format('next++')}; power_tile(dst, n);", False),  # which one is not told
        ("uint32_t n = get_common_arg_val<uint32_t>(0); power_tile(dst, n);", False),
        ("", False),
    ],
)
def test_what_a_kernel_does_with_an_argument(body: str, data: bool) -> None:
    assert is_data(code(body), 0) is data


def test_common_arguments() -> None:
    body = code("uint32_t n = get_common_arg_val<uint32_t>(3); power_tile(dst, n);")
    assert is_data(body, 3, common=True)
    assert not is_data(body, 3)


POWER = f"power_tile(0, {ARG.format(0)});"
LOOP = f"for (uint32_t i = 0; i < {ARG.format(0)}; ++i) {{ power_tile(0, 1); }}"


@pytest.mark.parametrize(
    ("member", "kernel", "given", "config", "sure"),
    [
        ("uint32_t", POWER, "attributes.factor", "ComputeConfig", Confidence.LIKELY),
        ("float", POWER, "attributes.factor", "ComputeConfig", Confidence.POSSIBLE),  # a constant of the model
        ("uint32_t", LOOP, "attributes.factor", "ComputeConfig", Confidence.POSSIBLE),  # a count
        ("uint32_t", POWER, "attributes.factor + core.x", "ComputeConfig", Confidence.POSSIBLE),  # a place
        ("uint32_t", POWER, "attributes.factor", "WriterDataMovementConfig", Confidence.POSSIBLE),
        ("uint32_t", "", "attributes.factor", "ComputeConfig", Confidence.POSSIBLE),  # a kernel that is not there
    ],
)
def test_a_number_that_is_calculated_with(
    tmp_path: Path, member: str, kernel: str, given: str, config: str, sure: Confidence
) -> None:
    create = "SetRuntimeArgs(program, reader, core, {tensors.input.buffer()->address()});"
    override = "GetRuntimeArgs(program, shared.reader, core)[0] = tensors.input.buffer()->address();"
    text = factory(create=f"{create} SetRuntimeArgs(program, writer, core, {{{given}}});", override=override)
    text = text.replace("uint32_t factor = 1;", f"{member} factor = 1;")
    text = text.replace('"writer.cpp", all, WriterDataMovementConfig', f'"ttnn/compute.cpp", all, {config}')
    file = tmp_path / "ttnn" / "copy_program_factory.cpp"
    file.parent.mkdir()
    file.write_text(text)
    if kernel:
        (tmp_path / "ttnn" / "compute.cpp").write_text(f"void kernel_main() {{ {kernel} }}\n")
    (op,) = analyse(tmp_path, [file], Options()).operations
    (found,) = op.surplus
    assert (found.input, found.kind, found.confidence) == ("operation_attributes.factor", "runtime", sure)
