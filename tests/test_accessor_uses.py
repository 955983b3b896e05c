"""Tensor accessors that a kernel describes and then makes nothing of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tt_cache_lint.device.accessor_uses import AccessorUses
from tt_cache_lint.device.kernel_build import Compiled
from tt_cache_lint.source.files import SourceTree

A = "constexpr auto a = TensorAccessorArgs<1>();"
B = "constexpr auto b = TensorAccessorArgs<a.next_compile_time_args_offset()>();"
USE_A, USE_B = "const auto s = TensorAccessor(a, 0);", "const auto d = TensorAccessor(b, 0);"
HOSTS = (1, 3)


def ignored(root: Path, body: str, defines: dict[str, str] | None, hosts: tuple[int, ...] = HOSTS) -> list[int]:
    (root / "k.cpp").write_text(f"void kernel_main() {{\n{body}\n}}\n")
    file = SourceTree(root).get("k.cpp")
    assert file is not None
    uses = AccessorUses([file])
    return [first for first in hosts if uses.ignores(first, hosts, Compiled(defines=defines))]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"{A}\n{B}", [1, 3]),
        (f"{A}\n{B}\n{USE_B}", [1]),  # where the second begins is all that is made of the first
        (f"{A}\n{B}\n{USE_A}", [3]),
        (f"{A}\n{B}\nuse(a);", [3]),
        (f"{A}\n{B}\n#define ARGS TensorAccessorArgs<1>\n", []),
        (f"{A}\n{B}\n#define READER TensorAccessor(a, 0)\n", [3]),
        (f"{A}\n{B}\nuse(TensorAccessorArgs<1>());", []),
        (f"{A}\nconstexpr auto b = TensorAccessorArgs<at>();", []),
        (f"{{ {A} {USE_A} }} {{ {A} }}", []),  # two of one name
        ("constexpr auto a = TensorAccessorArgs<2>();", []),  # numbered in another way than on the host
    ],
)
def test_what_is_made_of_an_accessor(tmp_path: Path, body: str, expected: list[int]) -> None:
    assert ignored(tmp_path, body, {}) == expected


@pytest.mark.parametrize(
    ("directive", "otherwise", "defines", "expected"),
    [
        ("#ifndef IN_SHARDED", "", {"IN_SHARDED": "1"}, [1]),
        ("#ifndef IN_SHARDED", "", {}, []),
        ("#ifndef IN_SHARDED", "", None, []),  # who knows
        ("#ifdef IN_SHARDED", "", {}, [1]),
        ("#ifdef IN_SHARDED", "#else\nuse(0);", {"IN_SHARDED": "1"}, []),
        ("#ifdef IN_SHARDED\nuse(0);\n#else", "", {"IN_SHARDED": "1"}, [1]),
        ("#ifdef IN_SHARDED\nuse(0);\n#else", "", {}, []),
        ("#if IN_SHARDED", "", {}, []),  # not told
    ],
)
def test_what_the_defines_leave_out(
    tmp_path: Path, directive: str, otherwise: str, defines: dict[str, str] | None, expected: list[int]
) -> None:
    body = f"{A}\n{directive}\n{USE_A}\n{otherwise}\n#endif\n{B}\n{USE_B}"
    assert ignored(tmp_path, body, defines) == expected


def test_more_accessors_than_the_host_has(tmp_path: Path) -> None:
    assert ignored(tmp_path, f"{A}\n{B}", {}, (1,)) == []
