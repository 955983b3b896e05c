"""What the framework of the analysed tree does with descriptors on a hit: its rules moved several times in 2026.

They are read from the tree's own ttnn/api/ttnn/mesh_device_operation_adapter.hpp (facts/since_may_2026.md section 0).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tt_cache_lint.interp.types import Type
from tt_cache_lint.source.defs import FunctionDef, StructDef

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.factory.found import Operation
    from tt_cache_lint.interp.interp import Interp
    from tt_cache_lint.source.files import SourceFile

HOOK = "override_runtime_arguments"
HOOK_ARGUMENTS = ("Program&", "attributes", "tensor args", "return value", "coordinate")
ADAPTER = "ttnn/api/ttnn/mesh_device_operation_adapter.hpp"
DYNAMIC = "get_dynamic_runtime_args"
OF_DESCRIPTORS = "DescriptorMeshWorkloadAdapter"  # the class that does it for one factory, which ops may use themselves
# What the adapter says where it does these things (facts/since_may_2026.md sections 0 and 1.3).
OF_FACTORY = b"DescriptorFactory::override_runtime_arguments"
OF_OPERATION = b"DeviceOperation::override_runtime_arguments"
TELLS_INPUTS_APART = b"num_input_buffers"
APPLY = b"apply_descriptor"
OF_WORKLOAD = b"(has_workload_descriptor)"


def binds_in_place(interp: Interp) -> bool:
    """Is an output that lies in an input's buffer bound, as that input?"""
    adapter = interp.index.tree.get(ADAPTER)
    return adapter is not None and TELLS_INPUTS_APART in adapter.original


def dynamic(interp: Interp, op: Operation | None) -> str:
    """The reason to skip an op that names arguments to be written on a hit, as some did from June to August 2026
    (facts/since_may_2026.md section 1.2); "" for others."""
    adapter = interp.index.tree.get(ADAPTER)
    known = adapter is None or DYNAMIC.encode() in adapter.original
    has = op is not None and any(f.body is not None for f in interp.methods(op.struct, DYNAMIC))
    return f"what {DYNAMIC}() refreshes is not modelled" if known and has else ""


def wrapped_factory(type_: Type) -> StructDef | None:
    """The factory that a use of the adapter's class is for; None for any other type."""
    inner = type_.args[0] if type_.name == OF_DESCRIPTORS and type_.args else None
    return inner.decl if isinstance(inner, Type) and isinstance(inner.decl, StructDef) else None


def is_wrapped(interp: Interp, op: Operation, struct: StructDef) -> bool:
    """Does another of an op's factories have the adapter make and refresh what this one describes?"""
    defs = interp.index.defs(op.struct.file.path)
    for alias in (a for group in defs.aliases.values() for a in group) if defs is not None else ():
        if alias.type is not None and alias.scope[: len(op.struct.inner)] == op.struct.inner:
            if wrapped_factory(interp.scoping(alias.file, alias.scope).type(alias.type)) is struct:
                return True
    return False


def hook(interp: Interp, struct: StructDef, op: StructDef | None) -> FunctionDef | None:
    """The override that the analysed tree's adapter calls: the factory's own or, for a while, its operation's."""
    adapter = interp.index.tree.get(ADAPTER)
    if adapter is None:
        return hook_in(interp, struct)
    owners = (OF_FACTORY, struct), (OF_OPERATION, op)
    found = (_called(interp, owner, adapter, name) for name, owner in owners if owner is not None)
    return next((one for one in found if one is not None), None)


def hook_of_workload(interp: Interp, struct: StructDef) -> FunctionDef | None:
    """The override of a factory of whole workloads that a hit calls once their bindings are patched.

    It did in July and again from some day in autumn 2026 on, and not in between (facts/since_may_2026.md section 1.4).
    """
    adapter = interp.index.tree.get(ADAPTER)
    if adapter is None:
        return hook_in(interp, struct)
    for call in _calls(adapter, OF_FACTORY):
        if _of_workloads(adapter, call):
            return hook_in(interp, struct, _given(call))
    return None


def hook_in(interp: Interp, struct: StructDef, given: int = len(HOOK_ARGUMENTS)) -> FunctionDef | None:
    """The override in a class that refreshes a Program by itself and can be called with this many arguments."""
    for method in interp.methods(struct, HOOK):
        if method.body is not None and not why_no_hook(interp, method, given):
            return method
    return None


def why_no_hook(interp: Interp, method: FunctionDef, given: int = len(HOOK_ARGUMENTS)) -> str:
    """Why the adapter, which passes so many arguments, cannot call an override; "" when it can."""
    needed = sum(p.default is None for p in method.params)
    if not needed <= given <= len(method.params):
        count = f"{len(method.params)} parameter{'s' * (len(method.params) != 1)}"
        return f"it has {count}, and the framework calls one of {given} ({', '.join(HOOK_ARGUMENTS[:given])})"
    first = method.params[0]
    type_ = interp.scoping(method.file, method.scope).type(first.type, first.declarator)
    return "" if type_.name == "Program" else "its first parameter is not the Program"


def why_uncalled(interp: Interp, method: FunctionDef, of_workloads: bool = False) -> str:
    """Why the analysed tree's adapter does not call an override of a factory."""
    adapter = interp.index.tree.get(ADAPTER)
    calls = [c for c in _calls(adapter, OF_FACTORY) if not of_workloads or _of_workloads(adapter, c)] if adapter else []
    if adapter is not None and not calls:
        return "the framework of this tree calls none of such a factory"
    return why_no_hook(interp, method, _given(calls[0]) if calls else len(HOOK_ARGUMENTS))


def _called(interp: Interp, owner: StructDef, adapter: SourceFile, name: bytes) -> FunctionDef | None:
    found = (hook_in(interp, owner, _given(call)) for call in _calls(adapter, name))
    return next((one for one in found if one is not None), None)


def _calls(adapter: SourceFile, name: bytes) -> Iterator[Node]:
    """Where the adapter calls a function, and does not just ask whether it could."""
    at = -1
    while (at := adapter.text.find(name, at + 1)) >= 0:
        node: Node | None = adapter.root.descendant_for_byte_range(at, at + len(name))
        while node is not None and node.type != "call_expression":
            node = node.parent
        called = node.child_by_field_name("function") if node is not None else None
        if node is not None and called is not None and called.start_byte == at and not _asks(node):
            yield node


def _asks(node: Node) -> bool:
    return any(above.type == "requires_expression" for above in _above(node))


def _above(node: Node) -> Iterator[Node]:
    above = node.parent
    while above is not None:
        yield above
        above = above.parent


def _given(call: Node) -> int:
    arguments = call.child_by_field_name("arguments")
    return sum(child.type != "comment" for child in arguments.named_children) if arguments is not None else 0


def _of_workloads(adapter: SourceFile, call: Node) -> bool:
    """Is it called when a cached workload is used again?"""
    text, below, branch = adapter.text, call, False
    for above in _above(call):
        if above.type == "if_statement":
            condition, taken = above.child_by_field_name("condition"), above.child_by_field_name("consequence")
            said = text[condition.start_byte : condition.end_byte] if condition is not None else b""
            branch = branch or (said == OF_WORKLOAD and taken == below)
        elif above.type == "function_definition":
            declarator = above.child_by_field_name("declarator")
            said = text[declarator.start_byte : declarator.end_byte] if declarator is not None else b""
            return branch and APPLY in said
        below = above
    return False
