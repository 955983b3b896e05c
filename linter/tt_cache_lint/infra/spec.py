"""Metal 2.0 factories: create_program_artifacts() returns a ProgramSpec with its first run arguments.

On a hit nothing is built again (ttnn/api/ttnn/mesh_device_operation_adapter.hpp; facts/since_may_2026.md section 1.5):
- the framework gives the program the tensors of the new call, and every other run argument keeps its first value;
- or, where the factory has an override that returns run arguments, it gives the program these and nothing else: a
  tensor that is not among them keeps its first address, an argument that is not among them its first value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.mesh import MeshCoordinate, workload_coords
from tt_cache_lint.device.program import Program
from tt_cache_lint.device.spec import apply_run_arguments, apply_tensors, program_from_spec, tensor_arguments
from tt_cache_lint.device.tensors import Buffer
from tt_cache_lint.infra.policy import Call, Inputs, Made
from tt_cache_lint.infra.skipped import ANALYSED, data_driven
from tt_cache_lint.interp.interrupts import Thrown
from tt_cache_lint.interp.values import Opt, Struct, Value
from tt_cache_lint.source.defs import FunctionDef, StructDef

if TYPE_CHECKING:
    from tt_cache_lint.factory.find import Finder
    from tt_cache_lint.factory.found import Factory

CREATES = ("create_program_artifacts", "create_program_spec")  # the second was its name until June 2026
HOOK = "override_runtime_arguments"
RUN_ARGS = ("ProgramRunArgs", "ProgramRunParams")
RUN_MEMBERS = ("run_params", "run_args")


class Specified(Struct):
    """What a miss keeps: the tensors that the program was made with."""

    __slots__ = ("tensors",)

    def __init__(self, tensors: dict[str, Buffer]) -> None:
        super().__init__(None, "cached_spec")
        self.tensors = tensors


class Spec:
    """The policy of spec factories."""

    name = "spec"
    many = False

    def mentioned(self, text: bytes) -> bool:
        """Does the file name one of the creating functions?"""
        return any(name.encode() in text for name in CREATES)

    def find(self, finder: Finder, path: str) -> list[Factory]:
        """The factories whose creating function is defined in the file, each once."""
        defs = finder.index.defs(path)
        creates = [f for name in CREATES for f in defs.functions.get(name, ())] if defs is not None else []
        made = (specified(finder, create, self.name, 3, ()) for create in creates)
        return list({factory.name: factory for factory in made if factory is not None}.values())

    def make(self, call: Call, factory: Factory, inputs: Inputs) -> Made:
        """The program of the spec, with its first run arguments."""
        made = call(factory.create, [inputs.attributes, inputs.tensor_args, inputs.output])
        spec, run = parts_of(made, factory.create.name)
        program = program_from_spec(call.m, spec, run)
        return Made(program, (), Specified(tensor_arguments(run)), made.get("op_owned_tensors"))

    def refresh(self, call: Call, factory: Factory, made: Made, inputs: Inputs) -> None:
        """What the adapter does with the cached program."""
        assert isinstance(made.cached, Specified)
        coordinate: Value = Opt(MeshCoordinate([*workload_coords(inputs.world).coords()[0]]))
        refresh_program(call, factory, made.program, made.cached.tensors, inputs, coordinate)


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


def specified(
    finder: Finder, create: FunctionDef, infra: str, params: int, grids: tuple[tuple[int, int], ...]
) -> Factory | None:
    """The factory of a creating function with so many parameters; None for one of another kind."""
    from tt_cache_lint.factory.found import Factory

    interp = finder.interp
    struct = interp.owner_of(create)
    if struct is None or create.body is None or len(create.params) != params:
        return None
    others = (*ANALYSED, "create_descriptor", "create_workload_descriptor")
    if any(f.body is not None for name in others for f in interp.methods(struct, name)):
        return None
    scoping = interp.scoping(create.file, create.scope)
    types = [scoping.type(p.type, p.declarator) for p in create.params]
    op = finder.describe(struct) if finder.is_operation(struct) else finder.operation(create, struct)
    override = _hook(finder, struct)
    return Factory(
        finder.name(create, struct),
        infra,
        create,
        override,
        struct,
        None,
        op,
        types[0],
        types[1],
        types[2],
        finder.templates(create),
        grids=grids,
        skip=data_driven(interp, types[0]),
        bound=override is None,
    )


def _hook(finder: Finder, struct: StructDef) -> FunctionDef | None:
    """The override that returns run arguments; one that returns nothing is never called."""
    for method in finder.interp.methods(struct, HOOK):
        returned = method.file.text_of(method.returns) if method.returns is not None else ""
        if method.body is not None and returned.rpartition("::")[2].strip() in RUN_ARGS:
            return method
    return None
