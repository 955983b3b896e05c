"""What an op of the callback infra hands to the cache: programs, each with the callbacks that a hit runs for it.

create_program() gives one program with its callbacks. create_mesh_workload() gives a workload, and callbacks by the
range of coordinates, or one for all of it (CacheableMeshWorkload, ttnn/api/ttnn/operation.hpp in mid 2025).
"""

from __future__ import annotations

from dataclasses import dataclass

from tt_cache_lint.device.program import Program
from tt_cache_lint.device.tensors import Tensor
from tt_cache_lint.device.workload import Joined, MeshWorkload
from tt_cache_lint.interp.values import Enum, FuncRef, Lambda, Map, Opt, Struct, Unknown, Value
from tt_cache_lint.source.defs import FunctionDef

ADDRESSES, ARGUMENTS = "override_addresses_callback", "override_runtime_arguments_callback"
FOR_ALL, FOR_EACH = "workload_callback", "per_program_callbacks"


@dataclass(slots=True)
class Part:
    """A program with its callbacks. `target` is what the callback for arguments changes: it, or the whole workload."""

    program: Program
    target: Value
    addresses: Value = None
    arguments: Value = None
    place: str = ""

    @property
    def callback(self) -> Value:
        """The callback that says what is kept; the one for arguments if there are both."""
        return self.arguments if self.arguments is not None else self.addresses


def parts_of(made: Value) -> list[Part]:
    """The programs that an op made; empty when there is none that can be read."""
    if isinstance(made, Opt):
        made = made.v
    if not isinstance(made, Struct):
        return []
    workload = _inner(made.fields.get("workload"))
    if isinstance(workload, MeshWorkload):
        return _of_workload(made, workload)
    program = _inner(made.fields.get("program"))
    if not isinstance(program, Program):
        return []
    return [Part(program, program, callback(made, ADDRESSES), callback(made, ARGUMENTS))]


def joined(parts: list[Part]) -> Program:
    """The programs as one; a single one is itself."""
    return parts[0].program if len(parts) == 1 else Joined([p.program for p in parts], [p.place for p in parts])


def takes(target: Value) -> int:
    """How many parameters a callback has."""
    return len(target.code.params) if isinstance(target, Lambda) else -1


def definition(target: Value) -> FunctionDef | None:
    """A callback as a function, for places and names."""
    if not isinstance(target, Lambda) or target.code.node is None or target.code.node.parent is None:
        return None
    code = target.code
    return FunctionDef(ARGUMENTS, (), code.scoping.file, code.node.parent, params=code.params, body=code.node)


def captures(target: Value) -> Struct | None:
    """What a callback keeps, by name: its shared variables."""
    if not isinstance(target, Lambda):
        return None
    kept = Struct(None, "captures")
    low = target.code.scoping_lowering
    names = {variable.slot: name for name, variable in low.scopes[0].items()}
    for slot, value in target.copies:
        kept.fields[names.get(slot, f"#{slot}")] = value
    for name, variable in low.borrowed.items():
        frame = target.frame
        if frame is not None and variable.slot < len(frame):
            kept.fields.setdefault(name, frame[variable.slot])
    return kept


def dangling(target: Value, depth: int = 0) -> dict[str, Value]:
    """The variables of the building function that a callback uses through a reference: a hit finds them gone.

    Also those of lambdas that it keeps. A constant needs no capture, and what a reference refers to may live on, unless
    it is a tensor of the first call.
    """
    if not isinstance(target, Lambda) or depth > 2:
        return {}
    found: dict[str, Value] = {}
    frame = target.frame
    for name, variable in target.code.scoping_lowering.borrowed.items():
        value = frame[variable.slot] if frame is not None and variable.slot < len(frame) else None
        lasting = value is None or isinstance(value, (bool, int, float, str, Enum, Unknown))
        if not lasting and (not variable.ref or isinstance(value, Tensor)):
            found[name] = value
    for _, value in target.copies:
        found.update(dangling(value, depth + 1))
    return found


def callback(made: Value, name: str) -> Value:
    """The callback of a name, where there is one."""
    return _callable(made.fields.get(name)) if isinstance(made, Struct) else None


def _of_workload(made: Struct, workload: MeshWorkload) -> list[Part]:
    each, whole = _inner(made.fields.get(FOR_EACH)), callback(made, FOR_ALL)
    parts: list[Part] = []
    for key, (where, program) in workload.programs.items.items():
        if not isinstance(program, Program):
            return []
        own = each.items.get(key, (None, None))[1] if isinstance(each, Map) else None
        part = Part(program, program, None, _callable(own), repr(where))
        if part.arguments is None and not parts and whole is not None:
            part.target, part.arguments = workload, whole
        parts.append(part)
    return parts


def _inner(value: Value) -> Value:
    while isinstance(value, Opt):
        value = value.v
    return value


def _callable(value: Value) -> Value:
    found = _inner(value)
    return found if isinstance(found, (Lambda, FuncRef)) else None
