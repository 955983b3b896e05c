"""What a file defines: functions, structs, enums, aliases, constants. One shallow walk, no function body is entered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tt_cache_lint.source.files import SourceFile

if TYPE_CHECKING:
    from tree_sitter import Node

Scope = tuple[str, ...]


@dataclass(slots=True, eq=False)
class Param:
    """A function parameter. `type` and `declarator` may be missing in broken code."""

    name: str
    type: Node | None
    declarator: Node | None
    default: Node | None
    node: Node
    is_const: bool = False
    is_ref: bool = False
    is_rvalue_ref: bool = False
    is_pointer: bool = False
    is_pack: bool = False
    default_file: SourceFile | None = None


@dataclass(slots=True, eq=False)
class Definition:
    """Anything with a name. `scope` holds the enclosing namespaces and classes, a qualified name's prefix included."""

    name: str
    scope: Scope
    file: SourceFile
    node: Node

    @property
    def line(self) -> int:
        return self.file.line(self.node)

    @property
    def qualified(self) -> str:
        return "::".join((*self.scope, self.name))


@dataclass(slots=True, eq=False)
class FunctionDef(Definition):
    """A function, with or without a body. `template` names its template parameters, the enclosing template's too."""

    params: list[Param] = field(default_factory=list)
    body: Node | None = None
    returns: Node | None = None
    returns_ref: bool = False
    template: tuple[str, ...] = ()
    is_static: bool = False
    usings: tuple[Scope, ...] = ()
    initialisers: Node | None = None
    owner_template: tuple[str, ...] = ()
    instances: dict[object, object] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class FieldDef:
    """A data member."""

    name: str
    type: Node | None
    declarator: Node | None
    default: Node | None
    node: Node
    file: SourceFile
    is_static: bool = False
    is_ref: bool = False
    is_pointer: bool = False

    @property
    def line(self) -> int:
        return self.file.line(self.node)


@dataclass(slots=True, eq=False)
class StructDef(Definition):
    """A struct, class or union with its data members in declaration order. `local` is set inside function bodies."""

    kind: str = "struct"
    fields: list[FieldDef] = field(default_factory=list)
    bases: list[Node] = field(default_factory=list)
    methods: dict[str, list[FunctionDef]] = field(default_factory=dict)
    template: tuple[str, ...] = ()
    variadic: bool = False  # the last template parameter is a pack
    pattern: tuple[str, ...] = ()  # the template arguments that a specialisation is for, as written
    local: bool = False
    by_name: dict[str, FieldDef] = field(default_factory=dict)

    @property
    def inner(self) -> Scope:
        return (*self.scope, self.name)


@dataclass(slots=True, eq=False)
class EnumDef(Definition):
    """An enumeration; `values` maps names to the node of an explicit value or None."""

    values: dict[str, Node | None] = field(default_factory=dict)
    scoped: bool = True


@dataclass(slots=True, eq=False)
class AliasDef(Definition):
    """`using X = T` or a typedef."""

    type: Node | None = None
    template: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class ConstDef(Definition):
    """A constant or variable at namespace or class scope, or an object-like macro.

    `is_mutable`: what it holds may change between two calls of an op, so its initial value says nothing.
    """

    type: Node | None = None
    value: Node | None = None
    is_mutable: bool = False
