"""From a factory to the Python call that reaches it.

The bound C++ functions of the op's folder are followed through the calls they make until one builds this op's
attributes or tensor arguments; on the way it is noted which parameter each member is computed from. Nothing is
executed: a member may depend on more than what stands in its initialiser.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tt_cache_lint.call import CallArgument, OpCall
from tt_cache_lint.factory.found import Factory
from tt_cache_lint.factory.users import op_folder
from tt_cache_lint.interp.interp import Interp
from tt_cache_lint.interp.types import AUTO, SEQUENCES, Type
from tt_cache_lint.source.bindings import NAMES, Binding, Overload, bindings
from tt_cache_lint.source.declarators import parameters, qualified
from tt_cache_lint.source.defs import FunctionDef, Scope, StructDef
from tt_cache_lint.source.golden import has_golden

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.source.files import SourceFile

DEPTH, CALLS = 6, 150
# Folders at and above the factory in which its binding is looked for; beyond the first few only in files that name it.
LEVELS, OWN = 5, 2
KEYS = ("operation_attributes", "tensor_args")
# The old infra launches an op with lists of tensors (ttnn/cpp/ttnn/run_operation.hpp, tt_eager/tt_dnn/op_library/).
RUNS = ("run", "run_with_autoformat", "run_without_autoformat", "run_autoformat")
LISTS = ("input_tensors", "optional_input_tensors", "optional_output_tensors")
Names = frozenset[str]
_Ranked = tuple[bool, int, int, int, int, OpCall]


@dataclass(slots=True)
class _Trace:
    """One walk from a bound function. `feeds` maps an input of the op to the Python arguments it comes from.

    Only functions in files below `folder` are followed: a composite op launches many others.
    """

    folder: str
    invoked: list[FunctionDef] = field(default_factory=list)  # what `self(...)` means in a bound lambda
    feeds: dict[str, Names] = field(default_factory=dict)
    depth: int = 0  # of the function that builds the op's structs; 0 when none does
    calls: int = 0
    seen: set[int] = field(default_factory=set)


class CallFinder:
    """Finds the Python calls of factories; a folder's bindings are read once."""

    def __init__(self, interp: Interp) -> None:
        self.interp = interp
        self.index = interp.index
        self._folders: dict[tuple[str, str], list[Binding]] = {}

    def find(self, factory: Factory) -> OpCall:
        """The call that reaches the factory's op by the shortest way; without a name when no binding is found."""
        operation = factory.op.name if factory.op is not None else factory.name.partition("::")[0]
        folder = factory.path.rpartition("/")[0]
        word = op_folder(factory.path).rpartition("/")[2]
        for level in range(LEVELS):
            found = self._found(self._below(folder, "" if level < OWN else word), factory, folder, word)
            if found:
                call = min(found, key=lambda item: item[:-1])[-1]
                return replace(call, operation=operation, golden=has_golden(self.index.tree, call.name))
            folder = folder.rpartition("/")[0]
            if not folder or folder.rpartition("/")[2] == "ttnn":
                break
        return OpCall("", operation)

    def _found(self, bound: list[Binding], factory: Factory, folder: str, word: str) -> list[_Ranked]:
        """The calls that reach the op, with what makes one better than another: its folder's name, the shortest way."""
        found: list[_Ranked] = []
        for binding in bound:
            other = binding.name.rpartition(".")[2] != word
            for overload, trace, call in self._calls(binding, factory, folder):
                found.append((other, trace.depth, -len(trace.feeds), -len(overload.arguments), len(found), call))
        return found

    def _below(self, folder: str, word: str) -> list[Binding]:
        """The bindings made below a folder, in files that contain the word."""
        key = (folder, word)
        if key not in self._folders:
            files = (
                self.index.tree.get(path)
                for path in self.index.tree.walk(folder)
                if path.rpartition(".")[0].endswith(NAMES)
            )
            kept = (file for file in files if file is not None and word.encode() in file.original)
            self._folders[key] = [binding for file in kept for binding in bindings(file)]
        return self._folders[key]

    def _calls(self, binding: Binding, factory: Factory, folder: str) -> Iterator[tuple[Overload, _Trace, OpCall]]:
        for overload in binding.overloads:
            for function in self._functions(binding, overload):
                trace = _Trace(folder + "/", self._invoked(binding) if overload.lambda_ is not None else [])
                names = [argument.name for argument in overload.arguments]
                formal = function.params[-len(names) :] if names else []  # a lambda has `self` in front
                known = {p.name: frozenset((n,)) for p, n in zip(formal, names, strict=False)}
                _Walker(self.interp, factory, trace).function(function, known, 1)
                if trace.depth:
                    yield overload, trace, self._described(binding, overload, function, trace)

    def _functions(self, binding: Binding, overload: Overload) -> list[FunctionDef]:
        """The C++ functions an overload may mean, those with as many parameters as it has arguments first."""
        file = binding.file
        if overload.lambda_ is not None:
            return [_lambda(file, overload.lambda_)]
        target = overload.target or binding.registered
        found = self.index.functions(target[-1], file.path, (), target[:-1]) if target else []
        if not found and target == binding.registered:
            found = self._invoked(binding)
        found = [f for f in found if f.body is not None]
        return sorted(found, key=lambda f: abs(len(f.params) - len(overload.arguments)))[:2]

    def _invoked(self, binding: Binding) -> list[FunctionDef]:
        """What calling a registered operation runs."""
        if not binding.registered:
            return []
        struct = registered(self.interp, binding.file.path, binding.registered)
        return self.interp.methods(struct, "invoke") if struct is not None else []

    def _described(self, binding: Binding, overload: Overload, function: FunctionDef, trace: _Trace) -> OpCall:
        scoping = self.interp.scoping(function.file, function.scope)
        count = len(overload.arguments)
        types = [scoping.type(p.type, p.declarator) for p in function.params][-count:] if count else []
        types += [AUTO] * (count - len(types))
        arguments = []
        for argument, type_ in zip(overload.arguments, types, strict=True):
            optional = type_.name == "optional"
            inner = _first(type_) if optional else type_
            items = inner.name in SEQUENCES
            element = _first(inner) if items else inner
            name = "" if element is AUTO else element.scalar or element.name
            feeds = tuple(key for key, names in trace.feeds.items() if argument.name in names)
            made = CallArgument(argument.name, name, optional, argument.default, argument.keyword, items, feeds)
            arguments.append(made)
        returned = scoping.type(function.returns).name if function.returns is not None else ""
        return OpCall(binding.name, "", tuple(arguments), returned)


