"""Where the pages of a sharded tensor lie (tt_metal/impl/buffers/buffer_distribution_spec.cpp)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from interp_snippets import run
from tt_cache_lint.device.cores import CoreRangeSet, rectangle
from tt_cache_lint.device.nd_shard import NdShardSpec
from tt_cache_lint.device.shards import PADDING, Pages, pages_of
from tt_cache_lint.device.tensor_inputs import input_memory
from tt_cache_lint.device.tensor_spec import (
    L1,
    LAYOUTS,
    ORIENTATIONS,
    MemoryConfig,
    PageConfig,
    ShardSpec,
    TensorLayout,
    TensorSpec,
    Tile,
    enum,
    make_shape,
)
from tt_cache_lint.device.tensors import Tensor
from tt_cache_lint.interp.interrupts import Implausible
from tt_cache_lint.interp.values import Opt, Val, plain
from tt_cache_lint.interp.world import World


def sharded(kind: str, shard: tuple[int, int], grid: tuple[int, int, int, int], shape: tuple[int, ...]) -> Tensor:
    """A tensor of tiles, sharded over a rectangle of cores."""
    spec = ShardSpec(CoreRangeSet([rectangle(*grid)]), make_shape(list(shard)), ORIENTATIONS[0])
    memory = MemoryConfig(enum("TensorMemoryLayout", kind), L1, Opt(spec))
    layout = TensorLayout(enum("DataType", "BFLOAT16"), PageConfig(LAYOUTS[0], Tile()), memory)
    return Tensor("t", 1, TensorSpec(make_shape(list(shape)), layout))


def ask(root: Path, tensor: Tensor, expression: str) -> Any:
    spec = "auto d = t.buffer()->buffer_distribution_spec().value();"
    code = f"auto f(const Tensor& t) {{ {spec} return {expression}; }}"
    return run(root, code, args=(tensor,)).data


def test_height_sharded(tmp_path: Path) -> None:
    tensor = sharded("HEIGHT_SHARDED", (32, 64), (1, 0, 3, 0), (1, 1, 96, 64))
    assert ask(tmp_path, tensor, "d.num_shards()") == 3
    assert ask(tmp_path, tensor, "d.cores()") == [(1, 0), (2, 0), (3, 0)]
    assert ask(tmp_path, tensor, "d.shard_shape_in_pages()") == [1, 2]
    assert ask(tmp_path, tensor, "d.compute_page_mapping().core_host_page_indices") == [[0, 1], [2, 3], [4, 5]]
    assert ask(tmp_path, tensor, "t.nd_shard_spec().value().shard_shape[-2]") == 32


def test_more_cores_than_shards(tmp_path: Path) -> None:
    tensor = sharded("HEIGHT_SHARDED", (32, 32), (0, 0, 3, 0), (96, 32))
    assert ask(tmp_path, tensor, "d.cores_with_data()") == [(0, 0), (1, 0), (2, 0)]
    assert ask(tmp_path, tensor, "d.core_groups().cores_in_group_1.num_cores()") == 3
    assert ask(tmp_path, tensor, "d.core_groups().num_shards_per_core_in_group_1") == 1
    assert ask(tmp_path, tensor, "d.core_groups().cores_in_group_2.num_cores()") == 0


def test_block_sharded_uses_the_cores_the_shards_need(tmp_path: Path) -> None:
    tensor = sharded("BLOCK_SHARDED", (32, 64), (0, 0, 3, 3), (64, 128))
    assert ask(tmp_path, tensor, "d.cores()") == [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert ask(tmp_path, tensor, "d.compute_page_mapping().core_host_page_indices[1]") == [2, 3]


def test_a_shard_has_no_more_dimensions_than_its_tensor() -> None:
    """Where the rank is an input, another one is asked for."""
    shard = NdShardSpec(make_shape([1, 32, 64]), CoreRangeSet([rectangle(0, 0, 1, 0)]), ORIENTATIONS[0])
    memory = MemoryConfig(enum("TensorMemoryLayout", "ND_SHARDED"), L1, Opt(shard))
    layout = TensorLayout(enum("DataType", "BFLOAT16"), PageConfig(LAYOUTS[0], Tile()), memory)
    spec = TensorSpec(make_shape([64, 64]), layout)
    for rank, repairs in ((None, ()), (Val(2, 1, "t.rank"), ({"t.rank": 3},))):
        spec.shape.key = rank
        with pytest.raises(Implausible) as refused:
            pages_of(spec)
        assert refused.value.repairs == repairs


def test_a_page_mapping_leaves_padding_out(tmp_path: Path) -> None:
    tensor = sharded("WIDTH_SHARDED", (32, 64), (0, 0, 1, 0), (32, 96))
    code = (
        "std::vector<uint32_t> f(const Tensor& t) { std::vector<uint32_t> found;"
        " for (const auto& page : *t.buffer()->get_buffer_page_mapping())"
        " found.push_back(page.core_id * 100 + page.device_page * 10 + page.host_page); return found; }"
    )
    assert run(tmp_path, code, args=(tensor,)).data == [0, 11, 102]
    padded = "d.compute_page_mapping().core_host_page_indices[1][1] == UncompressedBufferPageMapping::PADDING"
    assert ask(tmp_path, tensor, padded) is True


@pytest.mark.parametrize(
    ("tensor", "shard", "cores", "expected"),
    [
        ((3,), (2,), 2, [[0, 1], [2, PADDING]]),
        ((5,), (1,), 2, [[0, 2, 4], [1, 3, PADDING]]),
        ((2, 2), (1, 1), 4, [[0], [1], [2], [3]]),
        ((2, 3), (2, 2), 2, [[0, 1, 3, 4], [2, PADDING, 5, PADDING]]),
    ],
)
def test_pages_on_cores(tensor: Any, shard: Any, cores: int, expected: list[list[int]]) -> None:
    assert Pages(tensor, shard, [(x, 0) for x in range(cores)], 0).on_cores() == expected


def test_a_circular_buffer_over_a_sharded_tensor(tmp_path: Path) -> None:
    """cb_descriptor_from_sharded_tensor fills the descriptor from the tensor (ttnn/core/tensor/tensor_utils.cpp:19)."""
    code = (
        "int f(const Tensor& t) { auto cb = cb_descriptor_from_sharded_tensor(3, t); "
        "return cb.total_size * 1000 + cb.format_descriptors[0].page_size * 10 + cb.core_ranges.num_cores(); }"
    )
    tensor = sharded("HEIGHT_SHARDED", (32, 64), (1, 0, 3, 0), (1, 1, 96, 64))
    assert run(tmp_path, code, args=(tensor,)).data == 32 * 64 * 2 * 1000 + 2048 * 10 + 3


@pytest.mark.parametrize("kind", ["HEIGHT_SHARDED", "WIDTH_SHARDED"])
def test_shards_of_an_input_lie_on_two_rows_in_one_world(kind: str) -> None:
    rows: dict[int, int] = {}
    for seed in range(4):
        world = World(seed, {"t.memory_layout": enum("TensorMemoryLayout", kind)})
        (_, top, _, bottom) = plain(input_memory(world, "t").shard_spec).grid.ranges[0].box()
        rows[seed] = bottom - top + 1
    assert rows == {0: 1, 1: 1, 2: 2, 3: 1}


def test_numbers_of_a_tensor_and_places_of_its_banks(tmp_path: Path) -> None:
    """A bank lies where it does for all buffers of a kind; the logical volume is that without padding."""
    tensor = sharded("HEIGHT_SHARDED", (32, 64), (0, 0, 0, 0), (1, 1, 30, 60))
    code = (
        "std::vector<uint32_t> f(const Tensor& t) { auto first = t.buffer()->noc_coordinates(); "
        "auto other = t.buffer()->noc_coordinates(3); const bool differ = first != other; "
        "return {t.get_logical_volume(), t.volume(), differ, first == t.buffer()->noc_coordinates(0)}; }"
    )
    assert run(tmp_path, code, args=(tensor,)).data == [1800, 2048, 1, 1]


def test_a_tensor_without_dimensions_has_no_shards() -> None:
    memory = input_memory(
        World(0, {"t.memory_layout": enum("TensorMemoryLayout", "HEIGHT_SHARDED")}), "t", lambda: make_shape([])
    )
    with pytest.raises(Implausible):
        memory.shard_spec  # noqa: B018


def test_a_memory_layout_is_an_enumerator() -> None:
    with pytest.raises(Implausible):
        input_memory(World(0, {"t.memory_layout": True}), "t")
