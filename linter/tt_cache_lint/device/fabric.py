"""The fabric: its configuration, and the helpers that append connection arguments.

Names and signatures are those of tt_metal/api/tt-metalium/experimental/fabric/fabric.hpp and fabric_edm_types.hpp. What
a connection looks like in arguments is not modelled: it is an opaque block, the same in both runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.interp.access import value_of
from tt_cache_lint.interp.registry import Site, constructor, function, method
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import Enum, Mark, Obj, Opaque, Unknown, Value, Vec, identity, mask, plain
from tt_cache_lint.interp.world import stable_hash

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

CONFIGS = (Enum("FabricConfig", "FABRIC_1D"), Enum("FabricConfig", "FABRIC_2D"))
HEADER, PAYLOAD = 48, 4352  # bytes of a packet
SIZES = {
    "get_tt_fabric_packet_header_size_bytes": HEADER,
    "get_tt_fabric_max_payload_size_bytes": PAYLOAD,
    "get_tt_fabric_channel_buffer_size_bytes": HEADER + PAYLOAD,
}
MUX_BASE = 0x19000


@function("GetFabricConfig", arity=(0, 0))
def fabric_config(m: Machine, site: Site, args: list[Value]) -> Value:
    """One of the two kinds of fabric; the same for all calls on a device."""
    return m.world.fact("fabric.config", CONFIGS, words="fabric config")


@function("is_1d_fabric_config", "is_2d_fabric_config", arity=(1, 1))
def is_fabric(m: Machine, site: Site, args: list[Value]) -> Value:
    bare = plain(args[0])
    if not isinstance(bare, Enum):
        return Unknown(f"{site.name}({identity(args[0])})", mask(args[0]))
    from tt_cache_lint.interp import ops

    wanted = CONFIGS[0] if site.name.startswith("is_1d") else CONFIGS[1]
    if bare in CONFIGS:
        return ops.binary(m, "==", args[0], wanted)
    return bare.name.startswith(wanted.name)


@function("get_fabric_topology", arity=(0, 0))
def fabric_topology(m: Machine, site: Site, args: list[Value]) -> Value:
    return Enum("Topology", "Linear", 1)


@function(*SIZES, arity=(0, 0))
def packet_sizes(m: Machine, site: Site, args: list[Value]) -> Value:
    return SIZES[site.name]


@function(
    "append_fabric_connection_rt_args",
    "append_routing_plane_connection_manager_rt_args",
    "fabric_mux_connection_rt_args",
    "fabric_mux_rt_args",
    arity=(3, 16),
    refs=True,
)
def append_opaque(m: Machine, site: Site, args: list[Value]) -> None:
    """A connection is appended to the last vector of numbers: a block of unknown length."""
    targets = [v for v in map(value_of, args) if isinstance(v, Vec) and (v.elem is None or v.elem.scalar)]
    for target in targets[-1:]:
        target.push(Opaque(f"{site.name}@{site.mark.line}"), site.mark)


class MuxConfig(Obj):
    """FabricMuxConfig: addresses and sizes of a multiplexer's memory, all functions of what it was made from."""

    __slots__ = ("given",)

    def __init__(self, given: list[Value]) -> None:
        self.given = given

    def identity(self) -> object:
        return ("mux", *(identity(g) for g in self.given))


@constructor("FabricMuxConfig")
def construct_mux(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    return args[0] if len(args) == 1 and isinstance(args[0], MuxConfig) else MuxConfig(list(args))


@method(
    MuxConfig,
    "get_num_buffers",
    "get_num_channels",
    "get_buffer_size_bytes",
    "get_status_address",
    "get_channel_credits_stream_id",
    "get_channel_base_address",
    "get_connection_info_address",
    "get_connection_handshake_address",
    "get_flow_control_address",
    "get_buffer_index_address",
    "get_termination_signal_address",
    "get_memory_map_end_address",
)
def mux_number(m: Machine, site: Site, v: MuxConfig, *args: Value) -> Value:
    return MUX_BASE + stable_hash(f"{site.name}{[str(identity(a)) for a in args]}") % 0x4000 * 16


@method(MuxConfig, "set_num_full_size_channel_iters", "set_num_iters_between_teardown_checks")
def mux_set(m: Machine, site: Site, v: MuxConfig, *args: Value) -> None:
    v.given.extend(args)


@method(MuxConfig, "get_fabric_mux_compile_time_args", "get_fabric_mux_run_time_args")
def mux_args(m: Machine, site: Site, v: MuxConfig, *args: Value) -> Value:
    return Vec([Opaque(site.name)])
