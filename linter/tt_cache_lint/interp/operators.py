"""Lowering of operators, assignments and casts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp import build, ops
from tt_cache_lint.interp.access import store
from tt_cache_lint.interp.around import conditions_around, flag
from tt_cache_lint.interp.names import Closure, Names, Variable
from tt_cache_lint.interp.sizes import size_of
from tt_cache_lint.interp.statics import static_type
from tt_cache_lint.interp.types import AUTO
from tt_cache_lint.interp.values import (
    Absent,
    Enum,
    Handle,
    Mark,
    Obj,
    Opt,
    Ptr,
    Ref,
    Unknown,
    Val,
    Value,
    copied,
    plain,
)

if TYPE_CHECKING:
    from tree_sitter import Node

NUMERALS = ("unary_expression", "number_literal")
WORDS = {"and": "&&", "or": "||", "xor": "^", "not_eq": "!=", "bitand": "&", "bitor": "|"}


class Operators(Names):
    """Operators, assignments and casts."""

    def e_binary_expression(self, node: Node) -> Closure:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        operator = node.child_by_field_name("operator")
        if left is None or right is None or operator is None:
            return self.not_understood(node)
        op = WORDS.get(self.text(operator), self.text(operator))
        a, b = self.ev(left), self.ev(right)
        if op in ("&&", "||"):
            return logical(op, a, b)
        if op == "<=>":
            return self.not_understood(node)
        function, binary = ops.OPERATIONS[op], ops.binary
        if op in ("==", "!=") and right.type in NUMERALS and self.text(right).startswith("-"):

            def compared(f: list[Value]) -> Value:
                x = a(f)
                return binary(f[0], op, x, ops.beside(x, b(f)))

            return compared
        if op in ("/", "%", "<<", ">>"):
            return lambda f: binary(f[0], op, a(f), b(f))
        least, most = -ops.BOUND, ops.BOUND

        def run(f: list[Value]) -> Value:
            x, y = a(f), b(f)
            if type(x) is int:
                if type(y) is int:
                    return function(x, y)
                if type(y) is Val and type(y.v) is int:
                    value = function(x, y.v)
                    if least < value < most:
                        p = y.p
                        return Val(value, p, (op, x, y)) if p else value
            elif type(x) is Val and type(x.v) is int:
                if type(y) is int:
                    value = function(x.v, y)
                    if least < value < most:
                        p = x.p
                        return Val(value, p, (op, x, y)) if p else value
                elif type(y) is Val and type(y.v) is int:
                    value = function(x.v, y.v)
                    if least < value < most:
                        p = x.p | y.p
                        return Val(value, p, (op, x, y)) if p else value
            return binary(f[0], op, x, y)

        return run

    def e_unary_expression(self, node: Node) -> Closure:
        argument, operator = node.child_by_field_name("argument"), node.child_by_field_name("operator")
        if argument is None or operator is None:
            return self.not_understood(node)
        op, inner = self.text(operator), self.ev(argument)
        if op in ("!", "not"):
            return lambda f: ops.negate(f[0], inner(f))
        if op in ("~", "compl"):
            known = static_type(self, node)
            form = ops.INTEGERS.get(known.scalar, (32, False)) if known is not None else (32, False)
            return lambda f: ops.unary(f[0], "~", inner(f), form)
        return lambda f: ops.unary(f[0], op, inner(f))

    def e_conditional_expression(self, node: Node) -> Closure:
        test = node.child_by_field_name("condition")
        then, otherwise = node.child_by_field_name("consequence"), node.child_by_field_name("alternative")
        if test is None or then is None or otherwise is None:
            return self.not_understood(node)
        condition, a, b = self.ev(test), self.initialiser(then), self.initialiser(otherwise)
        place = (self.file.path, test.start_byte)

        def run(f: list[Value]) -> Value:
            c = condition(f)
            if c is True or c is False:
                return a(f) if c else b(f)
            taken = ops.truth(f[0], c)
            f[0].branch(c, taken, place if f[0].seeks(place) else None)
            value = a(f) if taken else b(f)
            p = c.p if isinstance(c, (Val, Unknown, Opt, Absent)) else 0
            if p and isinstance(value, (int, float, str, Enum)):
                return Val(value, p)
            if p and isinstance(value, Val):
                return Val(value.v, value.p | p, value.t)
            return value

        return run

    def e_assignment_expression(self, node: Node) -> Closure:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        operator = node.child_by_field_name("operator")
        if left is None or right is None:
            return self.not_understood(node)
        op = self.text(operator) if operator is not None else "="
        mark = self.mark(right)
        mark = Mark(mark.path, self.file.line(node), mark.column, self.file.end_line(node), mark.text)
        name = self.text(left)
        if op != "=":
            place, value = self.lv(left), self.ev(right)
            binary_op = op[:-1]
            scalar = self._scalar_of(left)

            def update(f: list[Value]) -> Value:
                m, target = f[0], place(f)
                old = target.get() if isinstance(target, Ref) else target
                result = ops.binary(m, binary_op, old, value(f))
                if scalar:
                    result = ops.convert(m, result, scalar)
                elif isinstance(plain(old), int) and isinstance(plain(result), float):
                    result = ops.convert(m, result, "int64_t")
                store(m, target, result, mark)
                return result

            return update
        local = self.resolve(name) if left.type == "identifier" else None
        if local is not None and local[0] == 0 and not local[1].ref:
            return self._assign_local(local[1], right, mark, name)
        place = self.lv(left)
        given = self.initialiser(right)
        short = name.replace("->", ".").rpartition(".")[2]
        scalar = self._scalar_of(left)

        def assign(f: list[Value]) -> Value:
            value = given(f)
            if scalar:
                value = ops.convert(f[0], value, scalar)
            target = place(f)
            if type(value) is Handle and value.depth > f[0].depth + 8:
                value.name, value.depth = short, f[0].depth + 8
            store(f[0], target, value, mark)
            return value

        return assign

    def _scalar_of(self, left: Node) -> str:
        if left.type == "identifier":
            local = self.resolve(self.text(left))
            if local is not None:
                return local[1].type.scalar
        return ""

    def _assign_local(self, variable: Variable, right: Node, mark: Mark, name: str) -> Closure:
        slot, type_ = variable.slot, variable.type
        given = self.initialiser(right)
        scalar = type_.scalar
        fits = 1 << (ops.INTEGERS[scalar][0] - 1) if scalar in ops.INTEGERS else 0
        if scalar == "bool" and right.type in ("true", "false"):
            constant, around = right.type == "true", conditions_around(self, right)
            if around:

                def given(f: list[Value]) -> Value:
                    return flag(f[0], constant, around)

        def assign(f: list[Value]) -> Value:
            value = given(f)
            if scalar:
                if type(value) is not int or not 0 <= value < fits:
                    value = ops.convert(f[0], value, scalar)
                if type(value) is Handle and value.depth > f[0].depth:
                    value.name, value.depth = name, f[0].depth
                f[slot] = value
                return value
            value = build.coerce(f[0], value, type_)
            old = f[slot]
            if type_.ptr or not isinstance(old, Obj) or old is value or not old.assign(value):
                f[slot] = value if type_.ptr else copied(value)
            inner = value.v if type(value) is Opt else value
            if type(inner) is Handle and inner.depth > f[0].depth:
                inner.name, inner.depth = name, f[0].depth
            return value

        return assign

    def e_update_expression(self, node: Node) -> Closure:
        argument = node.child_by_field_name("argument")
        operator = node.child_by_field_name("operator")
        if argument is None or operator is None:
            return self.not_understood(node)
        op = "+" if self.text(operator) == "++" else "-"
        prefix = operator.start_byte < argument.start_byte
        local = self.resolve(self.text(argument)) if argument.type == "identifier" else None
        delta = 1 if op == "+" else -1
        if local is not None and local[0] == 0 and not local[1].ref:
            slot = local[1].slot

            def quick(f: list[Value]) -> Value:
                old = f[slot]
                f[slot] = new = old + delta if type(old) is int else _step(f[0], op, old)
                return new if prefix else old

            return quick
        place, mark = self.lv(argument), self.mark(node)

        def run(f: list[Value]) -> Value:
            target = place(f)
            old = target.get() if isinstance(target, Ref) else copied(target)
            new = _step(f[0], op, old)
            store(f[0], target, new, mark)
            return new if prefix else old

        return run

    def e_comma_expression(self, node: Node) -> Closure:
        parts = [self.ev(c) for c in node.named_children]

        def run(f: list[Value]) -> Value:
            value = None
            for part in parts:
                value = part(f)
            return value

        return run

    def e_cast_expression(self, node: Node) -> Closure:
        kind, value = node.child_by_field_name("type"), node.child_by_field_name("value")
        if kind is None or value is None:
            return self.not_understood(node)
        type_, inner = self.scoping.type(kind), self.ev(value)
        return lambda f: build.coerce(f[0], inner(f), type_)

    def e_sizeof_expression(self, node: Node) -> Closure:
        kind = node.child_by_field_name("type")
        if kind is not None:
            type_ = self.scoping.type(kind)
        else:
            inner = node.child_by_field_name("value")
            while inner is not None and inner.type == "parenthesized_expression":
                inner = inner.named_children[0]
            type_ = AUTO
            if inner is not None:
                local = self.resolve(self.text(inner))
                type_ = local[1].type if local is not None else self.scoping.named((self.text(inner).split("::")[-1],))
        told = size_of(self.interp, type_)
        size = told.bytes if told is not None else 0
        label = self.text(node)
        usual = (16, 32, 48)  # of a class: what lies in memory one after the other is often aligned by its size
        return lambda f: size or f[0].unknown_number(label, 0, usual)


def _step(m: Any, op: str, old: Value) -> Value:
    if isinstance(old, Ptr):
        return Ptr(old.base, old.at + (1 if op == "+" else -1))
    return ops.binary(m, op, old, 1)


def logical(op: str, a: Closure, b: Closure) -> Closure:
    stop = op == "||"

    def run(f: list[Value]) -> Value:
        x = a(f)
        if x is True or x is False:
            if x is stop:
                return x
            return b(f)
        m = f[0]
        first = ops.truth(m, x)
        m.branch(x, first)
        p = x.p if isinstance(x, (Val, Unknown, Opt, Absent)) else 0
        if first is stop:
            return Val(stop, p, (op, x, not stop)) if p else stop
        y = b(f)
        if y is True or y is False:
            return Val(y, p, (op, x, y)) if p else y
        second = ops.truth(m, y)
        q = p | (y.p if isinstance(y, (Val, Unknown, Opt, Absent)) else 0)
        return Val(second, q, (op, x, y)) if q else second

    return run
