"""What a program makes of an input, and what another value of it may change."""

from __future__ import annotations

from tt_cache_lint.device.program import Program
from tt_cache_lint.hash.builds import Change, leaves_of, runtime_leaves_of
from tt_cache_lint.hash.calls import Pair
from tt_cache_lint.hash.vary import is_input
from tt_cache_lint.interp.values import Value, mask, plain
from tt_cache_lint.interp.world import World
from tt_cache_lint.outcome import Outcome
from tt_cache_lint.search.exploration import Path


def swapped(world: World) -> dict[str, Value]:
    """The first two dimensions of every tensor exchanged: other batches, the same volume and the same shards."""
    varying: dict[str, Value] = {}
    for key, fact in world.facts.items():
        other = world.facts.get(f"{key.removesuffix('[0]')}[1]") if key.endswith(".logical_shape[0]") else None
        if other is not None and other.value != fact.value:
            varying |= {key: other.value, other.key: fact.value}
    return varying


def uses(program: Program, bit: int) -> list[tuple[object, list[int]]]:
    """The kernels that get something made of an input as a runtime argument, and where: what it does elsewhere says
    nothing about these."""
    found = []
    for kernel in program.kernels:
        data = next(iter(kernel.args.values()), None)
        indices = [i for i, v in enumerate(data.vals) if mask(v) & bit] if data is not None else []
        if indices:
            found.append((plain(kernel.source), indices))
    return found


def misfits(path: Path, pair: Pair) -> dict[str, tuple[dict[str, Value], ...]]:
    """Why the second call's tensors cannot be made, and what would do instead."""
    before, after = path.outcomes[0].world.misfits, pair.outcome.world.misfits
    return {f"the shards of {name} fit its shape": (other,) for name, other in after.items() if name not in before}


def of_leaf(pair: Pair, leaf: str, baseline: set[str]) -> list[Change]:
    """The changes that an input brings about, without those that there are between any two calls."""
    world = pair.outcome.world
    mine, always = world.facts[leaf].bit, world.dispatch
    return [c for c in pair.changes if c.name not in baseline and (c.p & mine or not c.p & always)]


def used_inputs(path: Path) -> set[str]:
    """The inputs that create() uses on a path."""
    outcome = path.outcomes[0]
    used = used_by(outcome)
    return {f.key for f in outcome.world.facts.values() if is_input(f) and f.bit & used}


def used_by(outcome: Outcome) -> int:
    """The inputs that create() uses: for what is compiled, for runtime arguments, to branch on; and its selection."""
    used = leaves_of(outcome.fresh) | runtime_leaves_of(outcome.fresh) | outcome.selected
    for bits in outcome.core:
        used |= bits
    return used
