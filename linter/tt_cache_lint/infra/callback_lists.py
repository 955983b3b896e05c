"""The lists of tensors that the members of a callback op are given: what each one is, and how long it has to be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from tt_cache_lint.factory.found import Operation
from tt_cache_lint.source.declarators import qualified
from tt_cache_lint.source.defs import FunctionDef, Scope

if TYPE_CHECKING:
    from tree_sitter import Node

MAKERS = ("create_program", "create_program_at", "create_mesh_workload")  # in order of preference
NAMES = ("identifier", "qualified_identifier")
CALLABLE = (*NAMES, "template_function")
WHOLE = 2  # tensors in a list that is used as a whole
DEPTH = 3
Members = Callable[[str], list[FunctionDef]]


def sizes(op: Operation, members: Members, given: int | None = None) -> dict[str, int]:
    """How many tensors the op's members use at least, by the kind of list; `members` finds further ones by name.

    `given` is how many inputs its callers hand to it, where that is known; then a list that is used as a whole has so
    many. An op that takes optional inputs is never given none at all (ttnn/cpp/ttnn/operation.hpp:561-571 of 2025-02).
    """
    found = {"input_tensors": 1}
    makers = (kinds(method) for method in op.methods.values() if method.name in MAKERS)
    if any("optional_input_tensors" in maker for maker in makers):
        found["optional_input_tensors"] = 1
    for method in op.methods.values():
        for kind, param in zip(kinds(method), method.params, strict=True):
            if kind:
                whole = method.name in MAKERS and (kind != "input_tensors" or given is None)
                found[kind] = max(found.get(kind, 0), used(method, param.name, members, whole))
    found["input_tensors"] = max(found["input_tensors"], given or 0)
    return found


def used(method: FunctionDef, name: str, members: Members, built_of: bool, depth: int = 0) -> int:
    """How many tensors of a list a member needs: by index, or as a whole where a program is built of them.

    What another member of the op does with the list is looked up there.
    """
    most = _largest_index(method, name) + 1
    if not built_of or method.body is None or not name:
        return most
    for node in walk(method.body, into_lambdas=True):
        if node.type != "identifier" or method.file.text_of(node) != name or node.parent is None:
            continue
        if node.parent.type == "for_range_loop":
            most = max(most, WHOLE)
        elif node.parent.type == "argument_list":
            given = _given(method, node, members) if depth < DEPTH else None
            most = max(most, WHOLE if given is None else used(*given, members, built_of, depth + 1))
    return most


def _given(method: FunctionDef, argument: Node, members: Members) -> tuple[FunctionDef, str] | None:
    """The member of the op, and its parameter, that an argument is given to; None for another function."""
    arguments = argument.parent
    call = arguments.parent if arguments is not None else None
    path = callee_of(method, call) if call is not None and call.type == "call_expression" else ()
    found = [f for f in members(path[-1]) if f.body is not None] if path else []
    position = arguments.named_children.index(argument) if arguments is not None else 0
    return (found[0], found[0].params[position].name) if found and position < len(found[0].params) else None


def kinds(method: FunctionDef) -> list[str]:
    """What the parameters of an op's member are: which list of tensors, or nothing that is one.

    The lists always come in this order: inputs, optional inputs, outputs (operation.hpp).
    """
    found: list[str] = []
    for param in method.params:
        text = method.file.text_of(param.type) if param.type is not None else ""
        if "Tensor" not in text:
            found.append("")
        elif method.name in MAKERS and param is method.params[-1]:
            found.append("output_tensors")
        elif "input_tensors" not in found:
            found.append("input_tensors")
        elif "OptionalConstTensors" in text or (param.type is not None and _of_constants(method, param.type)):
            found.append("optional_input_tensors")
        else:
            found.append("optional_output_tensors")
    return found


def _of_constants(method: FunctionDef, type_: Node) -> bool:
    """Are the elements of a list const: `std::vector<std::optional<const ttnn::Tensor>>`?"""
    return any(n.type == "type_qualifier" and method.file.text_of(n) == "const" for n in walk(type_))


def _largest_index(function: FunctionDef, name: str) -> int:
    best = -1
    if function.body is None or not name:
        return best
    for node in walk(function.body, into_lambdas=True):
        text = ""
        if node.type == "subscript_expression":
            argument, indices = node.child_by_field_name("argument"), node.child_by_field_name("indices")
            if argument is not None and function.file.text_of(argument) == name and indices is not None:
                text = function.file.text_of(indices).strip("[]")
        elif node.type == "call_expression":
            target, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
            if target is not None and arguments is not None and function.file.text_of(target) == f"{name}.at":
                text = function.file.text_of(arguments).strip("()")
        if text.isdigit():
            best = max(best, int(text))
    return best


def callee_of(function: FunctionDef, call: Node) -> Scope:
    """The name that a call calls: of a function, or of a member of `this`; else nothing."""
    target = call.child_by_field_name("function")
    if target is not None and target.type in CALLABLE:
        return qualified(function.file, target)[0]
    if target is not None and of_this(target):
        member = target.child_by_field_name("field")
        return (function.file.text_of(member),) if member is not None else ()
    return ()


def of_this(target: Node) -> bool:
    argument = target.child_by_field_name("argument") if target.type == "field_expression" else None
    return argument is not None and argument.type == "this"


def walk(node: Node, into_lambdas: bool = False) -> Iterator[Node]:
    """The nodes of a body in source order."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        if current.type != "lambda_expression" or into_lambdas:
            stack.extend(reversed(current.named_children))
