"""The devices of the mesh, their fabric nodes and sub-devices (tt_metal/api/tt-metalium/mesh_device.hpp).

The mesh device and its view answer the same questions and are one object; a device at a coordinate is another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.cores import CoreCoord
from tt_cache_lint.device.mesh import Coords, MeshCoordinate, all_coords, coordinate, extents, mesh_of, mesh_size
from tt_cache_lint.device.tensor_spec import DRAM, L1, make_shape
from tt_cache_lint.device.tensors import Buffer, Device, Tensor
from tt_cache_lint.interp import ops
from tt_cache_lint.interp.registry import Site, constructor, function, method
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import Mark, Obj, Opt, Struct, Unknown, Val, Value, Vec, identity, mask, plain

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine
    from tt_cache_lint.interp.world import World


class FabricNodeId(Obj):
    """The fabric's name of the device at a coordinate: the mesh's number and the device's in it."""

    __slots__ = ("chip", "mesh")

    def __init__(self, mesh: Value, chip: Value) -> None:
        self.mesh = mesh
        self.chip = chip

    def identity(self) -> object:
        return ("fabric node", plain(self.mesh), plain(self.chip))

    def member(self, m: Machine, name: str) -> Value:
        return {"mesh_id": self.mesh, "chip_id": self.chip}.get(name, NotImplemented)


@method(Buffer, "get_coords", "coords")
def storage_coords(m: Machine, site: Site, v: Buffer) -> Value:
    """DeviceStorage::get_coords(): a tensor lies on the whole mesh. The last coordinate says how large it is."""
    sides = extents(m)
    found = [MeshCoordinate(list(c)) for c in all_coords(mesh_of(m.world)[0])]
    found[-1] = MeshCoordinate([ops.binary(m, "-", side, 1) for side in sides])
    made = Vec(found)
    size = mesh_size(m, site, make_shape(sides))
    made.key = size if isinstance(size, Val) else None
    return made


@method(Buffer, "is_uniform_storage")
def storage_uniform(m: Machine, site: Site, v: Buffer) -> Value:
    return True


@method(Tensor, "tensor_topology")
def tensor_topology(m: Machine, site: Site, v: Tensor) -> Value:
    return Unknown(f"topology of {v.name}")


@method(Device, "shape")
def device_shape(m: Machine, site: Site, v: Device) -> Value:
    return make_shape(extents(m))


@method(Device, "num_devices", "num_rows", "num_cols", "size")
def device_counts(m: Machine, site: Site, v: Device) -> Value:
    sides = extents(m)
    if site.name in ("num_rows", "num_cols"):
        return sides[0 if site.name == "num_rows" else 1]
    return mesh_size(m, site, make_shape(sides))


@method(Device, "is_mesh_2d")
def device_is_2d(m: Machine, site: Site, v: Device) -> Value:
    return True


@method(Device, "get_view", "mesh_device", "get_mesh_device", "get")
def device_itself(m: Machine, site: Site, v: Device, *args: Value) -> Value:
    """A view answers the same questions as the mesh device."""
    return v


@method(Device, "get_device")
def device_at(m: Machine, site: Site, v: Device, *args: Value) -> Value:
    """The device at a coordinate, given as such or as row and column, or the one with an id."""
    where = coordinate(args[0]) if len(args) == 1 else None
    if len(args) == 1 and isinstance(plain(args[0]), int):
        found = device_find(m, site, v, args[0])
        where = found if isinstance(found, MeshCoordinate) else None
    if len(args) == 2:
        where = MeshCoordinate([ops.number(m, a) for a in args])
    if where is not None:
        return Device(m.world, where.at)
    return v if not args else Unknown(f"device at {identity(args[0])}", mask(args[0]))


@method(Device, "get_devices", "get_devices_on_row", "get_devices_on_column", "get_ring_devices", "get_line_devices")
def devices(m: Machine, site: Site, v: Device, *args: Value) -> Value:
    axis = {"get_devices_on_row": 0, "get_devices_on_column": 1}.get(site.name)
    wanted = plain(ops.number(m, args[0])) if args and axis is not None else None
    found = [c for c in all_coords(mesh_of(m.world)[0]) if axis is None or c[axis] == wanted]
    return Vec([Device(m.world, c) for c in found])


@method(Device, "get_fabric_node_ids_on_row", "get_fabric_node_ids_on_column")
def fabric_nodes(m: Machine, site: Site, v: Device, at: Value) -> Value:
    axis, wanted = (0 if site.name.endswith("row") else 1), plain(ops.number(m, at))
    found = [c for c in all_coords(mesh_of(m.world)[0]) if c[axis] == wanted]
    return Vec([FabricNodeId(0, chip_number(m.world, c)) for c in found])


