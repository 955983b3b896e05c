"""Changes that say little: of a compile-time argument that no kernel uses, of a layout that the op is not made for."""

from __future__ import annotations

from tt_cache_lint.accessors import WORDS, accessors_of
from tt_cache_lint.device.accessor_uses import AccessorUses
from tt_cache_lint.device.kernel_code import KernelCode
from tt_cache_lint.device.kernel_constants import CompileTimeUses, compile_time_uses
from tt_cache_lint.device.program import Kernel, Program
from tt_cache_lint.hash.builds import LISTS, Change
from tt_cache_lint.interp.interp import Interp
from tt_cache_lint.kernels import built, compiled_with, kernel_code, kernel_files

ARGUMENT = f"{LISTS['compile_args']} "


def without_effect(interp: Interp, program: Program, change: Change) -> bool:
    """Is a change of a compile-time argument that no kernel of that name uses?"""
    index = change.what.removeprefix(ARGUMENT)
    if index == change.what or not index.isdigit():
        return False
    kernels = [kernel for kernel in program.kernels if kernel.name == change.owner]
    return bool(kernels) and all(_ignores(interp, kernel, int(index)) for kernel in kernels)


def _ignores(interp: Interp, kernel: Kernel, index: int) -> bool:
    code = kernel_code(interp, kernel)
    if code is None:
        return False
    name = f"compile-time arguments of {code.file.path}"
    uses = interp.kernels.get(name)
    if not isinstance(uses, CompileTimeUses):
        uses = interp.kernels[name] = compile_time_uses(interp.index.tree, code.file)
    return uses.ignores(index) or _describes_only(interp, kernel, code, uses, index)


def _describes_only(interp: Interp, kernel: Kernel, code: KernelCode, read: CompileTimeUses, index: int) -> bool:
    """Is a compile-time argument a word of a tensor accessor of which the kernel makes nothing?

    How many words an accessor has is not always known, so nothing behind its first may be read by a number.
    """
    begins = accessors_of(built(kernel).parts)
    first = max((begin for begin in begins if begin <= index), default=index)
    if index not in range(first, first + WORDS) or first not in begins:
        return False
    if read.obscure or any(number >= first for number in read.reads):
        return False
    name = f"accessors described in {code.file.path}"
    uses = interp.kernels.get(name)
    if not isinstance(uses, AccessorUses):
        files, missing = kernel_files(interp, code)
        uses = interp.kernels[name] = AccessorUses(files)
        uses.obscure = uses.obscure or missing
    return uses.ignores(first, sorted(begins), compiled_with(interp, kernel, code))
