"""Lowering of statements and control flow. A statement returns None, or one of the signals below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp import build, ops
from tt_cache_lint.interp.declarations import Declarations
from tt_cache_lint.interp.interrupts import Implausible
from tt_cache_lint.interp.names import Closure, Variable, discard, nothing, sequence
from tt_cache_lint.interp.sequences import components, iterate, note_walk
from tt_cache_lint.interp.types import AUTO, Type
from tt_cache_lint.interp.values import Ref, Value, Vec, copied
from tt_cache_lint.source.declarators import peel
from tt_cache_lint.source.files import SourceFile
from tt_cache_lint.source.nodes import within

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.interp.machine import Place

BREAK, CONTINUE, RETURN = 1, 2, 3
MAX_ITERATIONS = 8_000


class Statements(Declarations):
    """The statements of one function under lowering."""

    returns: Type = AUTO  # of the function
    returns_ref = False

    def block(self, node: Node) -> Closure:
        self.scopes.append({})
        body = [s for s in (self.statement(c) for c in node.named_children) if s is not None]
        self.scopes.pop()
        return sequence(body)

    def statement(self, node: Node) -> Closure | None:
        handler = getattr(self, f"s_{node.type}", None)
        if handler is not None:
            found: Closure | None = handler(node)
            return found
        if node.type in ("comment", "ERROR", "static_assert_declaration", "attribute_declaration", "empty_statement"):
            return None
        if node.type.endswith(("_expression", "identifier", "_literal")):
            return discard(self.ev(node))
        return None

    def s_compound_statement(self, node: Node) -> Closure:
        return self.block(node)

    def s_expression_statement(self, node: Node) -> Closure | None:
        inner = node.named_children
        inner = [c for c in inner if c.type != "comment"]
        if not inner:
            return None
        return discard(self.discarded(inner[0]))

    def condition(self, node: Node) -> tuple[list[Closure], Closure]:
        """A condition clause: what runs before, and a closure that gives a Python bool."""
        before: list[Closure] = []
        value: Node | None = node
        if node.type == "condition_clause":
            init = node.child_by_field_name("initializer")
            if init is not None:
                for child in init.named_children if init.type == "init_statement" else [init]:
                    statement = self.statement(child)
                    if statement is not None:
                        before.append(statement)
            value = node.child_by_field_name("value")
        if value is None:
            return before, lambda f: True
        place = (self.file.path, value.start_byte)
        if value.type in ("declaration", "condition_declaration"):
            declarator = value.child_by_field_name("declarator")
            shape = peel(declarator)
            kind = value.child_by_field_name("type")
            init_node = value.child_by_field_name("value") or value.child_by_field_name("default_value")
            type_ = self.scoping.type(kind, declarator)
            init_value = self.initial_value(type_, init_node, self.mark(value), alias=True)
            slot = self.declare(self.text(shape.name) if shape.name is not None else "", Variable(type_, False))

            def declared(f: list[Value]) -> bool:
                f[slot] = v = init_value(f)
                return self.decide(f[0], v, place)

            return before, declared
        inner = self.ev(value)

        def test(f: list[Value]) -> bool:
            v = inner(f)
            return v if v is True or v is False else self.decide(f[0], v, place)

        return before, test

    @staticmethod
    def decide(m: Any, v: Value, place: tuple[str, int] | None = None) -> bool:
        """Branch on a value and note it."""
        taken = ops.truth(m, v)
        if not isinstance(v, (bool, int)):
            m.branch(v, taken, place)
        return taken

    def s_if_statement(self, node: Node) -> Closure:
        self.scopes.append({})
        clause = node.child_by_field_name("condition")
        before, test = self.condition(clause) if clause is not None else ([], lambda f: True)
        then_node = node.child_by_field_name("consequence")
        then = (self.statement(then_node) if then_node is not None else None) or nothing
        alternative = node.child_by_field_name("alternative")
        otherwise: Closure | None = None
        if alternative is not None:
            if alternative.type == "else_clause":
                inner = [c for c in alternative.named_children if c.type != "comment"]
                otherwise = self.statement(inner[0]) if inner else None
            else:
                otherwise = self.statement(alternative)
        self.scopes.pop()

        if otherwise is None:

            def run(f: list[Value]) -> Any:
                return then(f) if test(f) else None
        else:
            rest = otherwise

            def run(f: list[Value]) -> Any:
                return then(f) if test(f) else rest(f)

        return sequence([*before, run]) if before else run

    def s_for_statement(self, node: Node) -> Closure:
        self.scopes.append({})
        init_node = node.child_by_field_name("initializer")
        init = (self.statement(init_node) if init_node is not None else None) or nothing
        clause = node.child_by_field_name("condition")
        _, test = self.condition(clause) if clause is not None else ([], lambda f: True)
        update_node = node.child_by_field_name("update")
        update = self.discarded(update_node) if update_node is not None else nothing
        body_node = node.child_by_field_name("body")
        body = (self.statement(body_node) if body_node is not None else None) or nothing
        self.scopes.pop()

        def run(f: list[Value]) -> Any:
            init(f)
            spend = f[0].spend
            count = 0
            while test(f):
                spend()
                count += 1
                if count > MAX_ITERATIONS:
                    raise Implausible("a loop runs without end")
                signal = body(f)
                if signal is not None:
                    if signal == BREAK:
                        break
                    if signal == RETURN:
                        return RETURN
                update(f)
            return None

        return run

    def s_while_statement(self, node: Node) -> Closure:
        self.scopes.append({})
        clause = node.child_by_field_name("condition")
        _, test = self.condition(clause) if clause is not None else ([], lambda f: True)
        body_node = node.child_by_field_name("body")
        body = (self.statement(body_node) if body_node is not None else None) or nothing
        self.scopes.pop()
        first = node.type == "do_statement"

        def run(f: list[Value]) -> Any:
            count = 0
            while (first and count == 0) or test(f):
                f[0].spend()
                count += 1
                if count > MAX_ITERATIONS:
                    raise Implausible("a loop runs without end")
                signal = body(f)
                if signal is not None:
                    if signal == BREAK:
                        break
                    if signal == RETURN:
                        return RETURN
            return None

        return run

    s_do_statement = s_while_statement

    def s_for_range_loop(self, node: Node) -> Closure:
        self.scopes.append({})
        init_node = node.child_by_field_name("initializer")
        parts = init_node.named_children if init_node is not None and init_node.type == "init_statement" else ()
        init = sequence([s for s in (self.statement(c) for c in parts) if s is not None]) if parts else nothing
        right = node.child_by_field_name("right")
        if right is None:
            source: Closure = _empty_list
        else:
            source = self.lv(right) if right.type != "initializer_list" else self.initialiser(right)
        declarator = node.child_by_field_name("declarator")
        shape = peel(declarator)
        type_ = self.scoping.type(node.child_by_field_name("type"), declarator)
        const = any(c.type == "type_qualifier" for c in node.children)
        by_ref = shape.ref and not const
        slots: list[int] = []
        if shape.binding is not None:
            names = [self.text(c) for c in shape.binding.named_children if c.type == "identifier"]
            slots = [self.declare(n, Variable(AUTO, True)) for n in names]
            slot = -1
        else:
            slot = self.declare(self.text(shape.name) if shape.name is not None else "", Variable(type_, by_ref))
        body_node = node.child_by_field_name("body")
        body = (self.statement(body_node) if body_node is not None else None) or nothing
        self.scopes.pop()
        own_copy = not shape.ref
        own_parts = own_copy and not const  # what is never written may as well be shared
        scalar = type_.scalar
        key = f"{self.file.path}:{node.start_byte}"
        mark = self.mark(right) if right is not None else None

        def run(f: list[Value]) -> Any:
            init(f)
            m = f[0]
            container = source(f)
            if m.phase == "hash" and mark is not None:
                note_walk(m, container, mark)
            for item in iterate(m, container, key):
                m.spend()
                if slot >= 0:
                    if by_ref:
                        f[slot] = item
                    else:
                        value = item.get() if isinstance(item, Ref) else item
                        if own_copy:
                            value = copied(value)
                        f[slot] = ops.convert(m, value, scalar) if scalar else value
                else:
                    for s, part in zip(slots, components(m, item, len(slots)), strict=False):
                        f[s] = copied(part.get() if isinstance(part, Ref) else part) if own_parts else part
                signal = body(f)
                if signal is not None:
                    if signal == BREAK:
                        break
                    if signal == RETURN:
                        return RETURN
            return None

        return run

    def s_switch_statement(self, node: Node) -> Closure:
        self.scopes.append({})
        clause = node.child_by_field_name("condition")
        value_node = clause.child_by_field_name("value") if clause is not None else None
        subject = self.ev(value_node) if value_node is not None else (lambda f: 0)
        body = node.child_by_field_name("body")
        cases: list[tuple[Closure | None, list[Closure]]] = []
        labels: list[tuple[Closure, Place]] = []
        for case in body.named_children if body is not None else ():
            if case.type != "case_statement":
                continue
            label = case.child_by_field_name("value")
            test = self.ev(label) if label is not None else None
            if label is not None and test is not None:
                labels.append((test, (self.file.path, label.start_byte)))
            statements = [self.statement(c) for c in case.named_children if c != label and c.type != "comment"]
            cases.append((test, [s for s in statements if s is not None]))
        self.scopes.pop()
        decide = self.decide

        def run(f: list[Value]) -> Any:
            m = f[0]
            value = subject(f)
            start = -1
            default = -1
            for position, (test, _) in enumerate(cases):
                if test is None:
                    default = position
                elif decide(m, ops.binary(m, "==", value, test(f))):
                    start = position
                    break
            for test, place in labels if m.phase == "select" or m.route else ():
                if m.seeks(place) and not isinstance(same := ops.binary(m, "==", value, test(f)), bool):
                    m.branch(same, ops.truth(m, same), place)
            start = default if start < 0 else start
            if start < 0:
                return None
            for _, statements in cases[start:]:
                for statement in statements:
                    signal = statement(f)
                    if signal is not None:
                        return None if signal == BREAK else signal
            return None

        return run

    def s_return_statement(self, node: Node) -> Closure:
        inner = [c for c in node.named_children if c.type != "comment"]
        if not inner:
            return _return
        if self.returns_ref:
            place = self.lv(inner[0])

            def by_ref(f: list[Value]) -> int:
                f[3] = place(f)
                return RETURN

            return by_ref
        type_ = self.returns
        if inner[0].type == "initializer_list":
            listed = self.initialiser(inner[0])

            def braces(f: list[Value]) -> int:
                f[3] = build.coerce(f[0], listed(f), type_)
                return RETURN

            return braces
        value = self.ev(inner[0])
        plain_local = inner[0].type == "identifier"

        def run(f: list[Value]) -> int:
            result = value(f)
            if type_ is not AUTO:
                result = build.coerce(f[0], result, type_)
            f[3] = result if plain_local else copied(result)
            return RETURN

        return run

    def s_break_statement(self, node: Node) -> Closure:
        return lambda f: BREAK

    def s_continue_statement(self, node: Node) -> Closure:
        return lambda f: CONTINUE

    def s_throw_statement(self, node: Node) -> Closure:
        text, mark = self.text(node)[:120], self.mark(node)

        def run(f: list[Value]) -> Any:
            raise f[0].thrown(text, mark)

        return run

    def s_try_statement(self, node: Node) -> Closure | None:
        body = node.child_by_field_name("body")
        return self.block(body) if body is not None else None

    def s_preproc_def(self, node: Node) -> None:
        """A macro without parameters inside a function: it may stand for an expression or a braced list."""
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        text = self.text(value).replace("\\\n", " ").strip() if value is not None else ""
        part = SourceFile(self.file.path, f"auto macro = {text}\n;".encode(), fixed_line=self.file.line(node))
        found = next((n for n in within(part.root) if n.type == "init_declarator"), None)
        meant = found.child_by_field_name("value") if found is not None and not part.root.has_error else None
        if name is not None and text and meant is not None:
            self.macros[self.text(name)] = part, meant

    def s_preproc_ifdef(self, node: Node) -> Closure | None:
        inverted = any(c.type == "#ifndef" for c in node.children)
        return self._preprocessed(node, inverted)

    def s_preproc_if(self, node: Node) -> Closure | None:
        condition = node.child_by_field_name("condition")
        return self._preprocessed(node, condition is None or self.text(condition).strip() not in ("0", "false"))

    def _preprocessed(self, node: Node, main: bool) -> Closure | None:
        alternative = node.child_by_field_name("alternative")
        skip = {
            n.id for n in (node.child_by_field_name("name"), node.child_by_field_name("condition"), alternative) if n
        }
        if not main:
            node = alternative if alternative is not None else node
            if alternative is None:
                return None
        statements = [self.statement(c) for c in node.named_children if c.id not in skip]
        return sequence([s for s in statements if s is not None])

    def s_labeled_statement(self, node: Node) -> Closure | None:
        return self.statement(node.named_children[-1])


def _return(f: list[Value]) -> int:
    return RETURN


def _empty_list(f: list[Value]) -> Value:
    return Vec([])
