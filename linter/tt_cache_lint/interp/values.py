"""Values of the interpreted program.

A value is a plain Python int, float, bool or str, None for nullptr and nullopt, or one of the classes here. A number
that derives from an input of the op is a `Val`: the number in this world, the set of inputs it derives from as a bit
mask, and a term, which is the input's own key, or an operation over other values.

Objects (`Obj`) have reference semantics in Python; C++'s copies are made explicitly with `copied`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tt_cache_lint.source.defs import StructDef

Value = Any  # the union is wide and closed by the classes below; spelling it out slows down mypy and helps nobody


class Mark:
    """A place in the source with the text that stands there; made once, when a function is lowered."""

    __slots__ = ("column", "end_line", "line", "path", "text")

    def __init__(self, path: str, line: int, column: int, end_line: int, text: str) -> None:
        self.path = path
        self.line = line
        self.column = column
        self.end_line = end_line
        self.text = text

    def __repr__(self) -> str:
        return f"{self.path}:{self.line} {self.text!r}"


NOWHERE = Mark("", 0, 1, 0, "")  # of what the code does not say itself


class Val:
    """A scalar (int, float, bool, str or Enum) that derives from inputs."""

    __slots__ = ("p", "t", "v")

    def __init__(self, v: Value, p: int, t: object = None) -> None:
        self.v = v
        self.p = p
        self.t = t

    def __repr__(self) -> str:
        return f"Val({self.v!r})"


class Handle:
    """A kernel, circular-buffer or semaphore handle. `v` is the number C++ sees; `target` the object it names.

    `depth` is the call depth at which the variable that names it was declared; an outer name wins.
    """

    __slots__ = ("depth", "kind", "name", "narrow", "p", "t", "target", "v")

    def __init__(self, kind: str, v: int, target: Obj, name: str = "") -> None:
        self.kind = kind
        self.v = v
        self.p = 0
        self.t = None
        self.target: Any = target  # None once the program is released
        self.name = name
        self.depth = 1 << 30
        self.narrow = False

    def narrowed(self) -> Handle:
        other = Handle(self.kind, self.v, self.target, self.name)
        other.narrow = True
        return other

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name or self.v}>"


class Enum:
    """An enumerator. Two are equal when type and name are; `number` is its value, -1 when unknown."""

    __slots__ = ("name", "number", "type")

    def __init__(self, type_: str, name: str, number: int = -1) -> None:
        self.type = type_
        self.name = name
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Enum) and other.name == self.name and other.type == self.type

    def __hash__(self) -> int:
        return hash((self.type, self.name))

    def __repr__(self) -> str:
        return f"{self.type}::{self.name}"


class Unknown:
    """What the interpreter could not compute. Two unknowns with one key are the same value."""

    __slots__ = ("key", "p")

    def __init__(self, key: str, p: int = 0) -> None:
        self.key = key if len(key) < 240 else key[:200] + f"#{_digest(key):x}"
        self.p = p

    def __repr__(self) -> str:
        return f"?{self.key}"


class Obj:
    """Base of all values with identity."""

    __slots__ = ()

    def copy(self) -> Obj:
        """A C++ copy; immutable or handle-like objects return themselves."""
        return self

    def assign(self, other: Value) -> bool:
        """Take over the content of `other`, keeping identity. False when that is not possible."""
        return False


class Opt(Obj):
    """A std::optional that holds `v`. `p` and `t` are the origin of its presence (a leaf's bit and key)."""

    __slots__ = ("p", "t", "v")

    def __init__(self, v: Value, p: int = 0, t: object = None) -> None:
        self.v = v
        self.p = p
        self.t = t

    def copy(self) -> Opt:
        return Opt(copied(self.v), self.p, self.t)

    def assign(self, other: Value) -> bool:
        if isinstance(other, Opt):
            self.v = other.v
            return True
        return False

    def __repr__(self) -> str:
        return f"Opt({self.v!r})"


class Absent:
    """An empty optional input: like None, with the origin of its absence."""

    __slots__ = ("p", "t")

    def __init__(self, p: int, t: object) -> None:
        self.p = p
        self.t = t

    def __repr__(self) -> str:
        return "nullopt"


def empty(value: Value) -> bool:
    """True for nullptr, nullopt and an empty optional."""
    return value is None or isinstance(value, Absent)


class InitList(Obj):
    """A braced list whose type is not known yet. `names` are designators, '' for positional items."""

    __slots__ = ("items", "mark", "marks", "names")

    def __init__(self, items: list[Value], marks: list[Mark | None], names: list[str] | None, mark: Mark) -> None:
        self.items = items
        self.marks = marks
        self.names = names
        self.mark = mark

    def copy(self) -> InitList:
        return InitList([copied(i) for i in self.items], list(self.marks), self.names, self.mark)

    def __repr__(self) -> str:
        return f"{{{', '.join(map(repr, self.items))}}}"


_NO_TARGS: dict[str, Any] = {}


class Struct(Obj):
    """An instance of a class. `fields` holds what was given a value; the rest comes from `default` on first use.

    `targs` are the template arguments of its class, by parameter name.
    """

    __slots__ = ("default", "defaults", "fields", "marks", "name", "targs", "type")

    def __init__(
        self, type_: StructDef | None, name: str, default: Callable[[Struct, str], Value] | None = None
    ) -> None:
        self.type = type_
        self.name = name
        self.fields: dict[str, Value] = {}
        self.defaults: dict[str, Value] = {}
        self.marks: dict[str, Mark] = {}
        self.default = default
        self.targs: dict[str, Any] = _NO_TARGS

    def get(self, field: str) -> Value:
        if field in self.fields:
            return self.fields[field]
        if field in self.defaults:
            return self.defaults[field]
        value = self.default(self, field) if self.default is not None else Unknown(f"{self.name}.{field}")
        self.defaults[field] = value
        return value

    def set(self, field: str, value: Value, mark: Mark | None = None) -> None:
        old = self.fields.get(field)
        if old is None:
            old = self.defaults.get(field)
        if isinstance(old, Obj) and old is not value and old.assign(value):
            self.fields[field] = old
        else:
            self.fields[field] = value
        if mark is not None:
            self.marks[field] = mark

    def names(self) -> list[str]:
        if self.type is not None and self.type.fields:
            return [f.name for f in self.type.fields]
        return list({**self.fields, **self.defaults})

    def copy(self) -> Struct:
        other = Struct(self.type, self.name, self.default)
        other.fields = {k: copied(v) for k, v in self.fields.items()}
        other.defaults = {k: copied(v) for k, v in self.defaults.items()}
        other.marks = dict(self.marks)
        other.targs = self.targs
        return other

    def assign(self, other: Value) -> bool:
        if not isinstance(other, Struct):
            return False
        if other is not self:
            fresh = other.copy()
            self.type, self.name, self.default = fresh.type, fresh.name, fresh.default
            self.targs = fresh.targs
            self.fields, self.defaults, self.marks = fresh.fields, fresh.defaults, fresh.marks
        return True

    def __repr__(self) -> str:
        return f"{self.name}{{{', '.join(f'{k}={v!r}' for k, v in self.fields.items())}}}"


# Copies of runtime arguments that were written to; emptied when an override starts.
WRITTEN_COPIES: list[Vec] = []


class Vec(Obj):
    """vector, array, span, set, deque, tuple and pair. `marks` says where each item was written.

    `kind` is the C++ template's name. An `Opaque` item stands for an unknown number of unknown items. `copy_of` is set
    when the vector was copied out of a kernel's runtime arguments.
    """

    __slots__ = ("copy_of", "elem", "items", "key", "kind", "marks", "written")

    def __init__(self, items: list[Value], kind: str = "vector", marks: list[Mark | None] | None = None) -> None:
        self.items = items
        self.kind = kind
        self.marks: list[Mark | None] = marks if marks is not None else [None] * len(items)
        self.elem: Any = None
        self.copy_of: Any = None
        self.written: dict[int, Mark | None] | None = None
        self.key: Val | None = None  # the size fact of a vector given to the op

    def copy(self) -> Vec:
        other = Vec([copied(i) for i in self.items], self.kind, list(self.marks))
        other.elem = self.elem
        other.key = self.key
        other.copy_of = self.copy_of
        return other

    def assign(self, other: Value) -> bool:
        if isinstance(other, (Vec, InitList)):
            if other is not self:
                self.items = [copied(i) for i in other.items]
                self.marks = list(other.marks)
                if isinstance(other, Vec):
                    self.copy_of = other.copy_of
                    if self.elem is None:
                        self.elem = other.elem
            return True
        return False

    def push(self, value: Value, mark: Mark | None) -> None:
        self.items.append(value)
        self.marks.append(mark)

    def put(self, index: int, value: Value, mark: Mark | None) -> None:
        old = self.items[index]
        if not (isinstance(old, Obj) and old is not value and old.assign(value)):
            self.items[index] = value
        self.marks[index] = mark
        if self.copy_of is not None:
            if self.written is None:
                self.written = {}
                WRITTEN_COPIES.append(self)
            self.written[index] = mark

    def splice(self, index: int, values: Iterable[Value], marks: Iterable[Mark | None]) -> None:
        self.items[index:index] = values
        self.marks[index:index] = marks

    def __repr__(self) -> str:
        return f"{self.kind}{self.items!r}"


class Opaque(Obj):
    """An unknown number of unknown items inside a sequence.

    `content` is what they derive from, where all of that is known: equal contents are equal items, others differ.
    `p` are the inputs that it derives from.
    """

    __slots__ = ("content", "key", "p")

    def __init__(self, key: str, content: object = None, p: int = 0) -> None:
        self.key = key
        self.content = content
        self.p = p

    def mask(self) -> int:
        return self.p

    def __repr__(self) -> str:
        return f"...{self.key}"


class Piece(Unknown):
    """The first of the unknown items of `segment`: appended to a list, it brings all of them, as copying a list item by
    item does."""

    __slots__ = ("segment",)

    def __init__(self, segment: Opaque) -> None:
        super().__init__(f"{segment.key}+0", segment.p)
        self.segment = segment


class Map(Obj):
    """map and unordered_map; keyed by `identity` of the key. `elem` and `key` are the declared types, where known."""

    __slots__ = ("elem", "items", "key", "kind")

    def __init__(self, kind: str = "map") -> None:
        self.kind = kind
        self.items: dict[object, tuple[Value, Value]] = {}
        self.elem: Any = None
        self.key: Any = None

    def copy(self) -> Map:
        other = Map(self.kind)
        other.items = {k: (a, copied(b)) for k, (a, b) in self.items.items()}
        other.elem, other.key = self.elem, self.key
        return other

    def assign(self, other: Value) -> bool:
        if isinstance(other, Map):
            self.items = other.copy().items
            self.elem = self.elem or other.elem
            return True
        return False

    def ordered(self) -> Iterator[tuple[Value, Value]]:
        values = list(self.items.items())
        if self.kind == "map":
            with suppress(TypeError):
                values.sort(key=lambda item: item[0])  # type: ignore[arg-type,return-value]
        return iter([v for _, v in values])


class Entry(Vec):
    """The (key, value) pair behind an iterator of a map: what is written to the value goes into the map."""

    __slots__ = ("map",)

    def __init__(self, map_: Map, key: Value, value: Value) -> None:
        super().__init__([key, value], "pair")
        self.map = map_

    def copy(self) -> Vec:
        return Vec([copied(i) for i in self.items], "pair")

    def put(self, index: int, value: Value, mark: Mark | None) -> None:
        super().put(index, value, mark)
        if index == 1:
            self.map.items[identity(self.items[0])] = (self.items[0], self.items[1])


class Ptr(Obj):
    """An iterator, or a pointer into a sequence."""

    __slots__ = ("at", "base")

    def __init__(self, base: Any, at: int) -> None:
        self.base = base
        self.at = at

    def copy(self) -> Ptr:
        return Ptr(self.base, self.at)

    def assign(self, other: Value) -> bool:
        if isinstance(other, Ptr):
            self.base, self.at = other.base, other.at
            return True
        return False


class Lambda(Obj):
    """A closure: its code, the frame it was made in, and values captured by copy as (slot, value)."""

    __slots__ = ("code", "copies", "frame", "this")

    def __init__(self, code: Any, frame: list[Value], copies: list[tuple[int, Value]], this: Value) -> None:
        self.code = code
        self.frame = frame
        self.copies = copies
        self.this = this


class FuncRef(Obj):
    """A function used as a value. `call` takes (machine, site, values)."""

    __slots__ = ("call", "name")

    def __init__(self, name: str, call: Callable[..., Value]) -> None:
        self.name = name
        self.call = call


class TypeRef(Obj):
    """A type used as a value, such as a factory alternative `Factory{}` or a template argument."""

    __slots__ = ("type",)

    def __init__(self, type_: Any) -> None:
        self.type = type_


class Ref:
    """An lvalue that is not an object: something with get and set."""

    __slots__ = ()

    def get(self) -> Value:
        raise NotImplementedError

    def set(self, value: Value, mark: Mark | None = None) -> None:
        raise NotImplementedError


# What is no object and has nothing around it: the short way out of the functions that are called most.
BARE = frozenset((int, float, bool, str, type(None)))


def copied(value: Value) -> Value:
    """A C++ copy of a value."""
    kind = type(value)
    if kind is Val or kind in BARE:
        return value
    return value.copy() if isinstance(value, Obj) else value


def plain(value: Value) -> Value:
    """The bare scalar of a value: without its origin, an optional or a reference around it."""
    while True:
        if type(value) in BARE:
            return value
        if isinstance(value, (Val, Handle, Opt)):
            value = value.v
        elif isinstance(value, Ref):
            value = value.get()
        elif isinstance(value, Absent):
            return None
        else:
            return value


def mask(value: Value, depth: int = 0) -> int:
    """The inputs a value derives from, as a bit mask."""
    if type(value) in BARE:
        return 0
    if isinstance(value, (Val, Unknown, Absent)):
        return value.p
    if isinstance(value, Opt):
        return value.p | mask(value.v, depth + 1)
    if depth > 4:
        return 0
    result = 0
    if isinstance(value, (Vec, InitList)):
        for item in value.items:
            result |= mask(item, depth + 1)
    elif isinstance(value, Struct):
        for item in value.fields.values():
            result |= mask(item, depth + 1)
    else:
        own = getattr(value, "mask", None)
        if own is not None:
            result = own() if callable(own) else own
    return result


def identity(value: Value, depth: int = 0) -> object:
    """A hashable identity: equal for values that C++'s == would call equal."""
    value = plain(value)
    if value is None or isinstance(value, (int, float, str)):
        return value
    if isinstance(value, Enum):
        return (value.type, value.name)
    if isinstance(value, Unknown):
        return ("?", value.key)
    if depth > 6:
        return "..."
    if isinstance(value, (Vec, InitList)):
        return tuple(identity(i, depth + 1) for i in value.items)
    if isinstance(value, Struct):
        given = getattr(value, "key", None)
        if given is not None:
            return ("input", given, tuple(sorted((k, str(identity(v, depth + 1))) for k, v in value.fields.items())))
        return (value.name, tuple(sorted((k, str(identity(v, depth + 1))) for k, v in value.fields.items())))
    if isinstance(value, Map):
        return tuple((k, identity(v, depth + 1)) for k, (_, v) in value.items.items())
    if isinstance(value, Opaque):
        return ("...", value.key)
    own = getattr(value, "identity", None)
    if own is not None:
        return own()
    return ("@", type(value).__name__, id(value))


def key_of(value: Value) -> str:
    """A short text for the key of an unknown that was computed from this value.

    Tensors and buffers count by name, not by run: what an unknown function makes of them derives from their specs.
    """
    value = plain(value)
    if isinstance(value, Unknown):
        return value.key
    if isinstance(value, (Lambda, FuncRef, TypeRef, Ptr)):
        return type(value).__name__
    text = str(_keyed(value, 0))
    return text if len(text) < 120 else f"{text[:80]}#{_digest(text):x}"


def _keyed(value: Value, depth: int) -> object:
    value = plain(value)
    if depth < 5:
        if isinstance(value, (Vec, InitList)):
            return tuple(_keyed(i, depth + 1) for i in value.items)
        if isinstance(value, Struct):
            given = getattr(value, "key", value.name)
            return (given, *((k, _keyed(v, depth + 1)) for k, v in sorted(value.fields.items())))
    stable = getattr(value, "stable_key", None)
    if stable is not None:
        return stable()
    found = identity(value, depth)
    return type(value).__name__ if isinstance(found, tuple) and found[:1] == ("@",) else found


def _digest(text: str) -> int:
    return zlib.crc32(text.encode())
