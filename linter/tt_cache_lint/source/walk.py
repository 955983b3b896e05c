"""The definitions of one file, read from its syntax tree."""

from __future__ import annotations

from tree_sitter import Node

from tt_cache_lint.source.declarators import parameters, peel, qualified, template_names, variadic
from tt_cache_lint.source.defs import AliasDef, ConstDef, EnumDef, FieldDef, FunctionDef, Scope, StructDef
from tt_cache_lint.source.files import SourceFile

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


def namespace_alias(file: SourceFile, node: Node) -> tuple[str, Scope] | None:
    """The name and the namespace of `namespace name = some::namespace;`."""
    name, target = node.child_by_field_name("name"), node.named_children[-1]
    return (file.text_of(name), tuple(file.text_of(target).split("::"))) if name is not None else None


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
            named = namespace_alias(self.file, node)
            self.defs.namespace_aliases.update((named,) if named is not None else ())
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
        struct.local, struct.pattern, struct.variadic = local, pattern, variadic(node)
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
