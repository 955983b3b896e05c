"""Numbers that are hashed although they reach nothing but runtime arguments.

Each is varied against the hash: other values have to change nothing that is compiled, on no explored path.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from tt_cache_lint.compare import SlotState, WorldTable, tabulate
from tt_cache_lint.device.kernel_config import KernelConfig
from tt_cache_lint.device.kernel_data import is_data
from tt_cache_lint.hash.builds import leaves_of, runtime_leaves_of
from tt_cache_lint.hash.calls import replica
from tt_cache_lint.hash.experiment import Laboratory
from tt_cache_lint.hash.key import Key
from tt_cache_lint.hash.trial import Trial
from tt_cache_lint.hash.vary import smaller, varied
from tt_cache_lint.interp.interp import Interp
from tt_cache_lint.interp.interrupts import Interrupt
from tt_cache_lint.interp.values import Val, Value, mask
from tt_cache_lint.interp.world import Fact
from tt_cache_lint.kernels import kernel_code
from tt_cache_lint.model import SlotKind
from tt_cache_lint.outcome import Outcome
from tt_cache_lint.search.exploration import Exploration, Path

ATTRIBUTES = "operation_attributes."
FURTHER = (2, 64, 4096)  # what is added to a number whose neighbours make no difference: it may be counted in tiles
EXTENTS = (".size", ".rows", ".columns")


def needless(laboratory: Laboratory) -> Iterator[tuple[str, list[Trial]]]:
    """The hashed attributes that need not be, each with calls that show it."""
    exploration = laboratory.exploration
    base = next((p for p in exploration.paths if p.is_base and p.validated and p.outcomes), None)
    if base is None:
        return
    outcome = base.outcomes[0]
    key = laboratory.hasher.key(replica(outcome.world), 1)
    if key.throws or key.unclear or _unsure(outcome):
        return
    used = runtime_leaves_of(outcome.fresh)
    facts = [f for f in outcome.world.facts.values() if _is_number(f) and f.bit & used and key.covers(f.key)]
    facts = [f for f in facts if "shape[" not in f.key and not f.key.endswith(EXTENTS)]
    compiled = _compiled(exploration) if facts else ()
    for fact in facts:
        trials = _shown(laboratory, base, key, fact) if fact.key not in compiled else []
        if trials:
            yield fact.key, trials


def blanks(laboratory: Laboratory) -> bool:
    """Does the hash leave out other numbers that reach nothing but runtime arguments?"""
    base = laboratory.exploration.paths[0].outcomes[0]
    key = laboratory.hasher.key(replica(base.world), 1)
    compiled, used = set(base.world.leaves(leaves_of(base.fresh))), runtime_leaves_of(base.fresh)
    return any(
        _is_number(fact) and fact.bit & used and fact.key not in compiled and not key.covers(fact.key)
        for fact in base.world.facts.values()
    )


def calculated_with(interp: Interp, table: WorldTable, leaf: str) -> bool:
    """Does a compute kernel get an input as it is, the same on all cores, and only calculate with it?

    A number of that kind (a step, a seed, an exponent) says something about one call, not how work is laid out.
    """
    return any(_is_data(interp, state, leaf) for state in table.slots.values())


def _is_data(interp: Interp, state: SlotState, leaf: str) -> bool:
    kernel, kind = state.kernel, state.slot.kind
    if kernel is None or kind not in (SlotKind.ARG, SlotKind.COMMON):
        return False
    if not isinstance(kernel.config, KernelConfig) or kernel.config.kind != "ComputeConfig":
        return False
    if not all(isinstance(r.expected, Val) and r.expected.t == leaf for r in state.readings):
        return False
    code = kernel_code(interp, kernel)
    return code is not None and is_data(code, state.slot.index, kind is SlotKind.COMMON)


def _is_number(fact: Fact) -> bool:
    """Is a fact a number among the attributes?"""
    return type(fact.value) in (int, float) and not fact.choices and fact.key.startswith(ATTRIBUTES)


def _compiled(exploration: Exploration) -> set[str]:
    """The inputs that something compiled derives from, or that create() branches on, on any path."""
    found: set[str] = set()
    for path in exploration.paths:
        outcome = path.outcomes[0]
        bits = leaves_of(outcome.fresh)
        for more in outcome.core:
            bits |= more
        found.update(outcome.world.leaves(bits))
    return found


def _shown(laboratory: Laboratory, base: Path, key: Key, fact: Fact) -> list[Trial]:
    """Calls with other values that show that a number is hashed for nothing: two, or one with another float."""
    trials: list[Trial] = []
    near = itertools.islice(varied(base.outcomes[0].world, fact), 2)
    for value in dict.fromkeys((*near, *smaller(fact), *(fact.value + more for more in FURTHER))):
        trial = _against(laboratory, base, key, fact, value)
        if trial is not None and (trial.changes or trial.outcome.switched):
            return []  # it shapes the program
        if trial is not None:
            trials.append(trial)
        if len(trials) == 2 or (trials and isinstance(fact.value, float)):
            return trials
    return []


def _against(laboratory: Laboratory, path: Path, key: Key, fact: Fact, value: Value) -> Trial | None:
    """Another value of a hashed input, if a hit would serve it; or if it shapes the program."""
    world = replica(path.outcomes[0].world)
    world.varying = {fact.key: value}
    try:
        outcome = laboratory.calls.execute(world, True)
    except Interrupt:
        return None
    table = tabulate(outcome)
    changes = list(laboratory.calls.changes(outcome))
    if outcome.switched or changes:
        return Trial(fact.key, world.varying, path, outcome, changes, key)
    if outcome.thrown is not None or not table.comparable or _unsure(outcome):
        return None
    if fact.key not in outcome.world.facts:
        return None
    bit = outcome.world.facts[fact.key].bit
    mine = [s for s in table.slots.values() if any(mask(r.expected) & bit and r.needs_refresh for r in s.readings)]
    others = any(r.wrong and not mask(r.expected) & bit for s in table.slots.values() for r in s.readings)
    if not mine or others:
        return None
    return Trial(fact.key, world.varying, path, outcome, changes, key)


def _unsure(outcome: Outcome) -> bool:
    """Was the program in the hands of code that could not be read?"""
    return bool(outcome.after.escaped or outcome.fresh.escaped)
