"""Factories that return a description of the program, which the framework makes and refreshes: how they are found.

Which member makes a factory one of a kind: ttnn/api/ttnn/operation_concepts.hpp (May 2026), facts/since_may_2026.md.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING

from tt_cache_lint.device.mesh import MeshCoordinate, workload_coords
from tt_cache_lint.infra.adapter import is_wrapped
from tt_cache_lint.infra.data_driven import data_driven
from tt_cache_lint.infra.policy import Inputs
from tt_cache_lint.infra.uncalled import uncalled
from tt_cache_lint.interp.values import Opt, Value
from tt_cache_lint.source.defs import FunctionDef, StructDef

if TYPE_CHECKING:
    from tt_cache_lint.factory.find import Finder
    from tt_cache_lint.factory.found import Factory, Operation

# The members with which a factory is of an older kind, whatever else it has.
OLDER = ("create", "create_at", "create_mesh_workload")


class Declarative(ABC):
    """What the policies of such factories share; the members that a policy gives say what sets its factories apart.

    `creates` are the names of the creating function and `params` the numbers of parameters that it may have. A factory
    that has one of the members `others`, too, is of another kind. `given_at` is where the attributes stand among the
    parameters of an override.
    """

    name: str
    creates: tuple[str, ...]
    params: range
    others: tuple[str, ...] = OLDER
    grids: tuple[tuple[int, int], ...] = ()
    given_at: int

    @abstractmethod
    def override(self, finder: Finder, struct: StructDef, op: Operation | None) -> FunctionDef | None:
        """The override that the framework calls on a hit."""

    @abstractmethod
    def why_uncalled(self, finder: Finder, method: FunctionDef) -> str:
        """What keeps the framework from calling an override that override() does not give."""

    def unmodelled(self, finder: Finder, op: Operation | None) -> str:
        """The reason to skip a factory without an override; "" for none."""
        return ""

    def mentioned(self, text: bytes) -> bool:
        """Does the file name a creating function?"""
        return any(name.encode() in text for name in self.creates)

    def find(self, finder: Finder, path: str) -> list[Factory]:
        """The factories whose creating function is defined in the file, each once."""
        defs = finder.index.defs(path)
        found: dict[str, Factory] = {}
        for create in [f for name in self.creates for f in defs.functions.get(name, ())] if defs is not None else ():
            factory = self._factory(finder, create)
            if factory is not None:
                found.setdefault(factory.name, factory)
        return list(found.values())

    def _factory(self, finder: Finder, create: FunctionDef) -> Factory | None:
        from tt_cache_lint.factory.found import Factory

        interp = finder.interp
        struct = interp.owner_of(create)
        if struct is None or create.body is None or len(create.params) not in self.params:
            return None
        if any(f.body is not None for name in self.others for f in interp.methods(struct, name)):
            return None
        scoping = interp.scoping(create.file, create.scope)
        types = [scoping.type(p.type, p.declarator) for p in create.params]
        op = finder.describe(struct) if finder.is_operation(struct) else finder.operation(create, struct)
        if op is not None and struct.name not in op.factories and is_wrapped(interp, op, struct):
            return None  # it is looked at as a part of the factory that wraps it (infra/wrapped.py)
        override = self.override(finder, struct, op)
        return Factory(
            finder.name(create, struct),
            self.name,
            create,
            override,
            struct,
            None,
            op,
            types[0],
            types[1],
            types[2],
            finder.templates(create),
            grids=self.grids,
            skip=data_driven(interp, types[0]) or ("" if override is not None else self.unmodelled(finder, op)),
            bound=override is None,
            given_at=self.given_at,
            uncalled=uncalled(finder, struct, partial(self.why_uncalled, finder)) if override is None else None,
        )


def coordinate_of(inputs: Inputs) -> Value:
    """The coordinate of the program that is looked at, where a factory makes one for each."""
    return Opt(MeshCoordinate([*workload_coords(inputs.world).coords()[0]]))
