"""Types as written, resolved through aliases, template parameters and class scopes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp.interrupts import Implausible
from tt_cache_lint.interp.ops import FLOATS, INTEGERS, OPERATIONS
from tt_cache_lint.interp.values import Enum
from tt_cache_lint.source.declarators import peel, qualified
from tt_cache_lint.source.defs import AliasDef, EnumDef, Scope, StructDef

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.source.files import SourceFile
    from tt_cache_lint.source.index import Index

_ARITHMETIC = {"+", "-", "*", "/", "%", "<<", ">>"}
MOST_DEEP = 6  # bases of bases
SEQUENCES = {
    "vector",
    "SmallVector",
    "small_vector",
    "array",
    "initializer_list",
    "span",
    "Span",
    "deque",
    "list",
    "set",
    "unordered_set",
    "ttsl::SmallVector",
    "basic_string_view",
    "Group",  # of Metal 2.0 (metal2_host_api/utility), as Table is
}
MAPS = {"map", "unordered_map", "multimap", "Table"}
TRANSPARENT = {"reference_wrapper", "unique_ptr", "shared_ptr", "const", "weak_ptr", "not_null"}
STRINGS = {"string", "string_view", "basic_string", "path"}
OTHERS = {"optional", "tuple", "pair", "variant", "function", "monostate", "nullopt_t"}
# Where the API declares the types that the device model provides (tt_metal/api, ttnn/api, tt_stl).
API_NAMESPACES = {
    ("tt",),
    ("tt", "tt_metal"),
    ("tt", "tt_metal", "distributed"),
    ("tt", "tt_metal", "experimental"),
    ("tt", "tt_fabric"),
    ("tt", "stl"),
    ("tt", "stl", "reflection"),
    ("ttsl",),
    ("ttsl", "reflection"),
    ("ttnn",),
}
STANDARD = SEQUENCES | MAPS | TRANSPARENT | STRINGS | OTHERS


_SCALAR_KINDS = {name: name for name in (*INTEGERS, "bool")} | dict.fromkeys(FLOATS, "float")


class Type:
    """A resolved type. `name` is the last part; `decl` the definition of a class or enumeration found in the tree.

    `ptr` is set for pointers, `ref` for references. `args` are template arguments: types, or values for non-types.
    `scalar` is the scalar kind ("uint32_t", "float", "bool"), "" when it is none.
    """

    __slots__ = ("args", "array", "const", "decl", "name", "ptr", "ref", "scalar")

    def __init__(
        self,
        name: str,
        args: tuple[Any, ...] = (),
        decl: StructDef | EnumDef | None = None,
        *,
        ref: bool = False,
        ptr: bool = False,
        const: bool = False,
        array: bool = False,
    ) -> None:
        self.name = name
        self.args = args
        self.decl = decl
        self.ref = ref
        self.ptr = ptr
        self.const = const
        self.array = array
        self.scalar = "" if ptr or array else _SCALAR_KINDS.get(name, "")

    def wrapped(self, *, ref: bool = False, ptr: bool = False, const: bool = False, array: bool = False) -> Type:
        return Type(
            self.name,
            self.args,
            self.decl,
            ref=ref or self.ref,
            ptr=ptr or self.ptr,
            const=const or self.const,
            array=array or self.array,
        )

    @property
    def key(self) -> str:
        inner = f"<{','.join(a.key if isinstance(a, Type) else repr(a) for a in self.args)}>" if self.args else ""
        where = self.decl.qualified if self.decl is not None else self.name
        return f"{where}{inner}{'*' if self.ptr else ''}"

    def __repr__(self) -> str:
        return self.key


AUTO = Type("auto")
SCALARS = {name: Type(name) for name in (*INTEGERS, *FLOATS, "bool")}


class Scoping:
    """Where a piece of code stands: what names mean there. `known` are the class names the device model provides."""

    def __init__(
        self,
        index: Index,
        file: SourceFile,
        scope: Scope,
        templates: dict[str, Any] | None = None,
        known: frozenset[str] = frozenset(),
        local: dict[str, Type] | None = None,
    ) -> None:
        self.index = index
        self.file = file
        self.scope = scope
        self.templates = templates if templates is not None else {}
        self.known = known
        self.local = local if local is not None else {}
        self.numbers: dict[str, int] = {}  # local integer constants, for template arguments
        self.namespaces: dict[str, Scope] = {}  # those that have another name in this function
        self._cache: dict[int, Type] = {}

    def inside(self, file: SourceFile, scope: Scope) -> Scoping:
        """The scoping of another place with the same templates."""
        if file is self.file and scope == self.scope:
            return self
        return Scoping(self.index, file, scope, self.templates, self.known, {})

    def reading(self, part: SourceFile) -> Scoping:
        """The same place, for a piece of its text that was parsed on its own."""
        made = Scoping(self.index, part, self.scope, self.templates, self.known, self.local)
        made.numbers, made.namespaces = self.numbers, self.namespaces
        return made

    def spelt(self, path: Scope) -> Scope:
        """A qualified name with the namespace that a local alias stands for."""
        return self.namespaces[path[0]] + path[1:] if len(path) > 1 and path[0] in self.namespaces else path

    def anonymous(self, node: Node, decl: StructDef) -> None:
        """Note the definition of a local class without a name."""
        self._cache[node.id] = Type("", (), decl)

    def type(self, node: Node | None, declarator: Node | None = None) -> Type:
        """The type a type node means, with the wrapping of a declarator. AUTO when it cannot be told."""
        if node is None:
            return AUTO
        found = self._cache.get(node.id)
        if found is None:
            found = self._cache[node.id] = self._resolve(node, 0)
        if declarator is not None:
            shape = peel(declarator)
            if shape.ref or shape.pointer or shape.array is not None:
                return found.wrapped(ref=shape.ref, ptr=shape.pointer, array=shape.array is not None)
        return found

    def _resolve(self, node: Node, depth: int) -> Type:
        if depth > 12:
            return AUTO
        kind = node.type
        if kind in ("placeholder_type_specifier", "auto", "decltype"):
            return AUTO
        if kind == "type_descriptor":
            inner = node.child_by_field_name("type")
            found = self._resolve(inner, depth + 1) if inner is not None else AUTO
            shape = peel(node.child_by_field_name("declarator"))
            if shape.ref or shape.pointer:
                return found.wrapped(ref=shape.ref, ptr=shape.pointer)
            return found
        if kind in ("primitive_type", "sized_type_specifier"):
            text = " ".join(self.file.text_of(node).split())
            return SCALARS.get(text) or SCALARS.get(_sized(text)) or Type(text)
        if kind == "dependent_type":
            return self._resolve(node.named_children[-1], depth + 1)
        if kind == "qualified_identifier":
            member = self._of_instance(node, depth)
            if member is not None:
                return member
        if kind in ("struct_specifier", "class_specifier", "union_specifier", "enum_specifier"):
            name = node.child_by_field_name("name")
            return self._resolve(name, depth + 1) if name is not None else AUTO
        path, _ = qualified(self.file, node)
        if not path:
            return AUTO
        last = node
        while last.type == "qualified_identifier":
            following = last.child_by_field_name("name")
            if following is None:
                break
            last = following
        args: tuple[Any, ...] = ()
        if last.type in ("template_type", "template_function"):
            given = last.child_by_field_name("arguments")
            if given is not None:
                args = tuple(a for c in given.named_children if c.type != "comment" for a in self._arguments(c, depth))
        return self.named(path, args, depth)

    def _of_instance(self, node: Node, depth: int) -> Type | None:
        """`X<A>::type`, where X is a class template with a specialisation for A that declares it."""
        scope, name = node.child_by_field_name("scope"), node.child_by_field_name("name")
        if scope is None or name is None or scope.type != "template_type" or name.type != "type_identifier":
            return None
        holder = self._resolve(scope, depth + 1)
        decl = holder.decl
        defs = self.index.defs(decl.file.path) if isinstance(decl, StructDef) and decl.pattern else None
        if defs is None or not isinstance(decl, StructDef):
            return None
        start, end = decl.node.start_byte, decl.node.end_byte
        for alias in defs.aliases.get(self.file.text_of(name), ()):
            if start <= alias.node.start_byte < end and alias.scope == decl.inner and alias.type is not None:
                place = Scoping(self.index, decl.file, decl.inner, bound(decl, holder.args), self.known)
                return place._resolve(alias.type, depth + 1)
        return None

    def _arguments(self, node: Node, depth: int) -> Iterator[Any]:
        """The template arguments that are written as one: several where a pack is expanded."""
        if node.type != "parameter_pack_expansion" or not node.named_children:
            yield self._argument(node, depth)
            return
        pattern = node.named_children[0]
        packs = {name: pack for name, pack in self.templates.items() if isinstance(pack, tuple)}
        packs = {name: pack for name, pack in packs.items() if _mentions(self.file, pattern, name)}
        if not packs:
            yield self._argument(node, depth)
        for place in range(min((len(pack) for pack in packs.values()), default=0)):
            templates = {**self.templates, **{name: pack[place] for name, pack in packs.items()}}
            yield Scoping(self.index, self.file, self.scope, templates, self.known, self.local)._argument(
                pattern, depth
            )

    def _argument(self, node: Node, depth: int) -> Any:
        if node.type == "type_descriptor":
            inner = node.child_by_field_name("type")
            text = self.file.text_of(node)
            if text in self.templates and not isinstance(self.templates[text], Type):
                return self.templates[text]
            if inner is not None and inner.type in ("type_identifier", "qualified_identifier"):
                found = self._resolve(node, depth + 1)
                if (
                    found.decl is None
                    and not found.scalar
                    and found.name not in STANDARD
                    and found.name not in self.known
                ):
                    constant = self._constant(text)
                    return constant if isinstance(constant, int) else found
                return found
            return self._resolve(node, depth + 1)
        text = self.file.text_of(node)
        if text in self.templates:
            return self.templates[text]
        if node.type == "number_literal":
            try:
                return int(text.rstrip("uUlL"), 0)
            except ValueError:
                return text
        if node.type in ("true", "false"):
            return node.type == "true"
        if node.type in ("binary_expression", "parenthesized_expression"):
            computed = self._computed(node, depth)
            return computed if computed is not None else text
        return self._constant(text)

    def constant(self, node: Node) -> int | None:
        """The whole number that an expression of constants comes to."""
        return self._computed(node, 0)

    def _computed(self, node: Node, depth: int) -> int | None:
        """What an arithmetic expression of constants comes to."""
        if node.type == "parenthesized_expression" and len(node.named_children) == 1:
            return self._computed(node.named_children[0], depth)
        if node.type == "binary_expression" and len(node.named_children) == 2:
            sign = node.children[1].type
            left, right = (self._computed(side, depth) for side in node.named_children)
            if sign not in _ARITHMETIC or left is None or right is None:
                return None
            try:
                return int(OPERATIONS[sign](left, right))
            except Implausible:
                return None
        found = self._argument(node, depth)
        return found if type(found) is int else None

    def _constant(self, text: str) -> Any:
        """The number a named constant stands for, the text where it is no plain number."""
        if text in self.numbers:
            return self.numbers[text]
        path = tuple(text.split("::"))
        const = self.index.const(path[-1], self.file.path, self.scope, path[:-1])
        node = const.value if const is not None else None
        while node is not None and node.type == "initializer_list" and node.named_children:
            node = node.named_children[0]
        if const is not None and node is not None and node.type == "number_literal":
            try:
                return int(const.file.text_of(node).rstrip("uUlL"), 0)
            except ValueError:
                return text
        return text

    def named(self, path: Scope, args: tuple[Any, ...] = (), depth: int = 0) -> Type:
        """The type called `path` here."""
        path = self.spelt(path)
        name, qualifier = path[-1], path[:-1]
        if not qualifier:
            bound = self.templates.get(name)
            if isinstance(bound, Type):
                return bound
            if name in self.local:
                return self.local[name]
        if name in SCALARS:
            return SCALARS[name]
        if name in TRANSPARENT and args and isinstance(args[0], Type):
            return args[0].wrapped(ptr=name.endswith("_ptr"))
        if name in STANDARD:
            return Type(name, args)
        if name in self.known:
            return Type(name, args, None if qualifier else self._own(name))
        if args or depth or self.templates or self.local:
            return self._declared(name, qualifier, args, depth)
        key = (self.file.path, self.scope, path)
        found = self.index.types.get(key)
        if not isinstance(found, Type):
            found = self.index.types[key] = self._declared(name, qualifier, args, depth)
        return found

    def _own(self, name: str) -> StructDef | None:
        """The checked code's own struct of a name that the API has too: one beside this code, in a scope around it."""
        found = [
            struct
            for struct in self.index.beside(name, self.file.path)
            if struct.scope == self.scope[: len(struct.scope)] and struct.scope not in API_NAMESPACES
        ]
        return max(found, key=lambda s: len(s.scope), default=None)

    def _declared(self, name: str, qualifier: Scope, args: tuple[Any, ...], depth: int) -> Type:
        at, index = self.file.path, self.index
        if not args and index.is_namespace(name, at):
            return Type(name, args)
        member = index.member(name, at, self.scope) if not qualifier else None
        if isinstance(member, (StructDef, EnumDef)):
            return Type(name, args, self._special(member, args) if isinstance(member, StructDef) else member)
        if isinstance(member, AliasDef):
            return self._through(member, args, depth)
        inherited = self._inherited(name, qualifier, args, depth) if depth < MOST_DEEP else None
        if inherited is not None:
            return inherited
        struct = index.struct(name, at, self.scope, qualifier)
        alias = index.alias(name, at, self.scope, qualifier)
        if struct is not None and alias is not None:
            if _nearness(alias.scope, self.scope) > _nearness(struct.scope, self.scope):
                struct = None
            else:
                alias = None
        if struct is not None:
            return Type(name, args, self._special(struct, args))
        enum = index.enum(name, at, self.scope, qualifier)
        if enum is not None and (
            alias is None or _nearness(alias.scope, self.scope) <= _nearness(enum.scope, self.scope)
        ):
            return Type(name, args, enum)
        if alias is not None:
            return self._through(alias, args, depth)
        if qualifier:
            owner = self.named(qualifier, (), depth + 1) if depth < 8 else AUTO
            if isinstance(owner.decl, StructDef):
                inner = Scoping(index, owner.decl.file, owner.decl.inner, self.templates, self.known)
                if owner.decl.inner[-1:] != qualifier[-1:] or at != owner.decl.file.path:
                    return inner._declared(name, (owner.decl.name,), args, depth + 1) if depth < 8 else AUTO
        return Type(name, args)

    def _inherited(self, name: str, qualifier: Scope, args: tuple[Any, ...], depth: int) -> Type | None:
        """What a name means in the bases of the class that one stands in, or that qualifies it."""
        path = qualifier or self.scope[-1:]
        if not path or name == path[-1]:
            return None
        scope = self.scope if qualifier else self.scope[:-1]
        decl = self.index.struct(path[-1], self.file.path, scope, path[:-1])
        if decl is None or not decl.bases or (not qualifier and decl.inner != self.scope):
            return None
        if self.index.member(name, decl.file.path, decl.inner) is not None and qualifier:
            return None  # its own
        around = Scoping(self.index, decl.file, decl.scope, self.templates, self.known)
        for base in decl.bases:
            parent = around._resolve(base, depth + 1).decl
            if not isinstance(parent, StructDef):
                continue
            found = self.index.member(name, parent.file.path, parent.inner)
            inner = Scoping(self.index, parent.file, parent.inner, self.templates, self.known)
            if found is not None and found.scope == parent.inner:
                return inner._declared(name, (), args, depth + 1)
            further = inner._inherited(name, (), args, depth + 1) if depth < MOST_DEEP else None
            if further is not None:
                return further
        return None

    def _special(self, struct: StructDef, args: tuple[Any, ...]) -> StructDef:
        """The specialisation beside a class template that is for these arguments, the most special one; else itself."""
        defs = self.index.defs(struct.file.path) if args else None
        best, most = struct, -1
        for other in defs.structs.get(struct.name, ()) if defs is not None else ():
            if other.scope == struct.scope and other.pattern:
                exact = _matches(other, args)
                if exact > most:
                    best, most = other, exact
        return best

    def _through(self, alias: AliasDef, args: tuple[Any, ...], depth: int) -> Type:
        if alias.type is None:
            return Type(alias.name, args)
        templates = dict(self.templates)
        templates.update(zip(alias.template, args, strict=False))
        place = Scoping(self.index, alias.file, alias.scope, templates, self.known)
        if alias.file.text_of(alias.type).rpartition("::")[2] == alias.name and depth > 8:
            return Type(alias.name, args)  # an alias of its own name for a type outside of the tree
        found = place._resolve(alias.type, depth + 1)
        if found.name == alias.name and found.decl is None and not args:
            return Type(alias.name)
        return found


