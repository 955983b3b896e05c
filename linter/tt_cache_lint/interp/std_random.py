"""<random>: engines, and what distributions draw from them.

What an engine gives is fixed by its seed and by how often it was asked. An engine whose seed is no input (a global one,
a constant seed) goes on from call to call; what it gives is not known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.interp.registry import STATELESS, constructor
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import Mark, Obj, Ref, Unknown, Val, Value, key_of, mask
from tt_cache_lint.interp.world import stable_hash

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

LARGEST = 2**31 - 1


class Engine(Obj):
    """A random number engine."""

    __slots__ = ("drawn", "seed")

    def __init__(self, seed: Value, drawn: int = 0) -> None:
        self.seed = seed
        self.drawn = drawn

    def copy(self) -> Engine:
        return Engine(self.seed, self.drawn)

    def assign(self, other: Value) -> bool:
        if isinstance(other, Engine):
            self.seed, self.drawn = other.seed, other.drawn
        return isinstance(other, Engine)

    def identity(self) -> object:
        return ("engine", key_of(self.seed), self.drawn)

    def call(self, m: Machine, site: Mark | None, args: list[Value]) -> Value:
        """`engine()`: the next number."""
        self.drawn += 1
        p, name = mask(self.seed), f"draw {self.drawn} of {key_of(self.seed)}"
        return Val(stable_hash(name) % LARGEST, p) if p else Unknown(name)


class Distribution(Obj):
    """Turns what an engine gives into numbers of some kind."""

    __slots__ = ()

    def copy(self) -> Distribution:
        return self

    def identity(self) -> object:
        return ("distribution",)

    def call(self, m: Machine, site: Mark | None, args: list[Value]) -> Value:
        """`distribution(engine)`."""
        engine = args[0].get() if args and isinstance(args[0], Ref) else args[0] if args else None
        if isinstance(engine, Engine):
            return engine.call(m, site, [])
        return m.unknown_call("a distribution", args)


@constructor("mt19937", "mt19937_64", "minstd_rand", "minstd_rand0", "default_random_engine", "ranlux24", "ranlux48")
def construct_engine(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    seed = args[0].get() if args and isinstance(args[0], Ref) else args[0] if args else 0
    return seed.copy() if isinstance(seed, Engine) else Engine(seed)


DISTRIBUTIONS = (
    "uniform_int_distribution",
    "uniform_real_distribution",
    "normal_distribution",
    "bernoulli_distribution",
)
STATELESS.update(DISTRIBUTIONS)


@constructor(*DISTRIBUTIONS)
def construct_distribution(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    return Distribution()
