"""Core coordinates, ranges and sets, and the library functions that split work over them.

Facts: facts/device_model.md sections 1 and 9 (tt_metal/common/core_coord.cpp, tt_metal/common/work_split.cpp).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp import ops, solving
from tt_cache_lint.interp.interrupts import Implausible, Thrown
from tt_cache_lint.interp.registry import constructor
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import (
    InitList,
    Mark,
    Obj,
    Opaque,
    Opt,
    Ref,
    Unknown,
    Val,
    Value,
    Vec,
    empty,
    key_of,
    mask,
    plain,
)

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

XY = tuple[int, int]
MAX_CORES = 600


class _Member(Ref):
    __slots__ = ("name", "owner")

    def __init__(self, owner: CoreCoord, name: str) -> None:
        self.owner = owner
        self.name = name

    def get(self) -> Value:
        return getattr(self.owner, self.name)

    def set(self, value: Value, mark: Mark | None = None) -> None:
        setattr(self.owner, self.name, value)


class CoreCoord(Obj):
    """tt_xy_pair; x and y are values with an origin."""

    __slots__ = ("x", "y")

    def __init__(self, x: Value, y: Value) -> None:
        self.x = x
        self.y = y

    def copy(self) -> CoreCoord:
        return CoreCoord(self.x, self.y)

    def assign(self, other: Value) -> bool:
        if isinstance(other, CoreCoord):
            self.x, self.y = other.x, other.y
            return True
        if isinstance(other, (InitList, Vec)) and len(other.items) == 2:
            self.x, self.y = other.items
            return True
        return False

    @property
    def xy(self) -> XY:
        x, y = self.x, self.y
        if type(x) is int and type(y) is int:
            return (x, y)
        x, y = plain(x), plain(y)
        if isinstance(x, int) and isinstance(y, int):
            return (x, y)
        raise Implausible("a core without numbers")

    def identity(self) -> object:
        return (plain(self.x), plain(self.y))

    def mask(self) -> int:
        return mask(self.x) | mask(self.y)

    def member(self, m: Machine, name: str) -> Value:
        return getattr(self, name) if name in ("x", "y") else NotImplemented

    def member_ref(self, m: Machine, name: str) -> Value:
        return _Member(self, name) if name in ("x", "y") else NotImplemented

    def components(self) -> list[Value]:
        return [_Member(self, "x"), _Member(self, "y")]

    def arithmetic(self, m: Machine, op: str, a: Value, b: Value, other: Value) -> Value:
        """Element-wise + and -."""
        if isinstance(a, CoreCoord) and isinstance(b, CoreCoord):
            return CoreCoord(ops.binary(m, op, a.x, b.x), ops.binary(m, op, a.y, b.y))
        return Unknown(f"({key_of(a)} {op} {key_of(b)})")

    def __repr__(self) -> str:
        return f"({plain(self.x)},{plain(self.y)})"


class CoreRange(Obj):
    """A rectangle of cores, both ends included. `sides` are the numbers of columns and rows where they are inputs."""

    __slots__ = ("end", "sides", "start")

    def __init__(self, start: CoreCoord, end: CoreCoord, sides: tuple[Val, Val] | None = None) -> None:
        self.start = start
        self.end = end
        self.sides = sides

    def copy(self) -> CoreRange:
        return CoreRange(self.start.copy(), self.end.copy(), self.sides)

    def assign(self, other: Value) -> bool:
        if isinstance(other, CoreRange):
            self.start, self.end, self.sides = other.start.copy(), other.end.copy(), other.sides
            return True
        return False

    @staticmethod
    def converted(other: Value) -> CoreRange | None:
        """What another value is made into where a range is wanted (core_coord.hpp: CoreRange(const CoreCoord&))."""
        return CoreRange(other.copy(), other.copy()) if isinstance(other, CoreCoord) else None

    def given(self) -> tuple[Val, Val] | None:
        """The numbers of columns and rows if they are inputs, and nothing has changed the range since."""
        if self.sides is None:
            return None
        x0, y0, x1, y1 = self.box()
        return self.sides if (self.sides[0].v, self.sides[1].v) == (x1 - x0 + 1, y1 - y0 + 1) else None

    def parts(self) -> list[Value]:
        sides = self.given()
        return [self.start.x, self.start.y, *sides] if sides is not None else []

    def box(self) -> tuple[int, int, int, int]:
        (x0, y0), (x1, y1) = self.start.xy, self.end.xy
        if x1 < x0 or y1 < y0 or x0 < 0 or y0 < 0:
            raise Implausible("a core range that ends before it starts", self.forwards())
        if (x1 - x0 + 1) * (y1 - y0 + 1) > MAX_CORES:
            raise Implausible("a core range of absurd size")
        return x0, y0, x1, y1

    def forwards(self) -> tuple[dict[str, Value], ...]:
        """Assignments of inputs that make the range end where it starts or behind, for the first side that does not."""
        for first, last in ((self.start.x, self.end.x), (self.start.y, self.end.y)):
            if plain(last) < plain(first):
                return tuple(solving.want(Val(False, mask(first) | mask(last), (">=", last, first)), True))
        return ()

    def xys(self) -> list[XY]:
        """The cores, x inside y (core_coord.hpp:71-90)."""
        x0, y0, x1, y1 = self.box()
        return [(x, y) for y in range(y0, y1 + 1) for x in range(x0, x1 + 1)]

    def mask(self) -> int:
        return self.start.mask() | self.end.mask()

    def identity(self) -> object:
        return (self.start.identity(), self.end.identity())

    def member(self, m: Machine, name: str) -> Value:
        return {"start_coord": self.start, "end_coord": self.end, "start": self.start, "end": self.end}.get(
            name, NotImplemented
        )

    def elements(self) -> list[Value]:
        return coords(self.xys(), self.mask())

    def length(self) -> int:
        return len(self.xys())

    def item_ref(self, at: int) -> Value:
        found = self.xys()
        if not 0 <= at < len(found):
            raise Implausible("dereference of an end iterator")
        return coords(found[at : at + 1], self.mask())[0]

    def components(self) -> list[Value]:
        return [self.start, self.end]

    def __repr__(self) -> str:
        return f"[{self.start}-{self.end}]"


class CoreRangeSet(Obj):
    """Disjoint ranges in the order given. `count` is how many there are where that is an input."""

    __slots__ = ("count", "ranges", "viewed")

    def __init__(self, ranges: list[CoreRange], count: Val | None = None) -> None:
        self.ranges = ranges
        self.count = count
        self.viewed: Vec | None = None

    def view(self) -> Vec:
        """The vector that ranges() refers to: the same each time, so that its iterators can be compared."""
        viewed = self.viewed
        if viewed is None or list(map(id, viewed.items)) != list(map(id, self.ranges)):
            viewed = self.viewed = Vec(list(self.ranges))
            viewed.elem = Type("CoreRange")
            viewed.key = self.count
        return viewed

    def copy(self) -> CoreRangeSet:
        return CoreRangeSet([r.copy() for r in self.ranges], self.count)

    def assign(self, other: Value) -> bool:
        if isinstance(other, CoreRangeSet):
            self.ranges, self.count = [r.copy() for r in other.ranges], other.count
            return True
        return False

    @staticmethod
    def converted(other: Value) -> CoreRangeSet | None:
        """What another value is made into where a set is wanted (core_coord.hpp: CoreRangeSet(const CoreRange&))."""
        return CoreRangeSet([other.copy()]) if isinstance(other, CoreRange) else None

    def xys(self) -> list[XY]:
        found: list[XY] = []
        for item in self.ranges:
            found.extend(item.xys())
        if len(found) > MAX_CORES:
            raise Implausible("a core set of absurd size")
        return found

    def mask(self) -> int:
        p = 0
        for item in self.ranges:
            p |= item.mask()
        return p

    def identity(self) -> object:
        return tuple(r.identity() for r in self.ranges)

    def parts(self) -> list[Value]:
        return list(self.ranges) if self.count is None else [self.count, *self.ranges]

    def elements(self) -> list[Value]:
        return list(self.ranges)

    def __repr__(self) -> str:
        return f"{{{', '.join(map(repr, self.ranges))}}}"


def number_with(value: int, p: int) -> Value:
    return Val(value, p) if p else value


def coords(xys: Iterable[XY], p: int = 0) -> list[Value]:
    """Core coordinates as values."""
    if p:
        return [CoreCoord(Val(x, p), Val(y, p)) for x, y in xys]
    return [CoreCoord(x, y) for x, y in xys]


def core_vector(xys: Iterable[XY], p: int = 0) -> Vec:
    vector = Vec(coords(xys, p))
    vector.elem = Type("CoreCoord")
    return vector


def rectangle(x0: int, y0: int, x1: int, y1: int, p: int = 0) -> CoreRange:
    return CoreRange(
        CoreCoord(number_with(x0, p), number_with(y0, p)), CoreCoord(number_with(x1, p), number_with(y1, p))
    )


def to_coord(m: Machine, value: Value) -> CoreCoord:
    """Anything that converts to a CoreCoord."""
    if isinstance(value, Ref):
        value = value.get()
    if isinstance(value, Opt):
        value = value.v
    if isinstance(value, CoreCoord):
        return value
    if isinstance(value, (InitList, Vec)) and len(value.items) == 2:
        return CoreCoord(ops.convert(m, value.items[0], "size_t"), ops.convert(m, value.items[1], "size_t"))
    if isinstance(value, InitList) and len(value.items) == 1:  # copied in braces
        return to_coord(m, value.items[0])
    if isinstance(value, CoreRange):
        return value.start
    if isinstance(value, Unknown):
        return CoreCoord(m.unknown_number(f"{value.key}.x", value.p), m.unknown_number(f"{value.key}.y", value.p))
    raise Implausible("this is no core")


def to_range(m: Machine, value: Value) -> CoreRange:
    if isinstance(value, CoreRange):
        return value
    if isinstance(value, (InitList, Vec)) and len(value.items) == 2 and not isinstance(plain(value.items[0]), int):
        return CoreRange(to_coord(m, value.items[0]).copy(), to_coord(m, value.items[1]).copy())
    core = to_coord(m, value)
    return CoreRange(core.copy(), core.copy())


def to_set(m: Machine, value: Value) -> CoreRangeSet:
    """Anything that names cores: a coordinate, a range, a set, a vector of any of them."""
    if isinstance(value, Opt):
        value = value.v
    if isinstance(value, CoreRangeSet):
        return value
    if isinstance(value, (CoreCoord, CoreRange)):
        return CoreRangeSet([to_range(m, value)])
    if isinstance(value, (InitList, Vec)):
        named = isinstance(value, InitList) and any(name in ("start", "start_coord") for name in value.names or ())
        if len(value.items) == 2 and (named or all(isinstance(plain(i), int) or _is_point(i) for i in value.items)):
            return CoreRangeSet([to_range(m, value)])
        if len(value.items) == 1 and isinstance(value.items[0], CoreRangeSet):
            return value.items[0]
        hidden = next((i for i in value.items if isinstance(i, Opaque)), None)
        if hidden is not None:
            return to_set(m, Unknown(hidden.key))
        return CoreRangeSet([to_range(m, item) for item in value.items])
    if isinstance(value, Unknown):
        count = m.unknown_number(f"cores of {value.key}", value.p)
        return CoreRangeSet([rectangle(0, 0, 0, max(0, min(plain(count), 6) - 1), count.p)])
    if empty(value):
        return CoreRangeSet([])
    raise Implausible("this is no core set")


def _is_point(value: Value) -> bool:
    """`{x, y}`: two of them in braces make one CoreRange, not two ranges of one core."""
    return isinstance(value, InitList) and len(value.items) == 2 and all(isinstance(plain(i), int) for i in value.items)


def merged(xys: Iterable[XY], p: int = 0) -> CoreRangeSet:
    """The cores as maximal vertical runs; the order is by column."""
    ranges: list[CoreRange] = []
    for x, y in sorted(set(xys)):
        if ranges:
            x0, _, x1, y1 = ranges[-1].box()
            if x0 == x1 == x and y1 == y - 1:
                ranges[-1].end = CoreCoord(number_with(x, p), number_with(y, p))
                continue
        ranges.append(rectangle(x, y, x, y, p))
    return CoreRangeSet(_joined(ranges, p))


def _joined(ranges: list[CoreRange], p: int) -> list[CoreRange]:
    result: list[CoreRange] = []
    for item in ranges:
        if result:
            x0, y0, x1, y1 = result[-1].box()
            a0, b0, a1, b1 = item.box()
            if (b0, b1) == (y0, y1) and a0 == x1 + 1:
                result[-1] = rectangle(x0, y0, a1, y1, p)
                continue
        result.append(item)
    return result


@constructor("CoreCoord", "tt_xy_pair")
def make_coord(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    if not args:
        return CoreCoord(0, 0)
    if len(args) == 1:
        only = args[0]
        if isinstance(only, InitList) and only.names:
            parts = dict(zip(only.names, only.items, strict=False))
            return CoreCoord(parts.get("x", 0), parts.get("y", 0))
        return to_coord(m, only).copy()
    return CoreCoord(ops.convert(m, args[0], "size_t"), ops.convert(m, args[1], "size_t"))


@constructor("CoreRange")
def make_range(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    if not args:
        return rectangle(0, 0, 0, 0)
    if len(args) == 1:
        return to_range(m, args[0]).copy()
    made = CoreRange(to_coord(m, args[0]).copy(), to_coord(m, args[1]).copy())
    (x0, y0), (x1, y1) = made.start.xy, made.end.xy
    if x1 < x0 or y1 < y0:
        raise Thrown("a core range that ends before it starts", made.mask(), made.forwards())
    return made


@constructor("CoreRangeSet")
def make_set(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    if not args:
        return CoreRangeSet([])
    if len(args) == 2 and not isinstance(args[0], CoreRange):
        return CoreRangeSet([to_range(m, InitList(args, [None, None], None, mark))])  # type: ignore[arg-type]
    if len(args) > 1:
        return CoreRangeSet([to_range(m, a).copy() for a in args])
    only = args[0]
    if isinstance(only, (InitList, Vec)) and len(only.items) == 1 and isinstance(only.items[0], (InitList, Vec)):
        only = only.items[0]
    if isinstance(only, (InitList, Vec)) and len(only.items) == 1 and isinstance(only.items[0], CoreRangeSet):
        only = only.items[0]
    return to_set(m, only).copy()


def cores_of(m: Machine, value: Value) -> list[XY]:
    """The cores a CoreSpec names."""
    if isinstance(value, CoreCoord):
        return [value.xy]
    return to_set(m, value).xys()


def describe(xys: Iterable[XY]) -> str:
    """Cores in words: `(0,0)-(3,2)`, `(0,0), (1,0)`, ..."""
    ranges = merged(xys).ranges
    parts = []
    for item in ranges[:4]:
        x0, y0, x1, y1 = item.box()
        parts.append(f"({x0},{y0})" if (x0, y0) == (x1, y1) else f"({x0},{y0})-({x1},{y1})")
    return ", ".join(parts) + (", ..." if len(ranges) > 4 else "")


__all__ = ["Any", "CoreCoord", "CoreRange", "CoreRangeSet", "cores_of", "describe", "to_coord", "to_set"]
