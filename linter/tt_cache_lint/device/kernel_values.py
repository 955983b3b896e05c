"""What the expressions of a device kernel are worth in one run, and what is made of the arguments that it fetches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tt_cache_lint.device.kernel_build import COMPILED, NAMED, UNKNOWN, Compiled, Number, Source
from tt_cache_lint.device.kernel_numbers import BINARY, SPELLED, Word, combined, derived, from_source, literal
from tt_cache_lint.source.files import SourceFile

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.device.kernel_code import KernelCode

_UNIQUE, _COMMON = "get_arg_val", "get_common_arg_val"
FETCHES = {_UNIQUE, _COMMON}


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
class Values:
    """The expressions of a run. `used` are the arguments that decided something."""

    code: KernelCode
    file: SourceFile
    arguments: Sequence[Number]
    common: Sequence[Number]
    compiled: Compiled = UNKNOWN
    reads: Reads = field(default_factory=Reads)
    known: dict[str, int] = field(default_factory=dict)
    used: set[Source] = field(default_factory=set)
    fetched_into: dict[str, tuple[int, int]] = field(default_factory=dict)  # variables of which nothing was made so far
    into: str = ""  # the variable that is initialised with a fetched argument and nothing else

    def decided(self, value: Number) -> Number:
        """A number that something is decided by."""
        if isinstance(value, Word):
            self.used |= value.of
        return value

    def perhaps(self, node: Node) -> bool:
        """A part that may run or not: what it writes is not known behind it."""
        summary = self.code.summary(node)
        if self.fetched_into:
            self.mention([name for name in self.fetched_into if name in summary.mentioned])
        for name in summary.written:
            self.put(name, None)
        return not summary.leaves

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
            index = int(index)  # a plain one: what it came from matters here no more
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
