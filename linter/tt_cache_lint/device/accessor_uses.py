"""Which tensor accessors a device kernel describes and then makes nothing of.

`constexpr auto args = TensorAccessorArgs<3>()` only says where the words of a tensor begin. A kernel that is compiled
for a tensor in its own memory often has nothing else of it than `args.next_compile_time_args_offset()`, where the next
one begins. Whatever could be a use counts as one, but for code that the kernel's defines leave out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tt_cache_lint.device.kernel_constants import ACCESSOR, NEXT
from tt_cache_lint.source.nodes import within

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.device.kernel_build import Compiled
    from tt_cache_lint.source.files import SourceFile

_WORD = re.compile(r"[A-Za-z_]\w*")
CONDITIONAL = ("preproc_ifdef", "preproc_if")


class AccessorUses:
    """The accessors of one kernel, by the variables that describe them."""

    def __init__(self, files: Sequence[SourceFile]) -> None:
        self.begins: dict[str, int | str] = {}  # at a compile-time argument, or where another one's words end
        self.mentions: dict[str, list[tuple[SourceFile, Node]]] = {}
        self.written: set[str] = set()  # words of macros, which may stand for anything
        self.obscure = False
        for file in files:
            self._read(file)

    def _read(self, file: SourceFile) -> None:
        for node in within(file.root):
            if node.type in ("template_type", "template_function"):
                name = node.child_by_field_name("name")
                if name is not None and file.text_of(name) == ACCESSOR:
                    self._begin(file, node)
            elif node.type == "identifier":
                self.mentions.setdefault(file.text_of(node), []).append((file, node))
            elif node.type == "preproc_arg":
                self.written.update(_WORD.findall(file.text_of(node)))

    def _begin(self, file: SourceFile, template: Node) -> None:
        """Take in `auto name = TensorAccessorArgs<...>()`; another use of the template hides what there is."""
        call = template.parent
        declared = call.parent if call is not None and call.type == "call_expression" else None
        target = declared.child_by_field_name("declarator") if declared is not None else None
        given = template.child_by_field_name("arguments")
        first = given.named_children[0] if given is not None and given.named_children else None
        if target is None or target.type != "identifier" or first is None or file.text_of(target) in self.begins:
            self.obscure = True
            return
        text = file.text_of(first)
        if text.isdigit():
            self.begins[file.text_of(target)] = int(text)
        elif text.endswith(f".{NEXT}()"):
            self.begins[file.text_of(target)] = text.removesuffix(f".{NEXT}()")
        else:
            self.obscure = True

    def ignores(self, first: int, hosts: Sequence[int], compiled: Compiled) -> bool:
        """Is it certain that nothing depends on the words from a compile-time argument on? `hosts` are the arguments at
        which the host's accessors begin, in order."""
        starts = {name: self._start(name, hosts) for name in self.begins}
        if self.obscure or ACCESSOR in self.written or None in starts.values():
            return False
        names = [name for name, start in starts.items() if start == first]
        return bool(names) and not any(self._used(name, compiled) for name in names)

    def _start(self, name: str, hosts: Sequence[int]) -> int | None:
        """The compile-time argument where the words of a variable begin, None when that cannot be told."""
        steps, at = 0, self.begins.get(name)
        while isinstance(at, str) and steps < len(self.begins):
            steps, at = steps + 1, self.begins.get(at)
        if not isinstance(at, int) or at not in hosts:
            return None
        position = list(hosts).index(at) + steps
        return hosts[position] if position < len(hosts) else None

    def _used(self, name: str, compiled: Compiled) -> bool:
        return name in self.written or any(
            not _only_begins(file, node) and not _left_out(file, node, compiled)
            for file, node in self.mentions.get(name, ())
        )


def _only_begins(file: SourceFile, name: Node) -> bool:
    """Is this the declaration itself, or a mention that asks for the end of the words?"""
    parent = name.parent
    if parent is None or parent.type == "init_declarator":
        return parent is not None and parent.child_by_field_name("declarator") == name
    field = parent.child_by_field_name("field") if parent.type == "field_expression" else None
    return field is not None and file.text_of(field) == NEXT


def _left_out(file: SourceFile, node: Node, compiled: Compiled) -> bool:
    """Do the kernel's defines leave a node out for certain?"""
    inner, outer = node, node.parent
    while outer is not None:
        name = outer.child_by_field_name("name") if outer.type in CONDITIONAL else None
        known = compiled.defined(file.text_of(name)) if name is not None and inner != name else None
        if known is not None:
            holds = known is (outer.children[0].type == "#ifdef")
            otherwise = inner.type.startswith("preproc_el")
            if (holds and inner.type == "preproc_else") or not (holds or otherwise):
                return True
        inner, outer = outer, outer.parent
    return False
