"""Lowering of calls: casts, checks, methods, known functions, functions of the tree, constructors, unknown ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from inspect import CO_VARARGS
from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp import build, ops, solving
from tt_cache_lint.interp.access import null_use, relied_on, value_of
from tt_cache_lint.interp.around import conditions_around, otherwise
from tt_cache_lint.interp.interrupts import CHECK, Thrown
from tt_cache_lint.interp.literals import LVALUES
from tt_cache_lint.interp.names import read
from tt_cache_lint.interp.refs import Pointer
from tt_cache_lint.interp.registry import CONSTRUCTORS, FUNCTIONS, METHOD_REFS, METHODS, Site, find_method
from tt_cache_lint.interp.scale import those_that_do
from tt_cache_lint.interp.statics import decltype, find_decltype, static_type
from tt_cache_lint.interp.types import STANDARD, Type
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
from tt_cache_lint.source.defs import EnumDef, StructDef, qualified

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.interp.expressions import Expressions
    from tt_cache_lint.interp.machine import Machine

Closure = Callable[[list[Value]], Any]
CASTS = {"static_cast", "const_cast", "dynamic_cast", "reinterpret_cast", "narrow_cast", "safe_cast"}
CHECKS = {"assert", "TT_FATAL", "TT_ASSERT", "TT_FATAL_IF_NOT", "TT_CHECK", "TT_ASSERT_MSG"}
DEBUG_ONLY = {"assert", "TT_ASSERT", "TT_ASSERT_MSG"}
THROWS = {"TT_THROW", "TT_ABORT", "abort", "terminate", "unreachable", "__builtin_unreachable"}
RESULT_ONLY = {("visit",)}  # functions whose template arguments only say what they return
TRANSPARENT = {"move", "forward", "as_const", "ref", "cref", "launder", "addressof", "copy_to_value"}
NO_EFFECT = {
    "log_debug",
    "log_info",
    "log_trace",
    "log_warning",
    "log_warn",
    "log_error",
    "log_fatal",
    "log_critical",
    "ZoneScoped",
    "ZoneScopedN",
    "TracyMessageL",
    "UNUSED",
    "ignore_unused",
}


def lower_call(low: Expressions, node: Node, discarded: bool, lvalue: bool) -> Closure:
    """A closure for a call expression."""
    target, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if target is None:
        return low.not_understood(node)
    args = [c for c in arguments.named_children if c.type != "comment"] if arguments is not None else []
    if arguments is not None and arguments.type == "initializer_list":
        args = list(arguments.named_children)
    kind = target.type
    if kind == "field_expression":
        return _method(low, node, target, args, discarded, lvalue)
    if kind == "primitive_type" or kind == "sized_type_specifier":
        type_ = low.scoping.type(target)
        values = [low.initialiser(a) for a in args]
        mark = low.mark(node)
        return lambda f: build.construct(f[0], type_, [v(f) for v in values], mark)
    if kind in ("identifier", "qualified_identifier", "template_function", "type_identifier", "template_type"):
        path, _ = qualified(low.file, target)
        return _named(low, node, target, path, args, discarded, lvalue)
    callee = low.ev(target)
    given = [_argument(low, a) for a in args]
    mark = low.mark(node)

    def run(f: list[Value]) -> Value:
        result = f[0].call(callee(f), [g(f) for g in given], mark)
        return result if lvalue else value_of(result)

    return run


def _argument(low: Expressions, node: Node) -> Closure:
    if node.type == "initializer_list":
        return low.initialiser(node)
    if node.type == "pointer_expression" or node.type in LVALUES:
        return low.lv(node)
    return low.ev(node)


def _value_argument(low: Expressions, node: Node) -> Closure:
    """Like `_argument` where only the value counts: names are read without making a reference first.

    Other lvalues stay as they are: lowering each of nested calls twice would take exponential time.
    """
    inner = node
    while inner.type == "field_expression":
        argument = inner.child_by_field_name("argument")
        if argument is None:
            break
        inner = argument
    return low.ev(node) if inner.type in ("identifier", "this") else _argument(low, node)


def _template_arguments(low: Expressions, target: Node) -> tuple[Any, ...]:
    last = target
    while last.type == "qualified_identifier":
        following = last.child_by_field_name("name")
        if following is None:
            return ()
        last = following
    if last.type not in ("template_function", "template_type", "template_method"):
        return ()
    given = last.child_by_field_name("arguments")
    if given is None:
        return ()
    result: list[Any] = []
    for child in (c for c in given.named_children if c.type != "comment"):
        if child.type in ("type_descriptor", "decltype"):
            text = low.text(child)
            subject = find_decltype(child)
            told = decltype(low, child) if subject is not None else None
            if told is not None:
                result.append(told)
                continue
            if text in low.decltypes or subject is not None:
                result.append(("d", low.decltypes[text] if subject is None else low.ev(subject), None))
                continue
            bound = low.scoping.templates.get(text)
            if bound is not None:
                result.append(bound)
                continue
            type_ = low.scoping.type(child)
            if (
                type_.decl is None
                and not type_.scalar
                and type_.name not in STANDARD
                and type_.name not in CONSTRUCTORS
            ):
                inner = child.child_by_field_name("type")
                if inner is not None and inner.type in ("type_identifier", "qualified_identifier"):
                    result.append(
                        ("?", low.ev_name(inner) if inner.type == "type_identifier" else low.ev(inner), type_)
                    )
                    continue
            result.append(type_)
        else:
            result.append(("!", low.ev(child), None))
    return tuple(result)


def _evaluated(f: list[Value], targs: tuple[Any, ...]) -> tuple[Any, ...]:
    found = []
    for targ in targs:
        if isinstance(targ, tuple) and targ[0] == "d":
            from tt_cache_lint.interp.overloads import type_of

            found.append(type_of(value_of(targ[1](f))) or Type("?"))
        elif isinstance(targ, tuple):
            value = plain(targ[1](f))
            found.append(targ[2] if targ[0] == "?" and isinstance(value, Unknown) else value)
        else:
            found.append(targ)
    return tuple(found)


def _named(
    low: Expressions,
    node: Node,
    target: Node,
    path: tuple[str, ...],
    args: list[Node],
    discarded: bool,
    lvalue: bool,
) -> Closure:
    name = path[-1] if path else ""
    if len(path) == 1:
        local = low.resolve(name)
        if local is not None:
            callee = read(*local)
            given = [_argument(low, a) for a in args]
            mark = low.mark(node)
            spread = any(a.type == "parameter_pack_expansion" for a in args)

            def run(f: list[Value]) -> Value:
                values = [g(f) for g in given]
                result = f[0].call(callee(f), _spread(values, args) if spread else values, mark)
                return result if lvalue else value_of(result)

            return run
    if name in CASTS and args:
        return _cast(low, target, args[0], name)
    if name in CHECKS and args:
        return _check(low, node, args[0])
    if name in THROWS:
        text, mark = low.text(node)[:160], low.mark(node)

        def throw(f: list[Value]) -> Value:
            raise f[0].thrown(text, mark)

        return throw
    if name in NO_EFFECT:
        return _logged(low, args)
    if name in TRANSPARENT and args:
        inner = low.lv(args[0]) if lvalue else low.ev(args[0])
        return inner
    if len(path) > 1 and path[-2] == "numeric_limits" and not args:
        limit = _limit(low, target, name)
        if limit is not None:
            return lambda f: limit
    return _free(low, node, target, path, args, discarded, lvalue)


def _logged(low: Expressions, args: list[Node]) -> Closure:
    """What a log call changes: nothing, but for variables counted up in its arguments, which debug checks rely on.

    Logs and debug checks (TT_ASSERT) are in a build both or neither; one without the other would fail.
    """
    changes = [low.ev(node) for arg in args for node in _changes(arg)]
    if not changes:
        return lambda f: None

    def run(f: list[Value]) -> None:
        for change in changes:
            change(f)

    return run


def _changes(node: Node) -> Iterator[Node]:
    if node.type in ("update_expression", "assignment_expression"):
        yield node
    elif node.type != "lambda_expression":
        for child in node.named_children:
            yield from _changes(child)


def _cast(low: Expressions, target: Node, arg: Node, name: str) -> Closure:
    given = _template_arguments(low, target)
    type_ = given[0] if given and isinstance(given[0], Type) else None
    if isinstance(given[0] if given else None, tuple):
        type_ = given[0][2]
    inner = low.initialiser(arg)
    if type_ is None:
        return inner
    if name == "reinterpret_cast" and type_.ptr:

        def reinterpret(f: list[Value]) -> Value:
            value = inner(f)
            if isinstance(value, (Pointer, Ptr)):
                from tt_cache_lint.interp.access import deref

                pointee = value_of(deref(f[0], value))
                bare = plain(pointee)
                if isinstance(bare, float):
                    bits: Value = ops.float_bits(bare)
                    if isinstance(pointee, Val):
                        bits = Val(bits, pointee.p, ("bits", pointee, None))
                    return Ptr(Vec([bits]), 0)
            return value

        return reinterpret
    enum = type_.decl if isinstance(type_.decl, EnumDef) else None
    if enum is not None:
        decl = enum
        return lambda f: build.enum_from_number(f[0], decl, inner(f))
    scalar = type_.scalar
    if scalar:
        return lambda f: ops.convert(f[0], inner(f), scalar)
    if type_.ref or type_.ptr:
        return low.lv(arg) if arg.type != "initializer_list" else inner
    kind = type_
    return lambda f: build.coerce(f[0], inner(f), kind)


def _check(low: Expressions, node: Node, arg: Node) -> Closure:
    condition = low.ev(arg)
    text = low.text(arg)[:160]
    key = f"{low.file.path}:{low.file.line(node)}"
    target = node.child_by_field_name("function")
    around = conditions_around(low, node)
    debug_only = target is not None and low.text(target) in DEBUG_ONLY

    def run(f: list[Value]) -> None:
        value = condition(f)
        if value is True:
            return
        m: Machine = f[0]
        if not ops.truth(m, value, touch=m.phase == "override"):
            if debug_only and m.phase == "override":
                return  # compiled out, so what follows runs on a hit (tt_stl/tt_stl/assert.hpp:155-168)
            p = value.p if isinstance(value, (Val, Unknown, Opt, Absent)) else 0
            if not m.checks and m.broke_before(f"{m.phase}: {key}", p):
                return
            repairs = those_that_do(value, True, solving.want(value, True))
            guessed = not repairs
            if guessed:
                latest = m.thrown(text)
                repairs, p = list(latest.repairs), p | latest.mask
            if not m.checks:
                m.violate(f"{m.phase}: {key}", repairs, p)
                return
            message, others = f"TT_FATAL({text})", otherwise(m, around)
            raise Thrown(message, p, tuple(repairs[:24]), guessed, others, kind=CHECK, mark=low.mark(node))

    return run


# -- methods ---------------------------------------------------------------------------------------------------------


def _method(low: Expressions, node: Node, target: Node, args: list[Node], discarded: bool, lvalue: bool) -> Closure:
    argument, field = target.child_by_field_name("argument"), target.child_by_field_name("field")
    if argument is None or field is None:
        return low.not_understood(node)
    targs: tuple[Any, ...] = ()
    if field.type in ("template_method", "template_function"):
        targs = _template_arguments(low, field)
        inner = field.child_by_field_name("name")
        field = inner if inner is not None else field
    name = low.text(field)
    if field.type == "dependent_name":
        name = low.text(field.named_children[-1]).split("<")[0]
    place = low.lv(argument)
    places = [_argument(low, a) for a in args]
    readers = [_value_argument(low, a) for a in args]
    hints = tuple(static_type(low, a) for a in args)
    site = low.site(node, name, (), args)
    cache: dict[type, tuple[Any, bool]] = {}
    spread = any(a.type == "parameter_pack_expansion" for a in args)

    def handler_of(cls: type) -> tuple[Any, bool]:
        """What handles the method on a class of values, and whether its result has to be read."""
        by_ref = find_method(cls, name, METHOD_REFS)
        handler = by_ref if by_ref is not None else find_method(cls, name, METHODS)
        counted = handler is None or (takes(handler, len(args)) and not spread)
        found = cache[cls] = (handler if counted else _Counting(handler), by_ref is not None and not lvalue)
        return found

    def references(f: list[Value]) -> list[Value]:
        return _spread([p(f) for p in places], args) if spread else [p(f) for p in places]

    def values(f: list[Value]) -> list[Value]:
        given = [v.get() if isinstance(v := read(f), Ref) else v for read in readers]
        return _spread(given, args) if spread else given

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
                site.targs = _evaluated(f, targs)
            result = handler(m, site, v, *values(f)) if readers else handler(m, site, v)
            return value_of(result) if read else result
        if cls is Opt or cls is Absent or v is None:
            return _optional(m, site, holder, v, name, values(f), run_on, f)
        return run_on(f, v)

    def run_on(f: list[Value], v: Value) -> Value:
        m: Machine = f[0]
        if isinstance(v, (Pointer, Ptr)):
            from tt_cache_lint.interp.access import deref

            v = value_of(deref(m, v, site.mark))
        handler, read = cache.get(type(v)) or handler_of(type(v))
        if handler is not None:
            if targs:
                site.targs = _evaluated(f, targs)
            result = handler(m, site, v, *values(f))
            return value_of(result) if read else result
        if isinstance(v, Struct):
            if v.type is not None and m.interp.methods(v.type, name):
                given = references(f)
                code = m.interp.method(m, v, name, given, _evaluated(f, targs) if targs else (), hints)
                if code is not None:
                    result = m.invoke(code, given, v, None, None, site.mark)
                    return result if lvalue else value_of(result)
            found = v.fields.get(name)
            if isinstance(found, (Lambda, FuncRef)):
                return value_of(m.call(found, references(f), site.mark))
            if name in m.interp.fields(v.type) if v.type is not None else False:
                return value_of(m.call(v.get(name), references(f), site.mark))
        if isinstance(v, Val):
            handler, _ = cache.get(type(v.v)) or handler_of(type(v.v))
            if handler is not None:
                return value_of(handler(m, site, v.v, *values(f)))
        if isinstance(v, (int, float, str, Val, Enum)) and name in ("get", "unwrap", "id") and not args:
            return v
        if name == "get" and not args and isinstance(v, (Struct, Vec)):  # std::reference_wrapper, smart pointers
            return v
        if name in ("value", "value_or") and not isinstance(v, (Unknown, Opt)):
            return v
        if name == "has_value" and not isinstance(v, (Unknown, Opt)):
            return True
        if name == "operator()" and isinstance(v, (Lambda, FuncRef)):
            return value_of(m.call(v, references(f), site.mark))
        if isinstance(v, Opt):
            return run_on(f, v.v)
        if isinstance(v, Unknown):
            given = references(f)
            if discarded:
                result_key = f"{v.key}.{name}"
                for item in given:
                    inner_value = value_of(item)
                    if isinstance(inner_value, Vec) or hasattr(inner_value, "escape"):
                        m.clobber(item, result_key)
            keys = ", ".join(key_of(value_of(g)) for g in given)
            return Unknown(f"{v.key}.{name}({keys})", v.p | _masks(given))
        given = references(f)
        label = f"{type(v).__name__}.{name}"
        writes = tuple(i for i, g in enumerate(given) if _writable(value_of(g), discarded))
        m.unknown_call(label, given, writes)
        return Unknown(f"{key_of(v)}.{name}({', '.join(key_of(value_of(g)) for g in given)})", mask(v) | _masks(given))

    return run


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


# -- free functions --------------------------------------------------------------------------------------------------


def _free(
    low: Expressions,
    node: Node,
    target: Node,
    path: tuple[str, ...],
    args: list[Node],
    discarded: bool,
    lvalue: bool,
) -> Closure:
    name = path[-1] if path else low.text(target)
    targs = () if path[-1:] in RESULT_ONLY else _template_arguments(low, target)
    site = low.site(node, name, (), args)
    interp, scoping, owner, file = low.interp, low.scoping, low.owner, low.file
    count = len(args)
    spread = any(a.type == "parameter_pack_expansion" for a in args)

    known = FUNCTIONS.get(name)
    local_file = interp.defined_in(scoping.file.path, name)
    if known is not None and known.arity[0] <= count <= known.arity[1] and not local_file and known.accepts is None:
        handler, by_ref = known.handler, known.refs
        given_args = [_argument(low, a) if by_ref else low.initialiser(a) for a in args]

        def run_known(f: list[Value]) -> Value:
            if targs:
                site.targs = _evaluated(f, targs)
            given = [a(f) for a in given_args]
            result = handler(f[0], site, _spread(given, args) if spread else given)
            return result if lvalue else value_of(result)

        return run_known
    candidates: list[Any] = []
    resolved: list[Any] = []
    hints = () if spread else tuple(static_type(low, a) for a in args)
    holder = _class_named(low, target)

    def class_arguments(function: Any) -> dict[str, Any] | None:
        """The template arguments of the class a static or own method is called on."""
        if not function.template:
            return None
        if holder is not None and isinstance(holder.decl, StructDef):
            given = build.template_arguments(holder.decl, holder.args)
            return dict(interp.class_arguments(function, holder.decl, given))
        if owner is not None and not holder and scoping.templates and interp.owner_of(function) is not None:
            own = {k: v for k, v in scoping.templates.items() if k in owner.template}
            return dict(interp.class_arguments(function, owner, own))
        return None

    places = [_argument(low, a) for a in args]

    def references(f: list[Value]) -> list[Value]:
        return _spread([p(f) for p in places], args) if spread else [p(f) for p in places]

    def run(f: list[Value]) -> Value:
        m: Machine = f[0]
        if known is not None and known.accepts is not None and known.arity[0] <= count <= known.arity[1]:
            given_values = [value_of(p(f)) for p in places]
            if known.accepts(given_values):
                return value_of(known.handler(m, site, given_values))
        expanded = references(f) if spread else None  # how many arguments a pack makes is known here only
        if not resolved or expanded is not None:
            resolved.clear()
            made = interp.type_called(path, scoping) if name in CONSTRUCTORS and not local_file else None
            if made is None:
                candidates[:] = interp.candidates(path, scoping, owner, count if expanded is None else len(expanded))
            if interp.told is not None:
                candidates[:] = interp.told.candidates(file, target, candidates)
            resolved.append(True)
            if not candidates:
                made = made if made is not None else interp.type_called(path, scoping)
                resolved.append(made)
                resolved.append(interp.written_by_prototype(path, scoping, count) if made is None else None)
        given_targs = _evaluated(f, targs) if targs else ()
        if candidates:
            given = references(f) if expanded is None else expanded
            function = candidates[0] if len(candidates) == 1 else interp.overload(m, candidates, given)
            if function is not None:
                code = interp.code(m, function, given_targs, given, class_arguments(function), None, hints)
                this = f[2] if not function.is_static and function.scope and owner is not None else None
                result = m.invoke(code, given, this, None, None, site.mark)
                return result if lvalue else value_of(result)
        elif resolved[1] is not None:
            type_: Type = resolved[1]
            if given_targs:
                type_ = Type(type_.name, given_targs, type_.decl)
            return build.construct(m, type_, references(f) if expanded is None else expanded, site.mark)
        given = references(f) if expanded is None else expanded
        if not candidates and (held := interp.function_object(m, path, scoping)) is not None:
            return value_of(m.call(held, given, site.mark))
        if known is not None and known.arity[0] <= count <= known.arity[1] and known.accepts is None:
            return value_of(known.handler(m, site, given if known.refs else [value_of(g) for g in given]))
        writes = resolved[2] if len(resolved) > 2 else None
        if writes is None:
            writes = tuple(i for i, g in enumerate(given) if _writable(value_of(g), discarded))
        label = "::".join(path[-2:]) if len(path) > 1 else name
        return m.unknown_call(label, given, writes)

    return run


def _class_named(low: Expressions, target: Node) -> Type | None:
    """The class whose static method is called: `S<true>` of `S<true>::create`."""
    node = target
    path: tuple[str, ...] = ()
    args: tuple[Any, ...] = ()
    while node.type == "qualified_identifier":
        scope, following = node.child_by_field_name("scope"), node.child_by_field_name("name")
        if scope is not None:
            if scope.type == "template_type":
                args = low.scoping.type(scope).args
                scope = scope.child_by_field_name("name")
            path = (*path, low.text(scope)) if scope is not None else path
        if following is None:
            return None
        node = following
    return low.scoping.named(path, args) if path else None


def _limit(low: Expressions, target: Node, name: str) -> int | float | None:
    """`std::numeric_limits<T>::max()` and the like; None where the type is not known."""
    type_ = _class_named(low, target)
    kind = type_.args[0] if type_ is not None and type_.args else None
    if not isinstance(kind, Type) or not kind.scalar:
        return None
    form = ops.INTEGERS.get(kind.scalar)
    if form is None and kind.scalar == "float":
        return _FLOAT_LIMITS.get((kind.name, name))
    if form is None:
        return {"max": 1, "min": 0, "lowest": 0}.get(name)
    bits, signed = form
    if name == "max":
        return (1 << bits - signed) - 1
    return -(1 << bits - 1) * signed if name in ("min", "lowest") else None


_FLOAT_LIMITS = {
    ("float", "max"): 3.4028234663852886e38,
    ("float", "lowest"): -3.4028234663852886e38,
    ("float", "min"): 1.1754943508222875e-38,
    ("double", "max"): 1.7976931348623157e308,
    ("double", "lowest"): -1.7976931348623157e308,
    ("double", "min"): 2.2250738585072014e-308,
    ("double", "epsilon"): 2.220446049250313e-16,
}


def _writable(value: Value, discarded: bool) -> bool:
    if hasattr(value, "escape"):
        return True
    return discarded and isinstance(value, (Vec, Struct))


def _spread(values: list[Value], args: list[Node]) -> list[Value]:
    result: list[Value] = []
    for value, arg in zip(values, args, strict=False):
        inner = value_of(value)
        if arg.type == "parameter_pack_expansion" and isinstance(inner, Vec):
            result.extend(inner.items)
        else:
            result.append(value)
    return result


__all__ = ["StructDef", "lower_call"]