def bound(decl: StructDef, args: tuple[Any, ...]) -> dict[str, Any]:
    """The template arguments of a class by the names of its parameters; those of a pack as a tuple."""
    templates = dict(zip(decl.template, args, strict=False))
    if decl.variadic and decl.template:
        templates[decl.template[-1]] = tuple(args[len(decl.template) - 1 :])
    return templates


def _matches(special: StructDef, args: tuple[Any, ...]) -> int:
    """How many arguments a specialisation names; -1 when it is for others, or binds its parameters out of order."""
    if len(special.pattern) != len(args):
        return -1
    exact = 0
    for position, (wanted, given) in enumerate(zip(special.pattern, args, strict=True)):
        if wanted in special.template:
            if special.template.index(wanted) != position:
                return -1
        elif wanted.rpartition("::")[2] == _spelt(given):
            exact += 1
        else:
            return -1
    return exact


def _spelt(argument: Any) -> str:
    """A template argument as it is written, without what qualifies it."""
    if isinstance(argument, Type):
        return argument.name
    if isinstance(argument, Enum):
        return argument.name
    return str(argument).lower() if isinstance(argument, bool) else str(argument).rpartition("::")[2]


def _mentions(file: SourceFile, node: Node, name: str) -> bool:
    """Does a type name another one anywhere in it?"""
    if node.type == "type_identifier":
        return file.text_of(node) == name
    return any(_mentions(file, child, name) for child in node.named_children)


def _sized(text: str) -> str:
    words = [w for w in text.split() if w not in ("int", "const")] or ["int"]
    return " ".join(words)


def _nearness(where: Scope, scope: Scope) -> int:
    count = 0
    for a, b in zip(where, scope, strict=False):
        if a != b:
            return count
        count += 1
    return count if len(where) <= len(scope) else count - 1
