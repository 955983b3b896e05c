"""Factories whose program the caller gives: listed and not analysed, so that nobody takes silence for clean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.interp.types import Type
from tt_cache_lint.source.defs import StructDef

if TYPE_CHECKING:
    from tt_cache_lint.interp.interp import Interp

DATA_DRIVEN = "the program is data that the caller gives (a ProgramDescriptor among the attributes)"
DESCRIPTORS = ("ProgramDescriptor", "MeshProgramDescriptor", "WorkloadDescriptor")
NESTING = 4


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
