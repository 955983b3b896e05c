"""Lowering of declarations: variables, local types, aliases and structured bindings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.interp import build, ops
from tt_cache_lint.interp.expressions import Expressions
from tt_cache_lint.interp.literals import literal
from tt_cache_lint.interp.names import Closure, Variable, nothing, sequence
from tt_cache_lint.interp.refs import LocalRef, SlotRef
from tt_cache_lint.interp.sequences import components
from tt_cache_lint.interp.statics import decltype, find_decltype, static_type
from tt_cache_lint.interp.types import AUTO, Type
from tt_cache_lint.interp.values import Handle, InitList, Mark, Obj, Opt, Ref, Unknown, Value, copied
from tt_cache_lint.interp.world import HIDDEN_STATE
from tt_cache_lint.source.declarators import array_sizes, peel
from tt_cache_lint.source.defs import AliasDef, FunctionDef, StructDef
from tt_cache_lint.source.files import SourceFile
from tt_cache_lint.source.walk import FileDefs, _Walk, namespace_alias

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.interp.machine import Machine


class Declarations(Expressions):
    """What is declared inside a function."""

    def s_declaration(self, node: Node) -> Closure | None:
        kind = node.child_by_field_name("type")
        statements: list[Closure] = []
        if kind is not None and kind.type in (
            "struct_specifier",
            "class_specifier",
            "union_specifier",
            "enum_specifier",
        ):
            self.local_type(kind)
        static = any(c.type == "storage_class_specifier" and self.text(c) == "static" for c in node.children)
        for declarator in node.children_by_field_name("declarator"):
            statement = self.variable(node, kind, declarator, static)
            if statement is not None:
                statements.append(statement)
        return sequence(statements) if statements else None

    def local_type(self, node: Node) -> None:
        name = node.child_by_field_name("name")
        walk = _Walk(_LocalDefs(self.file), self.file)
        if node.type == "enum_specifier":
            walk.enum(node, (*self.scoping.scope, f"@{node.start_byte}"))
            for enums in walk.defs.enums.values():
                self.scoping.local[enums[-1].name] = Type(enums[-1].name, (), enums[-1])
            return
        struct = walk.struct(node, (*self.scoping.scope, f"@{node.start_byte}"), (), local=True)
        if struct is not None and name is not None:
            self.scoping.local[struct.name] = Type(struct.name, (), struct)
        elif struct is not None:
            self.scoping.anonymous(node, struct)

    def s_struct_specifier(self, node: Node) -> None:
        self.local_type(node)

    s_class_specifier = s_struct_specifier

    s_union_specifier = s_struct_specifier

    s_enum_specifier = s_struct_specifier

    def s_alias_declaration(self, node: Node) -> None:
        name = node.child_by_field_name("name")
        if name is None:
            return
        kind = node.child_by_field_name("type")
        told = decltype(self, kind)
        if told is not None:
            self.scoping.local[self.text(name)] = told
            return
        subject = find_decltype(kind)
        if subject is not None:
            self.decltypes[self.text(name)] = self.ev(subject)
            return
        self.scoping.local[self.text(name)] = self.scoping.type(kind)

    def s_type_definition(self, node: Node) -> None:
        kind = node.child_by_field_name("type")
        for declarator in node.children_by_field_name("declarator"):
            self.scoping.local[self.text(declarator)] = self.scoping.type(kind)

    def s_namespace_alias_definition(self, node: Node) -> None:
        named = namespace_alias(self.file, node)
        self.scoping.namespaces.update((named,) if named is not None else ())

    def s_using_declaration(self, node: Node) -> None:
        names = node.named_children
        if names and not any(c.type == "namespace" for c in node.children):
            path = tuple(self.text(names[-1]).replace(" ", "").split("::"))
            found = self.scoping.named(path)
            if found.decl is not None:
                self.scoping.local[path[-1]] = found
                enum = found.decl if type(found.decl).__name__ == "EnumDef" else None
                if enum is not None and any(c.type == "enum" for c in node.children):
                    self.enums.append(enum)  # type: ignore[arg-type]

    def variable(self, node: Node, kind: Node | None, declarator: Node, static: bool) -> Closure | None:
        value_node: Node | None = None
        if declarator.type == "init_declarator":
            value_node = declarator.child_by_field_name("value")
            inner = declarator.child_by_field_name("declarator")
            if inner is None:
                return None
            declarator = inner
        shape = peel(declarator)
        type_ = self.declared_type(kind, declarator)
        if shape.binding is not None:
            return self.binding(shape.binding, value_node, shape.ref)
        if shape.function is not None and value_node is None:
            if shape.name is not None and shape.name.type == "identifier" and not shape.pointer:
                return self.vexing(shape.name, shape.function, type_)
            return None
        if shape.name is None:
            return None
        name = self.text(shape.name)
        const = any(c.type == "type_qualifier" for c in node.children)
        by_ref = shape.ref and not (const and not shape.rvalue)
        if shape.ref and not by_ref and value_node is not None and value_node.type == "identifier":
            # an object is its own alias; a scalar needs a reference, unless the types differ and make it a temporary
            told, wanted = static_type(self, value_node), type_.scalar if type_.name != "auto" else None
            by_ref = told is not None and told.scalar != "" and wanted in (None, told.scalar)
        if by_ref and value_node is not None:
            if value_node.type in ("initializer_list", "argument_list") and len(value_node.named_children) == 1:
                value_node = value_node.named_children[0]
            source = self.lv(value_node) if value_node.type != "initializer_list" else self.initialiser(value_node)
            slot = self.declare(name, Variable(type_, True))

            def bind(f: list[Value]) -> None:
                f[slot] = source(f)

            return bind
        if const or any(self.text(c) == "constexpr" for c in node.children):
            self.note_constant(name, value_node)
        if shape.array is not None and (value_node is None or value_node.type == "initializer_list"):
            recursive = None
            element = self.scoping.type(kind).wrapped(ptr=shape.pointer)
            listed = self.initialiser(value_node) if value_node is not None else nothing
            init = self.array_value(element, declarator, listed)
        else:
            # a lambda may call itself through the variable it initialises
            is_lambda = value_node is not None and value_node.type == "lambda_expression"
            recursive = Variable(type_, False) if is_lambda and type_.name == "function" else None
            if recursive is not None:
                self.declare(name, recursive)
            init = self.initial_value(type_, value_node, self.mark(node), alias=shape.ref or shape.pointer)
        deduced = static_type(self, value_node) if type_.name == "auto" else None
        lasting = static and not const  # a variable the function may change: its slot holds a reference to it
        if recursive is not None:
            slot = recursive.slot
        else:
            slot = self.declare(name, Variable(type_, lasting, deduced=deduced))
        if static:
            return self._static(name, type_, slot, init, declarator, lasting)

        def assign(f: list[Value]) -> None:
            value = f[slot] = init(f)
            if type(value) is Opt:
                value = value.v
            if type(value) is Handle and value.depth > f[0].depth:
                value.name, value.depth = name, f[0].depth

        return assign

    def _static(self, name: str, type_: Type, slot: int, init: Closure, declarator: Node, lasting: bool) -> Closure:
        """A local static: it is initialised once, and what may change keeps what earlier calls left in it."""
        key = (self.file.path, declarator.start_byte)

        def unknown_before(m: Machine) -> Value:  # calls before this one may have left anything in it
            return Unknown(f"hidden state {name}", m.world.bit(f"{HIDDEN_STATE}{name}"))

        def once(f: list[Value]) -> None:
            statics = f[0].statics
            if key not in statics:
                value = statics[key] = unknown_before(f[0]) if lasting and type_.scalar else init(f)
                if lasting and (type_.ptr or not isinstance(value, Obj) or isinstance(value, Opt)):
                    statics[key] = SlotRef([value], 0) if type_.ptr else LocalRef([value], 0)
            f[slot] = statics[key]

        return once

    def declared_type(self, kind: Node | None, declarator: Node) -> Type:
        """The type of a variable; `decltype` of an expression where the source tells what that is."""
        found = self.scoping.type(kind, declarator)
        if found.name != "auto" or kind is None or kind.type == "placeholder_type_specifier":
            return found
        told = decltype(self, kind)
        return told.wrapped(ref=found.ref, ptr=found.ptr, array=found.array) if told is not None else found

    def array_value(self, element: Type, declarator: Node | None, given: Closure) -> Closure:
        """What a C array starts with; `given` is the braced list, or None."""
        sizes = [self.ev(s) if s is not None else nothing for s in array_sizes(declarator)] or [nothing]
        return lambda f: build.array(f[0], element, [s(f) for s in sizes], given(f))

    def note_constant(self, name: str, node: Node | None) -> None:
        """Remember a local integer constant: it may be an array's size."""
        while node is not None and node.type == "initializer_list" and len(node.named_children) == 1:
            node = node.named_children[0]
        if node is not None and node.type == "number_literal":
            value = literal(self.text(node))
            if isinstance(value, int):
                self.scoping.numbers[name] = value

    def vexing(self, name: Node, function: Node, type_: Type) -> Closure | None:
        """`T x(a, b);` that the grammar took for a function declaration."""
        parameters = function.child_by_field_name("parameters")
        args = self.vexing_arguments(parameters) if parameters is not None else []
        if args is None:
            return None
        mark = self.mark(function)
        slot = self.declare(self.text(name), Variable(type_, False))

        own = isinstance(type_.decl, StructDef)  # its constructor copies what it takes by value

        def make(f: list[Value]) -> None:
            f[slot] = build.construct(f[0], type_, [a(f) if own else copied(a(f)) for a in args], mark)

        return make

    def vexing_arguments(self, parameters: Node) -> list[Closure] | None:
        """The arguments that the grammar took for parameters, None when they are parameters."""
        args: list[Closure] = []
        for child in parameters.named_children:
            inner = child.child_by_field_name("type")
            if child.type != "parameter_declaration" or inner is None:
                return None
            if child.child_by_field_name("declarator") is not None:  # `T x(f(a));`
                return self.parsed_as_arguments(parameters)
            args.append(self.ev_name(inner))
        return args

    def parsed_as_arguments(self, parameters: Node) -> list[Closure] | None:
        """The text of a parameter list, parsed again where only a call can be."""
        text = f"auto again = call{self.text(parameters)}\n;".encode()
        part = SourceFile(self.file.path, text, fixed_line=self.file.line(parameters))
        listed = part.root.descendant_for_byte_range(17, 17)
        if part.root.has_error or listed is None or listed.parent is None or listed.parent.type != "argument_list":
            return None
        file, scoping = self.file, self.scoping
        self.file, self.scoping = part, scoping.reading(part)
        try:
            return [self.initialiser(c) for c in listed.parent.named_children if c.type != "comment"]
        finally:
            self.file, self.scoping = file, scoping

    def initial_value(self, type_: Type, node: Node | None, mark: Mark, alias: bool = False) -> Closure:
        """The value a variable of the type starts with."""
        if node is None:
            return lambda f: build.default_value(f[0], type_)
        if node.type == "argument_list":
            args = [self.initialiser(c) for c in node.named_children if c.type != "comment"]
            if type_.name == "auto" and args:
                first = args[0]
                return lambda f: copied(first(f))
            return lambda f: build.construct(f[0], type_, [a(f) for a in args], mark)
        if node.type == "initializer_list":
            inner = self.e_initializer_list(node, type_)
            if type_.name == "auto":
                return lambda f: _unwrap(inner(f))
            return lambda f: (
                build.from_list(f[0], inner(f), type_) if not type_.scalar else build.coerce(f[0], inner(f), type_)
            )
        value = self.ev(node)
        fresh = node.type in ("number_literal", "binary_expression", "true", "false", "lambda_expression")
        if type_.name == "auto":
            return value if fresh or alias else lambda f: copied(value(f))
        scalar = type_.scalar
        if scalar:
            convert = ops.convert

            def number(f: list[Value]) -> Value:
                v = value(f)
                return (
                    v
                    if type(v) is int and 0 <= v < 0x80 and scalar != "bool" and scalar != "float"
                    else convert(f[0], v, scalar)
                )

            return number
        if alias:
            return lambda f: build.coerce(f[0], value(f), type_)
        return lambda f: copied(build.coerce(f[0], value(f), type_))

    def binding(self, node: Node, value_node: Node | None, by_ref: bool) -> Closure | None:
        if value_node is None:
            return None
        source = self.lv(value_node) if value_node.type != "initializer_list" else self.initialiser(value_node)
        names = [self.text(c) for c in node.named_children if c.type == "identifier"]
        slots = [self.declare(n, Variable(AUTO, True)) for n in names]

        def bind(f: list[Value]) -> None:
            parts = components(f[0], source(f), len(slots))
            depth = f[0].depth
            for slot, part, name in zip(slots, parts, names, strict=False):
                if not by_ref:
                    part = copied(part.get() if isinstance(part, Ref) else part)
                    if type(part) is Handle and part.depth > depth:
                        part.name, part.depth = name, depth
                f[slot] = part

        return bind


class _LocalDefs(FileDefs):
    """Definitions found inside a function body."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.functions: dict[str, list[FunctionDef]] = {}
        self.declarations = {}
        self.structs = {}
        self.enums = {}
        self.enumerators = {}
        self.aliases: dict[str, list[AliasDef]] = {}
        self.consts = {}
        self.usings = []
        self.namespace_aliases = {}
        self.errors = []


def _unwrap(value: Value) -> Value:
    if isinstance(value, InitList) and len(value.items) == 1:
        return copied(value.items[0])
    return value
