"""Where callback factories are: the functions that return a program with its callback, and the ops that call them.

An op of this infra is a class with a member `create_program` (or `create_program_at`, one program for each mesh
coordinate). It builds the program itself, or picks one of several functions that do. Each function that builds one is a
factory of each op that can reach it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tt_cache_lint.factory.found import Factory, Operation
from tt_cache_lint.interp.types import AUTO, Type
from tt_cache_lint.source.defs import FunctionDef, StructDef, qualified

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.factory.find import Finder

# What such a function returns (tt_eager/tt_dnn/op_library/operation.hpp, later ttnn/api/ttnn/operation.hpp).
RESULTS = ("ProgramWithCallbacks", "ProgramWithOptionalOutputTensors", "CacheableProgram")
RESULT_BYTES = tuple(name.encode() for name in RESULTS)
MAKERS = ("create_program", "create_program_at")
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
DEPTH = 4
PROGRAM_TYPES = ("Program",)


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


class Search:
    """Finds callback factories; one for each tree."""

    def __init__(self, finder: Finder) -> None:
        self.finder = finder
        self.interp = finder.interp
        self.index = finder.index
        self.tree = finder.tree
        self._texts: dict[str, bytes] | None = None
        self._ops: dict[int, Operation] = {}
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
            sizes=sizes(op, function),
        )

    def operation(self, struct: StructDef) -> Operation:
        found = self._ops.get(id(struct))
        if found is None:
            found = self._ops[id(struct)] = Operation(struct)
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
        if value.type == "initializer_list" and len(value.named_children) == 1:
            return self.hands_on(function, value.named_children[0])
        if value.type != "call_expression":
            return False
        target = value.child_by_field_name("function")
        if target is None or target.type not in ("identifier", "qualified_identifier", "template_function"):
            return False
        path, _ = qualified(function.file, target)
        if path and path[-1] == "move":
            arguments = value.child_by_field_name("arguments")
            inner = arguments.named_children if arguments is not None else []
            return len(inner) == 1 and self.hands_on(function, inner[0])
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
                    if candidate is function or candidate.body is None or not returns_program(candidate):
                        continue
                    if function.name in called(candidate) and self.means(candidate, function):
                        yield candidate

    def means(self, caller: FunctionDef, function: FunctionDef) -> bool:
        """Can the name in the caller mean this function?"""
        if caller.file.path == function.file.path:
            return True
        visible = self.index.functions(function.name, caller.file.path, caller.scope)
        return any(f is function for f in visible) or not visible

    def texts(self, near: str) -> dict[str, bytes]:
        """The files that may define ops of this infra, with their bytes."""
        if self._texts is None:
            self._texts = {}
            for top in OP_ROOTS:
                if (self.tree.root / top).is_dir():
                    self._read(top)
        top = near.rpartition("/")[0]
        if near not in self._texts and not near.startswith(OP_ROOTS):
            self._read(top)
        return self._texts

    def _read(self, top: str) -> None:
        assert self._texts is not None
        for path in self.tree.walk(top):
            text = _bytes(self.tree.root / path)
            if any(word in text for word in RESULT_BYTES):
                self._texts[path] = text


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.is_file() and path.stat().st_size < 4_000_000 else b""
    except OSError:
        return b""


def returns_program(function: FunctionDef) -> bool:
    """Is a program with its callback what the function returns?"""
    if function.returns is None:
        return False
    text = function.file.text_of(function.returns)
    return text.partition("<")[0].rpartition("::")[2].strip() in RESULTS


def walk(node: Node, into_lambdas: bool = False) -> Iterator[Node]:
    """The nodes of a body in source order."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        if current.type != "lambda_expression" or into_lambdas:
            stack.extend(reversed(current.named_children))


def returned(function: FunctionDef) -> Iterator[Node]:
    """What the return statements of a function give."""
    if function.body is None:
        return
    for node in walk(function.body):
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


def called(function: FunctionDef) -> set[str]:
    """The last names of all functions that a body calls."""
    names: set[str] = set()
    if function.body is None:
        return names
    for node in walk(function.body, into_lambdas=True):
        if node.type == "call_expression":
            target = node.child_by_field_name("function")
            if target is not None and target.type in ("identifier", "qualified_identifier", "template_function"):
                path, _ = qualified(function.file, target)
                names.update(path[-1:])
    return names


def sizes(op: Operation, function: FunctionDef) -> dict[str, int]:
    """How many tensors the op's members use at least, by the kind of list."""
    found = {"input_tensors": 1}
    for method in op.methods.values():
        for position, kind in enumerate(kinds(method)):
            if kind:
                used = _largest_index(method, method.params[position].name) + 1
                found[kind] = max(found.get(kind, 0), used)
    return found


def kinds(method: FunctionDef) -> list[str]:
    """What the parameters of an op's member are: which list of tensors, or nothing that is one.

    The lists always come in this order: inputs, optional inputs, outputs (operation.hpp).
    """
    found: list[str] = []
    for param in method.params:
        text = method.file.text_of(param.type) if param.type is not None else ""
        if "Tensor" not in text:
            found.append("")
        elif method.name.startswith("create_program") and position_is_last(method, param):
            found.append("output_tensors")
        elif "input_tensors" not in found:
            found.append("input_tensors")
        elif "const Tensor" in text or "OptionalConstTensors" in text:
            found.append("optional_input_tensors")
        else:
            found.append("optional_output_tensors")
    return found


def position_is_last(method: FunctionDef, param: Any) -> bool:
    return method.params[-1] is param


def _largest_index(function: FunctionDef, name: str) -> int:
    best = -1
    if function.body is None or not name:
        return best
    for node in walk(function.body, into_lambdas=True):
        text = ""
        if node.type == "subscript_expression":
            argument, indices = node.child_by_field_name("argument"), node.child_by_field_name("indices")
            if argument is not None and function.file.text_of(argument) == name and indices is not None:
                text = function.file.text_of(indices).strip("[]")
        elif node.type == "call_expression":
            target, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
            if target is not None and arguments is not None and function.file.text_of(target) == f"{name}.at":
                text = function.file.text_of(arguments).strip("()")
        if text.isdigit():
            best = max(best, int(text))
    return best