def registered(interp: Interp, at: str, target: Scope) -> StructDef | None:
    """The struct X of `constexpr auto target = register_operation<"...", X>()`, the style before bind_function."""
    const = interp.index.const(target[-1], at, (), target[:-1])
    node = const.value if const is not None else None
    if const is None or node is None or node.type != "call_expression":
        return None
    given = next((n for n in _descendants(node) if n.type == "template_argument_list"), None)
    kinds = [n for n in given.named_children if n.type == "type_descriptor"] if given is not None else []
    if not kinds:
        return None
    decl = interp.scoping(const.file, const.scope).type(kinds[-1]).decl
    return decl if isinstance(decl, StructDef) else None


class _Walker:
    """Follows calls from one bound function to the op."""

    def __init__(self, interp: Interp, factory: Factory, trace: _Trace) -> None:
        self.interp = interp
        self.factory = factory
        self.trace = trace
        op = factory.op
        self.op = op.name if op is not None else ""
        self.structs = {
            key: type_.decl
            for key, type_ in zip(KEYS, (factory.attributes, factory.tensor_args), strict=True)
            if isinstance(type_.decl, StructDef)
        }

    def function(self, function: FunctionDef, known: dict[str, Names], depth: int) -> bool:
        """Walk one body; `known` says which Python arguments its parameters carry. Is the op reached?"""
        if function.body is None or depth > DEPTH or self.trace.calls > CALLS or function.node.id in self.trace.seen:
            return False
        self.trace.seen.add(function.node.id)
        local = dict(known)
        aliases: dict[str, str] = {}
        filled: dict[str, str] = {}
        reached = False
        for node in _descendants(function.body):
            kind = node.type
            if kind == "alias_declaration":
                name, type_ = node.child_by_field_name("name"), node.child_by_field_name("type")
                if name is not None and type_ is not None:
                    aliases[function.file.text_of(name)] = function.file.text_of(type_).rpartition("::")[2].strip()
            elif kind == "init_declarator":
                reached |= self._variable(function, node, local, aliases, filled, depth)
            elif kind == "compound_literal_expression":
                key = self._struct(function.file, node.child_by_field_name("type"), aliases)
                value = node.child_by_field_name("value")
                if key and value is not None:
                    self._fill(function.file, key, value, local, depth)
                    reached = True
            elif kind == "assignment_expression":
                self._assign(function.file, node, local, filled)
            elif kind == "call_expression":
                reached |= self._call(function, node, local, aliases, depth)
        return reached

    def _variable(
        self,
        function: FunctionDef,
        node: Node,
        local: dict[str, Names],
        aliases: dict[str, str],
        filled: dict[str, str],
        depth: int,
    ) -> bool:
        file = function.file
        name, value = node.child_by_field_name("declarator"), node.child_by_field_name("value")
        if name is None or value is None:
            return False
        words = [file.text_of(n) for n in _descendants(name, itself=True) if n.type == "identifier"]
        for word in words:
            local[word] = self._names(file, value, local)
        declared = node.parent.child_by_field_name("type") if node.parent is not None else None
        literal = value.child_by_field_name("type") if value.type == "compound_literal_expression" else None
        key = self._struct(file, literal if literal is not None else declared, aliases)
        if key and words:
            filled[words[-1]] = key
            if literal is None and value.type in ("initializer_list", "argument_list"):
                self._fill(file, key, value, local, depth)
            return True
        return False

    def _assign(self, file: SourceFile, node: Node, local: dict[str, Names], filled: dict[str, str]) -> None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None or left.type != "field_expression":
            return
        owner, member = left.child_by_field_name("argument"), left.child_by_field_name("field")
        if owner is not None and member is not None and file.text_of(owner) in filled:
            key = f"{filled[file.text_of(owner)]}.{file.text_of(member)}"
            self._feed(key, self._names(file, right, local))

    def _call(
        self, function: FunctionDef, node: Node, local: dict[str, Names], aliases: dict[str, str], depth: int
    ) -> bool:
        file = function.file
        callee, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if callee is None or given is None or callee.type == "field_expression":
            return False
        if any(self._is_op(file.text_of(n), aliases) for n in _descendants(callee) if n.type == "type_descriptor"):
            self._reached(depth)
            return True
        scope, _ = qualified(file, callee)
        if not scope:
            return False
        nodes = [n for n in given.named_children if n.type != "comment"]
        if scope[-1] in RUNS and self._feed_lists(file, nodes, local):
            return True
        passed = [self._names(file, n, local) for n in nodes]
        reached = False
        for target in self._targets(function, scope, len(passed)):
            self.trace.calls += 1
            # A registered operation takes a queue in front of what its invoke() takes (decorators.hpp of 2024).
            extra = max(len(passed) - len(target.params), 0) if target.name == "invoke" else 0
            known = {p.name: names for p, names in zip(target.params, passed[extra:], strict=False)}
            reached |= self.function(target, known, depth + 1)
        return reached

    def _feed_lists(self, file: SourceFile, nodes: list[Node], local: dict[str, Names]) -> bool:
        """`operation::run(Op{...}, {inputs}, {optional inputs})`: is it this op? Then its tensors come by position."""
        first = nodes[0].child_by_field_name("type") if nodes else None
        if first is None or self._struct(file, first, {}) != KEYS[0]:
            return False
        for name, node in zip(LISTS, nodes[1:], strict=False):
            items = [n for n in node.named_children if n.type != "comment"] if node.type == "initializer_list" else []
            for position, item in enumerate(items):
                self._feed(f"{KEYS[1]}.{name}[{position}]", self._names(file, item, local))
        return True

    def _targets(self, function: FunctionDef, scope: Scope, count: int) -> list[FunctionDef]:
        at = function.file.path
        if scope == ("self",):
            return sorted(self.trace.invoked, key=lambda f: abs(len(f.params) - count))[:2]
        found = [
            f
            for f in self.interp.index.functions(scope[-1], at, function.scope, scope[:-1])
            if f.body is not None and f.params and f.file.path.startswith(self.trace.folder)
        ]
        if not found and len(scope) > 1:
            struct = registered(self.interp, at, scope)
            found = self.interp.methods(struct, "invoke") if struct is not None else []
        return sorted(found, key=lambda f: abs(len(f.params) - count))[:2]

    def _struct(self, file: SourceFile, node: Node | None, aliases: dict[str, str]) -> str:
        """Which of the op's two structs a type names, "" for neither."""
        if node is None:
            return ""
        scope = tuple(part.strip() for part in file.text_of(node).removeprefix("const ").split("::"))
        owner = aliases.get(scope[-2], scope[-2]) if len(scope) > 1 else ""
        for key, decl in self.structs.items():
            plain = scope[-1] in (decl.name, f"{key}_t") and scope[-1] not in KEYS
            if plain and (decl.name != f"{key}_t" or owner in ("", self.op)):
                return key
        return ""

    def _is_op(self, text: str, aliases: dict[str, str]) -> bool:
        name = text.rpartition("::")[2].strip()
        return bool(self.op) and aliases.get(name, name) == self.op

    def _fill(self, file: SourceFile, key: str, value: Node, local: dict[str, Names], depth: int) -> None:
        """An initialiser of one of the op's structs: members by name or by position."""
        self._reached(depth)
        names = list(self.interp.fields(self.structs[key]))
        position = 0
        for item in value.named_children:
            if item.type == "comment":
                continue
            if item.type == "initializer_pair":
                designator, inner = item.child_by_field_name("designator"), item.child_by_field_name("value")
                member = file.text_of(designator).lstrip(".").strip() if designator is not None else ""
            else:
                member, inner = (names[position] if position < len(names) else ""), item
                position += 1
            if member and inner is not None:
                self._feed(f"{key}.{member}", self._names(file, inner, local))

    def _feed(self, key: str, names: Names) -> None:
        self.trace.feeds[key] = self.trace.feeds.get(key, frozenset()) | names

    def _reached(self, depth: int) -> None:
        self.trace.depth = min(self.trace.depth or depth, depth)

    @staticmethod
    def _names(file: SourceFile, node: Node, local: dict[str, Names]) -> Names:
        """The Python arguments that an expression mentions."""
        words = (file.text_of(n) for n in _descendants(node, itself=True) if n.type == "identifier")
        return frozenset(name for word in words for name in local.get(word, ()))


def _lambda(file: SourceFile, node: Node) -> FunctionDef:
    declarator = node.child_by_field_name("declarator")
    formal = declarator.child_by_field_name("parameters") if declarator is not None else None
    body = node.child_by_field_name("body")
    return FunctionDef("", (), file, node, params=parameters(file, formal), body=body)


def _first(type_: Type) -> Type:
    return next((a for a in type_.args if isinstance(a, Type)), AUTO)


def _descendants(node: Node, itself: bool = False) -> Iterator[Node]:
    """All named nodes below one, in source order."""
    stack: list[Node] = [node] if itself else list(reversed(node.named_children))
    while stack:
        current = stack.pop()
        yield current
        rest: Sequence[Node] = current.named_children
        stack.extend(reversed(rest))


__all__ = ["CallFinder", "registered"]
