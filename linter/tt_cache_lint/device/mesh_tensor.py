"""MeshTensor: what a tensor gives with mesh_tensor(), its storage together with its spec.

It stands for the buffer in the model, and tells of its spec what the tensor itself does
(tt_metal/api/tt-metalium/experimental/tensor/mesh_tensor.hpp:104-165).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.device import layout_methods, shards, tensor_methods  # noqa: F401  (they come before)
from tt_cache_lint.device.tensors import Buffer, Tensor
from tt_cache_lint.interp.registry import METHODS, Site, method
from tt_cache_lint.interp.values import Unknown, Value

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine

OF_THE_TENSOR = (
    "tensor_spec",
    "dtype",
    "layout",
    "logical_shape",
    "padded_shape",
    "logical_volume",
    "physical_volume",
    "is_sharded",
    "nd_shard_spec",
    "element_size",
    "strides",
)


@method(Buffer, *OF_THE_TENSOR)
def as_the_tensor(m: Machine, site: Site, v: Buffer, *args: Value) -> Value:
    """What the tensor answers, if it is known of which one this is the storage."""
    if v.spec is None:
        return Unknown(f"{site.name} of {v.owner}")
    return METHODS[Tensor][site.name](m, site, Tensor(v.owner, v.run, v.spec), *args)
