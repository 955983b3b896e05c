"""What create() sets against what the device kernels read: argument lists that are too short.

Only reads that every run of the kernel makes count (device/kernel_code.py), with the arguments of the core at hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tt_cache_lint.device.kernel_build import Compiled, Number
from tt_cache_lint.device.kernel_code import KernelCode
from tt_cache_lint.device.kernel_values import Reads
from tt_cache_lint.device.program import CoreArgs, Kernel
from tt_cache_lint.kernels import compiled_with, kernel_code, numbers
from tt_cache_lint.model import Confidence, Place, ShortArguments, Slot, SlotKind
from tt_cache_lint.search.exploration import Path, clearest

if TYPE_CHECKING:
    from tt_cache_lint.device.cores import XY
    from tt_cache_lint.interp.interp import Interp
    from tt_cache_lint.interp.world import World
    from tt_cache_lint.outcome import Outcome
    from tt_cache_lint.words import Describer


def short_arguments(interp: Interp, paths: Sequence[Path], words: Describer) -> Iterator[ShortArguments]:
    """One for each slot, from the clearest path that shows it."""
    seen: dict[Slot, ShortArguments] = {}
    for path in sorted(paths, key=clearest):
        for found in _of_outcome(interp, path, path.outcomes[0], words):
            before = seen.get(found.slot)
            doubtful = before is not None and before.confidence is Confidence.POSSIBLE is not found.confidence
            if before is None or doubtful or before.idle > found.idle:
                seen[found.slot] = found
    yield from seen.values()


@dataclass(frozen=True, slots=True)
class Launch:
    """One kernel of a program, and what can be said of the call that makes it."""

    kernel: Kernel
    code: KernelCode
    compiled: Compiled
    outcome: Outcome
    words: Describer
    when: tuple[str, ...]
    confidence: Confidence
    accepted: bool  # by the op's validators: which cores there are depends on that

    @property
    def common(self) -> list[Number] | None:
        """The common arguments, None when they are not known."""
        given = self.kernel.common
        return numbers(given.vals, self.outcome.world.dispatch) if given is not None else []

    def short(self, reads: Reads, count: int, at: Place, cores: list[XY], of: Iterable[XY]) -> ShortArguments:
        """The finding: `count` arguments for some of the cores, and more that are read."""
        idle = reads.used < count
        index, row = (reads.unique, reads.unique_line) if idle else (reads.used, reads.used_line)
        line, slot = Place(self.code.file.path, row), Slot(SlotKind.ARG, self.kernel.name, index)
        return ShortArguments(slot, count, at, line, tuple(cores), tuple(of), self.when, self.confidence, idle)


def _of_outcome(interp: Interp, path: Path, outcome: Outcome, words: Describer) -> Iterator[ShortArguments]:
    if outcome.fresh.escaped or "select" in outcome.violations:
        return
    confidence = Confidence.CERTAIN if path.is_base and path.validated else Confidence.LIKELY
    if path.contradicts or path.strained or outcome.world.misfits or odd_output(outcome.world):
        confidence = Confidence.POSSIBLE
    for kernel in outcome.fresh.kernels:
        code = kernel_code(interp, kernel)
        if code is None or kernel.unsure:
            continue
        when = words.when(path, outcome.world)
        launch = Launch(
            kernel, code, compiled_with(interp, kernel, code), outcome, words, when, confidence, path.validated
        )
        yield from _of_kernel(launch)
        yield from _without(launch)


def _of_kernel(launch: Launch) -> Iterator[ShortArguments]:
    common, bits = launch.common, launch.outcome.world.dispatch
    if common is None:
        return
    short: dict[XY, tuple[Reads, CoreArgs]] = {}
    for xy, data in launch.kernel.args.items():
        given = numbers(data.vals, bits)
        if given is None:
            continue
        reads = launch.code.reads(given, common, launch.compiled)
        if reads.unique >= len(given):
            short[xy] = reads, data
    if short:
        reads, data = min(short.values(), key=lambda s: s[0].used < len(s[1].vals))
        idle = reads.used < len(data.vals)
        alike = ((xy, r, len(d.vals)) for xy, (r, d) in short.items())
        cores = [xy for xy, r, count in alike if count == len(data.vals) and (r.used < count) == idle]
        at = launch.words.user(data.set_call, data.stacks)
        yield launch.short(reads, len(data.vals), at, cores, launch.kernel.args)


def _without(launch: Launch) -> Iterator[ShortArguments]:
    """Cores that the kernel runs on and that get no arguments at all."""
    kernel, common = launch.kernel, launch.common
    bare = [xy for xy in kernel.cores if xy not in kernel.args]
    # Arguments for a core that the kernel does not run on are refused; nothing is known of such a call.
    if not bare or common is None or any(xy not in kernel.cores for xy in kernel.args):
        return
    reads = launch.code.reads((), common, launch.compiled)
    if reads.unique >= 0:
        doubted = Confidence.LIKELY if launch.confidence is Confidence.CERTAIN else launch.confidence
        if not launch.accepted:
            doubted = Confidence.POSSIBLE
        at = launch.words.user(kernel.mark, kernel.stack)
        yield replace(launch, confidence=doubted).short(reads, 0, at, bare, kernel.cores)


def odd_output(world: World) -> bool:
    """Has an output that the caller gives another number of dimensions than all else? Few checks forbid it."""
    ranks = {key: fact.value for key, fact in world.facts.items() if key.endswith(".rank")}
    given = {f"{name}.rank" for name in world.preallocated}
    others = {rank for key, rank in ranks.items() if key not in given}
    return bool(others) and any(ranks[key] not in others for key in given if key in ranks)
