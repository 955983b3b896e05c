"""The type oracles on the engine's side: the syntactic one, and what the engine makes of an oracle's answers.

The engine works from the syntax and asks the oracle of a compile database only where the syntax leaves it without an
answer: a member whose type is not found, a call that several functions or none fit, a constant it cannot compute.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tt_cache_lint.interp.interrupts import Interrupt
from tt_cache_lint.interp.ops import FLOATS, INTEGERS
from tt_cache_lint.interp.types import AUTO, SCALARS, STANDARD, Scoping, Type
from tt_cache_lint.interp.values import Enum, Value, plain
from tt_cache_lint.source.declarators import peel, qualified
from tt_cache_lint.source.defs import ConstDef, EnumDef, FieldDef, FunctionDef, StructDef
from tt_cache_lint.source.files import SourceFile
from tt_cache_lint.source.oracle import Constant, Position, TypeName, TypeOracle, plainly

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.interp.interp import Interp


def position(file: SourceFile, node: Node) -> Position | None:
    """Where a node stands; None for text that stands nowhere (what a macro expands to)."""
    if file.fixed_line:
        return None
    return Position(file.path, node.start_point[0] + 1, node.start_point[1] + 1)


# -- the syntactic oracle --------------------------------------------------------------------------------------------


class SyntacticOracle:
    """A TypeOracle that knows what the index knows. Names of the device model are looked through like any other."""

    def __init__(self, interp: Interp) -> None:
        self.interp = interp
        self.index = interp.index

    def canonical_field_type(self, field: Position) -> TypeName | None:
        found = self._field(field)
        if found is None:
            return None
        place = self.interp.place_of_field(found, {})
        scoping = Scoping(self.index, place.file, place.scope)
        return described(scoping.type(found.type, found.declarator))

    def definition_of_call(self, callee: Position) -> tuple[str, int] | None:
        file = self.index.tree.get(callee.path)
        if file is None:
            return None
        point = (callee.line - 1, callee.column - 1)
        node: Node | None = file.root.descendant_for_point_range(point, point)
        while node is not None and node.type != "call_expression":
            node = node.parent
        name = node.child_by_field_name("function") if node is not None else None
        listed = node.child_by_field_name("arguments") if node is not None else None
        if name is None or listed is None or name.type == "field_expression":
            return None
        path, _ = qualified(file, name)
        count = sum(child.type != "comment" for child in listed.named_children)
        scope = self._scope(file, name)
        if not path or scope is None:
            return None
        scoping = self.interp.scoping(file, scope)
        owner = self.index.struct(scope[-1], file.path, scope) if scope else None
        found = self.interp.candidates(path, scoping, owner, count)
        return place_of(found[0]) if len(found) == 1 else None

    def constant_value(self, constant: Position) -> Constant | None:
        from tt_cache_lint.interp.machine import Machine
        from tt_cache_lint.interp.world import World

        defs = self.index.defs(constant.path)
        machine = Machine(self.interp, World())
        for const in (c for group in (defs.consts.values() if defs is not None else ()) for c in group):
            name = name_of_constant(const)
            if name is not None and position(const.file, name) == constant and const.value is not None:
                try:
                    value = plain(self.interp.constant(machine, const))
                except Interrupt:
                    return None
                bare = value.number if isinstance(value, Enum) else value
                return bare if isinstance(bare, (int, float, bool, str)) else None
        return None

    def _field(self, where: Position) -> FieldDef | None:
        defs = self.index.defs(where.path)
        for struct in (s for group in (defs.structs.values() if defs is not None else ()) for s in group):
            for field in struct.fields:
                name = name_of_field(field)
                if name is not None and position(field.file, name) == where:
                    return field
        return None

    def _scope(self, file: SourceFile, node: Node) -> tuple[str, ...] | None:
        defs = self.index.defs(file.path)
        for function in (f for group in (defs.functions.values() if defs is not None else ()) for f in group):
            body = function.body
            if body is not None and function.file is file and body.start_byte <= node.start_byte < body.end_byte:
                return function.scope
        return None


def name_of_field(field: FieldDef) -> Node | None:
    return peel(field.declarator).name if field.declarator is not None else None


def place_of(function: FunctionDef) -> tuple[str, int]:
    """Path and line of a function's name; what returns something long has it on a later line than it begins."""
    node: Node | None = function.node
    if node is not None and node.type == "template_declaration":
        node = node.named_children[-1]
    name = peel(node.child_by_field_name("declarator")).name if node is not None else None
    return function.file.path, function.file.line(name) if name is not None else function.line


