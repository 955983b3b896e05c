"""What outlives one execution: lowered code, resolved names, constants, class members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp import build, ops
from tt_cache_lint.interp.access import element, value_of
from tt_cache_lint.interp.code import Code, Initialiser, initialisers
from tt_cache_lint.interp.expressions import function_reference
from tt_cache_lint.interp.lower import Lowering
from tt_cache_lint.interp.machine import Machine
from tt_cache_lint.interp.names import Closure
from tt_cache_lint.interp.prototypes import give_defaults
from tt_cache_lint.interp.registry import CONSTANTS, CONSTRUCTORS, ENUM_NUMBERS, FUNCTIONS, STATELESS, Site
from tt_cache_lint.interp.statics import useful
from tt_cache_lint.interp.types import AUTO, SCALARS, SEQUENCES, Scoping, Type
from tt_cache_lint.interp.values import (
    Absent,
    Enum,
    FuncRef,
    InitList,
    Lambda,
    Map,
    Mark,
    Obj,
    Opt,
    Ref,
    Struct,
    TypeRef,
    Unknown,
    Value,
    Vec,
    copied,
    identity,
    mask,
    plain,
)
from tt_cache_lint.interp.world import HIDDEN_STATE
from tt_cache_lint.source.defs import (
    ConstDef,
    Definition,
    EnumDef,
    FieldDef,
    FunctionDef,
    Param,
    StructDef,
    peel,
    template_names,
)
from tt_cache_lint.source.files import SourceFile
from tt_cache_lint.source.index import Index

if TYPE_CHECKING:
    from tt_cache_lint.interp.told import Told


class Interp:
    """The interpreter of one source tree."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.known = frozenset(CONSTRUCTORS)
        self.told: Told | None = None  # what a compile database adds
        self.kernels: dict[object, Any] = {}  # what is known of device kernels' sources, by what it is about
        self.launched: dict[StructDef, Any] = {}  # what those who launch an op say of its inputs, by its struct
        self._consts: dict[ConstDef, Value] = {}
        self._constants_at: dict[tuple[object, ...], ConstDef] = {}
        self._evaluating: set[ConstDef] = set()
        self._fields: dict[StructDef, dict[str, FieldDef]] = {}
        self._parameters: dict[FunctionDef, list[Type]] = {}
        self._completed: set[FunctionDef] = set()  # functions that have their default arguments
        self._types: dict[tuple[FieldDef, object], Type] = {}
        self._places: dict[FieldDef, tuple[str, ...]] = {}  # the classes and namespaces around a data member
        self._defaults: dict[tuple[FieldDef, StructDef, object], Closure] = {}  # what gives a member its default
        self._methods: dict[tuple[StructDef, str], list[FunctionDef]] = {}
        self._enums: dict[EnumDef, dict[str, int]] = {}
        self._functions: dict[tuple[object, ...], list[FunctionDef]] = {}
        self._owners: dict[tuple[str, tuple[str, ...]], StructDef | None] = {}
        self.memory: dict[str, object] = {}  # what the device model found out about the checked tree
        self.lowered: dict[FunctionDef, None] = {}  # the functions whose lowered code is kept

    # -- places ----------------------------------------------------------------------------------------------------

    def scoping(self, file: Any, scope: tuple[str, ...], templates: dict[str, Any] | None = None) -> Scoping:
        return Scoping(self.index, file, scope, templates, self.known)

    def defined_in(self, path: str, name: str) -> bool:
        """True when the file itself defines a function of this name."""
        defs = self.index.defs(path)
        return defs is not None and name in defs.functions

    # -- classes ---------------------------------------------------------------------------------------------------

    def fields(self, decl: StructDef | None) -> dict[str, FieldDef]:
        """All data members by name in declaration order, those of bases first."""
        if decl is None:
            return {}
        found = self._fields.get(decl)
        if found is None:
            found = self._fields[decl] = {}
            for base in decl.bases:
                parent = self.scoping(decl.file, decl.scope).type(base).decl
                if isinstance(parent, StructDef) and parent is not decl:
                    found.update(self.fields(parent))
            found.update({f.name: f for f in decl.fields})
        return found

    def field_type(self, field: FieldDef, templates: dict[str, Any], key: object) -> Type:
        """The declared type of a data member."""
        cache_key = (field, (key or build.template_key(templates)) if templates else ())
        found = self._types.get(cache_key)
        if found is None:
            place = self._place_of_field(field, templates)
            found = place.type(field.type, field.declarator)
            if self.told is not None:
                found = self.told.field_type(field, found)
            self._types[cache_key] = found
        return found

    def _place_of_field(self, field: FieldDef, templates: dict[str, Any]) -> Scoping:
        if field not in self._places:
            names: list[str] = []
            node = field.node.parent
            while node is not None:
                if node.type in ("struct_specifier", "class_specifier", "union_specifier", "namespace_definition"):
                    name = node.child_by_field_name("name")
                    if name is not None:
                        names[:0] = field.file.text_of(name).split("::")
                node = node.parent
            self._places[field] = tuple(names)
        return self.scoping(field.file, self._places[field], templates)

    def field_default(self, m: Machine, struct: Struct, decl: StructDef, field: FieldDef, key: object) -> Value:
        """What a data member holds when nothing is given; its initialiser may name other members of the object."""
        templates = struct.targs
        type_ = self.field_type(field, templates, key)
        if field.default is None:
            return self.array_field(m, field, None, templates) if type_.array else build.default_value(m, type_)
        cache_key = (field, decl, (key or build.template_key(templates)) if templates else ())
        given = self._defaults.get(cache_key)
        if given is None:
            low = Lowering(self, self._place_of_field(field, templates), decl)
            given = self._defaults[cache_key] = low.initialiser(field.default)
        value = given([m, None, struct, None])
        if type_.array:
            return self.array_field(m, field, value, templates)
        if isinstance(value, InitList) and not value.items:
            return build.default_value(m, type_)
        return copied(build.coerce(m, value, type_))

    def array_field(self, m: Machine, field: FieldDef, given: Value, templates: dict[str, Any]) -> Value:
        """A data member that is a C array."""
        low = Lowering(self, self._place_of_field(field, templates))
        element = low.scoping.type(field.type).wrapped(ptr=field.is_pointer)
        return low.array_value(element, field.declarator, lambda f: given)([m, None, None, None])

    def converter(self, m: Machine, struct: Struct, name: str) -> Any:
        """How a value assigned to a member is converted, None when not at all."""
        field = self.fields(struct.type).get(name)
        if field is None:
            return None
        type_ = self.field_type(field, struct.targs, build.template_key(struct.targs))
        if type_.scalar:
            scalar = type_.scalar
            return lambda value: ops.convert(m, value, scalar)
        if type_.name in ("auto",) or type_.ptr:
            return None
        return lambda value: build.coerce(m, value, type_)

    def member_ref(self, m: Machine, struct: Struct, name: str) -> Value:
        from tt_cache_lint.interp.access import member_lvalue

        return member_lvalue(m, struct, name)

    def element(self, base: Any, at: int) -> Value:
        return value_of(element(base, at))

    def static_member(self, m: Machine, decl: StructDef, name: str) -> Value:
        found = self.index.const(name, decl.file.path, decl.inner, (decl.name,))
        if found is not None and not self._belongs(found, decl):
            defs = self.index.defs(decl.file.path)
            others = defs.consts.get(name, ()) if defs is not None else ()
            found = next((c for c in others if self._belongs(c, decl) and c.scope == decl.inner), None)
        return self.constant(m, found) if found is not None else None

    def _belongs(self, definition: Definition, decl: StructDef) -> bool:
        """Is a definition in the scope of a class its own, and not that of a specialisation or of the primary one?"""
        defs = self.index.defs(decl.file.path) if definition.file is decl.file else None
        found = defs.structs.get(decl.name, ()) if defs is not None else ()
        same = [s for s in found if s.scope == decl.scope]
        at = definition.node.start_byte
        around = [s for s in same if s.node.start_byte <= at < s.node.end_byte] if len(same) > 1 else []
        return not around or decl in around

    def methods(self, decl: StructDef, name: str) -> list[FunctionDef]:
        """The definitions of a method, in the class body or outside of it, those of bases last."""
        key = (decl, name)
        found = self._methods.get(key)
        if found is None:
            found = list(decl.methods.get(name, ()))
            body = decl.file.text[decl.node.start_byte : decl.node.end_byte]  # what is not declared in it is no member
            elsewhere = name.encode() in body or bool(decl.file.expansions)
            outside = self.index.functions(name, decl.file.path, decl.inner, (decl.name,)) if elsewhere else ()
            for other in outside:
                if _same_class(other.scope, decl.inner) and other not in found and self._belongs(other, decl):
                    found.append(other)
            self._methods[key] = found
            for base in decl.bases:
                parent = self.scoping(decl.file, decl.scope).type(base).decl
                if isinstance(parent, StructDef) and parent is not decl:
                    found.extend(self.methods(parent, name))
        return found

    def method(
        self,
        m: Machine,
        struct: Struct,
        name: str,
        args: list[Value],
        targs: tuple[Any, ...] = (),
        hints: tuple[Type | None, ...] = (),
    ) -> Code | None:
        """The code of a method of an object for these arguments."""
        decl = struct.type
        if decl is None:
            return None
        count = len(args)
        fitting = [f for f in self.methods(decl, name) if _takes(f, count) or self._takes_with_defaults(f, count)]
        if not fitting:
            return None
        function = fitting[0]
        if len(fitting) > 1 and len({f.scope for f in fitting}) == 1:  # overloads, not a base's method beside its own
            function = self.overload(m, fitting, args) or function
        if not function.template:
            return self.instance(function, {}, decl)
        outer = self.class_arguments(function, decl, struct.targs)
        return self.code(m, function, targs, args, outer, decl, hints)

    def class_arguments(self, function: FunctionDef, decl: StructDef, values: dict[str, Any]) -> dict[str, Any]:
        """The template arguments of an object's class as a method of the class, or of a base of it, names them."""
        if _same_class(function.scope, decl.inner):
            if not function.owner_template or not values:
                return values
            renamed = zip(decl.template, function.owner_template, strict=False)  # `template <bool B> ... X<B>::f()`
            return {mine: values[theirs] for theirs, mine in renamed if theirs in values}
        for base in decl.bases:
            parent = self.scoping(decl.file, decl.scope, values).type(base)
            if isinstance(parent.decl, StructDef) and function in self.methods(parent.decl, function.name):
                return self.class_arguments(function, parent.decl, build.template_arguments(parent.decl, parent.args))
        return {}

    def call_method(self, m: Machine, struct: Struct, name: str, args: list[Value], site: Mark | None) -> Value:
        code = self.method(m, struct, name, args)
        if code is None:
            return m.unknown_call(f"{struct.name}.{name}", args)
        return value_of(m.invoke(code, args, struct, None, None, site))

    def construct_user(self, m: Machine, decl: StructDef, type_: Type, args: list[Value], mark: Mark | None) -> Value:
        """Run a constructor of a class of the tree; member by member when none has a body that fits."""
        struct = build.new_struct(m, decl, type_)
        if mark is not None:
            struct.marks[""] = mark
        count = len(args)
        takers = [f for f in self.methods(decl, decl.name) if _takes(f, count) or self._takes_with_defaults(f, count)]
        if takers:
            function = takers[0] if len(takers) == 1 else self.overload(m, takers, args) or takers[0]
            known = self.class_arguments(function, decl, struct.targs)
            own = any(name not in decl.template for name in function.template)
            code = self.code(m, function, (), args, known, decl) if own else self.instance(function, known, decl)
            frame: list[Value] = [None] * code.ready()
            frame[0], frame[2] = m, struct
            code.bind(frame, args)
            self._initialise(m, code, function, struct, frame)
            m.depth += 1
            try:
                code.run(frame)
            finally:
                m.depth -= 1
            return struct
        if not args:
            return struct
        for name, arg in zip(self.fields(decl), args, strict=False):
            struct.fields[name] = copied(arg)
        m.unknown_call(f"{decl.name}::{decl.name}", args)
        return struct

    def _initialise(self, m: Machine, code: Code, function: FunctionDef, struct: Struct, frame: list[Value]) -> None:
        if function.initialisers is None:
            return
        if code.initialisers is None:
            code.initialisers = [*initialisers(code.scoping_lowering, function.initialisers)]
        fields, key = self.fields(struct.type), build.template_key(struct.targs)
        for item in code.initialisers:
            field = fields.get(item.name)
            if field is None:
                self._initialise_base(m, item, struct, frame)
                continue
            type_ = self.field_type(field, struct.targs, key)
            values = [value(frame) for value in item.values(type_.ref)]
            if type_.ref and values and isinstance(values[0], Ref) and isinstance(plain(values[0]), Obj):
                values[0] = values[0].get()
            if type_.name == "auto" or type_.ref or type_.ptr:
                struct.fields[item.name] = values[0] if values else None
            elif item.braced:
                given = InitList(values, [None] * len(values), None, item.mark)
                struct.fields[item.name] = copied(build.coerce(m, given, type_))
            else:
                struct.fields[item.name] = copied(build.construct(m, type_, values, item.mark))

    def _initialise_base(self, m: Machine, item: Initialiser, struct: Struct, frame: list[Value]) -> None:
        """A base class, or the class itself by another constructor: what it sets are members of this one."""
        type_ = item.base
        if type_ is None or not isinstance(type_.decl, StructDef):
            return
        made = build.construct(m, type_, [value(frame) for value in item.values(False)], item.mark)
        if isinstance(made, Struct):
            struct.fields.update(made.fields)

    # -- functions -------------------------------------------------------------------------------------------------

    def candidates(
        self, path: tuple[str, ...], scoping: Scoping, owner: StructDef | None, count: int
    ) -> list[FunctionDef]:
        """The functions of the tree a call may mean, by name and argument count, best first."""
        key = (path, scoping.file.path, scoping.scope, count)
        found = self._functions.get(key)
        if found is None:
            name, qualifier = path[-1], path[:-1]
            own = self.methods(owner, name) if owner is not None and not qualifier else []
            everything = own or self.index.functions(name, scoping.file.path, scoping.scope, qualifier)
            if qualifier and not everything:
                type_ = scoping.named(qualifier)
                if isinstance(type_.decl, StructDef):
                    everything = self.methods(type_.decl, name)
                elif qualifier[0] != "std":  # a using-declaration may bring a name into another namespace
                    known = self.index.functions(name, scoping.file.path, scoping.scope)
                    everything = [f for f in known if not self._is_member(f)]
            if not qualifier:  # a member of some other class is not visible here
                everything = [
                    f for f in everything if not self._is_member(f) or f.scope == scoping.scope[: len(f.scope)]
                ]
            # The name of a class names the class, in its own members too, and no constructor ([class.qual]).
            everything = [f for f in everything if f.scope[-1:] != (name,) or not self._is_member(f)]
            found = [f for f in everything if _takes(f, count) or self._takes_with_defaults(f, count)]
            nearest = max((_nearness(f.scope, scoping.scope) for f in found), default=0)
            same = [f for f in found if f.file.path == scoping.file.path]
            if not qualifier and same:
                found = same + [f for f in found if f not in same]
            elif not qualifier and found:
                found.sort(key=lambda f: nearest - _nearness(f.scope, scoping.scope))
            self._functions[key] = found
        return found

    def _is_member(self, function: FunctionDef) -> bool:
        if not function.scope:
            return False
        key = (function.file.path, function.scope)
        if key not in self._owners:
            self._owners[key] = self.owner_of(function)
        return self._owners[key] is not None

    def owner_of(self, function: FunctionDef) -> StructDef | None:
        """The class a function is a member of."""
        if not function.scope:
            return None
        key = (function.file.path, function.scope)
        if key not in self._owners:
            struct = self.index.struct(function.scope[-1], function.file.path, function.scope, ())
            fits = struct is not None and (
                struct.inner == function.scope
                or struct.inner[-len(function.scope) :] == function.scope
                or (struct.name == function.scope[-1] and struct.inner[:1] == function.scope[:1])
            )
            self._owners[key] = struct if fits else None
        return self._owners[key]

    def overload(self, m: Machine, candidates: list[FunctionDef], args: list[Value]) -> FunctionDef | None:
        """The candidate whose parameters fit the arguments best; the nearest among equals."""
        best, best_score = None, -1
        values = [value_of(a) for a in args]
        for function in candidates:
            score = 1
            for type_, value in zip(self._parameter_types(function), values, strict=False):
                points = _fits(self, value, type_)
                if points < 0:
                    score = -1
                    break
                score += points
            if score > best_score:
                best, best_score = function, score
        return best or candidates[0]

    def _parameter_types(self, function: FunctionDef) -> list[Type]:
        """The declared types of a function's parameters; AUTO for a template parameter."""
        found = self._parameters.get(function)
        if found is None:
            found = self._parameters[function] = []
            scoping = self.scoping(function.file, function.scope)
            for param in function.params:
                written = function.file.text_of(param.type) if param.type is not None else ""
                free = written in function.template
                found.append(AUTO if free else scoping.type(param.type, param.declarator))
        return found

    def code(
        self,
        m: Machine,
        function: FunctionDef,
        targs: tuple[Any, ...],
        args: list[Value],
        outer: dict[str, Any] | None = None,
        owner: StructDef | None = None,
        hints: tuple[Type | None, ...] = (),
    ) -> Code:
        """The code of a function for explicit template arguments; the rest is deduced from plain `T` parameters.

        `outer` are the template arguments of the class the function is a member of, `hints` the types the source
        tells of the arguments.
        """
        if not function.template:
            return self.instance(function, {}, owner)
        owner = owner if owner is not None else self.owner_of(function)
        bound: dict[str, Any] = dict(outer) if outer else {}
        bound.update(zip([n for n in function.template if n not in bound], targs, strict=False))
        for position, (param, arg) in enumerate(zip(function.params, args, strict=False)):
            name = function.file.text_of(param.type) if param.type is not None else ""
            if name in function.template and name not in bound and not param.is_pack:
                hint = hints[position] if position < len(hints) else None
                type_ = hint if useful(hint) else type_of(value_of(arg))
                if type_ is not None and param.is_pointer and type_.ptr:
                    type_ = Type(type_.name, type_.args, type_.decl)
                if type_ is not None:
                    bound[name] = type_
            elif isinstance(arg, TypeRef) and isinstance(arg.type, Type):
                named = _tagged(function, param)
                if named in function.template:
                    bound.setdefault(named, arg.type)
        self._template_defaults(m, function, bound)
        return self.instance(function, bound, owner)

    def _template_defaults(self, m: Machine, function: FunctionDef, bound: dict[str, Any]) -> None:
        node = function.node.parent
        if node is None or node.type != "template_declaration":
            return
        parameters = node.child_by_field_name("parameters")
        for child in parameters.named_children if parameters is not None else ():
            if child.type == "optional_parameter_declaration":
                shape = peel(child.child_by_field_name("declarator"))
                default = child.child_by_field_name("default_value")
                if shape.name is None or default is None:
                    continue
                name = function.file.text_of(shape.name)
                if name not in bound:
                    low = Lowering(self, self.scoping(function.file, function.scope, bound))
                    bound[name] = plain(low.ev(default)([m, None, None, None]))

    def instance(self, function: FunctionDef, templates: dict[str, Any], owner: StructDef | None = None) -> Code:
        """The code of a function with template parameters bound."""
        key: tuple[object, ...] = ()
        if templates:
            key = tuple(sorted((k, v.key if isinstance(v, Type) else repr(v)) for k, v in templates.items()))
        found = function.instances.get(key)
        if isinstance(found, Code):
            return found
        scoping = self.scoping(function.file, function.scope, dict(templates))
        low = Lowering(self, scoping, owner if owner is not None else self.owner_of(function))
        node = function.node.child_by_field_name("declarator")
        low.returns = scoping.type(function.returns, node) if function.returns is not None else AUTO
        low.returns_ref = function.returns_ref
        if low.returns.name == "void" or low.returns.name in templates:
            low.returns = AUTO
        code = Code(function.qualified, function.params, function.body, low)
        code.scoping_lowering = low
        code.function = function
        code.returns_ref = function.returns_ref
        function.instances[key] = code
        self.lowered[function] = None
        return code

    def forget(self) -> None:
        """Let go of all lowered code and of the kernels' syntax trees; what is asked for again is lowered again."""
        for function in self.lowered:
            function.instances.clear()
        self.lowered.clear()
        self.kernels.clear()
        self._defaults.clear()

    def with_defaults(self, function: FunctionDef) -> list[Any]:
        """The parameters, with default arguments found on a declaration elsewhere."""
        if all(p.default is not None for p in function.params[-1:]):
            return function.params
        if function not in self._completed:
            self._completed.add(function)
            give_defaults(
                function, self.index.declarations(function.name, function.file.path, "".join(function.scope[-1:]))
            )
        return function.params

    def _takes_with_defaults(self, function: FunctionDef, count: int) -> bool:
        if count > len(function.params):
            return False
        self.with_defaults(function)
        return _takes(function, count)

    def type_called(self, path: tuple[str, ...], scoping: Scoping) -> Type | None:
        """The type a call `T(...)` constructs, None when the name is no type."""
        found = scoping.named(path)
        if found.decl is not None or found.scalar or found.name in CONSTRUCTORS:
            return found
        if found.name in SEQUENCES or found.name in (
            "string",
            "string_view",
            "optional",
            "tuple",
            "pair",
            "map",
            "set",
        ):
            return found
        return None

    def written_by_prototype(self, path: tuple[str, ...], scoping: Scoping, count: int) -> tuple[int, ...] | None:
        """Which arguments a function without a body may write, by its declaration; None when there is none."""
        for declaration in self.index.declarations(path[-1], scoping.file.path):
            if _takes(declaration, count):
                return tuple(
                    i
                    for i, p in enumerate(declaration.params)
                    if i < count and (p.is_ref or p.is_pointer) and not p.is_const and not p.is_rvalue_ref
                )
        return None

    # -- names -----------------------------------------------------------------------------------------------------

    def global_value(self, m: Machine, path: tuple[str, ...], scoping: Scoping) -> tuple[Value, bool]:
        """What a name that is no local variable means, and whether that is the same in every execution."""
        place = (path, scoping.file.path, scoping.scope)
        known = self._constants_at.get(place)
        if known is not None and not scoping.templates and not scoping.local:
            return self.constant(m, known), known in self._consts
        name, qualifier = path[-1], path[:-1]
        full = "::".join(path[-2:])
        if full in CONSTANTS:
            return CONSTANTS[full], True
        if name in CONSTANTS and (not qualifier or qualifier[-1] in _API_SCOPES):
            return CONSTANTS[name], True
        if qualifier:
            type_ = scoping.named(qualifier)
            if isinstance(type_.decl, EnumDef) and name in type_.decl.values:
                return build.enum_value(m, type_.decl, name), True
            if isinstance(type_.decl, StructDef):
                nested = self.index.enumerator(name, type_.decl.file.path, type_.decl.inner, ())
                if nested is not None and nested.scope == type_.decl.inner:
                    return build.enum_value(m, nested, name), True
                static = self.static_member(m, type_.decl, name)
                if static is not None:
                    return static, False
        const = self.index.const(name, scoping.file.path, scoping.scope, qualifier)
        if const is None and qualifier:  # a using-directive brings what a nested namespace has into its parent
            const = self.index.const(name, scoping.file.path, qualifier)
            if const is not None and (len(const.scope) <= len(qualifier) or const.scope[: len(qualifier)] != qualifier):
                const = None
        if const is not None and (const.value is not None or const.is_mutable):
            if not scoping.templates and not scoping.local:
                self._constants_at[place] = const
            return self.constant(m, const), const in self._consts
        enum = self.index.enumerator(name, scoping.file.path, scoping.scope, qualifier)
        if enum is not None:
            return build.enum_value(m, enum, name), True
        if name in CONSTANTS:
            return CONSTANTS[name], True
        functions = self.index.functions(name, scoping.file.path, scoping.scope, qualifier)
        if functions:
            return self._reference(functions), True
        if name in FUNCTIONS:
            return function_reference(name, FUNCTIONS[name]), True
        if qualifier:
            numbers = ENUM_NUMBERS.get(qualifier[-1], ())
            return Enum(qualifier[-1], name, numbers.index(name) if name in numbers else -1), True
        type_ = scoping.named(path)
        if type_.decl is not None:
            return TypeRef(type_), True
        return Unknown(name), True

    def _reference(self, functions: list[FunctionDef]) -> FuncRef:
        def call(m: Machine, site: Mark | None, args: list[Value]) -> Value:
            fitting = [f for f in functions if _takes(f, len(args))] or functions
            function = fitting[0] if len(fitting) == 1 else self.overload(m, fitting, args)
            assert function is not None
            return m.invoke(self.code(m, function, (), args), args, None, None, None, site)

        return FuncRef(functions[0].name, call)

    def function_object(self, m: Machine, path: tuple[str, ...], scoping: Scoping) -> Value:
        """The global function object of a name, where its class keeps no state; None where there is none."""
        const = self.index.const(path[-1], scoping.file.path, scoping.scope, path[:-1]) if path else None
        if const is None or const.value is None or const.value.type == "preproc_arg":
            return None
        stateless = self.scoping(const.file, const.scope).type(const.type).name in STATELESS
        return self._evaluate(m, const) if stateless else None

    def constant(self, m: Machine, const: ConstDef) -> Value:
        """The value of a constant, evaluated once; a variable that may change between calls is hidden state."""
        if const.is_mutable:
            return hidden_state(m, const)
        key = const
        if key in self._consts:
            return self._consts[key]
        if key in self._evaluating or const.value is None:
            return Unknown(const.qualified)
        self._evaluating.add(key)
        try:
            value = self._evaluate(m, const)
            if self.told is not None and (isinstance(value, Unknown) or not m.world.is_known(mask(value))):
                value = self.told.constant(const, value)
        finally:
            self._evaluating.discard(key)
        if not mask(value):
            self._consts[key] = value
        return value

    def variable_template(self, m: Machine, const: ConstDef, targs: tuple[Any, ...]) -> Value:
        """The value of `name<targs>`."""
        parent = const.node.parent
        listed = parent.child_by_field_name("parameters") if parent is not None else None
        names = template_names(const.file, listed) if listed is not None else ()
        return self._evaluate(m, const, dict(zip(names, targs, strict=False)))

    def _evaluate(self, m: Machine, const: ConstDef, templates: dict[str, Any] | None = None) -> Value:
        scoping = self.scoping(const.file, const.scope, templates)
        low = Lowering(self, scoping)
        node = const.value
        assert node is not None
        if node.type == "preproc_arg":
            return self._macro(m, const)
        declarator = const.node.child_by_field_name("declarator")
        if declarator is not None and declarator.type == "init_declarator":
            declarator = declarator.child_by_field_name("declarator")
        type_ = scoping.type(const.type, declarator)
        run = low.initial_value(type_, node, low.mark(const.node), alias=type_.ptr)
        frame: list[Value] = [m, None, None, None, *([None] * (low.size - 4))]
        return run(frame)

    def _macro(self, m: Machine, const: ConstDef) -> Value:
        assert const.value is not None
        text = const.file.text_of(const.value).strip()
        from tt_cache_lint.interp.literals import literal, string_value

        if text[:1].isdigit() and text.replace("'", "").replace(".", "").isalnum():
            return literal(text)
        if text[:1] == '"' and text.count('"') == 2:
            return string_value(text)
        if text.replace("_", "").replace("::", "").isalnum():
            return self.global_value(m, tuple(text.split("::")), self.scoping(const.file, const.scope))[0]
        # on a line of its own the semicolon stays outside of a comment behind the text
        part = SourceFile(const.file.path, f"auto macro = {text}\n;".encode(), fixed_line=const.line)
        item = part.root.named_children[0] if part.root.named_children else None
        if item is None or part.root.has_error:
            return Unknown(const.name)
        declarator = item.child_by_field_name("declarator")
        node = declarator.child_by_field_name("value") if declarator is not None else None
        if node is None:
            return Unknown(const.name)
        low = Lowering(self, self.scoping(part, const.scope))
        run = low.initialiser(node)
        return run([m, None, None, None, *([None] * (low.size - 4))])

    def enum_number(self, m: Machine, decl: EnumDef, name: str) -> int:
        """The value of an enumerator, -1 when it cannot be told."""
        numbers = self._enums.get(decl)
        if numbers is None:
            numbers = self._enums[decl] = {}
            following = 0
            low = Lowering(self, self.scoping(decl.file, decl.scope))
            for key, node in decl.values.items():
                if node is not None:
                    text = decl.file.text_of(node).strip()
                    if text in numbers:
                        following = numbers[text]
                    else:
                        value = plain(low.ev(node)([m, None, None, None]))
                        following = value.number if isinstance(value, Enum) else value if isinstance(value, int) else -1
                numbers[key] = following
                following = following + 1 if following >= 0 else -1
        return numbers.get(name, -1)

    def map_put(self, m: Machine, target: Map, key: Value, value: Value) -> None:
        kept = build.coerce(m, copied(value), target.elem) if isinstance(target.elem, Type) else copied(value)
        if isinstance(target.key, Type) and isinstance(key, Obj):
            key = build.coerce(m, key, target.key)
        target.items[identity(key)] = (copied(key), kept)


