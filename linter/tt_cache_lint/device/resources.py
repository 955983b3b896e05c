"""Semaphores, buffers and tensors made on the device, accessor args, sizes and what a call asks of its surroundings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.allocated import CREATE, own_name
from tt_cache_lint.device.api import log_event, refuse_when_compiled
from tt_cache_lint.device.arguments import ArgGrid
from tt_cache_lint.device.cores import cores_of
from tt_cache_lint.device.program import Program, buffer_of
from tt_cache_lint.device.tensors import Buffer, GlobalSemaphore, Tensor
from tt_cache_lint.interp import ops
from tt_cache_lint.interp.access import member_value, value_of
from tt_cache_lint.interp.registry import Site, constructor, function, method
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import (
    NOWHERE,
    Mark,
    Obj,
    Opaque,
    Opt,
    Ref,
    Struct,
    Unknown,
    Val,
    Value,
    Vec,
    identity,
    key_of,
    mask,
    plain,
)
from tt_cache_lint.interp.world import HIDDEN_STATE

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine


# -- semaphores and other resources ----------------------------------------------------------------------------------


@function("CreateSemaphore", arity=(3, 4))
def create_semaphore(m: Machine, site: Site, args: list[Value]) -> Value:
    """The lowest id free on all cores (program.cpp:1517-1556); ids never change on a hit."""
    program = args[0]
    refuse_when_compiled(m, program, "a semaphore is created", site.mark)
    if not isinstance(program, Program):
        return m.unknown_call("CreateSemaphore", args)
    xys = frozenset(cores_of(m, args[1]))
    taken = {number for cores, number in program.semaphores if cores & xys}
    number = next(i for i in range(1000) if i not in taken)
    if program.compiled:  # it throws there, so nothing that uses the id comes to run
        log_event(m, "semaphore", site.mark, None, number)
        return Unknown("id of a semaphore that a compiled program cannot take")
    program.semaphores.append((xys, number))
    log_event(m, "semaphore", site.mark, None, number)
    return number


@function("CreateGlobalSemaphore", "create_global_semaphore", arity=(2, 6))
def create_global_semaphore(m: Machine, site: Site, args: list[Value]) -> Value:
    """One made in create() stays as long as the cached program; one made in an override is new in each call."""
    run = 0 if m.phase == "create" else m.world.run
    return GlobalSemaphore(f"global semaphore made in {m.phase} #{m.count('global semaphore')}", run)


@function("CreateBuffer", arity=(1, 2))
def create_buffer(m: Machine, site: Site, args: list[Value]) -> Value:
    name = own_name(m, "buffer", site.mark, m.count("buffer"), m.phase)
    return Buffer(name, m.world.run_of(name, m.world.run), None)


@function("create_device_tensor", "create_sharded_device_tensor", "allocate_tensor_on_device", arity=(1, 7))
def create_device_tensor(m: Machine, site: Site, args: list[Value]) -> Value:
    from tt_cache_lint.device.tensor_inputs import input_tensor
    from tt_cache_lint.device.tensor_make import construct_layout, construct_shape, to_memory
    from tt_cache_lint.device.tensor_spec import TensorLayout, TensorSpec, make_shape

    number = m.count(f"tensor of {m.phase}")
    if m.phase == "outputs":
        name = "tensor_return_value" + (f"[{number}]" if number else "")
    else:
        moved = m.world.moved
        number = moved.setdefault(f"tensor {number}", len(moved)) if m.phase == CREATE else number
        name = own_name(m, "tensor", site.mark, number, m.phase)
    run = m.world.run_of(name, m.world.run)
    first = args[0].v if isinstance(args[0], Opt) else args[0]
    if isinstance(first, Vec) and first.kind in ("tuple", "vector") and len(first.items) == 1:
        first = first.items[0]
    if isinstance(first, TensorSpec):
        return Tensor(name, run, first)
    if isinstance(first, Vec) and first.kind == "Shape" and len(args) >= 4:
        memory = to_memory(m, args[4]) if len(args) > 4 else to_memory(m, None)
        layout = construct_layout(m, Type("TensorLayout"), [args[1], args[2], memory], site.mark)
        assert not isinstance(layout, Unknown)
        logical = getattr(first, "logical", None)
        if logical is not None and isinstance(layout, TensorLayout):
            layout.padded = construct_shape(m, Type("Shape"), [first], site.mark)
            first = make_shape(list(logical))
        return Tensor(name, run, TensorSpec(construct_shape(m, Type("Shape"), [first], site.mark), layout))
    return input_tensor(m.world, name, run)


@function("EnqueueProgram", "Synchronize", "EnqueueMeshWorkload", "Finish")
def no_effect(m: Machine, site: Site, args: list[Value]) -> None:
    return None


# -- compile-time argument helpers -----------------------------------------------------------------------------------


# The operators of the terms of an accessor's words. The operand of the first is the buffer.
ACCESSOR, ACCESSOR_PAGE = "accessor", "page size of an accessor"


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
        begin = (ACCESSOR, buffer, None)
        if not isinstance(buffer, Buffer) or buffer.spec is None:
            return [Val(0, 0, begin), 0]
        memory = buffer.spec.layout.memory
        dram = int(getattr(plain(memory.buffer_type), "name", "") == "DRAM") * 2
        p = mask(memory.memory_layout) | mask(memory.buffer_type)
        if memory.sharded:
            # rank, bank count, the tensor's shape in pages, the shard's, bank coordinates (tensor_accessor_args.cpp)
            shape = identity(buffer.spec.padded)
            content = None if self.flexible else (shape, buffer.spec.layout.identity())
            return [Val(1 + dram, p, begin), Opaque(f"accessor of {buffer.owner}", content, buffer.spec.mask())]
        from tt_cache_lint.device.buffer_methods import buffer_aligned_page_size

        site = Site(NOWHERE, "aligned_page_size")
        size = buffer_aligned_page_size(m, site, buffer)
        return [Val(dram, p, begin), Val(plain(size), mask(size), (ACCESSOR_PAGE, size, None))]


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
    from tt_cache_lint.device.layout_methods import tile_bytes

    return tile_bytes(m, args[0])


@function("datum_size", arity=(1, 1))
def datum_size(m: Machine, site: Site, args: list[Value]) -> Value:
    from tt_cache_lint.device.tensor_spec import FORMAT_SIZES, with_mask
    from tt_cache_lint.interp.values import Enum, mask

    bare = plain(args[0])
    if isinstance(bare, Enum) and bare.name in FORMAT_SIZES:
        return with_mask(FORMAT_SIZES[bare.name], mask(args[0]))
    return m.unknown_number(f"datum size of {key_of(args[0])}", mask(args[0]))


@function("datatype_to_dataformat_converter", arity=(1, 1))
def to_data_format(m: Machine, site: Site, args: list[Value]) -> Value:
    from tt_cache_lint.device.layout_methods import data_format

    return data_format(m, args[0])


def _round(m: Machine, a: Value, b: Value, up: bool) -> Value:
    if isinstance(plain(a), float):
        a = ops.convert(m, a, "int64_t")
    quotient = (
        ops.binary(m, "/", ops.binary(m, "+", a, ops.binary(m, "-", b, 1)), b) if up else ops.binary(m, "/", a, b)
    )
    return quotient


@function("div_up", "div_ceil", "ceil_div", "divup", arity=(2, 2))
def div_up(m: Machine, site: Site, args: list[Value]) -> Value:
    return _round(m, ops.number(m, args[0]), ops.number(m, args[1]), up=True)


@function("round_up", "align", "align_up", "roundup", arity=(2, 2))
def round_up_to(m: Machine, site: Site, args: list[Value]) -> Value:
    from tt_cache_lint.device.tensor_spec import round_up
    from tt_cache_lint.interp.values import mask

    value, unit = ops.number(m, args[0]), ops.number(m, args[1])
    bare = plain(unit)
    if isinstance(bare, int) and bare > 0 and isinstance(plain(value), int):
        return round_up(value, bare, mask(unit))
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
    from tt_cache_lint.device.tensor_spec import enum

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
