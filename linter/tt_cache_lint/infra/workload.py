"""Workload-descriptor factories: create_workload_descriptor() returns the programs of all coordinates at once, and the
semaphores and buffers that are to live as long as they do.

A hit never runs it again: of each program the arguments and circular buffers bound to a tensor of the call are patched,
and everything else stays. Where the analysed tree's adapter calls it, an override of the factory refreshes each program
after that (ttnn/api/ttnn/mesh_device_operation_adapter.hpp:527-537 in May 2026, facts/since_may_2026.md section 1.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.allocated import OWN
from tt_cache_lint.device.descriptor import Binding, bindings, program_from_descriptor
from tt_cache_lint.device.mesh import MeshCoordinate, MeshCoordinateRange, coordinate_range, workload_coords
from tt_cache_lint.device.program import Program, new_program
from tt_cache_lint.device.workload import Joined
from tt_cache_lint.infra.adapter import binds_in_place, dynamic, hook_of_workload, why_uncalled
from tt_cache_lint.infra.bound import aliased, note_apart, patch
from tt_cache_lint.infra.declarative import Declarative
from tt_cache_lint.infra.mesh import GRIDS
from tt_cache_lint.infra.policy import Call, Inputs, Made
from tt_cache_lint.interp.interrupts import Thrown
from tt_cache_lint.interp.values import InitList, Opt, Struct, Value, Vec
from tt_cache_lint.owners import held_in
from tt_cache_lint.source.defs import FunctionDef, StructDef

if TYPE_CHECKING:
    from tt_cache_lint.factory.find import Finder
    from tt_cache_lint.factory.found import Factory, Operation


class Part:
    """The program of one range of coordinates, and what of it is bound."""

    __slots__ = ("bound", "program", "where")

    def __init__(self, where: MeshCoordinateRange, program: Program, bound: list[Binding]) -> None:
        self.where = where
        self.program = program
        self.bound = bound


class Described(Struct):
    """What a miss keeps."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[Part]) -> None:
        super().__init__(None, "cached_workload_descriptor")
        self.parts = parts


class Workload(Declarative):
    """The policy of workload-descriptor factories."""

    name = "workload-descriptor"
    many = True
    creates = ("create_workload_descriptor",)
    params = range(4, 5)
    grids = GRIDS
    given_at = 1

    def override(self, finder: Finder, struct: StructDef, op: Operation | None) -> FunctionDef | None:
        """The factory's own, in trees whose adapter calls it."""
        return hook_of_workload(finder.interp, struct)

    def why_uncalled(self, finder: Finder, method: FunctionDef) -> str:
        """Its signature, or the framework."""
        return why_uncalled(finder.interp, method, of_workloads=True)

    def unmodelled(self, finder: Finder, op: Operation | None) -> str:
        """What the op itself refreshes is not modelled."""
        return dynamic(finder.interp, op)

    def make(self, call: Call, factory: Factory, inputs: Inputs) -> Made:
        """A program for each range, with what of it is bound."""
        given = [inputs.attributes, inputs.tensor_args, inputs.output, workload_coords(inputs.world)]
        described = call(factory.create, given)
        listed = described.get("programs") if isinstance(described, Struct) else None
        if not isinstance(described, Struct) or not isinstance(listed, Vec) or not listed.items:
            raise Thrown("create_workload_descriptor() gives no programs that can be read")
        parked = described.get("buffers")
        shared = [] if binds_in_place(call.m.interp) else aliased(inputs)
        if shared:
            note_apart(call, shared)
        kept = held_in(parked)
        parts = []
        for item in listed.items:
            where, descriptor = _entry(item)
            program = new_program(call.m, None)
            program_from_descriptor(call.m, program, descriptor, None)
            found = () if shared else bindings(call.m, descriptor)
            bound = [b for b in found if b.buffer.owner in kept or not b.buffer.owner.startswith(OWN)]
            parts.append(Part(where, program, bound))
        return Made(Joined([p.program for p in parts], [repr(p.where) for p in parts]), (), Described(parts), parked)

    def refresh(self, call: Call, factory: Factory, made: Made, inputs: Inputs) -> None:
        """What the adapter does with the cached programs."""
        assert isinstance(made.cached, Described)
        for part in made.cached.parts:
            for binding in part.bound:
                patch(call, part.program, binding)
            if factory.override is not None:
                coordinate = Opt(MeshCoordinate(list(part.where.coords()[0])))
                given = [part.program, inputs.attributes, inputs.tensor_args, inputs.output, coordinate]
                call(factory.override, given[: len(factory.override.params)])


def _entry(item: Value) -> tuple[MeshCoordinateRange, Struct]:
    """A program of the workload: {range, descriptor} (tt-metalium/workload_descriptor.hpp)."""
    fields: list[Value] = []
    if isinstance(item, Struct):
        fields = [item.get("range"), item.get("descriptor")]
    elif isinstance(item, InitList):
        fields = item.items
    where = coordinate_range(fields[0]) if len(fields) == 2 else None
    if where is None or not isinstance(fields[1], Struct):
        raise Thrown("the workload holds a program that cannot be read")
    return where, fields[1]
