"""What the framework binds to the buffers of a call's tensors when it makes a program from a descriptor, and patches
on a hit (tt_metal/impl/program/program_descriptor_patching.cpp)."""

from __future__ import annotations

from tt_cache_lint.device.descriptor import Binding
from tt_cache_lint.device.program import Program
from tt_cache_lint.device.tensors import Buffer, Tensor
from tt_cache_lint.infra.policy import OUTPUT, Call, Inputs
from tt_cache_lint.interp.values import Opt, Struct, Val, Value, Vec


def tensors_in(value: Value, depth: int = 0) -> list[Tensor]:
    """The tensors in an output."""
    if isinstance(value, Opt):
        return tensors_in(value.v, depth)
    if isinstance(value, Tensor):
        return [value]
    if depth > 3 or not isinstance(value, (Struct, Vec)):
        return []
    items = value.fields.values() if isinstance(value, Struct) else value.items
    return [tensor for item in items for tensor in tensors_in(item, depth + 1)]


def aliased(inputs: Inputs) -> list[str]:
    """The tensors that the op is given and that an output lies in the buffer of."""
    owners = (tensor.buffer.owner for tensor in tensors_in(inputs.output))
    return [owner for owner in owners if not owner.startswith(OUTPUT)]


def note_apart(call: Call, shared: list[str]) -> None:
    """Note when a hit would patch what is bound instead: none of these tensors is given."""
    world, apart = call.m.world, None
    for key in (f"{owner}.has_value" for owner in shared):
        if key not in world.facts:
            return
        given = Val(True, world.facts[key].bit, key)
        absent = Val(False, given.p, ("!", given, None))
        apart = absent if apart is None else Val(False, apart.p | absent.p, ("&&", apart, absent))
    if world.run == 1:
        call.m.ways.append(apart)


def patch(call: Call, program: Program, binding: Binding) -> None:
    """Write the address of the new tensor where the first one's was."""
    buffer = binding.buffer
    if buffer.run == 1:
        buffer = Buffer(buffer.owner, call.m.world.run_of(buffer.owner, 2), buffer.spec)
    if binding.kernel is None:
        cb = program.cbs[binding.position]
        cb.buffer = buffer
        cb.writes.append((cb.mark, cb.stack))
        return
    kernel = program.kernels[binding.kernel]
    data = kernel.args.get(binding.core) if binding.core is not None else kernel.common
    if data is not None and binding.position < len(data.vals):
        data.vals[binding.position] = call.m.world.address(buffer.owner, buffer.run)
        data.writes[binding.position] = (data.marks[binding.position] or data.set_call, data.stacks)
