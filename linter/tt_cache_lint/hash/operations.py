"""Ops found by their struct, and ways to run those that have no factory of a known infra.

A modern op has operation_attributes_t and tensor_args_t (ttnn/api/ttnn/device_operation.hpp); an op of 2023 to 2025 is
a struct whose members are the attributes and whose methods take lists of tensors (ttnn/cpp/ttnn/operation.hpp there).
Only what a miss makes is run here: what a hit refreshes is the infra's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import ClassVar

from tt_cache_lint.device.descriptor import program_from_descriptor
from tt_cache_lint.device.program import Program, running
from tt_cache_lint.factory.find import MODERN, Finder
from tt_cache_lint.factory.found import Factory, Operation
from tt_cache_lint.hit import Replay
from tt_cache_lint.infra.callback_find import CallbackFactory, Search, called, returns_program
from tt_cache_lint.infra.callback_launches import inputs_given
from tt_cache_lint.infra.callback_lists import sizes
from tt_cache_lint.infra.policy import Call, Infra, Inputs, Made
from tt_cache_lint.interp.interrupts import Thrown
from tt_cache_lint.interp.types import AUTO, Type
from tt_cache_lint.interp.values import Struct
from tt_cache_lint.source.defs import FunctionDef, StructDef

MENTIONS = (b"compute_program_hash", b"operation_attributes_t", b"attribute_values", b"create_program", b"attributes()")
MAKERS = ("create_program", "create_program_at")
MEMBER_METHODS = (
    *MAKERS,
    "validate",
    "validate_with_output_tensors",
    "create_output_tensors",
    "compute_program_hash",
)


class OpFinder:
    """Finds the ops whose struct, or one of whose functions, a file defines."""

    def __init__(self, finder: Finder) -> None:
        self.finder = finder
        self.interp = finder.interp
        self.index = finder.index
        self._ops: dict[StructDef, Operation | None] = {}

    def in_file(self, path: str) -> list[Operation]:
        """The ops of a file."""
        file = self.finder.tree.get(path)
        if file is None or not any(word in file.original for word in MENTIONS):
            return []
        defs = self.index.defs(path)
        if defs is None:
            return []
        found: dict[StructDef, Operation] = {}
        structs = [s for group in defs.structs.values() for s in group if not s.local]
        for group in defs.functions.values():
            for function in group:
                if function.scope and function.name in (
                    *MEMBER_METHODS,
                    "validate_on_program_cache_miss",
                    "attributes",
                ):
                    owner = self.interp.owner_of(function)
                    if owner is not None:
                        structs.append(owner)
        for struct in structs:
            op = self.operation(struct)
            if op is not None:
                found.setdefault(struct, op)
        return list(found.values())

    def operation(self, struct: StructDef) -> Operation | None:
        """The op that a struct is, None when it is none."""
        if struct not in self._ops:
            self._ops[struct] = self._describe(struct)
        return self._ops[struct]

    def _describe(self, struct: StructDef) -> Operation | None:
        if self.finder.is_operation(struct):
            return self.finder.describe(struct)
        if not self.is_member_style(struct):
            return None
        op = Operation(struct)
        for name in MEMBER_METHODS:
            methods = [f for f in self.interp.methods(struct, name) if f.body is not None]
            if methods:
                op.methods[name] = methods[0]
        return op

    def is_member_style(self, struct: StructDef) -> bool:
        """Does one of its methods make the program?"""
        return any(
            not f.is_static and f.body is not None and f.params
            for name in MAKERS
            for f in self.interp.methods(struct, name)
        )

    def type_of(self, function: FunctionDef, position: int) -> Type:
        param = function.params[position]
        return self.interp.scoping(function.file, function.scope).type(param.type, param.declarator)

    # -- ways to run an op -----------------------------------------------------------------------------------------

    def factories(self, op: Operation) -> Iterator[Factory]:
        """What makes the programs of an op whose factories were not met; nothing when that cannot be run."""
        if self.finder.is_operation(op.struct):
            yield from self._descriptors(op)
        else:
            yield from self._callbacks(op)

    def _callbacks(self, op: Operation) -> Iterator[Factory]:
        """The functions that an op's create_program() gets its programs from, wherever they are."""
        search = Search(self.finder)
        names = {name for maker in MAKERS if maker in op.methods for name in called(op.methods[maker])}
        for path, text in search.texts(op.struct.file.path).items():
            if not any(name.encode() in text for name in names):
                continue
            defs = self.index.defs(path)
            if defs is None or not any(returns_program(f) for n in names for f in defs.functions.get(n, ())):
                continue
            for factory in search.in_file(path):
                if factory.op is not None and factory.op.struct is op.struct:
                    yield factory

    def unrun(self, op: Operation) -> Factory | None:
        """An op of which only the hash is of interest, as a factory without anything to run."""
        body = next(iter(op.methods.values()), None)
        if body is None:
            return None
        if not self.finder.is_operation(op.struct):
            return self._member(op)
        scoping = self.interp.scoping(op.struct.file, op.struct.inner)
        types = [scoping.named((name,)) for name in MODERN]
        return Factory(op.name, "", body, None, op.struct, None, op, types[0], types[1], AUTO, [{}])

    def _member(self, op: Operation) -> CallbackFactory:
        """An op whose members are the attributes, as a factory without anything to run."""
        maker = next(op.methods[name] for name in MEMBER_METHODS if name in op.methods)
        this, count = (
            Type(op.struct.name, (), op.struct),
            sizes(op, partial(self.interp.methods, op.struct), inputs_given(self.interp, op.struct)),
        )
        return CallbackFactory(
            op.name, "callback", maker, None, op.struct, None, op, this, AUTO, AUTO, [{}], maker=maker, sizes=count
        )

    def _descriptors(self, op: Operation) -> Iterator[Factory]:
        scoping = self.interp.scoping(op.struct.file, op.struct.inner)
        variant = scoping.named(("program_factory_t",))
        owners = [a.decl for a in variant.args if isinstance(a, Type) and isinstance(a.decl, StructDef)]
        for owner in [*owners, op.struct]:
            for create in self.interp.methods(owner, "create_descriptor"):
                if create.body is None or len(create.params) < 2:
                    continue
                types = [self.type_of(create, i) for i in range(len(create.params))] + [AUTO] * 3
                name = f"{op.name}::{owner.name}" if owner is not op.struct else op.name
                yield Factory(name, Descriptor.name, create, None, owner, None, op, types[0], types[1], types[2], [{}])


class Descriptor:
    """create_descriptor(): the program that its descriptor describes."""

    name = "described"  # not "descriptor": that infra also says what a hit refreshes
    many = False

    def make(self, call: Call, factory: Factory, inputs: Inputs) -> Made:
        """The program of the descriptor. Raises Thrown when it cannot be read."""
        given = [inputs.attributes, inputs.tensor_args, inputs.output]
        described = call(factory.create, given[: len(factory.create.params)])
        if not isinstance(described, Struct):
            raise Thrown("create_descriptor() gives no descriptor that can be read")
        m = running()
        program = Program()
        program_from_descriptor(m, program, described, None)
        return Made(program, (), program)

    def refresh(self, call: Call, factory: Factory, made: Made, inputs: Inputs) -> None:
        """Nothing: what a hit refreshes is not looked at here."""


class PlainReplay(Replay):
    """Runs factories that no known infra finds; only what a miss makes."""

    infras: ClassVar[Mapping[str, Infra]] = {Descriptor.name: Descriptor()}  # type: ignore[dict-item]
