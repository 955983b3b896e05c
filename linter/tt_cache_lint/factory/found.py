"""What is found: factories, and the op each belongs to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tt_cache_lint.interp.types import Type
from tt_cache_lint.source.defs import FunctionDef, StructDef


@dataclass(slots=True, eq=False)
class Operation:
    """A device operation: its struct, its functions, and the names of its factories."""

    struct: StructDef
    methods: dict[str, FunctionDef] = field(default_factory=dict)
    factories: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.struct.name


@dataclass(frozen=True, slots=True)
class Uncalled:
    """A function that the framework never calls, and why it does not. `seen` when that is read from the framework."""

    function: FunctionDef
    reason: str
    seen: bool


@dataclass(slots=True, eq=False)
class Factory:
    """A program factory: the pair of create() and override_runtime_arguments() with what they share.

    `grids` are sizes of the device's grid that its worlds choose from, where the usual small ones do not do. `skip`
    says why it is listed and not analysed. `needs` are facts without which it is not reached. `bound` is set when the
    framework itself refreshes what create() bound to buffers, without an override. `given_at` is where the attributes
    stand among the parameters of the override, before the tensor arguments and the output. `uncalled` is an override
    that is there and not called.
    """

    name: str
    infra: str
    create: FunctionDef
    override: FunctionDef | None
    struct: StructDef | None
    shared: StructDef | None
    op: Operation | None
    attributes: Type
    tensor_args: Type
    returns: Type
    templates: list[dict[str, Any]] = field(default_factory=list)
    grids: tuple[tuple[int, int], ...] = ()
    skip: str = ""
    needs: dict[str, Any] = field(default_factory=dict)
    bound: bool = False
    given_at: int = -3
    uncalled: Uncalled | None = None

    @property
    def path(self) -> str:
        return self.create.file.path

    @property
    def line(self) -> int:
        return self.create.line
