"""Lowering of literals and braced lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.interp import build
from tt_cache_lint.interp.names import Closure, Names
from tt_cache_lint.interp.types import AUTO, Type
from tt_cache_lint.interp.values import InitList, Mark, Value, plain
from tt_cache_lint.source.defs import StructDef

if TYPE_CHECKING:
    from tree_sitter import Node

LVALUES = {
    "identifier",
    "field_expression",
    "subscript_expression",
    "pointer_expression",
    "parenthesized_expression",
    "qualified_identifier",
    "call_expression",
    "this",
    "conditional_expression",
}


class Literals(Names):
    """Literals, strings and braced lists."""

    def e_number_literal(self, node: Node) -> Closure:
        value = literal(self.text(node))
        return lambda f: value

    def e_true(self, node: Node) -> Closure:
        return lambda f: True

    def e_false(self, node: Node) -> Closure:
        return lambda f: False

    def e_null(self, node: Node) -> Closure:
        return lambda f: None

    e_nullptr = e_null

    def e_string_literal(self, node: Node) -> Closure:
        value = string_value(self.text(node))
        return lambda f: value

    e_raw_string_literal = e_string_literal

    def e_char_literal(self, node: Node) -> Closure:
        value = string_value(self.text(node).replace("'", '"'))
        return lambda f: value

    def e_concatenated_string(self, node: Node) -> Closure:
        parts = [self.ev(c) for c in node.named_children if c.type != "comment"]

        def join(f: list[Value]) -> Value:
            return "".join(str(plain(p(f))) for p in parts)

        return join

    def initialiser(self, node: Node) -> Closure:
        """An expression or a braced list."""
        return self.e_initializer_list(node) if node.type == "initializer_list" else self.ev(node)

    def e_initializer_list(self, node: Node, type_: Type = AUTO) -> Closure:
        """A braced list. For a class with a reference among its members what it names is kept as lvalues."""
        fields = self.interp.fields(type_.decl).values() if isinstance(type_.decl, StructDef) else ()
        keeps = any(f.is_ref for f in fields)
        children = [c for c in node.named_children if c.type != "comment"]
        names: list[str] | None = None
        values: list[Closure] = []
        marks: list[Mark | None] = []
        for child in children:
            if child.type == "initializer_pair":
                names = names if names is not None else []
                designator = child.child_by_field_name("designator")
                names.append(self.text(designator).lstrip(".").strip() if designator is not None else "")
                value = child.child_by_field_name("value")
                if value is None:
                    value = child.named_children[-1]
                values.append(self.lv(value) if keeps and value.type in LVALUES else self.initialiser(value))
                marks.append(self.mark(value))
            else:
                values.append(self.lv(child) if keeps and child.type in LVALUES else self.initialiser(child))
                marks.append(self.mark(child))
        if names is not None and len(names) != len(values):
            names = None
        mark = self.mark(node)
        return lambda f: InitList([v(f) for v in values], list(marks), names, mark)

    def e_compound_literal_expression(self, node: Node) -> Closure:
        kind, value = node.child_by_field_name("type"), node.child_by_field_name("value")
        known = kind is not None and not kind.is_missing and bool(self.text(kind))
        type_ = self.scoping.type(kind) if known else AUTO
        inner: Closure = lambda f: InitList([], [], None, self.mark(node))  # noqa: E731
        if value is not None:
            inner = self.e_initializer_list(value, type_)
        if not known:
            return inner
        mark = self.mark(node)

        def build_value(f: list[Value]) -> Value:
            given = inner(f)
            given.mark = mark
            return build.coerce(f[0], given, type_) if type_.scalar else build.from_list(f[0], given, type_)

        return build_value


def literal(text: str) -> int | float:
    """The value of a number literal."""
    clean = text.replace("'", "")
    lower = clean.lower()
    if lower.startswith(("0x", "0b")):
        return int(lower.rstrip("ulz"), 0)
    if any(c in lower for c in ".ep") or lower.endswith("f"):
        try:
            return float(lower.rstrip("fl"))
        except ValueError:
            return 0.0
    digits = lower.rstrip("ulz")
    try:
        return int(digits, 8) if len(digits) > 1 and digits[0] == "0" else int(digits)
    except ValueError:
        return 0


def string_value(text: str) -> str:
    """The value of a string literal."""
    if text.startswith("R"):
        start, end = text.find("("), text.rfind(")")
        return text[start + 1 : end]
    start, end = text.find('"'), text.rfind('"')
    body = text[start + 1 : end]
    return body.replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\") if "\\" in body else body
