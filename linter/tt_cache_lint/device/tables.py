"""Importing this fills the tables of what the device model knows (interp/registry.py)."""

from tt_cache_lint.device import (
    api,
    descriptor,
    fabric,
    inputs,
    library,
    mesh,
    mesh_device,
    old_api,
    old_shapes,
    shards,
    workload,
)

__all__ = [
    "api",
    "descriptor",
    "fabric",
    "inputs",
    "library",
    "mesh",
    "mesh_device",
    "old_api",
    "old_shapes",
    "shards",
    "workload",
]
