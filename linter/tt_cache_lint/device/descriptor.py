"""ProgramDescriptor: the declarative form of a program, and the Program made from it.

The descriptor structs are ordinary aggregates of the analysed tree (tt-metalium/program_descriptors.hpp); here is what
`Program{descriptor}` makes of them: all circular buffers, semaphores, then kernels in order (program.cpp:305-392).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tt_cache_lint.device.api import log_event
from tt_cache_lint.device.arguments import set_args
from tt_cache_lint.device.buffer_methods import buffer_size
from tt_cache_lint.device.circular_buffers import index_key
from tt_cache_lint.device.cores import XY, cores_of, to_coord
from tt_cache_lint.device.layout_methods import data_format, page_size
from tt_cache_lint.device.program import CircularBuffer, Kernel, Program, buffer_of, new_program
from tt_cache_lint.device.tensor_spec import ShardSpec, round_up
from tt_cache_lint.device.tensors import Buffer, Tensor
from tt_cache_lint.interp.interrupts import Implausible
from tt_cache_lint.interp.registry import Site, function, method
from tt_cache_lint.interp.values import (
    NOWHERE,
    InitList,
    Mark,
    Opaque,
    Opt,
    Struct,
    Unknown,
    Value,
    Vec,
    copied,
    empty,
    mask,
    plain,
)

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine


@dataclass(slots=True, frozen=True)
class Binding:
    """What is bound to a tensor's buffer: an argument of a kernel on a core (of all, without one), or a circular
    buffer.

    `kernel` is the position of the kernel in the descriptor, None for a circular buffer; `position` is the argument's
    index, or the circular buffer's.
    """

    buffer: Buffer
    position: int
    kernel: int | None = None
    core: XY | None = None

    @property
    def is_argument(self) -> bool:
        return self.kernel is not None


def bindings(m: Machine, descriptor: Struct) -> Iterator[Binding]:
    """What a descriptor binds: arguments given as a Buffer*, and circular buffers with a `.buffer`
    (program_descriptors.cpp:200-219)."""
    for at, kernel in enumerate(_items(descriptor.get("kernels"))):
        if not isinstance(kernel, Struct):
            continue
        for pair in _items(kernel.get("runtime_args")):
            parts = _items(pair)
            if len(parts) == 2:
                core = to_coord(m, parts[0]).xy
                for index, word in enumerate(_items(parts[1])):
                    if isinstance(word, Buffer):
                        yield Binding(word, index, at, core)
        for index, word in enumerate(_items(kernel.get("common_runtime_args"))):
            if isinstance(word, Buffer):
                yield Binding(word, index, at)
    for at, item in enumerate(_items(descriptor.get("cbs"))):
        buffer = item.get("buffer") if isinstance(item, Struct) else None
        buffer = buffer_of(buffer)
        if isinstance(buffer, Buffer):
            yield Binding(buffer, at)


def _items(value: Value) -> list[Value]:
    if isinstance(value, Opt):
        value = value.v
    return value.items if isinstance(value, (Vec, InitList)) else []


def _mark_of(items: Value, position: int) -> Mark | None:
    return items.marks[position] if isinstance(items, Vec) else None


def program_from_descriptor(m: Machine, program: Program, descriptor: Value, mark: Mark | None) -> None:
    """Fill a program from a descriptor."""
    if not isinstance(descriptor, Struct):
        program.escape(m, "a program made from something unknown")
        return
    where = mark or NOWHERE
    cbs, kernels = descriptor.get("cbs"), descriptor.get("kernels")
    for position, item in enumerate(_items(cbs)):
        if isinstance(item, Struct):
            _add_cb(m, program, item, item.marks.get("") or _mark_of(cbs, position) or where)
    made = []
    for position, item in enumerate(_items(kernels)):
        if isinstance(item, Struct):
            kernel = _add_kernel(m, program, item, _mark_of(kernels, position) or where)
            made.append((kernel, item))
    for kernel, item in made:
        _add_arguments(m, kernel, item)


def _add_cb(m: Machine, program: Program, item: Struct, mark: Mark) -> None:
    cb = CircularBuffer(program, cores_of(m, item.get("core_ranges")), mark)
    cb.cores_mask = mask(item.get("core_ranges"))
    cb.stack = tuple(m.stack)
    cb.total = item.get("total_size")
    buffer = item.get("buffer")
    cb.buffer = buffer_of(buffer) if not empty(buffer) and buffer != 0 else None
    cb.offset = item.get("address_offset")
    for entry in _items(item.get("format_descriptors")):
        inner = entry
        while isinstance(inner, (InitList, Vec)) and len(inner.items) == 1:
            inner = inner.items[0]
        if isinstance(inner, Struct):
            key = index_key(m, inner.get("buffer_index"))
            cb.formats[key] = inner.get("data_format")
            cb.pages[key] = inner.get("page_size")
    program.cbs.append(cb)
    log_event(m, "cb", mark, cb)


def _add_kernel(m: Machine, program: Program, item: Struct, mark: Mark) -> Kernel:
    kernel = Kernel(program, item.get("kernel_source"), cores_of(m, item.get("core_ranges")), item, mark)
    kernel.stack = tuple(m.stack)
    kernel.cores_mask = mask(item.get("core_ranges"))
    kernel.described = True
    program.kernels.append(kernel)
    log_event(m, "kernel", mark, kernel)
    return kernel


def _add_arguments(m: Machine, kernel: Kernel, item: Struct) -> None:
    mark = kernel.mark
    runtime = item.get("runtime_args")
    for position, pair in enumerate(_items(runtime)):
        parts = _items(pair)
        if len(parts) == 2:
            set_args(m, kernel, [to_coord(m, parts[0]).xy], parts[1], _mark_of(runtime, position) or mark)
    common = item.get("common_runtime_args")
    if _items(common):
        set_args(m, kernel, [], common, mark, common=True)


def _words(args: Value) -> Vec:
    """The words of an argument list, which may be a KernelDescriptor::RTArgList (program_descriptors.hpp:159-176)."""
    listed = args.get("items_") if isinstance(args, Struct) else args
    if isinstance(listed, Unknown):
        return Vec([Opaque(listed.key, p=listed.p)])
    marks = list(listed.marks) if isinstance(listed, (Vec, InitList)) else None
    return Vec([buffer_of(i) if isinstance(i, Tensor) else i for i in _items(listed)], "vector", marks)


@method(Struct, "emplace_runtime_args")
def emplace_runtime_args(m: Machine, site: Site, v: Struct, core: Value, args: Value) -> None:
    """KernelDescriptor::emplace_runtime_args(core, {value or Buffer*, ...}) (program_descriptors.cpp:200-219)."""
    runtime = v.get("runtime_args")
    if not isinstance(runtime, Vec):
        runtime = Vec([])
    v.fields["runtime_args"] = runtime
    runtime.push(Vec([copied(core), _words(args)], "pair"), site.mark)


@method(Struct, "emplace_common_runtime_args")
def emplace_common_runtime_args(m: Machine, site: Site, v: Struct, args: Value) -> None:
    common = v.get("common_runtime_args")
    if not isinstance(common, Vec):
        common = Vec([])
    v.fields["common_runtime_args"] = common
    words = _words(args)
    for item, mark in zip(words.items, words.marks, strict=True):
        common.push(item, mark or site.mark)


@function("cb_descriptor_from_sharded_tensor", arity=(2, 5))
def cb_of_sharded_tensor(m: Machine, site: Site, args: list[Value]) -> Value:
    """A circular buffer descriptor over a sharded tensor's buffer (ttnn/core/tensor/tensor_utils.cpp:19-44)."""
    tensor = args[1].v if isinstance(args[1], Opt) else args[1]
    if not isinstance(tensor, Tensor):
        return m.unknown_call(site.name, args)
    spec, buffer = tensor.spec, tensor.buffer
    shard = plain(spec.layout.memory.shard_spec) if spec.layout.memory.sharded else None
    if not isinstance(shard, ShardSpec):
        raise Implausible("a circular buffer over a tensor that is not sharded")
    total = args[3] if len(args) > 3 and plain(args[3]) != 0 else None
    cores = args[4] if len(args) > 4 and not empty(args[4]) else shard.grid
    made = Struct(None, "CBDescriptor")
    form = Struct(None, "CBFormatDescriptor")
    form.fields.update(
        buffer_index=args[0],
        data_format=data_format(m, spec.layout.dtype),
        page_size=round_up(page_size(m, spec), 32),
        tile=None,
    )
    made.fields.update(
        total_size=total if total is not None else buffer_size(m, Site(site.mark, "aligned_size_per_bank"), buffer),
        core_ranges=cores.v if isinstance(cores, Opt) else cores,
        format_descriptors=Vec([form]),
        remote_format_descriptors=Vec([]),
        buffer=buffer,
        address_offset=args[2] if len(args) > 2 else 0,
        global_circular_buffer=None,
    )
    made.marks[""] = site.mark
    return made


