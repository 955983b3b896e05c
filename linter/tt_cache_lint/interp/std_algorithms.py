"""<algorithm>, <numeric> and text made of values."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from tt_cache_lint.interp import build, ops
from tt_cache_lint.interp.access import element, store, value_of
from tt_cache_lint.interp.interrupts import Implausible
from tt_cache_lint.interp.refs import Pointer, Reversed, sequence_length
from tt_cache_lint.interp.registry import Site, function, method
from tt_cache_lint.interp.std import converted_item
from tt_cache_lint.interp.std_values import range_of
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import (
    Absent,
    Enum,
    InitList,
    Lambda,
    Map,
    Obj,
    Opt,
    Ptr,
    Struct,
    TypeRef,
    Unknown,
    Val,
    Value,
    Vec,
    identity,
    key_of,
    mask,
    plain,
)
from tt_cache_lint.interp.views import Adaptor
from tt_cache_lint.source.nodes import within

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

EFFECTS = ("call_expression", "assignment_expression", "update_expression")
MOST_CONDITIONS = 8


@function("accumulate", "reduce")
def accumulate(m: Machine, site: Site, args: list[Value]) -> Value:
    items = [value_of(r) for r in range_of(m, args[0], args[1])]
    total = args[2] if len(args) > 2 else 0
    operation = args[3] if len(args) > 3 else None
    for item in items:
        if operation is None:
            total = ops.binary(m, "+", total, item)
        else:
            total = value_of(m.call(operation, [total, item], site.mark))
    return total


@function("fill", "fill_n")
def std_fill(m: Machine, site: Site, args: list[Value]) -> None:
    places = range_of(m, args[0], args[1])
    for place in places:
        store(m, place, args[2], site.mark)


@function("iota")
def iota(m: Machine, site: Site, args: list[Value]) -> Value:
    """std::iota(first, last, value), and std::views::iota(first, last) as the numbers themselves."""
    if len(args) == 2:
        first, last = (plain(ops.number(m, a)) for a in args)
        if not isinstance(first, int) or not isinstance(last, int) or last - first > build.MAX_ITEMS:
            raise Implausible("a range of absurd size")
        return Vec(list(range(first, last)))
    value = args[2]
    for place in range_of(m, args[0], args[1]):
        store(m, place, value, site.mark)
        value = ops.binary(m, "+", value, 1)
    return None


class Inserter(Obj):
    """std::back_inserter."""

    __slots__ = ("vector",)

    def __init__(self, vector: Vec) -> None:
        self.vector = vector


@function("back_inserter", "inserter", refs=True)
def back_inserter(m: Machine, site: Site, args: list[Value]) -> Value:
    target = value_of(args[0])
    return Inserter(target) if isinstance(target, Vec) else Unknown("inserter")


def _write_out(m: Machine, site: Site, out: Value, values: list[Value]) -> Value:
    if isinstance(out, Inserter):
        for value in values:
            out.vector.push(converted_item(m, out.vector, value), site.mark)
        return out
    if isinstance(out, Ptr):
        for offset, value in enumerate(values):
            store(m, element(out.base, out.at + offset), value, site.mark)
        return Ptr(out.base, out.at + len(values))
    return Unknown("iterator")


@function("copy", "copy_n", "move_backward", "copy_if")
def std_copy(m: Machine, site: Site, args: list[Value]) -> Value:
    if site.name == "copy" and isinstance(args[0], (Vec, InitList)):
        args = [Ptr(args[0], 0), Ptr(args[0], len(args[0].items)), *args[1:]]
    if len(args) < 3:
        return m.unknown_call("std::copy", args)
    values = [value_of(r) for r in range_of(m, args[0], args[1])]
    if isinstance(args[0], Ptr) and isinstance(args[2], Ptr) and isinstance(args[2].base, Vec):
        _write_out(m, site, args[2], values)
        build.note_copy(m, args[2].base, args[0].base)
        return Ptr(args[2].base, args[2].at + len(values))
    if site.name == "copy_if":
        values = [v for v in values if ops.truth(m, value_of(m.call(args[3], [v], site.mark)))]
    return _write_out(m, site, args[2], values)


@function("transform")
def std_transform(m: Machine, site: Site, args: list[Value]) -> Value:
    if len(args) == 1:
        return Adaptor("transform", args[0])
    first = [value_of(r) for r in range_of(m, args[0], args[1])]
    if len(args) == 4:
        return _write_out(m, site, args[2], [value_of(m.call(args[3], [v], site.mark)) for v in first])
    second = [value_of(element(args[2].base, args[2].at + i)) for i in range(len(first))]
    values = [value_of(m.call(args[4], [a, b], site.mark)) for a, b in zip(first, second, strict=True)]
    return _write_out(m, site, args[3], values)


def _whole(args: list[Value]) -> tuple[Value, Value, list[Value]]:
    """(first, last, rest) of an algorithm given iterators or a range."""
    if args and isinstance(args[0], (Vec, InitList)):
        return Ptr(args[0], 0), Ptr(args[0], len(args[0].items)), args[1:]
    return args[0], args[1], args[2:]


@function("sort", "stable_sort")
def std_sort(m: Machine, site: Site, args: list[Value]) -> None:
    first, last, rest = _whole(args)
    if not isinstance(first, Ptr) or not isinstance(last, Ptr):
        m.unknown_call("std::sort", args)
        return
    backwards = isinstance(first.base, Reversed)
    vector = first.base.of if isinstance(first.base, Reversed) else first.base
    if not isinstance(vector, Vec):
        m.unknown_call("std::sort", args)
        return
    start, end = first.at, last.at
    if backwards:
        start, end = len(vector.items) - end, len(vector.items) - start
    items = vector.items[start:end]

    def compare(a: Value, b: Value) -> int:
        m.spend()
        if rest:
            if ops.truth(m, value_of(m.call(rest[0], [a, b], site.mark))):
                return -1
            return 1 if ops.truth(m, value_of(m.call(rest[0], [b, a], site.mark))) else 0
        x, y = identity(a), identity(b)
        return -1 if x < y else 1 if y < x else 0  # type: ignore[operator]

    try:
        items.sort(key=functools.cmp_to_key(compare))
    except TypeError:
        m.unknown_call("std::sort", args)
        return
    vector.items[start:end] = items[::-1] if backwards else items


@function("find", "find_if", "find_if_not", "any_of", "all_of", "none_of", "count_if", "for_each", "count")
def std_search(m: Machine, site: Site, args: list[Value]) -> Value:
    first, last, rest = _whole(args)
    if not isinstance(first, Ptr) or not isinstance(last, Ptr) or not rest:
        return m.unknown_call(f"std::{site.name}", args)
    name = site.name
    hits = 0
    conditions: list[Value] = []
    for position in range(first.at, last.at):
        place = element(first.base, position)
        if name in ("find", "count"):
            result = ops.binary(m, "==", value_of(place), rest[0])
        else:
            result = value_of(m.call(rest[0], [place], site.mark))
            if name == "for_each":
                continue
        conditions.append(result)
        hit = ops.truth(m, result)
        if name == "find_if_not":
            hit = not hit
        if name.startswith("find") and hit:
            return Ptr(first.base, position)
        if (name in ("any_of", "none_of") and hit) or (name == "all_of" and not hit):
            if _only_returns(rest[0]):  # the others are known without a second thought: all may have to change
                others = range(position + 1, min(last.at, first.at + MOST_CONDITIONS))
                conditions += [value_of(m.call(rest[0], [element(first.base, i)], site.mark)) for i in others]
            return _joined(name, conditions, name == "any_of")
        hits += hit
    if name.startswith("find"):
        return last
    if name.startswith("count"):
        return hits
    return _joined(name, conditions, name != "any_of")


def _only_returns(predicate: Value) -> bool:
    """Is it a lambda that just returns an expression without calls and assignments?"""
    body = predicate.code.node if isinstance(predicate, Lambda) else None
    if body is None or [c.type for c in body.named_children] != ["return_statement"]:
        return False
    return not any(n.type in EFFECTS for n in within(body))


def _joined(name: str, conditions: list[Value], value: bool) -> Value:
    """What any_of, none_of and all_of give, resting on the conditions as `||` and `&&` do."""
    op, bare = ("&&" if name == "all_of" else "||"), value != (name == "none_of")
    joined: Value = op == "&&"
    p = 0
    for condition in conditions:
        if isinstance(condition, (Val, Unknown, Opt, Absent)):
            p |= condition.p
            joined = Val(bare, p, (op, joined, condition))
    if not p:
        return value
    return Val(value, p, ("!", joined, None)) if name == "none_of" else joined


@function("reverse")
def std_reverse(m: Machine, site: Site, args: list[Value]) -> None:
    first, last, _ = _whole(args)
    if isinstance(first, Ptr) and isinstance(first.base, Vec) and isinstance(last, Ptr):
        first.base.items[first.at : last.at] = reversed(first.base.items[first.at : last.at])


@function("rotate", arity=(3, 3))
def std_rotate(m: Machine, site: Site, args: list[Value]) -> Value:
    """std::rotate(first, middle, last): what was first is found at the iterator that it gives."""
    first, middle, last = args
    if not all(isinstance(a, Ptr) and isinstance(a.base, Vec) for a in args):
        return m.unknown_call("std::rotate", args)
    vector, a, b, c = first.base, first.at, middle.at, last.at
    for listed in (vector.items, vector.marks):
        listed[a:c] = [*listed[b:c], *listed[a:b]]
    return Ptr(vector, a + c - b)


@function("max_element", "min_element")
def extreme_element(m: Machine, site: Site, args: list[Value]) -> Value:
    first, last, _ = _whole(args)
    if not isinstance(first, Ptr) or not isinstance(last, Ptr) or first.at >= last.at:
        return m.unknown_call(f"std::{site.name}", args)
    best = first.at
    op = ">" if site.name.startswith("max") else "<"
    for position in range(first.at + 1, last.at):
        here, there = value_of(element(first.base, position)), value_of(element(first.base, best))
        if plain(ops.binary(m, op, here, there)):
            best = position
    return Ptr(first.base, best)


@function("distance", arity=(2, 2))
def distance(m: Machine, site: Site, args: list[Value]) -> Value:
    return ops.binary(m, "-", args[1], args[0])


@function("next", "prev", arity=(1, 2))
def std_next(m: Machine, site: Site, args: list[Value]) -> Value:
    step = args[1] if len(args) > 1 else 1
    return ops.binary(m, "+" if site.name == "next" else "-", args[0], step)


@function("advance", refs=True, arity=(2, 2))
def std_advance(m: Machine, site: Site, args: list[Value]) -> None:
    store(m, args[0], ops.binary(m, "+", value_of(args[0]), value_of(args[1])), site.mark)


@function("begin", "cbegin", "data", arity=(1, 1))
def std_begin(m: Machine, site: Site, args: list[Value]) -> Value:
    return Ptr(args[0], 0) if isinstance(args[0], (Vec, InitList, Map)) else m.unknown_call("std::begin", args)


@function("end", "cend", arity=(1, 1))
def std_end(m: Machine, site: Site, args: list[Value]) -> Value:
    if isinstance(args[0], (Vec, InitList, Map)):
        return Ptr(args[0], len(args[0].items))
    return m.unknown_call("std::end", args)


@function("size", "ssize", "tuple_size_v", arity=(0, 1))
def std_size(m: Machine, site: Site, args: list[Value]) -> Value:
    return sequence_length(args[0]) if args and isinstance(args[0], (Vec, InitList)) else m.unknown_call("size", args)


@function("to_string", "format", "join")
def to_string(m: Machine, site: Site, args: list[Value]) -> Value:
    if site.name == "format":
        args = _placed(args)
        if m.phase == "hash":  # text that is made for a hash: what it shows is hashed
            m.hash_sink.extend((arg, site.mark) for arg in args)
            return Unknown("hash", 0)
    p = 0
    for arg in args:
        p |= mask(arg)
    bare = [plain(a) for a in args]
    if any(isinstance(b, (Unknown, Obj)) for b in bare):
        return Unknown(f"{site.name}({', '.join(key_of(a) for a in args)})", p)
    if site.name == "format" and bare and isinstance(bare[0], str):
        text = bare[0]
        for value in bare[1:]:
            start, end = text.find("{"), text.find("}")
            if start >= 0 <= end:
                text = text[:start] + _shown(value) + text[end + 1 :]
    else:
        text = _shown(bare[0]) if bare else ""
    return Val(text, p, None) if p else text


def _placed(args: list[Value]) -> list[Value]:
    """The format string and the arguments that it has a place for; fmt drops the others."""
    text = plain(args[0]) if args else None
    if not isinstance(text, str):
        return args
    return args[: 1 + text.replace("{{", "").count("{")]


def _shown(value: Value) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, Enum):
        return value.name
    return str(value)


@function("string", "string_view", "path")
def make_string(m: Machine, site: Site, args: list[Value]) -> Value:
    return args[0] if args else ""


@function("bit_cast", "as_uint32")
def bit_cast(m: Machine, site: Site, args: list[Value]) -> Value:
    value = args[0]
    bare = plain(value)
    which = site.targs[0] if site.targs else None
    if isinstance(which, Type) and which.name == "float" and isinstance(bare, int):
        number = ops.bits_float(bare)
        return Val(number, value.p, ("float of bits", value, None)) if isinstance(value, Val) else number
    if isinstance(bare, float):
        bits = ops.float_bits(bare)
        return Val(bits, value.p, ("bits", value, None)) if isinstance(value, Val) else bits
    return value


@function("memcpy", refs=True)
def memcpy(m: Machine, site: Site, args: list[Value]) -> Value:
    target, source = value_of(args[0]), value_of(args[1])
    if isinstance(target, Pointer) and isinstance(source, (Pointer, Ptr)):
        from tt_cache_lint.interp.access import deref

        target.ref.set(bit_cast(m, site, [value_of(deref(m, source))]), site.mark)
        return None
    return m.unknown_call("memcpy", args, (0,))


@function("invoke")
def std_invoke(m: Machine, site: Site, args: list[Value]) -> Value:
    return m.call(args[0], args[1:], site.mark)


@function("ranges_to", "views_iota", "iota_view")
def unsupported_range(m: Machine, site: Site, args: list[Value]) -> Value:
    return m.unknown_call(site.name, args)


@method(Ptr, "get")
def ptr_get(m: Machine, site: Site, v: Ptr) -> Value:
    return v


@method(Ptr, "base")
def ptr_base(m: Machine, site: Site, v: Ptr) -> Value:
    """The forward iterator of a reverse one: it stands one behind what the reverse one points to."""
    return Ptr(v.base.of, v.base.length() - v.at) if isinstance(v.base, Reversed) else v


@method(Struct, "index")
def variant_index(m: Machine, site: Site, v: Struct) -> Value:
    return Unknown(f"index of {v.name}", getattr(v, "alternative", 0))


@method(TypeRef, "index")
def type_index(m: Machine, site: Site, v: TypeRef) -> Value:
    return Unknown(f"index of {v.type.key}")
