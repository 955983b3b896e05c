"""A whole Wormhole chip: where its worker cores and DRAM banks lie on the NOC.

Source: tt_metal/soc_descriptors/wormhole_b0_80_arch.yaml (functional_workers, dram_preferred_worker_endpoint) in mid
2024.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.buffer_methods import grid_of
from tt_cache_lint.device.cores import CoreCoord, to_coord
from tt_cache_lint.device.old_ops import ETHERNET_L1
from tt_cache_lint.device.tensors import Device
from tt_cache_lint.interp import ops
from tt_cache_lint.interp.interrupts import Thrown
from tt_cache_lint.interp.registry import Site, function, method
from tt_cache_lint.interp.values import Value, Vec, plain

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

GRID = (8, 9)  # the last row dispatches
COLUMNS = (1, 2, 3, 4, 6, 7, 8, 9)
ROWS = (1, 2, 3, 4, 5, 7, 8, 9, 10, 11)
DRAM = ((0, 11), (0, 1), (0, 5), (0, 7), (5, 1), (5, 11), (5, 2), (5, 9), (5, 8), (5, 3), (5, 5), (5, 7))
TRANSLATED = 18  # virtual coordinates start here, on chips with harvested rows
LINKS = 4  # Ethernet cores between two chips


def is_whole(m: Machine) -> bool:
    """Does this world's device have the grid of a whole chip?"""
    grid = grid_of(m.world)
    return (plain(grid.x), plain(grid.y)) == GRID


@method(Device, "dram_core_from_dram_channel", "logical_core_from_dram_channel")
def dram_core(m: Machine, site: Site, v: Device, channel: Value) -> Value:
    """Where a DRAM bank lies; what asks for it looks for the workers beside it, which a small grid need not have."""
    if site.name.startswith("logical"):
        return CoreCoord(channel, 0)
    if not is_whole(m):
        grid = dict(zip(("device.grid.x", "device.grid.y"), GRID, strict=True))
        raise Thrown("the grid is not that of a whole chip", m.world.facts["device.grid.x"].bit, (grid,))
    number = plain(ops.number(m, channel))
    return CoreCoord(*DRAM[number % len(DRAM)]) if isinstance(number, int) else CoreCoord(0, 0)


@method(
    Device,
    "worker_core_from_logical_core",
    "ethernet_core_from_logical_core",
    "virtual_core_from_logical_core",
    "physical_core_from_logical_core",
)
def noc_core(m: Machine, site: Site, v: Device, core: Value, *args: Value) -> Value:
    """The NOC coordinates of a logical core."""
    logical = to_coord(m, core)
    x, y = plain(logical.x), plain(logical.y)
    if is_whole(m) and isinstance(x, int) and isinstance(y, int) and 0 <= x < len(COLUMNS) and 0 <= y < len(ROWS):
        return CoreCoord(ops.binary(m, "+", logical.x, COLUMNS[x] - x), ops.binary(m, "+", logical.y, ROWS[y] - y))
    return CoreCoord(ops.binary(m, "+", logical.x, TRANSLATED), ops.binary(m, "+", logical.y, TRANSLATED))


@method(Device, "get_ethernet_sockets")
def ethernet_sockets(m: Machine, site: Site, v: Device, chip: Value) -> Value:
    """The Ethernet cores that lead to another chip: as many to each neighbour as ops ask for links at most."""
    number = plain(ops.number(m, chip))
    first = LINKS * (number % 4) if isinstance(number, int) else 0
    return Vec([CoreCoord(0, first + link) for link in range(LINKS)])


@method(Device, "is_active_ethernet_core")
def active_ethernet_core(m: Machine, site: Site, v: Device, *args: Value) -> Value:
    return True


@function("get_erisc_l1_unreserved_base", "get_erisc_l1_unreserved_size", arity=(0, 0))
def ethernet_memory(m: Machine, site: Site, args: list[Value]) -> Value:
    """hal: the memory of an Ethernet core that ops may use."""
    return ETHERNET_L1[f"ERISC_L1_UNRESERVED_{'BASE' if site.name.endswith('base') else 'SIZE'}"]
