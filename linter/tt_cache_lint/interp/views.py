"""Range adaptors: `numbers | std::views::filter(f) | std::views::transform(g)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.interp import ops
from tt_cache_lint.interp.access import value_of
from tt_cache_lint.interp.registry import Site, function
from tt_cache_lint.interp.values import Obj, Unknown, Value, Vec, key_of

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine


class Adaptor(Obj):
    """What a range is piped into."""

    __slots__ = ("call", "kind")

    def __init__(self, kind: str, call: Value) -> None:
        self.kind = kind
        self.call = call

    def arithmetic(self, m: Machine, op: str, a: Value, b: Value, other: Value) -> Value:
        """`range | adaptor`, computed at once: nothing here depends on when an element is asked for."""
        if op != "|" or not isinstance(a, Vec):
            return Unknown(f"({key_of(a)} {op} {key_of(b)})")
        if self.kind == "filter":
            return Vec([i for i in a.items if ops.truth(m, value_of(m.call(self.call, [i])))])
        return Vec([value_of(m.call(self.call, [i])) for i in a.items])


@function("filter", arity=(1, 1))
def filtered(m: Machine, site: Site, args: list[Value]) -> Value:
    return Adaptor("filter", args[0])
