"""Lowering of calls: casts, checks, methods, known functions, functions of the tree, constructors, unknown ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tt_cache_lint.interp import build, ops
from tt_cache_lint.interp.access import value_of
from tt_cache_lint.interp.call_arguments import evaluated, lowered_argument, spread_packs, template_arguments, writable
from tt_cache_lint.interp.casts import CASTS, CHECKS, cast, check
from tt_cache_lint.interp.method_calls import method_call
from tt_cache_lint.interp.names import Closure, read
from tt_cache_lint.interp.registry import CONSTRUCTORS, FUNCTIONS, STATICS, Site
from tt_cache_lint.interp.statics import static_type
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import Value
from tt_cache_lint.source.declarators import qualified
from tt_cache_lint.source.defs import FunctionDef, StructDef

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.interp.expressions import Expressions
    from tt_cache_lint.interp.machine import Machine

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
        return method_call(low, node, target, args, discarded, lvalue)
    if kind == "primitive_type" or kind == "sized_type_specifier":
        type_ = low.scoping.type(target)
        values = [low.initialiser(a) for a in args]
        mark = low.mark(node)
        return lambda f: build.construct(f[0], type_, [v(f) for v in values], mark)
    if kind in ("identifier", "qualified_identifier", "template_function", "type_identifier", "template_type"):
        path = low.scoping.spelt(qualified(low.file, target)[0])
        return _named(low, node, target, path, args, discarded, lvalue)
    callee = low.ev(target)
    given = [lowered_argument(low, a) for a in args]
    mark = low.mark(node)

    def run(f: list[Value]) -> Value:
        result = f[0].call(callee(f), [g(f) for g in given], mark)
        return result if lvalue else value_of(result)

    return run


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
            given = [lowered_argument(low, a) for a in args]
            mark = low.mark(node)
            spread = any(a.type == "parameter_pack_expansion" for a in args)

            def run(f: list[Value]) -> Value:
                values = [g(f) for g in given]
                result = f[0].call(callee(f), spread_packs(values, args) if spread else values, mark)
                return result if lvalue else value_of(result)

            return run
    if name in CASTS and args:
        return cast(low, target, args[0], name)
    if name in CHECKS and args:
        return check(low, node, args[0])
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
    """A call of a function by its name: one that is known, one of the tree, a class, or one that nobody knows."""
    name = path[-1] if path else low.text(target)
    targs = () if path[-1:] in RESULT_ONLY else template_arguments(low, target)
    site = low.site(node, name, (), args)
    known = FUNCTIONS.get(name)
    local_file = low.interp.defined_in(low.scoping.file.path, name)
    if known is None or not known.arity[0] <= len(args) <= known.arity[1] or local_file or known.accepts is not None:
        return _CallByName(low, target, path, args, targs, site, discarded, lvalue).run
    spread = any(a.type == "parameter_pack_expansion" for a in args)
    handler, by_ref = known.handler, known.refs
    given_args = [lowered_argument(low, a) if by_ref else low.initialiser(a) for a in args]

    def run_known(f: list[Value]) -> Value:
        if targs:
            site.targs = evaluated(f, targs)
        given = [a(f) for a in given_args]
        result = handler(f[0], site, spread_packs(given, args) if spread else given)
        return result if lvalue else value_of(result)

    return run_known


class _CallByName:
    """A name that is called somewhere. What it means is looked up when it is first called.

    `candidates` are the functions of the tree that it may mean, `made` the class that it is, and `writes` the arguments
    that a function without a body writes to.
    """

    __slots__ = (
        "args",
        "candidates",
        "discarded",
        "file",
        "hints",
        "holder",
        "interp",
        "known",
        "local",
        "lvalue",
        "made",
        "owner",
        "path",
        "places",
        "resolved",
        "scoping",
        "site",
        "spread",
        "static",
        "target",
        "targs",
        "writes",
    )

    def __init__(
        self,
        low: Expressions,
        target: Node,
        path: tuple[str, ...],
        args: list[Node],
        targs: tuple[Any, ...],
        site: Site,
        discarded: bool,
        lvalue: bool,
    ) -> None:
        self.interp, self.scoping, self.owner, self.file = low.interp, low.scoping, low.owner, low.file
        self.target, self.path, self.args, self.targs, self.site = target, path, args, targs, site
        self.discarded, self.lvalue = discarded, lvalue
        known = FUNCTIONS.get(site.name)
        self.known = known if known is not None and known.arity[0] <= len(args) <= known.arity[1] else None
        self.local = low.interp.defined_in(low.scoping.file.path, site.name)
        self.spread = any(a.type == "parameter_pack_expansion" for a in args)
        self.hints = () if self.spread else tuple(static_type(low, a) for a in args)
        self.holder = _class_named(low, target)
        self.static = STATICS.get((self.holder.name, site.name)) if self.holder is not None else None
        self.places = [lowered_argument(low, a) for a in args]
        self.resolved = False
        self.candidates: list[FunctionDef] = []
        self.made: Type | None = None
        self.writes: tuple[int, ...] | None = None

    def references(self, f: list[Value]) -> list[Value]:
        """The arguments, as lvalues where they are any."""
        given = [p(f) for p in self.places]
        return spread_packs(given, self.args) if self.spread else given

    def run(self, f: list[Value]) -> Value:
        """Call it."""
        m: Machine = f[0]
        site, known, interp = self.site, self.known, self.interp
        if self.static is not None:
            return value_of(self.static(m, site, self.holder, [p(f) for p in self.places]))
        if known is not None and known.accepts is not None:
            given_values = [value_of(p(f)) for p in self.places]
            if known.accepts(given_values):
                return value_of(known.handler(m, site, given_values))
        expanded = self.references(f) if self.spread else None  # how many a pack makes is known here only
        if not self.resolved or expanded is not None:
            self.resolve(len(self.args) if expanded is None else len(expanded))
        targs = evaluated(f, self.targs) if self.targs else ()
        given = self.references(f) if expanded is None else expanded
        if self.candidates:
            function = self.candidates[0]
            if len(self.candidates) > 1:
                function = interp.overload(m, self.candidates, given) or function
            code = interp.code(m, function, targs, given, self.class_arguments(function), None, self.hints)
            this = f[2] if not function.is_static and function.scope and self.owner is not None else None
            result = m.invoke(code, given, this, None, None, site.mark)
            return result if self.lvalue else value_of(result)
        if self.made is not None:
            made = Type(self.made.name, targs, self.made.decl) if targs else self.made
            return build.construct(m, made, given, site.mark)
        held = interp.function_object(m, self.path, self.scoping)
        if held is not None:
            return value_of(m.call(held, given, site.mark))
        if known is not None and known.accepts is None:
            return value_of(known.handler(m, site, given if known.refs else [value_of(g) for g in given]))
        writes = self.writes
        if writes is None:
            writes = tuple(i for i, g in enumerate(given) if writable(value_of(g), self.discarded))
        return m.unknown_call("::".join(self.path[-2:]) if len(self.path) > 1 else site.name, given, writes)

    def resolve(self, count: int) -> None:
        """Look up what the name means with so many arguments."""
        interp, scoping, path, name = self.interp, self.scoping, self.path, self.site.name
        made = interp.type_called(path, scoping) if name in CONSTRUCTORS and not self.local else None
        found = self._of_instance(count)
        if not found and made is None:
            found = interp.candidates(path, scoping, self.owner, count)
        if interp.told is not None:
            found = interp.told.candidates(self.file, self.target, found)
        self.resolved, self.candidates, self.made, self.writes = True, found, None, None
        if not found:
            self.made = made if made is not None else interp.type_called(path, scoping)
            if self.made is None:
                self.writes = interp.written_by_prototype(path, scoping, len(self.args))

    def _of_instance(self, count: int) -> list[FunctionDef]:
        """The methods of a specialisation that is named with its arguments."""
        decl = self.holder.decl if self.holder is not None else None
        special = isinstance(decl, StructDef) and bool(decl.pattern)
        return self.interp.visible_methods(decl, self.site.name, count) if special else []

    def class_arguments(self, function: FunctionDef) -> dict[str, Any] | None:
        """The template arguments of the class a static or own method is called on."""
        interp, scoping, owner, holder = self.interp, self.scoping, self.owner, self.holder
        if not function.template:
            return None
        if holder is not None and isinstance(holder.decl, StructDef):
            given = build.template_arguments(holder.decl, holder.args)
            return dict(interp.class_arguments(function, holder.decl, given))
        if owner is not None and not holder and scoping.templates and interp.owner_of(function) is not None:
            own = {k: v for k, v in scoping.templates.items() if k in owner.template}
            return dict(interp.class_arguments(function, owner, own))
        return None


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