def _same_class(scope: tuple[str, ...], inner: tuple[str, ...]) -> bool:
    """Is a definition with this scope a member of the class? Enclosing namespaces may be spelled in part."""
    count = min(len(scope), len(inner))
    return scope[-count:] == inner[-count:] and (count > 1 or len(inner) == 1 or len(scope) == 1)


def hidden_state(m: Machine, const: ConstDef) -> Unknown:
    """What a variable that outlives the call holds: unknown, and told apart by its leaf (rule hidden-state)."""
    return Unknown(f"hidden state {const.qualified}", m.world.bit(f"{HIDDEN_STATE}{const.qualified}"))


def _tagged(function: FunctionDef, param: Param) -> str:
    """The type that a parameter `std::in_place_type_t<T>` names; empty for other parameters."""
    last = param.type
    while last is not None and last.type == "qualified_identifier":
        last = last.child_by_field_name("name")
    if last is None or last.type != "template_type":
        return ""
    name, given = last.child_by_field_name("name"), last.child_by_field_name("arguments")
    if name is None or given is None or function.file.text_of(name) != "in_place_type_t":
        return ""
    return function.file.text_of(given.named_children[0]) if given.named_children else ""


_API_SCOPES = {"tt", "tt_metal", "constants", "std", "ttnn", "CBIndex", "CB", "hal", "numbers", "types"}


