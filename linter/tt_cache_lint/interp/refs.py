"""Lvalues that are no objects, pointers to them, and elements of sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tt_cache_lint.interp.interrupts import Implausible
from tt_cache_lint.interp.values import InitList, Map, Mark, Obj, Opt, Ref, Struct, Value, Vec, identity


class LocalRef(Ref):
    """A local variable."""

    __slots__ = ("frame", "slot")

    def __init__(self, frame: list[Value], slot: int) -> None:
        self.frame = frame
        self.slot = slot

    def get(self) -> Value:
        value = self.frame[self.slot]
        return value.get() if isinstance(value, Ref) else value

    def set(self, value: Value, mark: Mark | None = None) -> None:
        old = self.frame[self.slot]
        if isinstance(old, Ref):
            old.set(value, mark)
        elif not (isinstance(old, Obj) and old is not value and old.assign(value)):
            self.frame[self.slot] = value


class SlotRef(LocalRef):
    """A local pointer variable: assignment makes it point elsewhere, what it pointed to stays as it is."""

    __slots__ = ()

    def set(self, value: Value, mark: Mark | None = None) -> None:
        self.frame[self.slot] = value


class FieldRef(Ref):
    """A data member. `m` is the machine, asked how a value that is assigned must be converted."""

    __slots__ = ("field", "m", "struct")

    def __init__(self, struct: Struct, field: str, m: Any = None) -> None:
        self.struct = struct
        self.field = field
        self.m = m

    def get(self) -> Value:
        return self.struct.get(self.field)

    def set(self, value: Value, mark: Mark | None = None) -> None:
        convert = self.m.interp.converter(self.m, self.struct, self.field) if self.m is not None else None
        self.struct.set(self.field, convert(value) if convert is not None else value, mark)


class ItemRef(Ref):
    """An element of a sequence."""

    __slots__ = ("at", "base")

    def __init__(self, base: Vec | InitList, at: int) -> None:
        self.base = base
        self.at = at

    def get(self) -> Value:
        return self.base.items[self.at]

    def set(self, value: Value, mark: Mark | None = None) -> None:
        if isinstance(self.base, Vec):
            self.base.put(self.at, value, mark)
        else:
            self.base.items[self.at] = value


class MapRef(Ref):
    """An element of a map, made on first use."""

    __slots__ = ("key", "map")

    def __init__(self, map_: Map, key: Value) -> None:
        self.map = map_
        self.key = key

    def get(self) -> Value:
        found = self.map.items.get(identity(self.key))
        return found[1] if found is not None else 0

    def set(self, value: Value, mark: Mark | None = None) -> None:
        self.map.items[identity(self.key)] = (self.key, value)


class CallRef(Ref):
    """An lvalue made of two functions."""

    __slots__ = ("getter", "setter")

    def __init__(self, getter: Callable[[], Value], setter: Callable[[Value, Mark | None], None]) -> None:
        self.getter = getter
        self.setter = setter

    def get(self) -> Value:
        return self.getter()

    def set(self, value: Value, mark: Mark | None = None) -> None:
        self.setter(value, mark)


class Pointer(Obj):
    """A pointer to a scalar lvalue, or to a value of a class, a sequence or a map; an object of the device model is its
    own pointer."""

    __slots__ = ("ref",)

    def __init__(self, ref: Ref) -> None:
        self.ref = ref

    def identity(self) -> object:
        """Equal for pointers to the same."""
        ref = self.ref
        target = ref.get()
        if isinstance(target, Obj):
            return ("->", id(target))
        if isinstance(ref, LocalRef):
            return ("->", id(ref.frame), ref.slot)
        return ("->", id(ref.struct), ref.field) if isinstance(ref, FieldRef) else ("->", id(ref))


def sequence_ref(base: Any, at: int) -> Value:
    """The element of a sequence as an lvalue: the object itself, or a Ref. Raises Implausible outside of it."""
    if isinstance(base, (Vec, InitList)):
        if not 0 <= at < len(base.items):
            raise Implausible(f"index {at} of {len(base.items)}")
        item = base.items[at]
        # What cannot take over another's content is held by pointer, and the pointer is what an assignment changes.
        own = isinstance(item, Obj) and not isinstance(item, Opt) and type(item).assign is not Obj.assign
        return item if own else ItemRef(base, at)
    return base.item_ref(at)


def sequence_length(base: Any) -> int:
    """The number of elements of what an iterator walks over."""
    return len(base.items) if isinstance(base, (Vec, InitList, Map)) else int(base.length())


class Reversed(Obj):
    """What a reverse iterator walks over: a sequence from its end. Equal for one sequence, however often it is made."""

    __slots__ = ("of",)

    def __init__(self, of: Any) -> None:
        self.of = of

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reversed) and other.of is self.of

    def __hash__(self) -> int:
        return id(self.of)

    def length(self) -> int:
        return sequence_length(self.of)

    def item_ref(self, at: int) -> Value:
        return sequence_ref(self.of, self.length() - 1 - at)
