"""Workloads of several programs: MeshWorkload as the API has it, and the one program that the comparison looks at.

Semantics: tt_metal/api/tt-metalium/mesh_workload.hpp and program_cache.hpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.mesh import coordinate_range
from tt_cache_lint.device.program import Program
from tt_cache_lint.interp import build
from tt_cache_lint.interp.access import value_of
from tt_cache_lint.interp.registry import Site, constructor, function, method
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import InitList, Map, Mark, Obj, Struct, Value, copied, empty, identity

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine


class MeshWorkload(Obj):
    """Programs by the range of coordinates they run on."""

    __slots__ = ("programs",)

    def __init__(self) -> None:
        self.programs = Map("unordered_map")

    def assign(self, other: Value) -> bool:
        if isinstance(other, MeshWorkload):
            self.programs = other.programs
            return True
        return False

    def identity(self) -> object:
        return ("workload", id(self))

    def stable_key(self) -> object:
        return "workload"

    def escape(self, m: Machine, key: str) -> None:
        """Unknown code got hold of the workload, and so of every program in it."""
        for _, program in self.programs.items.values():
            if isinstance(program, Program):
                program.escape(m, key)


class Joined(Program):
    """The programs of a workload as one: their kernels and circular buffers one after the other.

    The parts stay programs of their own, so that a handle names what it named in its own program; only what lays two
    runs over each other looks at them together. `place` of a part says where it runs.
    """

    __slots__ = ("parts",)

    def __init__(self, parts: list[Program], places: list[str]) -> None:
        super().__init__(parts[0].mark)
        self.parts = parts
        for number, (part, place) in enumerate(zip(parts, places, strict=True)):
            part.part, part.place = number, place
            for kernel in part.kernels:
                kernel.program = part
            for cb in part.cbs:
                cb.program = part
            self.kernels += part.kernels
            self.cbs += part.cbs
            self.semaphores += part.semaphores
            self.escaped |= part.escaped
            self.why += part.why
        for part in parts:  # what happens to a part during the hit is known to all
            part.escaped, part.why = self.escaped, self.why

    def close(self) -> None:
        self.compiled = True
        for part in self.parts:
            part.close()

    def release(self) -> None:
        super().release()
        for part in self.parts:
            part.release()


@constructor("MeshWorkload")
def construct_workload(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    return args[0] if args and isinstance(args[0], MeshWorkload) else MeshWorkload()


@function("CreateMeshWorkload", arity=(0, 0))
def create_workload(m: Machine, site: Site, args: list[Value]) -> Value:
    return MeshWorkload()


@method(MeshWorkload, "add_program")
def add_program(m: Machine, site: Site, v: MeshWorkload, where: Value, program: Value) -> None:
    put_program(v, where, program)


@function("AddProgramToMeshWorkload", arity=(3, 3))
def add_program_of_old(m: Machine, site: Site, args: list[Value]) -> None:
    """Older trees: (workload, program, range) (tt_metal/api/tt-metalium/distributed.hpp)."""
    where, program = (args[2], args[1]) if isinstance(args[1], Program) else (args[1], args[2])
    if isinstance(args[0], MeshWorkload):
        put_program(args[0], where, program)


def put_program(workload: MeshWorkload, where: Value, program: Value) -> None:
    """Add a program for a range; one whose range is not known gets a key of its own."""
    key = coordinate_range(where) or where
    workload.programs.items[identity(key)] = (copied(key), program)


@method(MeshWorkload, "get_programs")
def get_programs(m: Machine, site: Site, v: MeshWorkload) -> Value:
    return v.programs


@constructor("AdaptedCachedMeshWorkload", "CachedMeshWorkload")
def construct_cached_workload(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    """The workload with the shared variables of each range, or those of all (program_cache.hpp)."""
    if len(args) == 1 and isinstance(args[0], Struct) and args[0].name == type_.name:
        return args[0]
    if args and isinstance(args[0], InitList) and args[0].names is not None:
        named = dict(zip(args[0].names, args[0].items, strict=True))
        args = [named.get("workload"), named.get("shared_variables")]
    made = Struct(None, type_.name)
    made.fields["workload"] = args[0] if args else MeshWorkload()
    shared = type_.args[0] if type_.args and isinstance(type_.args[0], Type) else None
    given = args[1] if len(args) > 1 else None
    if type_.name == "CachedMeshWorkload" and shared is not None:
        given = build.coerce(m, given, shared) if given is not None else build.default_value(m, shared)
    elif empty(given) or isinstance(given, InitList):
        given = build.default_value(m, Type("unordered_map", (Type("MeshCoordinateRange"), shared)))
    made.fields["shared_variables"] = copied(given)
    if mark is not None:
        made.marks[""] = mark
    return made


@function("apply_override_runtime_arguments", arity=(7, 7), refs=True)
def apply_override(m: Machine, site: Site, args: list[Value]) -> None:
    """(factory, program, shared variables, attributes, coordinate, tensor_args, output): a typed factory's override.

    It gets a proxy of program and shared variables, or in its older form the two (mesh_device_operation_utils.hpp:91-).
    """
    factory, program, shared, attributes, _, tensor_args, output = (value_of(a) for a in args)
    if isinstance(factory, Struct):
        proxy = Struct(None, "CachedProgram")
        proxy.fields = {"program": program, "shared_variables": shared}
        for given in ([proxy, attributes, tensor_args, output], [program, shared, attributes, tensor_args, output]):
            code = m.interp.method(m, factory, "override_runtime_arguments", given)
            if code is not None:
                m.invoke(code, given, factory, None, None, site.mark)
                return
    m.unknown_call(site.name, args, (1,))
