"""The arguments of a call, as written: values, lvalues, packs and template arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp.access import value_of
from tt_cache_lint.interp.literals import LVALUES
from tt_cache_lint.interp.registry import CONSTRUCTORS
from tt_cache_lint.interp.statics import decltype, find_decltype
from tt_cache_lint.interp.types import STANDARD, Type
from tt_cache_lint.interp.values import Struct, Unknown, Value, Vec, plain

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.interp.expressions import Expressions
    from tt_cache_lint.interp.names import Closure


def lowered_argument(low: Expressions, node: Node) -> Closure:
    if node.type == "initializer_list":
        return low.initialiser(node)
    if node.type == "pointer_expression" or node.type in LVALUES:
        return low.lv(node)
    return low.ev(node)


def value_argument(low: Expressions, node: Node) -> Closure:
    """Like `lowered_argument` where only the value counts: names are read without making a reference first.

    Other lvalues stay as they are: lowering each of nested calls twice would take exponential time.
    """
    inner = node
    while inner.type == "field_expression":
        argument = inner.child_by_field_name("argument")
        if argument is None:
            break
        inner = argument
    return low.ev(node) if inner.type in ("identifier", "this") else lowered_argument(low, node)


def template_arguments(low: Expressions, target: Node) -> tuple[Any, ...]:
    last = target
    while last.type == "qualified_identifier":
        following = last.child_by_field_name("name")
        if following is None:
            return ()
        last = following
    if last.type not in ("template_function", "template_type", "template_method"):
        return ()
    given = last.child_by_field_name("arguments")
    if given is None:
        return ()
    result: list[Any] = []
    for child in (c for c in given.named_children if c.type != "comment"):
        if child.type in ("type_descriptor", "decltype"):
            text = low.text(child)
            subject = find_decltype(child)
            told = decltype(low, child) if subject is not None else None
            if told is not None:
                result.append(told)
                continue
            if text in low.decltypes or subject is not None:
                result.append(("d", low.decltypes[text] if subject is None else low.ev(subject), None))
                continue
            bound = low.scoping.templates.get(text)
            if bound is not None:
                result.append(bound)
                continue
            type_ = low.scoping.type(child)
            if (
                type_.decl is None
                and not type_.scalar
                and type_.name not in STANDARD
                and type_.name not in CONSTRUCTORS
            ):
                inner = child.child_by_field_name("type")
                if inner is not None and inner.type in ("type_identifier", "qualified_identifier"):
                    result.append(
                        ("?", low.ev_name(inner) if inner.type == "type_identifier" else low.ev(inner), type_)
                    )
                    continue
            result.append(type_)
        else:
            result.append(("!", low.ev(child), None))
    return tuple(result)


def evaluated(f: list[Value], targs: tuple[Any, ...]) -> tuple[Any, ...]:
    found = []
    for targ in targs:
        if isinstance(targ, tuple) and targ[0] == "d":
            from tt_cache_lint.interp.overloads import type_of

            found.append(type_of(value_of(targ[1](f))) or Type("?"))
        elif isinstance(targ, tuple):
            value = plain(targ[1](f))
            found.append(targ[2] if targ[0] == "?" and isinstance(value, Unknown) else value)
        else:
            found.append(targ)
    return tuple(found)


def writable(value: Value, discarded: bool) -> bool:
    if hasattr(value, "escape"):
        return True
    return discarded and isinstance(value, (Vec, Struct))


def spread_packs(values: list[Value], args: list[Node]) -> list[Value]:
    result: list[Value] = []
    for value, arg in zip(values, args, strict=False):
        inner = value_of(value)
        if arg.type == "parameter_pack_expansion" and isinstance(inner, Vec):
            result.extend(inner.items)
        else:
            result.append(value)
    return result
