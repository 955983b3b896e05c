"""Lowering of expressions: `ev` gives a closure for the value, `lv` one for the lvalue (an object or a Ref)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp import build, ops
from tt_cache_lint.interp.access import (
    address_of,
    deref,
    index_ref,
    index_value,
    member_lvalue,
    member_value,
    store,
    value_of,
)
from tt_cache_lint.interp.around import conditions_around, flag
from tt_cache_lint.interp.registry import CONSTANTS, FUNCTIONS, Function, Site
from tt_cache_lint.interp.statics import same_type, static_type
from tt_cache_lint.interp.types import AUTO, Scoping, Type
from tt_cache_lint.interp.values import (
    Absent,
    Enum,
    FuncRef,
    Handle,
    InitList,
    Lambda,
    LocalRef,
    Mark,
    Obj,
    Opt,
    Ptr,
    Ref,
    SlotRef,
    Struct,
    Thrown,
    TypeRef,
    Unknown,
    Val,
    Value,
    Vec,
    copied,
    plain,
)
from tt_cache_lint.source.defs import EnumDef, StructDef, parameters, peel, qualified

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.interp.lower import Lowering

Closure = Callable[[list[Value]], Any]
FIRST_SLOT = 4
NUMERALS = ("unary_expression", "number_literal")
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


@dataclass(slots=True)
class Variable:
    """A local name: its type and whether its slot holds a reference.

    `deduced` is what `auto` stands for, if known; `pack` is set for a parameter pack, whose slot holds a tuple.
    """

    type: Type
    ref: bool
    slot: int = 0
    deduced: Type | None = None
    pack: bool = False


class Expressions:
    """Names, scopes and expressions of one function under lowering."""

    def __init__(self, interp: Any, scoping: Scoping, owner: StructDef | None, parent: Lowering | None) -> None:
        self.interp = interp
        self.scoping = scoping
        self.file = scoping.file
        self.owner = owner
        self.parent = parent
        self.scopes: list[dict[str, Variable]] = [{}]
        self.size = FIRST_SLOT
        self.enums: list[EnumDef] = []
        self.default_capture = "&"
        self.references: set[str] = set()  # captured as `&name`, whatever the default
        self.mutable = False  # a mutable lambda: what it captures by copy lasts from call to call
        self.decltypes: dict[str, Closure] = dict(parent.decltypes) if parent is not None else {}
        self.captures: dict[str, tuple[int, Closure]] = {}
        self.capturing = False
        self.borrows = False  # `&` is written as the default capture
        self.borrowed: dict[str, Variable] = {}  # enclosing variables that a lambda uses through a reference

    # -- names -----------------------------------------------------------------------------------------------------

    def text(self, node: Node) -> str:
        return self.file.text_of(node)

    def mark(self, node: Node) -> Mark:
        """The place of a node, with its text."""
        text = " ".join(self.text(node).split())
        if len(text) > 160:
            text = text[:157] + "..."
        line = self.file.line(node)
        return Mark(self.file.path, line, node.start_point[1] + 1, self.file.end_line(node), text)

    def declare(self, name: str, variable: Variable) -> int:
        variable.slot = self.size
        self.size += 1
        if name:
            self.scopes[-1][name] = variable
        return variable.slot

    def find(self, name: str) -> Variable | None:
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return None

    def resolve(self, name: str) -> tuple[int, Variable] | None:
        """A local variable and how many frames out it lives. A by-copy capture becomes a local of the lambda."""
        found = self.find(name)
        if found is not None:
            return 0, found
        if self.parent is None:
            return None
        outer = self.parent.resolve(name)
        if outer is None:
            return None
        depth, variable = outer
        by_copy = self.default_capture == "=" and name not in self.references
        if by_copy and not self.capturing:
            source = self._outer_read(depth, variable)
            slot = self.size
            self.size += 1
            kept = self.mutable and not variable.pack
            self.scopes[0][name] = Variable(variable.type, kept, slot, variable.deduced, variable.pack)
            self.captures[name] = (slot, _lasting(source, variable.type.ptr) if kept else source)
            return 0, self.scopes[0][name]
        if self.borrows or name in self.references:
            self.borrowed[name] = variable
        return depth + 1, variable

    @staticmethod
    def _outer_read(depth: int, variable: Variable) -> Closure:
        slot, pointer = variable.slot, variable.type.ptr

        def read(f: list[Value]) -> Value:
            for _ in range(depth):
                f = f[1]
            v = f[slot]
            if isinstance(v, Ref):
                v = v.get()
            return v if pointer else copied(v)  # a pointer to an object is the object itself

        return read

    # -- values ----------------------------------------------------------------------------------------------------

    def ev(self, node: Node) -> Closure:
        """A closure for the value of an expression; it never gives a Ref."""
        handler = getattr(self, f"e_{node.type}", None)
        if handler is not None:
            found: Closure = handler(node)
            return found
        return self.not_understood(node)

    def not_understood(self, node: Node) -> Closure:
        label = f"{node.type} {self.file.path}:{self.file.line(node)}"

        def unknown(f: list[Value]) -> Value:
            return f[0].unknown_call(label, [])

        return unknown

    def initialiser(self, node: Node) -> Closure:
        """An expression or a braced list."""
        return self.e_initializer_list(node) if node.type == "initializer_list" else self.ev(node)

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

    def e_this(self, node: Node) -> Closure:
        """The object where one of its members is meant or it is dereferenced, else a pointer to it."""
        if node.parent is not None and node.parent.type in ("field_expression", "pointer_expression"):
            return lambda f: f[2]
        return lambda f: address_of(f[2])

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

    # -- names as values -------------------------------------------------------------------------------------------

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
            return _read(*local)
        bound = self.scoping.templates.get(name)
        if bound is not None and not isinstance(bound, Type):
            return lambda f: bound
        if self.owner is not None and name in self.interp.fields(self.owner):
            return lambda f: value_of(member_value(f[0], f[2], name)) if f[2] is not None else Unknown(name)
        for enum in self.enums:
            if name in enum.values:
                return lambda f: build.enum_value(f[0], enum, name)
        return self.global_value((name,), node)

    def same_types(self, node: Node) -> Closure:
        """`std::is_same_v<A, B>`"""
        from tt_cache_lint.interp.calls import _evaluated, _template_arguments

        targs = _template_arguments(self, node)

        def run(f: list[Value]) -> Value:
            found = _evaluated(f, targs)
            if len(found) != 2 or not all(isinstance(t, Type) for t in found):
                return Unknown("is_same_v")
            return same_type(found[0], found[1])

        return run

    def type_tag(self, node: Node) -> Closure:
        """`std::in_place_type<T>`: the type as a value"""
        from tt_cache_lint.interp.calls import _evaluated, _template_arguments

        targs = _template_arguments(self, node)

        def run(f: list[Value]) -> Value:
            found = _evaluated(f, targs)
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
            from tt_cache_lint.interp.calls import _evaluated, _template_arguments

            targs, found = _template_arguments(self, node), const
            return lambda f: self.interp.variable_template(f[0], found, _evaluated(f, targs))
        return self.global_value(path, node)

    # -- members and elements --------------------------------------------------------------------------------------

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

    # -- operators -------------------------------------------------------------------------------------------------

    def e_binary_expression(self, node: Node) -> Closure:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        operator = node.child_by_field_name("operator")
        if left is None or right is None or operator is None:
            return self.not_understood(node)
        op = {"and": "&&", "or": "||", "xor": "^", "not_eq": "!=", "bitand": "&", "bitor": "|"}.get(
            self.text(operator), self.text(operator)
        )
        a, b = self.ev(left), self.ev(right)
        if op in ("&&", "||"):
            return _logical(op, a, b)
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
        bits = ops.INTEGERS.get(type_.scalar, (0, False))[0]
        size = bits // 8 or {"float": 4, "double": 8, "bool": 1, "bfloat16": 2}.get(type_.name, 0)
        if type_.name == "bfloat16":
            size = 2
        label = self.text(node)
        usual = (16, 32, 48)  # of a class: what lies in memory one after the other is often aligned by its size
        return lambda f: size or f[0].unknown_number(label, 0, usual)

    def e_lambda_expression(self, node: Node) -> Closure:
        from tt_cache_lint.interp.lower import Code, Lowering

        inner = Lowering(self.interp, self.scoping, self.owner, self)  # type: ignore[arg-type]
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
                    source, type_ = self._outer_read(*outer), outer[1].type
                    source = _lasting(source, type_.ptr) if inner.mutable else source
                    copies.append((inner.declare(text, Variable(type_, inner.mutable)), source))
            elif child.type == "lambda_capture_initializer":
                source, is_ref = self._init_capture(child)
                name = child.child_by_field_name("left")
                source = _lasting(source, False) if inner.mutable and not is_ref else source
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

    # -- lvalues ---------------------------------------------------------------------------------------------------

    def lv(self, node: Node) -> Closure:
        """A closure for an lvalue: an object, a Ref, or the plain value where there is nothing to write to."""
        kind = node.type
        if kind == "identifier":
            name = self.text(node)
            local = self.resolve(name)
            if local is not None:
                return _place(*local)
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
        from tt_cache_lint.interp.calls import lower_call

        return lower_call(self, node, discarded, lvalue)

    def e_call_expression(self, node: Node) -> Closure:
        return self.call(node)

    def e_parameter_pack_expansion(self, node: Node) -> Closure:
        """`f(args)...`: a tuple of what the pattern gives for each element of the pack."""
        pattern = node.named_children[0]
        return self.ev(pattern) if pattern.type == "identifier" else self.expanded(pattern) or self.ev(pattern)

    def expanded(self, pattern: Node) -> Closure | None:
        """A closure for the tuple of a pattern's values over the packs in it; None when there is no pack in it."""
        packs: dict[str, tuple[int, int]] = {}
        stack = [pattern]
        while stack:
            current = stack.pop()
            stack.extend(current.named_children)
            found = self.resolve(self.text(current)) if current.type == "identifier" else None
            if found is not None and found[1].pack:
                packs[self.text(current)] = (found[0], found[1].slot)
        if not packs:
            return None
        inner, places = self.ev(pattern), tuple(packs.values())

        def run(f: list[Value]) -> Value:
            held = []
            for depth, slot in places:
                frame = f
                for _ in range(depth):
                    frame = frame[1]
                held.append((frame, slot, frame[slot]))
            values = []
            try:
                for at in range(min(len(pack.items) if isinstance(pack, Vec) else 0 for _, _, pack in held)):
                    for frame, slot, pack in held:
                        frame[slot] = pack.items[at]
                    values.append(inner(f))
            finally:
                for frame, slot, pack in held:
                    frame[slot] = pack
            return Vec(values, "tuple")

        return run

    def e_fold_expression(self, node: Node) -> Closure:
        """`(args + ... + 0)`, `(args && ...)`, `(f(args), ...)`"""
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        operator = node.child_by_field_name("operator")
        if left is None or right is None or operator is None:
            return self.not_understood(node)
        op = self.text(operator)
        first = None if left.type == "..." else self.expanded(left)
        pack = first or (self.expanded(right) if right.type != "..." else None)
        if pack is None or (op not in ops.OPERATIONS and op not in ("&&", "||", ",")):
            return self.not_understood(node)
        other = right if first is not None else left
        seed = self.ev(other) if other.type != "..." else None
        empty_value = {"&&": True, "||": False}.get(op)

        def run(f: list[Value]) -> Value:
            values = pack(f).items
            if seed is not None:
                values = [*values, seed(f)] if first is not None else [seed(f), *values]
            if not values:
                return empty_value
            backwards = first is not None  # `(args op ... op x)` and `(args op ...)` are folded from the right
            result = values[-1] if backwards else values[0]
            for value in reversed(values[:-1]) if backwards else values[1:]:
                a, b = (value, result) if backwards else (result, value)
                if op == ",":
                    result = values[-1]
                elif op in ("&&", "||"):
                    result = _logical(op, lambda _, x=a: x, lambda _, x=b: x)(f)  # type: ignore[misc]
                else:
                    result = ops.binary(f[0], op, a, b)
            return result

        return run

    def e_requires_expression(self, node: Node) -> Closure:
        """`requires { x.member; }`: does the value have the member?"""
        wanted: list[tuple[Closure, str]] = []
        stack = [node]
        while stack:
            current = stack.pop()
            if current.type == "field_expression":
                argument, field = current.child_by_field_name("argument"), current.child_by_field_name("field")
                if argument is not None and field is not None:
                    wanted.append((self.ev(argument), self.text(field)))
                continue
            stack.extend(current.named_children)

        def run(f: list[Value]) -> Value:
            for base, name in wanted:
                owner = base(f)
                if isinstance(owner, Struct) and owner.type is not None and name not in f[0].interp.fields(owner.type):
                    return False
            return True

        return run

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


