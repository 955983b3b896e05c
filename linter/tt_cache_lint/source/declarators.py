"""Declarators and qualified names taken apart."""

from __future__ import annotations

from dataclasses import dataclass

from tree_sitter import Node

from tt_cache_lint.source.defs import Param, Scope
from tt_cache_lint.source.files import SourceFile

NAMES = (
    "identifier",
    "field_identifier",
    "qualified_identifier",
    "type_identifier",
    "operator_name",
    "destructor_name",
)


@dataclass(slots=True)
class Shape:
    """A declarator without its wrapping: the name or function declarator inside, and what wraps it."""

    name: Node | None = None
    function: Node | None = None
    ref: bool = False
    rvalue: bool = False
    pointer: bool = False
    array: Node | None = None
    binding: Node | None = None
    pack: bool = False


def peel(node: Node | None) -> Shape:
    """Take a declarator apart."""
    shape = Shape()
    while node is not None:
        kind = node.type
        if kind in NAMES or kind in ("template_function", "operator_cast"):
            shape.name = node
            break
        if kind == "structured_binding_declarator":
            shape.binding = node
            break
        if kind in ("reference_declarator", "abstract_reference_declarator"):
            shape.ref = True
            shape.rvalue = node.children[0].type == "&&"
        elif kind in ("pointer_declarator", "abstract_pointer_declarator"):
            shape.pointer = True
        elif kind in ("function_declarator", "abstract_function_declarator"):
            inner = node.child_by_field_name("declarator")
            if inner is not None and inner.type == "parenthesized_declarator":
                shape.pointer = True
                node = inner
                continue
            shape.function = node
            shape.name = inner
            break
        elif kind in ("array_declarator", "abstract_array_declarator"):
            shape.array = node
        elif kind == "variadic_declarator":
            shape.pack = True
        following = node.child_by_field_name("declarator")
        if following is None:
            rest = [c for c in node.named_children if c.type.endswith("declarator") or c.type in NAMES]
            following = rest[-1] if rest else None
        node = following
    return shape


def array_sizes(node: Node | None) -> list[Node | None]:
    """The sizes of an array declarator, outer dimension first; None for `[]`."""
    sizes: list[Node | None] = []
    while node is not None:
        if node.type == "array_declarator":
            sizes.insert(0, node.child_by_field_name("size"))
        node = node.child_by_field_name("declarator")
    return sizes


def qualified(file: SourceFile, node: Node) -> tuple[Scope, tuple[str, ...]]:
    """A possibly qualified name as its parts, and the template arguments given to its class (`S<T>::create`)."""
    parts: list[str] = []
    arguments: tuple[str, ...] = ()
    current: Node | None = node
    while current is not None and current.type == "qualified_identifier":
        scope = current.child_by_field_name("scope")
        if scope is not None:
            if scope.type == "template_type":
                given = scope.child_by_field_name("arguments")
                if given is not None:
                    arguments = tuple(file.text_of(c) for c in given.named_children)
                scope = scope.child_by_field_name("name")
            if scope is not None:
                parts.append(file.text_of(scope).strip())
        current = current.child_by_field_name("name")
    if current is not None:
        if current.type in ("template_function", "template_type", "template_method"):
            inner = current.child_by_field_name("name")
            current = inner if inner is not None else current
        parts.append("".join(file.text_of(current).split()))
    return tuple(parts), arguments


def template_names(file: SourceFile, node: Node) -> tuple[str, ...]:
    """The names of template parameters, in order; an unnamed one is an empty string."""
    names = []
    for child in node.named_children:
        if child.type in ("parameter_declaration", "optional_parameter_declaration", "variadic_parameter_declaration"):
            shape = peel(child.child_by_field_name("declarator"))
            names.append(file.text_of(shape.name) if shape.name is not None else "")
        elif child.type.endswith("type_parameter_declaration"):
            name = child.child_by_field_name("name")
            if name is None:
                name = next((c for c in child.named_children if c.type == "type_identifier"), None)
            names.append(file.text_of(name) if name is not None else "")
    return tuple(names)


def variadic(node: Node) -> bool:
    """Is the last parameter of the template around a class a pack?"""
    template = node.parent
    given = template.child_by_field_name("parameters") if template is not None else None
    return given is not None and any(c.type.startswith("variadic_") for c in given.named_children[-1:])


def parameters(file: SourceFile, node: Node | None) -> list[Param]:
    """The parameters of a parameter list."""
    result: list[Param] = []
    if node is None:
        return result
    for child in node.named_children:
        if child.type not in (
            "parameter_declaration",
            "optional_parameter_declaration",
            "variadic_parameter_declaration",
            "explicit_object_parameter_declaration",
        ):
            continue
        kind = child.child_by_field_name("type")
        if kind is not None and file.text_of(kind) == "void" and len(node.named_children) == 1:
            if child.child_by_field_name("declarator") is None:
                return []
        declarator = child.child_by_field_name("declarator")
        shape = peel(declarator)
        result.append(
            Param(
                file.text_of(shape.name) if shape.name is not None else "",
                kind,
                declarator,
                child.child_by_field_name("default_value"),
                child,
                any(c.type == "type_qualifier" and file.text_of(c) == "const" for c in child.children),
                shape.ref,
                shape.rvalue,
                shape.pointer or shape.function is not None,
                shape.pack or child.type == "variadic_parameter_declaration",
            )
        )
    return result
