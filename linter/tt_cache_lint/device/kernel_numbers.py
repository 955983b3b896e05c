"""The numbers that a device kernel computes with, and what they derive from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from tt_cache_lint.device.kernel_build import Compiled, Number, Source

T = TypeVar("T")
SPELLED = {"and": "&&", "or": "||", "not_eq": "!="}  # alternative tokens ([lex.digraph])
BINARY: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "==": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
    "<": lambda a, b: int(a < b),
    ">": lambda a, b: int(a > b),
    "<=": lambda a, b: int(a <= b),
    ">=": lambda a, b: int(a >= b),
}


class Word(int):
    """A number that derives from runtime arguments or from what the kernel is compiled with (`of`)."""

    of: frozenset[Source]


def literal(text: str) -> Number:
    """A whole number as it is written."""
    try:
        return int(text.rstrip("uUlL").replace("'", ""), 0)
    except ValueError:
        return None


def from_source(value: int, source: Source) -> Word:
    """A number that comes from one argument."""
    made = Word(value)
    made.of = frozenset((source,))
    return made


def derived(value: int, *sources: Number) -> int:
    """A number with the arguments that other numbers derive from."""
    of = frozenset[Source]().union(*(s.of for s in sources if isinstance(s, Word)))
    if not of:
        return int(value)
    made = Word(value)
    made.of = of
    return made


class Answers(Generic[T]):
    """What is known of a kernel by what decided it: all else may differ."""

    def __init__(self) -> None:
        self.known: list[tuple[tuple[Source, ...], dict[tuple[object, ...], T]]] = []

    def find(self, arguments: Sequence[Number], compiled: Compiled) -> T | None:
        for used, answers in self.known:
            if (found := answers.get(held(used, arguments, compiled))) is not None:
                return found
        return None

    def add(self, used: Iterable[Source], arguments: Sequence[Number], compiled: Compiled, answer: T) -> T:
        decisive = tuple(sorted(used, key=str))
        beside = next((a for u, a in self.known if u == decisive), None)
        if beside is None:
            beside = {}
            self.known.append((decisive, beside))
        return beside.setdefault(held(decisive, arguments, compiled), answer)


def held(used: Sequence[Source], arguments: Sequence[Number], compiled: Compiled) -> tuple[object, ...]:
    return tuple(arguments[source] if isinstance(source, int) else compiled.held(source) for source in used)


def combined(combine: Callable[[int, int], int] | None, a: Number, b: Number) -> Number:
    return derived(combine(a, b), a, b) if combine and a is not None and b is not None else None