@function("apply_descriptor_runtime_args", arity=(2, 2))
def apply_descriptor(m: Machine, site: Site, args: list[Value]) -> None:
    """Copy all runtime args and tensor-backed circular buffers of a descriptor into a program."""
    program, descriptor = args
    if not isinstance(program, Program) or not isinstance(descriptor, Struct):
        m.unknown_call("apply_descriptor_runtime_args", args)
        return
    fresh = new_program(m, site.mark)
    phase, m.phase = m.phase, "descriptor"
    length = len(m.log)
    program_from_descriptor(m, fresh, descriptor, site.mark)
    del m.log[length:]
    m.phase = phase
    stack = tuple(m.stack)
    for old, new in zip(program.kernels, fresh.kernels, strict=False):
        for xy, data in new.args.items():
            set_args(m, old, [xy], Vec(data.vals, "vector", data.marks), site.mark)
        if new.common is not None and old.common is not None:
            old.common.vals = new.common.vals
            old.common.writes.update(dict.fromkeys(range(len(new.common.vals)), (site.mark, stack)))
    for old_cb, new_cb in zip(program.cbs, fresh.cbs, strict=False):
        if not empty(new_cb.buffer):
            old_cb.buffer = new_cb.buffer
            old_cb.writes.append((site.mark, stack))
