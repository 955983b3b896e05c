"""Slots that are wrong without effect today: the kernel makes nothing of the argument where it is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tt_cache_lint.device.cores import XY
from tt_cache_lint.device.kernel_build import Compiled
from tt_cache_lint.device.kernel_code import KernelCode
from tt_cache_lint.device.kernel_readers import Elsewhere
from tt_cache_lint.device.kernel_words import uses
from tt_cache_lint.device.program import CoreArgs, Kernel
from tt_cache_lint.interp.values import Opaque, plain
from tt_cache_lint.kernels import built, kernel_code, kernel_files, numbers
from tt_cache_lint.model import SlotKind

if TYPE_CHECKING:
    from tt_cache_lint.compare import SlotState, WorldTable
    from tt_cache_lint.interp.interp import Interp

Parts = tuple[frozenset[object], bool]


class Idle:
    """Asks the kernels of a factory."""

    def __init__(self, interp: Interp) -> None:
        self.interp = interp
        self.known: dict[tuple[Kernel, bool], Compiled | None] = {}

    def __call__(self, table: WorldTable, state: SlotState, exact: bool = False) -> bool:
        """Is a slot of this world one that the kernel makes nothing of wherever it is wrong? With `exact` it does not
        matter what the kernel is compiled with for other inputs."""
        kernels = table.outcome.fresh.kernels
        if state.kernel is None or state.ordinal >= len(kernels):
            return False
        kernel = kernels[state.ordinal]
        code = kernel_code(self.interp, kernel)
        if code is None:
            return False
        if (kernel, exact) not in self.known:
            self.known[kernel, exact] = self._compiled(code, kernel, table, exact)
        compiled = self.known[kernel, exact]
        bits = table.outcome.world.dispatch
        common = numbers(kernel.common.vals, bits) if kernel.common is not None else []
        if compiled is None or common is None:
            return False
        shared = state.slot.kind is SlotKind.COMMON
        cores = set(kernel.args) if shared else {r.core for r in state.bad if r.core is not None}
        lists = {_known(kernel.args.get(xy), bits) for xy in cores}
        return bool(lists) and all(uses(code, compiled, g, common).ignores(state.slot.index, shared) for g in lists)

    def starved(self, table: WorldTable, owner: str, cores: Sequence[XY]) -> bool:
        """Has a kernel no arguments on some of these cores although it reads some there for certain? Then not even the
        first call works."""
        for kernel in table.outcome.fresh.kernels:
            if kernel.name == owner and any(xy in kernel.cores and xy not in kernel.args for xy in cores):
                code = kernel_code(self.interp, kernel)
                if code is not None and code.reads([]).unique >= 0:
                    return True
        return False

    def _compiled(self, code: KernelCode, kernel: Kernel, table: WorldTable, exact: bool) -> Compiled | None:
        """What a kernel is compiled with; None where a header of its op is missing."""
        known = self.interp.kernels
        files, missing = kernel_files(self.interp, code)
        if missing:
            return None
        name = f"readers beside {code.file.path}"
        if name not in known:
            beside = Elsewhere()
            for file in (code.file, *files[1:]):
                beside.add(file, code.body if file is code.file else None)
            known[name] = (tuple(f.text for f in files), frozenset(beside.literal), beside.helpers())
        texts, elsewhere, helpers = known[name]
        made = built(kernel)
        words, named, defines = made.words, made.named, made.defines
        alike = [built(k) for k in table.outcome.fresh.kernels if plain(k.source) == plain(kernel.source)]
        roles: set[int | str] = {i for b in alike for i, number in words.items() if b.words.get(i, number) != number}
        roles |= {name for b in alike for name, number in named.items() if b.named.get(name, number) != number}
        own = self._own(table, kernel)
        told = f"{sorted(words.items())} {sorted(named.items())} {defines and sorted(defines.items())}"
        place = f"{code.file.path} compiled with {told}, {sorted(map(str, roles))}, {sorted(own)}, {exact}"
        if place not in known:
            given = (words, named, defines, texts, elsewhere, helpers, frozenset(roles), own)
            known[place] = Compiled(*given, exact=exact)
        compiled: Compiled = known[place]
        return compiled

    @staticmethod
    def _own(table: WorldTable, kernel: Kernel) -> frozenset[int]:
        """The arguments that differ between cores that run the same source."""
        bits = table.outcome.world.dispatch
        alike = [k for k in table.outcome.fresh.kernels if plain(k.source) == plain(kernel.source)]
        lists = [_known(data, bits) for k in alike for data in k.args.values()]
        most = max(map(len, lists), default=0)
        columns = ({words[i] for words in lists if i < len(words)} for i in range(most))
        return frozenset(i for i, column in enumerate(columns) if len(column) > 1)


def _known(data: CoreArgs | None, bits: int) -> tuple[int | None, ...]:
    """The arguments of a core up to the first that may be several words."""
    values = data.vals if data is not None else []
    end = next((i for i, v in enumerate(values) if type(v) is Opaque), len(values))
    return tuple(numbers(values[:end], bits) or ())