def _step(m: Any, op: str, old: Value) -> Value:
    if isinstance(old, Ptr):
        return Ptr(old.base, old.at + (1 if op == "+" else -1))
    return ops.binary(m, op, old, 1)


def _read(depth: int, variable: Variable) -> Closure:
    slot = variable.slot
    if depth == 0:
        if not variable.ref:
            return lambda f: f[slot]

        def read_ref(f: list[Value]) -> Value:
            v = f[slot]
            return v.get() if isinstance(v, Ref) else v

        return read_ref

    def read(f: list[Value]) -> Value:
        for _ in range(depth):
            f = f[1]
        v = f[slot]
        return v.get() if isinstance(v, Ref) else v

    return read


def _lasting(source: Closure, pointer: bool) -> Closure:
    """A captured copy that a mutable lambda may change: a reference to a place of its own."""

    def make(f: list[Value]) -> Value:
        value = source(f)
        if pointer:
            return SlotRef([value], 0)
        return value if isinstance(value, Obj) and not isinstance(value, (Opt, Ptr)) else LocalRef([value], 0)

    return make


def _place(depth: int, variable: Variable) -> Closure:
    slot = variable.slot
    if variable.type.ptr and not variable.ref:

        def pointer(f: list[Value]) -> Value:
            for _ in range(depth):
                f = f[1]
            return SlotRef(f, slot)

        return pointer

    def place(f: list[Value]) -> Value:
        for _ in range(depth):
            f = f[1]
        v = f[slot]
        kind = type(v)
        holder = _HOLDERS.get(kind, 0)
        if holder == 0:
            holder = _HOLDERS[kind] = _holder(kind)
        return v if holder is None else holder(f, slot)

    return place


# How a variable that holds a value of some class is written to: through the value itself (None) or a reference.
_HOLDERS: dict[type, Any] = {}


def _holder(kind: type) -> type[LocalRef] | None:
    if issubclass(kind, Ref):
        return None
    if not issubclass(kind, Obj) or issubclass(kind, (Opt, Ptr)):
        return LocalRef
    return SlotRef if kind.assign is Obj.assign else None


def _logical(op: str, a: Closure, b: Closure) -> Closure:
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


def function_reference(name: str, known: Function) -> FuncRef:
    """A known function used as a value."""

    def call(m: Any, site: Any, args: list[Value]) -> Value:
        values = args if known.refs else [a.get() if isinstance(a, Ref) else a for a in args]
        return known.handler(m, Site(site or Mark("", 0, 1, 0, name), name), values)

    return FuncRef(name, call)


__all__ = ["CONSTANTS", "FUNCTIONS", "Expressions", "TypeRef", "Variable", "peel"]
