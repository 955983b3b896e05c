"""Which runtime arguments a device kernel makes nothing of, with the words that it is compiled with.

A kernel often fetches more than it needs: an address into a variable that nothing mentions, or one that only another
role of the same source uses (`if constexpr (is_sender)`). A role is told by a word that the same program gives to
another kernel of that source, or to another core, with another value; the branches that it rules out are left aside.
All others count on both sides, for other inputs may take them. An argument counts as used as soon as anything but
another unused variable is made of it, and all of them do when they are read in a way that is not followed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tt_cache_lint.device.kernel_build import COMPILED, NAMED, Compiled, Number
from tt_cache_lint.device.kernel_code import KernelCode
from tt_cache_lint.device.kernel_numbers import SPELLED, Answers, Word
from tt_cache_lint.device.kernel_readers import ADDRESSES, READERS, Source
from tt_cache_lint.device.kernel_run import Run
from tt_cache_lint.source.nodes import within

if TYPE_CHECKING:
    from tree_sitter import Node

BASES = (b"rta_l1_base",)  # where the arguments begin in memory (tt_metal/hw/inc: rta_l1_base, crta_l1_base)
# Calls without an effect of their own (tt_metal/hw/inc: dataflow_api.h, tensor_accessor.h, tensor_accessor_args.h).
PURE = {
    "static_cast",
    "reinterpret_cast",
    "min",
    "max",
    "TensorAccessor",
    "TensorAccessorArgs",
    "InterleavedAddrGen",
    "InterleavedAddrGenFast",
    "InterleavedPow2AddrGen",
    "InterleavedPow2AddrGenFast",
    "ShardedAddrGen",
    "get_noc_addr",
    "get_semaphore",
    "get_tile_size",
    "get_dataformat",
    "get_write_ptr",
    "get_read_ptr",
    *READERS,
    COMPILED,
    NAMED,
}
LOOPS = {"for_statement", "while_statement", "do_statement", "for_range_loop", "switch_statement"}
NOTHING = {"comment", "using_declaration", "alias_declaration", "static_assert_declaration", "empty_statement", ";"}


@dataclass(frozen=True, slots=True)
class Uses:
    """What a core's kernel makes something of. Nothing is certain when it is `obscure`, or from `open` on."""

    obscure: bool
    open: int = 0
    live: frozenset[Source] = frozenset()

    def ignores(self, index: int, shared: bool) -> bool:
        """Is it certain that nothing depends on an argument, a common one if `shared`?"""
        return not self.obscure and index < self.open and (shared, index) not in self.live


def uses(code: KernelCode, compiled: Compiled, arguments: Sequence[Number], common: Sequence[Number]) -> Uses:
    """The uses of a core with these arguments; None is a number that is not known. Cores that differ only in numbers
    that decide nothing share an answer."""
    if code.body is None or any(base in text for base in BASES for text in (code.file.text, *compiled.texts)):
        return Uses(True)
    kind = (tuple(a is None for a in arguments), tuple(common))
    known = compiled.answers.setdefault(kind, Answers())
    before = known.find(arguments, compiled)
    if before is not None:
        return before
    walk = _Walk(code, code.file, arguments, common, compiled=compiled)
    if compiled.defines is not None:
        sure: Callable[[int], int] = int if compiled.exact else _here
        walk.known.update({k: sure(int(v)) for k, v in compiled.defines.items() if v.isdigit()})
    walk.counters = code.counters
    walk.roots |= compiled.elsewhere
    if code.types & compiled.helpers:
        walk.open = 0  # an object that fetches arguments, one after the other
    walk.block(code.body)
    answer = Uses(walk.obscure, walk.open, frozenset(walk.live()))
    return known.add(walk.used - {HERE}, arguments, compiled, answer)


HERE = -1  # marks, among the arguments that a number derives from, one that other inputs may change


def _here(value: int, index: int = HERE) -> Word:
    """A number as it is for the inputs at hand; `index` is that of the argument it is."""
    made = Word(value)
    made.of = frozenset((HERE, index))
    return made


def _sure(value: Number) -> bool:
    return value is not None and not (isinstance(value, Word) and HERE in value.of)


