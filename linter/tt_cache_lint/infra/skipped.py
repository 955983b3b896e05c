"""Factories that are listed and not analysed, so that nobody takes silence for clean.

Which member makes a factory one of them: ttnn/api/ttnn/operation_concepts.hpp (May 2026) and facts/since_may_2026.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.infra.policy import Call, Inputs, Made
from tt_cache_lint.interp.interrupts import Thrown
from tt_cache_lint.interp.types import AUTO, Type
from tt_cache_lint.source.defs import FunctionDef, StructDef

if TYPE_CHECKING:
    from tt_cache_lint.factory.find import Finder
    from tt_cache_lint.factory.found import Factory
    from tt_cache_lint.interp.interp import Interp

DATA_DRIVEN = "the program is data that the caller gives (a ProgramDescriptor among the attributes)"
DESCRIPTORS = ("ProgramDescriptor", "MeshProgramDescriptor", "WorkloadDescriptor")
# The members that make a factory one of a kind that is analysed after all.
ANALYSED = ("create", "create_at", "create_mesh_workload")
NESTING = 4


class Skipped:
    """The policy of a kind of factory that is not analysed: those that have one of the `members`."""

    many = False

    def __init__(self, name: str, *members: str) -> None:
        self.name = name
        self.members = members

    def mentioned(self, text: bytes) -> bool:
        """Does the file name one of the members?"""
        return any(member.encode() in text for member in self.members)

    def find(self, finder: Finder, path: str) -> list[Factory]:
        """The factories that the file defines, each once."""
        defs = finder.index.defs(path)
        found: dict[str, Factory] = {}
        for member in self.members if defs is not None else ():
            for create in defs.functions.get(member, ()) if defs is not None else ():
                factory = self._factory(finder, create)
                if factory is not None:
                    found.setdefault(factory.name, factory)
        return list(found.values())

    def make(self, call: Call, factory: Factory, inputs: Inputs) -> Made:
        """Nothing is executed."""
        raise Thrown(factory.skip)

    def refresh(self, call: Call, factory: Factory, made: Made, inputs: Inputs) -> None:
        """Nothing is executed."""

    def _factory(self, finder: Finder, create: FunctionDef) -> Factory | None:
        from tt_cache_lint.factory.found import Factory

        interp = finder.interp
        struct = interp.owner_of(create)
        if struct is None or create.body is None or len(create.params) < 3:
            return None
        if any(f.body is not None for name in ANALYSED for f in interp.methods(struct, name)):
            return None
        reason = f"factories with {create.name}() are not analysed yet"
        name = finder.name(create, struct)
        return Factory(name, self.name, create, None, struct, None, None, AUTO, AUTO, AUTO, skip=reason)


def data_driven(interp: Interp, attributes: Type, depth: int = 0) -> str:
    """The reason to skip a factory whose attributes hold the program itself; "" when they do not."""
    if attributes.name in DESCRIPTORS:
        return DATA_DRIVEN
    if depth >= NESTING:
        return ""
    inner = [a for a in attributes.args if isinstance(a, Type)]
    if isinstance(attributes.decl, StructDef):
        inner += [interp.field_type(f, {}, ()) for f in interp.fields(attributes.decl).values()]
    return next((reason for one in inner if (reason := data_driven(interp, one, depth + 1))), "")
