"""What a hash contains that it should not: what is new on every call, addresses, containers without an order."""

from __future__ import annotations

from collections.abc import Iterator

from tt_cache_lint.factory.found import Factory
from tt_cache_lint.hash.key import Key
from tt_cache_lint.hash.model import Pointed, Surplus, Unordered
from tt_cache_lint.hash.reflect import UNORDERED, Member, Reflection, parts
from tt_cache_lint.interp.values import Mark
from tt_cache_lint.interp.world import World
from tt_cache_lint.model import Place
from tt_cache_lint.owners import ADDRESS_OF

DEVICES = {"MeshDevice", "IDevice", "Device"}
# An unordered_map is sorted by key before it is hashed (tt_stl/tt_stl/reflection.hpp:1391-1407); an unordered_set has
# no hash at all (the static_assert at the end of the same function).
SORTED = {"unordered_map"}


def new_on_every_call(world: World, first: Key, second: Key, at: Place) -> Iterator[Surplus]:
    """What differs in the hashes of two calls with the same inputs: addresses, randomness, the clock."""
    for one, two in zip(first.items, second.items, strict=False):
        if one.content == two.content:
            continue
        for leaf in world.leaves((one.p | two.p) & world.dispatch):
            owner = leaf.removeprefix(ADDRESS_OF)
            kind = "random" if owner == leaf else "semaphore" if owner in world.semaphores else "address"
            mark = one.mark or two.mark
            yield Surplus(leaf, kind, place_of(mark) if mark is not None else at)
            break


def hashed_members(reflection: Reflection, factory: Factory, key: Key) -> Iterator[Member]:
    """The members of the attributes and tensor arguments that a hash reaches."""
    for name, type_ in (("operation_attributes", factory.attributes), ("tensor_args", factory.tensor_args)):
        for member in reflection.members(type_, name):
            if key.covers(member.path) or f"{member.path}.cores" in key.whole:
                yield member


def pointers(reflection: Reflection, factory: Factory, key: Key, at: Place) -> Iterator[Pointed]:
    """Pointers and smart pointers that are hashed by their address (device_model.md section 8, row 2)."""
    for member in hashed_members(reflection, factory, key):
        for part in parts(member.type):
            if part.ptr:
                text = member.field.file.text_of(member.field.type) if member.field.type is not None else part.name
                # A type that no file read here defines is known by its name only.
                named = text.rpartition("::")[2] if part.decl is None else part.name
                yield Pointed(member.path, text, field_place(member), bool(DEVICES & {part.name, named}))
                break
    for name, mark in key.addresses:
        place = place_of(mark) if mark is not None else at
        yield Pointed(name, "pointer", place, name == "the device")


def unordered(reflection: Reflection, factory: Factory, key: Key) -> Iterator[Unordered]:
    """Unordered containers among the hashed members, and those that a hash function walks over itself."""
    for member in hashed_members(reflection, factory, key):
        for part in parts(member.type):
            if part.name in UNORDERED:
                yield Unordered(member.path, part.name, field_place(member), hashable=part.name in SORTED)
                break
    for name, container, mark in key.walked:
        yield Unordered(name, container, place_of(mark), by_hand=True)


def field_place(member: Member) -> Place:
    field = member.field
    return Place(field.file.path, field.line, field.node.start_point[1] + 1, field.file.end_line(field.node))


def place_of(mark: Mark) -> Place:
    return Place(mark.path, mark.line, mark.column, mark.end_line)
