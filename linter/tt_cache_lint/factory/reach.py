"""How the conditions of a function have to go for one of its statements to be reached.

These are the conditions that the statement stands under, those under which an earlier statement leaves the function,
and the case of a switch that it belongs to. Where a case is an enumerator that another function of the file returns,
what leads to that return statement is part of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp.types import Type
from tt_cache_lint.source.declarators import qualified
from tt_cache_lint.source.defs import FunctionDef, Scope, StructDef
from tt_cache_lint.source.nodes import within

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.interp.interp import Interp
    from tt_cache_lint.interp.machine import Place
    from tt_cache_lint.source.index import Index

THROWS = {b"TT_THROW", b"TT_ABORT", b"abort"}
DEPTH = 3
MOST_WAYS = 6
Way = dict["Place", bool]


def ways_to(index: Index, function: FunctionDef, node: Node, depth: int = 0) -> list[Way]:
    """How conditions have to go, by where they stand; for a case, by where its label does.

    There is a way for each return statement that gives what a case asks for.
    """
    found: Way = {}
    labels: list[Scope] = []
    inner, outer = node, node.parent
    while outer is not None and function.body is not None and inner.id != function.body.id:
        if outer.type in ("if_statement", "conditional_expression"):
            consequence, condition = outer.child_by_field_name("consequence"), condition_place(function, outer)
            if condition is not None and consequence is not None and condition[1] != inner.start_byte:
                found.setdefault(condition, consequence.id == inner.id)
        elif outer.type == "case_statement":
            label = outer.child_by_field_name("value")
            if label is not None and label.id != inner.id:
                found.setdefault((function.file.path, label.start_byte), True)
                if label.type == "qualified_identifier":
                    labels.append(qualified(function.file, label)[0])
        elif outer.type == "compound_statement":
            for earlier in outer.named_children:
                if earlier.start_byte >= inner.start_byte:
                    break
                condition = condition_place(function, earlier) if left_by(earlier) else None
                if condition is not None:
                    found.setdefault(condition, False)
        inner, outer = outer, outer.parent
    all_ways = [found]
    for label_path in labels if depth < DEPTH else ():
        all_ways = both(all_ways, list(_giving(index, function.file.path, label_path, depth + 1)))
    return all_ways


def both(first: list[Way], then: list[Way]) -> list[Way]:
    """The ways that take each of the first and go on with each of the others; where they differ, the first counts."""
    return [{**last, **one} for one in first for last in then or [{}]][:MOST_WAYS]


def _giving(index: Index, path: str, label: Scope, depth: int) -> Iterator[Way]:
    """How conditions have to go for a function of the file to return an enumerator."""
    defs = index.defs(path)
    for group in defs.functions.values() if defs is not None else ():
        for function in group:
            for value in returned(function):
                if value.type == "qualified_identifier" and qualified(function.file, value)[0][-2:] == label[-2:]:
                    yield from ways_to(index, function, value, depth)


def returned(function: FunctionDef) -> Iterator[Node]:
    """What the return statements of a function give: both sides of a conditional expression, all that a variable is
    given, and what the visitor returns that is handed to std::visit."""
    if function.body is not None:
        yield from _returned(function, function.body)


def _returned(function: FunctionDef, body: Node) -> Iterator[Node]:
    given: dict[str, list[Node]] = {}
    values: list[Node] = []
    left = [body]
    while left:
        node = left.pop()
        if node.type == "return_statement":
            before = node.prev_named_sibling
            if before is None or not throws(before):
                values += _values([c for c in node.named_children if c.type != "comment"])
        elif node.type != "lambda_expression":
            if node.type in ("assignment_expression", "init_declarator"):
                target = node.child_by_field_name("left") or node.child_by_field_name("declarator")
                value = node.child_by_field_name("right") or node.child_by_field_name("value")
                if target is not None and value is not None:
                    given.setdefault(function.file.text_of(target), []).extend(_values([value]))
            left += node.named_children[::-1]
    for value in values:
        for final in given.get(function.file.text_of(value), ()) or (value,):
            visitors = list(_visitors(function, final))
            for visitor in visitors:
                yield from _returned(function, visitor)
            if not visitors:
                yield final


def _visitors(function: FunctionDef, value: Node) -> Iterator[Node]:
    """The bodies of the lambdas that a call of std::visit is given."""
    target = value.child_by_field_name("function") if value.type == "call_expression" else None
    given = value.child_by_field_name("arguments")
    if target is None or given is None or qualified(function.file, target)[0][-1:] != ("visit",):
        return
    for argument in given.named_children:
        body = argument.child_by_field_name("body") if argument.type == "lambda_expression" else None
        if body is not None:
            yield body


def _values(left: list[Node]) -> Iterator[Node]:
    while left:
        value = left.pop()
        if value.type == "conditional_expression":
            sides = (value.child_by_field_name(side) for side in ("consequence", "alternative"))
            left += [side for side in sides if side is not None]
        elif value.type == "parenthesized_expression":
            left += value.named_children
        else:
            yield value


def condition_place(function: FunctionDef, statement: Node) -> Place | None:
    """Where the condition of an if statement or a conditional expression stands."""
    clause = statement.child_by_field_name("condition")
    value = clause.child_by_field_name("value") if clause is not None and clause.type == "condition_clause" else clause
    return (function.file.path, value.start_byte) if value is not None else None


def left_by(statement: Node) -> bool:
    """Does the function end in the consequence of an `if` without an alternative?"""
    consequence = statement.child_by_field_name("consequence")
    if statement.type != "if_statement" or consequence is None:
        return False
    return statement.child_by_field_name("alternative") is None and _leaves(consequence)


def _leaves(statement: Node) -> bool:
    """Does a statement, or the last one of a block, or each branch of an `if`, leave the function?"""
    if statement.type in ("compound_statement", "else_clause"):
        inside = [c for c in statement.named_children if c.type != "comment"]
        return bool(inside) and _leaves(inside[-1])
    if statement.type == "if_statement":
        branches = [statement.child_by_field_name(side) for side in ("consequence", "alternative")]
        return all(branch is not None and _leaves(branch) for branch in branches)
    return statement.type == "return_statement" or throws(statement)


def throws(statement: Node) -> bool:
    """Is a statement one that throws?"""
    if statement.type == "throw_statement":
        return True
    call = (
        statement.named_children[0] if statement.type == "expression_statement" and statement.named_children else None
    )
    target = call.child_by_field_name("function") if call is not None and call.type == "call_expression" else None
    return target is not None and target.text in THROWS


def asked_types(function: FunctionDef, node: Node) -> set[str]:
    """The types named by the conditions that a node stands under: `if constexpr (std::is_same_v<T, X>)`."""
    found: set[str] = set()
    inner, outer = node, node.parent
    while outer is not None and function.body is not None and inner.id != function.body.id:
        condition = outer.child_by_field_name("condition") if outer.type == "if_statement" else None
        consequence = outer.child_by_field_name("consequence") if condition is not None else None
        if condition is not None and consequence is not None and consequence.id == inner.id:
            found.update(function.file.text_of(n) for n in within(condition) if n.type == "type_identifier")
        inner, outer = outer, outer.parent
    return found


def alternatives(
    interp: Interp, struct: StructDef, prefix: str, asked: set[str], depth: int = 0
) -> Iterator[tuple[str, tuple[Any, ...], str]]:
    """The variants among the members that have an alternative of these names: their choices, the right one first, and
    what these are called."""
    for member in interp.fields(struct).values():
        type_ = interp.field_type(member, {}, ())
        key = f"{prefix}.{member.name}"
        if isinstance(type_.decl, StructDef) and depth < 1:
            yield from alternatives(interp, type_.decl, key, asked, depth + 1)
        optional = type_.name == "optional" and bool(type_.args) and isinstance(type_.args[0], Type)
        inner = type_.args[0] if optional else type_
        names = [a.name for a in inner.args if isinstance(a, Type)] if inner.name == "variant" else []
        for position, name in enumerate(names):
            if name in asked:
                others = (i for i in range(len(names)) if i != position)
                yield f"{key}.index", (position, *others), "|".join(names)
                if optional:
                    yield f"{key}.has_value", (True, False), f"{key}.has_value"
