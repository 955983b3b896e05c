"""Where callback factories are: the functions that return a program with its callback, and the ops that call them.

An op of this infra is a class with a member `create_program` (or `create_program_at`, one program for each mesh
coordinate). It builds the program itself, or picks one of several functions that do. Each function that builds one is a
factory of each op that can reach it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from tt_cache_lint.factory.found import Factory, Operation
from tt_cache_lint.factory.reach import Way, alternatives, asked_types, both, ways_to
from tt_cache_lint.infra.callback_launches import inputs_given
from tt_cache_lint.infra.callback_lists import CALLABLE, MAKERS, NAMES, callee_of, of_this, sizes, walk
from tt_cache_lint.interp.types import AUTO, Type
from tt_cache_lint.source.declarators import qualified
from tt_cache_lint.source.defs import FunctionDef, Scope, StructDef

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.factory.find import Finder

# What such a function returns (tt_eager/tt_dnn/op_library/operation.hpp, later ttnn/api/ttnn/operation.hpp).
RESULTS = ("ProgramWithCallbacks", "ProgramWithOptionalOutputTensors", "CacheableProgram")
RESULT_BYTES = (*(name.encode() for name in RESULTS), b"CacheableMeshWorkload")
METHODS = (
    *MAKERS,
    "validate",
    "validate_with_output_tensors",
    "compute_output_shapes",
    "compute_output_specs",
    "create_output_tensors",
    "compute_program_hash",
)
# Where ops have lived, newest first; a function may be called from the op of another folder.
OP_ROOTS = ("ttnn/cpp", "tt_eager/tt_dnn", "tt_eager/tensor", "libs/tt_dnn", "tt-train/sources")
OPT_IN = "supports_program_caching"
DEPTH = 4
MOST_BYTES = 4_000_000  # of a file that is looked at


@dataclass(slots=True)
class Route:
    """How an op gets to a factory: the functions on the way, the op's own member first, the factory last."""

    op: StructDef
    steps: tuple[FunctionDef, ...]


@dataclass(slots=True, eq=False)
class CallbackFactory(Factory):
    """A function that builds a program with its callback, as one op reaches it."""

    route: tuple[FunctionDef, ...] = ()
    maker: FunctionDef | None = None
    sizes: dict[str, int] = field(default_factory=dict)
    demands: list[Way] = field(default_factory=list)  # how conditions may go on the route, by place
    hints: dict[str, tuple[tuple[Any, ...], str]] = field(default_factory=dict)  # facts that the route needs, in words


