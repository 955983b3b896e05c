"""Slots that need no refresh on a hit, because the hash contains the address that stands in them.

A call that brings another buffer or global semaphore is a miss then: what create() put into the slot is still right on
every hit.
"""

from __future__ import annotations

from tt_cache_lint.compare import Reading, tabulate
from tt_cache_lint.hash.calls import replica
from tt_cache_lint.hash.contents import pointers
from tt_cache_lint.hash.hasher import Hasher
from tt_cache_lint.hash.key import Key
from tt_cache_lint.interp.world import World
from tt_cache_lint.model import Place
from tt_cache_lint.owners import ADDRESS_OF, rests_on
from tt_cache_lint.search.exploration import Exploration


def serve(hasher: Hasher, exploration: Exploration) -> dict[str, str]:
    """Take such slots off what the tables of an exploration find wrong; by an input in the hash, one that holds it."""
    served: dict[str, str] = {}
    for path in exploration.paths:
        for outcome in path.outcomes:
            table, world = tabulate(outcome), outcome.world
            wrong = [s for s in table.slots.values() if any(_kept_address(world, r) for r in s.bad)]
            key = hasher.key(replica(world), 1) if wrong else None
            hashed = _addresses(hasher, key, world) if key is not None else set()
            for state in wrong if hashed else ():
                right = [r for r in state.bad if hashed.issuperset(_kept_address(world, r) or ("",))]
                table.serve(state, right)
                served.update((leaf, state.slot.name) for r in right for leaf in _kept_address(world, r))
    return served


def _addresses(hasher: Hasher, key: Key, world: World) -> set[str]:
    """The addresses in a hash, and those of semaphores that are hashed by a pointer: another one is another object.

    A pointer to a tensor says nothing: the tensor it points to may be given another buffer.
    """
    place = Place(hasher.factory.path, hasher.factory.line)
    pointed = pointers(hasher.reflection, hasher.factory, key, place)
    kept = {f"{ADDRESS_OF}{p.input}" for p in pointed if p.input in world.semaphores}
    return kept.union(leaf for leaf in key.whole if leaf.startswith(ADDRESS_OF))


def _kept_address(world: World, reading: Reading) -> tuple[str, ...]:
    """The inputs whose addresses stand in a slot that the override never writes, if nothing else there may differ."""
    owners = rests_on(world, reading.expected) if reading.write is None else ()
    return tuple(f"{ADDRESS_OF}{owner}" for owner in owners)
