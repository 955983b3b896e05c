"""Lowering of lambdas and what they capture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.interp.code import Code
from tt_cache_lint.interp.names import Closure, Names, Variable, lasting, outer_read
from tt_cache_lint.interp.types import AUTO
from tt_cache_lint.interp.values import Lambda, Value, copied
from tt_cache_lint.source.declarators import parameters

if TYPE_CHECKING:
    from tree_sitter import Node


class Lambdas(Names):
    """Lambdas."""

    def e_lambda_expression(self, node: Node) -> Closure:
        from tt_cache_lint.interp.lower import Lowering

        inner = Lowering(self.interp, self.scoping, self.owner, self)
        inner.enums = self.enums
        captures, declarator = node.child_by_field_name("captures"), node.child_by_field_name("declarator")
        inner.mutable = declarator is not None and any(self.text(c) == "mutable" for c in declarator.children)
        copies: list[tuple[int, Closure]] = []
        by_reference = False
        for child in captures.children if captures is not None else ():
            text = self.text(child)
            if child.type == "lambda_default_capture":
                inner.default_capture = text
                inner.borrows = text == "&"
            elif child.type == "identifier" and by_reference:
                inner.references.add(text)  # found in the enclosing frame when it is used
            elif child.type == "identifier":
                outer = self.resolve(text)
                if outer is not None:
                    source, type_ = outer_read(*outer), outer[1].type
                    source = lasting(source, type_.ptr) if inner.mutable else source
                    copies.append((inner.declare(text, Variable(type_, inner.mutable)), source))
            elif child.type == "lambda_capture_initializer":
                source, is_ref = self._init_capture(child)
                name = child.child_by_field_name("left")
                source = lasting(source, False) if inner.mutable and not is_ref else source
                variable = Variable(AUTO, is_ref or inner.mutable)
                copies.append((inner.declare(self.text(name) if name is not None else "", variable), source))
            by_reference = child.type == "&"
        params = parameters(self.file, declarator.child_by_field_name("parameters") if declarator is not None else None)
        if declarator is not None:
            for child in declarator.named_children:
                if child.type == "trailing_return_type" and child.named_children:
                    inner.returns = self.scoping.type(child.named_children[0])
        code = Code("lambda", params, node.child_by_field_name("body"), inner)
        code.mark = self.mark(node)

        code.ready()  # now, while the enclosing scopes are open

        def make(f: list[Value]) -> Value:
            found = [(slot, source(f)) for slot, source in copies]
            found += [(slot, source(f)) for slot, source in inner.captures.values()]
            f[0].frames.append(f)
            return Lambda(code, f, found, f[2])

        return make

    def _init_capture(self, node: Node) -> tuple[Closure, bool]:
        """`x = value` or `&x = lvalue` in a capture list; whether it is a reference."""
        value = node.named_children[-1]
        if any(c.type == "&" for c in node.children):
            return self.lv(value), True
        inner = self.ev(value)
        local = self.resolve(self.text(value)) if value.type == "identifier" else None
        if local is None or local[1].type.ptr:
            return inner, False
        return lambda f: copied(inner(f)), False
