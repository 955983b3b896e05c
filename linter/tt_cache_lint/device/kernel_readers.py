"""How a device kernel and its headers read runtime arguments: by which functions, and numbered with which variables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tt_cache_lint.source.nodes import within

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.source.files import SourceFile

READERS = {"get_arg_val": False, "get_common_arg_val": True}
ADDRESSES = {"get_arg_addr", "get_common_arg_addr"}  # all from a number on may be read through what they return
Source = str | tuple[bool, int]  # a variable, or (is it a common one, the number of an argument)


@dataclass(slots=True)
class Elsewhere:
    """What the functions beside kernel_main read of the arguments: by literal numbers, or by numbers they are given."""

    literal: set[Source] = field(default_factory=set)
    readers: set[str] = field(default_factory=set)
    mentions: dict[str, set[str]] = field(default_factory=dict)  # by function, or by class for its methods

    def add(self, file: SourceFile, body: Node | None) -> None:
        """Take in a file, without the kernel's own function."""
        stack: list[tuple[Node, str]] = [(file.root, "")]
        while stack:
            node, inside = stack.pop()
            if body is not None and node.id == body.id:
                continue
            if node.type in ("struct_specifier", "class_specifier", "function_definition") and not inside:
                inside = _declared(file, node)
            elif node.type == "call_expression":
                self._call(file, node, inside)
            elif node.type in ("identifier", "type_identifier", "field_identifier") and inside:
                self.mentions.setdefault(inside, set()).add(file.text_of(node))
            stack.extend((child, inside) for child in node.named_children)

    def _call(self, file: SourceFile, node: Node, inside: str) -> None:
        callee, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        name = file.text_of(callee).partition("<")[0].rpartition("::")[2] if callee is not None else ""
        text = file.text_of(given).strip("()") if given is not None else ""
        if name in READERS and text.isdigit():
            self.literal.add((READERS[name], int(text)))
        elif name in READERS or name in ADDRESSES:
            self.readers.add(inside)

    def helpers(self) -> frozenset[str]:
        """The functions and classes that may read arguments, also through others."""
        found, size = set(self.readers), -1
        while size < len(found):
            size = len(found)
            found |= {name for name, mentioned in self.mentions.items() if mentioned & found}
        return frozenset(found)


def _declared(file: SourceFile, node: Node) -> str:
    """The name of a class or function; of a method defined outside, that of its class."""
    named: Node | None = node.child_by_field_name("name")
    inner = node.child_by_field_name("declarator")
    while named is None and inner is not None:
        if inner.type in (
            "identifier",
            "qualified_identifier",
            "operator_name",
            "destructor_name",
            "template_function",
        ):
            named = inner
        inner = inner.child_by_field_name("declarator")
    return file.text_of(named).partition("<")[0].partition("::")[0] if named is not None else ""


def counters(file: SourceFile, body: Node) -> frozenset[str]:
    """The variables that arguments are numbered with, and those that are made of them."""
    text = file.text_of
    found: set[str] = set()
    made: list[tuple[str, set[str]]] = []  # variables with the names in their values, where these call nothing
    for node in within(body):
        if node.type == "call_expression" and text(node).startswith((*READERS, *ADDRESSES)):
            given = node.child_by_field_name("arguments")
            found |= {text(n) for n in within(given) if n.type == "identifier"} if given is not None else set()
        elif node.type == "init_declarator":
            target, value = node.child_by_field_name("declarator"), node.child_by_field_name("value")
            if target is not None and value is not None:
                inner = [value, *within(value)]
                if not any(n.type == "call_expression" for n in inner):
                    made.append((text(target), {text(n) for n in inner if n.type == "identifier"}))
    size = -1
    while size < len(found):
        size = len(found)
        for name, parts in made:
            if found & parts:
                found.add(name)
    return frozenset(found)
