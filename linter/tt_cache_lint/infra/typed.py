"""Typed factories: create() / override_runtime_arguments() / shared_variables_t / cached_program_t.

On a hit only the override runs (ttnn/api/ttnn/mesh_device_operation_adapter.hpp:259-306, device_operation.hpp:259-295).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.program import Program
from tt_cache_lint.infra.data_driven import data_driven
from tt_cache_lint.infra.policy import Call, Inputs, Made
from tt_cache_lint.interp.interrupts import Thrown
from tt_cache_lint.interp.types import AUTO
from tt_cache_lint.interp.values import Struct, Value, Vec
from tt_cache_lint.source.defs import FunctionDef

if TYPE_CHECKING:
    from tt_cache_lint.factory.find import Finder
    from tt_cache_lint.factory.found import Factory


class Typed:
    """The policy of typed factories."""

    name = "typed"
    many = False

    def mentioned(self, text: bytes) -> bool:
        """Does the file name a create() and one of its partners?"""
        return b"create" in text and (b"override_runtime_arguments" in text or b"cached_program_t" in text)

    def find(self, finder: Finder, path: str) -> list[Factory]:
        """The factories whose create() is defined in the file."""
        defs = finder.index.defs(path)
        if defs is None:
            return []
        candidates = (self._factory(finder, create) for create in defs.functions.get("create", ()))
        return [factory for factory in candidates if factory is not None]

    def make(self, call: Call, factory: Factory, inputs: Inputs) -> Made:
        """create() gives the program and the shared variables."""
        cached = call(factory.create, [inputs.attributes, inputs.tensor_args, inputs.output])
        program, shared = taken_apart(cached)
        if program is None:
            raise Thrown("create() gives no program that can be read")
        return Made(program, (shared,) if shared is not None else (), cached)

    def refresh(self, call: Call, factory: Factory, made: Made, inputs: Inputs) -> None:
        """The override, in its four- or five-argument form (mesh_device_operation_utils.hpp:97-118)."""
        if factory.override is None:
            return
        given: list[Value] = [inputs.attributes, inputs.tensor_args, inputs.output]
        split = len(factory.override.params) >= 5
        shared = made.shares[0] if made.shares else None
        call(factory.override, [made.program, shared, *given] if split else [made.cached, *given])

    @staticmethod
    def _factory(finder: Finder, create: FunctionDef) -> Factory | None:
        from tt_cache_lint.factory.found import Factory

        if not create.scope or len(create.params) < 2 or create.body is None:
            return None
        interp = finder.interp
        struct = interp.owner_of(create)
        if struct is None and not finder.has_override(create):
            return None
        returned = create.file.text_of(create.returns) if create.returns is not None else ""
        override = finder.override(create, struct)
        if override is None and "cached_program_t" not in returned and "CachedProgram" not in returned:
            return None
        scoping = interp.scoping(create.file, create.scope)
        params = [scoping.type(p.type, p.declarator) for p in create.params] + [AUTO] * 3
        return Factory(
            finder.name(create, struct),
            Typed.name,
            create,
            override,
            struct,
            finder.shared(create, struct),
            finder.operation(create, struct),
            params[0],
            params[1],
            params[2],
            finder.templates(create),
            skip=data_driven(interp, params[0]),
        )


def taken_apart(cached: Value) -> tuple[Program | None, Struct | None]:
    """The program and the shared variables of a cached program, which may also be a pair."""
    if isinstance(cached, Struct):
        program, shared = cached.fields.get("program"), cached.fields.get("shared_variables")
        return (program if isinstance(program, Program) else None), (shared if isinstance(shared, Struct) else None)
    if isinstance(cached, Vec) and cached.items and isinstance(cached.items[0], Program):
        shared = cached.items[1] if len(cached.items) > 1 else None
        return cached.items[0], shared if isinstance(shared, Struct) else None
    return None, None
