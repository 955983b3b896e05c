"""Function objects of <functional>: std::bind and its placeholders."""

from __future__ import annotations

import re

from tt_cache_lint.interp.access import value_of
from tt_cache_lint.interp.machine import Machine
from tt_cache_lint.interp.registry import Site, function
from tt_cache_lint.interp.values import Enum, Mark, Obj, Unknown, Value, copied

_PLACEHOLDER = re.compile("_[1-9][0-9]?")


class Bound(Obj):
    """`std::bind(f, a, _1)`: `args` are kept as copies; a placeholder stands for an argument of the call."""

    __slots__ = ("args", "target")

    def __init__(self, target: Value, args: list[Value]) -> None:
        self.target = target
        self.args = args

    def call(self, m: Machine, site: Mark | None, args: list[Value]) -> Value:
        """Arguments that no placeholder asks for are dropped ([func.bind.bind])."""
        given: list[Value] = []
        for kept in self.args:
            place = placed(kept)
            if place > len(args):
                return m.unknown_call("std::bind", args)
            given.append(args[place - 1] if place else kept)
        return m.call(self.target, given, site)


def placed(value: Value) -> int:
    """Which argument a placeholder stands for, from 1; 0 for another value.

    By a using-directive or a namespace alias it is a name that nothing in the tree declares.
    """
    name = ""
    if isinstance(value, Enum) and value.number < 0:
        name = value.name
    elif isinstance(value, Unknown):
        name = value.key
    return int(name[1:]) if _PLACEHOLDER.fullmatch(name) else 0


@function("bind", "bind_front", arity=(1, 99))
def bind(m: Machine, site: Site, args: list[Value]) -> Value:
    target, *kept = [value_of(a) for a in args]
    bound = [copied(a) for a in kept]
    if site.name == "bind_front":
        return _Front(target, bound)
    return Bound(target, bound)


class _Front(Bound):
    """`std::bind_front(f, a)`: the arguments of the call come after those kept."""

    __slots__ = ()

    def call(self, m: Machine, site: Mark | None, args: list[Value]) -> Value:
        return m.call(self.target, [*self.args, *args], site)
