"""Tensors, their buffers, and what else lies in the memory of a device, which is here, too.

Only addresses belong to one call (facts/device_model.md sections 5 and 6); everything else is a fact of the spec.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tt_cache_lint.device.allocated import OWN
from tt_cache_lint.device.tensor_spec import TensorSpec
from tt_cache_lint.interp.registry import METHODS, Site
from tt_cache_lint.interp.values import NOWHERE, Obj, Opt, Value
from tt_cache_lint.interp.world import World

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine


class Buffer(Obj):
    """Device memory. `run` is the run it was allocated in: its address belongs to that run."""

    __slots__ = ("owner", "run", "shares", "spec")
    is_storage = True  # it stands for the storage of a tensor, too

    def __init__(self, owner: str, run: int, spec: TensorSpec | None, shares: bool = True) -> None:
        self.owner = owner
        self.run = run
        self.spec = spec
        self.shares = shares  # keeps the memory, as a storage or std::shared_ptr does and a Buffer* does not

    def identity(self) -> object:
        return ("buffer", self.owner, self.run)

    def stable_key(self) -> object:
        return ("buffer", self.owner)

    def unknown_use(self, world: World) -> None:
        """Unknown code was given the buffer, and may keep it."""
        if self.owner.startswith(OWN):
            world.hold(self.owner)

    def member(self, m: Machine, name: str) -> Value:
        """`DeviceStorage::coords` was a data member before get_coords() (storage.hpp of 2026-01), `buffer` in 2024."""
        if name == "buffer":
            return self
        if name != "coords":
            return NotImplemented
        return METHODS[Buffer][name](m, Site(NOWHERE, name), self)


class Tensor(Obj):
    """A device tensor: a spec and a buffer. Copies share both."""

    __slots__ = ("buffer", "make", "name", "spec_")

    def __init__(self, name: str, run: int, spec: TensorSpec | None = None, make: Any = None) -> None:
        self.name = name
        self.spec_ = spec
        self.make = make
        self.buffer = Buffer(name, run, None)

    @property
    def spec(self) -> TensorSpec:
        if self.spec_ is None:
            self.spec_ = self.make()
        self.buffer.spec = self.spec_
        return self.spec_

    def assign(self, other: Value) -> bool:
        if isinstance(other, Opt):
            other = other.v
        if isinstance(other, Tensor):
            self.name, self.spec_, self.make, self.buffer = other.name, other.spec_, other.make, other.buffer
            return True
        return False

    def copy(self) -> Tensor:
        made = Tensor(self.name, self.buffer.run, self.spec_, self.make)
        made.buffer = self.buffer
        return made

    def member(self, m: Machine, name: str) -> Value:
        """`tensor.tensor_attributes->shape` of 2024: Tensor::TensorAttributes (ttnn/cpp/ttnn/tensor/tensor.hpp)."""
        if name == "tensor_attributes":
            return self
        if name == "shape":
            return self.spec.shape.copy()
        if name in ("dtype", "layout"):
            return self.spec.layout.dtype if name == "dtype" else self.spec.layout.page.layout
        return NotImplemented

    def identity(self) -> object:
        return ("tensor", self.name, self.buffer.run)

    def unknown_use(self, world: World) -> None:
        """Unknown code was given the tensor, and may keep it."""
        self.buffer.unknown_use(world)

    def stable_key(self) -> object:
        return ("tensor", self.name)


class Device(Obj):
    """The mesh device, one per world, or the device `at` a coordinate of the mesh."""

    __slots__ = ("at", "world")

    def __init__(self, world: World, at: tuple[int, ...] | None = None) -> None:
        self.world = world
        self.at = at

    def identity(self) -> object:
        return "device" if self.at is None else ("device", self.at)


class GlobalSemaphore(Obj):
    """A device allocation given by the caller: its address is not hashed (device_model.md section 5)."""

    __slots__ = ("name", "run")

    def __init__(self, name: str, run: int) -> None:
        self.name = name
        self.run = run

    def identity(self) -> object:
        return ("semaphore", self.name, self.run)

    def stable_key(self) -> object:
        return ("semaphore", self.name)


HELD_BUFFER = ".cb_buffer()"  # the end of the name that a global circular buffer's own buffer goes by


class GlobalCircularBuffer(GlobalSemaphore):
    """A circular buffer shared by programs."""

    __slots__ = ()
