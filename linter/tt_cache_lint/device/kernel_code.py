"""Which runtime arguments a device kernel reads for certain.

Only what every run of the kernel does counts: the statements of kernel_main (MAIN of older compute kernels) one after
the other, up to the first place where it may return. A condition is followed when what the kernel is given and compiled
with decides it, an `#if` as well; what may have happened otherwise makes the variables concerned unknown. Helpers and
loops are not looked into, so a kernel may read more than this says, never less.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from tt_cache_lint.device.kernel_build import COMPILED, NAMED, UNKNOWN, Compiled, Number
from tt_cache_lint.device.kernel_readers import counters
from tt_cache_lint.source.files import SourceFile
from tt_cache_lint.source.nodes import within

if TYPE_CHECKING:
    from tree_sitter import Node

_MAIN = re.compile(rb"\bvoid(\s+)MAIN(\s*)\{")
_UNIQUE, _COMMON = "get_arg_val", "get_common_arg_val"
_CONDITIONAL = {"for_statement", "while_statement", "do_statement", "switch_statement"}
_SKIPPED = {"comment", "using_declaration", "alias_declaration", "static_assert_declaration", "empty_statement"}
_WRITES = {"assignment_expression", "update_expression"}
_PRINT = "DPRINT"  # `if (0) DebugPrinter()` unless the build asks for prints (tt_metal/hw/inc/debug/dprint.h)
SPELLED = {"and": "&&", "or": "||", "not_eq": "!="}  # alternative tokens ([lex.digraph])
_LEAVES = {"return_statement", "goto_statement"}
_BINARY: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "==": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
    "<": lambda a, b: int(a < b),
    ">": lambda a, b: int(a > b),
    "<=": lambda a, b: int(a <= b),
    ">=": lambda a, b: int(a >= b),
}


@dataclass(slots=True)
class Reads:
    """The highest index that is read for certain, of a core's own and of the common arguments; -1 when none is."""

    unique: int = -1
    unique_line: int = 0
    common: int = -1
    common_line: int = 0

    def note(self, index: int, line: int, common: bool) -> None:
        if common and index > self.common:
            self.common, self.common_line = index, line
        elif not common and index > self.unique:
            self.unique, self.unique_line = index, line


class Word(int):
    """A number that derives from arguments: `of` are their indices."""

    of: frozenset[int]


def _word(value: int, *sources: Number) -> int:
    """A number with the arguments that other numbers derive from."""
    of = frozenset[int]().union(*(s.of for s in sources if isinstance(s, Word)))
    if not of:
        return int(value)
    made = Word(value)
    made.of = of
    return made


