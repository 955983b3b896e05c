"""Enough of torch and ttnn to run a generated test: a device with an allocator and a program cache, and one op.

The op's program keeps what the first call gave it; `refreshed` says which of these a cache hit brings up to date.
"""

from __future__ import annotations

import itertools
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any


class HostTensor(list[float]):
    pass


class DeviceTensor:
    """A tensor at an address; the address is free again when the tensor is gone."""

    def __init__(self, device: Device, values: Sequence[float]) -> None:
        self.device = device
        self.address = next(address for address in itertools.count(1) if address not in device.memory)
        device.memory[self.address] = list(values)

    def __del__(self) -> None:
        self.device.memory.pop(self.address, None)

    def buffer_address(self) -> int:
        return self.address


class Device:
    def __init__(self) -> None:
        self.memory: dict[int, list[float]] = {}
        self.programs: dict[object, dict[str, float]] = {}

    def num_program_cache_entries(self) -> int:
        return len(self.programs)

    def enable_program_cache(self) -> None:
        pass

    def disable_and_clear_program_cache(self) -> None:
        self.programs.clear()


Op = Callable[..., Any]


def momentum_step(refreshed: set[str], hashed: set[str] | None = None) -> Op:
    """param - lr * grad + step, by a program whose addresses and scalars are runtime arguments."""

    def op(
        param: DeviceTensor,
        grad: DeviceTensor,
        velocity: DeviceTensor,
        *,
        lr: float,
        momentum: float,
        step: int,
        **_: Any,
    ) -> tuple[DeviceTensor, DeviceTensor]:
        device = param.device
        outputs = DeviceTensor(device, [0.0]), DeviceTensor(device, [0.0])
        now = {"param": param.address, "grad": grad.address, "out": outputs[0].address, "lr": lr, "step": step}
        key = (momentum, *(now[name] for name in sorted(hashed or ())))
        program = device.programs.setdefault(key, dict(now))
        program.update({name: now[name] for name in refreshed})
        read = [device.memory.get(int(program[name]), [0.0])[0] for name in ("param", "grad")]
        device.memory[int(program["out"])] = [read[0] - program["lr"] * read[1] + program["step"]]
        return outputs

    return op


def modules(op: Op) -> dict[str, types.ModuleType]:
    """`torch` and `ttnn` for an importer."""
    torch, ttnn = types.ModuleType("torch"), types.ModuleType("ttnn")
    numbers: Iterator[int] = itertools.count(3)

    def equal(actual: object, expected: object, **_: object) -> None:
        assert actual == expected

    torch.__dict__.update(
        manual_seed=lambda seed: None,
        bfloat16="bfloat16",
        rand=lambda shape, dtype: HostTensor([float(next(numbers))]),
        zeros=lambda *shape: HostTensor([0.0]),
        testing=types.SimpleNamespace(assert_close=equal),
    )
    ttnn.__dict__.update(
        bfloat16="bfloat16",
        TILE_LAYOUT="tile",
        DRAM_MEMORY_CONFIG="dram",
        from_torch=lambda host, device, **_: DeviceTensor(device, host),
        to_torch=lambda tensor: list(tensor.device.memory[tensor.address]),
        operations=types.SimpleNamespace(momentum_step=op),
    )
    return {"torch": torch, "ttnn": ttnn}
