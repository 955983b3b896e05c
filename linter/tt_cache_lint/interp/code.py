"""The lowered code of a function or lambda, and how a call gives it its arguments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp import build, ops
from tt_cache_lint.interp.literals import LVALUES
from tt_cache_lint.interp.values import InitList, Ref, Unknown, Value, Vec, copied
from tt_cache_lint.source.declarators import qualified

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.interp.lower import Lowering
    from tt_cache_lint.interp.names import Closure
    from tt_cache_lint.interp.types import Type
    from tt_cache_lint.source.defs import FunctionDef, Param

CLASS_NAMES = ("type_identifier", "identifier", "field_identifier", "qualified_identifier")


class Code:
    """Lowered code of one function or lambda. Lowered on first use."""

    __slots__ = (
        "binders",
        "body",
        "completed",
        "function",
        "initialisers",
        "lowering",
        "mark",
        "name",
        "node",
        "params",
        "returns_ref",
        "scoping",
        "scoping_lowering",
        "size",
    )

    def __init__(self, name: str, params: list[Param], node: Node | None, lowering: Lowering) -> None:
        self.name = name
        self.params = params
        self.node = node
        self.lowering: Lowering | None = lowering
        self.scoping = lowering.scoping
        self.scoping_lowering: Any = lowering
        self.size = 0
        self.binders: list[tuple[int, Closure, Closure | None]] = []
        self.body: Closure | None = None
        self.completed = False  # with default arguments from other declarations
        self.returns_ref = False
        self.mark = lowering.mark(node) if node is not None else None
        self.function: FunctionDef | None = None  # None for a lambda
        self.initialisers: list[Initialiser] | None = None  # of a constructor, once it has run

    def ready(self) -> int:
        """Lower if that has not been done; the size of a frame."""
        if self.lowering is not None:
            lowering, self.lowering = self.lowering, None
            try:
                lowering.function(self)
            except RecursionError:
                self.lowering = lowering
                raise
        return self.size

    def bind(self, frame: list[Value], args: list[Value]) -> None:
        """Put the arguments into a frame."""
        count = len(args)
        for position, (slot, convert, default) in enumerate(self.binders):
            if slot < 0:  # a parameter pack takes the rest
                frame[-slot] = Vec([a.get() if isinstance(a, Ref) else a for a in args[position:]], "tuple")
                return
            if position < count:
                frame[slot] = convert([frame[0], args[position]])
            elif default is not None:
                frame[slot] = convert([frame[0], default(frame)])
            elif self.completed or self.function is None:
                frame[slot] = Unknown(f"{self.name}#{position}")
            else:
                self.complete()
                self.bind(frame, args)
                return

    def complete(self) -> None:
        """Give the parameters the default arguments that a declaration elsewhere has."""
        self.completed = True
        low: Lowering = self.scoping_lowering
        for position, param in enumerate(low.interp.with_defaults(self.function)):
            slot, convert, default = self.binders[position]
            if default is None and not param.is_pack:
                type_ = low.scoping.type(param.type, param.declarator)
                self.binders[position] = slot, convert, low.default_of(param, type_)

    def run(self, frame: list[Value]) -> None:
        if self.body is not None:
            self.body(frame)


class Initialiser:
    """A member initialiser of a constructor: of a data member, or of a base class. Its values are lowered once."""

    __slots__ = ("_lowered", "_lowering", "_named", "_nodes", "braced", "mark", "name")

    def __init__(self, lowering: Lowering, named: Node, given: Node) -> None:
        self.name = lowering.text(named)
        self.braced = given.type == "initializer_list"
        self.mark = lowering.mark(given)
        self._nodes = [c for c in given.named_children if c.type != "comment"]
        self._named = named
        self._lowering = lowering
        self._lowered: dict[bool, list[Closure]] = {}

    @property
    def base(self) -> Type | None:
        """The class that is initialised, None where the name is none of a class."""
        low = self._lowering
        return low.scoping.named(qualified(low.file, self._named)[0]) if self._named.type in CLASS_NAMES else None

    def values(self, by_ref: bool) -> list[Closure]:
        """What gives the values; references to them where the member is one."""
        found = self._lowered.get(by_ref)
        if found is None:
            low = self._lowering
            found = self._lowered[by_ref] = [
                low.lv(n) if by_ref and n.type in LVALUES else low.initialiser(n) for n in self._nodes
            ]
        return found


def initialisers(lowering: Lowering, node: Node) -> Iterator[Initialiser]:
    """The member initialisers of a constructor."""
    for item in node.named_children:
        if item.type == "field_initializer" and item.named_children:
            arguments = [c for c in item.named_children[1:] if c.type != "comment"]
            if arguments:
                yield Initialiser(lowering, item.named_children[0], arguments[-1])


def binder(type_: Type, by_ref: bool, const_ref: bool) -> Closure:
    """How an argument becomes a parameter: `[machine, argument] -> value`."""
    if by_ref and type_.name != "auto":  # braces make a temporary that an rvalue reference binds to
        return lambda pair: build.coerce(pair[0], pair[1], type_) if type(pair[1]) is InitList else pair[1]
    if by_ref:
        return same
    if type_.name == "auto" and not type_.ptr:
        if const_ref:
            return lambda pair: pair[1].get() if isinstance(pair[1], Ref) else pair[1]
        return lambda pair: copied(pair[1].get() if isinstance(pair[1], Ref) else pair[1])
    scalar = type_.scalar
    if scalar:
        return lambda pair: ops.convert(pair[0], pair[1].get() if isinstance(pair[1], Ref) else pair[1], scalar)
    if const_ref or type_.ptr:
        return lambda pair: build.coerce(pair[0], pair[1], type_)
    return lambda pair: copied(build.coerce(pair[0], pair[1], type_))


def same(pair: list[Value]) -> Value:
    return pair[1]
