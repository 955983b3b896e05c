"""What a device kernel does with a runtime argument: whether it only calculates with it.

A number that decides how often a loop runs, which way a branch goes or which word of memory is meant is a count or a
place. One that is only handed to the calculation (an exponent, a seed, a step) is data.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tt_cache_lint.device.kernel_code import KernelCode
from tt_cache_lint.source.nodes import within

if TYPE_CHECKING:
    from tree_sitter import Node

READERS = {False: "get_arg_val", True: "get_common_arg_val"}
DECIDING = {
    "for_statement": ("condition", "update", "initializer"),
    "for_range_loop": ("right",),
    "while_statement": ("condition",),
    "do_statement": ("condition",),
    "if_statement": ("condition",),
    "switch_statement": ("condition",),
    "conditional_expression": ("condition",),
    "subscript_expression": ("indices", "index"),
}


def is_data(code: KernelCode, index: int, common: bool = False) -> bool:
    """Does the kernel read this argument by its number, and decide nothing by it?

    False as well where that cannot be told: no read with a literal index is found.
    """
    if code.body is None:
        return False
    nodes = [code.body, *within(code.body)]
    reads = {node.id for node in nodes if _reads(code, node, index, common)}
    if not reads:
        return False
    names: set[str] = set()
    while True:
        more = {name for node in nodes if (name := _assigned(code, node, reads, names)) and name not in names}
        if not more:
            break
        names |= more
    return not any(_mentions(code, part, reads, names) for node in nodes for part in _deciding(node))


def _reads(code: KernelCode, node: Node, index: int, common: bool) -> bool:
    if node.type != "call_expression":
        return False
    callee, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    name = callee.child_by_field_name("name") if callee is not None and callee.type == "template_function" else None
    if name is None or code.file.text_of(name) != READERS[common] or given is None or len(given.named_children) != 1:
        return False
    try:
        return int(code.file.text_of(given.named_children[0]).rstrip("uUlL"), 0) == index
    except ValueError:
        return False


def _assigned(code: KernelCode, node: Node, reads: set[int], names: set[str]) -> str:
    """The variable that a statement gives something which derives from the argument."""
    if node.type == "init_declarator":
        target, value = node.child_by_field_name("declarator"), node.child_by_field_name("value")
    elif node.type == "assignment_expression":
        target, value = node.child_by_field_name("left"), node.child_by_field_name("right")
    else:
        return ""
    if target is None or value is None or not _mentions(code, value, reads, names):
        return ""
    return code.file.text_of(target)


def _deciding(node: Node) -> Iterator[Node]:
    for name in DECIDING.get(node.type, ()):
        yield from node.children_by_field_name(name)


def _mentions(code: KernelCode, part: Node, reads: set[int], names: set[str]) -> bool:
    return any(
        node.id in reads or (node.type == "identifier" and code.file.text_of(node) in names)
        for node in (part, *within(part))
    )
