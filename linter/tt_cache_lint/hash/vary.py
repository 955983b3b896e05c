"""Other plausible values for an input, for the second of two calls."""

from __future__ import annotations

from collections.abc import Iterator

from tt_cache_lint.interp.values import Value
from tt_cache_lint.interp.world import Fact, World

SEVERAL = 3
# What groups the facts of a tensor into the property a person would name.
MEMORY = (".memory_layout", ".buffer_type", ".shard_spec")
INPUTS = ("operation_attributes", "tensor_args")
DEVICE = (
    "device.",
    "fabric.",
    "value of ",
    "(",
    "address of ",
    "cores of ",
    "tensor_return_value",
    "dispatch.",
    "mesh",
    "the clock",
    "randomness",
)  # facts that are no inputs of the op


def varied(world: World, fact: Fact) -> Iterator[Value]:
    """Values that the fact could have instead, the most telling first."""
    key, value = fact.key, fact.value
    if fact.choices:
        others = [c for c in fact.choices if c != value]
        yield from others[:SEVERAL]
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from _numbers(key, value)
    elif isinstance(value, float):
        yield value + 0.5
    elif value is None:
        yield "another"  # an input that is not modelled


def _numbers(key: str, value: int) -> Iterator[int]:
    if "shape[" in key or ".logical_shape[" in key:
        yield value * 2 if value > 1 else 2
        if value >= 64 and value % 64 == 0:
            yield value // 2
        yield value + 32
        if value % 32:
            yield value + 8
        if 1 < value < 64:
            yield value // 2
        return
    if key.endswith((".rows", ".columns")):
        yield value - 1 if value > 1 else value + 1
        return
    yield value + 1
    if value > 0:
        yield value * 2
    if value > 0:  # an index that is below a count has to stay so
        yield value - 1
    yield value + 32  # a tile further


def smaller(fact: Fact) -> Iterator[Value]:
    """Smaller values of a number, for where a check limits it from above."""
    if isinstance(fact.value, int) and not isinstance(fact.value, bool) and not fact.choices:
        yield from sorted({max(0, fact.value - 1), fact.value // 2} - {fact.value}, reverse=True)


def is_input(fact: Fact) -> bool:
    """Is this a fact about what the op is given, and not about the device or something unknown?

    What a function without a body gives is as fixed as what it is given.
    """
    return fact.key.startswith(INPUTS) and not fact.key.endswith(".rank")


def property_of(key: str) -> str:
    """The input as a person names it: `tensor_args.input.memory_config` for its buffer type."""
    for suffix in MEMORY:
        head, found, _ = key.rpartition(suffix)
        if found and not _is_tensor(key):
            return _without_alternative(head)
        if found:
            return _without_alternative(f"{head}.memory_config")
    head, found, _ = key.partition(".logical_shape[")
    if found:
        return f"{head}.logical_shape" if _is_tensor(head) else _without_alternative(head)
    for suffix in (".rank", ".has_value", ".size", ".index", ".rows", ".columns"):
        key = key.removesuffix(suffix)
    if not _is_tensor(key):
        key = key.partition("[")[0]  # an element of a list is part of it
    return _without_alternative(key)


def _is_tensor(key: str) -> bool:
    return not key.startswith("operation_attributes")


def _without_alternative(key: str) -> str:
    """`x<WormholeConfig>.fidelity` is the input x for a person, with its member."""
    while "<" in key and ">" in key:
        start, end = key.index("<"), key.index(">")
        key = key[:start] + key[end + 1 :]
    return key
