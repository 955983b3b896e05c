"""The host API as it was in 2023, where it differs in form: kernels by pointer, circular buffers by a list of numbers.

Sources: tt_metal/host_api.hpp before 2023-07 (kernel pointers), before 2023-09 (CreateCircularBuffers), before 2023-11
(CreateDataMovementKernel, CreateComputeKernel).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device import api, circular_buffers
from tt_cache_lint.device.cores import CoreCoord, CoreRange, CoreRangeSet
from tt_cache_lint.device.kernel_config import KernelConfig
from tt_cache_lint.device.program import CbConfig, Kernel, Program
from tt_cache_lint.device.resources import create_semaphore
from tt_cache_lint.device.tensors import Device
from tt_cache_lint.interp.registry import FUNCTIONS, Function, Site, function, method
from tt_cache_lint.interp.values import Handle, InitList, Obj, Unknown, Value, Vec, plain

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

PLACES = (CoreCoord, CoreRange, CoreRangeSet)


def _is_place(value: Value) -> bool:
    """A core, a range, a set of them, or braces around their numbers."""
    if isinstance(value, InitList):
        numbers = [isinstance(plain(i), int) for i in value.items]
        return bool(numbers) and (all(numbers) or all(isinstance(i, InitList) and _is_place(i) for i in value.items))
    if isinstance(value, Vec):  # a std::set<CoreRange> converts to a CoreRangeSet
        return bool(value.items) and all(isinstance(i, PLACES) for i in value.items)
    return isinstance(value, PLACES)


def _on_cores(args: list[Value]) -> bool:
    """Ops have helpers of the same names, whose third argument is no place."""
    return isinstance(args[0], Program) and (_is_place(args[2]) or isinstance(args[2], Unknown))


@function("CreateDataMovementKernel", "CreateComputeKernel", arity=(3, 9), accepts=_on_cores)
def create_typed_kernel(m: Machine, site: Site, args: list[Value]) -> Value:
    """(program, file, cores, [config]) and, before that, (program, file, cores, compile args, processor, noc)."""
    config: Value = KernelConfig(site.name, list(args[3:]))
    return api.create_kernel(m, site, [*args[:3], config])


@method(Handle, "add_define", "set_runtime_args_count", "set_defines")
def kernel_define(m: Machine, site: Site, v: Handle, *args: Value) -> None:
    """Defines are compile-time state."""
    if isinstance(v.target, Kernel) and isinstance(v.target.config, KernelConfig):
        v.target.config.given.extend(args)


def _numbered_form(args: list[Value]) -> bool:
    """(program, [device,] index or indices, cores, tiles, size, format or address...)"""
    return isinstance(args[0], Program) and not any(isinstance(a, CbConfig) for a in args)


def create_numbered_cb(m: Machine, site: Site, args: list[Value]) -> Value:
    """A circular buffer from its numbers; one that is given an address lies on what has that address."""
    numbered = isinstance(args[1], (Vec, InitList)) or isinstance(plain(args[1]), int)
    program, rest = args[0], args[1:] if numbered else args[2:]
    index, cores, _, size = rest[:4]
    config = CbConfig(size, site.mark)
    items = index.items if isinstance(index, (Vec, InitList)) else [index]
    for item in items:
        config.formats[circular_buffers.index_key(m, item)] = None
    for extra in rest[4:]:
        placed = api.placed(m, extra)
        if isinstance(placed, Obj):
            config.buffer = placed
    return circular_buffers.create_circular_buffer(m, site, [program, cores, config])


@function("CreateCircularBuffers", arity=(5, 10), accepts=_numbered_form)
def create_circular_buffers(m: Machine, site: Site, args: list[Value]) -> Value:
    return create_numbered_cb(m, site, args)


def _any_cb_form(args: list[Value]) -> bool:
    return circular_buffers.is_cb_call(args) or (len(args) >= 6 and _numbered_form(args))


def _create_cb(m: Machine, site: Site, args: list[Value]) -> Value:
    return (circular_buffers.create_circular_buffer if circular_buffers.is_cb_call(args) else create_numbered_cb)(
        m, site, args
    )


FUNCTIONS["CreateCircularBuffer"] = Function(_create_cb, False, (3, 9), _any_cb_form)


class Semaphore(Obj):
    """What CreateSemaphore() returned a pointer to. Its address is as fixed as the number it is known by since."""

    __slots__ = ("number",)

    def __init__(self, number: Value) -> None:
        self.number = number

    def identity(self) -> object:
        return ("semaphore of the program", self.number)


def _with_device(args: list[Value]) -> bool:
    return len(args) == 4 and isinstance(args[1], Device)


def _create_semaphore(m: Machine, site: Site, args: list[Value]) -> Value:
    """(program, device, cores, initial value) until 2023-09; without the device since."""
    if not _with_device(args):
        return create_semaphore(m, site, args)
    number = create_semaphore(m, site, [args[0], *args[2:]])
    return number if isinstance(number, Unknown) else Semaphore(number)


@method(Semaphore, "address", "id")
def semaphore_address(m: Machine, site: Site, v: Semaphore) -> Value:
    return v.number


FUNCTIONS["CreateSemaphore"] = Function(_create_semaphore, False, (3, 4), None)
