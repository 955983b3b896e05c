"""What becomes of a condition when inputs change: which repairs do, and larger inputs where nothing can be solved.

A condition's term is a tree over the inputs, so it can be computed again for other numbers without running the code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tt_cache_lint.interp.interrupts import Interrupt
from tt_cache_lint.interp.ops import INTEGERS, OPERATIONS, wrap
from tt_cache_lint.interp.values import Enum, Val, Value
from tt_cache_lint.interp.world import MAPPINGS

DOUBLINGS = 10
MAX_NODES = 400
MOST_REPAIRS = 12  # that are tried out


class _Unclear(Exception):
    """The term rests on something that cannot be computed again."""


def doubled(condition: Value, target: bool, inputs: Iterable[tuple[str, int]]) -> dict[str, Value]:
    """An input with a power of two times its value that makes the condition come out as `target`; empty when none."""
    for name, value in inputs:
        for power in range(1, DOUBLINGS + 1):
            given = {name: value << power}
            try:
                if bool(again(condition, given, [MAX_NODES])) is target:
                    return dict(given)
            except (_Unclear, Interrupt, TypeError, ValueError, OverflowError):
                break
    return {}


def those_that_do(condition: Value, target: bool, repairs: list[dict[str, Value]]) -> list[dict[str, Value]]:
    """The repairs in their order, but last those that alone do not make the condition come out as `target`: an input
    may occur in it more than once."""
    if len(repairs) < 2:
        return repairs
    fails: list[bool] = []
    for repair in repairs[:MOST_REPAIRS]:
        try:
            fails.append(bool(again(condition, repair, [MAX_NODES])) is not target)
        except (_Unclear, Interrupt, TypeError, ValueError, OverflowError):
            return repairs
    tried = list(zip(fails, repairs, strict=False))
    return [r for f, r in tried if not f] + [r for f, r in tried if f] + repairs[MOST_REPAIRS:]


def again(value: Value, given: Mapping[str, Value], budget: list[int]) -> Value:
    """A value computed again with other inputs."""
    budget[0] -= 1
    if budget[0] < 0:
        raise _Unclear
    if not isinstance(value, Val):
        return value
    term = value.t
    if isinstance(term, str):
        return given.get(term, value.v)
    if not isinstance(term, tuple) or len(term) != 3:
        return value.v
    op, left, right = term
    one = again(left, given, budget)
    if op == "!":
        return not one
    if op in ("&&", "||"):
        other = again(right, given, budget)
        return (one and other) if op == "&&" else (one or other)
    if op == "mapped":
        return MAPPINGS[right][one]
    if op == "cast":
        return wrap(int(one), INTEGERS[right]) if right in INTEGERS else float(one)
    if right is None:
        return -one if op == "-" else value.v
    other = again(right, given, budget)
    if op == "roundup":
        return -(-one // other) * other
    if op in ("min", "max"):
        return min(one, other) if op == "min" else max(one, other)
    if op in ("==", "!=") and isinstance(one, Enum) and isinstance(other, Enum):
        return (one == other) is (op == "==")
    if op not in OPERATIONS or not isinstance(one, (int, float)) or not isinstance(other, (int, float)):
        raise _Unclear
    return OPERATIONS[op](one, other)
