"""Names and scopes of one function under lowering, and how a variable is read and written where it stands.

A frame is a list: [machine, enclosing frame of a lambda, this, result, variables...].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp.refs import LocalRef, SlotRef
from tt_cache_lint.interp.values import Mark, Obj, Opt, Ptr, Ref, Value, copied

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.interp.types import Scoping, Type
    from tt_cache_lint.source.defs import EnumDef, StructDef
    from tt_cache_lint.source.files import SourceFile

Closure = Callable[[list[Value]], Any]
FIRST_SLOT = 4


@dataclass(slots=True)
class Variable:
    """A local name: its type and whether its slot holds a reference.

    `deduced` is what `auto` stands for, if known; `pack` is set for a parameter pack, whose slot holds a tuple.
    """

    type: Type
    ref: bool
    slot: int = 0
    deduced: Type | None = None
    pack: bool = False


class Names:
    """The scopes of one function under lowering, and what every kind of expression needs of the others."""

    def __init__(
        self, interp: Any, scoping: Scoping, owner: StructDef | None = None, parent: Names | None = None
    ) -> None:
        self.interp = interp
        self.scoping = scoping
        self.file = scoping.file
        self.owner = owner
        self.parent = parent
        self.scopes: list[dict[str, Variable]] = [{}]
        self.size = FIRST_SLOT
        self.enums: list[EnumDef] = []
        self.macros: dict[str, tuple[SourceFile, Node]] = dict(parent.macros) if parent is not None else {}
        self.default_capture = "&"
        self.references: set[str] = set()  # captured as `&name`, whatever the default
        self.mutable = False  # a mutable lambda: what it captures by copy lasts from call to call
        self.decltypes: dict[str, Closure] = dict(parent.decltypes) if parent is not None else {}
        self.captures: dict[str, tuple[int, Closure]] = {}
        self.capturing = False
        self.borrows = False  # `&` is written as the default capture
        self.borrowed: dict[str, Variable] = {}  # enclosing variables that a lambda uses through a reference

    def text(self, node: Node) -> str:
        return self.file.text_of(node)

    def mark(self, node: Node) -> Mark:
        """The place of a node, with its text."""
        text = " ".join(self.text(node).split())
        if len(text) > 160:
            text = text[:157] + "..."
        line = self.file.line(node)
        return Mark(self.file.path, line, node.start_point[1] + 1, self.file.end_line(node), text)

    def declare(self, name: str, variable: Variable) -> int:
        variable.slot = self.size
        self.size += 1
        if name:
            self.scopes[-1][name] = variable
        return variable.slot

    def find(self, name: str) -> Variable | None:
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return None

    def resolve(self, name: str) -> tuple[int, Variable] | None:
        """A local variable and how many frames out it lives. A by-copy capture becomes a local of the lambda."""
        found = self.find(name)
        if found is not None:
            return 0, found
        if self.parent is None:
            return None
        outer = self.parent.resolve(name)
        if outer is None:
            return None
        depth, variable = outer
        by_copy = self.default_capture == "=" and name not in self.references
        if by_copy and not self.capturing:
            source = outer_read(depth, variable)
            slot = self.size
            self.size += 1
            kept = self.mutable and not variable.pack
            self.scopes[0][name] = Variable(variable.type, kept, slot, variable.deduced, variable.pack)
            self.captures[name] = (slot, lasting(source, variable.type.ptr) if kept else source)
            return 0, self.scopes[0][name]
        if self.borrows or name in self.references:
            self.borrowed[name] = variable
        return depth + 1, variable

    def ev(self, node: Node) -> Closure:
        """A closure for the value of an expression; it never gives a Ref."""
        handler = getattr(self, f"e_{node.type}", None)
        if handler is not None:
            found: Closure = handler(node)
            return found
        return self.not_understood(node)

    def not_understood(self, node: Node) -> Closure:
        label = f"{node.type} {self.file.path}:{self.file.line(node)}"

        def unknown(f: list[Value]) -> Value:
            return f[0].unknown_call(label, [])

        return unknown

    def lv(self, node: Node) -> Closure:
        """A closure for an lvalue: an object, a Ref, or the plain value where there is nothing to write to."""
        raise NotImplementedError

    def initialiser(self, node: Node) -> Closure:
        """An expression or a braced list."""
        raise NotImplementedError


def read(depth: int, variable: Variable) -> Closure:
    slot = variable.slot
    if depth == 0:
        if not variable.ref:
            return lambda f: f[slot]

        def read_ref(f: list[Value]) -> Value:
            v = f[slot]
            return v.get() if isinstance(v, Ref) else v

        return read_ref

    def outer(f: list[Value]) -> Value:
        for _ in range(depth):
            f = f[1]
        v = f[slot]
        return v.get() if isinstance(v, Ref) else v

    return outer


def outer_read(depth: int, variable: Variable) -> Closure:
    slot, pointer = variable.slot, variable.type.ptr

    def read(f: list[Value]) -> Value:
        for _ in range(depth):
            f = f[1]
        v = f[slot]
        if isinstance(v, Ref):
            v = v.get()
        return v if pointer else copied(v)  # a pointer to an object is the object itself

    return read


def lasting(source: Closure, pointer: bool) -> Closure:
    """A captured copy that a mutable lambda may change: a reference to a place of its own."""

    def make(f: list[Value]) -> Value:
        value = source(f)
        if pointer:
            return SlotRef([value], 0)
        return value if isinstance(value, Obj) and not isinstance(value, (Opt, Ptr)) else LocalRef([value], 0)

    return make


def place(depth: int, variable: Variable) -> Closure:
    slot = variable.slot
    if variable.type.ptr and not variable.ref:

        def pointer(f: list[Value]) -> Value:
            for _ in range(depth):
                f = f[1]
            return SlotRef(f, slot)

        return pointer

    def written(f: list[Value]) -> Value:
        for _ in range(depth):
            f = f[1]
        v = f[slot]
        kind = type(v)
        holder = _HOLDERS.get(kind, 0)
        if holder == 0:
            holder = _HOLDERS[kind] = _holder(kind)
        return v if holder is None else holder(f, slot)

    return written


# How a variable that holds a value of some class is written to: through the value itself (None) or a reference.
_HOLDERS: dict[type, Any] = {}


def _holder(kind: type) -> type[LocalRef] | None:
    if issubclass(kind, Ref):
        return None
    if not issubclass(kind, Obj) or issubclass(kind, (Opt, Ptr)):
        return LocalRef
    return SlotRef if kind.assign is Obj.assign else None


def sequence(body: list[Closure]) -> Closure:
    if len(body) == 1:
        return body[0]
    statements = tuple(body)

    def run(f: list[Value]) -> Any:
        for statement in statements:
            signal = statement(f)
            if signal is not None:
                return signal
        return None

    return run


def discard(inner: Closure) -> Closure:
    def run(f: list[Value]) -> None:
        inner(f)

    return run


def nothing(f: list[Value]) -> None:
    return None