@dataclass(slots=True)
class _Walk(Run):
    """A run through a kernel that keeps to no single path: what may be used on any of them."""

    compiled: Compiled = field(default_factory=Compiled)
    counters: frozenset[str] = frozenset()  # variables that arguments are numbered with
    fixed: set[str] = field(default_factory=set)  # declared const: no function changes them
    obscure: bool = False
    open: int = 1 << 30  # from here on arguments may be read elsewhere
    roots: set[Source] = field(default_factory=set)
    edges: dict[str, set[Source]] = field(default_factory=dict)
    seen: dict[int, tuple[bool, int] | None] = field(default_factory=dict)

    def live(self) -> set[Source]:
        """All that something is made of."""
        found, left = set(self.roots), list(self.roots)
        while left:
            name = left.pop()
            for source in self.edges.get(name, ()) if isinstance(name, str) else ():
                if source not in found:
                    found.add(source)
                    left.append(source)
        return found

    # -- statements ------------------------------------------------------------------------------------------------

    def statement(self, node: Node) -> bool:
        kind = node.type
        if kind in NOTHING:
            return True
        if kind == "compound_statement":
            return self.block(node)
        if kind == "declaration":
            self.declaration(node)
        elif kind == "expression_statement":
            for child in node.named_children:
                self.effect(child)
        elif kind == "if_statement":
            return self.branch(node)
        elif kind in LOOPS:
            self.loop(node)
        elif kind in ("preproc_ifdef", "preproc_if"):
            return self.conditional_text(node)
        elif kind.startswith("preproc_"):
            self.roots |= set(self.file.text_of(node).replace("(", " ").replace(")", " ").split())
        elif kind == "return_statement":
            self.roots |= self.sources(node)
            return False
        else:
            self.obscure = self.obscure or kind in ("goto_statement", "labeled_statement")
            self.roots |= self.sources(node)
            self.perhaps(node)
        return True

    def declaration(self, node: Node) -> None:
        const = any(self.file.text_of(n) in ("const", "constexpr") for n in node.children)
        for child in node.named_children:
            if child.type != "init_declarator":
                if child.type == "function_declarator":
                    self.roots |= self.sources(child)
                continue
            target, value = child.child_by_field_name("declarator"), child.child_by_field_name("value")
            if target is None or value is None:
                continue
            found = self.value(value)
            names = [self.file.text_of(n) for n in (target, *within(target)) if n.type == "identifier"]
            if target.type == "identifier":
                self.declare(names[0], found)
                if const:
                    self.fixed.add(names[0])
            self.made(names, value)

    def made(self, names: list[str], value: Node) -> None:
        """Variables get a value."""
        sources = self.sources(value)
        for name in names:
            self.edges.setdefault(name, set()).update(sources)
        if not names or not self.pure(value):
            self.roots |= sources

    def effect(self, node: Node) -> None:
        """An expression whose value is not kept."""
        self.value(node)
        if node.type == "assignment_expression":
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            if left is not None and right is not None and left.type == "identifier":
                self.made([self.file.text_of(left)], right)
                return
        if node.type == "update_expression":
            return
        if node.type == "cast_expression" and node.child_by_field_name("type") is not None:
            type_, inner = node.child_by_field_name("type"), node.child_by_field_name("value")
            if type_ is not None and self.file.text_of(type_) == "void" and inner is not None:
                if inner.type == "identifier":  # `(void)unused;`
                    return
        self.roots |= self.sources(node)

    def branch(self, node: Node) -> bool:
        clause = node.child_by_field_name("condition")
        inner = clause.child_by_field_name("value") if clause is not None else None
        condition = self.decided(self.value(inner)) if inner is not None else None
        if clause is not None:
            self.roots |= self.sources(clause)
        then, otherwise = node.child_by_field_name("consequence"), node.child_by_field_name("alternative")
        if condition is None:
            self.either(node, [part for part in (then, otherwise) if part is not None])
            return True
        taken, other = (then, otherwise) if condition else (otherwise, then)
        if not _sure(condition):
            self.aside([other] if other is not None else [])
        goes_on = self.part(taken) if taken is not None else True
        return goes_on or not _sure(condition)

    def aside(self, parts: list[Node]) -> None:
        """Parts that other inputs take: what they use counts, what they write does not."""
        before = dict(self.known)
        for part in parts:
            self.part(part)
            self.known = dict(before)

    def part(self, node: Node) -> bool:
        return self.block(node) if node.type == "else_clause" else self.statement(node)

    def either(self, whole: Node, parts: list[Node]) -> None:
        """Parts of which any may run, or none; what they write is not known behind them."""
        before = dict(self.known)
        for part in parts:
            self.part(part)
            self.known = dict(before)
        self.perhaps(whole)

    def loop(self, node: Node) -> None:
        self.perhaps(node)
        body = node.child_by_field_name("body")
        for child in node.named_children:
            if body is None or child.id != body.id:
                self.roots |= self.sources(child)
        if body is not None:
            before = dict(self.known)
            self.part(body)
            self.known = before

    def conditional_text(self, node: Node) -> bool:
        """`#if` within a function."""
        own, alternative, holds = self.texts(node)
        if self.compiled.exact and holds is not None:
            taken = own if holds else [alternative] if alternative is not None else []
            return all(self.text_part(n) if n is alternative else self.statement(n) for n in taken)
        before = dict(self.known)
        if holds is not True:
            for child in own:
                self.statement(child)
            self.known = dict(before)
        if holds is not False and alternative is not None:
            self.text_part(alternative)
            self.known = dict(before)
        if holds is None:
            self.perhaps(node)
        elif holds:
            for child in own:
                self.statement(child)
        elif alternative is not None:
            self.text_part(alternative)
        return True

    def text_part(self, node: Node) -> bool:
        if node.type == "preproc_else":
            return all(self.statement(child) for child in node.named_children)
        return self.conditional_text(node)

    # -- expressions -----------------------------------------------------------------------------------------------

    def call(self, node: Node) -> Number:
        callee, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        called, arguments = self.called(callee), given.named_children if given is not None else []
        if called == COMPILED and len(arguments) == 1:
            index = self.value(arguments[0])
            found = self.compiled.words.get(index) if index is not None else None
            return found if found is None or index is None or self.compiled.tells(index) else _here(found)
        if called == NAMED and len(arguments) == 1:
            name = self.file.text_of(arguments[0]).strip('"')
            found = self.compiled.named.get(name)
            return found if found is None or self.compiled.tells(name) else _here(found)
        if called in READERS and len(arguments) == 1:
            index, shared = self.decided(self.value(arguments[0])), READERS[called]
            self.seen[node.id] = (shared, index) if index is not None and index >= 0 else None
            self.obscure = self.obscure or self.seen[node.id] is None
            held = self.common if shared else self.arguments
            found = held[index] if index is not None and 0 <= index < len(held) else None
            if found is None or shared or index is None:
                return found if found is None else _here(found)
            word = _here(found, index)
            word.of = frozenset((index,)) if index in self.compiled.own else word.of
            return word
        if called not in PURE:
            self.hand_over(called, arguments)
        before = {name: self.known[name] for name in self.fixed if name in self.known}
        found = Run.call(self, node)
        self.known.update(before)
        return found

    def binary(self, node: Node) -> Number:
        sign = node.children[1].type if len(node.children) > 1 else ""
        sign = SPELLED.get(sign, sign)
        if sign not in ("&&", "||"):
            return Run.binary(self, node)
        sides = [node.child_by_field_name(side) for side in ("left", "right")]
        values = [self.value(side) if side is not None else None for side in sides]
        stop = sign == "||"
        for value in values:
            self.decided(value)
        if any(_sure(v) and bool(v) is stop for v in values):
            return int(stop)
        if None in values:
            return None
        found = int(any(values) if stop else all(values))
        return found if all(map(_sure, values)) else _here(found)

    def hand_over(self, called: str, given: list[Node]) -> None:
        """A function gets these: it may read the arguments from a number on that is among them."""
        reads = called in self.compiled.helpers or called in ADDRESSES
        numbers = []
        for child in given:
            names = {self.file.text_of(n) for n in (child, *within(child)) if n.type == "identifier"}
            if names & self.counters or (reads and child.type == "number_literal"):
                writes = any(n.type in ("update_expression", "assignment_expression") for n in (child, *within(child)))
                numbers.append(None if writes else self.decided(self.value(child)))
        if reads and not numbers:
            numbers.append(None)
        self.open = min([self.open, *(0 if n is None else n for n in numbers)])

    def pure(self, node: Node) -> bool:
        for inner in (node, *within(node)):
            if inner.type == "call_expression" and self.called(inner.child_by_field_name("function")) not in PURE:
                return False
            if inner.type in ("assignment_expression", "new_expression", "lambda_expression", "ERROR"):
                return False
        return True

    def sources(self, node: Node) -> set[Source]:
        """The variables and arguments that an expression mentions."""
        if node.type in ("identifier", "type_identifier"):  # `Accessor a(b, c);` looks like a function's declaration
            return {self.file.text_of(node)}
        if node.type == "call_expression" and self.called(node.child_by_field_name("function")) in READERS:
            if node.id not in self.seen:  # where nothing is evaluated
                self.call(node)
            at = self.seen[node.id]
            return {at} if at is not None else set()
        # A word that only the device's headers explain (`tt_l1_ptr`) is no obstacle, what may hide a block is.
        self.obscure = self.obscure or (node.type == "ERROR" and any(b in self.file.text_of(node) for b in "{}#("))
        found: set[Source] = set()
        for child in node.named_children:
            found |= self.sources(child)
        return found
