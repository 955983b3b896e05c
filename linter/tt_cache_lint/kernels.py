"""The device kernels of a program: their code, what they are compiled with, and the words that they get."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tt_cache_lint.device.kernel_build import UNKNOWN, Compiled, Number
from tt_cache_lint.device.kernel_code import KernelCode
from tt_cache_lint.device.kernel_constants import with_headers
from tt_cache_lint.device.program import Kernel
from tt_cache_lint.hash.builds import LISTS, MAPS, Part, parts_of
from tt_cache_lint.interp.values import Enum, Opaque, Value, mask, plain

if TYPE_CHECKING:
    from tt_cache_lint.interp.interp import Interp
    from tt_cache_lint.source.files import SourceFile

WORD, NAMED, DEFINE = (f"{label} " for label in (LISTS["compile_args"], MAPS["named_compile_args"], MAPS["defines"]))
_CONDITIONAL = re.compile(rb"#[ \t]*if")  # without one no header decides what is compiled


@dataclass(slots=True)
class Built:
    """What a program compiles a kernel with: its compile-time arguments as they are written, by number and by name, and
    its defines; None when these are not known."""

    parts: tuple[Part, ...]
    words: dict[int, int]
    named: dict[str, int]
    defines: dict[str, str] | None
    compiled: Compiled | None = None


def built(kernel: Kernel) -> Built:
    """What a kernel of a complete program is compiled with."""
    if kernel.built is None:
        kernel.built = _built(kernel)
    found: Built = kernel.built
    return found


def _built(kernel: Kernel) -> Built:
    parts: list[Part] = []
    words: dict[int, int] = {}
    named: dict[str, int] = {}
    defines: dict[str, str] | None = {}
    shift = False  # words of unknown number come before
    for part in parts_of(kernel):
        what, value = part.what, part.value
        if what.startswith(WORD):
            parts.append(part)
            number = number_of(value)
            shift = shift or isinstance(value, Opaque)
            if not shift and number is not None:
                words[int(what.removeprefix(WORD))] = number
        elif what.startswith(NAMED):
            number = number_of(value)
            if number is not None:
                named[what.removeprefix(NAMED)] = number
        elif what.startswith(DEFINE) and defines is not None:
            defines[what.removeprefix(DEFINE)] = str(plain(value))
        elif what.startswith(("config", "defines")):
            defines = None
    return Built(tuple(parts), words, named, defines)


def number_of(value: object) -> int | None:
    """A compile-time argument as the kernel sees it; None when it is not known."""
    bare = plain(value)
    if isinstance(bare, Enum):
        return bare.number if bare.number >= 0 else None
    return int(bare) if isinstance(bare, (bool, int)) else None


def numbers(values: list[Value], dispatch: int) -> list[Number] | None:
    """Argument words as the kernel sees them; None when their count is not known."""
    if any(type(v) is Opaque for v in values):
        return None
    bare = [None if mask(v) & dispatch else plain(v) for v in values]
    return [b if type(b) is int else None for b in bare]


def kernel_code(interp: Interp, kernel: Kernel) -> KernelCode | None:
    """The code of a kernel, None when its path is not known or names no file of the tree."""
    source = plain(kernel.source)
    if not isinstance(source, str) or not source or kernel.named:  # numbers say nothing about named arguments
        return None
    if source not in interp.kernels:
        file = interp.index.tree.get(source)
        interp.kernels[source] = KernelCode(source, file.original) if file is not None else None
    found: KernelCode | None = interp.kernels[source]
    return found if found is not None and found.body is not None else None


def compiled_with(interp: Interp, kernel: Kernel, code: KernelCode) -> Compiled:
    """What a kernel is compiled with, as this program gives it; UNKNOWN where a header is missing that may define what
    the kernel asks for."""
    files, missing = kernel_files(interp, code) if _CONDITIONAL.search(code.file.text) else ([], False)
    if missing:
        return UNKNOWN
    made = built(kernel)
    if made.compiled is None:
        made.compiled = Compiled(made.words, made.named, made.defines, tuple(f.text for f in files))
    return made.compiled


def kernel_files(interp: Interp, code: KernelCode) -> tuple[list[SourceFile], bool]:
    """A kernel's file and the headers below the root that it includes; and whether one of an op is missing."""
    name = f"files of {code.file.path}"
    if name not in interp.kernels:
        interp.kernels[name] = with_headers(interp.index.tree, code.file)
    found: tuple[list[SourceFile], bool] = interp.kernels[name]
    return found
