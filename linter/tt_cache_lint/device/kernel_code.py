"""Which runtime arguments a device kernel reads for certain.

Only what every run of the kernel does counts: the statements of kernel_main (MAIN of older compute kernels) one after
the other, up to the first place where it may return. A condition is followed when what the kernel is given and compiled
with decides it, an `#if` as well; what may have happened otherwise makes the variables concerned unknown. A loop that
fetches arguments is gone through turn by turn while its condition is known. Helpers are not looked into, so a kernel
may read more than this says, never less.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from tt_cache_lint.device.kernel_build import UNKNOWN, Compiled, Number
from tt_cache_lint.device.kernel_numbers import Answers, literal
from tt_cache_lint.device.kernel_readers import counters
from tt_cache_lint.device.kernel_run import LEAVES, LOOPS, Run
from tt_cache_lint.device.kernel_values import FETCHES, Reads, Summary
from tt_cache_lint.source.files import SourceFile
from tt_cache_lint.source.nodes import within

if TYPE_CHECKING:
    from tree_sitter import Node

_MAIN = re.compile(rb"\bvoid(\s+)MAIN(\s*)\{")
_WRITES = {"assignment_expression", "update_expression"}
_CAUGHT = {
    "switch_statement": frozenset({"break_statement"}),
    **dict.fromkeys(LOOPS, frozenset({"break_statement", "continue_statement"})),
}


class KernelCode:
    """The source of one device kernel.

    A kernel runs on many cores whose arguments differ mostly in numbers that decide nothing: what one core reads is
    remembered by the arguments that conditions and indices derive from.
    """

    def __init__(self, path: str, text: bytes) -> None:
        self.file = SourceFile(path, _MAIN.sub(rb"void\1MAIN()\2{", text))
        self.body = next(self._bodies(self.file.root), None)
        self._summaries: dict[int, Summary] = {}
        self._reads: dict[object, Answers[Reads]] = {}

    @cached_property
    def counters(self) -> frozenset[str]:
        """The variables that arguments are numbered with."""
        return counters(self.file, self.body) if self.body is not None else frozenset()

    @cached_property
    def types(self) -> frozenset[str]:
        """The classes that the kernel's own function names."""
        found = within(self.body) if self.body is not None else ()
        return frozenset(self.file.text_of(n) for n in found if n.type == "type_identifier")

    @cached_property
    def enumerators(self) -> dict[str, int]:
        """The enumerators of the file, by their names with and without the enumeration's."""
        found: dict[str, int] = {}
        for node in within(self.file.root):
            name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
            if node.type == "enum_specifier" and body is not None:
                following: int | None = 0
                for item in (child for child in body.named_children if child.type == "enumerator"):
                    own, given = item.child_by_field_name("name"), item.child_by_field_name("value")
                    following = literal(self.file.text_of(given)) if given is not None else following
                    if following is None or own is None:
                        break
                    found[self.file.text_of(own)] = following
                    if name is not None:
                        found[f"{self.file.text_of(name)}::{self.file.text_of(own)}"] = following
                    following += 1
        return found

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
        kind = (tuple(a is None for a in arguments), tuple(common), compiled.known)
        known = self._reads.setdefault(kind, Answers())
        found = known.find(arguments, compiled)
        if found is not None:
            return found
        run = Run(self, self.file, arguments, common, compiled)
        run.whole()
        return known.add(run.used, arguments, compiled, run.reads)

    def summary(self, node: Node) -> Summary:
        known = self._summaries.get(node.id)
        if known is None:
            written: list[str] = []
            leaves = fetches = False
            for inner, enclosed in ((node, _jumps(node)), *_within(node)):
                leaves = leaves or (inner.type in LEAVES and inner.type not in enclosed)
                if inner.type in _WRITES:
                    target = inner.child_by_field_name("left") or inner.child_by_field_name("argument")
                    if target is not None:
                        written.append(self.file.text_of(target))
                elif inner.type == "identifier":
                    fetches = fetches or self.file.text_of(inner) in FETCHES
            named = (inner for inner in within(node) if inner.type == "identifier")
            mentioned = frozenset(self.file.text_of(inner) for inner in (node, *named))
            known = self._summaries[node.id] = Summary(tuple(written), mentioned, leaves, fetches)
        return known


def _jumps(node: Node) -> frozenset[str]:
    """The statements that only leave the node when they stand in it."""
    return _CAUGHT.get(node.type, frozenset())


def _within(node: Node) -> Iterator[tuple[Node, frozenset[str]]]:
    """The nodes below one, lambdas aside, each with the jumps that end between the two."""
    left = [(child, _jumps(node)) for child in node.named_children[::-1]]
    while left:
        below, enclosed = left.pop()
        if below.type != "lambda_expression":
            yield below, enclosed
            inside = enclosed | _jumps(below)
            left += [(child, inside) for child in below.named_children[::-1]]
