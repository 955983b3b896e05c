"""How many tensors the functions that launch a callback op hand to it.

`operation::run(Op{...}, {a, b}, ...)` takes the inputs as its second argument (ttnn/cpp/ttnn/run_operation.hpp of
2025-02); `operation::launch_op(f, {a, b}, ...)` hands its own second argument on to the first parameter of `f`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tt_cache_lint.interp.interp import Interp
from tt_cache_lint.interp.types import Scoping
from tt_cache_lint.launch import folders
from tt_cache_lint.source.declarators import peel, qualified
from tt_cache_lint.source.defs import FunctionDef, StructDef
from tt_cache_lint.source.nodes import within

if TYPE_CHECKING:
    from tree_sitter import Node

RUNS = {"run", "run_with_autoformat", "run_without_autoformat"}


def inputs_given(interp: Interp, op: StructDef) -> int | None:
    """The number of input tensors, where all launching functions near an op give it as many; else None."""
    counts = {_count(function, call) for function, call in _launches(interp, op)}
    return counts.pop() if len(counts) == 1 else None


def _launches(interp: Interp, op: StructDef) -> Iterator[tuple[FunctionDef, Node]]:
    """The calls that may launch the op, each in its function."""
    for path in dict.fromkeys(
        path
        for folder in folders(op.file.path)
        for path in interp.index.tree.mentioning(folder, op.name.encode(), b"operation::run")
    ):
        defs = interp.index.defs(path)
        for function in (f for group in (defs.functions.values() if defs is not None else ()) for f in group):
            body = function.body
            if body is None or b"operation::run" not in function.file.text[body.start_byte : body.end_byte]:
                continue
            for node in within(body):
                if node.type == "call_expression" and _may_launch(interp, function, node, op):
                    yield function, node


def _arguments(call: Node) -> list[Node]:
    given = call.child_by_field_name("arguments")
    return [c for c in given.named_children if c.type != "comment"] if given is not None else []


def _may_launch(interp: Interp, function: FunctionDef, call: Node, op: StructDef) -> bool:
    """Is it a call of operation::run() with the op, or with what cannot be told?"""
    target, arguments = call.child_by_field_name("function"), _arguments(call)
    path = qualified(function.file, target)[0] if target is not None and "identifier" in target.type else ()
    if path[-1:] == () or path[-1] not in RUNS or "operation" not in path[:-1] or not arguments:
        return False
    scoping = interp.scoping(function.file, function.scope)
    made = _type_made(interp, scoping, arguments[0])
    return made is op if made is not None else True


def _type_made(interp: Interp, scoping: Scoping, node: Node) -> StructDef | None:
    """The class of `Op{...}`, of `Op(...)`, or that a function returns."""
    if node.type == "compound_literal_expression":
        kind = node.child_by_field_name("type")
        decl = scoping.type(kind).decl if kind is not None else None
        return decl if isinstance(decl, StructDef) else None
    target = node.child_by_field_name("function") if node.type == "call_expression" else None
    if target is None or "identifier" not in target.type:
        return None
    path = qualified(scoping.file, target)[0]
    named = scoping.named(path).decl if path else None
    if isinstance(named, StructDef):
        return named
    for maker in interp.candidates(path, scoping, None, len(_arguments(node))) if path else ():
        returned = interp.scoping(maker.file, maker.scope).type(maker.returns).decl
        if isinstance(returned, StructDef):
            return returned
    return None


def _count(function: FunctionDef, call: Node) -> int | None:
    """How many tensors a launching call lists, None where it does not list them."""
    arguments = _arguments(call)
    listed = arguments[1] if len(arguments) > 1 else None
    if listed is not None and listed.type == "identifier":
        listed = _handed_on(function, listed)
    if listed is None or listed.type != "initializer_list":
        return None
    items = [c for c in listed.named_children if c.type != "comment"]
    return len(items) if all(c.type != "parameter_pack_expansion" for c in items) else None


def _handed_on(function: FunctionDef, name: Node) -> Node | None:
    """The list that launch_op() hands to its lambda under this name."""
    node = name.parent
    while node is not None and node.type != "lambda_expression":
        node = node.parent
    declarator = node.child_by_field_name("declarator") if node is not None else None
    parameters = declarator.child_by_field_name("parameters") if declarator is not None else None
    first = parameters.named_children[0] if parameters is not None and parameters.named_children else None
    shape = peel(first.child_by_field_name("declarator")) if first is not None else None
    if shape is None or shape.name is None or function.file.text_of(shape.name) != function.file.text_of(name):
        return None
    call = node.parent.parent if node is not None and node.parent is not None else None
    arguments = _arguments(call) if call is not None and call.type == "call_expression" else []
    return arguments[1] if len(arguments) > 1 and arguments[0] == node else None
