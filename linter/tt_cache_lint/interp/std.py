"""The C++ standard library, as far as program factories use it."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp import build, ops
from tt_cache_lint.interp.access import element, index_ref, store, value_of
from tt_cache_lint.interp.registry import CONSTANTS, Site, function, method, method_ref
from tt_cache_lint.interp.statics import same_type
from tt_cache_lint.interp.types import AUTO, Type
from tt_cache_lint.interp.values import (
    Absent,
    CallRef,
    Enum,
    Implausible,
    InitList,
    Map,
    Obj,
    Opaque,
    Opt,
    Pointer,
    Ptr,
    Ref,
    Reversed,
    Struct,
    Thrown,
    TypeRef,
    Unknown,
    Val,
    Value,
    Vec,
    copied,
    identity,
    key_of,
    mask,
    plain,
    sequence_length,
    sequence_ref,
)
from tt_cache_lint.interp.views import Adaptor

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

CONSTANTS.update(
    {
        "nullopt": None,
        "nullptr": None,
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


def _convert(m: Machine, vector: Vec, value: Value) -> Value:
    if vector.elem is not None:
        return copied(build.coerce(m, value, vector.elem))
    return copied(value)


@method(Vec, "size", "length", "ssize")
def vec_size(m: Machine, site: Site, v: Vec) -> Value:
    for item in v.items:
        if type(item) is Opaque:
            return m.unknown_number(f"size with {item.key}", 0)
    if v.key is not None and v.key.v == len(v.items):
        return v.key
    return len(v.items)


@method(Vec, "empty")
def vec_empty(m: Machine, site: Site, v: Vec) -> Value:
    return not v.items


@method(Vec, "push_back", "push_front_")
def vec_push(m: Machine, site: Site, v: Vec, value: Value) -> None:
    if len(v.items) > build.MAX_ITEMS:
        raise Implausible("a vector grows without bound")
    v.push(_convert(m, v, value), site.arg_marks[0] if site.arg_marks else site.mark)


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
        raise Implausible("a vector of absurd size")
    del v.items[count:], v.marks[count:]
    while len(v.items) < count:
        v.push(copied(value) if value is not None else build.default_value(m, v.elem or AUTO), site.mark)


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
        values: list[Value] = [args[0]] if len(args) == 1 else _range(m, args[0], args[1])
        if len(args) == 1 and isinstance(args[0], InitList) and (v.elem is None or v.elem.scalar):
            values = args[0].items
        for value in values:
            kept = _convert(m, v, value_of(value))
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
            raise Implausible("a vector of absurd size")
        items, marks = [copied(rest[1]) for _ in range(count)], [site.mark] * count
    elif (
        rest
        and isinstance(rest[0], InitList)
        and not (v.elem is not None and v.elem.decl is not None and rest[0].names)
    ):
        items, marks = [_convert(m, v, i) for i in rest[0].items], list(rest[0].marks)
    elif rest:
        items, marks = [_convert(m, v, rest[0])], [site.arg_marks[1] if len(site.arg_marks) > 1 else site.mark]
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
    wanted = identity(first)
    kept = [i for i, item in enumerate(v.items) if identity(item) != wanted]
    v.items, v.marks = [v.items[i] for i in kept], [v.marks[i] for i in kept]
    return None


@method(Vec, "contains", "count")
def vec_contains(m: Machine, site: Site, v: Vec, value: Value) -> Value:
    return identity(value) in {identity(i) for i in v.items}


@method(Vec, "find")
def vec_find(m: Machine, site: Site, v: Vec, value: Value) -> Value:
    wanted = identity(value)
    for position, item in enumerate(v.items):
        if identity(item) == wanted:
            return Ptr(v, position)
    return Ptr(v, len(v.items))


@method(Vec, "rank")
def vec_rank(m: Machine, site: Site, v: Vec) -> Value:
    return len(v.items)


@method(Vec, "subspan", "first", "last")
def vec_subspan(m: Machine, site: Site, v: Vec, start: Value, count: Value = None) -> Value:
    first = plain(start)
    if site.name == "first":
        first, count = 0, start
    length = plain(count) if count is not None else len(v.items) - first
    return Vec(v.items[first : first + length], "span", v.marks[first : first + length])


# -- maps ------------------------------------------------------------------------------------------------------------


@method(Map, "size")
def map_size(m: Machine, site: Site, v: Map) -> Value:
    return len(v.items)


@method(Map, "empty")
def map_empty(m: Machine, site: Site, v: Map) -> Value:
    return not v.items


@method(Map, "contains", "count")
def map_contains(m: Machine, site: Site, v: Map, key: Value) -> Value:
    return identity(key) in v.items


@method_ref(Map, "at", "operator[]")
def map_at(m: Machine, site: Site, v: Map, key: Value) -> Value:
    if identity(key) not in v.items and site.name == "at":
        raise Implausible(f"map::at of a missing key {key_of(key)}")
    return index_ref(m, v, key)


@method(Map, "insert", "emplace", "insert_or_assign", "try_emplace")
def map_insert(m: Machine, site: Site, v: Map, *args: Value) -> Value:
    if len(args) == 1 and isinstance(args[0], (Vec, InitList)):
        args = tuple(args[0].items)
    if len(args) >= 2:
        if isinstance(args[0], Ptr) and isinstance(args[1], Ptr):
            for item in _range(m, args[0], args[1]):
                pair = value_of(item)
                m.interp.map_put(m, v, pair.items[0], pair.items[1])
            return None
        value = args[1]
        if len(args) > 2:
            value = InitList(list(args[1:]), [site.mark] * (len(args) - 1), None, site.mark)
        fresh = identity(args[0]) not in v.items
        if fresh or site.name == "insert_or_assign":
            m.interp.map_put(m, v, args[0], value)
        return Vec([_map_iterator(v, args[0]), fresh], "pair")
    return None


def _map_iterator(v: Map, key: Value) -> Ptr:
    wanted = identity(key)
    for position, (k, _) in enumerate(v.ordered()):
        if identity(k) == wanted:
            return Ptr(v, position)
    return Ptr(v, len(v.items))


@method(Map, "find")
def map_find(m: Machine, site: Site, v: Map, key: Value) -> Value:
    return _map_iterator(v, key)


@method(Map, "begin", "cbegin")
def map_begin(m: Machine, site: Site, v: Map) -> Value:
    return Ptr(v, 0)


@method(Map, "end", "cend")
def map_end(m: Machine, site: Site, v: Map) -> Value:
    return Ptr(v, len(v.items))


@method(Map, "erase")
def map_erase(m: Machine, site: Site, v: Map, key: Value) -> None:
    if not isinstance(key, Ptr):
        v.items.pop(identity(key), None)


@method(Map, "clear")
def map_clear(m: Machine, site: Site, v: Map) -> None:
    v.items.clear()


@method(Map, "reserve")
def map_reserve(m: Machine, site: Site, v: Map, *args: Value) -> None:
    return None


@method(Map, "merge")
def map_merge(m: Machine, site: Site, v: Map, other: Value) -> None:
    if isinstance(other, Map):
        for key, pair in other.items.items():
            v.items.setdefault(key, pair)


# -- strings ---------------------------------------------------------------------------------------------------------


@method(str, "size", "length")
def str_size(m: Machine, site: Site, v: str) -> Value:
    return len(v)


@method(str, "empty")
def str_empty(m: Machine, site: Site, v: str) -> Value:
    return not v


@method(str, "c_str", "data", "str", "string")
def str_self(m: Machine, site: Site, v: str) -> Value:
    return v


@method(str, "substr")
def str_substr(m: Machine, site: Site, v: str, start: Value = 0, count: Value = None) -> Value:
    first = plain(start)
    return v[first:] if count is None else v[first : first + plain(count)]


@method(str, "find", "rfind")
def str_find(m: Machine, site: Site, v: str, what: Value, *args: Value) -> Value:
    return v.find(str(plain(what)))


@method(str, "starts_with")
def str_starts(m: Machine, site: Site, v: str, what: Value) -> Value:
    return v.startswith(str(plain(what)))


# -- algorithms ------------------------------------------------------------------------------------------------------


def _range(m: Machine, first: Value, last: Value) -> list[Value]:
    """The elements between two iterators, as lvalues."""
    if isinstance(first, Ptr) and isinstance(last, Ptr):
        return [element(first.base, i) for i in range(first.at, last.at)]
    if isinstance(first, Ptr):
        count = plain(last)
        return [element(first.base, i) for i in range(first.at, first.at + (count if isinstance(count, int) else 0))]
    return []


def _numbers(m: Machine, args: list[Value]) -> list[Value]:
    return [ops.number(m, a) for a in args]


def _arguments(m: Machine, args: list[Value]) -> list[Value]:
    if len(args) == 1 and isinstance(args[0], (InitList, Vec)):
        return list(args[0].items)
    return args[:2]


@function("min", "max")
def minmax(m: Machine, site: Site, args: list[Value]) -> Value:
    values = _arguments(m, args)
    if not values:
        return 0xFFFFFFFF if site.name == "max" else 0
    best = values[0]
    op = "<" if site.name == "min" else ">"
    p = mask(best)
    for value in values[1:]:
        p |= mask(value)
        if plain(ops.binary(m, op, ops.number(m, value), ops.number(m, best))):
            best = value
    best = ops.number(m, best)
    return Val(plain(best), p) if p else best


@function("lowest", "infinity", "quiet_NaN", "epsilon")
def numeric_limit(m: Machine, site: Site, args: list[Value]) -> Value:
    return {"lowest": -3.4e38, "infinity": math.inf, "quiet_NaN": math.nan}.get(site.name, 1.19e-07)


@function("clamp")
def clamp(m: Machine, site: Site, args: list[Value]) -> Value:
    value, low, high = _numbers(m, args[:3])
    p = mask(value) | mask(low) | mask(high)
    result = max(plain(low), min(plain(value), plain(high)))
    return Val(result, p) if p else result


_MATH: dict[str, Any] = {
    "ceil": lambda x: float(math.ceil(x)),
    "floor": lambda x: float(math.floor(x)),
    "round": lambda x: math.copysign(math.floor(abs(x) + 0.5), x),
    "trunc": lambda x: float(math.trunc(x)),
    "sqrt": lambda x: math.sqrt(x),
    "sqrtf": lambda x: math.sqrt(x),
    "log2": lambda x: math.log2(x),
    "log": lambda x: math.log(x),
    "log10": lambda x: math.log10(x),
    "exp": lambda x: math.exp(x),
    "abs": abs,
    "fabs": abs,
    "sin": math.sin,
    "cos": math.cos,
    "isnan": lambda x: isinstance(x, float) and math.isnan(x),
    "isinf": lambda x: isinstance(x, float) and math.isinf(x),
    "countr_zero": lambda x: (x & -x).bit_length() - 1 if x else 32,
    "countl_zero": lambda x: 32 - int(x).bit_length(),
    "popcount": lambda x: bin(int(x)).count("1"),
    "has_single_bit": lambda x: x > 0 and x & (x - 1) == 0,
    "bit_ceil": lambda x: 1 << max(0, int(x - 1).bit_length()),
    "bit_width": lambda x: int(x).bit_length(),
    "bit_floor": lambda x: 1 << int(x).bit_length() - 1 if x > 0 else 0,
}


@function(*_MATH)
def unary_math(m: Machine, site: Site, args: list[Value]) -> Value:
    value = ops.number(m, args[0])
    try:
        result = _MATH[site.name](plain(value))
    except (ValueError, OverflowError, TypeError) as error:
        raise Implausible(str(error)) from error
    return Val(result, value.p, (site.name, value, None)) if isinstance(value, Val) else result


@function("pow", "powf", "gcd", "lcm", "fmod", "hypot", arity=(2, 2))
def binary_math(m: Machine, site: Site, args: list[Value]) -> Value:
    a, b = _numbers(m, args[:2])
    functions: dict[str, Any] = {
        "pow": lambda x, y: float(x) ** y,
        "powf": lambda x, y: float(x) ** y,
        "gcd": lambda x, y: math.gcd(int(x), int(y)),
        "lcm": lambda x, y: abs(int(x) * int(y)) // (math.gcd(int(x), int(y)) or 1),
        "fmod": lambda x, y: math.fmod(x, y),
        "hypot": math.hypot,
    }
    try:
        result = functions[site.name](plain(a), plain(b))
    except (ValueError, OverflowError, ZeroDivisionError, TypeError) as error:
        raise Implausible(str(error)) from error
    p = mask(a) | mask(b)
    return Val(result, p) if p else result


@function("get", refs=True)
def std_get(m: Machine, site: Site, args: list[Value]) -> Value:
    """std::get<I>(tuple) and std::get<T>(variant)."""
    target = value_of(args[0])
    which = site.targs[0] if site.targs else 0
    if isinstance(target, Opt):
        target = target.v
    if isinstance(which, Type):
        if isinstance(target, Unknown):
            return Unknown(f"{target.key}<{which.key}>", target.p)
        if build.is_type(m, target, which) is False:
            if isinstance(target, (Vec, InitList)):
                for item in target.items:
                    if build.is_type(m, item, which):
                        return item
            holder = value_of(args[0])
            for position, alternative in enumerate(getattr(holder, "types", ())):
                if alternative.key == which.key or alternative.decl is which.decl is not None:
                    key = holder.index.t
                    raise Thrown(f"std::get<{which.name}> of another alternative", holder.p, ({key: position},))
            given = f"{getattr(target, 'key', '')}".removesuffix(f"<{getattr(target, 'name', '')}>")
            fact = m.world.facts.get(f"{given}.index")
            if fact is not None:  # taken out of a variant that was given to the op
                others = tuple({fact.key: choice} for choice in fact.choices if choice != fact.value)
                raise Thrown(f"std::get<{which.name}> of another alternative", fact.bit, others)
            # It was computed here: which decision led to it is anybody's guess, and numbers will not change it.
            raise Thrown(f"std::get<{which.name}> of another alternative")
        return args[0]
    if isinstance(target, Pointer):
        target = target.ref.get()
    if isinstance(target, (Vec, InitList, Map)) or hasattr(target, "components"):
        if isinstance(target, (Vec, InitList)):
            return index_ref(m, target, which)
        return list(target.components())[which]
    return Unknown(f"std::get<{which}>({key_of(target)})", mask(target))


@function("get_if", refs=True)
def get_if(m: Machine, site: Site, args: list[Value]) -> Value:
    target = value_of(args[0])
    if isinstance(target, Pointer):
        target = target.ref.get()
    which = site.targs[0] if site.targs else None
    if isinstance(which, Type):
        holds = holds_type(m, target, which)
        return target if ops.truth(m, holds) else None
    return target


def holds_type(m: Machine, target: Value, which: Type) -> Value:
    found = build.is_type(m, target, which)
    if found is None:
        return Unknown(f"{key_of(target)} is {which.key}", mask(target))
    index, types = getattr(target, "index", None), getattr(target, "types", ())
    if isinstance(index, Val):
        for position, alternative in enumerate(types):
            if alternative.key == which.key or (alternative.name == which.name and alternative.decl is which.decl):
                return Val(plain(index) == position, index.p, ("==", index, position))
        return Val(found, index.p)
    return found


@function("holds_alternative")
def holds_alternative(m: Machine, site: Site, args: list[Value]) -> Value:
    which = site.targs[0] if site.targs else None
    return holds_type(m, args[0], which) if isinstance(which, Type) else Unknown("holds_alternative", mask(args[0]))


@function("is_same_v", "is_convertible_v", "is_base_of_v", "is_integral_v")
def is_same(m: Machine, site: Site, args: list[Value]) -> Value:
    if site.name == "is_integral_v":
        which = site.targs[0] if site.targs else None
        return isinstance(which, Type) and which.scalar not in ("", "float")
    return len(site.targs) > 1 and all(isinstance(t, Type) for t in site.targs) and same_type(*site.targs[:2])


@function("visit", refs=True)
def visit(m: Machine, site: Site, args: list[Value]) -> Value:
    given = []
    for arg in args[1:]:
        value = value_of(arg)
        if isinstance(value, Opt):  # which alternative it holds decides what runs
            m.world.touch(value.p)
            value = value.v
        given.append(value)
    return m.call(value_of(args[0]), given, site.mark)


@function("apply", refs=True)
def apply(m: Machine, site: Site, args: list[Value]) -> Value:
    target = value_of(args[1])
    items = target.items if isinstance(target, (Vec, InitList)) else [target]
    return m.call(value_of(args[0]), list(items), site.mark)


@function("make_tuple", "make_pair", "tuple", "pair")
def make_tuple(m: Machine, site: Site, args: list[Value]) -> Value:
    return Vec([copied(a) for a in args], "pair" if "pair" in site.name else "tuple", list(site.arg_marks[: len(args)]))


@function("tie", "forward_as_tuple", refs=True)
def tie(m: Machine, site: Site, args: list[Value]) -> Value:
    return Tied(args)


class Tied(Obj):
    """std::tie: a tuple of lvalues."""

    __slots__ = ("places",)

    def __init__(self, places: list[Value]) -> None:
        self.places = places

    def assign_from(self, m: Machine, value: Value, mark: Any) -> None:
        from tt_cache_lint.interp.lower import components

        for place, part in zip(self.places, components(m, value, len(self.places)), strict=False):
            store(m, place, value_of(part), mark)

    def identity(self) -> object:
        return tuple(identity(value_of(p)) for p in self.places)

    def components(self) -> list[Value]:
        return self.places


@function("tuple_cat")
def tuple_cat(m: Machine, site: Site, args: list[Value]) -> Value:
    return Vec([i for a in args if isinstance(a, (Vec, InitList)) for i in a.items], "tuple")


@function("swap", "iter_swap", refs=True, arity=(2, 2))
def swap(m: Machine, site: Site, args: list[Value]) -> None:
    first, second = copied(value_of(args[0])), copied(value_of(args[1]))
    store(m, args[0], second, site.mark)
    store(m, args[1], first, site.mark)


@function("exchange", refs=True)
def exchange(m: Machine, site: Site, args: list[Value]) -> Value:
    old = copied(value_of(args[0]))
    store(m, args[0], value_of(args[1]), site.mark)
    return old


@function("make_optional", "make_shared", "make_unique")
def make_optional(m: Machine, site: Site, args: list[Value]) -> Value:
    which = site.targs[0] if site.targs and isinstance(site.targs[0], Type) else None
    if site.name == "make_optional":
        return Opt(args[0]) if args else None
    return build.construct(m, which, args, site.mark) if which is not None else (args[0] if args else None)


@function("accumulate", "reduce")
def accumulate(m: Machine, site: Site, args: list[Value]) -> Value:
    items = [value_of(r) for r in _range(m, args[0], args[1])]
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
    places = _range(m, args[0], args[1])
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
    for place in _range(m, args[0], args[1]):
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
            out.vector.push(_convert(m, out.vector, value), site.mark)
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
    values = [value_of(r) for r in _range(m, args[0], args[1])]
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
    first = [value_of(r) for r in _range(m, args[0], args[1])]
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
    for position in range(first.at, last.at):
        place = element(first.base, position)
        if name in ("find", "count"):
            hit = ops.truth(m, ops.binary(m, "==", value_of(place), rest[0]))
        else:
            result = value_of(m.call(rest[0], [place], site.mark))
            if name == "for_each":
                continue
            hit = ops.truth(m, result)
        if name == "find_if_not":
            hit = not hit
        if name.startswith("find") and hit:
            return Ptr(first.base, position)
        if name == "any_of" and hit:
            return True
        if name == "none_of" and hit:
            return False
        if name == "all_of" and not hit:
            return False
        hits += hit
    if name.startswith("find"):
        return last
    if name.startswith("count"):
        return hits
    return name != "any_of"


@function("reverse")
def std_reverse(m: Machine, site: Site, args: list[Value]) -> None:
    first, last, _ = _whole(args)
    if isinstance(first, Ptr) and isinstance(first.base, Vec) and isinstance(last, Ptr):
        first.base.items[first.at : last.at] = reversed(first.base.items[first.at : last.at])


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


__all__ = ["Absent", "CallRef", "Ref", "Tied"]
