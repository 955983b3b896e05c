"""What create() sets against what the device kernels read: argument lists that are too short.

Only reads that every run of the kernel makes count (device/kernel_code.py), with the arguments of the core at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tt_cache_lint.device.kernel_build import Compiled
from tt_cache_lint.device.kernel_code import KernelCode
from tt_cache_lint.device.kernel_run import Reads
from tt_cache_lint.device.program import CoreArgs, Kernel
from tt_cache_lint.kernels import compiled_with, kernel_code, numbers
from tt_cache_lint.model import Confidence, Place, ShortArguments, Slot, SlotKind

if TYPE_CHECKING:
    from tt_cache_lint.hit import Outcome
    from tt_cache_lint.interp.interp import Interp
    from tt_cache_lint.paths import Path
    from tt_cache_lint.words import Describer


def short_arguments(interp: Interp, paths: Sequence[Path], words: Describer) -> Iterator[ShortArguments]:
    """One for each slot, from the clearest path that shows it."""
    seen: dict[Slot, ShortArguments] = {}
    for path in sorted(paths, key=lambda p: (not p.is_base, not p.validated, p.contradicts)):
        for found in _of_outcome(interp, path, path.outcomes[0], words):
            seen.setdefault(found.slot, found)
    yield from seen.values()


def _of_outcome(interp: Interp, path: Path, outcome: Outcome, words: Describer) -> Iterator[ShortArguments]:
    if outcome.fresh.escaped or "select" in outcome.violations:
        return
    confidence = Confidence.CERTAIN if path.is_base and path.validated else Confidence.LIKELY
    if path.contradicts or path.strained:
        confidence = Confidence.POSSIBLE
    for kernel in outcome.fresh.kernels:
        code = kernel_code(interp, kernel)
        if code is None or kernel.unsure:
            continue
        compiled = compiled_with(interp, kernel, code)
        when = words.when(path, outcome.world)
        yield from _of_kernel(code, compiled, kernel, outcome, words, when, confidence)
        yield from _without(code, compiled, kernel, outcome, words, when, confidence)


def _of_kernel(
    code: KernelCode,
    compiled: Compiled,
    kernel: Kernel,
    outcome: Outcome,
    words: Describer,
    when: tuple[str, ...],
    confidence: Confidence,
) -> Iterator[ShortArguments]:
    bits = outcome.world.dispatch
    common = numbers(kernel.common.vals, bits) if kernel.common is not None else []
    if common is None or not kernel.args:
        return
    short: dict[tuple[int, int], tuple[Reads, CoreArgs]] = {}
    for xy, data in kernel.args.items():
        given = numbers(data.vals, bits)
        if given is None:
            continue
        reads = code.reads(given, common, compiled)
        if reads.unique >= len(given):
            short[xy] = reads, data
    if short:
        reads, data = next(iter(short.values()))
        cores = tuple(xy for xy, (_, other) in short.items() if len(other.vals) == len(data.vals))
        yield ShortArguments(
            Slot(SlotKind.ARG, kernel.name, reads.unique),
            len(data.vals),
            words.user(data.set_call, data.stacks),
            Place(code.file.path, reads.unique_line),
            cores,
            tuple(kernel.args),
            when,
            confidence,
        )


def _without(
    code: KernelCode,
    compiled: Compiled,
    kernel: Kernel,
    outcome: Outcome,
    words: Describer,
    when: tuple[str, ...],
    confidence: Confidence,
) -> Iterator[ShortArguments]:
    """Cores that the kernel runs on and that get no arguments at all, while others do."""
    common = numbers(kernel.common.vals, outcome.world.dispatch) if kernel.common is not None else []
    bare = tuple(xy for xy in kernel.cores if xy not in kernel.args)
    # Arguments for a core that the kernel does not run on are refused; nothing is known of such a call.
    if not kernel.args or not bare or common is None or any(xy not in kernel.cores for xy in kernel.args):
        return
    reads = code.reads((), common, compiled)
    if reads.unique >= 0:
        yield ShortArguments(
            Slot(SlotKind.ARG, kernel.name, reads.unique),
            0,
            words.user(kernel.mark, kernel.stack),
            Place(code.file.path, reads.unique_line),
            bare,
            tuple(kernel.cores),
            when,
            Confidence.LIKELY if confidence is Confidence.CERTAIN else confidence,
        )
