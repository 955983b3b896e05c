"""Lowering of expressions: `ev` gives a closure for the value, `lv` one for the lvalue (an object or a Ref).

This module has the names, members, elements and calls; operators and the like are in modules of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp import build, ops
from tt_cache_lint.interp.access import address_of, deref, index_ref, index_value, member_lvalue, member_value, value_of
from tt_cache_lint.interp.call_arguments import evaluated, template_arguments
from tt_cache_lint.interp.calls import lower_call
from tt_cache_lint.interp.interrupts import Thrown
from tt_cache_lint.interp.lambdas import Lambdas
from tt_cache_lint.interp.literals import Literals
from tt_cache_lint.interp.names import Closure, place, read
from tt_cache_lint.interp.operators import Operators
from tt_cache_lint.interp.packs import Packs
from tt_cache_lint.interp.registry import Function, Site
from tt_cache_lint.interp.statics import same_type
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import FuncRef, Mark, Ref, Struct, TypeRef, Unknown, Value, Vec
from tt_cache_lint.source.declarators import qualified

if TYPE_CHECKING:
    from tree_sitter import Node


class Expressions(Literals, Operators, Lambdas, Packs):
    """All expressions of one function under lowering."""

    def discarded(self, node: Node) -> Closure:
        """An expression whose value is not used."""
        if node.type == "comma_expression":
            parts = [self.discarded(c) for c in node.named_children]

            def run(f: list[Value]) -> None:
                for part in parts:
                    part(f)

            return run
        if node.type == "call_expression":
            return self.call(node, discarded=True)
        return self.ev(node)

    def e_parenthesized_expression(self, node: Node) -> Closure:
        inner = [c for c in node.named_children if c.type != "comment"]
        return self.ev(inner[0]) if inner else self.not_understood(node)

    def e_this(self, node: Node) -> Closure:
        """The object where one of its members is meant or it is dereferenced, else a pointer to it."""
        if node.parent is not None and node.parent.type in ("field_expression", "pointer_expression"):
            return lambda f: f[2]
        return lambda f: address_of(f[2])

    def e_identifier(self, node: Node) -> Closure:
        return self.named_value(self.text(node), node)

    e_field_identifier = e_identifier

    e_type_identifier = e_identifier

    e_namespace_identifier = e_identifier

    def ev_name(self, node: Node) -> Closure:
        """A type node that is really a variable (`T x(a)` read as a declaration)."""
        if node.type in ("type_identifier", "identifier"):
            return self.named_value(self.text(node), node)
        return self.ev(node)

    def named_value(self, name: str, node: Node) -> Closure:
        local = self.resolve(name)
        if local is not None:
            return read(*local)
        if name in self.macros:
            return self.macro(name)
        bound = self.scoping.templates.get(name)
        if bound is not None and not isinstance(bound, Type):
            return lambda f: bound
        if self.owner is not None and name in self.interp.fields(self.owner):
            return lambda f: value_of(member_value(f[0], f[2], name)) if f[2] is not None else Unknown(name)
        for enum in self.enums:
            if name in enum.values:
                return lambda f: build.enum_value(f[0], enum, name)
        return self.global_value((name,), node)

    def macro(self, name: str) -> Closure:
        """What a macro of the function stands for, with the names of this place."""
        file, macros = self.file, self.macros
        self.file, meant = macros[name]
        self.macros = {other: macro for other, macro in macros.items() if other != name}  # it does not expand in itself
        try:
            return self.initialiser(meant)
        finally:
            self.file, self.macros = file, macros

    def same_types(self, node: Node) -> Closure:
        """`std::is_same_v<A, B>`"""

        targs = template_arguments(self, node)

        def run(f: list[Value]) -> Value:
            found = evaluated(f, targs)
            if len(found) != 2 or not all(isinstance(t, Type) for t in found):
                return Unknown("is_same_v")
            return same_type(found[0], found[1])

        return run

    def type_tag(self, node: Node) -> Closure:
        """`std::in_place_type<T>`: the type as a value"""

        targs = template_arguments(self, node)

        def run(f: list[Value]) -> Value:
            found = evaluated(f, targs)
            return TypeRef(found[0]) if found and isinstance(found[0], Type) else Unknown("in_place_type")

        return run

    def e_qualified_identifier(self, node: Node) -> Closure:
        path, _ = qualified(self.file, node)
        if path and path[-1] in ("is_same_v", "same_as"):
            return self.same_types(node)
        if path[-1:] == ("in_place_type",):
            return self.type_tag(node)
        return self.global_value(path, node)

    def global_value(self, path: tuple[str, ...], node: Node) -> Closure:
        cell: list[Value] = []
        scoping = self.scoping
        path = scoping.spelt(path)

        def read(f: list[Value]) -> Value:
            if cell:
                return cell[0]
            value, fixed = self.interp.global_value(f[0], path, scoping)
            if fixed:
                cell.append(value)
            return value

        return read

    def e_template_function(self, node: Node) -> Closure:
        path, _ = qualified(self.file, node)
        if path and path[-1] in ("is_same_v", "same_as"):
            return self.same_types(node)
        const = self.interp.index.const(path[-1], self.file.path, self.scoping.scope, path[:-1]) if path else None
        if const is not None and const.value is not None and const.node.parent.type == "template_declaration":
            targs, found = template_arguments(self, node), const
            return lambda f: self.interp.variable_template(f[0], found, evaluated(f, targs))
        return self.global_value(path, node)

    def e_field_expression(self, node: Node) -> Closure:
        argument, field = node.child_by_field_name("argument"), node.child_by_field_name("field")
        if argument is None or field is None:
            return self.not_understood(node)
        base, name = self.ev(argument), self.text(field)

        def read(f: list[Value]) -> Value:
            owner = base(f)
            if type(owner) is Struct:
                found = owner.fields.get(name)
                if found is not None and not isinstance(found, Ref):
                    return found
            try:
                return value_of(member_value(f[0], owner, name))
            except Thrown as error:
                error.mark = error.mark or self.mark(node)
                raise

        return read

    def e_subscript_expression(self, node: Node) -> Closure:
        argument, indices = node.child_by_field_name("argument"), node.child_by_field_name("indices")
        if argument is None or indices is None or not indices.named_children:
            return self.not_understood(node)
        base, at = self.ev(argument), self.initialiser(indices.named_children[0])

        def read(f: list[Value]) -> Value:
            b, i = base(f), at(f)
            if type(b) is Vec and type(i) is int and 0 <= i < len(b.items):
                item = b.items[i]
                if not isinstance(item, Ref):
                    return item
            return value_of(index_value(f[0], b, i))

        return read

    def e_pointer_expression(self, node: Node) -> Closure:
        argument = node.child_by_field_name("argument")
        if argument is None:
            return self.not_understood(node)
        operator = node.child_by_field_name("operator")
        if operator is not None and self.text(operator) == "&":
            place = self.lv(argument)
            return lambda f: address_of(place(f))
        inner = self.ev(argument)
        mark = self.mark(node)
        return lambda f: value_of(deref(f[0], inner(f), mark))

    def lv(self, node: Node) -> Closure:
        """A closure for an lvalue: an object, a Ref, or the plain value where there is nothing to write to."""
        kind = node.type
        if kind == "identifier":
            name = self.text(node)
            local = self.resolve(name)
            if local is not None:
                return place(*local)
            if self.owner is not None and name in self.interp.fields(self.owner):
                return lambda f: member_lvalue(f[0], f[2], name)
            return self.ev(node)
        if kind == "parenthesized_expression":
            inner = [c for c in node.named_children if c.type != "comment"]
            return self.lv(inner[0]) if inner else self.ev(node)
        if kind == "field_expression":
            argument, field = node.child_by_field_name("argument"), node.child_by_field_name("field")
            if argument is not None and field is not None:
                base, name = self.lv(argument), self.text(field)
                return lambda f: member_lvalue(f[0], base(f), name)
        if kind == "subscript_expression":
            argument, indices = node.child_by_field_name("argument"), node.child_by_field_name("indices")
            if argument is not None and indices is not None and indices.named_children:
                base, at = self.lv(argument), self.initialiser(indices.named_children[0])
                return lambda f: index_ref(f[0], base(f), at(f))
        if kind == "pointer_expression":
            argument, operator = node.child_by_field_name("argument"), node.child_by_field_name("operator")
            if argument is not None and (operator is None or self.text(operator) == "*"):
                inner_value, mark = self.ev(argument), self.mark(node)
                return lambda f: deref(f[0], inner_value(f), mark)
        if kind == "call_expression":
            return self.call(node, lvalue=True)
        if kind == "conditional_expression":
            test = node.child_by_field_name("condition")
            then, otherwise = node.child_by_field_name("consequence"), node.child_by_field_name("alternative")
            if test is not None and then is not None and otherwise is not None:
                condition, a, b = self.ev(test), self.lv(then), self.lv(otherwise)

                def choose(f: list[Value]) -> Value:
                    c = condition(f)
                    taken = ops.truth(f[0], c)
                    if not isinstance(c, (bool, int)):
                        f[0].branch(c, taken)
                    return a(f) if taken else b(f)

                return choose
        return self.ev(node)

    def call(self, node: Node, discarded: bool = False, lvalue: bool = False) -> Closure:
        """A call; implemented in the calls module."""

        return lower_call(self, node, discarded, lvalue)

    def e_call_expression(self, node: Node) -> Closure:
        return self.call(node)

    def e_new_expression(self, node: Node) -> Closure:
        kind = node.child_by_field_name("type")
        arguments = node.child_by_field_name("arguments")
        args = [self.initialiser(c) for c in arguments.named_children] if arguments is not None else []
        type_, mark = self.scoping.type(kind), self.mark(node)
        return lambda f: build.construct(f[0], type_, [a(f) for a in args], mark)

    def e_delete_expression(self, node: Node) -> Closure:
        return lambda f: None

    def site(self, node: Node, name: str, targs: tuple[Any, ...], args: list[Node]) -> Site:
        """The call site object that handlers get."""
        return Site(
            self.mark(node),
            name,
            targs,
            tuple(self.mark(a) for a in args),
            self.scoping,
            tuple(self.text(a) for a in args),
        )


def function_reference(name: str, known: Function) -> FuncRef:
    """A known function used as a value."""

    def call(m: Any, site: Any, args: list[Value]) -> Value:
        values = args if known.refs else [a.get() if isinstance(a, Ref) else a for a in args]
        return known.handler(m, Site(site or Mark("", 0, 1, 0, name), name), values)

    return FuncRef(name, call)
