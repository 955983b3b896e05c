"""One run through a device kernel, as far as it goes for certain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tt_cache_lint.device.kernel_build import DEFINE, Number
from tt_cache_lint.device.kernel_numbers import BINARY, SPELLED, combined, from_source
from tt_cache_lint.device.kernel_values import Values

if TYPE_CHECKING:
    from tree_sitter import Node

LEAVES = {"return_statement", "goto_statement", "break_statement", "continue_statement"}
LOOPS = ("for_statement", "while_statement", "do_statement", "for_range_loop")
_CONDITIONAL = {*LOOPS, "switch_statement"}
MOST_TURNS = 1024  # of all loops in one run; no core has more than 341 arguments (kernel_types.hpp: max_runtime_args)
_SKIPPED = {"comment", "using_declaration", "alias_declaration", "static_assert_declaration", "empty_statement"}
_PRINT = "DPRINT"  # `if (0) DebugPrinter()` unless the build asks for prints (tt_metal/hw/inc/debug/dprint.h)


@dataclass(slots=True)
class Run(Values):
    """One run through a kernel, as far as it goes for certain."""

    declared: dict[str, Number] = field(default_factory=dict)  # in the block at hand, with what hid behind the names
    turns_left: int = MOST_TURNS

    def whole(self) -> None:
        """Run through the constants of the file and the kernel's own function."""
        for name, text in (self.compiled.defines or {}).items():
            if text.isdigit():
                self.known[name] = from_source(int(text), (DEFINE, name))
        self.constants(self.file.root)
        if self.code.body is not None and not self.block(self.code.body):
            self.mention(list(self.fetched_into))  # behind this, anything may be made of them

    # -- statements: False when the kernel may have returned -------------------------------------------------------

    def block(self, node: Node) -> bool:
        """The statements of a block; what is declared in it is not known behind it, nor hides what was before."""
        outer, self.declared = self.declared, {}
        goes_on = self.statements(node.named_children)
        for name, before in self.declared.items():
            self.put(name, before)
        self.declared = outer
        return goes_on

    def statements(self, nodes: Sequence[Node]) -> bool:
        return all(self.statement(node) for node in nodes)

    def constants(self, node: Node) -> None:
        """The constants of a file or namespace."""
        for child in node.named_children:
            if child.type == "declaration" and any(n.type == "type_qualifier" for n in child.children):
                self.declaration(child)
            elif child.type in ("namespace_definition", "declaration_list", "linkage_specification"):
                self.constants(child)

    def statement(self, node: Node) -> bool:
        kind = node.type
        if kind in _SKIPPED or kind.startswith("preproc_def"):
            return True
        if kind in LEAVES or kind == "ERROR":
            return False
        if kind == "compound_statement":
            return self.block(node)
        if kind == "declaration":
            self.declaration(node)
        elif kind == "expression_statement":
            if self.file.text_of(node).startswith(_PRINT):
                return self.perhaps(node)
            for child in node.named_children:
                self.value(child)
        elif kind == "if_statement":
            return self.branch(node)
        elif kind in ("preproc_ifdef", "preproc_if"):
            return self.conditional_text(node)
        elif kind in ("for_statement", "while_statement"):
            return self.repeated(node)
        else:
            if kind not in _CONDITIONAL:
                self.mention(self.code.summary(node).mentioned)
                return not self.may_leave(node)
            return self.perhaps(node)
        return True

    def repeated(self, node: Node) -> bool:
        """The turns of a loop that fetches arguments, as long as its condition is known; of any other, whether there
        are none."""
        if self.may_leave(node):
            return self.perhaps(node)
        outer, self.declared = self.declared, {}
        start = node.child_by_field_name("initializer")
        if start is not None and start.type == "declaration":
            self.declaration(start)
        elif start is not None:
            self.value(start)
        if not (self.turns(node) if self.code.summary(node).fetches else self.never(node)):
            self.perhaps(node)
        for name, before in self.declared.items():
            self.put(name, before)
        self.declared = outer
        return True

    def never(self, node: Node) -> bool:
        """Does a loop make no turn?"""
        clause = _condition(node)
        holds = self.decided(self.value(clause)) if clause is not None else 1
        return holds is not None and not holds

    def turns(self, node: Node) -> bool:
        """Run through a loop turn by turn; False where that does not lead to its end."""
        clause, body = _condition(node), node.child_by_field_name("body")
        following = node.child_by_field_name("update")
        while self.turns_left > 0:
            self.turns_left -= 1
            holds = self.decided(self.value(clause)) if clause is not None else 1
            if not holds:
                return holds is not None
            if body is None or not self.statement(body):
                return False
            if following is not None:
                self.value(following)
        return False

    def declaration(self, node: Node) -> None:
        for child in node.named_children:
            if child.type != "init_declarator":
                continue
            name, value = child.child_by_field_name("declarator"), child.child_by_field_name("value")
            if name is not None and name.type == "identifier":
                self.fetched_into.pop(self.file.text_of(name), None)
                self.into = self.file.text_of(name) if value is not None and self.is_fetch(value) else ""
            found = self.value(value) if value is not None else None
            self.into = ""
            if name is not None:
                self.declare(self.file.text_of(name), found)

    def declare(self, name: str, value: Number) -> None:
        self.declared.setdefault(name, self.known.get(name))
        self.put(name, value)

    def branch(self, node: Node) -> bool:
        clause = node.child_by_field_name("condition")
        inner = clause.child_by_field_name("value") if clause is not None else None
        condition = self.decided(self.value(inner)) if inner is not None else None
        then, otherwise = node.child_by_field_name("consequence"), node.child_by_field_name("alternative")
        if condition is None:
            return all(self.perhaps(part) for part in (then, otherwise) if part is not None)
        taken = then if condition else otherwise
        if taken is not None and taken.type == "else_clause":
            return self.block(taken)
        return self.statement(taken) if taken is not None else True

    def conditional_text(self, node: Node) -> bool:
        """`#if` within a function."""
        own, alternative, holds = self.texts(node)
        if holds is None:
            return self.perhaps(node)
        if holds:
            return self.statements(own)
        if alternative is None:
            return True
        if alternative.type == "preproc_else":
            return self.statements(alternative.named_children)
        return self.conditional_text(alternative)

    def texts(self, node: Node) -> tuple[list[Node], Node | None, bool | None]:
        """What stands in an `#if`, what in its `#else` or `#elif`, and whether its condition holds, if known."""
        alternative = node.child_by_field_name("alternative")
        name, condition = node.child_by_field_name("name"), node.child_by_field_name("condition")
        holds = self.defined(self.file.text_of(name)) if name is not None else self.macro(condition)
        row = node.start_point[0]
        if any(child.type == "ERROR" and child.start_point[0] == row for child in node.children):
            holds = None  # `#if not X`: the grammar takes X for the condition
        if name is not None and node.children[0].type == "#ifndef":
            holds = None if holds is None else not holds
        apart = {n.id for n in (alternative, name, condition) if n is not None}
        return [child for child in node.named_children if child.id not in apart], alternative, holds

    def defined(self, name: str) -> bool | None:
        """Is a macro defined? None when that cannot be told."""
        self.used.add((DEFINE, name))
        return self.compiled.defined(name)

    def macro(self, node: Node | None) -> bool | None:
        """The condition of an `#if`."""
        found = self.macro_value(node) if node is not None else None
        return None if found is None else bool(found)

    def macro_value(self, node: Node) -> Number:
        """The value of an expression of the preprocessor, in which a name that is not defined is 0 ([cpp.cond])."""
        inner = node.named_children
        if node.type == "identifier":
            name = self.file.text_of(node)
            return 0 if self.defined(name) is False else self.decided(self.known.get(name))
        if node.type == "preproc_defined":
            holds = self.defined(self.file.text_of(inner[-1])) if inner else None
            return None if holds is None else int(holds)
        if node.type == "parenthesized_expression":
            return self.macro_value(inner[0]) if inner else None
        if node.type == "unary_expression" and node.children[0].type in ("!", "not"):
            found = self.macro_value(inner[-1]) if inner else None
            return None if found is None else int(not found)
        if node.type == "binary_expression" and len(inner) == 2:
            sign = SPELLED.get(node.children[1].type, node.children[1].type)
            sides = [self.macro_value(side) for side in inner]
            if sign in ("&&", "||"):
                stop = sign == "||"
                if any(side is not None and bool(side) is stop for side in sides):
                    return int(stop)
                return None if None in sides else int(not stop)
            return combined(BINARY.get(sign), sides[0], sides[1])
        return self.value(node) if node.type == "number_literal" else None

    def may_leave(self, node: Node) -> bool:
        return self.code.summary(node).leaves


def _condition(loop: Node) -> Node | None:
    clause = loop.child_by_field_name("condition")
    return clause.child_by_field_name("value") if clause is not None and clause.type == "condition_clause" else clause
