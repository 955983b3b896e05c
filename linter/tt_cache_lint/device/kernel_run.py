"""One run through a device kernel, as far as it goes for certain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tt_cache_lint.device.kernel_build import COMPILED, DEFINE, NAMED, UNKNOWN, Compiled, Number, Source
from tt_cache_lint.device.kernel_numbers import BINARY, SPELLED, Word, combined, derived, from_source, literal
from tt_cache_lint.source.files import SourceFile

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.device.kernel_code import KernelCode

_UNIQUE, _COMMON = "get_arg_val", "get_common_arg_val"
FETCHES = {_UNIQUE, _COMMON}
LEAVES = {"return_statement", "goto_statement", "break_statement", "continue_statement"}
LOOPS = ("for_statement", "while_statement", "do_statement", "for_range_loop")
_CONDITIONAL = {*LOOPS, "switch_statement"}
MOST_TURNS = 1024  # of all loops in one run; no core has more than 341 arguments (kernel_types.hpp: max_runtime_args)
_SKIPPED = {"comment", "using_declaration", "alias_declaration", "static_assert_declaration", "empty_statement"}
_PRINT = "DPRINT"  # `if (0) DebugPrinter()` unless the build asks for prints (tt_metal/hw/inc/debug/dprint.h)


@dataclass(slots=True)
class Reads:
    """The highest index that is read for certain, of a core's own and of the common arguments; -1 when none is.

    `used` is the highest one of a core's own whose value something may be done with.
    """

    unique: int = -1
    unique_line: int = 0
    used: int = -1
    used_line: int = 0
    common: int = -1
    common_line: int = 0

    def note(self, index: int, line: int, common: bool) -> None:
        if common and index > self.common:
            self.common, self.common_line = index, line
        elif not common and index > self.unique:
            self.unique, self.unique_line = index, line

    def use(self, index: int, line: int) -> None:
        if index > self.used:
            self.used, self.used_line = index, line


@dataclass(frozen=True, slots=True)
class Summary:
    """What a part of a kernel may do: the names it writes and mentions, whether it may leave what it stands in, and
    whether it fetches arguments."""

    written: tuple[str, ...]
    mentioned: frozenset[str]
    leaves: bool
    fetches: bool


@dataclass(slots=True)
class Run:
    """One run through a kernel, as far as it goes for certain. `used` are the arguments that decided something."""

    code: KernelCode
    file: SourceFile
    arguments: Sequence[Number]
    common: Sequence[Number]
    compiled: Compiled = UNKNOWN
    reads: Reads = field(default_factory=Reads)
    known: dict[str, int] = field(default_factory=dict)
    used: set[Source] = field(default_factory=set)
    declared: dict[str, Number] = field(default_factory=dict)  # in the block at hand, with what hid behind the names
    turns_left: int = MOST_TURNS
    fetched_into: dict[str, tuple[int, int]] = field(default_factory=dict)  # variables of which nothing was made so far
    into: str = ""  # the variable that is initialised with a fetched argument and nothing else

    def whole(self) -> None:
        """Run through the constants of the file and the kernel's own function."""
        for name, text in (self.compiled.defines or {}).items():
            if text.isdigit():
                self.known[name] = from_source(int(text), (DEFINE, name))
        self.constants(self.file.root)
        if self.code.body is not None and not self.block(self.code.body):
            self.mention(list(self.fetched_into))  # behind this, anything may be made of them

    def decided(self, value: Number) -> Number:
        """A number that something is decided by."""
        if isinstance(value, Word):
            self.used |= value.of
        return value

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

    def is_fetch(self, node: Node) -> bool:
        """Is an expression one argument, and nothing that is made of it?"""
        callee = node.child_by_field_name("function") if node.type == "call_expression" else None
        name = callee.child_by_field_name("name") if callee is not None and callee.type == "template_function" else None
        return name is not None and self.file.text_of(name) == _UNIQUE

    def mention(self, names: Iterable[str]) -> None:
        """Something may be made of these variables."""
        for name in names:
            fetched = self.fetched_into.pop(name, None)
            if fetched is not None:
                self.reads.use(*fetched)

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

    def perhaps(self, node: Node) -> bool:
        """A part that may run or not: what it writes is not known behind it."""
        summary = self.code.summary(node)
        if self.fetched_into:
            self.mention([name for name in self.fetched_into if name in summary.mentioned])
        for name in summary.written:
            self.put(name, None)
        return not summary.leaves

    def may_leave(self, node: Node) -> bool:
        return self.code.summary(node).leaves

    # -- expressions -----------------------------------------------------------------------------------------------

    def put(self, name: str, value: Number) -> None:
        if value is None:
            self.known.pop(name, None)
        else:
            self.known[name] = value

    def value(self, node: Node) -> Number:
        """The value of an expression; its reads are noted."""
        kind = node.type
        if kind == "number_literal":
            return literal(self.file.text_of(node))
        if kind in ("true", "false"):
            return int(kind == "true")
        if kind == "identifier":
            name = self.file.text_of(node)
            if name in self.fetched_into:
                self.mention((name,))
            return self.known.get(name, self.code.enumerators.get(name))
        if kind == "qualified_identifier":
            return self.code.enumerators.get(self.file.text_of(node))
        if kind in ("parenthesized_expression", "cast_expression"):
            inner = node.child_by_field_name("value") or (node.named_children[-1] if node.named_children else None)
            return self.value(inner) if inner is not None else None
        if kind == "update_expression":
            return self.update(node)
        if kind == "assignment_expression":
            return self.assignment(node)
        if kind == "binary_expression":
            return self.binary(node)
        if kind == "unary_expression":
            inner = node.child_by_field_name("argument")
            found = self.value(inner) if inner is not None else None
            if found is None or node.children[0].type not in ("!", "not"):
                return None
            return derived(int(not found), found)
        if kind == "call_expression":
            return self.call(node)
        if kind == "lambda_expression":
            self.perhaps(node)
            return None
        if kind == "conditional_expression":
            condition = node.child_by_field_name("condition")
            if condition is not None:
                self.value(condition)
            self.perhaps(node)
            return None
        values = [self.value(child) for child in node.named_children]
        return values[0] if kind in ("initializer_list", "argument_list") and len(values) == 1 else None

    def update(self, node: Node) -> Number:
        target = node.child_by_field_name("argument")
        name = self.file.text_of(target) if target is not None else ""
        before = self.known.get(name)
        if before is None:
            return None
        after = derived(before + (1 if b"++" in self.file.text[node.start_byte : node.end_byte] else -1), before)
        self.known[name] = after
        return after if node.children[0].type in ("++", "--") else before

    def assignment(self, node: Node) -> Number:
        target, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        operator = node.child_by_field_name("operator")
        found = self.value(right) if right is not None else None
        if target is None or target.type != "identifier" or operator is None:
            if target is not None:
                self.value(target)
            return None
        name, sign = self.file.text_of(target), self.file.text_of(operator)
        if sign != "=":
            before, combine = self.known.get(name), BINARY.get(sign[:-1])
            found = combined(combine, before, found)
        self.put(name, found)
        return found

    def binary(self, node: Node) -> Number:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        operator = node.child_by_field_name("operator")
        if left is None or right is None or operator is None:
            return None
        sign, first = SPELLED.get(self.file.text_of(operator), self.file.text_of(operator)), self.value(left)
        if sign in ("&&", "||"):
            if first is None:
                self.perhaps(right)
                return None
            self.decided(first)
            return int(first != 0) if (first != 0) == (sign == "||") else self.value(right)
        return combined(BINARY.get(sign), first, self.value(right))

    def call(self, node: Node) -> Number:
        callee, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        name = callee.child_by_field_name("name") if callee is not None and callee.type == "template_function" else None
        called = self.file.text_of(name) if name is not None else ""
        values = [self.value(c) for c in given.named_children] if given is not None else []
        if called in (_UNIQUE, _COMMON) and len(values) == 1:
            index = self.decided(values[0])
            if index is None or index < 0:
                return None
            self.fetched(node, index, called == _COMMON)
            held = self.common if called == _COMMON else self.arguments
            found = held[index] if index < len(held) else None
            if found is None or called == _COMMON:
                return found
            return from_source(found, index)
        if called == "static_cast" and len(values) == 1:
            return values[0]
        if given is not None and self.called(callee) in (COMPILED, NAMED):
            return self.word(given.named_children, values)
        for child in given.named_children if given is not None else ():
            if child.type == "identifier":  # it may be passed by reference
                self.known.pop(self.file.text_of(child), None)
        return None

    def fetched(self, node: Node, index: int, common: bool) -> None:
        """An argument is read."""
        line = self.file.line(node)
        self.reads.note(index, line, common)
        if not common and self.into:
            self.fetched_into[self.into] = index, line
        elif not common:
            self.reads.use(index, line)

    def word(self, given: Sequence[Node], values: Sequence[Number]) -> Number:
        """A compile-time argument, by its number or its name."""
        if len(given) != 1:
            return None
        if given[0].type == "string_literal":
            source: tuple[str, int | str] = NAMED, self.file.text_of(given[0]).strip('"')
        elif values[0] is not None:
            source = COMPILED, int(self.decided(values[0]) or 0)
        else:
            return None
        found = self.compiled.held(source)
        return from_source(found, source) if isinstance(found, int) else None

    def called(self, callee: Node | None) -> str:
        """The name of what is called, without namespaces and template arguments."""
        if callee is not None and callee.type == "qualified_identifier":
            callee = callee.child_by_field_name("name")
        if callee is not None and callee.type == "template_function":
            callee = callee.child_by_field_name("name")
        return self.file.text_of(callee) if callee is not None else ""


def _condition(loop: Node) -> Node | None:
    clause = loop.child_by_field_name("condition")
    return clause.child_by_field_name("value") if clause is not None and clause.type == "condition_clause" else clause
