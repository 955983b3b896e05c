"""Metal 2.0 factories: create_program_artifacts() returns a ProgramSpec with its first run arguments.

On a hit nothing is built again (ttnn/api/ttnn/mesh_device_operation_adapter.hpp; facts/since_may_2026.md section 1.5):
- the framework gives the program the tensors of the new call, and every other run argument keeps its first value;
- or, where the factory has an override that returns run arguments, it gives the program these and nothing else: a
  tensor that is not among them keeps its first address, an argument that is not among them its first value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.program import Program
from tt_cache_lint.device.spec import apply_run_arguments, apply_tensors, program_from_spec, tensor_arguments
from tt_cache_lint.device.tensors import Buffer
from tt_cache_lint.infra.adapter import HOOK
from tt_cache_lint.infra.declarative import OLDER, Declarative, coordinate_of
from tt_cache_lint.infra.descriptor import Descriptor
from tt_cache_lint.infra.policy import Call, Inputs, Made
from tt_cache_lint.infra.workload import Workload
from tt_cache_lint.interp.interrupts import Thrown
from tt_cache_lint.interp.types import AUTO
from tt_cache_lint.interp.values import Struct, Value
from tt_cache_lint.source.defs import FunctionDef, StructDef

if TYPE_CHECKING:
    from tt_cache_lint.factory.find import Finder
    from tt_cache_lint.factory.found import Factory, Operation

NOT_SPECS = (*OLDER, *Descriptor.creates, *Workload.creates)
RUN_ARGS = ("ProgramRunArgs", "ProgramRunParams")
NO_RUN_ARGS = f"it does not return the {RUN_ARGS[0]} for which the framework calls an override"
RUN_MEMBERS = ("run_params", "run_args")


class Specified(Struct):
    """What a miss keeps: the tensors that the program was made with."""

    __slots__ = ("tensors",)

    def __init__(self, tensors: dict[str, Buffer]) -> None:
        super().__init__(None, "cached_spec")
        self.tensors = tensors


class Spec(Declarative):
    """The policy of spec factories."""

    name = "spec"
    many = False
    # the second was its name until June 2026
    creates: tuple[str, ...] = ("create_program_artifacts", "create_program_spec")
    params = range(3, 4)
    others = NOT_SPECS
    given_at = 0

    def override(self, finder: Finder, struct: StructDef, op: Operation | None) -> FunctionDef | None:
        """The one that returns run arguments; one that returns nothing is never called."""
        return run_override(finder, struct)

    def why_uncalled(self, finder: Finder, method: FunctionDef) -> str:
        """What it returns."""
        return NO_RUN_ARGS

    def make(self, call: Call, factory: Factory, inputs: Inputs) -> Made:
        """The program of the spec, with its first run arguments."""
        made = call(factory.create, [inputs.attributes, inputs.tensor_args, inputs.output])
        spec, run = parts_of(made, factory.create.name)
        program = program_from_spec(call.m, spec, run)
        return Made(program, (), Specified(tensor_arguments(run)), made.get("op_owned_tensors"))

    def refresh(self, call: Call, factory: Factory, made: Made, inputs: Inputs) -> None:
        """What the adapter does with the cached program."""
        assert isinstance(made.cached, Specified)
        refresh_program(call, factory, made.program, made.cached.tensors, inputs, coordinate_of(inputs))


def parts_of(made: Value, name: str) -> tuple[Struct, Struct]:
    """The spec and the run arguments in what a creating function gives. Raises Thrown when they cannot be read."""
    spec = made.get("spec") if isinstance(made, Struct) else None
    run = next((r for r in map(made.get, RUN_MEMBERS) if isinstance(r, Struct)), None) if spec is not None else None
    if not isinstance(spec, Struct) or run is None:
        raise Thrown(f"{name}() gives no spec that can be read")
    return spec, run


def refresh_program(
    call: Call, factory: Factory, program: Program, tensors: dict[str, Buffer], inputs: Inputs, where: Value
) -> None:
    """Give a program the tensors of a new call, or what the override returns for it, which runs at `where`."""
    if factory.override is None:
        world = call.m.world
        fresh = {n: Buffer(b.owner, world.run_of(b.owner, 2), b.spec) for n, b in tensors.items()}
        apply_tensors(call.m, program, fresh)
        return
    given = [inputs.attributes, inputs.tensor_args, inputs.output, where]
    run = call(factory.override, given[: len(factory.override.params)])
    if isinstance(run, Struct):
        apply_run_arguments(call.m, program, run)
    else:
        program.escape(call.m, "run arguments that cannot be read")


def run_override(finder: Finder, struct: StructDef) -> FunctionDef | None:
    """The override of a factory that returns run arguments, or what only a compiler can tell."""
    for method in finder.interp.methods(struct, HOOK):
        if method.body is None or method.returns is None:
            continue
        returned = finder.interp.scoping(method.file, method.scope).type(method.returns)
        if returned.name in (*RUN_ARGS, AUTO.name):
            return method
    return None
