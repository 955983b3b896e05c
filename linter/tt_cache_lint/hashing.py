"""What a program hash covers: the op's own compute_program_hash is executed, and what reaches the hash is noted.

The default hash covers all attributes and tensor specs, never an address (facts/device_model.md section 8).
"""

from __future__ import annotations

from typing import Any

from tt_cache_lint.device.inputs import InputStruct, make_input
from tt_cache_lint.device.program import enter
from tt_cache_lint.factory.found import Factory
from tt_cache_lint.interp.access import value_of
from tt_cache_lint.interp.interp import Interp
from tt_cache_lint.interp.machine import Machine
from tt_cache_lint.interp.registry import Site, function
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import (
    InitList,
    Interrupt,
    Opt,
    Struct,
    Unknown,
    Value,
    Vec,
    mask,
)
from tt_cache_lint.interp.world import World
from tt_cache_lint.source.defs import StructDef

ATTRIBUTES = "operation_attributes"


@function("hash_operation", "hash_objects_with_default_seed", "hash_objects", "hash_combine", "hash_object")
def note_hashed(m: Machine, site: Site, args: list[Value]) -> Value:
    """Everything given to the hash is covered."""
    m.hash_sink.extend(args)
    return Unknown("hash", 0)


def varying_attributes(interp: Interp, factory: Factory) -> frozenset[str]:
    """The scalar attributes that a hash written by hand leaves out; empty for the default hash."""
    op = factory.op
    if op is None:
        return frozenset()
    custom = op.methods.get("compute_program_hash")
    narrowed = _listed(interp, factory.attributes)
    if custom is None and narrowed is None:
        return frozenset()
    leaves = set(scalar_leaves(interp, factory.attributes, ATTRIBUTES))
    if custom is None:
        return frozenset(leaf for leaf in leaves if leaf.split(".")[1] not in (narrowed or ()))
    covered: set[str] = set()
    for flip in (False, True):
        found = _covered(interp, factory, custom, flip)
        if found is None:
            return frozenset()
        covered |= found
    if narrowed is not None and ATTRIBUTES in covered:
        covered = (covered - {ATTRIBUTES}) | {f"{ATTRIBUTES}.{name}" for name in narrowed}
    return frozenset(leaf for leaf in leaves if not _within(leaf, covered))


def _within(leaf: str, covered: set[str]) -> bool:
    parts = leaf.split(".")
    return any(".".join(parts[:n]) in covered for n in range(1, len(parts) + 1))


def _covered(interp: Interp, factory: Factory, custom: Any, flip: bool) -> set[str] | None:
    """The keys of inputs that reach the hash; None when the function cannot be followed."""
    world = World(1 if flip else 0)
    m = Machine(interp, world)
    m.checks = False
    enter(m)
    m.hash_sink = []
    m.phase = "hash"
    attributes = make_input(m, factory.attributes, ATTRIBUTES, 1)
    tensor_args = make_input(m, factory.tensor_args, "tensor_args", 1)
    code = interp.instance(custom, {}, interp.owner_of(custom))
    try:
        result = value_of(m.invoke(code, [attributes, tensor_args]))
    except Interrupt:
        return None
    covered: set[str] = set()
    for value in [*m.hash_sink, result]:
        _cover(world, value, covered)
    for name in m.unknown:
        if not name.startswith("loop"):
            return None
    return covered


def _cover(world: World, value: Value, covered: set[str]) -> None:
    if isinstance(value, Opt):
        value = value.v
    if isinstance(value, InputStruct):
        overwritten = set(value.fields)
        if not overwritten:
            covered.add(value.key)
        else:
            names = [f.name for f in value.type.fields] if value.type is not None else []
            covered.update(f"{value.key}.{n}" for n in names if n not in overwritten)
            for name in overwritten:
                _cover(world, value.fields[name], covered)
        return
    if isinstance(value, Struct):
        for item in value.fields.values():
            _cover(world, item, covered)
        return
    if isinstance(value, (Vec, InitList)):
        for item in value.items:
            _cover(world, item, covered)
    covered.update(_input_of(leaf) for leaf in world.leaves(mask(value)))


def _input_of(leaf: str) -> str:
    """The input a leaf belongs to: hashing an optional covers its value, hashing a list its items."""
    for suffix in (".has_value", ".size", ".index"):
        leaf = leaf.removesuffix(suffix)
    return leaf.partition("[")[0]


def _listed(interp: Interp, type_: Type) -> tuple[str, ...] | None:
    """The members that attribute_values lists instead of all (reflection's replacement); None without one."""
    decl = type_.decl
    if not isinstance(decl, StructDef):
        return None
    for name in ("attribute_values", "to_hash"):
        for method in interp.methods(decl, name):
            if method.body is None:
                continue
            words = set()
            stack = [method.body]
            while stack:
                node = stack.pop()
                if node.type in ("identifier", "field_identifier"):
                    words.add(method.file.text_of(node))
                stack.extend(node.named_children)
            return tuple(f.name for f in decl.fields if f.name in words)
    return None


def scalar_leaves(interp: Interp, type_: Type, key: str, depth: int = 0) -> list[str]:
    """The numbers among the attributes, by key."""
    decl = type_.decl
    if not isinstance(decl, StructDef) or depth > 1:
        return []
    found = []
    for field in interp.fields(decl).values():
        inner = interp.field_type(field, {}, ())
        name = f"{key}.{field.name}"
        if inner.scalar and inner.scalar != "bool":
            found.append(name)
        elif inner.name == "optional" and inner.args and isinstance(inner.args[0], Type) and inner.args[0].scalar:
            if inner.args[0].scalar != "bool":
                found.append(name)
        elif isinstance(inner.decl, StructDef):
            found.extend(scalar_leaves(interp, inner, name, depth + 1))
    return found
