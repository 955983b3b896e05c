"""Whose address or handle a value is."""

from __future__ import annotations

from tt_cache_lint.compare import same
from tt_cache_lint.device.program import CircularBuffer, Kernel
from tt_cache_lint.device.tensors import Buffer
from tt_cache_lint.interp.values import Handle, Map, Obj, Opt, Struct, Value, Vec, mask
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


def captured_in(shared: Struct | None, value: Value) -> str:
    """The shared variable that holds what belongs to run 1."""
    if shared is None:
        return ""
    for name, item in shared.fields.items():
        if same(item, value):
            return name
        inner = item.v if isinstance(item, Opt) else item
        if isinstance(inner, Buffer) or hasattr(inner, "buffer"):
            return name
    return ""