def name_of_constant(const: ConstDef) -> Node | None:
    declarator = const.node.child_by_field_name("declarator")
    if declarator is not None and declarator.type == "init_declarator":
        declarator = declarator.child_by_field_name("declarator")
    return peel(declarator).name if declarator is not None else None


def described(type_: Type) -> TypeName | None:
    """A type of the engine in the oracle's words; None when it is not known to the end."""
    name = type_.name
    if type_ is AUTO or name in ("", "auto"):
        return None
    place = None
    args: list[TypeName | int | str] = []
    if name in INTEGERS:
        bits, signed = INTEGERS[name]
        name = f"{'int' if signed else 'uint'}{bits}_t"
    elif name in FLOATS or name == "bool":
        pass
    elif type_.decl is not None:
        place = (type_.decl.file.path, type_.decl.line)
    for arg in type_.args:
        inner = described(arg) if isinstance(arg, Type) else arg
        if inner is None:
            return None
        args.append(inner)
    return plainly(TypeName(name, tuple(args), place, ref=type_.ref, ptr=type_.ptr, array=type_.array))


# -- what the engine asks --------------------------------------------------------------------------------------------


class Told:
    """The answers of an oracle as the engine's own types and definitions."""

    def __init__(self, interp: Interp, oracle: TypeOracle) -> None:
        self.interp = interp
        self.oracle = oracle

    def field_type(self, field: FieldDef, found: Type) -> Type:
        """The type of a member: what the syntax says where that is known, else what the oracle says."""
        if field.type is None or self._known(found):
            return found
        name = name_of_field(field)
        where = position(field.file, name) if name is not None else None
        told = self.oracle.canonical_field_type(where) if where is not None else None
        return self._type(told) or found if told is not None else found

    def candidates(self, file: SourceFile, callee: Node, found: list[FunctionDef]) -> list[FunctionDef]:
        """The functions a call may mean: where none or several fit by name, the one the oracle tells."""
        if len(found) == 1:
            return found
        where = position(file, last_name(callee))
        told = self.oracle.definition_of_call(where) if where is not None else None
        if told is None:
            return found
        exact = [f for f in found if place_of(f) == told] or list(self._functions_at(*told))
        return exact[:1] or found

    def constant(self, const: ConstDef, found: Value) -> Value:
        """The value of a constant that the engine cannot compute."""
        name = name_of_constant(const)
        where = position(const.file, name) if name is not None else None
        told = self.oracle.constant_value(where) if where is not None else None
        return found if told is None else told

    def _known(self, type_: Type) -> bool:
        if type_ is AUTO:
            return False
        known = type_.decl is not None or type_.scalar or type_.name in self.interp.known or type_.name in STANDARD
        return bool(known) and all(self._known(arg) for arg in type_.args if isinstance(arg, Type))

    def _type(self, told: TypeName) -> Type | None:
        args = []
        for arg in told.args:
            made = self._type(arg) if isinstance(arg, TypeName) else arg
            if made is None:
                return None
            args.append(made)
        decl = self._declared(told)
        bare = SCALARS.get(told.name)
        if bare is None:
            bare = Type(told.name, tuple(args), decl if told.name not in self.interp.known else None)
        return bare.wrapped(ref=told.ref, ptr=told.ptr, array=told.array)

    def _declared(self, told: TypeName) -> StructDef | EnumDef | None:
        defs = self.interp.index.defs(told.place[0]) if told.place is not None else None
        if defs is None or told.place is None:
            return None
        decls: list[StructDef | EnumDef] = [*defs.structs.get(told.name, ()), *defs.enums.get(told.name, ())]
        return next((decl for decl in decls if decl.line == told.place[1]), None)

    def _functions_at(self, path: str, line: int) -> Iterator[FunctionDef]:
        defs = self.interp.index.defs(path)
        for group in (defs.functions, defs.declarations) if defs is not None else ():
            for function in (f for functions in group.values() for f in functions):
                if function.body is not None and place_of(function) == (path, line):
                    yield function


def last_name(node: Node) -> Node:
    while node.type in ("qualified_identifier", "template_function"):
        inner = node.child_by_field_name("name")
        if inner is None:
            break
        node = inner
    return node
