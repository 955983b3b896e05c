"""The device kernels of a program: their code, what they are compiled with, and the words that they get."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.kernel_build import UNKNOWN, Compiled, Number
from tt_cache_lint.device.kernel_code import KernelCode
from tt_cache_lint.device.kernel_constants import with_headers
from tt_cache_lint.device.program import Kernel
from tt_cache_lint.hash.builds import LISTS, MAPS, parts_of
from tt_cache_lint.interp.values import Enum, Opaque, Value, mask, plain

if TYPE_CHECKING:
    from tt_cache_lint.interp.interp import Interp
    from tt_cache_lint.source.files import SourceFile

WORD, NAMED, DEFINE = (f"{label} " for label in (LISTS["compile_args"], MAPS["named_compile_args"], MAPS["defines"]))


def given(kernel: Kernel) -> tuple[dict[int, int], dict[str, int], dict[str, str] | None]:
    """The compile-time arguments of a kernel, by number and by name, and its defines; None when these are not known."""
    words: dict[int, int] = {}
    named: dict[str, int] = {}
    defines: dict[str, str] | None = {}
    shift = False  # words of unknown number come before
    for part in parts_of(kernel):
        what, value = part.what, part.value
        number = number_of(value)
        if what.startswith(WORD):
            shift = shift or isinstance(value, Opaque)
            if not shift and number is not None:
                words[int(what.removeprefix(WORD))] = number
        elif what.startswith(NAMED):
            if number is not None:
                named[what.removeprefix(NAMED)] = number
        elif what.startswith(DEFINE) and defines is not None:
            defines[what.removeprefix(DEFINE)] = str(plain(value))
        elif what.startswith(("config", "defines")):
            defines = None
    return words, named, defines


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
    if not isinstance(source, str) or not source:
        return None
    if source not in interp.kernels:
        file = interp.index.tree.get(source)
        interp.kernels[source] = KernelCode(source, file.original) if file is not None else None
    found: KernelCode | None = interp.kernels[source]
    return found if found is not None and found.body is not None else None


def compiled_with(interp: Interp, kernel: Kernel, code: KernelCode) -> Compiled:
    """What a kernel is compiled with, as this program gives it; UNKNOWN where a header of its op is missing."""
    files, missing = kernel_files(interp, code)
    if missing:
        return UNKNOWN
    words, named, defines = given(kernel)
    told = f"{sorted(words.items())} {sorted(named.items())} {defines and sorted(defines.items())}"
    place = f"{code.file.path} as it is with {told}"
    if place not in interp.kernels:
        interp.kernels[place] = Compiled(words, named, defines, tuple(f.text for f in files))
    compiled: Compiled = interp.kernels[place]
    return compiled


def kernel_files(interp: Interp, code: KernelCode) -> tuple[list[SourceFile], bool]:
    """A kernel's file and the headers below the root that it includes; and whether one of an op is missing."""
    name = f"files of {code.file.path}"
    if name not in interp.kernels:
        interp.kernels[name] = with_headers(interp.index.tree, code.file)
    found: tuple[list[SourceFile], bool] = interp.kernels[name]
    return found
