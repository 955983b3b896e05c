"""Which differences are beside the point: on what they rest, and whether there is work at all."""

from __future__ import annotations

from tt_cache_lint.compare import Reading, SlotState, WorldTable
from tt_cache_lint.device.cores import XY
from tt_cache_lint.interp.values import mask, plain
from tt_cache_lint.interp.world import World
from tt_cache_lint.search.exploration import Path
from tt_cache_lint.sightings import Sighting


def _only_by_attribute(first: Sighting) -> bool:
    """Does a hashed scalar differ only where an attribute was flipped on its own, or is compared with a shape?

    Attributes are often computed from the tensors by the function that launches the op, which is not executed here: an
    attribute that contradicts the tensors makes the override's own computation look wrong.
    """
    reading = first.state.bad[0]
    world = first.table.outcome.world
    if (mask(reading.found) | mask(reading.expected)) & world.dispatch:
        return False
    leaves = set(world.leaves(mask(reading.found) | mask(reading.expected)))
    flipped = (key for key in first.path.flips if key.startswith("operation_attributes"))
    if any(key in leaves and not key.startswith(world.free) for key in flipped):
        return True
    # a counter tells not where it comes from: one such slot makes the others of its world as doubtful
    return any(_attribute_against_shape(first.table, r) for s in first.table.slots.values() for r in s.bad[:1])


def _attribute_against_shape(table: WorldTable, reading: Reading) -> bool:
    """Does create() take from an attribute what the override takes from a tensor's shape?"""
    world = table.outcome.world
    found, expected = mask(reading.found), mask(reading.expected)
    if (found | expected) & world.dispatch:
        return False
    attributes = (n for n in world.leaves(expected & ~found) if n.startswith("operation_attributes"))
    shapes = (n for n in world.leaves(found & ~expected) if ".logical_shape[" in n)
    return any(not world.facts[n].choices for n in attributes) and any(True for _ in shapes)


def _without_work(table: WorldTable, state: SlotState) -> bool:
    """Are the missed cores idle: all their arguments but addresses are zero, unlike those of the other cores?"""
    kernel = state.kernel
    if kernel is None or state.ordinal >= len(table.outcome.fresh.kernels):
        return False
    fresh = table.outcome.fresh.kernels[state.ordinal]
    world = table.outcome.world
    missed = {r.core for r in state.bad}

    def work(xy: XY) -> bool:
        data = fresh.args.get(xy)
        words = data.vals if data is not None else []
        numbers = [getattr(v, "v", v) for v in words if not mask(v) & world.dispatch]
        return any(n != 0 for n in numbers)

    return not any(work(xy) for xy in missed if xy is not None) and any(
        work(xy) for xy in fresh.args if xy not in missed
    )


def beside_the_point(path: Path, world: World, seen: list[tuple[Path, World]]) -> frozenset[str]:
    """The decisions of a path that do not matter to what shows on it: it shows with each other choice as well, while
    all else that is said of the path stays as it is."""
    others: dict[str, set[str]] = {}
    for other, there in seen:
        added = dict(other.flips.items() - path.flips.items())
        if len(added) != 1 or len(other.flips) != len(path.flips) + 1 or other.templates is not path.templates:
            continue
        ((key, value),) = added.items()
        apart = (k for k in path.decisions if k in world.facts and k in there.facts)
        if all(k == key or there.facts[k].value == world.facts[k].value for k in apart):
            others.setdefault(key, set()).add(repr(value))
    return frozenset(
        key
        for key, found in others.items()
        if key in world.facts and found >= {repr(c) for c in world.facts[key].choices if c != world.facts[key].value}
    )


def essential(path: Path, world: World, elsewhere: list[Path]) -> frozenset[str]:
    """The flags that are usually off and without which something does not show: it is gone where only they are on."""
    further = (other.flips for other in elsewhere if len(other.flips) == len(path.flips) + 1)
    added = [dict(flips.items() - path.flips.items()) for flips in further]
    flags = (key for flips in added if len(flips) == 1 for key, value in flips.items() if plain(value) is True)
    return frozenset(
        k for k in flags if k.startswith("operation_attributes") and k in world.facts and not k.endswith(".has_value")
    )


def cores_without_args(table: WorldTable, owner: str) -> list[XY]:
    """The cores on which a kernel runs although create() gave it no arguments there."""
    return [
        xy
        for kernel in table.outcome.fresh.kernels
        if kernel.name == owner and kernel.args
        for xy in kernel.cores
        if xy not in kernel.args
    ]


def _unknown_conditions(sighting: Sighting) -> bool:
    """Did the path depend on a condition that could not be computed?"""
    world = sighting.table.outcome.world
    return any(name.startswith("(") for name in world.leaves(world.touched))


def same_decisions(a: Path, b: Path) -> bool:
    return a is b
