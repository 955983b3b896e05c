"""Functions of the tree: candidates of a call, template arguments and lowered code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp.access import value_of
from tt_cache_lint.interp.code import Code
from tt_cache_lint.interp.lower import Lowering
from tt_cache_lint.interp.overloads import nearness, takes, type_of
from tt_cache_lint.interp.prototypes import give_defaults
from tt_cache_lint.interp.registry import CONSTRUCTORS
from tt_cache_lint.interp.statics import useful
from tt_cache_lint.interp.tree import Tree
from tt_cache_lint.interp.types import AUTO, SEQUENCES, Scoping, Type
from tt_cache_lint.interp.values import TypeRef, Value, plain
from tt_cache_lint.source.declarators import peel
from tt_cache_lint.source.defs import Definition, FunctionDef, Param, StructDef

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine


class Functions(Tree):
    """The functions of the tree."""

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
            found = [f for f in everything if takes(f, count) or self._takes_with_defaults(f, count)]
            nearest = max((nearness(f.scope, scoping.scope) for f in found), default=0)
            same = [f for f in found if f.file.path == scoping.file.path]
            if not qualifier and same:
                found = same + [f for f in found if f not in same]
            elif not qualifier and found:
                found.sort(key=lambda f: nearest - nearness(f.scope, scoping.scope))
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
        return takes(function, count)

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
            "variant",
        ):
            return found
        return None

    def written_by_prototype(self, path: tuple[str, ...], scoping: Scoping, count: int) -> tuple[int, ...] | None:
        """Which arguments a function without a body may write, by its declaration; None when there is none."""
        for declaration in self.index.declarations(path[-1], scoping.file.path):
            if takes(declaration, count):
                return tuple(
                    i
                    for i, p in enumerate(declaration.params)
                    if i < count and (p.is_ref or p.is_pointer) and not p.is_const and not p.is_rvalue_ref
                )
        return None

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
                if same_class(other.scope, decl.inner) and other not in found and self._belongs(other, decl):
                    found.append(other)
            self._methods[key] = found
            for base in decl.bases:
                parent = self.scoping(decl.file, decl.scope).type(base).decl
                if isinstance(parent, StructDef) and parent is not decl:
                    found.extend(self.methods(parent, name))
        return found

    def visible_methods(self, decl: StructDef, name: str, count: int) -> list[FunctionDef]:
        """The methods that a qualified call with so many arguments may mean: a class hides those of its bases."""
        methods = self.methods(decl, name)
        own = [f for f in methods if same_class(f.scope, decl.inner)]
        return [f for f in own or methods if takes(f, count) or self._takes_with_defaults(f, count)]

    def _belongs(self, definition: Definition, decl: StructDef) -> bool:
        """Is a definition in the scope of a class its own, and not that of a specialisation or of the primary one?"""
        defs = self.index.defs(decl.file.path) if definition.file is decl.file else None
        found = defs.structs.get(decl.name, ()) if defs is not None else ()
        same = [s for s in found if s.scope == decl.scope]
        at = definition.node.start_byte
        around = [s for s in same if s.node.start_byte <= at < s.node.end_byte] if len(same) > 1 else []
        return not around or decl in around


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


def same_class(scope: tuple[str, ...], inner: tuple[str, ...]) -> bool:
    """Is a definition with this scope a member of the class? Enclosing namespaces may be spelled in part."""
    count = min(len(scope), len(inner))
    return scope[-count:] == inner[-count:] and (count > 1 or len(inner) == 1 or len(scope) == 1)
