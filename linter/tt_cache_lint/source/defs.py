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


class FileDefs:
    """All definitions of one file, by kind and last name."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.functions: dict[str, list[FunctionDef]] = {}
        self.declarations: dict[str, list[FunctionDef]] = {}
        self.structs: dict[str, list[StructDef]] = {}
        self.enums: dict[str, list[EnumDef]] = {}
        self.enumerators: dict[str, list[EnumDef]] = {}
        self.aliases: dict[str, list[AliasDef]] = {}
        self.consts: dict[str, list[ConstDef]] = {}
        self.usings: list[Scope] = []
        self.usings_of: dict[str, list[Scope]] = {}  # by the namespace that they stand in
        self.namespace_aliases: dict[str, Scope] = {}
        self.errors: list[int] = []
        _Walk(self, file).items(file.root, (), (), None)
        for expansion in file.expansions:
            self._expand(expansion.text, expansion.offset, expansion.line)
        usings = tuple(self.usings)
        for group in self.functions.values():
            for function in group:
                function.usings = usings

    def _expand(self, text: bytes, offset: int, line: int) -> None:
        part = SourceFile(self.file.path, text, fixed_line=line)
        scope, owner = self._scope_at(offset)
        _Walk(self, part).items(part.root, scope, (), owner)

    def _scope_at(self, offset: int) -> tuple[Scope, StructDef | None]:
        node: Node | None = self.file.root.descendant_for_byte_range(offset, offset)
        names: list[str] = []
        while node is not None:
            if node.type in ("struct_specifier", "class_specifier", "namespace_definition"):
                name = node.child_by_field_name("name")
                if name is not None:
                    names[:0] = self.file.text_of(name).split("::")
            node = node.parent
        scope = tuple(names)
        owner = next((s for s in self.structs.get(scope[-1], ()) if s.inner == scope), None) if scope else None
        return scope, owner


CONTAINERS = {
    "translation_unit",
    "declaration_list",
    "linkage_specification",
    "preproc_if",
    "preproc_ifdef",
    "preproc_else",
    "preproc_elif",
    "ERROR",
    "field_declaration_list",
    "export_declaration",
}
STRUCTS = {"struct_specifier", "class_specifier", "union_specifier"}


class _Walk:
    def __init__(self, defs: FileDefs, file: SourceFile) -> None:
        self.defs = defs
        self.file = file

    def items(self, node: Node, scope: Scope, template: tuple[str, ...], owner: StructDef | None) -> None:
        for child in node.named_children:
            self.item(child, scope, template, owner)

    def item(self, node: Node, scope: Scope, template: tuple[str, ...], owner: StructDef | None) -> None:
        kind = node.type
        if kind == "namespace_definition":
            name = node.child_by_field_name("name")
            body = node.child_by_field_name("body")
            inner = scope + (tuple(self.file.text_of(name).replace(" ", "").split("::")) if name is not None else ())
            if body is not None:
                self.items(body, inner, (), None)
        elif kind in CONTAINERS:
            if kind == "ERROR":
                self.defs.errors.append(self.file.line(node))
            self.items(node, scope, template, owner)
        elif kind == "template_declaration":
            self.template(node, scope, template, owner)
        elif kind == "function_definition":
            self.function(node, scope, template, owner)
        elif kind in ("declaration", "field_declaration", "type_definition"):
            self.declaration(node, scope, template, owner)
        elif kind in STRUCTS:
            self.struct(node, scope, template)
        elif kind == "enum_specifier":
            self.enum(node, scope)
        elif kind == "alias_declaration":
            name = node.child_by_field_name("name")
            if name is not None:
                alias = AliasDef(
                    self.file.text_of(name), scope, self.file, node, node.child_by_field_name("type"), template
                )
                self.defs.aliases.setdefault(alias.name, []).append(alias)
        elif kind == "using_declaration":
            self.using(node, scope)
        elif kind == "namespace_alias_definition":
            name = node.child_by_field_name("name")
            target = node.named_children[-1]
            if name is not None:
                self.defs.namespace_aliases[self.file.text_of(name)] = tuple(self.file.text_of(target).split("::"))
        elif kind == "preproc_def":
            name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
            if name is not None and value is not None:
                const = ConstDef(self.file.text_of(name), (), self.file, node, None, value)
                self.defs.consts.setdefault(const.name, []).append(const)

    def using(self, node: Node, scope: Scope) -> None:
        names = node.named_children
        if not names:
            return
        path = tuple(self.file.text_of(names[-1]).replace(" ", "").split("::"))
        if any(c.type == "namespace" for c in node.children):
            self.defs.usings.append(path)
            self.defs.usings_of.setdefault(scope[-1] if scope else "", []).append(path)
        elif len(path) > 1:
            alias = AliasDef(path[-1], scope, self.file, node, names[-1])
            self.defs.aliases.setdefault(path[-1], []).append(alias)

    def template(self, node: Node, scope: Scope, outer: tuple[str, ...], owner: StructDef | None) -> None:
        parameters = node.child_by_field_name("parameters")
        names = template_names(self.file, parameters) if parameters is not None else ()
        for child in node.named_children:
            if child != parameters:
                self.item(child, scope, outer + names, owner)

    def struct(self, node: Node, scope: Scope, template: tuple[str, ...], local: bool = False) -> StructDef | None:
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if body is None:
            return None
        pattern: tuple[str, ...] = ()
        if name is not None and name.type == "template_type":  # a specialisation
            given = name.child_by_field_name("arguments")
            pattern = tuple(self.file.text_of(c) for c in given.named_children) if given is not None else ()
            name = name.child_by_field_name("name")
        text = self.file.text_of(name).replace(" ", "") if name is not None else ""
        *outer, last = text.split("::")
        struct = StructDef(last, scope + tuple(outer), self.file, node, node.type.partition("_")[0], template=template)
        struct.local, struct.pattern, struct.variadic = local, pattern, _variadic(node)
        if text:
            self.defs.structs.setdefault(last, []).append(struct)
        bases = next((c for c in node.named_children if c.type == "base_class_clause"), None)
        if bases is not None:
            struct.bases = [c for c in bases.named_children if c.type not in ("access_specifier", "virtual")]
        self.items(body, struct.inner, template, struct)
        return struct

    def enum(self, node: Node, scope: Scope) -> None:
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if body is None:
            return
        enum = EnumDef(self.file.text_of(name) if name is not None else "", scope, self.file, node)
        enum.scoped = any(c.type in ("class", "struct") for c in node.children)
        for item in body.named_children:
            if item.type == "enumerator":
                key = item.child_by_field_name("name")
                if key is not None:
                    enum.values[self.file.text_of(key)] = item.child_by_field_name("value")
        if enum.name:
            self.defs.enums.setdefault(enum.name, []).append(enum)
        for value in enum.values:
            self.defs.enumerators.setdefault(value, []).append(enum)

    def declaration(self, node: Node, scope: Scope, template: tuple[str, ...], owner: StructDef | None) -> None:
        kind = node.child_by_field_name("type")
        anonymous: StructDef | None = None
        if kind is not None:
            if kind.type in STRUCTS:
                anonymous = self.struct(kind, scope, template)
            elif kind.type == "enum_specifier":
                self.enum(kind, scope)
        if node.type == "type_definition":
            for declarator in node.children_by_field_name("declarator"):
                alias = AliasDef(self.file.text_of(declarator), scope, self.file, node, kind, template)
                self.defs.aliases.setdefault(alias.name, []).append(alias)
            return
        words = {self.file.text_of(c) for c in node.children if c.type in ("storage_class_specifier", "type_qualifier")}
        names = [
            (node.field_name_for_child(i), child)
            for i, child in enumerate(node.children)
            if child.is_named or node.field_name_for_child(i)
        ]
        for position, (label, child) in enumerate(names):
            if label != "declarator":
                continue
            default = None
            if position + 1 < len(names) and names[position + 1][0] == "default_value":
                default = names[position + 1][1]
            self.declarator(node, child, default, kind, words, scope, template, owner)
        if (
            anonymous is not None
            and not anonymous.name
            and owner is not None
            and not any(n[0] == "declarator" for n in names)
        ):
            owner.fields.extend(anonymous.fields)  # an anonymous union's members belong to the enclosing class
            owner.by_name.update(anonymous.by_name)

    def declarator(
        self,
        node: Node,
        declarator: Node,
        default: Node | None,
        kind: Node | None,
        words: set[str],
        scope: Scope,
        template: tuple[str, ...],
        owner: StructDef | None,
    ) -> None:
        value = default
        if declarator.type == "init_declarator":
            value = declarator.child_by_field_name("value")
            inner = declarator.child_by_field_name("declarator")
            if inner is None:
                return
            declarator = inner
        shape = peel(declarator)
        if shape.function is not None:
            function = self.make(node, shape.function, scope, template, kind, None)
            if function is not None:
                function.is_static = "static" in words
                self.defs.declarations.setdefault(function.name, []).append(function)
            return
        if shape.name is None:
            return
        name = self.file.text_of(shape.name)
        if owner is not None and node.type == "field_declaration" and "static" not in words:
            member = FieldDef(name, kind, declarator, value, node, self.file, False, shape.ref, shape.pointer)
            owner.fields.append(member)
            owner.by_name[name] = member
            return
        *outer, last = name.replace(" ", "").split("::")
        const = ConstDef(last, scope + tuple(outer), self.file, node, kind, value)
        const.is_mutable = not (words & {"const", "constexpr"})  # a constinit variable may be written later
        self.defs.consts.setdefault(last, []).append(const)

    def function(self, node: Node, scope: Scope, template: tuple[str, ...], owner: StructDef | None) -> None:
        declarator = node.child_by_field_name("declarator")
        if declarator is None:
            return
        shape = peel(declarator)
        if shape.function is None:
            kind = node.child_by_field_name("type")
            if kind is not None and kind.type in STRUCTS:  # a macro before a class makes it look like a function
                self.struct(kind, scope, template)
            return
        body = node.child_by_field_name("body")
        function = self.make(node, shape.function, scope, template, node.child_by_field_name("type"), body)
        if function is None:
            return
        function.returns_ref = shape.ref
        function.is_static = any(c.type == "storage_class_specifier" for c in node.children)
        function.initialisers = next((c for c in node.named_children if c.type == "field_initializer_list"), None)
        self.defs.functions.setdefault(function.name, []).append(function)
        if owner is not None:
            owner.methods.setdefault(function.name, []).append(function)

    def make(
        self,
        node: Node,
        declarator: Node,
        scope: Scope,
        template: tuple[str, ...],
        returns: Node | None,
        body: Node | None,
    ) -> FunctionDef | None:
        name_node = declarator.child_by_field_name("declarator")
        if name_node is None:
            return None
        path, owner_template = qualified(self.file, name_node)
        if not path:
            return None
        for child in declarator.named_children:
            if child.type == "trailing_return_type" and child.named_children:
                returns = child.named_children[0]
        return FunctionDef(
            path[-1],
            scope + path[:-1],
            self.file,
            node,
            params=parameters(self.file, declarator.child_by_field_name("parameters")),
            body=body,
            returns=returns,
            template=template,
            owner_template=owner_template,
        )


@dataclass(slots=True)
class Shape:
    """A declarator without its wrapping: the name or function declarator inside, and what wraps it."""

    name: Node | None = None
    function: Node | None = None
    ref: bool = False
    rvalue: bool = False
    pointer: bool = False
    array: Node | None = None
    binding: Node | None = None
    pack: bool = False


NAMES = (
    "identifier",
    "field_identifier",
    "qualified_identifier",
    "type_identifier",
    "operator_name",
    "destructor_name",
)


def peel(node: Node | None) -> Shape:
    """Take a declarator apart."""
    shape = Shape()
    while node is not None:
        kind = node.type
        if kind in NAMES or kind in ("template_function", "operator_cast"):
            shape.name = node
            break
        if kind == "structured_binding_declarator":
            shape.binding = node
            break
        if kind in ("reference_declarator", "abstract_reference_declarator"):
            shape.ref = True
            shape.rvalue = node.children[0].type == "&&"
        elif kind in ("pointer_declarator", "abstract_pointer_declarator"):
            shape.pointer = True
        elif kind in ("function_declarator", "abstract_function_declarator"):
            inner = node.child_by_field_name("declarator")
            if inner is not None and inner.type == "parenthesized_declarator":
                shape.pointer = True
                node = inner
                continue
            shape.function = node
            shape.name = inner
            break
        elif kind in ("array_declarator", "abstract_array_declarator"):
            shape.array = node
        elif kind == "variadic_declarator":
            shape.pack = True
        following = node.child_by_field_name("declarator")
        if following is None:
            rest = [c for c in node.named_children if c.type.endswith("declarator") or c.type in NAMES]
            following = rest[-1] if rest else None
        node = following
    return shape


def array_sizes(node: Node | None) -> list[Node | None]:
    """The sizes of an array declarator, outer dimension first; None for `[]`."""
    sizes: list[Node | None] = []
    while node is not None:
        if node.type == "array_declarator":
            sizes.insert(0, node.child_by_field_name("size"))
        node = node.child_by_field_name("declarator")
    return sizes


def qualified(file: SourceFile, node: Node) -> tuple[Scope, tuple[str, ...]]:
    """A possibly qualified name as its parts, and the template arguments given to its class (`S<T>::create`)."""
    parts: list[str] = []
    arguments: tuple[str, ...] = ()
    current: Node | None = node
    while current is not None and current.type == "qualified_identifier":
        scope = current.child_by_field_name("scope")
        if scope is not None:
            if scope.type == "template_type":
                given = scope.child_by_field_name("arguments")
                if given is not None:
                    arguments = tuple(file.text_of(c) for c in given.named_children)
                scope = scope.child_by_field_name("name")
            if scope is not None:
                parts.append(file.text_of(scope).strip())
        current = current.child_by_field_name("name")
    if current is not None:
        if current.type in ("template_function", "template_type", "template_method"):
            inner = current.child_by_field_name("name")
            current = inner if inner is not None else current
        parts.append("".join(file.text_of(current).split()))
    return tuple(parts), arguments


def template_names(file: SourceFile, node: Node) -> tuple[str, ...]:
    """The names of template parameters, in order; an unnamed one is an empty string."""
    names = []
    for child in node.named_children:
        if child.type in ("parameter_declaration", "optional_parameter_declaration", "variadic_parameter_declaration"):
            shape = peel(child.child_by_field_name("declarator"))
            names.append(file.text_of(shape.name) if shape.name is not None else "")
        elif child.type.endswith("type_parameter_declaration"):
            name = child.child_by_field_name("name")
            if name is None:
                name = next((c for c in child.named_children if c.type == "type_identifier"), None)
            names.append(file.text_of(name) if name is not None else "")
    return tuple(names)


def _variadic(node: Node) -> bool:
    """Is the last parameter of the template around a class a pack?"""
    template = node.parent
    given = template.child_by_field_name("parameters") if template is not None else None
    return given is not None and any(c.type.startswith("variadic_") for c in given.named_children[-1:])


def parameters(file: SourceFile, node: Node | None) -> list[Param]:
    """The parameters of a parameter list."""
    result: list[Param] = []
    if node is None:
        return result
    for child in node.named_children:
        if child.type not in (
            "parameter_declaration",
            "optional_parameter_declaration",
            "variadic_parameter_declaration",
            "explicit_object_parameter_declaration",
        ):
            continue
        kind = child.child_by_field_name("type")
        if kind is not None and file.text_of(kind) == "void" and len(node.named_children) == 1:
            if child.child_by_field_name("declarator") is None:
                return []
        declarator = child.child_by_field_name("declarator")
        shape = peel(declarator)
        result.append(
            Param(
                file.text_of(shape.name) if shape.name is not None else "",
                kind,
                declarator,
                child.child_by_field_name("default_value"),
                child,
                any(c.type == "type_qualifier" and file.text_of(c) == "const" for c in child.children),
                shape.ref,
                shape.rvalue,
                shape.pointer or shape.function is not None,
                shape.pack or child.type == "variadic_parameter_declaration",
            )
        )
    return result
