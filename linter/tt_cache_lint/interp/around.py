"""The conditions that a statement stands under, in its own function: what it rests on besides its own operands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.interp import ops, solving
from tt_cache_lint.interp.values import Absent, Opt, Unknown, Val, Value

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.interp.machine import Machine, Place
    from tt_cache_lint.interp.names import Names

MOST_OTHERWISE = 4  # repairs with which a statement is not come to
COUNTS = (".size", ".rank")  # a list of another length is another kind of call, not a way around a check
FUNCTIONS = ("function_definition", "lambda_expression")


def conditions_around(low: Names, node: Node) -> list[Place]:
    """Where the conditions of the if statements around a node stand, the innermost first."""
    found: list[Place] = []
    inner, outer = node, node.parent
    while outer is not None and outer.type not in FUNCTIONS:
        if outer.type == "if_statement":
            clause = outer.child_by_field_name("condition")
            value = clause.child_by_field_name("value") if clause is not None else None
            if value is not None and inner.start_byte > value.end_byte:
                found.append((low.file.path, value.start_byte))
        inner, outer = outer, outer.parent
    return found


def _latest(m: Machine, place: Place) -> tuple[Value, bool]:
    """The condition that was branched on last at a place, and how it went; None where it rests on no input."""
    return next(((c, taken) for c, taken, at in reversed(m.branches) if at == place), (None, False))


def otherwise(m: Machine, around: list[Place]) -> tuple[dict[str, Value], ...]:
    """How numbers would have to be for a statement not to be come to, or what not to give.

    Other decisions are tried otherwise anyway.
    """
    repairs: list[dict[str, Value]] = []
    for place in around:
        condition, taken = _latest(m, place)
        found = solving.want(condition, not taken)
        repairs += [r for r in found if any(_avoids(k, v) for k, v in r.items())]
    return tuple(repairs[:MOST_OTHERWISE])


def _avoids(key: str, value: Value) -> bool:
    return (value is False and key.endswith(".has_value")) or (type(value) is int and not key.endswith(COUNTS))


def flag(m: Machine, value: bool, around: list[Place]) -> Value:
    """A constant that is given to a flag under conditions, resting on them: `if (n != 1) { found = true; }`."""
    joined: Value = True
    p = 0
    for place in around:
        condition, taken = _latest(m, place)
        if isinstance(condition, (Val, Unknown, Opt, Absent)):
            held = condition if taken else ops.negate(m, condition)
            p |= condition.p
            joined = Val(True, p, ("&&", joined, held))
    if not p:
        return value
    return joined if value else Val(False, p, ("!", joined, None))
