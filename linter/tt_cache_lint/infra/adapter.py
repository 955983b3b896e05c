"""What the framework of the analysed tree does with descriptors on a hit: its rules moved several times in 2026.

They are read from the tree's own ttnn/api/ttnn/mesh_device_operation_adapter.hpp (facts/since_may_2026.md section 0).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.source.defs import FunctionDef, StructDef
from tt_cache_lint.source.nodes import within

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.factory.find import Finder
    from tt_cache_lint.factory.found import Operation
    from tt_cache_lint.interp.interp import Interp

HOOK = "override_runtime_arguments"
HOOK_PARAMS = (4, 5)  # (program, attributes, tensor arguments, return value[, coordinate])
ADAPTER = "ttnn/api/ttnn/mesh_device_operation_adapter.hpp"
DYNAMIC = "get_dynamic_runtime_args"
# What the adapter says where it does these things (facts/since_may_2026.md sections 0 and 1.3).
CALLS_HOOK = b"DescriptorFactory::override_runtime_arguments"
CALLS_HOOK_OF_OPERATION = b"DeviceOperation::override_runtime_arguments"
TELLS_INPUTS_APART = b"num_input_buffers"
APPLY = b"apply_descriptor"
OF_WORKLOAD = b"(has_workload_descriptor)"


def binds_in_place(interp: Interp) -> bool:
    """Is an output that lies in an input's buffer bound, as that input?"""
    adapter = interp.index.tree.get(ADAPTER)
    return adapter is not None and TELLS_INPUTS_APART in adapter.original


def dynamic(finder: Finder, op: Operation | None) -> str:
    """The reason to skip an op that names arguments to be written on a hit, as some did from June to August 2026
    (facts/since_may_2026.md section 1.2); "" for others."""
    adapter = finder.tree.get(ADAPTER)
    known = adapter is None or DYNAMIC.encode() in adapter.original
    has = op is not None and any(f.body is not None for f in finder.interp.methods(op.struct, DYNAMIC))
    return f"what {DYNAMIC}() refreshes is not modelled" if known and has else ""


def hook(finder: Finder, struct: StructDef, op: StructDef | None) -> FunctionDef | None:
    """The override that the analysed tree's adapter calls: the factory's own or, for a while, its operation's."""
    adapter = finder.tree.get(ADAPTER)
    if adapter is None:
        return hook_in(finder, struct)
    called = (CALLS_HOOK, struct), (CALLS_HOOK_OF_OPERATION, op)
    found = (hook_in(finder, owner) for text, owner in called if owner is not None and text in adapter.original)
    return next((one for one in found if one is not None), None)


def hook_in(finder: Finder, struct: StructDef) -> FunctionDef | None:
    """The override in a class that refreshes a Program by itself."""
    for method in finder.interp.methods(struct, HOOK):
        if method.body is None or len(method.params) not in HOOK_PARAMS:
            continue
        first = method.params[0]
        if finder.interp.scoping(method.file, method.scope).type(first.type, first.declarator).name == "Program":
            return method
    return None


def workloads_call_hook(finder: Finder) -> bool:
    """Does a hit call the override of a factory of whole workloads, once their bindings are patched?

    It did in July and again from some day in autumn 2026 on, and not in between (facts/since_may_2026.md section 1.4).
    """
    adapter = finder.tree.get(ADAPTER)
    if adapter is None:
        return True
    text = adapter.text
    for function in within(adapter.root):
        declarator = function.child_by_field_name("declarator") if function.type == "function_definition" else None
        if declarator is None or APPLY not in text[declarator.start_byte : declarator.end_byte]:
            continue
        for branch in within(function):
            condition = branch.child_by_field_name("condition") if branch.type == "if_statement" else None
            taken = branch.child_by_field_name("consequence")
            if condition is None or taken is None or text[condition.start_byte : condition.end_byte] != OF_WORKLOAD:
                continue
            if any(_calls_hook(text, node) for node in within(taken)):
                return True
    return False


def _calls_hook(text: bytes, node: Node) -> bool:
    called = node.child_by_field_name("function") if node.type == "call_expression" else None
    return called is not None and text[called.start_byte : called.end_byte].endswith(b"::" + HOOK.encode())
