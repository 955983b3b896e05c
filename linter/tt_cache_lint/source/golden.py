"""Which ops have a golden function: those that ttnn/ttnn/operations/*.py attach one to. Python is read, never run."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tt_cache_lint.source.files import MAX_BYTES, SourceTree

FOLDER = "ttnn/ttnn"
ATTACH = "attach_golden_function"


def has_golden(tree: SourceTree, name: str) -> bool:
    """Is `name` (`ttnn.layer_norm`) the first argument of an attach_golden_function() call?"""
    return any(name == attached for text in _texts(tree, name) for attached in _attached(text))


def _texts(tree: SourceTree, name: str) -> Iterator[bytes]:
    """The Python files that mention both."""
    for path in sorted((tree.root / FOLDER).rglob("*.py")):
        try:
            if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_BYTES:
                continue
            text = path.read_bytes()
        except OSError:  # then it attaches nothing that we know of
            continue
        if ATTACH.encode() in text and name.encode() in text:
            yield text


def _attached(text: bytes) -> Iterator[str]:
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and node.args and _dotted(node.func).rpartition(".")[2] == ATTACH:
            yield _dotted(node.args[0])


def _dotted(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""
