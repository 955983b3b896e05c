"""Classes of the tree: their data members and constructors; and overloads, which rest on what fits a class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp import build, ops
from tt_cache_lint.interp.access import element, value_of
from tt_cache_lint.interp.code import Code, Initialiser, initialisers
from tt_cache_lint.interp.functions import Functions, same_class
from tt_cache_lint.interp.lower import Lowering
from tt_cache_lint.interp.overloads import fits, takes
from tt_cache_lint.interp.types import AUTO
from tt_cache_lint.interp.values import InitList, Mark, Obj, Ref, Struct, Value, copied, plain
from tt_cache_lint.source.defs import FieldDef, FunctionDef, StructDef

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine
    from tt_cache_lint.interp.types import Scoping, Type


class Classes(Functions):
    """The classes of the tree."""

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
            place = self.place_of_field(field, templates)
            found = place.type(field.type, field.declarator)
            if self.told is not None:
                found = self.told.field_type(field, found)
            self._types[cache_key] = found
        return found

    def place_of_field(self, field: FieldDef, templates: dict[str, Any]) -> Scoping:
        """What names mean where a data member is declared."""
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
            low = Lowering(self, self.place_of_field(field, templates), decl)
            given = self._defaults[cache_key] = low.initialiser(field.default)
        value = given([m, None, struct, None])
        if type_.array:
            return self.array_field(m, field, value, templates)
        if isinstance(value, InitList) and not value.items:
            return build.default_value(m, type_)
        return copied(build.coerce(m, value, type_))

    def array_field(self, m: Machine, field: FieldDef, given: Value, templates: dict[str, Any]) -> Value:
        """A data member that is a C array."""
        low = Lowering(self, self.place_of_field(field, templates))
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
        fitting = [f for f in self.methods(decl, name) if takes(f, count) or self._takes_with_defaults(f, count)]
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
        if same_class(function.scope, decl.inner):
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
        takers = [f for f in self.methods(decl, decl.name) if takes(f, count) or self._takes_with_defaults(f, count)]
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

    def overload(self, m: Machine, candidates: list[FunctionDef], args: list[Value]) -> FunctionDef | None:
        """The candidate whose parameters fit the arguments best; the nearest among equals."""
        best, best_score = None, -1
        values = [value_of(a) for a in args]
        for function in candidates:
            score = 1
            for type_, value in zip(self._parameter_types(function), values, strict=False):
                points = fits(self, value, type_)
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
