"""Changes that say little: of a compile-time argument that no kernel uses, of a layout that the op is not made for."""

from __future__ import annotations

from tt_cache_lint.device.kernel_constants import CompileTimeUses, compile_time_uses
from tt_cache_lint.device.program import Kernel, Program
from tt_cache_lint.hash.builds import LISTS, Change
from tt_cache_lint.interp.interp import Interp
from tt_cache_lint.kernels import kernel_code

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
    return uses.ignores(index)