def _nearness(where: tuple[str, ...], scope: tuple[str, ...]) -> int:
    count = 0
    for a, b in zip(where, scope, strict=False):
        if a != b:
            break
        count += 1
    return count


def _takes(function: FunctionDef, count: int) -> bool:
    params = function.params
    if params and params[-1].is_pack:
        return count >= len(params) - 1
    if count > len(params):
        return False
    return all(p.default is not None for p in params[count:])


def type_of(value: Value) -> Type | None:
    """The C++ type of a value, as far as it can be told from the value."""
    if isinstance(value, Struct) and value.type is not None:
        return Type(value.type.name, (), value.type)
    if isinstance(value, TypeRef):
        found: Type = value.type
        return found
    bare = plain(value)
    if isinstance(bare, bool):
        return SCALARS["bool"]
    if isinstance(bare, int):
        return SCALARS["int" if bare < 0 else "uint32_t" if bare < 1 << 32 else "uint64_t"]
    if isinstance(bare, float):
        return SCALARS["float"]
    if isinstance(value, Obj) and not isinstance(value, (Vec, Lambda, InitList, Opt, Map)):
        return Type(type(value).__name__)
    return None


def _fits(interp: Interp, value: Value, type_: Type) -> int:
    """How well a value fits a parameter type: -1 not at all, more is better."""
    if isinstance(value, Unknown) or type_.name == "auto":
        return 1
    if isinstance(value, InitList):
        return _list_fits(interp, value, type_)
    if type_.name == "optional":
        inner = type_.args[0] if type_.args and isinstance(type_.args[0], Type) else AUTO
        if value is None or isinstance(value, Absent):
            return 2
        return max(_fits(interp, value.v if isinstance(value, Opt) else value, inner), -1)
    if isinstance(value, Opt):
        value = value.v
    if value is None or isinstance(value, Absent):
        return 2 if type_.ptr else -1
    bare = plain(value)
    if isinstance(bare, (int, float)) and not isinstance(value, Obj):
        if type_.scalar:
            return 3 if (type_.scalar == "bool") == isinstance(bare, bool) else 2
        return -1 if type_.decl is not None or type_.name in _NOT_NUMBERS or type_.name in CONSTRUCTORS else 0
    if type_.scalar:
        return 1 if isinstance(bare, Enum) else -1
    if isinstance(value, Struct):
        if isinstance(type_.decl, StructDef):
            return 4 if value.type is not None and value.type.qualified == type_.decl.qualified else -1
        return (
            3 if value.name == type_.name else (-1 if type_.name in _NOT_NUMBERS or type_.name in CONSTRUCTORS else 0)
        )
    if isinstance(value, Vec):
        if value.kind == "Shape" or type_.name == "Shape":
            return 5 if type_.name == value.kind else 1 if type_.name in SEQUENCES or value.kind in SEQUENCES else -1
        if type_.name in SEQUENCES:
            return 4 if type_.name == value.kind else 2
        if type_.name in ("tuple", "pair"):
            return 4 if type_.name == value.kind else -1
        return -1 if type_.decl is not None or type_.name in CONSTRUCTORS else 0
    if isinstance(bare, Enum):
        return 4 if bare.type == type_.name else -1
    if isinstance(bare, str):
        return 3 if type_.name in ("string", "string_view", "char") else -1
    if type(value).__name__ == type_.name:
        return 5
    if isinstance(value, (Lambda, FuncRef)):
        return 2 if type_.name == "function" else 0
    if type_.name in CONSTRUCTORS or type_.decl is not None or type_.name in SEQUENCES:
        return 0 if type_.name in _CONVERTIBLE.get(type(value).__name__, ()) else -1
    return 0


