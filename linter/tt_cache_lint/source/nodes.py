"""Walking syntax trees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node


def within(node: Node) -> Iterator[Node]:
    """All named nodes below one, each before what stands in it."""
    left = node.named_children[::-1]
    while left:
        below = left.pop()
        yield below
        left += below.named_children[::-1]
