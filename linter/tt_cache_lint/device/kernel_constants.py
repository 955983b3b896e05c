"""Which compile-time arguments a device kernel makes nothing of.

A word that the host compiles in may be fetched by the kernel, or not, and what is fetched may never be used. Read are
the kernel and the headers of the tree that it includes. Whatever could be a use counts as one: any other mention of
the variable's or member's name, an index that is no literal, a macro that reads compile-time arguments.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from tt_cache_lint.source.files import SourceFile, SourceTree
from tt_cache_lint.source.nodes import within

if TYPE_CHECKING:
    from tree_sitter import Node

READ = "get_compile_time_arg_val"
ARRAY = "kernel_compile_time_args"  # the words themselves (tt_metal/hw/inc/compile_time_args.h)
ACCESSOR = "TensorAccessorArgs"  # reads from its first index upwards (tensor_accessor_args.h)
NEXT = "next_compile_time_args_offset"  # where the accessor before it ends
THROUGH = {"parenthesized_expression", "binary_expression", "unary_expression", "cast_expression"}
# How headers of ops are included, now and in older trees; others are the device's own and read no word by its number.
OPS = (".", "ttnn/", "cpp/", "tt_eager/", "tt_dnn/", "tests/", "models/")
MOST_FILES = 60
_WORD = re.compile(r"[A-Za-z_]\w*")


class CompileTimeUses:
    """What the files of one kernel do with its compile-time arguments."""

    def __init__(self, files: list[SourceFile]) -> None:
        self.reads: dict[int, list[tuple[SourceFile, Node]]] = {}
        self.names: Counter[str] = Counter()
        self.structs: dict[str, list[list[str]]] = {}
        self.lowest: int | None = None  # where the first tensor accessor begins
        self.obscure = False  # something may read any of them
        self.unpacked = False  # a structure is taken apart by position
        for file in files:
            for node in within(file.root):
                self._note(file, node)

    def ignores(self, index: int) -> bool:
        """Is it certain that nothing depends on a compile-time argument?"""
        if self.obscure or (self.lowest is not None and index >= self.lowest):
            return False
        return not any(self._used(file, node) for file, node in self.reads.get(index, ()))

    def _note(self, file: SourceFile, node: Node) -> None:
        kind = node.type
        if kind.endswith("identifier") and not node.named_children:
            name = file.text_of(node)
            self.names[name] += 1
            self.obscure = self.obscure or name == ARRAY
        elif kind == "preproc_arg":
            text = file.text_of(node)
            self.names.update(_WORD.findall(text))
            self.obscure = self.obscure or "compile_time_arg" in text
        elif kind == "call_expression":
            callee, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
            if callee is not None and file.text_of(callee).rpartition("::")[2] == READ:
                index = _literal(file, given.named_children) if given is not None else None
                if index is None:
                    self.obscure = True
                else:
                    self.reads.setdefault(index, []).append((file, node))
        elif kind in ("template_type", "template_function"):
            self._template(file, node)
        elif kind in ("struct_specifier", "class_specifier"):
            self._struct(file, node)
        elif kind == "structured_binding_declarator":
            self.unpacked = True

    def _template(self, file: SourceFile, node: Node) -> None:
        name, given = node.child_by_field_name("name"), node.child_by_field_name("arguments")
        if name is None or given is None or file.text_of(name) != ACCESSOR:
            return
        first = _literal(file, given.named_children[:1])
        if first is not None:
            self.lowest = first if self.lowest is None else min(first, self.lowest)
        elif NEXT not in file.text_of(given):
            self.obscure = True

    def _struct(self, file: SourceFile, node: Node) -> None:
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is None or body is None:
            return
        members = []
        for field in body.named_children:
            if field.type == "field_declaration":
                members += [file.text_of(d) for d in field.children_by_field_name("declarator")]
        self.structs.setdefault(file.text_of(name), []).append(members)

    # -- one read ------------------------------------------------------------------------------------------------------

    def _used(self, file: SourceFile, read: Node) -> bool:
        """Follow what is read to the variable or member that keeps it: is that mentioned anywhere else?"""
        node, parent = read, read.parent
        while parent is not None and (parent.type in THROUGH or _is_cast(file, parent)):
            node, parent = parent, parent.parent
        if parent is None:
            return True
        if parent.type == "expression_statement":
            return False
        if parent.type == "init_declarator":
            target = parent.child_by_field_name("declarator")
            return target is None or target.type != "identifier" or self.names[file.text_of(target)] > 1
        if parent.type == "initializer_list":
            member = self._member(file, parent, [child.id for child in parent.named_children].index(node.id))
            return not member or self.unpacked or self.names[member] > 1
        return True

    def _member(self, file: SourceFile, given: Node, position: int) -> str:
        """The member that an element of `Type{...}` initialises; "" where that cannot be told."""
        made = given.parent
        type_ = made.child_by_field_name("type") if made is not None else None
        if type_ is None:
            return ""
        name = type_.child_by_field_name("name") if type_.type == "template_type" else type_
        known = self.structs.get(file.text_of(name), []) if name is not None else []
        return known[0][position] if len(known) == 1 and position < len(known[0]) else ""


def compile_time_uses(tree: SourceTree, kernel: SourceFile) -> CompileTimeUses:
    """Of a kernel with the headers below the root that it includes."""
    files, missing = with_headers(tree, kernel)
    uses = CompileTimeUses(files)
    uses.obscure = uses.obscure or missing
    return uses


def with_headers(tree: SourceTree, kernel: SourceFile) -> tuple[list[SourceFile], bool]:
    """A kernel and the headers below the root that it includes; and whether one of an op is missing."""
    files, seen, missing = [kernel], {kernel.path}, False
    for file in files:  # grows on the way
        for include in file.includes:
            path = tree.resolve(include, file.path)
            if path is None:
                missing = missing or include.startswith(OPS)
            elif path not in seen:
                seen.add(path)
                found = tree.get(path) if len(files) < MOST_FILES else None
                missing = missing or found is None
                files += [found] if found is not None else []
    return files, missing


def _literal(file: SourceFile, given: list[Node]) -> int | None:
    if len(given) != 1:
        return None
    try:
        return int(file.text_of(given[0]).rstrip("uUlL"), 0)
    except ValueError:
        return None


def _is_cast(file: SourceFile, node: Node) -> bool:
    """Is a node a static_cast or its list of arguments?"""
    call = node.parent if node.type == "argument_list" else node
    callee = call.child_by_field_name("function") if call is not None and call.type == "call_expression" else None
    name = callee.child_by_field_name("name") if callee is not None and callee.type == "template_function" else None
    return name is not None and file.text_of(name) == "static_cast"
