"""Lowering of calls of methods."""

from __future__ import annotations

from collections.abc import Callable
from inspect import CO_VARARGS
from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp.access import deref, null_use, relied_on, value_of
from tt_cache_lint.interp.build import alternative_index
from tt_cache_lint.interp.call_arguments import (
    evaluated,
    lowered_argument,
    spread_packs,
    template_arguments,
    value_argument,
    writable,
)
from tt_cache_lint.interp.refs import Pointer
from tt_cache_lint.interp.registry import METHOD_REFS, METHODS, Site, find_method
from tt_cache_lint.interp.statics import static_type
from tt_cache_lint.interp.values import (
    Absent,
    Enum,
    FuncRef,
    InitList,
    Lambda,
    Obj,
    Opt,
    Ptr,
    Ref,
    Struct,
    Unknown,
    Val,
    Value,
    Vec,
    copied,
    key_of,
    mask,
    plain,
)

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.interp.expressions import Expressions
    from tt_cache_lint.interp.machine import Machine
    from tt_cache_lint.interp.names import Closure
    from tt_cache_lint.interp.types import Type


def method_call(low: Expressions, node: Node, target: Node, args: list[Node], discarded: bool, lvalue: bool) -> Closure:
    """A closure for a call of a method. What most calls come to is looked up in tables by the class of the value."""
    argument, field = target.child_by_field_name("argument"), target.child_by_field_name("field")
    if argument is None or field is None:
        return low.not_understood(node)
    targs: tuple[Any, ...] = ()
    if field.type in ("template_method", "template_function"):
        targs = template_arguments(low, field)
        inner = field.child_by_field_name("name")
        field = inner if inner is not None else field
    name = low.text(field)
    if field.type == "dependent_name":
        name = low.text(field.named_children[-1]).split("<")[0]
    place = low.lv(argument)
    readers = [value_argument(low, a) for a in args]
    called = _Method(low, name, args, targs, low.site(node, name, (), args), readers, discarded, lvalue)
    site, cache, handler_of, values = called.site, called.cache, called.handler_of, called.values

    def run(f: list[Value]) -> Value:
        m: Machine = f[0]
        v = place(f)
        holder = v
        if isinstance(v, Ref):
            v = v.get()
        cls = type(v)
        handler, read = cache.get(cls) or handler_of(cls)
        if handler is not None:
            if targs:
                site.targs = evaluated(f, targs)
            result = handler(m, site, v, *values(f)) if readers else handler(m, site, v)
            return value_of(result) if read else result
        if cls is Opt or cls is Absent or v is None:
            if lvalue and cls is Opt and name == "value":
                return deref(m, v)
            return _optional(m, site, holder, v, name, values(f), called.on, f)
        if cls is str and name in TEXT_EDITS and isinstance(holder, Ref):
            holder.set(_edited(v, name, values(f)), site.mark)
            return holder
        return called.on(f, v)

    return _index(low, argument, place, run) if name == "index" and not args else run


def _index(low: Expressions, argument: Node, place: Closure, otherwise: Closure) -> Closure:
    """`v.index()` of a variant that the code itself made; `otherwise` where what it holds does not tell."""
    static = static_type(low, argument)
    owner, field = argument.child_by_field_name("argument"), argument.child_by_field_name("field")
    member = low.text(field) if field is not None else ""
    holder = low.lv(owner) if owner is not None and member and static is None else None

    def type_of(f: list[Value]) -> Type | None:
        owned = value_of(holder(f)) if holder is not None else None
        if not isinstance(owned, Struct) or owned.type is None:
            return static
        declared = low.interp.fields(owned.type).get(member)
        return low.interp.field_type(declared, {}, ()) if declared is not None else None

    def run(f: list[Value]) -> Value:
        v = value_of(place(f))
        type_ = type_of(f) if not hasattr(v, "index") else None
        told = alternative_index(f[0], v, type_) if type_ is not None and type_.name == "variant" else None
        return otherwise(f) if told is None else Val(told, mask(v) if isinstance(v, Val) else 0)

    return run


