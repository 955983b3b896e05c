"""How the pages of a sharded buffer lie, as trees before mid 2025 tell it: lists by device page and by host page.

Source: generate_buffer_page_mapping() and the getters of Buffer (tt_metal/impl/buffers/buffer.cpp in mid 2024, and in
early 2024, when they were members).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device.cores import CoreCoord, core_vector
from tt_cache_lint.device.program import buffer_of
from tt_cache_lint.device.shards import PADDING, PageMapping, Pages, pages_of
from tt_cache_lint.device.tensor_spec import with_mask
from tt_cache_lint.device.tensors import Buffer
from tt_cache_lint.interp import ops
from tt_cache_lint.interp.interrupts import Thrown
from tt_cache_lint.interp.registry import Site, function, method
from tt_cache_lint.interp.values import Map, Opt, Value, Vec, identity, mask, plain

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

GETTERS = {
    "get_dev_page_to_host_page_mapping": "dev_page_to_host_page_mapping_",
    "get_host_page_to_dev_page_mapping": "host_page_to_dev_page_mapping_",
    "get_host_page_to_local_shard_page_mapping": "host_page_to_local_shard_page_mapping_",
    "core_host_page_indices": "core_host_page_indices_",
    "all_cores": "all_cores_",
}


def listed(pages: Pages, name: str) -> Value:
    """A member of BufferPageMapping; NotImplemented when it has none of that name."""
    held, p = pages.on_cores(), pages.p
    if name == "all_cores_":
        return core_vector(pages.cores, p)
    if name == "core_to_core_id_":
        found = Map("unordered_map")
        for number, (x, y) in enumerate(pages.cores):
            core = CoreCoord(x, y)
            found.items[identity(core)] = (core, number)
        return found
    if name == "core_host_page_indices_":
        return Vec([Vec([with_mask(h, p) for h in core if h != PADDING]) for core in held])
    if name == "core_shard_shape_":
        return Vec([Vec([with_mask(d, p) for d in pages.shard[-2:]], "array") for _ in held])
    flat = [(core, local, host) for core, pages_of_core in enumerate(held) for local, host in enumerate(pages_of_core)]
    if name == "dev_page_to_core_mapping_":
        return Vec([with_mask(core, p) for core, _, _ in flat])
    if name == "dev_page_to_host_page_mapping_":
        return Vec([Opt(with_mask(host, p)) if host != PADDING else None for _, _, host in flat])
    place = {host: (device, local) for device, (_, local, host) in enumerate(flat) if host != PADDING}
    if name == "host_page_to_dev_page_mapping_":
        return Vec([with_mask(place[host][0], p) for host in sorted(place)])
    if name == "host_page_to_local_shard_page_mapping_":
        return Vec([with_mask(place[host][1], p) for host in sorted(place)])
    return NotImplemented


def _pages(m: Machine, buffer: Value) -> Pages | None:
    return pages_of(buffer.spec) if isinstance(buffer, Buffer) and buffer.spec is not None else None


@function("generate_buffer_page_mapping", arity=(1, 1))
def generate_mapping(m: Machine, site: Site, args: list[Value]) -> Value:
    pages = _pages(m, buffer_of(args[0]))
    if pages is None:
        return m.unknown_call(site.name, args)
    made = PageMapping([], "BufferPageMapping")
    made.pages = pages
    return made


@method(Buffer, *GETTERS)
def mapping_getter(m: Machine, site: Site, v: Buffer) -> Value:
    pages = _pages(m, v)
    return listed(pages, GETTERS[site.name]) if pages is not None else m.unknown_call(f"Buffer.{site.name}", [v])


@method(Buffer, "get_core_from_dev_page_id", "get_dev_to_host_mapped_page_id", "get_host_to_dev_mapped_page_id")
def page_lookup(m: Machine, site: Site, v: Buffer, page: Value) -> Value:
    pages = _pages(m, v)
    if pages is None:
        return m.unknown_call(f"Buffer.{site.name}", [v, page])
    if site.name.startswith("get_core"):
        known: Value = Vec(
            [CoreCoord(*pages.cores[plain(c)]) for c in listed(pages, "dev_page_to_core_mapping_").items]
        )
    else:
        to_host = site.name.startswith("get_dev")
        known = listed(pages, "dev_page_to_host_page_mapping_" if to_host else "host_page_to_dev_page_mapping_")
    number = plain(ops.number(m, page))
    if not isinstance(number, int) or not 0 <= number < len(known.items):
        raise Thrown(f"page {number} of {len(known.items)}", mask(page) | pages.p)
    found = known.items[number]
    return found.v if isinstance(found, Opt) else found
