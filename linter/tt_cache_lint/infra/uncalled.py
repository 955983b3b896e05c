"""Overrides that nothing calls: the framework looks for another signature, or for none, and says nothing about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from tt_cache_lint.infra.adapter import ADAPTER, HOOK
from tt_cache_lint.interp.types import Type
from tt_cache_lint.source.declarators import qualified
from tt_cache_lint.source.defs import FunctionDef, StructDef

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.factory.find import Finder
    from tt_cache_lint.factory.found import Uncalled
    from tt_cache_lint.source.files import SourceFile
    from tt_cache_lint.source.walk import FileDefs

OPERATIONS = "operations/"  # below it stand the ops, and above it the framework, which has been asked


def uncalled(finder: Finder, struct: StructDef, why: Callable[[FunctionDef], str]) -> Uncalled | None:
    """The override of a factory without one that the framework calls; `why` says what keeps it from doing so.

    None where another function calls it, or may: then it is a helper that has the name of an override.
    """
    from tt_cache_lint.factory.found import Uncalled

    own = [method for method in finder.interp.methods(struct, HOOK) if method.body is not None]
    if not own or any(_is_called(finder, path, struct) for path in _mentioning(finder, struct)):
        return None
    return Uncalled(own[0], why(own[0]), seen=finder.tree.get(ADAPTER) is not None)


def _mentioning(finder: Finder, struct: StructDef) -> Iterator[str]:
    """The files in which it can be called by its name."""
    top, found, _ = struct.file.path.rpartition(OPERATIONS)
    return finder.tree.mentioning(top + found.rstrip("/"), HOOK.encode(), struct.name.encode())


def _is_called(finder: Finder, path: str, struct: StructDef) -> bool:
    defs = finder.index.defs(path)
    if defs is None:
        return False
    return any(_may_be(finder, defs, called, struct) for called in _calls(defs.file))


def _calls(file: SourceFile) -> Iterator[Node]:
    """What is called, wherever something of this name is."""
    at = -1
    while (at := file.text.find(HOOK.encode(), at + 1)) >= 0:
        name: Node | None = file.root.descendant_for_byte_range(at, at + len(HOOK))
        while name is not None and name.parent is not None and name.parent.type == "qualified_identifier":
            name = name.parent
        above = name.parent if name is not None else None
        if name is not None and above is not None and name.type == "field_identifier":
            name, above = above, above.parent
        if name is not None and above is not None and above.type == "call_expression":
            yield name


def _may_be(finder: Finder, defs: FileDefs, called: Node, struct: StructDef) -> bool:
    """Can it be the member of this class that is called? False when it certainly is another's."""
    within = _function_around(defs, called)
    if called.type == "identifier":
        return within is not None and finder.interp.owner_of(within) is struct
    if called.type != "qualified_identifier" or within is None:
        return True
    path, _ = qualified(defs.file, called)
    found = finder.interp.scoping(defs.file, within.scope).named(path[:-1])
    return not isinstance(found, Type) or found.decl is None or found.decl is struct


def _function_around(defs: FileDefs, node: Node) -> FunctionDef | None:
    around = [
        function
        for group in defs.functions.values()
        for function in group
        if function.body is not None and function.body.start_byte <= node.start_byte < function.body.end_byte
    ]
    return max(around, key=lambda f: f.body.start_byte if f.body is not None else 0, default=None)