class _Method:
    """A method that is called somewhere."""

    __slots__ = (
        "cache",
        "discarded",
        "hints",
        "lvalue",
        "name",
        "nodes",
        "places",
        "readers",
        "site",
        "spread",
        "targs",
    )

    def __init__(
        self,
        low: Expressions,
        name: str,
        args: list[Node],
        targs: tuple[Any, ...],
        site: Site,
        readers: list[Closure],
        discarded: bool,
        lvalue: bool,
    ) -> None:
        self.name = name
        self.nodes = args
        self.targs = targs
        self.site = site
        self.readers = readers
        self.places = [lowered_argument(low, a) for a in args]
        self.hints = tuple(static_type(low, a) for a in args)
        self.discarded = discarded
        self.lvalue = lvalue
        self.spread = any(a.type == "parameter_pack_expansion" for a in args)
        self.cache: dict[type, tuple[Any, bool]] = {}

    def handler_of(self, cls: type) -> tuple[Any, bool]:
        """What handles the method on a class of values, and whether its result has to be read."""
        by_ref = find_method(cls, self.name, METHOD_REFS)
        handler = by_ref if by_ref is not None else find_method(cls, self.name, METHODS)
        counted = handler is None or (takes(handler, len(self.nodes)) and not self.spread)
        found = self.cache[cls] = (handler if counted else _Counting(handler), by_ref is not None and not self.lvalue)
        return found

    def references(self, f: list[Value]) -> list[Value]:
        """The arguments, as lvalues where they are any."""
        given = [p(f) for p in self.places]
        return spread_packs(given, self.nodes) if self.spread else given

    def values(self, f: list[Value]) -> list[Value]:
        """The values of the arguments."""
        given = [v.get() if isinstance(v := read(f), Ref) else v for read in self.readers]
        return spread_packs(given, self.nodes) if self.spread else given

    def on(self, f: list[Value], v: Value) -> Value:
        """Call it on any value but an optional."""
        m: Machine = f[0]
        if isinstance(v, (Pointer, Ptr)):
            v = value_of(deref(m, v, self.site.mark))
        handler, read = self.cache.get(type(v)) or self.handler_of(type(v))
        if handler is not None:
            if self.targs:
                self.site.targs = evaluated(f, self.targs)
            result = handler(m, self.site, v, *self.values(f))
            return value_of(result) if read else result
        if isinstance(v, Struct):
            called, result = self._on_struct(f, v)
            if called:
                return result
        if isinstance(v, Val):
            handler, _ = self.cache.get(type(v.v)) or self.handler_of(type(v.v))
            if handler is not None:
                return value_of(handler(m, self.site, v.v, *self.values(f)))
        return self._wrapped(f, v)

    def _on_struct(self, f: list[Value], v: Struct) -> tuple[bool, Value]:
        """Call a method of the tree, or a member that is a function; False when there is neither."""
        m: Machine = f[0]
        if v.type is not None and m.interp.methods(v.type, self.name):
            given = self.references(f)
            targs = evaluated(f, self.targs) if self.targs else ()
            code = m.interp.method(m, v, self.name, given, targs, self.hints)
            if code is not None:
                result = m.invoke(code, given, v, None, None, self.site.mark)
                return True, result if self.lvalue else value_of(result)
        found = v.fields.get(self.name)
        if not isinstance(found, (Lambda, FuncRef)):
            if v.type is None or self.name not in m.interp.fields(v.type):
                return False, None
            found = v.get(self.name)
        return True, value_of(m.call(found, self.references(f), self.site.mark))

    def _wrapped(self, f: list[Value], v: Value) -> Value:
        """What stands for its own wrapper: references, smart pointers, strong types, optionals that hold something."""
        name, alone = self.name, not self.nodes
        if alone and name in ("get", "unwrap", "id") and isinstance(v, (int, float, str, Val, Enum)):
            return v
        if alone and name == "get" and isinstance(v, Obj) and not isinstance(v, (Opt, Unknown)):
            # std::reference_wrapper, smart pointers
            return v
        if name in ("value", "value_or") and not isinstance(v, (Unknown, Opt)):
            return v
        if name == "has_value" and not isinstance(v, (Unknown, Opt)):
            return True
        if name == "operator()" and isinstance(v, (Lambda, FuncRef)):
            return value_of(f[0].call(v, self.references(f), self.site.mark))
        return self.on(f, v.v) if isinstance(v, Opt) else self._unknown(f, v)

    def _unknown(self, f: list[Value], v: Value) -> Value:
        """A method that nobody knows: what it is given may be written to."""
        m: Machine = f[0]
        given = self.references(f)
        if not isinstance(v, Unknown):
            writes = tuple(i for i, g in enumerate(given) if writable(value_of(g), self.discarded))
            m.unknown_call(f"{type(v).__name__}.{self.name}", given, writes)
        else:
            for item in given if self.discarded else ():
                inner = value_of(item)
                if isinstance(inner, Vec) or hasattr(inner, "escape"):
                    m.clobber(item, f"{v.key}.{self.name}")
        keys = ", ".join(key_of(value_of(g)) for g in given)
        return Unknown(f"{key_of(v)}.{self.name}({keys})", mask(v) | _masks(given))


