"""The Python names of C++ functions: what a file of nanobind or pybind11 calls binds.

Read are ttnn::bind_function<"name", "module.">(mod, doc, &function or overload_t(...), nb::arg("x") = ..., ...)
(ttnn/cpp/ttnn-nanobind/bind_function.hpp:87-118, also inside helper templates that are given the name), and the older
bind_registered_operation(module, ttnn::name, doc, *_overload_t{lambda, py::arg("x")...} or *_arguments_t{...}).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tt_cache_lint.source.declarators import qualified, template_names
from tt_cache_lint.source.defs import Scope
from tt_cache_lint.source.files import SourceFile

if TYPE_CHECKING:
    from tree_sitter import Node

NAMES = ("_nanobind", "_pybind")  # how the names of such files end
BIND_FUNCTION, BIND_REGISTERED = "bind_function", "bind_registered_operation"
NAMED = ("identifier", "qualified_identifier")


@dataclass(frozen=True, slots=True)
class BoundArgument:
    """One Python argument. `default` is its C++ text, "" without one; `keyword` arguments are passed by name only."""

    name: str
    default: str = ""
    keyword: bool = False


@dataclass(frozen=True, slots=True)
class Overload:
    """One way to call: the C++ function (a name, or a lambda's node) and its Python arguments."""

    target: Scope = ()
    lambda_: Node | None = None
    arguments: tuple[BoundArgument, ...] = ()


@dataclass(frozen=True, slots=True)
class Binding:
    """A Python callable such as `ttnn.dropout`. `registered` is its C++ object in the older style."""

    name: str
    file: SourceFile
    line: int
    overloads: tuple[Overload, ...] = ()
    registered: Scope = ()


def bindings(file: SourceFile) -> Iterator[Binding]:
    """All bindings that a file makes."""
    calls = list(_calls(file.root))
    for call in calls:
        scope, names = _callee(file, call)
        if scope[-1:] == (BIND_FUNCTION,) and names:
            enclosing = _around(call, "template_declaration")
            if names[0] is not None:
                yield _bound(file, call, names, {})
            elif enclosing is not None:
                yield from _through(file, call, enclosing, calls)
        elif scope[-1:] == (BIND_REGISTERED,):
            yield from _registered(file, call, calls)


def _through(file: SourceFile, call: Node, helper: Node, calls: Sequence[Node]) -> Iterator[Binding]:
    """The bindings made by the calls of a helper template whose parameters give name and function."""
    function = next((c for c in helper.named_children if c.type == "function_definition"), None)
    parameters = helper.child_by_field_name("parameters")
    if function is None or parameters is None:
        return
    words = template_names(file, parameters)
    given = _template_arguments(call)
    for use, values, passed in _uses(file, function, calls):
        known = dict(zip(words, values, strict=False))
        names = [_text(node) if _text(node) is not None else known.get(file.text_of(node)) for node in given]
        if names and names[0] is not None:
            yield replace(_bound(file, call, names, passed), line=file.line(use))


def _uses(
    file: SourceFile, function: Node, calls: Sequence[Node]
) -> Iterator[tuple[Node, list[str | None], dict[str, Node]]]:
    """The calls of a function in its file: each with its template arguments, and what its parameters are given."""
    declarator = function.child_by_field_name("declarator")
    name = declarator.child_by_field_name("declarator") if declarator is not None else None
    formal = declarator.child_by_field_name("parameters") if declarator is not None else None
    if name is None or formal is None:
        return
    variables = [_declared(file, p) for p in formal.named_children if p.type.endswith("parameter_declaration")]
    for use in calls:
        scope, values = _callee(file, use)
        if scope[-1:] == (file.text_of(name).rpartition("::")[2],):
            yield use, values, dict(zip(variables, _arguments(use), strict=False))


def _bound(file: SourceFile, call: Node, names: Sequence[str | None], given: dict[str, Node]) -> Binding:
    module = names[1] if len(names) > 1 and names[1] is not None else "ttnn."
    return Binding(f"{module}{names[0]}", file, file.line(call), _overloads(file, _arguments(call)[2:], given))


def _registered(file: SourceFile, call: Node, calls: Sequence[Node]) -> Iterator[Binding]:
    """The binding of a registered operation, or those of the operations that a helper around the call is given."""
    nodes = _arguments(call)
    if len(nodes) < 3 or nodes[1].type not in NAMED:
        return
    around = _around(call, "function_definition")
    if nodes[1].type == "identifier" and around is not None:
        named = file.text_of(nodes[1])
        for use, _, passed in _uses(file, around, calls):
            if named in passed and passed[named].type in NAMED:
                scope = qualified(file, passed[named])[0]
                yield Binding(".".join(scope), file, file.line(use), _overloads(file, nodes[3:], {}), scope)
        return
    scope = qualified(file, nodes[1])[0]
    yield Binding(".".join(scope), file, file.line(call), _overloads(file, nodes[3:], {}), scope)


def _overloads(file: SourceFile, nodes: Sequence[Node], given: dict[str, Node]) -> tuple[Overload, ...]:
    """The overloads among the arguments of a binding call; without any, the arguments are one themselves."""
    found = []
    for node in nodes:
        name, inner = _wrapped(file, node)
        if name.endswith(("overload_t", "arguments_t")):
            found.append(_overload(file, inner, given))
    return tuple(found) if found else (_overload(file, nodes, given),)


def _overload(file: SourceFile, nodes: Sequence[Node], given: dict[str, Node]) -> Overload:
    target: Scope = ()
    lambda_: Node | None = None
    arguments: list[BoundArgument] = []
    keyword = False
    for node in nodes:
        name, inner = _wrapped(file, node)
        if name == "kw_only":
            keyword = True
            continue
        argument = _argument(file, node)
        if argument is not None:
            arguments.append(replace(argument, keyword=keyword))
        elif not arguments and not target and lambda_ is None:
            at = node
            if name.startswith(("overload_cast", "static_cast")) and inner:
                at = inner[0]
            if at.type == "identifier":
                at = given.get(file.text_of(at), at)
            lambda_ = at if at.type == "lambda_expression" else None
            target = _function(file, at)
    return Overload(target, lambda_, tuple(arguments))


def _argument(file: SourceFile, node: Node) -> BoundArgument | None:
    """`nb::arg("x")`, with what may be called on it and with a default."""
    default = ""
    if node.type == "assignment_expression":
        right, left = node.child_by_field_name("right"), node.child_by_field_name("left")
        if left is None or right is None:
            return None
        default, node = file.text_of(right), left
    while node.type == "call_expression":
        function = node.child_by_field_name("function")
        if function is not None and function.type == "field_expression":
            inner = function.child_by_field_name("argument")
            if inner is None:
                return None
            node = inner
            continue
        name, inside = _wrapped(file, node)
        text = _text(inside[0]) if name == "arg" and inside else None
        return BoundArgument(text, default) if text is not None else None
    return None


def _function(file: SourceFile, node: Node) -> Scope:
    """The function that `&ns::f`, `ns::f` or `ns::f<T>` names; () for anything else."""
    if node.type == "pointer_expression":
        inner = node.child_by_field_name("argument")
        return _function(file, inner) if inner is not None else ()
    return qualified(file, node)[0] if node.type in (*NAMED, "template_function") else ()


# -- syntax ------------------------------------------------------------------------------------------------------------


def _calls(root: Node) -> Iterator[Node]:
    stack = [root]
    while stack:
        node = stack.pop()
        if node.type == "call_expression":
            yield node
        stack.extend(reversed(node.named_children))


def _callee(file: SourceFile, call: Node) -> tuple[Scope, list[str | None]]:
    """The called name, and the template arguments where they are string literals."""
    function = call.child_by_field_name("function")
    if function is None or function.type not in (*NAMED, "template_function"):
        return (), []
    return qualified(file, function)[0], [_text(node) for node in _template_arguments(call)]


def _template_arguments(call: Node) -> list[Node]:
    node = call.child_by_field_name("function")
    while node is not None and node.type == "qualified_identifier":
        node = node.child_by_field_name("name")
    given = node.child_by_field_name("arguments") if node is not None and node.type == "template_function" else None
    # A bare name is read as a type.
    nodes = given.named_children if given is not None else []
    return [n.named_children[0] if n.type == "type_descriptor" and n.named_children else n for n in nodes]


def _arguments(call: Node) -> list[Node]:
    given = call.child_by_field_name("arguments")
    return [node for node in given.named_children if node.type != "comment"] if given is not None else []


def _wrapped(file: SourceFile, node: Node) -> tuple[str, list[Node]]:
    """`name(...)` or `name{...}`: the last part of the name, and what is inside."""
    if node.type == "call_expression":
        scope, _ = _callee(file, node)
        return (scope[-1] if scope else "", _arguments(node))
    if node.type == "compound_literal_expression":
        kind, value = node.child_by_field_name("type"), node.child_by_field_name("value")
        if kind is not None and value is not None:
            inner = [child for child in value.named_children if child.type != "comment"]
            return file.text_of(kind).partition("<")[0].rpartition("::")[2], inner
    return "", []


def _text(node: Node) -> str | None:
    """The content of a plain string literal."""
    if node.type == "string_literal" and node.text is not None:
        return node.text.decode("utf-8", "replace")[1:-1]
    return None


def _declared(file: SourceFile, parameter: Node) -> str:
    declarator = parameter.child_by_field_name("declarator")
    while declarator is not None and declarator.type != "identifier":
        inner = declarator.child_by_field_name("declarator") or next(iter(declarator.named_children), None)
        declarator = inner
    return file.text_of(declarator) if declarator is not None else ""


def _around(node: Node, kind: str) -> Node | None:
    """The nearest enclosing node of a kind."""
    current = node.parent
    while current is not None and current.type != kind:
        current = current.parent
    return current
