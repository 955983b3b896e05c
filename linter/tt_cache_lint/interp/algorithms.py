"""Algorithms of the standard library that take elements out of sequences, and its function objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp import ops
from tt_cache_lint.interp.access import element, value_of
from tt_cache_lint.interp.registry import Site, constructor, function
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import FuncRef, Map, Mark, Ptr, Value, Vec, identity, plain

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

OPERATORS = {
    "multiplies": "*",
    "plus": "+",
    "minus": "-",
    "divides": "/",
    "modulus": "%",
    "less": "<",
    "greater": ">",
    "less_equal": "<=",
    "greater_equal": ">=",
    "equal_to": "==",
}


def operation(name: str) -> FuncRef:
    """std::plus and its like."""

    def call(m: Machine, mark: Any, values: list[Value]) -> Value:
        return ops.binary(m, OPERATORS[name], value_of(values[0]), value_of(values[1]))

    return FuncRef(name, call)


@function(*OPERATORS, arity=(0, 0))
def operation_object(m: Machine, site: Site, args: list[Value]) -> Value:
    return operation(site.name)


@constructor(*OPERATORS)
def make_operation(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    return operation(type_.name)


def _keep(vector: Vec, start: int, end: int, kept: Callable[[int], bool]) -> Ptr:
    """Move the kept items to the front of a part of a vector, as remove() and unique() do; the new end of the part."""
    positions = [i for i in range(start, end) if kept(i)]
    rest = [i for i in range(start, end) if i not in set(positions)]
    order = positions + rest
    vector.items[start:end] = [vector.items[i] for i in order]
    vector.marks[start:end] = [vector.marks[i] for i in order]
    return Ptr(vector, start + len(positions))


def _part(args: list[Value]) -> tuple[Vec, int, int] | None:
    """The part of a vector between two iterators."""
    first, last = args[:2]
    if isinstance(first, Ptr) and isinstance(last, Ptr) and isinstance(first.base, Vec) and first.base is last.base:
        return first.base, first.at, last.at
    return None


@function("remove", "remove_if", arity=(3, 3))
def remove(m: Machine, site: Site, args: list[Value]) -> Value:
    part = _part(args)
    if part is None:
        return m.unknown_call(f"std::{site.name}", args)
    vector, start, end = part

    def kept(position: int) -> bool:
        item = value_of(vector.items[position])
        if site.name == "remove":
            return identity(item) != identity(args[2])
        return not ops.truth(m, value_of(m.call(args[2], [item], site.mark)))

    return _keep(vector, start, end, kept)


@function("unique", arity=(2, 2))
def unique(m: Machine, site: Site, args: list[Value]) -> Value:
    part = _part(args)
    if part is None:
        return m.unknown_call("std::unique", args)
    vector, start, end = part
    names = [identity(value_of(i)) for i in vector.items]
    return _keep(vector, start, end, lambda i: i == start or names[i] != names[i - 1])


@function("erase_if", arity=(2, 2))
def erase_if(m: Machine, site: Site, args: list[Value]) -> Value:
    target = value_of(args[0])
    if isinstance(target, Vec):
        drop = [ops.truth(m, value_of(m.call(args[1], [i], site.mark))) for i in target.items]
        target.marks = [k for k, d in zip(target.marks, drop, strict=True) if not d]
        target.items = [i for i, d in zip(target.items, drop, strict=True) if not d]
        return sum(drop)
    if isinstance(target, Map):
        gone = [
            name
            for name, (key, value) in target.items.items()
            if ops.truth(m, value_of(m.call(args[1], [Vec([key, value], "pair")], site.mark)))
        ]
        for name in gone:
            del target.items[name]
        return len(gone)
    return m.unknown_call("std::erase_if", args, (0,))


@function("minmax_element", arity=(2, 3))
def minmax_element(m: Machine, site: Site, args: list[Value]) -> Value:
    """The first smallest and the last largest element."""
    first, last = args[:2]
    if not isinstance(first, Ptr) or not isinstance(last, Ptr) or first.at >= last.at or len(args) > 2:
        return m.unknown_call("std::minmax_element", args)
    low = high = first.at
    for position in range(first.at + 1, last.at):
        here = value_of(element(first.base, position))
        if plain(ops.binary(m, "<", here, value_of(element(first.base, low)))):
            low = position
        if not plain(ops.binary(m, "<", here, value_of(element(first.base, high)))):
            high = position
    return Vec([Ptr(first.base, low), Ptr(first.base, high)], "pair")
