"""The host API's functions: what each call does to the program.

A table from names to handlers; argument orders are those of tt_metal/api/tt-metalium/host_api.hpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.cores import cores_of, to_coord
from tt_cache_lint.device.program import (
    ArgGrid,
    ArgView,
    CbConfig,
    CircularBuffer,
    Event,
    Failure,
    Kernel,
    Program,
    buffer_of,
    cb_of,
    kernel_of,
    set_args,
)
from tt_cache_lint.device.tensors import Buffer, GlobalSemaphore, Tensor
from tt_cache_lint.interp import build, ops
from tt_cache_lint.interp.access import member_value, value_of
from tt_cache_lint.interp.registry import CONSTANTS, Site, constructor, function, method, method_ref
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import (
    Handle,
    InitList,
    Map,
    Mark,
    Obj,
    Opaque,
    Opt,
    Ptr,
    Ref,
    Struct,
    Unknown,
    Val,
    Value,
    Vec,
    copied,
    empty,
    identity,
    key_of,
    mask,
    plain,
)
from tt_cache_lint.interp.world import HIDDEN_STATE

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

CONSTANTS.update({f"c_{i}": i for i in range(64)})
CONSTANTS.update({f"c_in{i}": i for i in range(8)})
CONSTANTS.update({f"c_dataflow{i}": 8 + i for i in range(8)})
CONSTANTS.update({f"c_out{i}": 16 + i for i in range(8)})
CONSTANTS.update({f"c_intermed{i}": 24 + i for i in range(8)})
CONSTANTS.update(
    {
        "TILE_WIDTH": 32,
        "TILE_HEIGHT": 32,
        "TILE_HW": 1024,
        "FACE_WIDTH": 16,
        "FACE_HEIGHT": 16,
        "FACE_HW": 256,
        "NUM_CIRCULAR_BUFFERS": 64,
        "SIZE": 64,
        "TILE_SIZE": 32,
        "L1_ALIGNMENT": 16,
        "PACKET_WORD_SIZE_BYTES": 16,
    }
)
del CONSTANTS["SIZE"]


def _log(m: Machine, kind: str, mark: Mark, target: object = None, value: Value = None, old: Value = None) -> None:
    m.log.append(Event(kind, mark, tuple(m.stack), m.phase, target, value, old))


def _guard(m: Machine, program: Value, what: str, mark: Mark) -> None:
    """Creation after the program is compiled is fatal (program.cpp:410, 1097, 1110, 1512)."""
    if isinstance(program, Program) and program.compiled:
        m.failures.append(
            Failure("after-compile", f"{what} after the program is compiled", mark, tuple(m.stack), m.phase)
        )


# -- programs --------------------------------------------------------------------------------------------------------


NUM_CIRCULAR_BUFFERS = 64


@function("CreateProgram", arity=(0, 0))
def create_program(m: Machine, site: Site, args: list[Value]) -> Value:
    _log(m, "program", site.mark)
    return Program(site.mark)


@constructor("Program")
def construct_program(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    if args and isinstance(args[0], Program):
        return args[0]
    program = Program(mark)
    _log(m, "program", mark or Mark("", 0, 1, 0, ""))
    if args and isinstance(args[0], InitList) and not args[0].items:
        return program
    if args:
        from tt_cache_lint.device.descriptor import program_from_descriptor

        program_from_descriptor(m, program, args[0], mark)
    return program


@constructor("CachedProgram", "cached_program_t_")
def construct_cached(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    """CachedProgram{program, shared_variables}."""
    made = Struct(None, "CachedProgram")
    shared_type = type_.args[0] if type_.args and isinstance(type_.args[0], Type) else None
    if len(args) == 1 and isinstance(args[0], Struct) and args[0].name == "CachedProgram":
        return args[0]
    if args and isinstance(args[0], InitList) and args[0].names is not None:
        named = dict(zip(args[0].names, args[0].items, strict=True))
        args = [named.get("program"), named.get("shared_variables")]
    made.fields["program"] = args[0] if args else Unknown("program")
    if len(args) > 1:
        given = args[1]
        if isinstance(given, InitList) and shared_type is not None:
            given = build.from_list(m, given, shared_type)
        elif not isinstance(given, Struct) and shared_type is not None and isinstance(given, Obj):
            given = build.coerce(m, given, shared_type)
        made.fields["shared_variables"] = copied(given)
    elif shared_type is not None:
        made.fields["shared_variables"] = build.default_value(m, shared_type)
    if mark is not None:
        made.marks[""] = mark
    return made


@function("proxy", arity=(2, 2), refs=True)
def cached_proxy(m: Machine, site: Site, args: list[Value]) -> Value:
    """CachedProgram::proxy(program, shared_variables): both by reference."""
    made = Struct(None, "CachedProgram")
    made.fields["program"] = value_of(args[0])
    made.fields["shared_variables"] = value_of(args[1])
    return made


# -- kernels and arguments -------------------------------------------------------------------------------------------


@function("CreateKernel", "CreateKernelFromString", arity=(4, 5))
def create_kernel(m: Machine, site: Site, args: list[Value]) -> Value:
    program, source, cores, config = args[:4]
    _guard(m, program, "a kernel is created", site.mark)
    if not isinstance(program, Program):
        return m.unknown_call("CreateKernel", args)
    kernel = Kernel(program, source, cores_of(m, cores), copied(config), site.mark)
    kernel.stack = tuple(m.stack)
    kernel.cores_mask = mask(cores)
    kernel.unsure = not m.world.is_known(kernel.cores_mask)
    if not program.compiled:
        program.kernels.append(kernel)
    _log(m, "kernel", site.mark, kernel)
    return kernel.handle


@function("SetRuntimeArgs", arity=(3, 4))
def set_runtime_args(m: Machine, site: Site, args: list[Value]) -> None:
    """SetRuntimeArgs(program, kernel, cores, args), also grouped and with (device, kernel, core, shared args)."""
    if len(args) == 3:  # (kernel, core, args): the kernel by pointer, before 2023-07
        args = [_program_of(args[0]), *args]
    program, handle, where, given = args
    kernel = kernel_of(m, program, handle)
    if _untold(where) or not m.world.is_known(mask(where)):
        if isinstance(program, Program):
            program.escape(m, f"runtime arguments for cores that cannot be told ({key_of(where)})")
        m.unknown_call("SetRuntimeArgs on unknown cores", [])
        return
    if kernel is None:
        _unknown_kernel(m, program, handle, site)
        return
    mark = site.mark
    grouped = (
        isinstance(where, (Vec, InitList))
        and isinstance(given, (Vec, InitList))
        and bool(given.items)
        and isinstance(given.items[0], (Vec, InitList, ArgView))
        and not (len(where.items) == 2 and isinstance(plain(where.items[0]), int))
    )
    if grouped:
        if len(where.items) != len(given.items):
            m.failures.append(
                Failure(
                    "count",
                    f"{len(where.items)} cores but {len(given.items)} argument lists",
                    mark,
                    tuple(m.stack),
                    m.phase,
                    kernel.name,
                )
            )
        for core, items in zip(where.items, given.items, strict=False):
            set_args(m, kernel, [to_coord(m, core).xy], items, mark)
        return
    xys = cores_of(m, to_coord(m, where) if isinstance(where, InitList) and _is_pair(where) else where)
    set_args(m, kernel, xys, given, mark)


def _untold(where: Value) -> bool:
    """Are these cores that nobody knows?"""
    if isinstance(where, (InitList, Vec)):
        return any(_untold(value_of(item)) for item in where.items)
    return isinstance(where, (Unknown, Opaque))


def _program_of(handle: Value) -> Program | None:
    target = handle.target if isinstance(handle, Handle) else None
    return target.program if isinstance(target, Kernel) else None


def placed(m: Machine, value: Value) -> Value:
    """What a circular buffer is placed on: a buffer, or in old trees the address of one."""
    number = plain(value)
    owner = m.world.addresses.get(number) if type(number) is int else None
    return Buffer(owner[0], owner[1], None) if owner is not None else buffer_of(value)


def _is_pair(value: InitList) -> bool:
    return len(value.items) == 2 and not isinstance(value.items[0], Obj)


def _unknown_kernel(m: Machine, program: Value, handle: Value, site: Site) -> None:
    if isinstance(program, Program):
        program.escape(m, f"{site.name} with a handle that cannot be told ({key_of(handle)})")
    m.unknown_call(f"{site.name} of an unknown kernel", [])


@function("SetCommonRuntimeArgs", arity=(3, 3))
def set_common_args(m: Machine, site: Site, args: list[Value]) -> None:
    kernel = kernel_of(m, args[0], args[1])
    if kernel is None:
        _unknown_kernel(m, args[0], args[1], site)
        return
    set_args(m, kernel, [], args[2], site.mark, common=True)


@function("GetRuntimeArgs", arity=(2, 3))
def get_runtime_args(m: Machine, site: Site, args: list[Value]) -> Value:
    if len(args) == 2 and not isinstance(args[0], Program) and _program_of(args[0]) is not None:
        args = [_program_of(args[0]), *args]
    kernel = kernel_of(m, args[0], args[1])
    if kernel is None and not _no_kernel(m, args[0], args[1], site):
        _unknown_kernel(m, args[0], args[1], site)
    elif kernel is not None and m.phase == "override":
        kernel.touched = True
    if len(args) == 2:
        return ArgGrid(kernel)
    core = to_coord(m, args[2])
    kind = arguments_kind(m, site)
    view = (VectorView if kind == "reference" else ArgView)(kernel, core.xy)
    return view.as_vector(m) if kind == "copy" else view


def _no_kernel(m: Machine, program: Value, handle: Value, site: Site) -> bool:
    """Is the handle a number that names no kernel, such as the -1 of a kernel that was not made? Noted on a hit.

    GetRuntimeArgs then uses a kernel that is not there (program.cpp:448-460).
    """
    bare = plain(handle)
    known = isinstance(program, Program) and not program.escaped and m.world.is_known(mask(handle))
    if m.phase != "override" or not known or not isinstance(bare, int):
        return False
    text = site.argument_texts[1] if len(site.argument_texts) > 1 else str(bare)
    message = f"{text} is {bare} here and names no kernel of the program"
    m.failures.append(Failure("range", message, site.mark, tuple(m.stack), m.phase, text, 0))
    return True


def arguments_kind(m: Machine, site: Site) -> str:
    """What GetRuntimeArgs of the checked tree gives: a "copy", a "reference" to a vector, or a "view".

    The tree's own declaration says: std::vector<uint32_t> until 2023-11, std::vector<uint32_t>& until 2024-05, then
    RuntimeArgsData&, whose copies still lead to the arguments. A tree without the declaration has the last.
    """
    kinds = m.interp.memory
    if "arguments" not in kinds:
        kinds["arguments"] = "view"
        for declared in m.interp.index.declarations("GetRuntimeArgs", site.mark.path):
            returned = declared.file.text_of(declared.node).partition("GetRuntimeArgs")[0]
            if "RuntimeArgsData" not in returned and "vector" in returned:
                kinds["arguments"] = "reference" if "&" in returned else "copy"
            break
    return str(kinds["arguments"])


class VectorView(ArgView):
    """A reference to the vector of arguments itself: a copy of it is a vector of its own."""

    __slots__ = ()

    def copy(self) -> Vec:
        data = self.data
        made = Vec(list(data.vals) if data is not None else [Opaque("arguments that were not seen to be set")])
        made.copy_of = self
        return made


@function("GetCommonRuntimeArgs", arity=(2, 2))
def get_common_args(m: Machine, site: Site, args: list[Value]) -> Value:
    kernel = kernel_of(m, args[0], args[1])
    if kernel is None:
        _unknown_kernel(m, args[0], args[1], site)
    elif m.phase == "override":
        kernel.touched = True
    return ArgView(kernel, None, common=True)


@method(ArgView, "size", "rt_args_count")
def view_size(m: Machine, site: Site, v: ArgView) -> Value:
    data = v.data
    if data is not None and any(type(i) is Opaque for i in data.vals):
        return m.unknown_number("size of arguments with an unknown part", 0)
    return v.length()


@method(ArgView, "empty")
def view_empty(m: Machine, site: Site, v: ArgView) -> Value:
    return v.length() == 0


@method_ref(ArgView, "at", "operator[]")
def view_at(m: Machine, site: Site, v: ArgView, at: Value) -> Value:
    return v.index_ref(m, at)


@method_ref(ArgView, "back")
def view_back(m: Machine, site: Site, v: ArgView) -> Value:
    return v.item_ref(v.length() - 1)


@method_ref(ArgView, "front")
def view_front(m: Machine, site: Site, v: ArgView) -> Value:
    return v.item_ref(0)


@method(ArgView, "data", "begin", "cbegin")
def view_begin(m: Machine, site: Site, v: ArgView) -> Value:
    return Ptr(v, 0)


@method(ArgView, "end", "cend")
def view_end(m: Machine, site: Site, v: ArgView) -> Value:
    return Ptr(v, v.length())


@method_ref(ArgGrid, "at", "operator[]")
def grid_at(m: Machine, site: Site, v: ArgGrid, at: Value) -> Value:
    return v.index_ref(m, at)


@method(ArgGrid, "size")
def grid_size(m: Machine, site: Site, v: ArgGrid) -> Value:
    return v.length()


class KernelConfig(Obj):
    """The configuration of a kernel: what is given to it, by member or position."""

    __slots__ = ("given", "kind")

    def __init__(self, kind: str, given: list[Value]) -> None:
        self.kind = kind
        self.given = given

    def identity(self) -> object:
        return (self.kind, tuple(identity(g) for g in self.given))

    def member(self, m: Machine, name: str) -> Value:
        return Unknown(f"{self.kind}.{name}")

    def member_ref(self, m: Machine, name: str) -> Value:
        from tt_cache_lint.interp.values import CallRef

        return CallRef(lambda: Unknown(f"{self.kind}.{name}"), lambda value, mark: self.given.append(value))


@constructor(
    "ReaderDataMovementConfig", "WriterDataMovementConfig", "DataMovementConfig", "ComputeConfig", "EthernetConfig"
)
def kernel_config(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    return KernelConfig(type_.name, [copied(a) for a in args])


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
    if total is not None:
        v.total = total
    return v


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
    _guard(m, program, "a circular buffer is created", site.mark)
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
    _log(m, "cb", site.mark, cb)
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
    _log(m, "cb-address", site.mark, cb, cb.buffer, old)
    if m.phase == "override":
        cb.writes.append((site.mark, stack))
    if len(args) > 3:
        if site.name.endswith("TotalSize"):
            _resize(m, site, cb, args[3])
        else:
            cb.offset = args[3]


def _resize(m: Machine, site: Site, cb: CircularBuffer, total: Value) -> None:
    _log(m, "cb-size", site.mark, cb, total, cb.total)
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
        _log(m, "cb-page-size", site.mark, cb, args[3], cb.pages.get(key))
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


# -- semaphores and other resources ----------------------------------------------------------------------------------


@function("CreateSemaphore", arity=(3, 4))
def create_semaphore(m: Machine, site: Site, args: list[Value]) -> Value:
    """The lowest id free on all cores (program.cpp:1517-1556); ids never change on a hit."""
    program = args[0]
    _guard(m, program, "a semaphore is created", site.mark)
    if not isinstance(program, Program):
        return m.unknown_call("CreateSemaphore", args)
    xys = frozenset(cores_of(m, args[1]))
    taken = {number for cores, number in program.semaphores if cores & xys}
    number = next(i for i in range(1000) if i not in taken)
    if program.compiled:  # it throws there, so nothing that uses the id comes to run
        _log(m, "semaphore", site.mark, None, number)
        return Unknown("id of a semaphore that a compiled program cannot take")
    program.semaphores.append((xys, number))
    _log(m, "semaphore", site.mark, None, number)
    return number


@function("CreateGlobalSemaphore", "create_global_semaphore", arity=(2, 6))
def create_global_semaphore(m: Machine, site: Site, args: list[Value]) -> Value:
    """One made in create() stays as long as the cached program; one made in an override is new in each call."""
    run = 0 if m.phase == "create" else m.world.run
    return GlobalSemaphore(f"global semaphore made in {m.phase} #{m.count('global semaphore')}", run)


@function("CreateBuffer", arity=(1, 2))
def create_buffer(m: Machine, site: Site, args: list[Value]) -> Value:
    return Buffer(f"buffer made in {m.phase} #{m.count('buffer')}", m.world.run, None)


@function("create_device_tensor", "create_sharded_device_tensor", "allocate_tensor_on_device", arity=(1, 7))
def create_device_tensor(m: Machine, site: Site, args: list[Value]) -> Value:
    from tt_cache_lint.device.tensors import (
        TensorLayout,
        TensorSpec,
        construct_layout,
        construct_shape,
        input_tensor,
        make_shape,
        to_memory,
    )

    number = m.count("output")
    name = "tensor_return_value" if m.phase == "outputs" else f"tensor made in {m.phase}"
    if number:
        name += f"[{number}]"
    first = args[0].v if isinstance(args[0], Opt) else args[0]
    if isinstance(first, Vec) and first.kind in ("tuple", "vector") and len(first.items) == 1:
        first = first.items[0]
    if isinstance(first, TensorSpec):
        return Tensor(name, m.world.run, first)
    if isinstance(first, Vec) and first.kind == "Shape" and len(args) >= 4:
        memory = to_memory(m, args[4]) if len(args) > 4 else to_memory(m, None)
        layout = construct_layout(m, Type("TensorLayout"), [args[1], args[2], memory], site.mark)
        assert not isinstance(layout, Unknown)
        logical = getattr(first, "logical", None)
        if logical is not None and isinstance(layout, TensorLayout):
            layout.padded = construct_shape(m, Type("Shape"), [first], site.mark)
            first = make_shape(list(logical))
        return Tensor(name, m.world.run, TensorSpec(construct_shape(m, Type("Shape"), [first], site.mark), layout))
    return input_tensor(m.world, name, m.world.run)


@function("EnqueueProgram", "Synchronize", "EnqueueMeshWorkload", "Finish")
def no_effect(m: Machine, site: Site, args: list[Value]) -> None:
    return None


# -- compile-time argument helpers -----------------------------------------------------------------------------------


class AccessorArgs(Obj):
    """TensorAccessorArgs: compile-time words that derive from the buffer's spec, never its address."""

    __slots__ = ("buffer", "flexible")

    def __init__(self, buffer: Value, flexible: bool = False) -> None:
        self.buffer = buffer
        self.flexible = flexible  # some of its words are runtime arguments instead

    def identity(self) -> object:
        return ("accessor", identity(self.buffer))

    def words(self, m: Machine) -> list[Value]:
        buffer = self.buffer
        if not isinstance(buffer, Buffer) or buffer.spec is None:
            return [0, 0]
        memory = buffer.spec.layout.memory
        dram = int(getattr(plain(memory.buffer_type), "name", "") == "DRAM") * 2
        p = mask(memory.memory_layout) | mask(memory.buffer_type)
        if memory.sharded:
            # rank, bank count, the tensor's shape in pages, the shard's, bank coordinates (tensor_accessor_args.cpp)
            shape = identity(buffer.spec.padded)
            content = None if self.flexible else (shape, buffer.spec.layout.identity())
            return [Val(1 + dram, p), Opaque(f"accessor of {buffer.owner}", content, buffer.spec.mask())]
        from tt_cache_lint.device.tensors import buffer_aligned_page_size

        site = Site(Mark("", 0, 1, 0, ""), "aligned_page_size")
        return [Val(dram, p), buffer_aligned_page_size(m, site, buffer)]


