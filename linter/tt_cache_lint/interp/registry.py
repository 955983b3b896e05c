"""The tables that say what names mean which no source in the tree defines: the host API and the standard library.

Handlers are plain functions `(machine, site, arguments) -> value`; methods get the object in front of the arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tt_cache_lint.interp.values import Mark, Value

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(slots=True, eq=False)
class Site:
    """A call in the source: its place, the callee's name, its template arguments, where it stands."""

    mark: Mark
    name: str
    targs: tuple[Any, ...] = ()
    arg_marks: tuple[Mark, ...] = ()
    scoping: Any = None
    argument_texts: tuple[str, ...] = ()
    cache: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Function:
    """A known free function. `refs` passes lvalues; `arity` bounds the argument count (an overload of the tree wins
    outside of it); so does `accepts`, which looks at the arguments."""

    handler: Callable[..., Value]
    refs: bool = False
    arity: tuple[int, int] = (0, 99)
    accepts: Callable[[list[Value]], bool] | None = None


FUNCTIONS: dict[str, Function] = {}
METHODS: dict[type, dict[str, Callable[..., Value]]] = {}
METHOD_REFS: dict[type, dict[str, Callable[..., Value]]] = {}
MEMBERS: dict[tuple[str, str], Callable[..., Value]] = {}
CONSTRUCTORS: dict[str, Callable[..., Value]] = {}
STATICS: dict[tuple[str, str], Callable[..., Value]] = {}
CONSTANTS: dict[str, Value] = {}
STATELESS: set[str] = set()  # classes of function objects that are the same in every call
ENUM_NUMBERS: dict[str, tuple[str, ...]] = {}


def _once(table: Mapping[str, object], name: str) -> None:
    """Raises ValueError for a name that has a handler already: the order of imports would say which one counts."""
    if name in table:
        raise ValueError(f"two handlers for {name}")


def function(
    *names: str,
    refs: bool = False,
    arity: tuple[int, int] = (0, 99),
    accepts: Callable[[list[Value]], bool] | None = None,
) -> Callable[[F], F]:
    """Register a handler for free functions."""

    def register(handler: F) -> F:
        for name in names:
            _once(FUNCTIONS, name)
            FUNCTIONS[name] = Function(handler, refs, arity, accepts)
        return handler

    return register


def member(kind: str, name: str) -> Callable[[F], F]:
    """Register a handler for a data member of the sequences of a kind."""

    def register(handler: F) -> F:
        MEMBERS[kind, name] = handler
        return handler

    return register


def method(cls: type, *names: str) -> Callable[[F], F]:
    """Register a handler for methods of a value class."""

    def register(handler: F) -> F:
        for name in names:
            _once(METHODS.setdefault(cls, {}), name)
            METHODS[cls][name] = handler
        return handler

    return register


def method_ref(cls: type, *names: str) -> Callable[[F], F]:
    """Register a handler for methods that return an lvalue."""

    def register(handler: F) -> F:
        for name in names:
            _once(METHOD_REFS.setdefault(cls, {}), name)
            METHOD_REFS[cls][name] = handler
        return handler

    return register


def constructor(*names: str) -> Callable[[F], F]:
    """Register the constructor of a class the device model provides: (machine, type, arguments, mark) -> value."""

    def register(handler: F) -> F:
        for name in names:
            _once(CONSTRUCTORS, name)
            CONSTRUCTORS[name] = handler
        return handler

    return register


def static_method(kind: str, name: str) -> Callable[[F], F]:
    """Register a handler for a static method of a class: (machine, site, type, arguments) -> value. It goes before what
    the tree defines."""

    def register(handler: F) -> F:
        STATICS[kind, name] = handler
        return handler

    return register


def find_method(
    cls: type, name: str, table: dict[type, dict[str, Callable[..., Value]]]
) -> Callable[..., Value] | None:
    """The handler of a method, looked up along the class's bases."""
    for base in cls.__mro__:
        found = table.get(base)
        if found is not None and name in found:
            return found[name]
    return None
