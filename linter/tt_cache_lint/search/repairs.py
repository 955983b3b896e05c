"""Repairs: assignments of inputs that may get past a check, which of them are plausible, and what they cost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from tt_cache_lint.device.tensor_spec import MEMORY_LAYOUTS, MOST_SIDE, ND_SHARDED
from tt_cache_lint.interp.values import Enum, Value

if TYPE_CHECKING:
    from tt_cache_lint.interp.world import Fact, World
    from tt_cache_lint.search.exploration import Decisions

# Prices of repairs: a chain of what checks ask for is tried before two arbitrary changes of mind.
DIRECTED, UNDIRECTED, RANK, UNDONE = 0.2, 0.6, 0.05, 0.1
MAX_REPAIRS, PATIENCE = 40, 4
OTHER_SIDE = {"columns": "rows", "rows": "columns"}
FAR = 20  # ranks behind the others: counts and dimensions are seldom 0


def smaller(world: World) -> list[Decisions]:
    """A tile for each tensor, or less of some dimensions: what takes too long may be done for less."""
    dims: dict[str, dict[int, Fact]] = {}
    for key, fact in world.facts.items():
        name, found, index = key.partition(".logical_shape[")
        if found and type(fact.value) is int:
            dims.setdefault(name, {})[int(index.removesuffix("]"))] = fact
    outer: Decisions = {}
    inner: Decisions = {}
    for sides in dims.values():
        for at, fact in sides.items():
            most, small = (1, outer) if at < max(sides) - 1 else (32, inner)
            if fact.value > most:
                small[fact.key] = most
    return [{**outer, **inner}, *([outer, inner] if outer and inner else [])] if outer or inner else []


def ranks(world: World) -> list[Decisions]:
    """Another rank for all tensors: what a failed check that shows no inputs may have asked for."""
    ranks = [fact for key, fact in world.facts.items() if key.endswith(".rank") and fact.choices]
    choices = dict.fromkeys(c for fact in ranks for c in fact.choices if c != fact.value)
    return [{fact.key: choice for fact in ranks} for choice in choices]


def seldom(fact: Fact) -> tuple[Value, ...]:
    """What a decision is where nothing usual will do; never flipped to."""
    return (ND_SHARDED,) if fact.key.endswith(".memory_layout") else ()


def repairs(violations: dict[str, tuple[Decisions, ...]]) -> Iterator[Decisions]:
    """The repairs of broken checks, the first of each before the second of any."""
    for position in range(6):
        for repairs in violations.values():
            if position < len(repairs):
                yield repairs[position]


def changes(repairs: list[Decisions], facts: dict[str, Fact]) -> list[Decisions]:
    """Repairs without what already is so."""
    found = [{k: v for k, v in r.items() if k not in facts or facts[k].value != v} for r in repairs]
    return [r for r in found if r and not any(type(v) is int and v < 0 for v in r.values())]


def on_grid(repair: Decisions, facts: dict[str, Fact]) -> Decisions:
    """A repair that asks for more columns or rows of cores than there are, spread over both."""
    for key, value in repair.items():
        stem, _, side = key.rpartition(".")
        beside = facts.get(f"{stem}.{OTHER_SIDE[side]}") if side in OTHER_SIDE else None
        if beside is not None and type(beside.value) is int and type(value) is int and value > MOST_SIDE:
            cores = value * beside.value
            for columns in range(MOST_SIDE // 2, 0, -1):
                if cores % columns == 0 and cores // columns <= MOST_SIDE:
                    return {**repair, f"{stem}.columns": columns, f"{stem}.rows": cores // columns}
    return repair


def unlike(repairs: Iterable[Decisions]) -> list[Decisions]:
    """The first repairs, each once."""
    found: list[Decisions] = []
    for repair in repairs:
        if repair not in found:
            found.append(repair)
            if len(found) == MAX_REPAIRS:
                break
    return found


def wish(asked: list[Decisions]) -> str:
    """What the first repair is about, and which of a few choices it wants; numbers would be new each time."""
    first = asked[0] if asked else {}
    return " ".join(f"{key}={value}" if isinstance(value, Enum) else key for key, value in sorted(first.items()))


def priced(
    prices: tuple[float, float], repairs: tuple[list[Decisions], list[Decisions]]
) -> Iterator[tuple[float, int, Decisions]]:
    for price, group in zip(prices, repairs, strict=True):
        far = [any(type(v) is int and v <= 0 and not may_be_zero(k) for k, v in r.items()) for r in group]
        behind = 0 if all(far) else FAR  # what is the only way is no worse for that
        for rank, (repair, last) in enumerate(zip(group, far, strict=True)):
            yield price, rank + behind * last, repair


def may_be_zero(key: str) -> bool:
    """A list may well be empty, and a shape among the attributes may say where something starts."""
    return key.endswith(".size") or (key.startswith("operation_attributes") and ".logical_shape[" in key)


def plausible(repair: Decisions) -> bool:
    for key, value in repair.items():
        if isinstance(value, bool):
            continue
        if isinstance(value, (int, float)):
            dimension = "shape[" in key or key.startswith("device.") or key.endswith((".rank", ".columns", ".rows"))
            least = 1 if dimension else 0 if key.endswith((".x", ".y")) else -999_999
            if not (0 if may_be_zero(key) else least) <= value < 1_000_000:
                return False
            if (key.endswith(".rank") and value > 6) or ("shape[" in key and value > 100_000):
                return False
            if key.endswith((".columns", ".rows")) and value > MOST_SIDE:
                return False
        if isinstance(value, Enum) and key.endswith(".memory_layout") and value not in (*MEMORY_LAYOUTS, ND_SHARDED):
            return False
    return True
