"""Default arguments of a definition: they stand on a declaration elsewhere, mostly in a header."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tt_cache_lint.source.defs import FunctionDef
from tt_cache_lint.source.files import SourceFile

if TYPE_CHECKING:
    from tree_sitter import Node


def give_defaults(function: FunctionDef, declarations: Iterable[FunctionDef]) -> None:
    """Give the parameters of a definition the default arguments of its declaration, one of those of its name.

    Of overloads that is the one with the same types; where these are spelled in two ways, the first with defaults.
    """
    declared = [d for d in declarations if len(d.params) == len(function.params) and _related(d, function)]
    types = _spelled(function)
    for declaration in [d for d in declared if _spelled(d) == types] or declared:
        if any(p.default for p in declaration.params):
            for mine, theirs in zip(function.params, declaration.params, strict=True):
                if mine.default is None and theirs.default is not None:
                    mine.default = theirs.default
                    mine.default_file = declaration.file
            return


def _related(declaration: FunctionDef, function: FunctionDef) -> bool:
    """May a declaration be that of a function, by the classes and namespaces around them?"""
    if declaration.scope[-1:] == function.scope[-1:] or not declaration.scope or not function.scope:
        return True
    return bool(set(declaration.scope) & set(function.scope))


def _spelled(function: FunctionDef) -> list[list[str]]:
    """The parameters' types as they are written, without namespaces."""
    return [_words(function.file, p.type) if p.type is not None else [] for p in function.params]


def _words(file: SourceFile, node: Node) -> list[str]:
    if node.type in ("namespace_identifier", "::"):
        return []
    if not node.children:
        return [file.text_of(node)]
    return [word for child in node.children for word in _words(file, child)]