def _edited(text: str, name: str, args: list[Value]) -> Value:
    """What a text is after a call that changes it; unknown where what is added is not known."""
    added = [plain(value_of(a)) for a in args]
    if len(added) == TEXT_EDITS[name] and all(isinstance(more, str) for more in added):
        return {"pop_back": text[:-1], "clear": ""}.get(name, text + "".join(added))
    return Unknown(f"{text}.{name}({', '.join(map(key_of, args))})", _masks(args))


TEXT_EDITS = {"append": 1, "push_back": 1, "pop_back": 0, "clear": 0}  # with how many arguments


def takes(handler: Any, count: int) -> bool:
    """Can a method's handler be given so many arguments?"""
    code = handler.__code__
    most = code.co_argcount - 3
    return most - len(handler.__defaults__ or ()) <= count and (count <= most or bool(code.co_flags & CO_VARARGS))


class _Counting:
    """A method's handler that is perhaps given more or fewer arguments than it takes: such a call is unknown."""

    __slots__ = ("handler",)

    def __init__(self, handler: Any) -> None:
        self.handler = handler

    def __call__(self, m: Machine, site: Site, v: Value, *args: Value) -> Value:
        if not takes(self.handler, len(args)):
            return m.unknown_call(f"{type(v).__name__}.{site.name}/{len(args)}", [v, *args])
        return self.handler(m, site, v, *args)


def _masks(given: list[Value]) -> int:
    p = 0
    for item in given:
        p |= mask(value_of(item))
    return p


def _optional(
    m: Machine,
    site: Site,
    holder: Value,
    v: Value,
    name: str,
    args: list[Value],
    on_inner: Callable[[list[Value], Value], Value],
    f: list[Value],
) -> Value:
    if name == "has_value":
        if isinstance(v, (Opt, Absent)):
            term = (
                v.t
                if isinstance(v.t, str) or v.t is None
                else ("!", Val(not isinstance(v, Opt), v.p, ("!", v.t, None)), None)
            )
            return Val(isinstance(v, Opt), v.p, term) if v.p else isinstance(v, Opt)
        return False
    if name == "value_or":
        chosen = v.v if isinstance(v, Opt) else args[0]
        p = v.p if isinstance(v, (Opt, Absent)) else 0
        if p and chosen is None:  # a null pointer that might be none
            return v
        if p and isinstance(chosen, (int, float, str, Enum)):
            return Val(chosen, p)
        if p and isinstance(chosen, Val):
            return Val(chosen.v, chosen.p | p, chosen.t)
        return chosen
    if name == "value" or (name == "get" and isinstance(v, Opt) and not isinstance(v.v, (Obj, Struct))):
        if isinstance(v, Opt):
            relied_on(m, v)
            return v.v
        raise null_use(m, v, "value()", site.mark)
    if name == "reset":
        if isinstance(holder, Ref):
            holder.set(None)
        return None
    if name == "emplace":
        made = args[0] if len(args) == 1 else InitList(args, [site.mark] * len(args), None, site.mark)
        if isinstance(holder, Ref):
            holder.set(Opt(copied(made)))
        elif isinstance(v, Opt):
            v.v = copied(made)
        return made
    if isinstance(v, Opt):
        relied_on(m, v)
        return on_inner(f, v.v)
    raise null_use(m, v, f"{name}()", site.mark)
