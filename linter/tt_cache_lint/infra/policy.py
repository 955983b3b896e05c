"""What an op infrastructure is to the analysis: a way to find the bodies, and what a miss makes and a hit refreshes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from tt_cache_lint.device.program import Program
from tt_cache_lint.interp.values import Struct, Value
from tt_cache_lint.interp.world import World
from tt_cache_lint.source.defs import FunctionDef

if TYPE_CHECKING:
    from tt_cache_lint.factory.find import Finder
    from tt_cache_lint.factory.found import Factory
    from tt_cache_lint.interp.machine import Machine


OUTPUT = "tensor_return_value"  # what outputs are called, and the buffers that are theirs


class Call(Protocol):
    """Runs a function of the checked code in the current world and run, as a method of `this` where one is given."""

    m: Machine

    def __call__(self, function: FunctionDef, args: list[Value], this: Value = None) -> Value: ...


@dataclass(slots=True)
class Inputs:
    """What one call of the op is given, in a world."""

    attributes: Value
    tensor_args: Value
    output: Value
    world: World


@dataclass(slots=True)
class Made:
    """What a miss leaves in the cache. A workload of several programs is given as one program with all their parts.

    `shares` are the shared variables of each part; one for all, or none, is fine. `cached` is whatever the infra hands
    to the override again. `parked` is what else lives as long as the program.
    """

    program: Program
    shares: tuple[Struct, ...]
    cached: Value
    parked: Value = None


class Infra(Protocol):
    """One op infrastructure. `call` runs a function of the checked code in the current world and run."""

    name: str
    many: bool  # makes a program for each of several coordinates

    def mentioned(self, text: bytes) -> bool:
        """Can a file with these bytes define a factory? Cheap; false only when it certainly cannot."""

    def find(self, finder: Finder, path: str) -> list[Factory]:
        """The factories of this infra that the file defines."""

    def make(self, call: Call, factory: Factory, inputs: Inputs) -> Made:
        """What the op does on a miss. Raises Thrown when no program comes of it."""

    def refresh(self, call: Call, factory: Factory, made: Made, inputs: Inputs) -> None:
        """What the op does on a hit, given what the miss made."""


@runtime_checkable
class OwnInputs(Protocol):
    """An infra whose ops are given something else than (attributes, tensor_args) by static functions of a class."""

    def inputs(self, call: Call, factory: Factory, validate: bool) -> Inputs:
        """What one call of the op is given in the current run; with `validate`, what its validator accepts."""