def _list_fits(interp: Interp, value: InitList, type_: Type) -> int:
    """A braced list fits a sequence when each item fits its element, a class when each item fits its member."""
    if not value.items:
        return 1
    if type_.name in SEQUENCES:
        elem = type_.args[0] if type_.args and isinstance(type_.args[0], Type) else AUTO
        points = [_fits(interp, item, elem) for item in value.items]
        return -1 if min(points) < 0 or value.names is not None else 3
    if isinstance(type_.decl, StructDef):
        fields = interp.fields(type_.decl)
        if value.names is not None:
            return 3 if set(value.names) <= set(fields) else -1
        if len(value.items) > len(fields) and not interp.methods(type_.decl, type_.decl.name):
            return -1
        types = [interp.field_type(f, {}, ()) for f in fields.values()]
        points = [_fits(interp, item, kind) for item, kind in zip(value.items, types, strict=False)]
        return -1 if points and min(points) < 0 and not interp.methods(type_.decl, type_.decl.name) else 2
    if type_.scalar:
        return 1 if len(value.items) == 1 else -1
    return 1


_NOT_NUMBERS = SEQUENCES | {"tuple", "pair", "map", "unordered_map", "string", "string_view", "function", "variant"}
_CONVERTIBLE: dict[str, tuple[str, ...]] = {
    "CoreCoord": ("CoreRange", "CoreRangeSet"),
    "CoreRange": ("CoreRangeSet",),
    "Device": ("IDevice", "MeshDevice"),
    "MeshDevice": ("IDevice", "Device"),
}
__all__ = ["Interp", "Ref", "Site", "type_of"]
