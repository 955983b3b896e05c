"""Numbers, tuples, variants and optionals of the standard library."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp import build, ops, solving
from tt_cache_lint.interp.access import element, index_ref, store, value_of
from tt_cache_lint.interp.interrupts import Implausible, Thrown
from tt_cache_lint.interp.refs import Pointer
from tt_cache_lint.interp.registry import Site, constructor, function
from tt_cache_lint.interp.statics import same_type
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import (
    InitList,
    Lambda,
    Map,
    Mark,
    Obj,
    Opt,
    Ptr,
    Unknown,
    Val,
    Value,
    Vec,
    copied,
    identity,
    key_of,
    mask,
    plain,
)

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine
    from tt_cache_lint.interp.world import Fact


# -- algorithms ------------------------------------------------------------------------------------------------------


def range_of(m: Machine, first: Value, last: Value) -> list[Value]:
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
    best = ops.number(m, values[0])
    op = "<" if site.name == "min" else ">"
    for value in values[1:]:
        other = ops.number(m, value)
        p = mask(best) | mask(other)
        taken = other if plain(ops.binary(m, op, other, best)) else best
        best = Val(plain(taken), p, (site.name, best, other)) if p else taken
    return best


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
        if plain(value) == 0:  # a logarithm
            raise Thrown(str(error), mask(value), tuple(solving.nonzero(value))) from error
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
            fact = _taken_out(m, target)
            if fact is not None:
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


def _taken_out(m: Machine, value: Value) -> Fact | None:
    """Which alternative a variant given to the op holds, for what was taken out of it."""
    given = f"{getattr(value, 'key', '')}".removesuffix(f"<{getattr(value, 'name', '')}>")
    return m.world.facts.get(f"{given}.index")


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


class Overloaded(Obj):
    """`overloaded{f, g, ...}`: one function object with the call operators of several lambdas."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[Value]) -> None:
        self.parts = parts

    def call(self, m: Machine, site: Mark | None, args: list[Value]) -> Value:
        """Overload resolution by the first argument: the lambda for its type, else one that takes any."""
        best: Value = None
        for part in self.parts:
            if not isinstance(part, Lambda) or not part.code.params:
                continue
            param = part.code.params[0]
            type_ = part.code.scoping.type(param.type, param.declarator)
            if type_.name == "auto":
                best = best if best is not None else part
            elif args and build.is_type(m, value_of(args[0]), type_):
                best = part
                break
        return m.call(best, args, site) if best is not None else m.unknown_call("overloaded", args)


@constructor("overloaded")
def construct_overloaded(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    given = args[0].items if len(args) == 1 and isinstance(args[0], InitList) else args
    return Overloaded([value_of(g) for g in given])


@function("visit", refs=True)
def visit(m: Machine, site: Site, args: list[Value]) -> Value:
    given = []
    for arg in args[1:]:
        value = value_of(arg)
        if isinstance(value, Opt):  # which alternative it holds decides what runs
            m.world.touch(value.p)
            value = value.v
        given.append(value)
    try:
        return m.call(value_of(args[0]), given, site.mark)
    except Thrown as error:
        if error.guessed and error.message.startswith("TT_THROW"):  # a visitor that does not know this alternative
            error.repairs = (*_other_alternatives(m, args[1:]), *error.repairs)
        raise


def _other_alternatives(m: Machine, variants: list[Value]) -> list[dict[str, Value]]:
    facts: list[Fact] = []
    for value in map(value_of, variants):
        held = m.world.facts.get(value.t) if isinstance(value, Opt) and isinstance(value.t, str) else None
        fact = held or _taken_out(m, value.v if isinstance(value, Opt) else value)
        facts += [fact] if fact is not None else []
    return [{fact.key: choice} for fact in facts for choice in fact.choices if choice != fact.value]


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
        from tt_cache_lint.interp.sequences import components

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