class Search:
    """Finds callback factories; one for each tree."""

    def __init__(self, finder: Finder) -> None:
        self.finder = finder
        self.interp = finder.interp
        self.index = finder.index
        self.tree = finder.tree
        self._texts: dict[str, bytes] | None = None
        self._ops: dict[StructDef, Operation] = {}
        self._returning: dict[tuple[str, str], bool] = {}

    def in_file(self, path: str) -> list[Factory]:
        """The factories that the file defines, one for each op that reaches them."""
        defs = self.index.defs(path)
        if defs is None:
            return []
        found: list[Factory] = []
        for group in defs.functions.values():
            for function in group:
                if returns_program(function) and function.body is not None and self.builds(function):
                    found += self.factories(function)
        return sorted(found, key=lambda f: (f.line, f.name))

    def factories(self, function: FunctionDef) -> Iterator[Factory]:
        routes = list(self.routes(function))
        for route in routes:
            yield self.factory(function, route)
        if not routes:
            yield CallbackFactory(
                "::".join((*function.scope[-1:], function.name)) if self.interp.owner_of(function) else function.name,
                "callback",
                function,
                None,
                None,
                None,
                None,
                AUTO,
                AUTO,
                AUTO,
                [{}],
            )

    def factory(self, function: FunctionDef, route: Route) -> Factory:
        op = self.operation(route.op)
        hints = {key: (choices, words) for key, choices, words in self.hints(route)}
        return CallbackFactory(
            f"{route.op.name}::{function.name}",
            "callback",
            function,
            None,
            route.op,
            None,
            op,
            Type(route.op.name, (), route.op),
            AUTO,
            AUTO,
            [{}],
            route=route.steps,
            maker=route.steps[0],
            sizes=sizes(op, partial(self.interp.methods, route.op), inputs_given(self.interp, route.op)),
            hints=hints,
            needs={key: choices[0] for key, (choices, _) in hints.items()},
            demands=self.demands(route),
            skip=self.uncached(op),
        )

    def uncached(self, op: Operation) -> str:
        """Why programs of an op are never cached: until 2023-07 those of ops without a hash of their own were not
        (run_operation.cpp:159 and operation.hpp:265 of 2023-07-01)."""
        if "compute_program_hash" in op.methods:
            return ""
        mentioning = (path for path, text in self.texts(op.struct.file.path).items() if OPT_IN.encode() in text)
        for defs in map(self.index.defs, mentioning):
            if defs is not None and OPT_IN in defs.functions:
                return "its programs are never cached: the op has no compute_program_hash()"
        return ""

    def demands(self, route: Route) -> list[Way]:
        """The ways in which the conditions around the calls of a route can go."""
        found: list[Way] = [{}]
        for caller, callee in itertools.pairwise(route.steps):
            call = next(calls_of(caller, callee.name), None)
            if call is not None:
                found = both(found, ways_to(self.index, caller, call))
        return found

    def hints(self, route: Route) -> Iterator[tuple[str, tuple[Any, ...], str]]:
        """Which alternative of a variant among the attributes the route needs, as choices with the right one first and
        the names of all.

        `if constexpr (std::is_same_v<T, X>)` around a call of the route asks for the alternative X.
        """
        asked: set[str] = set()
        for caller, callee in itertools.pairwise(route.steps):
            for call in calls_of(caller, callee.name):
                asked |= asked_types(caller, call)
        yield from alternatives(self.interp, route.op, "operation_attributes", asked)

    def operation(self, struct: StructDef) -> Operation:
        found = self._ops.get(struct)
        if found is None:
            found = self._ops[struct] = Operation(struct)
            for name in METHODS:
                methods = [f for f in self.interp.methods(struct, name) if f.body is not None]
                if methods:
                    found.methods[name] = methods[0]
        return found

    # -- who calls whom --------------------------------------------------------------------------------------------

    def builds(self, function: FunctionDef) -> bool:
        """Does the function build a program, instead of only handing on what another one returns?"""
        values = list(returned(function))
        return not values or not all(self.hands_on(function, value) for value in values)

    def hands_on(self, function: FunctionDef, value: Node) -> bool:
        if value.type == "identifier":
            name = function.file.text_of(value)
            made = [v for v in initialisers(function, name) if v.type == "call_expression"]
            return bool(made) and self.hands_on(function, made[0])
        if value.type == "conditional_expression":
            parts = (value.child_by_field_name("consequence"), value.child_by_field_name("alternative"))
            return all(p is not None and self.hands_on(function, p) for p in parts)
        if value.type == "initializer_list" and len(value.named_children) < 2:  # braces around nothing make nothing
            return all(self.hands_on(function, child) for child in value.named_children)
        if value.type != "call_expression":
            return False
        target = value.child_by_field_name("function")
        if target is not None and target.type == "field_expression":
            # Another member makes it, or, in a type-erased op, the one inside.
            field = target.child_by_field_name("field")
            made_inside = field is not None and self.is_result(function.file.text_of(field), function.file.path)
            return of_this(target) or made_inside
        if target is None or target.type not in CALLABLE:
            return False
        path, _ = qualified(function.file, target)
        if path and path[-1] == "move":
            arguments = value.child_by_field_name("arguments")
            inner = arguments.named_children if arguments is not None else []
            return len(inner) == 1 and self.hands_on(function, inner[0])
        if path and path[-1] == "visit":  # what the visitor returns, for any alternative
            visitors = [n for n in walk(value) if n.type == "lambda_expression"]
            values = [r for v in visitors for b in [v.child_by_field_name("body")] if b is not None for r in returns(b)]
            return bool(values) and all(self.hands_on(function, r) for r in values)
        return bool(path) and self.is_result(path[-1], function.file.path)

    def is_result(self, name: str, at: str) -> bool:
        """Is there a function of this name that returns a program?"""
        key = (name, at)
        if key not in self._returning:
            known = [*self.index.functions(name, at), *self.index.declarations(name, at)]
            self._returning[key] = any(returns_program(f) for f in known)
        return self._returning[key]

    def routes(self, function: FunctionDef) -> Iterator[Route]:
        """The ops that reach a function, each by its shortest way."""
        queue: list[tuple[FunctionDef, ...]] = [(function,)]
        seen = {id(function)}
        ops: set[int] = set()
        while queue:
            steps = queue.pop(0)
            head = steps[0]
            owner = self.interp.owner_of(head) if head.name in MAKERS else None
            if owner is not None:
                if id(owner) not in ops:
                    ops.add(id(owner))
                    yield Route(owner, steps)
                continue
            if len(steps) > DEPTH:
                continue
            for caller in self.callers(head):
                if id(caller) not in seen:
                    seen.add(id(caller))
                    queue.append((caller, *steps))

    def callers(self, function: FunctionDef) -> Iterator[FunctionDef]:
        """The functions returning a program that call a function."""
        word = function.name.encode()
        for path, text in self.texts(function.file.path).items():
            if word not in text:
                continue
            defs = self.index.defs(path)
            for group in defs.functions.values() if defs is not None else ():
                for candidate in group:
                    if candidate is function or candidate.body is None:
                        continue
                    if candidate.name != MAKERS[-1] and not returns_program(candidate):
                        continue
                    paths = {path for path, _ in mentions(candidate) if path and path[-1] == function.name}
                    if any(self.means(candidate, path, function) for path in paths):
                        yield candidate

    def means(self, caller: FunctionDef, path: Scope, function: FunctionDef) -> bool:
        """Can a name in the caller mean this function?"""
        visible = self.index.functions(function.name, caller.file.path, caller.scope, path[:-1])
        fitting = [f for f in visible if _reaches(caller, path, f)]
        if fitting or _reaches(caller, path, function):
            return any(f is function for f in fitting)
        return caller.file.path == function.file.path or any(f is function for f in visible) or not visible

    def texts(self, near: str) -> dict[str, bytes]:
        """The files that may define ops of this infra, with their bytes."""
        if self._texts is None:
            self._texts = {}
            for top in OP_ROOTS:
                self._read(top)
        top = near.rpartition("/")[0]
        if near not in self._texts and not near.startswith(OP_ROOTS):
            self._read(top)
        return self._texts

    def _read(self, top: str) -> None:
        assert self._texts is not None
        self._texts.update(self.tree.holding(top, RESULT_BYTES, MOST_BYTES))


