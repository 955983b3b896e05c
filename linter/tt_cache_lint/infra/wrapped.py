"""The framework's adapter of descriptors, called by an op: a mesh factory makes its workload with it, has it refresh
what is bound, and writes itself what is not (facts/since_may_2026.md section 2.3).

What the two functions do is what the framework does for a factory of descriptors (infra/descriptor.py), for the program
of each coordinate (ttnn/api/ttnn/mesh_device_operation_adapter.hpp, DescriptorMeshWorkloadAdapter).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tt_cache_lint.device.mesh import MeshCoordinate, MeshCoordinateRange, MeshCoordinateRangeSet
from tt_cache_lint.device.workload import MeshWorkload, put_program
from tt_cache_lint.infra.adapter import OF_DESCRIPTORS, hook, wrapped_factory
from tt_cache_lint.infra.descriptor import Descriptor
from tt_cache_lint.infra.policy import Inputs, Made
from tt_cache_lint.interp.access import value_of
from tt_cache_lint.interp.registry import Site, static_method
from tt_cache_lint.interp.types import AUTO, Type
from tt_cache_lint.interp.values import Map, Opt, Struct, Value, identity
from tt_cache_lint.source.defs import FunctionDef, StructDef

if TYPE_CHECKING:
    from tt_cache_lint.factory.found import Factory
    from tt_cache_lint.interp.machine import Machine

CACHED = "AdaptedCachedMeshWorkload"


class Part(Struct):
    """What the adapter keeps of a program: it is among the shared variables, and nobody else reads it."""

    __slots__ = ("made", "policy")

    def __init__(self, policy: Descriptor, made: Made) -> None:
        super().__init__(None, "shared_variables_t")
        self.policy = policy
        self.made = made

    def copy(self) -> Part:
        return self  # the workload is moved about, never copied


class Direct:
    """Calls functions of the checked code for a policy, from within such a function."""

    def __init__(self, m: Machine) -> None:
        self.m = m

    def __call__(self, function: FunctionDef, args: list[Value], this: Value = None) -> Value:
        interp: Any = self.m.interp
        return value_of(self.m.invoke(interp.instance(function, {}, interp.owner_of(function)), args, this))


@static_method(OF_DESCRIPTORS, "create_mesh_workload")
def create_mesh_workload(m: Machine, site: Site, type_: Type, args: list[Value]) -> Value:
    """(attributes, coordinates, tensor arguments, return value) -> the cached workload."""
    factory, given = adapted(m, type_), [value_of(a) for a in args]
    coords = given[1] if len(given) == 4 else None
    if factory is None or not isinstance(coords, MeshCoordinateRangeSet):
        return m.unknown_call(f"{OF_DESCRIPTORS}::{site.name}", args)
    workload, kept, cached = MeshWorkload(), Map("unordered_map"), Struct(None, CACHED)
    inputs = Inputs(given[0], given[2], given[3], m.world)
    for at in coords.coords():
        where = MeshCoordinateRange(MeshCoordinate([*at]), MeshCoordinate([*at]))
        policy = Descriptor(Opt(MeshCoordinate([*at])))
        made = policy.make(Direct(m), factory, inputs)
        put_program(workload, where, made.program)
        kept.items[identity(where)] = (where, Part(policy, made))
    cached.fields = {"workload": workload, "shared_variables": kept}
    return cached


@static_method(OF_DESCRIPTORS, "apply_descriptor")
def apply_descriptor(m: Machine, site: Site, type_: Type, args: list[Value]) -> Value:
    """(cached workload, attributes, tensor arguments, return value): what a hit does."""
    factory, given = adapted(m, type_), [value_of(a) for a in args]
    cached = given[0] if len(given) == 4 else None
    kept = cached.fields.get("shared_variables") if isinstance(cached, Struct) else None
    if factory is None or not isinstance(kept, Map):
        return m.unknown_call(f"{OF_DESCRIPTORS}::{site.name}", args, (0,))
    inputs = Inputs(given[1], given[2], given[3], m.world)
    for _, part in kept.items.values():
        if isinstance(part, Part):
            part.policy.refresh(Direct(m), factory, part.made, inputs)
    return None


def adapted(m: Machine, type_: Type) -> Factory | None:
    """The factory of descriptors that an adapter is for; None for one of workloads, or that is not found."""
    interp: Any = m.interp
    struct = wrapped_factory(type_)
    key = f"adapted {struct.file.path} {'::'.join(struct.inner)}" if struct is not None else ""
    if struct is not None and key not in interp.memory:
        interp.memory[key] = _adapted(interp, struct)
    found: Factory | None = interp.memory.get(key)
    return found


def _adapted(interp: Any, struct: StructDef) -> Factory | None:
    from tt_cache_lint.factory.found import Factory

    create = next((f for name in Descriptor.creates for f in interp.methods(struct, name) if f.body is not None), None)
    if create is None:
        return None
    override = hook(interp, struct, None)
    return Factory(struct.name, Descriptor.name, create, override, struct, None, None, AUTO, AUTO, AUTO)
