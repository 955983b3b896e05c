"""Whose address or handle a value is."""

from __future__ import annotations

from tt_cache_lint.device.program import CircularBuffer, Kernel
from tt_cache_lint.device.tensors import Buffer, Tensor
from tt_cache_lint.interp.refs import Pointer
from tt_cache_lint.interp.values import Handle, Map, Obj, Opt, Ref, Struct, Value, Vec, mask
from tt_cache_lint.interp.world import World

HANDLE_DEPTH = 4  # lists in structs in lists
ADDRESS_OF = "address of "  # how the name of an input that is an address begins


def owner_of(world: World, value: Value) -> tuple[str, int] | None:
    """Whose address a value is, and of which run."""
    if isinstance(value, Opt):
        value = value.v
    if isinstance(value, Buffer):
        return value.owner, value.run
    number = getattr(value, "v", value)
    return world.addresses.get(number) if isinstance(number, int) else None


def owners_of(world: World, value: Value) -> tuple[str, ...]:
    """The tensors whose addresses a value derives from."""
    if isinstance(value, Opt):
        value = value.v
    if isinstance(value, Buffer):
        return (value.owner,)
    names = world.leaves(mask(value))
    return tuple(n.removeprefix(ADDRESS_OF) for n in names if n.startswith(ADDRESS_OF))


def rests_on(world: World, value: Value) -> tuple[str, ...]:
    """Whose addresses a value derives from, if nothing else in it is another one in each call."""
    names = world.leaves(mask(value) & world.dispatch)
    return owners_of(world, value) if all(name.startswith(ADDRESS_OF) for name in names) else ()


def held_in(value: Value, depth: int = 0) -> frozenset[str]:
    """The tensors and buffers that live as long as what holds them: they, or their storage, are in it."""
    if isinstance(value, Ref):
        value = value.get()
    if isinstance(value, Buffer):
        return frozenset((value.owner,) if value.shares else ())
    if isinstance(value, Tensor):
        return frozenset((value.buffer.owner,))
    if depth > HANDLE_DEPTH:
        return frozenset()
    inner: list[Value] = []
    if isinstance(value, Opt):
        inner = [value.v]
    elif isinstance(value, Pointer):
        inner = [value.ref]
    elif isinstance(value, Struct):
        inner = list(value.fields.values())
    elif isinstance(value, Vec):
        inner = value.items
    elif isinstance(value, Map):
        inner = [v for _, v in value.items.values()]
    return frozenset().union(*(held_in(item, depth + 1) for item in inner))


def holds(shared: Value, target: Obj | None, depth: int = 0) -> bool:
    """Is the handle of this kernel or buffer kept somewhere in the shared variables?"""
    return target is not None and any(_handles(shared, target, depth))


def _handles(value: Value, target: Obj, depth: int) -> list[bool]:
    if depth > HANDLE_DEPTH:
        return []
    if isinstance(value, Handle):
        return [same_target(value.target, target)]
    if isinstance(value, Opt):
        return _handles(value.v, target, depth + 1)
    if isinstance(value, Struct):
        items = list(value.fields.values())
    elif isinstance(value, Vec):
        items = value.items
    elif isinstance(value, Map):
        items = [v for _, v in value.items.values()]
    else:
        return []
    return [hit for item in items for hit in _handles(item, target, depth + 1)]


def same_target(a: Obj, b: Obj) -> bool:
    if isinstance(a, Kernel) and isinstance(b, Kernel):
        return a.ordinal == b.ordinal and a.program.part == b.program.part
    if isinstance(a, CircularBuffer) and isinstance(b, CircularBuffer):
        return a.ordinal == b.ordinal and a.program.part == b.program.part
    return a is b
