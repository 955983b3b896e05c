"""Reading and writing members, elements and pointees of values at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp import build, ops, solving
from tt_cache_lint.interp.interrupts import NULL, Implausible, Thrown
from tt_cache_lint.interp.refs import CallRef, FieldRef, ItemRef, LocalRef, MapRef, Pointer, sequence_ref
from tt_cache_lint.interp.registry import MEMBERS
from tt_cache_lint.interp.types import AUTO, Type
from tt_cache_lint.interp.values import (
    Absent,
    Entry,
    FuncRef,
    InitList,
    Lambda,
    Map,
    Mark,
    Obj,
    Opaque,
    Opt,
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
    key_of,
    mask,
    plain,
)

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

USUAL_RANK = 4  # the most dimensions that ops are mostly given


def value_of(value: Value) -> Value:
    """The value behind an lvalue."""
    return value.get() if isinstance(value, Ref) else value


def address_of(place: Value) -> Value:
    """`&x`: an object of the device model is its own pointer."""
    if isinstance(place, Ref):
        if isinstance(place, LocalRef):
            inner = place.frame[place.slot]
            if isinstance(inner, Ref):
                place = inner
        if isinstance(place, ItemRef):
            return Ptr(place.base, place.at)
        return Pointer(place)
    if (not isinstance(place, (Obj, Unknown)) and place is not None) or type(place) in (Struct, Vec, Map):
        return Pointer(CallRef(lambda: place, lambda value, mark: None))
    return place


def null_use(m: Machine, value: Value, what: str, mark: Mark | None = None) -> Thrown:
    """What using an empty optional or null pointer raises."""
    if isinstance(value, Absent) and value.t is not None:
        name = value.t if isinstance(value.t, str) else "an optional member"
        found = Thrown(f"{what} of an empty optional ({name})", value.p, tuple(solving.want(value, True)))
    else:
        found = m.thrown(f"{what} of a null pointer or empty optional")
    found.kind, found.mark = NULL, mark
    return found


def relied_on(m: Machine, value: Opt) -> None:
    """The override uses what an optional holds: whether it holds anything is a decision, looked at or not."""
    if value.p and m.phase == "override":
        m.world.touch(value.p)


def deref(m: Machine, value: Value, mark: Mark | None = None) -> Value:
    """`*x` as an lvalue."""
    if isinstance(value, Pointer):
        return value.ref
    if isinstance(value, Ptr):
        return element(value.base, value.at)
    if isinstance(value, Opt):
        relied_on(m, value)
        if isinstance(value.v, Obj):
            return value.v
        return CallRef(lambda: value.v, lambda v, _: setattr(value, "v", v))
    if value is None or isinstance(value, Absent):
        raise null_use(m, value, "dereference", mark)
    return value


def element(base: Any, at: int) -> Value:
    """An element behind an iterator, as an lvalue."""
    if isinstance(base, Map):
        items = list(base.ordered())
        if not 0 <= at < len(items):
            raise Implausible("dereference of an end iterator")
        return Entry(base, *items[at])
    return sequence_ref(base, at)


def member_value(m: Machine, owner: Value, name: str) -> Value:
    """`owner.name`; a Ref or a value."""
    if isinstance(owner, Ref):
        owner = owner.get()
    if isinstance(owner, Struct):
        return owner.get(name)
    if isinstance(owner, Opt):
        relied_on(m, owner)
        return member_value(m, owner.v, name)
    if isinstance(owner, (Pointer, Ptr)):
        return member_value(m, deref(m, owner), name)
    if isinstance(owner, Unknown):
        return Unknown(f"{owner.key}.{name}", owner.p)
    if owner is None or isinstance(owner, Absent):
        raise null_use(m, owner, f"member {name}")
    if isinstance(owner, Vec) and name in ("first", "second") and len(owner.items) >= 2:
        return owner.items[0 if name == "first" else 1]
    if isinstance(owner, Vec) and (owner.kind, name) in MEMBERS:
        return MEMBERS[owner.kind, name](m, owner)
    if isinstance(owner, InitList) and owner.names and name in owner.names:
        return owner.items[owner.names.index(name)]
    getter = getattr(owner, "member", None)
    if getter is not None:
        found = getter(m, name)
        if found is not NotImplemented:
            return found
    return Unknown(f"{key_of(owner)}.{name}", mask(owner))


def member_lvalue(m: Machine, owner: Value, name: str) -> Value:
    """`owner.name` as an lvalue: the member object itself or a Ref to it."""
    if isinstance(owner, Ref):
        owner = owner.get()
    if isinstance(owner, Opt):
        owner = owner.v
    if isinstance(owner, (Pointer, Ptr)):
        owner = value_of(deref(m, owner))
    if isinstance(owner, Struct):
        found = owner.fields.get(name)
        if found is None:
            found = owner.get(name)
        if isinstance(found, Ref):
            return found
        if isinstance(found, Obj) and not isinstance(found, (Opt, Ptr, Lambda, FuncRef)):
            return found
        return FieldRef(owner, name, m)
    if isinstance(owner, Vec) and name in ("first", "second") and len(owner.items) >= 2:
        return sequence_ref(owner, 0 if name == "first" else 1)
    maker = getattr(owner, "member_ref", None)
    if maker is not None:
        found = maker(m, name)
        if found is not NotImplemented:
            return found
    return member_value(m, owner, name)


def _position(m: Machine, length: int, at: Value) -> int:
    index = plain(at)
    if not isinstance(index, int):
        index = plain(ops.number(m, at))
    if isinstance(index, float):
        index = int(index)
    if not isinstance(index, int):
        raise Implausible("an index that is no number")
    return index


def index_value(m: Machine, base: Value, at: Value) -> Value:
    """`base[at]`; a Ref or a value."""
    if isinstance(base, Ref):
        base = base.get()
    if isinstance(base, Opt):
        base = base.v
    if isinstance(base, (Vec, InitList)):
        index = _position(m, len(base.items), at)
        if index < 0 and isinstance(base, Vec) and base.kind == "Shape":
            index += len(base.items)
        return item_at(m, base, index, at)
    if isinstance(base, Map):
        found = base.items.get(identity(at))
        if found is not None:
            return found[1]
        return index_ref(m, base, at)
    if isinstance(base, Ptr):
        return value_of(element(base.base, base.at + _position(m, 0, at)))
    if isinstance(base, Unknown):
        return Unknown(f"{base.key}[{key_of(at)}]", base.p | mask(at))
    if base is None or isinstance(base, Absent):
        raise null_use(m, base, "element")
    getter = getattr(base, "index", None)
    if getter is not None:
        return getter(m, at)
    if isinstance(plain(base), str):
        text, index = plain(base), _position(m, 0, at)
        return text[index] if 0 <= index < len(text) else ""
    return Unknown(f"{key_of(base)}[{key_of(at)}]", mask(base) | mask(at))


def item_at(m: Machine, base: Vec | InitList, index: int, at: Value = None) -> Value:
    """An element by number (`at` is the number with its origin); past an opaque segment nothing is known."""
    if Opaque in map(type, base.items[: index + 1]):
        position, item = next((p, i) for p, i in enumerate(base.items) if type(i) is Opaque)
        if index == position:
            return Piece(item)
        return Unknown(f"{item.key}+{index - position}")
    if not 0 <= index < len(base.items):
        return beyond(m, base, index, at)
    return base.items[index]


def beyond(m: Machine, base: Vec | InitList, index: int, at: Value = None) -> Value:
    """An element past the end: what the list knows is there; else nothing runs on from here, except where the numbers
    of a world need not fit together."""
    known = getattr(base, "beyond", None)
    if known is not None and index >= 0:
        return known(index)
    if m.checks or m.phase != "create" or not base.items:
        raise out_of_range(m, base, index, at)
    check = f"create: {_range_message(base, index)}"
    # a loop meets it over and over, and only the first repairs are kept
    m.violate(check, () if check in m.violations else getattr(out_of_range(m, base, index, at), "repairs", ()))
    return Unknown(f"element {index} of {key_of(base)}", mask(base))


COLUMNS = ".columns"  # the end of the keys of inputs that say how many columns of cores a range has


def out_of_range(m: Machine, base: Vec | InitList, index: int, at: Value) -> Thrown | Implausible:
    """A wrong index: a shape of another rank may be what the code expects, or a loop ran too far.

    Hardly any tensor has more than four dimensions: an input that asks for the fifth is rather another one.
    """
    message = _range_message(base, index)
    if isinstance(base, Vec) and base.kind == "Shape":
        rank = index + 1 if index >= 0 else len(base.items) - index
        for item in base.items:
            term = item.t if isinstance(item, Val) else None
            if isinstance(term, tuple) and term[0] == "roundup":
                term = term[1].t if isinstance(term[1], Val) else None
            if isinstance(term, str) and ".logical_shape[" in term:
                larger = [{f"{term.partition('.logical_shape[')[0]}.rank": rank}]
                lower = solving.solve(at, len(base.items) - 1) if index >= 0 else []
                return Thrown(message, item.p | mask(at), (*lower, *larger) if rank > USUAL_RANK else (*larger, *lower))
    if isinstance(base, Vec) and base.key is not None and isinstance(base.key.t, str) and index >= 0:
        return Thrown(message, base.key.p, ({base.key.t: index + 1},))
    if m.phase == "override":
        return Implausible(message)
    found = m.thrown(message)
    found.repairs = (*_longer(m, base, index), *found.repairs)
    return found


def _longer(m: Machine, base: Vec | InitList, index: int) -> list[dict[str, Value]]:
    """More columns of the cores that a list is made of: twice as many, then what the index asks for."""
    sides = [key for key in m.world.leaves(mask(base.items[0])) if key.endswith(COLUMNS)] if base.items else []
    wide = [(key, m.world.facts[key].value) for key in sides if index > 0]
    return [{key: count} for key, old in wide for count in dict.fromkeys((2 * old, index + 1)) if count > old]


def _range_message(base: Vec | InitList, index: int) -> str:
    return f"index {index} of {len(base.items)}"


def index_ref(m: Machine, base: Value, at: Value) -> Value:
    """`base[at]` as an lvalue."""
    if isinstance(base, Ref):
        base = base.get()
    if isinstance(base, Opt):
        base = base.v
    if isinstance(base, (Vec, InitList)):
        index = _position(m, len(base.items), at)
        if index < 0 and isinstance(base, Vec) and base.kind == "Shape":
            index += len(base.items)
        if Opaque in map(type, base.items[: index + 1]):
            return CallRef(lambda: item_at(m, base, index), lambda value, mark: None)
        if not 0 <= index < len(base.items):
            found = beyond(m, base, index, at)
            return CallRef(lambda: found, lambda value, mark: None) if isinstance(found, Unknown) else found
        return sequence_ref(base, index)
    if isinstance(base, Map):
        found = base.items.get(identity(at))
        if found is None:
            made = build.default_value(m, base.elem) if base.elem is not None else 0
            base.items[identity(at)] = (copied(at), made)
        else:
            made = found[1]
        return made if isinstance(made, Obj) and not isinstance(made, Opt) else MapRef(base, at)
    if isinstance(base, Ptr):
        return element(base.base, base.at + _position(m, 0, at))
    maker = getattr(base, "index_ref", None)
    if maker is not None:
        return maker(m, at)
    return index_value(m, base, at)


def store(m: Machine, target: Value, value: Value, mark: Mark | None) -> None:
    """`target = value`"""
    if isinstance(target, Ref):
        if isinstance(value, Obj) and not isinstance(value, InitList):
            value = value.copy() if not isinstance(value, (Pointer, Ptr)) else value
        if isinstance(value, InitList):
            old = target.get()
            value = build.construct(m, _like(old), [value], mark) if _like(old) else value
        target.set(value, mark)
        return
    if isinstance(target, Opt):
        target.v = value.v if isinstance(value, Opt) else value
        return
    if isinstance(target, Obj):
        if isinstance(value, InitList) and isinstance(target, Struct) and target.type is not None:
            value = build.from_list(m, value, Type(target.type.name, (), target.type))
        elif isinstance(value, InitList) and isinstance(target, Vec) and target.elem is not None:
            value = build.sequence(m, value, Type(target.kind, (target.elem,)))
        elif isinstance(value, InitList) and isinstance(target, Map):
            value = build.coerce(m, value, Type(target.kind, (target.key or AUTO, target.elem or AUTO)))
        if isinstance(value, Opt):
            value = value.v
        if target is not value and not target.assign(value):
            own = getattr(target, "assign_from", None)
            if isinstance(value, Unknown) and isinstance(target, Vec):
                target.items, target.marks = [Opaque(value.key)], [mark]
            elif own is not None:
                own(m, value, mark)
            else:
                m.unknown_call(f"assignment to {type(target).__name__}", [])


def _like(old: Value) -> Any:
    if isinstance(old, Struct) and old.type is not None:
        return Type(old.type.name, (), old.type)
    return None


__all__ = [
    "Val",
    "address_of",
    "deref",
    "element",
    "index_ref",
    "index_value",
    "member_lvalue",
    "member_value",
    "null_use",
    "relied_on",
    "store",
    "value_of",
]
