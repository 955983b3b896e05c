"""Lowering: a function's syntax tree becomes nested Python closures, once.

A frame is a list: [machine, enclosing frame of a lambda, this, result, variables...]. Statements return None, or one of
the signals below. Names are resolved when a function is lowered; calls of free functions when they first run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp import build, ops
from tt_cache_lint.interp.expressions import LVALUES, Expressions, Variable, literal
from tt_cache_lint.interp.registry import Site
from tt_cache_lint.interp.statics import decltype, static_type
from tt_cache_lint.interp.types import AUTO, Scoping, Type
from tt_cache_lint.interp.values import (
    THROW,
    Absent,
    Entry,
    Handle,
    Implausible,
    InitList,
    LocalRef,
    Map,
    Mark,
    Obj,
    Opt,
    Ref,
    SlotRef,
    Struct,
    Thrown,
    Unknown,
    Value,
    Vec,
    copied,
    key_of,
    plain,
    sequence_ref,
)
from tt_cache_lint.interp.world import HIDDEN_STATE
from tt_cache_lint.source.defs import (
    AliasDef,
    FileDefs,
    FunctionDef,
    Param,
    StructDef,
    _Walk,
    array_sizes,
    peel,
    qualified,
)
from tt_cache_lint.source.files import SourceFile

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.interp.machine import Machine, Place
    from tt_cache_lint.source.files import SourceFile

BREAK, CONTINUE, RETURN = 1, 2, 3
Closure = Callable[[list[Value]], Any]
MAX_ITERATIONS = 8_000
MOST_REPAIRS = 24  # of a throw that says nothing about what it rests on
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


class Lowering(Expressions):
    """The lowering of one function or lambda body."""

    def __init__(
        self, interp: Any, scoping: Scoping, owner: StructDef | None = None, parent: Lowering | None = None
    ) -> None:
        super().__init__(interp, scoping, owner, parent)
        self.returns: Type = AUTO
        self.returns_ref = False

    # -- functions -------------------------------------------------------------------------------------------------

    def function(self, code: Code) -> None:
        """Lower parameters and body into `code`."""
        for param in code.params:
            self.parameter(code, param)
        code.body = self.block(code.node) if code.node is not None else None
        code.size = self.size

    def parameter(self, code: Code, param: Param) -> None:
        type_ = self.scoping.type(param.type, param.declarator)
        if param.is_pack:
            slot = self.declare(param.name, Variable(AUTO, False, pack=True))
            code.binders.append((-slot, _same, None))
            return
        by_ref = param.is_ref and not (param.is_const and not param.is_rvalue_ref)
        slot = self.declare(param.name, Variable(type_, by_ref))
        binder = _binder(type_, by_ref, param.is_const and param.is_ref)
        code.binders.append((slot, binder, self.default_of(param, type_)))

    def default_of(self, param: Param, type_: Type) -> Closure | None:
        """The default argument of a parameter."""
        if param.default is None:
            return None
        low = self
        if param.default_file is not None:
            low = Lowering(self.interp, self.scoping.inside(param.default_file, self.scoping.scope))
        return low.default_argument(param.default, type_)

    def default_argument(self, node: Node, type_: Type) -> Closure:
        inner = self.initialiser(node)
        return lambda f: build.coerce(f[0], inner(f), type_)

    # -- statements ------------------------------------------------------------------------------------------------

    def block(self, node: Node) -> Closure:
        self.scopes.append({})
        body = [s for s in (self.statement(c) for c in node.named_children) if s is not None]
        self.scopes.pop()
        return _sequence(body)

    def statement(self, node: Node) -> Closure | None:
        handler = getattr(self, f"s_{node.type}", None)
        if handler is not None:
            found: Closure | None = handler(node)
            return found
        if node.type in ("comment", "ERROR", "static_assert_declaration", "attribute_declaration", "empty_statement"):
            return None
        if node.type.endswith(("_expression", "identifier", "_literal")):
            return _discard(self.ev(node))
        return None

    def s_compound_statement(self, node: Node) -> Closure:
        return self.block(node)

    def s_expression_statement(self, node: Node) -> Closure | None:
        inner = node.named_children
        inner = [c for c in inner if c.type != "comment"]
        if not inner:
            return None
        return _discard(self.discarded(inner[0]))

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
        return _sequence(statements) if statements else None

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
            listed = self.initialiser(value_node) if value_node is not None else _nothing
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

        def assign(f: list[Value]) -> None:
            value = f[slot] = init(f)
            if type(value) is Opt:
                value = value.v
            if type(value) is Handle and value.depth > f[0].depth:
                value.name, value.depth = name, f[0].depth

        return assign

    def declared_type(self, kind: Node | None, declarator: Node) -> Type:
        """The type of a variable; `decltype` of an expression where the source tells what that is."""
        found = self.scoping.type(kind, declarator)
        if found.name != "auto" or kind is None or kind.type == "placeholder_type_specifier":
            return found
        told = decltype(self, kind)
        return told.wrapped(ref=found.ref, ptr=found.ptr, array=found.array) if told is not None else found

    def array_value(self, element: Type, declarator: Node | None, given: Closure) -> Closure:
        """What a C array starts with; `given` is the braced list, or None."""
        sizes = [self.ev(s) if s is not None else _nothing for s in array_sizes(declarator)] or [_nothing]
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

    # -- control flow ----------------------------------------------------------------------------------------------

    def condition(self, node: Node) -> tuple[list[Closure], Closure]:
        """A condition clause: what runs before, and a closure that gives a Python bool."""
        before: list[Closure] = []
        value: Node | None = node
        if node.type == "condition_clause":
            init = node.child_by_field_name("initializer")
            if init is not None:
                for child in init.named_children if init.type == "init_statement" else [init]:
                    statement = self.statement(child)
                    if statement is not None:
                        before.append(statement)
            value = node.child_by_field_name("value")
        if value is None:
            return before, lambda f: True
        place = (self.file.path, value.start_byte)
        if value.type in ("declaration", "condition_declaration"):
            declarator = value.child_by_field_name("declarator")
            shape = peel(declarator)
            kind = value.child_by_field_name("type")
            init_node = value.child_by_field_name("value") or value.child_by_field_name("default_value")
            type_ = self.scoping.type(kind, declarator)
            init_value = self.initial_value(type_, init_node, self.mark(value), alias=True)
            slot = self.declare(self.text(shape.name) if shape.name is not None else "", Variable(type_, False))

            def declared(f: list[Value]) -> bool:
                f[slot] = v = init_value(f)
                return self.decide(f[0], v, place)

            return before, declared
        inner = self.ev(value)

        def test(f: list[Value]) -> bool:
            v = inner(f)
            return v if v is True or v is False else self.decide(f[0], v, place)

        return before, test

    @staticmethod
    def decide(m: Any, v: Value, place: tuple[str, int] | None = None) -> bool:
        """Branch on a value and note it."""
        taken = ops.truth(m, v)
        if not isinstance(v, (bool, int)):
            m.branch(v, taken, place)
        return taken

    def s_if_statement(self, node: Node) -> Closure:
        self.scopes.append({})
        clause = node.child_by_field_name("condition")
        before, test = self.condition(clause) if clause is not None else ([], lambda f: True)
        then_node = node.child_by_field_name("consequence")
        then = (self.statement(then_node) if then_node is not None else None) or _nothing
        alternative = node.child_by_field_name("alternative")
        otherwise: Closure | None = None
        if alternative is not None:
            if alternative.type == "else_clause":
                inner = [c for c in alternative.named_children if c.type != "comment"]
                otherwise = self.statement(inner[0]) if inner else None
            else:
                otherwise = self.statement(alternative)
        self.scopes.pop()

        if otherwise is None:

            def run(f: list[Value]) -> Any:
                return then(f) if test(f) else None
        else:
            rest = otherwise

            def run(f: list[Value]) -> Any:
                return then(f) if test(f) else rest(f)

        return _sequence([*before, run]) if before else run

    def s_for_statement(self, node: Node) -> Closure:
        self.scopes.append({})
        init_node = node.child_by_field_name("initializer")
        init = (self.statement(init_node) if init_node is not None else None) or _nothing
        clause = node.child_by_field_name("condition")
        _, test = self.condition(clause) if clause is not None else ([], lambda f: True)
        update_node = node.child_by_field_name("update")
        update = self.discarded(update_node) if update_node is not None else _nothing
        body_node = node.child_by_field_name("body")
        body = (self.statement(body_node) if body_node is not None else None) or _nothing
        self.scopes.pop()

        def run(f: list[Value]) -> Any:
            init(f)
            spend = f[0].spend
            count = 0
            while test(f):
                spend()
                count += 1
                if count > MAX_ITERATIONS:
                    raise Implausible("a loop runs without end")
                signal = body(f)
                if signal is not None:
                    if signal == BREAK:
                        break
                    if signal == RETURN:
                        return RETURN
                update(f)
            return None

        return run

    def s_while_statement(self, node: Node) -> Closure:
        self.scopes.append({})
        clause = node.child_by_field_name("condition")
        _, test = self.condition(clause) if clause is not None else ([], lambda f: True)
        body_node = node.child_by_field_name("body")
        body = (self.statement(body_node) if body_node is not None else None) or _nothing
        self.scopes.pop()
        first = node.type == "do_statement"

        def run(f: list[Value]) -> Any:
            count = 0
            while (first and count == 0) or test(f):
                f[0].spend()
                count += 1
                if count > MAX_ITERATIONS:
                    raise Implausible("a loop runs without end")
                signal = body(f)
                if signal is not None:
                    if signal == BREAK:
                        break
                    if signal == RETURN:
                        return RETURN
            return None

        return run

    s_do_statement = s_while_statement

    def s_for_range_loop(self, node: Node) -> Closure:
        self.scopes.append({})
        init_node = node.child_by_field_name("initializer")
        parts = init_node.named_children if init_node is not None and init_node.type == "init_statement" else ()
        init = _sequence([s for s in (self.statement(c) for c in parts) if s is not None]) if parts else _nothing
        right = node.child_by_field_name("right")
        if right is None:
            source: Closure = _empty_list
        else:
            source = self.lv(right) if right.type != "initializer_list" else self.initialiser(right)
        declarator = node.child_by_field_name("declarator")
        shape = peel(declarator)
        type_ = self.scoping.type(node.child_by_field_name("type"), declarator)
        const = any(c.type == "type_qualifier" for c in node.children)
        by_ref = shape.ref and not const
        slots: list[int] = []
        if shape.binding is not None:
            names = [self.text(c) for c in shape.binding.named_children if c.type == "identifier"]
            slots = [self.declare(n, Variable(AUTO, True)) for n in names]
            slot = -1
        else:
            slot = self.declare(self.text(shape.name) if shape.name is not None else "", Variable(type_, by_ref))
        body_node = node.child_by_field_name("body")
        body = (self.statement(body_node) if body_node is not None else None) or _nothing
        self.scopes.pop()
        own_copy = not shape.ref
        own_parts = own_copy and not const  # what is never written may as well be shared
        scalar = type_.scalar
        key = f"{self.file.path}:{node.start_byte}"
        mark = self.mark(right) if right is not None else None

        def run(f: list[Value]) -> Any:
            init(f)
            m = f[0]
            container = source(f)
            if m.phase == "hash" and mark is not None:
                note_walk(m, container, mark)
            for item in iterate(m, container, key):
                m.spend()
                if slot >= 0:
                    if by_ref:
                        f[slot] = item
                    else:
                        value = item.get() if isinstance(item, Ref) else item
                        if own_copy:
                            value = copied(value)
                        f[slot] = ops.convert(m, value, scalar) if scalar else value
                else:
                    for s, part in zip(slots, components(m, item, len(slots)), strict=False):
                        f[s] = copied(part.get() if isinstance(part, Ref) else part) if own_parts else part
                signal = body(f)
                if signal is not None:
                    if signal == BREAK:
                        break
                    if signal == RETURN:
                        return RETURN
            return None

        return run

    def s_switch_statement(self, node: Node) -> Closure:
        self.scopes.append({})
        clause = node.child_by_field_name("condition")
        value_node = clause.child_by_field_name("value") if clause is not None else None
        subject = self.ev(value_node) if value_node is not None else (lambda f: 0)
        body = node.child_by_field_name("body")
        cases: list[tuple[Closure | None, list[Closure]]] = []
        labels: list[tuple[Closure, Place]] = []
        for case in body.named_children if body is not None else ():
            if case.type != "case_statement":
                continue
            label = case.child_by_field_name("value")
            test = self.ev(label) if label is not None else None
            if label is not None and test is not None:
                labels.append((test, (self.file.path, label.start_byte)))
            statements = [self.statement(c) for c in case.named_children if c != label and c.type != "comment"]
            cases.append((test, [s for s in statements if s is not None]))
        self.scopes.pop()
        decide = self.decide

        def run(f: list[Value]) -> Any:
            m = f[0]
            value = subject(f)
            start = -1
            default = -1
            for position, (test, _) in enumerate(cases):
                if test is None:
                    default = position
                elif decide(m, ops.binary(m, "==", value, test(f))):
                    start = position
                    break
            for test, place in labels if m.phase == "select" or m.route else ():
                if m.seeks(place) and not isinstance(same := ops.binary(m, "==", value, test(f)), bool):
                    m.branch(same, ops.truth(m, same), place)
            start = default if start < 0 else start
            if start < 0:
                return None
            for _, statements in cases[start:]:
                for statement in statements:
                    signal = statement(f)
                    if signal is not None:
                        return None if signal == BREAK else signal
            return None

        return run

    def s_return_statement(self, node: Node) -> Closure:
        inner = [c for c in node.named_children if c.type != "comment"]
        if not inner:
            return _return
        if self.returns_ref:
            place = self.lv(inner[0])

            def by_ref(f: list[Value]) -> int:
                f[3] = place(f)
                return RETURN

            return by_ref
        type_ = self.returns
        if inner[0].type == "initializer_list":
            listed = self.initialiser(inner[0])

            def braces(f: list[Value]) -> int:
                f[3] = build.coerce(f[0], listed(f), type_)
                return RETURN

            return braces
        value = self.ev(inner[0])
        plain_local = inner[0].type == "identifier"

        def run(f: list[Value]) -> int:
            result = value(f)
            if type_ is not AUTO:
                result = build.coerce(f[0], result, type_)
            f[3] = result if plain_local else copied(result)
            return RETURN

        return run

    def s_break_statement(self, node: Node) -> Closure:
        return lambda f: BREAK

    def s_continue_statement(self, node: Node) -> Closure:
        return lambda f: CONTINUE

    def s_throw_statement(self, node: Node) -> Closure:
        text, mark = self.text(node)[:120], self.mark(node)

        def run(f: list[Value]) -> Any:
            raise thrown(f[0], text, mark)

        return run

    def s_try_statement(self, node: Node) -> Closure | None:
        body = node.child_by_field_name("body")
        return self.block(body) if body is not None else None

    def s_preproc_ifdef(self, node: Node) -> Closure | None:
        inverted = any(c.type == "#ifndef" for c in node.children)
        return self._preprocessed(node, inverted)

    def s_preproc_if(self, node: Node) -> Closure | None:
        condition = node.child_by_field_name("condition")
        return self._preprocessed(node, condition is None or self.text(condition).strip() not in ("0", "false"))

    def _preprocessed(self, node: Node, main: bool) -> Closure | None:
        alternative = node.child_by_field_name("alternative")
        skip = {
            n.id for n in (node.child_by_field_name("name"), node.child_by_field_name("condition"), alternative) if n
        }
        if not main:
            node = alternative if alternative is not None else node
            if alternative is None:
                return None
        statements = [self.statement(c) for c in node.named_children if c.id not in skip]
        return _sequence([s for s in statements if s is not None])

    def s_labeled_statement(self, node: Node) -> Closure | None:
        return self.statement(node.named_children[-1])


def find_decltype(node: Node | None) -> Node | None:
    """The expression of a decltype inside a type, None when there is none."""
    stack = [node] if node is not None else []
    while stack:
        current = stack.pop()
        if current.type == "decltype":
            inner = [c for c in current.named_children if c.type not in ("auto", "comment")]
            return inner[0] if inner else None
        stack.extend(current.named_children)
    return None


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


def note_walk(m: Any, container: Value, mark: Mark) -> None:
    """Note that a hash function walks over a container without an order."""
    value = container.get() if isinstance(container, Ref) else container
    kind = getattr(value, "kind", "")
    if isinstance(kind, str) and kind.startswith("unordered_"):
        m.walked.append((mark.text, kind, mark))


def thrown(m: Any, text: str, mark: Mark | None = None) -> Thrown:
    """A throw, with the latest branches as what could be decided otherwise; `mark` is the statement that throws."""
    repairs: list[dict[str, Value]] = []
    asked: dict[tuple[str, ...], int] = {}  # a loop asks for the same inputs over and over
    bits = 0
    for condition, taken, _ in reversed(m.branches[-60:]):
        bits |= getattr(condition, "p", 0)
        for repair in ops.want(condition, not taken) if len(repairs) < MOST_REPAIRS else ():
            keys = tuple(sorted(repair))
            asked[keys] = asked.get(keys, 0) + 1
            if asked[keys] <= 2:
                repairs.append(repair)
    kind = THROW if mark is not None else ""
    return Thrown(text, bits, tuple(repairs[:MOST_REPAIRS]), guessed=True, kind=kind, mark=mark)


def components(m: Any, value: Value, count: int) -> list[Value]:
    """What a structured binding takes apart, as lvalues where there are any."""
    if isinstance(value, Ref):
        value = value.get()
    if isinstance(value, Opt):
        value = value.v
    if isinstance(value, (Vec, InitList)):
        if len(value.items) < count:
            return [sequence_ref(value, i) for i in range(len(value.items))] + [
                Unknown(f"{key_of(value)}[{i}]") for i in range(len(value.items), count)
            ]
        return [sequence_ref(value, i) for i in range(count)]
    if isinstance(value, Struct):
        return [m.interp.member_ref(m, value, name) for name in value.names()[:count]]
    own = getattr(value, "components", None)
    if own is not None:
        parts = list(own())
        return parts
    return [Unknown(f"{key_of(value)}[{i}]", getattr(value, "p", 0)) for i in range(count)]


def iterate(m: Any, value: Value, key: str) -> list[Value]:
    """The elements of a range, as lvalues where there are any."""
    if isinstance(value, Ref):
        value = value.get()
    if isinstance(value, Opt):
        value = value.v
    if isinstance(value, (Vec, InitList)):
        return [sequence_ref(value, i) for i in range(len(value.items))]
    if isinstance(value, Map):
        return [Entry(value, k, v) for k, v in list(value.ordered())]
    own = getattr(value, "elements", None)
    if own is not None:
        found: list[Value] = list(own())
        return found
    if isinstance(value, str):
        return list(value)
    if isinstance(value, Unknown):
        count = plain(m.unknown_number(f"size of {value.key}", value.p))
        return [Unknown(f"{value.key}[{i}]", value.p) for i in range(min(count, 3))]
    if value is None or isinstance(value, Absent):
        raise thrown(m, "a loop over nothing")
    m.unknown_call(f"loop over {type(value).__name__}", [])
    return []


def _binder(type_: Type, by_ref: bool, const_ref: bool) -> Closure:
    """How an argument becomes a parameter: `[machine, argument] -> value`."""
    if by_ref and type_.name != "auto":  # braces make a temporary that an rvalue reference binds to
        return lambda pair: build.coerce(pair[0], pair[1], type_) if type(pair[1]) is InitList else pair[1]
    if by_ref:
        return _same
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


def _same(pair: list[Value]) -> Value:
    return pair[1]


def _sequence(body: list[Closure]) -> Closure:
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


def _discard(inner: Closure) -> Closure:
    def run(f: list[Value]) -> None:
        inner(f)

    return run


def _nothing(f: list[Value]) -> None:
    return None


def _return(f: list[Value]) -> int:
    return RETURN


def _empty_list(f: list[Value]) -> Value:
    return Vec([])


def _unwrap(value: Value) -> Value:
    if isinstance(value, InitList) and len(value.items) == 1:
        return copied(value.items[0])
    return value


__all__ = ["Code", "LocalRef", "Lowering", "Site", "components", "iterate", "thrown"]
