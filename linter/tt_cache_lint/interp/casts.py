"""Lowering of casts, and of the checks that throw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.interp import build, ops, solving
from tt_cache_lint.interp.access import value_of
from tt_cache_lint.interp.around import conditions_around, otherwise
from tt_cache_lint.interp.call_arguments import template_arguments
from tt_cache_lint.interp.interrupts import CHECK, Thrown
from tt_cache_lint.interp.memory import memory_of
from tt_cache_lint.interp.refs import Pointer
from tt_cache_lint.interp.scale import those_that_do
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import Absent, Opt, Ptr, Struct, Unknown, Val, Value, Vec, plain
from tt_cache_lint.source.defs import EnumDef

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.interp.expressions import Expressions
    from tt_cache_lint.interp.machine import Machine
    from tt_cache_lint.interp.names import Closure

CASTS = {"static_cast", "const_cast", "dynamic_cast", "reinterpret_cast", "narrow_cast", "safe_cast"}
CHECKS = {"assert", "TT_FATAL", "TT_ASSERT", "TT_FATAL_IF_NOT", "TT_CHECK", "TT_ASSERT_MSG"}
DEBUG_ONLY = {"assert", "TT_ASSERT", "TT_ASSERT_MSG"}


def cast(low: Expressions, target: Node, arg: Node, name: str) -> Closure:
    given = template_arguments(low, target)
    type_ = given[0] if given and isinstance(given[0], Type) else None
    if isinstance(given[0] if given else None, tuple):
        type_ = given[0][2]
    inner = low.initialiser(arg)
    if type_ is None:
        return inner
    if name == "reinterpret_cast" and type_.ptr:

        def reinterpret(f: list[Value]) -> Value:
            value = inner(f)
            if isinstance(value, (Pointer, Ptr)):
                from tt_cache_lint.interp.access import deref

                pointee = value_of(deref(f[0], value))
                memory = memory_of(f[0], pointee, type_) if isinstance(pointee, Struct) else None
                if memory is not None:
                    return memory
                bare = plain(pointee)
                if isinstance(bare, float):
                    bits: Value = ops.float_bits(bare)
                    if isinstance(pointee, Val):
                        bits = Val(bits, pointee.p, ("bits", pointee, None))
                    return Ptr(Vec([bits]), 0)
            return value

        return reinterpret
    enum = type_.decl if isinstance(type_.decl, EnumDef) else None
    if enum is not None:
        decl = enum
        return lambda f: build.enum_from_number(f[0], decl, inner(f))
    scalar = type_.scalar
    if scalar:
        return lambda f: ops.convert(f[0], inner(f), scalar)
    if type_.ref or type_.ptr:
        return low.lv(arg) if arg.type != "initializer_list" else inner
    kind = type_
    return lambda f: build.coerce(f[0], inner(f), kind)


def check(low: Expressions, node: Node, arg: Node) -> Closure:
    condition = low.ev(arg)
    text = low.text(arg)[:160]
    key = f"{low.file.path}:{low.file.line(node)}"
    target = node.child_by_field_name("function")
    around = conditions_around(low, node)
    debug_only = target is not None and low.text(target) in DEBUG_ONLY

    def run(f: list[Value]) -> None:
        value = condition(f)
        if value is True:
            return
        m: Machine = f[0]
        if not ops.truth(m, value, touch=m.phase == "override"):
            if debug_only and m.phase == "override":
                return  # compiled out, so what follows runs on a hit (tt_stl/tt_stl/assert.hpp:155-168)
            p = value.p if isinstance(value, (Val, Unknown, Opt, Absent)) else 0
            if not m.checks and m.broke_before(f"{m.phase}: {key}", p):
                return
            repairs = those_that_do(value, True, solving.want(value, True))
            guessed = not repairs
            if guessed:
                latest = m.thrown(text)
                repairs, p = list(latest.repairs), p | latest.mask
            if not m.checks:
                m.violate(f"{m.phase}: {key}", repairs, p)
                return
            message, others = f"TT_FATAL({text})", otherwise(m, around)
            raise Thrown(message, p, tuple(repairs[:24]), guessed, others, kind=CHECK, mark=low.mark(node))

    return run
