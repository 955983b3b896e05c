"""Circular buffers: configs, creation, dynamic addresses and sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.api import NUM_CIRCULAR_BUFFERS, log_event, placed, refuse_when_compiled
from tt_cache_lint.device.cores import cores_of
from tt_cache_lint.device.program import (
    CbConfig,
    CircularBuffer,
    Failure,
    Program,
    cb_of,
)
from tt_cache_lint.device.tensor_spec import DRAM, L1, enum
from tt_cache_lint.device.tensors import Buffer, GlobalSemaphore
from tt_cache_lint.interp import ops, solving
from tt_cache_lint.interp.access import value_of
from tt_cache_lint.interp.interrupts import Thrown
from tt_cache_lint.interp.registry import Site, constructor, function, method
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import (
    Handle,
    InitList,
    Map,
    Mark,
    Obj,
    Opt,
    Unknown,
    Value,
    Vec,
    empty,
    key_of,
    mask,
    plain,
)

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine


# -- circular buffers ------------------------------------------------------------------------------------------------


def index_key(m: Machine, value: Value) -> object:
    bare = plain(ops.number(m, value)) if not isinstance(plain(value), str) else plain(value)
    return bare


@constructor("CircularBufferConfig")
def construct_cb_config(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    if args and isinstance(args[0], CbConfig):
        return args[0].copy()
    config = CbConfig(args[0] if args else 0, mark)
    if len(args) > 1:
        _formats(m, config, args[1])
    if len(args) > 2:
        config.buffer = placed(m, args[2])
    return config


def _formats(m: Machine, config: CbConfig, given: Value) -> None:
    if isinstance(given, Map):
        for key, value in given.items.values():
            config.formats[index_key(m, key)] = value
    elif isinstance(given, (InitList, Vec)):
        items = given.items
        if len(items) == 2 and not isinstance(items[0], (InitList, Vec)):
            items = [given]
        for item in items:
            if isinstance(item, (InitList, Vec)) and len(item.items) == 2:
                config.formats[index_key(m, item.items[0])] = item.items[1]


@method(CbConfig, "set_page_size", "set_tile_dims", "set_data_format", "set_unpack_to_dest_mode")
def cb_page_size(m: Machine, site: Site, v: CbConfig, index: Value, value: Value = None) -> Value:
    if site.name == "set_page_size":
        v.pages[index_key(m, index)] = value
    if site.name == "set_data_format":
        v.formats[index_key(m, index)] = value
    return v


@method(CbConfig, "set_globally_allocated_address", "set_globally_allocated_address_and_total_size")
def cb_set_buffer(m: Machine, site: Site, v: CbConfig, buffer: Value, total: Value = None) -> Value:
    v.buffer = placed(m, buffer)
    _in_l1(m, v.buffer)
    if total is not None:
        v.total = total
    return v


@method(CbConfig, "globally_allocated_address")
def cb_address(m: Machine, site: Site, v: CbConfig) -> Value:
    """Where the circular buffer is placed, if it is (circular_buffer_config.hpp:80)."""
    if isinstance(v.buffer, Buffer):
        return m.world.address(v.buffer.owner, v.buffer.run)
    return None if v.buffer is None else Unknown("globally_allocated_address()", mask(v.buffer))


def _in_l1(m: Machine, buffer: Value) -> None:
    """Circular buffers lie in L1, so what one is placed on has to, too (circular_buffer_config.cpp:183-195)."""
    if m.phase != "create" or not isinstance(buffer, Buffer) or buffer.spec is None:
        return
    memory = buffer.spec.layout.memory
    if plain(memory.buffer_type) != DRAM:
        return
    layout, kind = memory.memory_layout, memory.buffer_type
    sharded = ops.binary(m, "!=", layout, enum("TensorMemoryLayout", "INTERLEAVED"))
    wanted = [
        *(solving.want(sharded, True) if not memory.sharded else ()),
        *solving.want(ops.binary(m, "==", kind, L1), True),
    ]
    message = f"a circular buffer over {buffer.owner}, which is in DRAM"
    if m.checks:
        raise Thrown(message, mask(layout) | mask(kind), tuple(wanted))
    m.violate(f"create: {message}", wanted)


@method(CbConfig, "set_total_size")
def cb_set_total(m: Machine, site: Site, v: CbConfig, total: Value) -> Value:
    v.total = total
    return v


class IndexBuilder(Obj):
    """CircularBufferConfig::index(i): sets things of one index."""

    __slots__ = ("config", "key")

    def __init__(self, config: CbConfig, key: object) -> None:
        self.config = config
        self.key = key


@method(CbConfig, "index", "remote_index")
def cb_index(m: Machine, site: Site, v: CbConfig, index: Value) -> Value:
    key = index_key(m, index)
    v.formats.setdefault(key, None)
    return IndexBuilder(v, key)


@method(IndexBuilder, "set_data_format", "set_page_size", "set_tile_dims", "set_total_size")
def index_set(m: Machine, site: Site, v: IndexBuilder, value: Value) -> Value:
    if site.name == "set_data_format":
        v.config.formats[v.key] = value
    elif site.name == "set_page_size":
        v.config.pages[v.key] = value
    return v


@method(CbConfig, "page_sizes", "data_formats")
def cb_per_index(m: Machine, site: Site, v: CbConfig) -> Value:
    """An optional for each index a circular buffer can have (circular_buffer_config.hpp)."""
    held = v.pages if site.name == "page_sizes" else v.formats
    found: list[Value] = [None] * NUM_CIRCULAR_BUFFERS
    for index, value in held.items():
        if not isinstance(index, int) or not 0 <= index < NUM_CIRCULAR_BUFFERS:
            return Unknown(f"{site.name} of a circular buffer")
        found[index] = Opt(value)
    return Vec(found, "array")


@method(CbConfig, "buffer_indices", "total_size", "page_size", "local_buffer_indices")
def cb_query(m: Machine, site: Site, v: CbConfig, *args: Value) -> Value:
    if site.name == "total_size":
        return v.total
    return Vec(list(v.formats), "set")


def is_cb_call(args: list[Value]) -> bool:
    return isinstance(args[0], Program) and isinstance(args[2], CbConfig)


@function("CreateCircularBuffer", arity=(3, 4), accepts=is_cb_call)
def create_circular_buffer(m: Machine, site: Site, args: list[Value]) -> Value:
    program, cores, config = args[:3]
    refuse_when_compiled(m, program, "a circular buffer is created", site.mark)
    if not isinstance(program, Program) or not isinstance(config, CbConfig):
        if len(args) == 4 or not isinstance(config, CbConfig):
            return m.unknown_call("CreateCircularBuffer", [a for a in args if not isinstance(a, Program)])
        return m.unknown_call("CreateCircularBuffer", args)
    cb = CircularBuffer(program, cores_of(m, cores), site.mark)
    cb.cores_mask = mask(cores)
    cb.stack = tuple(m.stack)
    cb.total, cb.buffer, cb.offset = config.total, config.buffer, config.offset
    cb.formats, cb.pages = dict(config.formats), dict(config.pages)
    if not program.compiled:
        program.cbs.append(cb)
    log_event(m, "cb", site.mark, cb)
    if len(args) > 3:
        cb.buffer = args[3] if isinstance(args[3], GlobalSemaphore) else cb.buffer
    return cb.handle


def _cb(m: Machine, program: Value, handle: Value, site: Site) -> CircularBuffer | None:
    cb = cb_of(m, program, handle)
    if cb is None:
        inner = value_of(handle)
        if isinstance(inner, Opt):
            inner = inner.v
            cb = cb_of(m, program, inner)
            if cb is not None:
                return cb
        target = inner.target if isinstance(inner, Handle) else None
        if isinstance(target, CircularBuffer):
            m.failures.append(
                Failure(
                    "coordinate",
                    f"{site.name} gets a handle of the program at another coordinate",
                    site.mark,
                    tuple(m.stack),
                    m.phase,
                    target.name,
                )
            )
        elif isinstance(plain(inner), int) or empty(inner):
            m.failures.append(
                Failure(
                    "handle",
                    f"{site.name} gets a handle that names no circular buffer of this program",
                    site.mark,
                    tuple(m.stack),
                    m.phase,
                    site.argument_texts[1] if len(site.argument_texts) > 1 else "",
                )
            )
        elif isinstance(program, Program):
            program.escape(m, f"{site.name} with a handle that cannot be told ({key_of(handle)})")
            m.unknown_call(f"{site.name} of an unknown circular buffer", [])
        return None
    cb.touched = True
    if isinstance(value_of(handle), Handle) and value_of(handle).narrow:
        m.failures.append(
            Failure(
                "narrow",
                f"{site.name} gets a handle that was cut to 32 bits",
                site.mark,
                tuple(m.stack),
                m.phase,
                cb.name,
            )
        )
    return cb


@function("UpdateDynamicCircularBufferAddress", "UpdateDynamicCircularBufferAddressAndTotalSize", arity=(3, 4))
def update_cb_address(m: Machine, site: Site, args: list[Value]) -> None:
    cb = _cb(m, args[0], args[1], site)
    if cb is None:
        return
    old = cb.buffer
    cb.buffer = placed(m, args[2])
    stack = tuple(m.stack)
    log_event(m, "cb-address", site.mark, cb, cb.buffer, old)
    if m.phase == "override":
        cb.writes.append((site.mark, stack))
    if len(args) > 3:
        if site.name.endswith("TotalSize"):
            _resize(m, site, cb, args[3])
        else:
            cb.offset = args[3]


def _resize(m: Machine, site: Site, cb: CircularBuffer, total: Value) -> None:
    log_event(m, "cb-size", site.mark, cb, total, cb.total)
    cb.total = total


@function("UpdateCircularBufferTotalSize", arity=(3, 3))
def update_cb_size(m: Machine, site: Site, args: list[Value]) -> None:
    cb = _cb(m, args[0], args[1], site)
    if cb is not None:
        _resize(m, site, cb, args[2])


@function("UpdateCircularBufferPageSize", arity=(4, 4))
def update_cb_page_size(m: Machine, site: Site, args: list[Value]) -> None:
    cb = _cb(m, args[0], args[1], site)
    if cb is not None:
        key = index_key(m, args[2])
        log_event(m, "cb-page-size", site.mark, cb, args[3], cb.pages.get(key))
        cb.pages[key] = args[3]


@function("GetCircularBufferConfig", arity=(2, 2))
def get_cb_config(m: Machine, site: Site, args: list[Value]) -> Value:
    cb = cb_of(m, args[0], args[1])
    if cb is None:
        return Unknown("CircularBufferConfig")
    config = LiveConfig(0, site.mark)
    config.total, config.buffer = cb.total, cb.buffer
    config.formats, config.pages = dict(cb.formats), dict(cb.pages)
    config.cb = cb
    return config


class LiveConfig(CbConfig):
    """A reference to a circular buffer's own config, as GetCircularBufferConfig of older trees gives."""

    __slots__ = ("cb",)

    cb: CircularBuffer

    def copy(self) -> CbConfig:
        return self


