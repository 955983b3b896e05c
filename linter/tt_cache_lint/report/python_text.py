"""Pieces of Python source: names, literals, calls laid out as black and ruff do. Nothing here can leave its place.

What comes from a checked repository is data: a name is used only when it is a plain identifier, a string only as a
literal, a sentence only inside a comment of one line.
"""

from __future__ import annotations

import json
import keyword
import math
from collections.abc import Iterator, Sequence

from tt_cache_lint.call import Scalar
from tt_cache_lint.report.safe import visible

WIDTH = 120
TAKEN = {"device", "mesh_device", "torch", "ttnn", "output", "outputs", "tensors", "self"}


def is_identifier(text: str) -> bool:
    """A plain ASCII identifier that is no keyword."""
    return text.isascii() and text.isidentifier() and not keyword.iskeyword(text)


def identifier(text: str, other: str) -> str:
    """`text` if it is a plain identifier that a variable may have, else `other`."""
    return text if is_identifier(text) and text not in TAKEN else other


def is_dotted(text: str) -> bool:
    """Is it `ttnn.experimental.dropout`, identifiers only?"""
    return all(map(is_identifier, text.split(".")))


def snake(text: str) -> str:
    """A C++ class name as part of a Python one: `MultiCoreDRAMFold` -> `multi_core_dram_fold`."""
    out = ""
    for at, char in enumerate(text):
        if not (char.isascii() and char.isalnum()):
            out += "_"
            continue
        before, after = text[at - 1 : at], text[at + 1 : at + 2]
        if char.isupper() and (before.islower() or before.isdigit() or (before.isupper() and after.islower())):
            out += "_"
        out += char.lower()
    return "_".join(part for part in out.split("_") if part)


def literal(value: Scalar) -> str:
    """A Python literal; a float that has none is spelled as a call."""
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if isinstance(value, str):
        return json.dumps(value)  # ASCII, and its escapes are Python's too
    return repr(value)


def comment(text: str, indent: str = "") -> list[str]:
    """A sentence as comment lines of at most the width; newlines and controls in it are spelled out."""
    lines, line = [], ""
    most = WIDTH - len(indent) - 2
    for word in (part for whole in visible(text).split() for part in _cut(whole, most)):
        if line and len(indent) + 2 + len(line) + 1 + len(word) > WIDTH:
            lines.append(line)
            line = ""
        line = f"{line} {word}" if line else word
    return [f"{indent}# {part}" for part in (*lines, line) if part]


def _cut(word: str, most: int) -> Iterator[str]:
    yield from (word[at : at + most] for at in range(0, len(word), most))


def call(head: str, arguments: Sequence[str], indent: str, tail: str = ")") -> list[str]:
    """`head` (it ends in an opening bracket), arguments and `tail`, on one line, on three, or one argument a line.

    A list or a tuple has no layout on three lines.
    """
    inner = indent + "    "
    marked = any("  # " in argument or "\n" in argument for argument in arguments)
    flat = f"{indent}{head}{', '.join(arguments)}{tail}"
    if not marked and len(flat) <= WIDTH:
        return [flat]
    joined = f"{inner}{', '.join(arguments)}"
    if not marked and len(joined) <= WIDTH and not head[:-1].endswith(" "):
        return [f"{indent}{head}", joined, f"{indent}{tail}"]
    return [f"{indent}{head}", *(_element(inner, argument) for argument in arguments), f"{indent}{tail}"]


def _element(indent: str, argument: str) -> str:
    value, mark, remark = argument.partition("  # ")
    return f"{indent}{value},{mark}{remark}"