class KernelCode:
    """The source of one device kernel.

    A kernel runs on many cores whose arguments differ mostly in numbers that decide nothing: what one core reads is
    remembered by the arguments that conditions and indices derive from.
    """

    def __init__(self, path: str, text: bytes) -> None:
        self.file = SourceFile(path, _MAIN.sub(rb"void\1MAIN()\2{", text))
        self.body = next(self._bodies(self.file.root), None)
        self._written: dict[int, tuple[tuple[str, ...], bool]] = {}
        self._known: dict[object, list[tuple[tuple[int, ...], dict[tuple[Number, ...], Reads]]]] = {}
        self._constants: dict[int, tuple[Compiled, dict[str, int]]] = {}

    @cached_property
    def counters(self) -> frozenset[str]:
        """The variables that arguments are numbered with."""
        return counters(self.file, self.body) if self.body is not None else frozenset()

    @cached_property
    def types(self) -> frozenset[str]:
        """The classes that the kernel's own function names."""
        found = within(self.body) if self.body is not None else ()
        return frozenset(self.file.text_of(n) for n in found if n.type == "type_identifier")

    def _bodies(self, node: Node) -> Iterator[Node]:
        for child in node.named_children:
            if child.type == "function_definition":
                declarator = child.child_by_field_name("declarator")
                name = declarator.child_by_field_name("declarator") if declarator is not None else None
                body = child.child_by_field_name("body")
                if name is not None and body is not None and self.file.text_of(name) in ("kernel_main", "MAIN"):
                    yield body
            elif child.type in ("namespace_definition", "declaration_list", "linkage_specification"):
                yield from self._bodies(child)

    def reads(self, arguments: Sequence[Number], common: Sequence[Number] = (), compiled: Compiled = UNKNOWN) -> Reads:
        """What the kernel reads when it is given these arguments; None is a number that is not known."""
        kind = (tuple(a is None for a in arguments), tuple(common), id(compiled))
        known = self._known.setdefault(kind, [])
        for used, answers in known:
            if (found := answers.get(tuple(arguments[i] for i in used))) is not None:
                return found
        run = Run(self, self.file, arguments, common, compiled, known=dict(self.constants(compiled)))
        if self.body is not None:
            run.block(self.body)
        used = tuple(sorted(run.used))
        beside = next((a for u, a in known if u == used), None)
        if beside is None:
            beside = {}
            known.append((used, beside))
        return beside.setdefault(tuple(arguments[i] for i in used), run.reads)

    def constants(self, compiled: Compiled) -> dict[str, int]:
        """The constants that stand before the kernel's own function, and the defines that are numbers."""
        if id(compiled) not in self._constants:
            run = Run(self, self.file, (), (), compiled)
            run.known.update({k: int(v) for k, v in (compiled.defines or {}).items() if v.isdigit()})
            run.constants(self.file.root)
            self._constants[id(compiled)] = compiled, run.known  # kept, so that its id stays its own
        return self._constants[id(compiled)][1]

    def summary(self, node: Node) -> tuple[tuple[str, ...], bool]:
        """The names that are written within a node, and whether it may leave the function."""
        known = self._written.get(node.id)
        if known is None:
            written: list[str] = []
            leaves = node.type in _LEAVES
            for inner in _within(node):
                leaves = leaves or inner.type in _LEAVES
                if inner.type in _WRITES:
                    target = inner.child_by_field_name("left") or inner.child_by_field_name("argument")
                    if target is not None:
                        written.append(self.file.text_of(target))
            known = self._written[node.id] = tuple(written), leaves
        return known


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
    used: set[int] = field(default_factory=set)
    declared: dict[str, Number] = field(default_factory=dict)  # in the block at hand, with what hid behind the names

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
        if kind in _LEAVES or kind == "ERROR":
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
        else:
            if kind not in _CONDITIONAL:
                return not self.may_leave(node)
            return self.perhaps(node)
        return True

    def declaration(self, node: Node) -> None:
        for child in node.named_children:
            if child.type != "init_declarator":
                continue
            name, value = child.child_by_field_name("declarator"), child.child_by_field_name("value")
            found = self.value(value) if value is not None else None
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
        holds = self.compiled.defined(self.file.text_of(name)) if name is not None else self.macro(condition)
        row = node.start_point[0]
        if any(child.type == "ERROR" and child.start_point[0] == row for child in node.children):
            holds = None  # `#if not X`: the grammar takes X for the condition
        if name is not None and node.children[0].type == "#ifndef":
            holds = None if holds is None else not holds
        apart = {n.id for n in (alternative, name, condition) if n is not None}
        return [child for child in node.named_children if child.id not in apart], alternative, holds

    def macro(self, node: Node | None) -> bool | None:
        """The condition of an `#if`."""
        if node is None:
            return None
        if node.type == "preproc_defined":
            return self.compiled.defined(self.file.text_of(node.named_children[-1])) if node.named_children else None
        if node.type == "parenthesized_expression":
            return self.macro(node.named_children[0]) if node.named_children else None
        if node.type == "unary_expression" and node.children[0].type == "!":
            inner = self.macro(node.child_by_field_name("argument"))
            return None if inner is None else not inner
        if node.type == "binary_expression" and node.children[1].type in ("&&", "||"):
            stop = node.children[1].type == "||"
            sides = [self.macro(node.child_by_field_name(side)) for side in ("left", "right")]
            return stop if stop in sides else None if None in sides else not stop
        found = self.value(node)
        return None if found is None else bool(found)

    def perhaps(self, node: Node) -> bool:
        """A part that may run or not: what it writes is not known behind it."""
        written, leaves = self.code.summary(node)
        for name in written:
            self.put(name, None)
        return not leaves

    def may_leave(self, node: Node) -> bool:
        return self.code.summary(node)[1]

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
            try:
                return int(self.file.text_of(node).rstrip("uUlL").replace("'", ""), 0)
            except ValueError:
                return None
        if kind in ("true", "false"):
            return int(kind == "true")
        if kind == "identifier":
            return self.known.get(self.file.text_of(node))
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
            return _word(int(not found), found)
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
        after = _word(before + (1 if b"++" in self.file.text[node.start_byte : node.end_byte] else -1), before)
        self.known[name] = after
        return after if node.children[0].type in ("++", "--") else before

    def assignment(self, node: Node) -> Number:
        target, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        operator = node.child_by_field_name("operator")
        found = self.value(right) if right is not None else None
        if target is None or target.type != "identifier" or operator is None:
            return None
        name, sign = self.file.text_of(target), self.file.text_of(operator)
        if sign != "=":
            before, combine = self.known.get(name), _BINARY.get(sign[:-1])
            found = _combined(combine, before, found)
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
        return _combined(_BINARY.get(sign), first, self.value(right))

    def call(self, node: Node) -> Number:
        callee, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        name = callee.child_by_field_name("name") if callee is not None and callee.type == "template_function" else None
        called = self.file.text_of(name) if name is not None else ""
        values = [self.value(c) for c in given.named_children] if given is not None else []
        if called in (_UNIQUE, _COMMON) and len(values) == 1:
            index = self.decided(values[0])
            if index is None or index < 0:
                return None
            self.reads.note(index, self.file.line(node), called == _COMMON)
            held = self.common if called == _COMMON else self.arguments
            found = held[index] if index < len(held) else None
            if found is None or called == _COMMON:
                return found
            word = Word(found)
            word.of = frozenset((index,))
            return word
        if called == "static_cast" and len(values) == 1:
            return values[0]
        if given is not None and self.called(callee) in (COMPILED, NAMED):
            return self.word(given.named_children, values)
        for child in given.named_children if given is not None else ():
            if child.type == "identifier":  # it may be passed by reference
                self.known.pop(self.file.text_of(child), None)
        return None

    def word(self, given: Sequence[Node], values: Sequence[Number]) -> Number:
        """A compile-time argument, by its number or its name."""
        if len(given) != 1:
            return None
        if given[0].type == "string_literal":
            return self.compiled.named.get(self.file.text_of(given[0]).strip('"'))
        return self.compiled.words.get(values[0]) if values[0] is not None else None

    def called(self, callee: Node | None) -> str:
        """The name of what is called, without namespaces and template arguments."""
        if callee is not None and callee.type == "qualified_identifier":
            callee = callee.child_by_field_name("name")
        if callee is not None and callee.type == "template_function":
            callee = callee.child_by_field_name("name")
        return self.file.text_of(callee) if callee is not None else ""


def _combined(combine: Callable[[int, int], int] | None, a: Number, b: Number) -> Number:
    return _word(combine(a, b), a, b) if combine and a is not None and b is not None else None


def _within(node: Node) -> Iterator[Node]:
    left = node.named_children[::-1]
    while left:
        below = left.pop()
        if below.type != "lambda_expression":
            yield below
            left += below.named_children[::-1]