def returns_program(function: FunctionDef) -> bool:
    """Is a program with its callback what the function returns?"""
    if function.returns is None or function.returns_ref:  # what a reference refers to was made before
        return False
    text = function.file.text_of(function.returns)
    return text.partition("<")[0].rpartition("::")[2].strip() in RESULTS


def returned(function: FunctionDef) -> Iterator[Node]:
    """What the return statements of a function give."""
    if function.body is not None:
        yield from returns(function.body)


def returns(body: Node) -> Iterator[Node]:
    """What the return statements of a body give, those of lambdas in it aside."""
    for node in walk(body):
        if node.type == "return_statement" and node.named_children:
            yield node.named_children[0]


def initialisers(function: FunctionDef, name: str) -> Iterator[Node]:
    """What a local variable is initialised with."""
    if function.body is None:
        return
    for node in walk(function.body):
        if node.type == "init_declarator":
            declarator, value = node.child_by_field_name("declarator"), node.child_by_field_name("value")
            if declarator is not None and value is not None and function.file.text_of(declarator) == name:
                yield value


def calls_of(caller: FunctionDef, callee: str) -> Iterator[Node]:
    """The calls of a function in a body, by its last name, and where it is handed to another function."""
    return (node for path, node in mentions(caller) if path and path[-1] == callee)


def called(function: FunctionDef) -> set[str]:
    """The last names of all functions that a body calls or may hand to what it calls."""
    return {path[-1] for path, _ in mentions(function) if path}


def mentions(function: FunctionDef) -> Iterator[tuple[Scope, Node]]:
    """The calls in a body by the name of what is called, and the arguments that are a mere name."""
    if function.body is None:
        return
    for node in walk(function.body, into_lambdas=True):
        if node.type == "call_expression":
            yield callee_of(function, node), node
        elif node.type in NAMES and node.parent is not None and node.parent.type == "argument_list":
            yield qualified(function.file, node)[0], node


def _reaches(caller: FunctionDef, path: Scope, function: FunctionDef) -> bool:
    """Does a name lead to the function by the rules of scopes alone, using directives aside?"""
    scope, qualifier = function.scope, path[:-1]
    if qualifier:
        return scope[-len(qualifier) :] == qualifier
    return caller.scope[: len(scope)] == scope
