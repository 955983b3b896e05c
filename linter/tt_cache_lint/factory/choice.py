"""Which factories select_program_factory() can give at all, as its return statements name them.

An op's variant may list a factory that nothing selects any more. No input leads to it, so that none has to be looked
for (ttnn/api/ttnn/device_operation.hpp:273-276: what runs on a miss is what select_program_factory() returned).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tt_cache_lint.factory.reach import Way, alternatives, asked_types, returned, ways_to
from tt_cache_lint.source.defs import StructDef

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.factory.found import Factory
    from tt_cache_lint.interp.interp import Interp
    from tt_cache_lint.source.index import Index

NAMES = ("identifier", "type_identifier", "template_type", "template_function", "qualified_identifier")


def never_selected(factory: Factory) -> bool:
    """Is this a factory of its op's variant that select_program_factory() returns in no place?

    False also where a return statement says something else than the name of a factory.
    """
    op = factory.op
    chooser = op.methods.get("select_program_factory") if op is not None else None
    if op is None or chooser is None or len(op.factories) < 2 or factory.create.scope[-1] not in op.factories:
        return False
    given: set[str] = set()
    for value in returned(chooser):
        name = _named(value)
        if name is None and value.type == "initializer_list" and not value.named_children:
            name = op.factories[0]
        if name not in op.factories:
            return False
        given.add(name)
    return bool(given) and factory.create.scope[-1] not in given


def ways(factory: Factory, index: Index) -> list[Way]:
    """For each place where select_program_factory() gives this factory: how the conditions before it have to go."""
    op = factory.op
    chooser = op.methods.get("select_program_factory") if op is not None else None
    if chooser is None:
        return []
    values = (value for value in returned(chooser) if _named(value) == factory.create.scope[-1])
    return [way for value in values for way in ways_to(index, chooser, value)]


def held_alternatives(factory: Factory, interp: Interp) -> dict[str, Any]:
    """Which alternatives of variants among the attributes select_program_factory() gives this factory for."""
    op = factory.op
    chooser = op.methods.get("select_program_factory") if op is not None else None
    attributes = factory.attributes.decl
    if chooser is None or not isinstance(attributes, StructDef):
        return {}
    values = (value for value in returned(chooser) if _named(value) == factory.create.scope[-1])
    asked = {name for value in values for name in asked_types(chooser, value)}
    found = alternatives(interp, attributes, "operation_attributes", asked) if asked else ()
    return {key: choices[0] for key, choices, _ in found}


def _named(value: Node) -> str | None:
    """The class in `Class{}` and `Class()`."""
    field = {"compound_literal_expression": "type", "call_expression": "function"}.get(value.type)
    node = value.child_by_field_name(field) if field is not None else None
    while node is not None and node.type in NAMES[2:]:
        node = node.child_by_field_name("name")
    return node.text.decode() if node is not None and node.type in NAMES and node.text is not None else None