@constructor("TensorAccessorArgs")
def construct_accessor(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    return AccessorArgs(buffer_of(args[0]) if args else None, len(args) > 1)


@method(AccessorArgs, "append_to")
def accessor_append(m: Machine, site: Site, v: AccessorArgs, *vectors: Value) -> None:
    if vectors and isinstance(vectors[0], Vec):
        for word in v.words(m):
            vectors[0].push(word, site.mark)
    if len(vectors) > 1 and isinstance(vectors[1], Vec):
        buffer = v.buffer
        if isinstance(buffer, Buffer) and buffer.spec is not None and buffer.spec.layout.memory.sharded:
            vectors[1].push(Opaque(f"accessor of {buffer.owner}"), site.mark)


@method(AccessorArgs, "get_compile_time_args", "get_common_runtime_args")
def accessor_words(m: Machine, site: Site, v: AccessorArgs) -> Value:
    return Vec(v.words(m) if "compile" in site.name else [])


# -- sizes -----------------------------------------------------------------------------------------------------------


@function("tile_size", "get_tile_size", "TileSize", arity=(1, 1))
def tile_size(m: Machine, site: Site, args: list[Value]) -> Value:
    from tt_cache_lint.device.tensors import tile_bytes

    return tile_bytes(m, args[0])


@function("datum_size", arity=(1, 1))
def datum_size(m: Machine, site: Site, args: list[Value]) -> Value:
    from tt_cache_lint.device.tensors import FORMAT_SIZES, with_mask
    from tt_cache_lint.interp.values import Enum, mask

    bare = plain(args[0])
    if isinstance(bare, Enum) and bare.name in FORMAT_SIZES:
        return with_mask(FORMAT_SIZES[bare.name], mask(args[0]))
    return m.unknown_number(f"datum size of {key_of(args[0])}", mask(args[0]))


@function("datatype_to_dataformat_converter", arity=(1, 1))
def to_data_format(m: Machine, site: Site, args: list[Value]) -> Value:
    from tt_cache_lint.device.tensors import data_format

    return data_format(m, args[0])


def _round(m: Machine, a: Value, b: Value, up: bool) -> Value:
    if isinstance(plain(a), float):
        a = ops.convert(m, a, "int64_t")
    quotient = (
        ops.binary(m, "/", ops.binary(m, "+", a, ops.binary(m, "-", b, 1)), b) if up else ops.binary(m, "/", a, b)
    )
    return quotient


@function("div_up", "div_ceil", "ceil_div", arity=(2, 2))
def div_up(m: Machine, site: Site, args: list[Value]) -> Value:
    return _round(m, ops.number(m, args[0]), ops.number(m, args[1]), up=True)


@function("round_up", "align", "align_up", "roundup", arity=(2, 2))
def round_up_to(m: Machine, site: Site, args: list[Value]) -> Value:
    from tt_cache_lint.device import tensors
    from tt_cache_lint.interp.values import mask

    value, unit = ops.number(m, args[0]), ops.number(m, args[1])
    bare = plain(unit)
    if isinstance(bare, int) and bare > 0 and isinstance(plain(value), int):
        return tensors.round_up(value, bare, mask(unit))
    return ops.binary(m, "*", _round(m, value, unit, up=True), unit)


@function("round_down", arity=(2, 2))
def round_down(m: Machine, site: Site, args: list[Value]) -> Value:
    value, unit = ops.number(m, args[0]), ops.number(m, args[1])
    return ops.binary(m, "*", ops.binary(m, "/", value, unit), unit)


@function("get_l1_alignment", "get_dram_alignment", "get_pcie_alignment", arity=(0, 0))
def alignments(m: Machine, site: Site, args: list[Value]) -> Value:
    return {"get_l1_alignment": 16, "get_dram_alignment": 32}.get(site.name, 64)


@function("get_arch", "get_arch_name", arity=(0, 0))
def arch(m: Machine, site: Site, args: list[Value]) -> Value:
    from tt_cache_lint.device.tensors import enum

    return enum("ARCH", "WORMHOLE_B0") if site.name == "get_arch" else "wormhole_b0"


@function("get_random_seed", "rand", arity=(0, 0))
def random_seed(m: Machine, site: Site, args: list[Value]) -> Value:
    """Randomness: another number in each run."""
    number = m.count("random")
    bit = m.world.bit("randomness")
    m.world.dispatch |= bit
    return Val(9000 + 100 * m.world.run + number, bit, "randomness")


@function("getenv", "secure_getenv", arity=(1, 1))
def environment(m: Machine, site: Site, args: list[Value]) -> Value:
    """An environment variable: state that is no input of the op."""
    name = f"environment variable {plain(args[0])}"
    return Unknown(name, m.world.bit(f"{HIDDEN_STATE}{name}"))


@function("get_compute_kernel_config_args", arity=(2, 2))
def compute_config_args(m: Machine, site: Site, args: list[Value]) -> Value:
    """(math_fidelity, math_approx_mode, fp32_dest_acc_en, packer_l1_acc, dst_full_sync_en)."""
    config = args[1].v if isinstance(args[1], Opt) else args[1]
    if isinstance(config, Struct):
        names = ("math_fidelity", "math_approx_mode", "fp32_dest_acc_en", "packer_l1_acc", "dst_full_sync_en")
        return Vec([value_of(member_value(m, config, name)) for name in names], "tuple")
    return Unknown(f"compute config args of {key_of(config)}", getattr(config, "p", 0))


__all__ = ["ArgGrid", "Ref"]
