"""Executions that need not be repeated.

An execution depends on nothing but its seed and on what the path insists on for the facts that it asks for. Many paths
differ only in facts that an execution never comes to, most of all in those that a validator rejects early.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tt_cache_lint.interp.world import NOT_GIVEN

if TYPE_CHECKING:
    from tt_cache_lint.interp.interrupts import Interrupt
    from tt_cache_lint.interp.values import Value
    from tt_cache_lint.outcome import Outcome


@dataclass(slots=True)
class Result:
    """What came of an execution: an outcome or what ended it, the repairs to try, and the steps it took.

    A repair that a failed check asks for is marked True.
    """

    outcome: Outcome | None = None
    error: Interrupt | None = None
    repairs: list[tuple[bool, dict[str, Value]]] = field(default_factory=list)
    steps: int = 0


class _Node:
    """A fact that was asked for. `then` follows for the first answer seen, `others` for further ones."""

    __slots__ = ("answer", "key", "others", "then")

    def __init__(self, key: str, answer: object) -> None:
        self.key = key
        self.answer = answer
        self.then: _Node | Result | None = None
        self.others: dict[object, _Node | Result] = {}


class Tried:
    """The results of executions with one seed, as a tree of the facts they asked for."""

    def __init__(self) -> None:
        self.first: _Node | Result | None = None

    def find(self, forced: dict[str, Value]) -> Result | None:
        """The result of an execution that was told the same."""
        node = self.first
        while isinstance(node, _Node):
            answer = _answer(forced.get(node.key, NOT_GIVEN))
            node = node.then if answer == node.answer else node.others.get(answer)
        return node

    def add(self, asked: dict[str, Value], result: Result) -> None:
        """Keep a result. `asked` maps the facts, in the order of the questions, to what was insisted on."""
        below: _Node | Result = result
        path = [(key, _answer(value)) for key, value in asked.items()]
        node, depth = self.first, 0
        holder: _Node | None = None
        while isinstance(node, _Node) and depth < len(path) and node.key == path[depth][0]:
            holder = node
            node = node.then if path[depth][1] == node.answer else node.others.get(path[depth][1])
            depth += 1
        for key, answer in reversed(path[depth:]):
            fresh = _Node(key, answer)
            fresh.then = below
            below = fresh
        if holder is None:
            self.first = below
        elif path[depth - 1][1] == holder.answer:
            holder.then = below
        else:
            holder.others[path[depth - 1][1]] = below


def _answer(value: Value) -> object:
    """An answer as a key: True is not 1 here."""
    return value if value is NOT_GIVEN else (type(value), value)
