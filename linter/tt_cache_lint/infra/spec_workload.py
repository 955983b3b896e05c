"""Metal 2.0 factories of workloads: create_mesh_workload_artifacts() returns a spec with run arguments for each range.

A hit refreshes each program as that of a spec factory; an override gets the range of coordinates that a program runs on
(ttnn/api/ttnn/mesh_device_operation_adapter.hpp since September 2026; facts/since_may_2026.md section 1.5c).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.mesh import MeshCoordinateRange, coordinate_range, workload_coords
from tt_cache_lint.device.program import Program
from tt_cache_lint.device.spec import program_from_spec, tensor_arguments
from tt_cache_lint.device.tensors import Buffer
from tt_cache_lint.device.workload import Joined
from tt_cache_lint.infra.mesh import GRIDS
from tt_cache_lint.infra.policy import Call, Inputs, Made
from tt_cache_lint.infra.spec import Spec, parts_of, refresh_program
from tt_cache_lint.interp.interrupts import Thrown
from tt_cache_lint.interp.values import Struct, Vec

if TYPE_CHECKING:
    from tt_cache_lint.factory.found import Factory

Part = tuple[MeshCoordinateRange, Program, dict[str, Buffer]]


class Kept(Struct):
    """What a miss keeps: the programs, with where they run and the tensors that they were made with."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[Part]) -> None:
        super().__init__(None, "cached_workload_spec")
        self.parts = parts


class SpecWorkload(Spec):
    """The policy of spec factories of workloads."""

    name = "spec-workload"
    many = True
    creates = ("create_mesh_workload_artifacts",)
    params = range(4, 5)
    grids = GRIDS

    def make(self, call: Call, factory: Factory, inputs: Inputs) -> Made:
        """A program for each range, with its first run arguments."""
        given = [inputs.attributes, inputs.tensor_args, inputs.output, workload_coords(inputs.world)]
        made = call(factory.create, given)
        listed = made.get("programs") if isinstance(made, Struct) else None
        parts: list[Part] = []
        for item in listed.items if isinstance(listed, Vec) else ():
            where = coordinate_range(item.get("range")) if isinstance(item, Struct) else None
            if where is None:
                raise Thrown("the workload holds a program that cannot be read")
            spec, run = parts_of(item, factory.create.name)
            parts.append((where, program_from_spec(call.m, spec, run), tensor_arguments(run)))
        if not parts:
            raise Thrown(f"{factory.create.name}() gives no programs that can be read")
        return Made(Joined([p for _, p, _ in parts], [repr(w) for w, _, _ in parts]), (), Kept(parts))

    def refresh(self, call: Call, factory: Factory, made: Made, inputs: Inputs) -> None:
        """What the adapter does with the cached programs."""
        assert isinstance(made.cached, Kept)
        for where, program, tensors in made.cached.parts:
            refresh_program(call, factory, program, tensors, inputs, where)
