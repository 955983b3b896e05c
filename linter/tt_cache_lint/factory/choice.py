"""Which factories select_program_factory() can give at all, as its return statements name them.

An op's variant may list a factory that nothing selects any more. No input leads to it, so that none has to be looked
for (ttnn/api/ttnn/device_operation.hpp:273-276: what runs on a miss is what select_program_factory() returned).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tt_cache_lint.source.defs import FunctionDef

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.factory.found import Factory
    from tt_cache_lint.interp.machine import Place

THROWS = {b"TT_THROW", b"TT_ABORT", b"abort"}
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
    for statement in _returns(chooser):
        for value in _values(statement):
            name = _named(value)
            if name is None and value.type == "initializer_list" and not value.named_children:
                name = op.factories[0]
            if name not in op.factories:
                return False
            given.add(name)
    return bool(given) and factory.create.scope[-1] not in given


def ways(factory: Factory) -> list[dict[Place, bool]]:
    """For each place where select_program_factory() gives this factory: how the conditions before it have to go.

    These are those that the statement stands under, and those under which an earlier one leaves the function.
    """
    op = factory.op
    chooser = op.methods.get("select_program_factory") if op is not None else None
    found: list[dict[Place, bool]] = []
    if chooser is None:
        return found
    for statement in _returns(chooser):
        if any(_named(value) == factory.create.scope[-1] for value in _values(statement)):
            found.append(_way(chooser, statement))
    return found


def _way(chooser: FunctionDef, statement: Node) -> dict[Place, bool]:
    way: dict[Place, bool] = {}
    inner, outer = statement, statement.parent
    while outer is not None and inner != chooser.body:
        if outer.type == "if_statement":
            otherwise = outer.child_by_field_name("alternative")
            _demand(chooser, way, outer, otherwise is None or inner != otherwise)
        elif outer.type == "compound_statement":
            for earlier in outer.named_children:
                if earlier.start_byte >= inner.start_byte:
                    break
                if earlier.type == "if_statement" and earlier.child_by_field_name("alternative") is None:
                    then = earlier.child_by_field_name("consequence")
                    if then is not None and _leaves(then):
                        _demand(chooser, way, earlier, False)
        inner, outer = outer, outer.parent
    return way


def _demand(chooser: FunctionDef, way: dict[Place, bool], statement: Node, held: bool) -> None:
    clause = statement.child_by_field_name("condition")
    value = clause.child_by_field_name("value") if clause is not None else None
    if value is not None:
        way[chooser.file.path, value.start_byte] = held


def _leaves(statement: Node) -> bool:
    """Does a statement, or the last one of a block, leave the function?"""
    if statement.type == "compound_statement":
        inside = [c for c in statement.named_children if c.type != "comment"]
        return bool(inside) and _leaves(inside[-1])
    return statement.type == "return_statement" or _throws(statement)


def _returns(chooser: FunctionDef) -> Iterator[Node]:
    """The return statements of a function, but for those of lambdas in it and those right behind a throw."""
    left = [chooser.body] if chooser.body is not None else []
    while left:
        node = left.pop()
        if node.type == "return_statement":
            before = node.prev_named_sibling
            if before is None or not _throws(before):
                yield node
        elif node.type != "lambda_expression":
            left += node.named_children


def _throws(statement: Node) -> bool:
    if statement.type == "throw_statement":
        return True
    call = (
        statement.named_children[0] if statement.type == "expression_statement" and statement.named_children else None
    )
    target = call.child_by_field_name("function") if call is not None and call.type == "call_expression" else None
    return target is not None and target.text in THROWS


def _values(statement: Node) -> Iterator[Node]:
    """What a return statement may give: both sides of a conditional expression."""
    left = [c for c in statement.named_children if c.type != "comment"]
    while left:
        value = left.pop()
        if value.type == "conditional_expression":
            sides = (value.child_by_field_name(side) for side in ("consequence", "alternative"))
            left += [side for side in sides if side is not None]
        elif value.type == "parenthesized_expression":
            left += value.named_children
        else:
            yield value


def _named(value: Node) -> str | None:
    """The class in `Class{}` and `Class()`."""
    field = {"compound_literal_expression": "type", "call_expression": "function"}.get(value.type)
    node = value.child_by_field_name(field) if field is not None else None
    while node is not None and node.type in NAMES[2:]:
        node = node.child_by_field_name("name")
    return node.text.decode() if node is not None and node.type in NAMES and node.text is not None else None
