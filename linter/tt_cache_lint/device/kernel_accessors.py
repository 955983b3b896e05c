"""Which tensor accessors a device kernel makes: from which compile-time arguments, and for which address.

`TensorAccessorArgs<N>` takes the words from compile-time argument N on for a description of a tensor;
`TensorAccessor(args, address)` finds the tensor's pages with them (tt_metal/hw/inc/accessor/tensor_accessor_args.h). As
in kernel_code, only what every run of the kernel makes counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tt_cache_lint.device.kernel_build import Compiled, Number
from tt_cache_lint.device.kernel_code import KernelCode
from tt_cache_lint.device.kernel_numbers import Answers
from tt_cache_lint.device.kernel_run import Run

if TYPE_CHECKING:
    from tree_sitter import Node

ARGS, ACCESSOR = "TensorAccessorArgs", "TensorAccessor"
NEXT = "next_compile_time_args_offset"
WRAPPERS = {"cast_expression", "parenthesized_expression"}


@dataclass(frozen=True, slots=True)
class KernelAccessor:
    """An accessor: the compile-time argument where its words begin, and the runtime argument that is its address."""

    first: int
    line: int  # of the accessor
    args_line: int  # of the TensorAccessorArgs
    address: int


class KernelAccessors:
    """The accessors of a kernel.

    `ends` says behind which compile-time argument an accessor ends that begins at another one; arguments up to `limit`
    are numbered as on the host.
    """

    def __init__(self, code: KernelCode, ends: Mapping[int, int], limit: int) -> None:
        self.code, self.ends, self.limit = code, ends, limit
        self.known: dict[object, Answers[tuple[KernelAccessor, ...]]] = {}

    def of(self, given: Sequence[Number], compiled: Compiled) -> tuple[KernelAccessor, ...]:
        """Those of a core that is given these arguments, the address of each being one of the core's own."""
        if self.code.body is None or ARGS.encode() not in self.code.file.text:
            return ()
        kind = (tuple(a is None for a in given), compiled.known)
        known = self.known.setdefault(kind, Answers())
        found = known.find(given, compiled)
        if found is None:
            run = _Run(self.code, self.code.file, given, (), compiled, ends=self.ends, limit=self.limit)
            run.whole()
            found = known.add(run.used, given, compiled, tuple(run.found))
        return found


@dataclass(slots=True)
class _Run(Run):
    """A run that follows accessors. `described` holds where the words of a variable begin, `fetches` the argument."""

    ends: Mapping[int, int] = field(default_factory=dict)
    limit: int = 0
    found: list[KernelAccessor] = field(default_factory=list)
    described: dict[str, tuple[int, int]] = field(default_factory=dict)
    fetches: dict[str, int] = field(default_factory=dict)
    reading: dict[int, int] = field(default_factory=dict)  # by node

    def block(self, node: Node) -> bool:
        before = dict(self.described), dict(self.fetches)
        goes_on = Run.block(self, node)
        self.described, self.fetches = before
        return goes_on

    def put(self, name: str, value: Number) -> None:
        Run.put(self, name, value)
        self.described.pop(name, None)
        self.fetches.pop(name, None)

    def fetched(self, node: Node, index: int, common: bool) -> None:
        if not common:
            self.reading[node.id] = index

    def declaration(self, node: Node) -> None:
        Run.declaration(self, node)
        for child in node.named_children:
            target, value = child.child_by_field_name("declarator"), child.child_by_field_name("value")
            if child.type != "init_declarator" or target is None or value is None or target.type != "identifier":
                continue
            name, index = self.file.text_of(target), self.argument(value)
            if index is not None:
                self.fetches[name] = index
            first = self.begins(value)
            if first is not None:
                self.described[name] = first, self.file.line(value)

    def argument(self, node: Node) -> int | None:
        """The argument that an expression is."""
        while node.type in WRAPPERS:
            inner = node.child_by_field_name("value") or (node.named_children[-1] if node.named_children else None)
            if inner is None:
                return None
            node = inner
        if node.type == "identifier":
            return self.fetches.get(self.file.text_of(node))
        return self.reading.get(node.id)

    def begins(self, node: Node) -> int | None:
        """Where the words of `TensorAccessorArgs<...>()` begin."""
        callee = node.child_by_field_name("function") if node.type == "call_expression" else None
        if callee is None or self.called(callee) != ARGS:
            return None
        while callee.type == "qualified_identifier":
            inner = callee.child_by_field_name("name")
            if inner is None:
                return None
            callee = inner
        listed = callee.child_by_field_name("arguments")
        if listed is None or not listed.named_children:
            return None
        first = listed.named_children[0]
        function = first.child_by_field_name("function") if first.type == "call_expression" else None
        if function is not None and function.type == "field_expression":
            owner, member = function.child_by_field_name("argument"), function.child_by_field_name("field")
            if owner is None or member is None or self.file.text_of(member) != NEXT:
                return None
            before = self.described.get(self.file.text_of(owner))
            return self.ends.get(before[0]) if before is not None else None
        name = first.type == "type_descriptor"  # a name alone is taken for a type
        index = self.decided(self.known.get(self.file.text_of(first)) if name else self.value(first))
        return index if index is not None and index <= self.limit else None

    def call(self, node: Node) -> Number:
        result = Run.call(self, node)
        callee, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if given is None or self.called(callee) != ACCESSOR or len(given.named_children) < 2:
            return result
        args, address = given.named_children[:2]
        described = self.described.get(self.file.text_of(args))
        index = self.argument(address)
        if described is not None and index is not None:
            self.found.append(KernelAccessor(described[0], self.file.line(node), described[1], index))
        return result
