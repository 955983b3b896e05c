"""The C++ standard library, as far as program factories use it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp import build, ops
from tt_cache_lint.interp.access import element, index_ref, value_of
from tt_cache_lint.interp.interrupts import BEYOND, Implausible, Thrown
from tt_cache_lint.interp.refs import CallRef, Reversed, sequence_ref
from tt_cache_lint.interp.registry import CONSTANTS, Site, method, method_ref
from tt_cache_lint.interp.std_values import range_of
from tt_cache_lint.interp.types import AUTO, Type
from tt_cache_lint.interp.values import (
    Absent,
    InitList,
    Opaque,
    Piece,
    Ptr,
    Ref,
    Struct,
    Unknown,
    Val,
    Value,
    Vec,
    copied,
    identity,
    mask,
    plain,
)

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

CONSTANTS.update(
    {
        "nullopt": None,
        "nullptr": None,
        "true": True,
        "false": False,
        "NULL": None,
        "ignore": Unknown("std::ignore"),
        "placeholders": Unknown("std::placeholders"),
        "monostate": None,
        "string::npos": -1,
        "M_PI": math.pi,
        "UINT32_MAX": 0xFFFFFFFF,
        "INT32_MAX": 0x7FFFFFFF,
        "UINT16_MAX": 0xFFFF,
        "UINT8_MAX": 0xFF,
        "UINT64_MAX": 0xFFFFFFFFFFFFFFFF,
        "SIZE_MAX": 0xFFFFFFFFFFFFFFFF,
    }
)


# -- sequences -------------------------------------------------------------------------------------------------------


def converted_item(m: Machine, vector: Vec, value: Value) -> Value:
    if vector.elem is not None:
        return copied(build.coerce(m, value, vector.elem))
    return copied(value)


@method(Vec, "size", "length", "ssize")
def vec_size(m: Machine, site: Site, v: Vec) -> Value:
    for item in v.items:
        if type(item) is Opaque:
            return m.unknown_number(f"size with {item.key}", 0, (len(v.items),))
    return known_length(m, v)


def known_length(m: Machine, v: Vec) -> Value:
    """How long a vector is. The rank of a shape is an input where it decides what is accepted or which factory runs;
    elsewhere a number, since what works for one rank works for the others and would be tried for each."""
    given = v.key is not None and v.key.v == len(v.items) and (v.kind != "Shape" or m.phase in ("validate", "select"))
    return v.key if given else len(v.items)


@method(Vec, "empty")
def vec_empty(m: Machine, site: Site, v: Vec) -> Value:
    length = known_length(m, v)
    return ops.binary(m, "==", length, 0) if isinstance(length, Val) else not v.items


@method(Vec, "push_back", "push_front_")
def vec_push(m: Machine, site: Site, v: Vec, value: Value) -> None:
    if len(v.items) > build.MAX_ITEMS:
        raise Implausible("a vector grows without bound")
    if isinstance(value, (Vec, Struct)):
        m.spend(build.weight(value) // build.COPIED_PER_STEP)
    if type(value) is Piece:
        value = value.segment
    v.push(converted_item(m, v, value), site.arg_marks[0] if site.arg_marks else site.mark)


@method(Vec, "emplace_back", "emplace", "add")
def vec_emplace(m: Machine, site: Site, v: Vec, *args: Value) -> Value:
    if v.kind in ("set", "unordered_set"):
        return vec_insert(m, site, v, *args)
    if len(args) == 1:
        vec_push(m, site, v, args[0])
    elif v.elem is not None:
        v.push(build.construct(m, v.elem, list(args), site.mark), site.mark)
    else:
        v.push(Vec([copied(a) for a in args], "tuple"), site.mark)
    return v.items[-1]


@method(Vec, "pop_front")
def vec_pop_front(m: Machine, site: Site, v: Vec) -> None:
    if not v.items:
        raise Implausible("pop_front of an empty list")
    del v.items[0], v.marks[0]


@method(Vec, "pop_back")
def vec_pop(m: Machine, site: Site, v: Vec) -> None:
    if not v.items:
        raise Implausible("pop_back of an empty vector")
    v.items.pop()
    v.marks.pop()


@method_ref(Vec, "back")
def vec_back(m: Machine, site: Site, v: Vec) -> Value:
    return sequence_ref(v, len(v.items) - 1)


@method_ref(Vec, "front")
def vec_front(m: Machine, site: Site, v: Vec) -> Value:
    return sequence_ref(v, 0)


@method_ref(Vec, "at", "operator[]")
def vec_at(m: Machine, site: Site, v: Vec, at: Value) -> Value:
    if site.name == "at" and hasattr(v, "beyond"):  # how long such a list is depends on nothing that is made up
        index = plain(at)
        if isinstance(index, int) and not 0 <= index < len(v.items):
            raise Thrown(f"index {index} of {len(v.items)}", mask(at), kind=BEYOND, mark=site.mark)
    return index_ref(m, v, at)


@method(Vec, "begin", "cbegin", "data", "rbegin", "crbegin")
def vec_begin(m: Machine, site: Site, v: Vec) -> Value:
    return Ptr(Reversed(v) if "rbegin" in site.name else v, 0)


@method(Vec, "end", "cend", "rend", "crend")
def vec_end(m: Machine, site: Site, v: Vec) -> Value:
    return Ptr(Reversed(v) if "rend" in site.name else v, len(v.items))


@method(Vec, "reserve", "shrink_to_fit", "capacity")
def vec_reserve(m: Machine, site: Site, v: Vec, *args: Value) -> Value:
    return None


@method(Vec, "clear")
def vec_clear(m: Machine, site: Site, v: Vec) -> None:
    v.items.clear()
    v.marks.clear()


@method(Vec, "resize")
def vec_resize(m: Machine, site: Site, v: Vec, size: Value, value: Value = None) -> None:
    count = plain(ops.number(m, size))
    if not isinstance(count, int) or not 0 <= count <= build.MAX_ITEMS:
        raise build.absurd(size)
    del v.items[count:], v.marks[count:]
    if (missing := count - len(v.items)) > 0:
        one = value if value is not None else build.default_value(m, v.elem or AUTO)
        build.fill(v, build.copies(m, one, missing), site.mark)


@method(Vec, "assign")
def vec_assign(m: Machine, site: Site, v: Vec, first: Value, second: Value = None) -> None:
    made = build.construct(m, Type(v.kind, (v.elem,) if v.elem is not None else ()), [first, second], site.mark)
    v.assign(made)


@method(Vec, "fill")
def vec_fill(m: Machine, site: Site, v: Vec, value: Value) -> None:
    v.items = [copied(value) for _ in v.items]
    v.marks = [site.mark] * len(v.items)


@method(Vec, "swap")
def vec_swap(m: Machine, site: Site, v: Vec, other: Value) -> None:
    if isinstance(other, Vec):
        v.items, other.items = other.items, v.items
        v.marks, other.marks = other.marks, v.marks


@method(Vec, "insert")
def vec_insert(m: Machine, site: Site, v: Vec, *args: Value) -> Value:
    """insert(pos, value), insert(pos, first, last), insert(pos, n, value), insert(pos, {list}); set.insert(value)."""
    if v.kind in ("set", "unordered_set"):
        known = {identity(i) for i in v.items}
        values: list[Value] = [args[0]] if len(args) == 1 else range_of(m, args[0], args[1])
        if len(args) == 1 and isinstance(args[0], InitList) and (v.elem is None or v.elem.scalar):
            values = args[0].items
        for value in values:
            kept = converted_item(m, v, value_of(value))
            if identity(kept) not in known:
                v.push(kept, site.mark)
                known.add(identity(kept))
        _sort_set(v)
        return Vec([Ptr(v, 0), True], "pair")
    at = args[0].at if isinstance(args[0], Ptr) and args[0].base is v else len(v.items)
    rest = args[1:]
    marks: list[Any]
    if len(rest) == 2 and isinstance(rest[0], Ptr):
        base, start = rest[0].base, rest[0].at
        end = rest[1].at if isinstance(rest[1], Ptr) else start
        if len(v.items) + end - start > build.MAX_ITEMS:
            raise Implausible("a vector grows without bound")
        if isinstance(base, Reversed) and isinstance(base.of, Vec):
            base = Vec(base.of.items[::-1], base.of.kind, base.of.marks[::-1])
        if isinstance(base, (Vec, InitList)):
            items, marks = [copied(i) for i in base.items[start:end]], list(base.marks[start:end])
            marks = [mark or site.mark for mark in marks]
        else:
            items = [copied(value_of(element(base, i))) for i in range(start, end)]
            marks = [site.mark] * len(items)
    elif len(rest) == 2:
        count = plain(ops.number(m, rest[0]))
        if not isinstance(count, int) or not 0 <= count <= build.MAX_ITEMS:
            raise build.absurd(rest[0])
        items, marks = build.copies(m, rest[1], count), [site.mark] * count
    elif (
        rest
        and isinstance(rest[0], InitList)
        and not (v.elem is not None and v.elem.decl is not None and rest[0].names)
    ):
        items, marks = [converted_item(m, v, i) for i in rest[0].items], list(rest[0].marks)
    elif rest:
        items, marks = [converted_item(m, v, rest[0])], [site.arg_marks[1] if len(site.arg_marks) > 1 else site.mark]
    else:
        items, marks = [], []
    v.splice(at, items, marks)
    return Ptr(v, at)


def _sort_set(v: Vec) -> None:
    if v.kind == "set":
        try:
            order = sorted(range(len(v.items)), key=lambda i: _order(v.items[i]))
        except TypeError:
            return
        v.items = [v.items[i] for i in order]
        v.marks = [v.marks[i] for i in order]


def _order(value: Value) -> Any:
    return identity(value)


@method(Vec, "erase")
def vec_erase(m: Machine, site: Site, v: Vec, first: Value, last: Value = None) -> Value:
    if isinstance(first, Ptr):
        end = last.at if isinstance(last, Ptr) else first.at + 1
        del v.items[first.at : end], v.marks[first.at : end]
        return Ptr(v, first.at)
    wanted = identity(converted_item(m, v, first))
    kept = [i for i, item in enumerate(v.items) if identity(item) != wanted]
    erased = len(v.items) - len(kept)
    v.items, v.marks = [v.items[i] for i in kept], [v.marks[i] for i in kept]
    return erased


@method(Vec, "contains", "count")
def vec_contains(m: Machine, site: Site, v: Vec, value: Value) -> Value:
    return identity(converted_item(m, v, value)) in {identity(i) for i in v.items}


@method(Vec, "find")
def vec_find(m: Machine, site: Site, v: Vec, value: Value) -> Value:
    wanted = identity(converted_item(m, v, value))
    for position, item in enumerate(v.items):
        if identity(item) == wanted:
            return Ptr(v, position)
    return Ptr(v, len(v.items))


@method(Vec, "rank")
def vec_rank(m: Machine, site: Site, v: Vec) -> Value:
    return known_length(m, v)


@method(Vec, "subspan", "first", "last")
def vec_subspan(m: Machine, site: Site, v: Vec, start: Value, count: Value = None) -> Value:
    first = plain(start)
    if site.name == "first":
        first, count = 0, start
    length = plain(count) if count is not None else len(v.items) - first
    return Vec(v.items[first : first + length], "span", v.marks[first : first + length])


__all__ = [
    "Absent",
    "CallRef",
    "Ref",
]