@method(Device, "id", "build_id")
def device_id(m: Machine, site: Site, v: Device) -> Value:
    """The id of the device at a coordinate; that of the mesh device is one number."""
    if v.at is None:
        return m.world.fact("device.id", (0,), number=True)
    return chip_number(m.world, v.at)


def chip_number(world: World, at: Coords) -> int:
    """A number for the device at a coordinate, other than its position, as real device ids are."""
    number = 0
    for extent, position in zip(mesh_of(world)[0], at, strict=False):
        number = number * extent + position
    return 8 + number


@method(Device, "find_device")
def device_find(m: Machine, site: Site, v: Device, number: Value) -> Value:
    bare = plain(ops.number(m, number))
    for at in all_coords(mesh_of(m.world)[0]):
        if chip_number(m.world, at) == bare:
            return MeshCoordinate(list(at))
    return Unknown(f"coordinate of device {bare}", mask(number))


@method(Device, "find_device_id")
def device_id_at(m: Machine, site: Site, v: Device, where: Value) -> Value:
    """The id of the device at a coordinate; nothing outside of the mesh."""
    asked = coordinate(where)
    if asked is None:
        return Unknown("id of a device", mask(where))
    return Opt(chip_number(m.world, asked.at)) if asked.at in all_coords(mesh_of(m.world)[0]) else None


@method(Device, "contains", "is_local")
def device_contains(m: Machine, site: Site, v: Device, where: Value) -> Value:
    asked = coordinate(where)
    return asked.at in all_coords(mesh_of(m.world)[0]) if asked is not None else Unknown("contains", mask(where))


@method(Device, "get_fabric_node_id")
def fabric_node(m: Machine, site: Site, v: Device, where: Value = None) -> Value:
    asked = coordinate(where)
    at = asked.at if asked is not None else v.at
    return FabricNodeId(0, chip_number(m.world, at)) if at is not None else Unknown("fabric node", mask(where))


@function("get_fabric_node_id_from_physical_chip_id", arity=(1, 1))
def fabric_node_of_chip(m: Machine, site: Site, args: list[Value]) -> Value:
    return FabricNodeId(0, ops.number(m, args[0]))


@constructor("FabricNodeId")
def construct_node(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    if len(args) == 1:
        return args[0]
    return FabricNodeId(*args[:2]) if len(args) == 2 else FabricNodeId(0, 0)


@constructor("SubDeviceId")
def construct_sub_device(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    """The id of a part of each device's cores: a number."""
    return args[0] if args else 0


class MeshSocket(Obj):
    """A socket given to the op: its configuration is hashed, the addresses of its buffers are not (mesh_socket.hpp)."""

    __slots__ = ("key", "run")

    def __init__(self, key: str, run: int) -> None:
        self.key = key
        self.run = run

    def identity(self) -> object:
        return ("socket", self.key, self.run)

    def stable_key(self) -> object:
        return ("socket", self.key)


@method(MeshSocket, "get_config_buffer", "get_data_buffer")
def socket_buffer(m: Machine, site: Site, v: MeshSocket, *args: Value) -> Value:
    return Buffer(f"{v.key}.{site.name.removeprefix('get_')}", v.run, None)


@method(MeshSocket, "get_config")
def socket_config(m: Machine, site: Site, v: MeshSocket) -> Value:
    """One connection for each coordinate of the workload, from it to itself."""
    memory = Struct(None, "SocketMemoryConfig")
    memory.fields = {
        "fifo_size": m.world.fact(f"{v.key}.fifo_size", (0x10000,), number=True),
        "socket_storage_type": m.world.fact(f"{v.key}.storage", (L1, DRAM), words=f"{v.key} storage"),
    }
    connections = []
    for at in mesh_of(m.world)[1]:
        ends = {}
        for end in ("sender_core", "receiver_core"):
            ends[end] = Struct(None, "MeshCoreCoord")
            ends[end].fields = {"device_coord": MeshCoordinate(list(at)), "core_coord": CoreCoord(0, 0)}
        connection = Struct(None, "SocketConnection")
        connection.fields = dict(ends)
        connections.append(connection)
    config = Struct(None, "SocketConfig")
    config.fields = {"socket_connection_config": Vec(connections), "socket_mem_config": memory}
    return config


@method(MeshSocket, "get_fabric_node_id")
def socket_node(m: Machine, site: Site, v: MeshSocket, end: Value, where: Value) -> Value:
    return fabric_node(m, site, Device(m.world), where)


@method(MeshSocket, "get_mesh_device")
def socket_device(m: Machine, site: Site, v: MeshSocket) -> Value:
    return Device(m.world)
