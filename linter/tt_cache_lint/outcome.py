"""What the executions of one world left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tt_cache_lint.device.program import Event, Failure, Program
from tt_cache_lint.interp.interrupts import Thrown
from tt_cache_lint.interp.machine import Branch
from tt_cache_lint.interp.values import NOWHERE, Mark, Struct, Value, Vec
from tt_cache_lint.interp.world import World


@dataclass(slots=True)
class Snapshot:
    """What create() left in the program, before the override ran: arguments by the kernel's position, and buffers."""

    args: dict[tuple[int, object], list[Value]] = field(default_factory=dict)
    buffers: list[Value] = field(default_factory=list)


@dataclass(slots=True)
class Outcome:
    """The three executions of one world."""

    world: World
    after: Program
    fresh: Program
    created: Snapshot
    shares: tuple[Struct, ...]
    events: list[Event]
    failures: list[Failure]
    unknown: dict[str, int]
    copies: list[Vec]
    unset: dict[str, Mark | None]
    touched_by_override: int
    override_unknown: dict[str, int]
    thrown: Thrown | None = None
    violations: dict[str, tuple[dict[str, Value], ...]] = field(default_factory=dict)
    numeric: list[Branch] = field(default_factory=list)
    limits: list[Value] = field(default_factory=list)
    switched: str = ""  # the factory that run 2 would select instead, where the inputs of the runs differ
    core: list[int] = field(default_factory=list)  # the leaves that create() and the override branch on
    # The checks that only run 2 breaks, where they are not insisted on and the inputs of the runs differ.
    refused: dict[str, tuple[dict[str, Value], ...]] = field(default_factory=dict)
    table: Any = None  # what compare.tabulate made of it
    ways: list[Value] = field(default_factory=list)
    statics: dict[object, Value] = field(default_factory=dict)  # the local statics of functions that were called
    programs: list[Program] = field(default_factory=list)  # others that the executions made
    selected: int = 0  # the leaves that the selection of the factory branched on

    def release(self) -> None:
        """Empty what refers to itself, which would wait for the garbage collector; the outcome is of no use then."""
        self.table = None
        for program in (self.after, self.fresh, *self.programs):
            program.release()

    @property
    def shared(self) -> Struct | None:
        """The shared variables; those of the first program where each has its own."""
        return self.shares[0] if self.shares else None

    def kept_with(self, program: Program) -> Struct | None:
        """The shared variables that belong to a program of the workload."""
        return self.shares[program.part] if program.part < len(self.shares) else self.shared


def snapshot_of(program: Program) -> Snapshot:
    made = Snapshot()
    for position, kernel in enumerate(program.kernels):
        for xy, data in kernel.args.items():
            made.args[(position, xy)] = list(data.vals)
        if kernel.common is not None:
            made.args[(position, None)] = list(kernel.common.vals)
    made.buffers = [cb.buffer for cb in program.cbs]
    return made


def unset_of(shared: Struct | None) -> dict[str, Mark | None]:
    """The shared variables that create() never gave a value (what it only read counts as not given)."""
    if shared is None or shared.type is None:
        return {}
    return {f.name: None for f in shared.type.fields if f.name not in shared.fields and not _filled(shared, f.name)}


def _filled(shared: Struct, name: str) -> bool:
    value = shared.defaults.get(name)
    if isinstance(value, Vec):
        return bool(value.items)
    items = getattr(value, "items", None)
    if isinstance(items, dict):
        return bool(items)
    fields = getattr(value, "fields", None)
    if isinstance(fields, dict):
        return bool(fields)
    ranges = getattr(value, "ranges", None)
    return bool(ranges)


def read_unset_of(shared: Struct | None, unset: dict[str, Mark | None]) -> dict[str, Mark | None]:
    if shared is None:
        return {}
    return {name: shared.marks.get("") or NOWHERE for name in unset if name in shared.defaults}
