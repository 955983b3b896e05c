"""The host API's functions: what each call does to the program.

A table from names to handlers; argument orders are those of tt_metal/api/tt-metalium/host_api.hpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.arguments import ArgGrid, ArgView, kernel_of, set_args
from tt_cache_lint.device.cores import cores_of, to_coord
from tt_cache_lint.device.program import Event, Failure, Kernel, Program, buffer_of, new_program
from tt_cache_lint.device.tensors import Buffer
from tt_cache_lint.interp import build
from tt_cache_lint.interp.access import value_of
from tt_cache_lint.interp.registry import CONSTANTS, Site, constructor, function, method, method_ref
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import (
    NOWHERE,
    Handle,
    InitList,
    Mark,
    Obj,
    Opaque,
    Ptr,
    Struct,
    Unknown,
    Value,
    Vec,
    copied,
    key_of,
    mask,
    plain,
)

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


def log_event(m: Machine, kind: str, mark: Mark, target: object = None, value: Value = None, old: Value = None) -> None:
    m.log.append(Event(kind, mark, tuple(m.stack), m.phase, target, value, old))


def refuse_when_compiled(m: Machine, program: Value, what: str, mark: Mark) -> None:
    """Creation after the program is compiled is fatal (program.cpp:410, 1097, 1110, 1512)."""
    if isinstance(program, Program) and program.compiled:
        m.failures.append(
            Failure("after-compile", f"{what} after the program is compiled", mark, tuple(m.stack), m.phase)
        )


# -- programs --------------------------------------------------------------------------------------------------------


NUM_CIRCULAR_BUFFERS = 64


@function("CreateProgram", arity=(0, 0))
def create_program(m: Machine, site: Site, args: list[Value]) -> Value:
    log_event(m, "program", site.mark)
    return new_program(m, site.mark)


@constructor("Program")
def construct_program(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    if args and isinstance(args[0], Program):
        return args[0]
    program = new_program(m, mark)
    log_event(m, "program", mark or NOWHERE)
    if args and isinstance(args[0], InitList) and not args[0].items:
        return program
    if args:
        from tt_cache_lint.device.descriptor import program_from_descriptor

        program_from_descriptor(m, program, args[0], mark)
    return program


@constructor("CachedProgram", "cached_program_t_")
def construct_cached(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    """CachedProgram{program, shared_variables}."""
    made = Struct(None, "CachedProgram", _by_old_name)
    shared_type = type_.args[0] if type_.args and isinstance(type_.args[0], Type) else None
    if len(args) == 1 and isinstance(args[0], Struct) and args[0].name == "CachedProgram":
        return args[0]
    if args and isinstance(args[0], InitList) and args[0].names is not None:
        named = dict(zip(args[0].names, args[0].items, strict=True))
        args = [named.get("program"), named.get("shared_variables")]
    elif len(args) == 1 and isinstance(args[0], InitList) and args[0].items:  # CachedProgram({program, shared})
        args = args[0].items
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


def _by_old_name(cached: Struct, field: str) -> Value:
    """The shared variables were called program_attributes (ttnn/cpp/ttnn/device_operation.hpp:27 on 2024-07-01)."""
    shared = cached.fields.get("shared_variables") if field == "program_attributes" else None
    return shared if shared is not None else Unknown(f"CachedProgram.{field}")


@function("proxy", arity=(2, 2), refs=True)
def cached_proxy(m: Machine, site: Site, args: list[Value]) -> Value:
    """CachedProgram::proxy(program, shared_variables): both by reference."""
    made = Struct(None, "CachedProgram", _by_old_name)
    made.fields["program"] = value_of(args[0])
    made.fields["shared_variables"] = value_of(args[1])
    return made


# -- kernels and arguments -------------------------------------------------------------------------------------------


@function("CreateKernel", "CreateKernelFromString", arity=(4, 5))
def create_kernel(m: Machine, site: Site, args: list[Value]) -> Value:
    program, source, cores, config = args[:4]
    refuse_when_compiled(m, program, "a kernel is created", site.mark)
    if not isinstance(program, Program):
        return m.unknown_call("CreateKernel", args)
    kernel = Kernel(program, source, cores_of(m, cores), copied(config), site.mark)
    kernel.stack = tuple(m.stack)
    kernel.cores_mask = mask(cores)
    kernel.unsure = not m.world.is_known(kernel.cores_mask)
    if not program.compiled:
        program.kernels.append(kernel)
    log_event(m, "kernel", site.mark, kernel)
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
