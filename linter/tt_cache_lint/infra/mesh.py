"""Mesh factories: create_mesh_workload() or create_at() / override_runtime_arguments() / cached_mesh_workload_t.

A miss runs create_mesh_workload(), or create_at() once for each coordinate where there is none
(ttnn/api/ttnn/device_operation.hpp:74-114); a hit gives the whole cached workload to the override, which has to find
the shared variables of each program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.mesh import MeshCoordinate, workload_coords
from tt_cache_lint.device.program import Program
from tt_cache_lint.device.workload import Joined, MeshWorkload, put_program
from tt_cache_lint.infra.data_driven import data_driven
from tt_cache_lint.infra.policy import Call, Inputs, Made
from tt_cache_lint.infra.typed import taken_apart
from tt_cache_lint.interp.interrupts import Thrown
from tt_cache_lint.interp.types import AUTO, Type
from tt_cache_lint.interp.values import Map, Struct, Value, identity
from tt_cache_lint.source.defs import FunctionDef, StructDef

if TYPE_CHECKING:
    from tt_cache_lint.factory.find import Finder
    from tt_cache_lint.factory.found import Factory

WORKLOAD, AT = "create_mesh_workload", "create_at"
ALIAS = "cached_mesh_workload_t"
CACHED = ("AdaptedCachedMeshWorkload", "CachedMeshWorkload")
# Workers, multiplexers and their helpers of several links do not fit on a few cores.
GRIDS = ((8, 8), (8, 7), (7, 8))


class Mesh:
    """The policy of mesh factories."""

    name = "mesh"
    many = True

    def mentioned(self, text: bytes) -> bool:
        """Does the file name one of the two creating functions?"""
        return WORKLOAD.encode() in text or AT.encode() in text

    def find(self, finder: Finder, path: str) -> list[Factory]:
        """The factories whose create_mesh_workload(), or create_at() if they have no other, the file defines."""
        defs = finder.index.defs(path)
        if defs is None:
            return []
        found = [self._factory(finder, f) for f in defs.functions.get(WORKLOAD, ())]
        found += [self._factory(finder, f) for f in defs.functions.get(AT, ())]
        return [factory for factory in found if factory is not None]

    def make(self, call: Call, factory: Factory, inputs: Inputs) -> Made:
        """The workload with the shared variables of each of its ranges."""
        given = [inputs.tensor_args, inputs.output]
        coords = workload_coords(inputs.world)
        if factory.create.name == WORKLOAD:
            cached = call(factory.create, [inputs.attributes, coords, *given])
        else:
            cached = _at_each(call, factory, inputs.attributes, coords.coords(), given)
        return _made(cached)

    def refresh(self, call: Call, factory: Factory, made: Made, inputs: Inputs) -> None:
        """The override gets the cached workload."""
        if factory.override is not None:
            call(factory.override, [made.cached, inputs.attributes, inputs.tensor_args, inputs.output])

    @staticmethod
    def _factory(finder: Finder, create: FunctionDef) -> Factory | None:
        from tt_cache_lint.factory.found import Factory

        if not create.scope or len(create.params) < 4 or create.body is None:
            return None
        interp = finder.interp
        struct = interp.owner_of(create)
        if struct is None:
            return None
        if create.name == AT and interp.methods(struct, WORKLOAD):
            return None
        cached = interp.scoping(struct.file, struct.inner).named((ALIAS,))
        returned = create.file.text_of(create.returns) if create.returns is not None else ""
        known = (ALIAS, *CACHED) if create.name == WORKLOAD else CACHED  # the older infra has a function of this name
        if not any(name in returned for name in known) and (create.name == WORKLOAD or cached.name not in CACHED):
            return None
        scoping = interp.scoping(create.file, create.scope)
        params = [scoping.type(p.type, p.declarator) for p in create.params] + [AUTO]
        return Factory(
            finder.name(create, struct),
            Mesh.name,
            create,
            _override(finder, create, struct),
            struct,
            _shared(finder, create, struct, cached),
            finder.operation(create, struct),
            params[0],
            params[2],
            params[3],
            finder.templates(create),
            grids=GRIDS,
            skip=data_driven(interp, params[0]),
        )


def _override(finder: Finder, create: FunctionDef, struct: StructDef) -> FunctionDef | None:
    """The override that takes a cached workload; a class may have others, for helpers and wrappers."""
    methods = [f for f in finder.interp.methods(struct, "override_runtime_arguments") if f.body is not None]
    for method in methods:
        first = method.params[0] if method.params else None
        if first is not None and len(method.params) == 4:
            type_ = finder.interp.scoping(method.file, method.scope).type(first.type, first.declarator)
            if type_.name in CACHED:
                return method
    return methods[0] if methods else finder.override(create, struct)


def _shared(finder: Finder, create: FunctionDef, struct: StructDef, cached: Type) -> StructDef | None:
    if cached.args and isinstance(cached.args[0], Type) and isinstance(cached.args[0].decl, StructDef):
        return cached.args[0].decl
    return finder.shared(create, struct)


def _at_each(
    call: Call, factory: Factory, attributes: Value, coords: list[tuple[int, ...]], given: list[Value]
) -> Value:
    """What the framework makes of create_at(): a program and shared variables for each coordinate."""
    cached = Struct(None, CACHED[0])
    workload, shares = MeshWorkload(), Map("unordered_map")
    for coord in coords:
        where = MeshCoordinate(list(coord))
        program, shared = taken_apart(call(factory.create, [attributes, where, *given]))
        if program is None:
            raise Thrown("create_at() gives no program that can be read")
        put_program(workload, where, program)
        shares.items[identity(where)] = (where, shared)
    cached.fields = {"workload": workload, "shared_variables": shares}
    return cached


def _made(cached: Value) -> Made:
    workload = cached.fields.get("workload") if isinstance(cached, Struct) else None
    if not isinstance(workload, MeshWorkload) or not workload.programs.items:
        raise Thrown("create_mesh_workload() gives no workload that can be read")
    kept = cached.fields.get("shared_variables")
    parts: list[Program] = []
    places: list[str] = []
    shares: list[Struct] = []
    for key, (where, program) in workload.programs.items.items():
        if not isinstance(program, Program):
            raise Thrown("the workload holds a program that cannot be read")
        shared = kept.items.get(key, (None, None))[1] if isinstance(kept, Map) else kept
        parts.append(program)
        places.append(repr(where))
        if isinstance(shared, Struct):
            shares.append(shared)
    if len(shares) != len(parts):  # without its own, a part is told by the first one's
        shares = shares[:1]
    return Made(Joined(parts, places), tuple(shares), cached)