@method(LiveConfig, "set_globally_allocated_address")
def live_set_buffer(m: Machine, site: Site, v: LiveConfig, buffer: Value) -> Value:
    v.cb.touched = True
    v.cb.buffer = placed(m, buffer)
    if m.phase == "override":
        v.cb.writes.append((site.mark, tuple(m.stack)))
    return v


@method(LiveConfig, "set_total_size")
def live_set_total(m: Machine, site: Site, v: LiveConfig, total: Value) -> Value:
    _resize(m, site, v.cb, total)
    return v


@method(Program, "circular_buffers")
def program_cbs(m: Machine, site: Site, v: Program) -> Value:
    return Vec(list(v.cbs))


@method(Program, "get_cb_size", "num_kernels", "num_semaphores")
def program_counts(m: Machine, site: Site, v: Program, *args: Value) -> Value:
    return len(v.kernels) if site.name == "num_kernels" else len(v.semaphores)


@method(CircularBuffer, "id")
def cb_id(m: Machine, site: Site, v: CircularBuffer) -> Value:
    return v.handle


@method(CircularBuffer, "buffer_indices", "local_buffer_indices")
def cb_indices(m: Machine, site: Site, v: CircularBuffer) -> Value:
    return Vec(list(v.formats), "set")


@method(CircularBuffer, "globally_allocated")
def cb_global(m: Machine, site: Site, v: CircularBuffer) -> Value:
    return not empty(v.buffer)


@method(CircularBuffer, "config")
def cb_config(m: Machine, site: Site, v: CircularBuffer) -> Value:
    return get_cb_config(m, site, [v.program, v.handle])
