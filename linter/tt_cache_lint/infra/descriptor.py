"""Descriptor factories: create_descriptor() returns a ProgramDescriptor, and the framework refreshes the program.

On a hit (ttnn/api/ttnn/mesh_device_operation_adapter.hpp:333-558 in May 2026, facts/since_may_2026.md section 1.2):
- where the adapter calls an override of the factory, or of its operation, that refreshes and nothing else;
- else, if a runtime argument of the first call was given as a Buffer*, the arguments and circular buffers so bound get
  the addresses of the new tensors, and everything else stays as the first call left it;
- else create_descriptor() runs again, and all its arguments and buffers are copied into the program.
Tensors that share a buffer, as the input and output of an in-place op do, cannot be told apart by their buffers:
nothing is bound then (tt_metal/impl/program/program_descriptor_patching.cpp:26-164). Since June 2026 that is so of two
inputs only: the adapter says how many of the buffers are those of inputs, and an output that lies in one of them is
bound as that input (tt_metal/api/tt-metalium/experimental/program_descriptor_patching.hpp, resolve_bindings).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.again import second_program
from tt_cache_lint.device.descriptor import Binding, bindings, program_from_descriptor
from tt_cache_lint.device.program import CoreArgs, Program, new_program
from tt_cache_lint.infra.adapter import binds_in_place, dynamic, hook, why_uncalled
from tt_cache_lint.infra.bound import aliased, note_apart, patch
from tt_cache_lint.infra.declarative import Declarative, coordinate_of
from tt_cache_lint.infra.policy import Call, Inputs, Made
from tt_cache_lint.interp.interrupts import Thrown
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import Struct, Value, empty
from tt_cache_lint.source.defs import FunctionDef, StructDef

if TYPE_CHECKING:
    from tt_cache_lint.factory.find import Finder
    from tt_cache_lint.factory.found import Factory, Operation


class Described(Struct):
    """What a miss keeps: the program, and what of it is bound to the tensors of a call."""

    __slots__ = ("bound", "program")

    def __init__(self, program: Program, bound: list[Binding]) -> None:
        super().__init__(None, "cached_descriptor")
        self.program = program
        self.bound = bound


class Descriptor(Declarative):
    """The policy of descriptor factories; `where` is the coordinate of the program, if it is not the first."""

    name = "descriptor"
    many = False
    creates = ("create_descriptor",)
    params = range(3, 6)
    given_at = 1

    def __init__(self, where: Value = None) -> None:
        self.where = where

    def override(self, finder: Finder, struct: StructDef, op: Operation | None) -> FunctionDef | None:
        """The factory's own, or its operation's."""
        return hook(finder.interp, struct, op.struct if op is not None else None)

    def why_uncalled(self, finder: Finder, method: FunctionDef) -> str:
        """Its signature, or the framework."""
        return why_uncalled(finder.interp, method)

    def unmodelled(self, finder: Finder, op: Operation | None) -> str:
        """What the op itself refreshes is not modelled."""
        return dynamic(finder.interp, op)

    def make(self, call: Call, factory: Factory, inputs: Inputs) -> Made:
        """The program of the descriptor, and what is bound."""
        described = self._described(call, factory, inputs)
        program = new_program(call.m, None)
        program_from_descriptor(call.m, program, described, None)
        shared = [] if binds_in_place(call.m.interp) else aliased(inputs)
        if shared:
            note_apart(call, shared)
        bound = [] if shared else list(bindings(call.m, described))
        return Made(program, (), Described(program, bound))

    def refresh(self, call: Call, factory: Factory, made: Made, inputs: Inputs) -> None:
        """What the adapter does with a cached program."""
        cached = made.cached
        if factory.override is not None:
            where = self.where if self.where is not None else coordinate_of(inputs)
            given = [made.program, inputs.attributes, inputs.tensor_args, inputs.output, where]
            call(factory.override, given[: len(factory.override.params)])
        elif isinstance(cached, Described) and any(binding.is_argument for binding in cached.bound):
            for binding in cached.bound:
                patch(call, made.program, binding)
        else:
            self._rebuild(call, factory, made.program, inputs)

    def _rebuild(self, call: Call, factory: Factory, program: Program, inputs: Inputs) -> None:
        """All arguments and all circular buffers over tensors, as a second descriptor has them."""
        fresh = second_program(call.m, program)
        if fresh is None:
            fresh = self._again(call, factory, inputs)
        for old, new in zip(program.kernels, fresh.kernels, strict=False):
            for xy, data in new.args.items():
                if xy in old.args:
                    _copy(old.args[xy], data)
            if old.common is not None and new.common is not None:
                _copy(old.common, new.common)
        for old_cb, new_cb in zip(program.cbs, fresh.cbs, strict=False):
            if not empty(new_cb.buffer):
                old_cb.buffer = new_cb.buffer
                old_cb.writes.append((new_cb.mark, new_cb.stack))

    def _again(self, call: Call, factory: Factory, inputs: Inputs) -> Program:
        """The program of a second descriptor. It is thrown away, so that what is made in it is no event of the hit."""
        m = call.m
        phase, length, fresh = m.phase, len(m.log), new_program(m, None)
        m.phase = "descriptor"
        program_from_descriptor(m, fresh, self._described(call, factory, inputs), None)
        del m.log[length:]
        m.phase = phase
        return fresh

    def _described(self, call: Call, factory: Factory, inputs: Inputs) -> Struct:
        given = [inputs.attributes, inputs.tensor_args, inputs.output]
        if is_coordinate(call, factory):
            given.append(self.where if self.where is not None else coordinate_of(inputs))
        described = call(factory.create, given)
        if not isinstance(described, Struct):
            raise Thrown("create_descriptor() gives no descriptor that can be read")
        return described


def is_coordinate(call: Call, factory: Factory) -> bool:
    """Is the fourth parameter the coordinate, so that there is a program for each (operation_concepts.hpp)?"""
    params = factory.create.params
    if len(params) != 4:
        return False
    create = factory.create
    type_ = call.m.interp.scoping(create.file, create.scope).type(params[3].type, params[3].declarator)
    inner = type_.args[0] if type_.name == "optional" and type_.args else type_
    return isinstance(inner, Type) and inner.name == "MeshCoordinate"


def _copy(old: CoreArgs, new: CoreArgs) -> None:
    """Put the arguments of a second descriptor into the program."""
    old.vals = [*new.vals[: len(old.vals)], *old.vals[len(new.vals) :]]
    old.writes = {i: (new.marks[i] or new.set_call, new.stacks) for i in range(min(len(new.vals), len(old.vals)))}
