"""Why a slot is wrong: what the override did there, or elsewhere, instead."""

from __future__ import annotations

from tt_cache_lint.compare import Reading, SlotState, WorldTable, same
from tt_cache_lint.coordinates import left_out_coordinate, of_another_coordinate
from tt_cache_lint.device.allocated import OWN
from tt_cache_lint.device.arguments import ArgView
from tt_cache_lint.device.cores import CoreRangeSet
from tt_cache_lint.device.tensors import Buffer
from tt_cache_lint.factory.found import Factory
from tt_cache_lint.interp.values import Map, Obj, Opt, Struct, Value, Vec, mask
from tt_cache_lint.interp.world import World
from tt_cache_lint.model import Cause, SlotKind
from tt_cache_lint.owners import holds, owner_of, owners_of


def cause_of(factory: Factory, table: WorldTable, state: SlotState) -> tuple[Cause, str, str]:
    """(cause, shared variable concerned, other slot) of a wrong slot in one world."""
    bad = state.bad
    written = [r for r in bad if r.write is not None]
    if _freed(table.outcome.world, (written or bad)[0]):
        return Cause.FREED, "", ""
    if written:
        if of_another_coordinate(table, state, written[0]):
            return Cause.WRONG_COORDINATE, "", ""
        cause, name = _wrong_write(table, written[0])
        if cause is Cause.WRONG_TENSOR:
            swapped = _swapped_with(table, state, written[0])
            if swapped:
                return Cause.WRONG_HANDLE, "", swapped
        return cause, name, ""
    if factory.bound:
        return Cause.UNBOUND, "", ""
    good = [r for r in state.needing if not r.wrong and r.write is not None]
    unset = _unset_handle(table, state)
    if good:
        return Cause.PARTIAL_CORES, "", ""
    if any(kernel.named for kernel in table.outcome.fresh.kernels):  # there are no handles in a spec
        return Cause.NOT_REFRESHED, "", ""
    narrow = next((f for f in table.outcome.failures if f.kind == "narrow" and f.phase == "override"), None)
    if narrow is not None:
        return Cause.NARROWED, "", ""
    if unset:
        return Cause.UNINITIALISED, unset, ""
    if left_out_coordinate(table, state):
        return Cause.WRONG_COORDINATE, "", ""
    elsewhere = _written_elsewhere(table, state, bad[0])
    if elsewhere:
        return Cause.WRONG_HANDLE, "", elsewhere
    if _copied(table, state):
        return Cause.LOST_COPY, "", ""
    if _nothing_written(table):
        return Cause.NO_OVERRIDE, "", ""
    target: Obj | None = state.kernel if state.kernel is not None else state.cb
    touched = target is not None and bool(getattr(target, "touched", False))
    described = bool(getattr(target, "described", False))
    if not touched and not described and not holds(table.outcome.kept_with(state.program), target):
        return Cause.NOT_SHARED, "", ""
    return Cause.NOT_REFRESHED, "", ""


def _swapped_with(table: WorldTable, state: SlotState, reading: Reading) -> str:
    """The same slot of another kernel or buffer when the two got each other's values."""
    for other in table.slots.values():
        if other.ordinal == state.ordinal or other.slot.kind is not state.slot.kind:
            continue
        if other.program is not state.program:
            continue
        if other.slot.index != state.slot.index:
            continue
        for r in other.readings:
            if r.core == reading.core and same(r.found, reading.expected) and same(r.expected, reading.found):
                return other.slot.name
    return ""


def _wrong_write(table: WorldTable, reading: Reading) -> tuple[Cause, str]:
    world = table.outcome.world
    owner = owner_of(world, reading.found)
    wanted = owner_of(world, reading.expected)
    if same(reading.found, reading.created) and mask(reading.found) & world.dispatch:
        return Cause.RUN1_CAPTURE, _captured_in(table.outcome.shared, reading.found)
    if owner is not None and owner[1] == 1:
        return Cause.RUN1_CAPTURE, _captured_in(table.outcome.shared, reading.found)
    if owner is not None and wanted is not None and owner[0] != wanted[0]:
        return Cause.WRONG_TENSOR, ""
    return Cause.WRONG_VALUE, ""


def _unset_handle(table: WorldTable, state: SlotState) -> str:
    """The shared variable without a value that leaves the slot out: for an argument rather a list of cores."""
    shared = table.outcome.shared
    names = [name for name, mark in table.outcome.unset.items() if mark is not None]
    if shared is not None and state.kernel is not None:
        names.sort(key=lambda n: not isinstance(shared.defaults.get(n), (Vec, Map, CoreRangeSet)))
    return names[0] if names else ""


def _nothing_written(table: WorldTable) -> bool:
    if any(f.phase == "override" for f in table.outcome.failures):
        return False
    return not any(r.write is not None for s in table.slots.values() for r in s.readings)


def _written_elsewhere(table: WorldTable, state: SlotState, reading: Reading) -> str:
    """The slot of another kernel or buffer that got what belongs here, if it did not belong there."""
    for other in table.slots.values():
        if other.ordinal == state.ordinal and other.slot.kind is state.slot.kind:
            continue
        if other.program is not state.program:
            continue
        if (other.slot.kind is SlotKind.CB) != (state.slot.kind is SlotKind.CB):
            continue
        if other.slot.kind is not SlotKind.CB and other.slot.index != state.slot.index:
            continue
        for r in other.readings:
            if r.core == reading.core and r.write is not None and r.wrong and same(r.found, reading.expected):
                return other.slot.name
    for failure in table.outcome.failures:
        if failure.phase == "override" and failure.kind == "range" and failure.index == state.slot.index:
            owner = owner_of(table.outcome.world, reading.expected)
            if owner is not None and f"address of {owner[0]}" in failure.inputs and failure.owner != state.slot.owner:
                return f"{failure.owner} arg {failure.index}"
    return ""


def _copied(table: WorldTable, state: SlotState) -> bool:
    for copy in table.outcome.copies:
        view = copy.copy_of
        if isinstance(view, ArgView) and view.kernel is state.kernel and copy.written:
            if state.slot.index in copy.written:
                return True
    return False


def _captured_in(shared: Struct | None, value: Value) -> str:
    """The shared variable that holds what belongs to run 1."""
    if shared is None:
        return ""
    for name, item in shared.fields.items():
        if same(item, value):
            return name
        inner = item.v if isinstance(item, Opt) else item
        if isinstance(inner, Buffer) or hasattr(inner, "buffer"):
            return name
    return ""


def _freed(world: World, reading: Reading) -> bool:
    """Does the slot need what create() itself allocates, and is nothing else written there?"""
    values = [reading.expected, *([reading.found] if reading.write is not None else ())]
    owners = [owners_of(world, value) for value in values]
    return all(names and all(name.startswith(OWN) for name in names) for names in owners)
