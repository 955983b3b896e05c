"""Circular buffers that lie in a global one, whose address the hash does not know."""

from __future__ import annotations

from pathlib import Path

import pytest

from small_factory import factory
from tt_cache_lint.engine import Options, analyse
from tt_cache_lint.rule import load_rules

PLACED = """
    auto config = CircularBufferConfig(64, {{0, tt::DataFormat::UInt32}})
        .set_page_size(0, 32).set_globally_allocated_address(attributes.global_cb->cb_buffer());
    KEEP CreateCircularBuffer(program, all, config);
    auto reader = CreateKernel("""
WORDS = {
    "handle-not-shared": "cb_handle, attributes.global_cb.value().cb_buffer());",
    "stale-cb-address": "cb, attributes.global_cb.value().cb_buffer());",
}


@pytest.mark.parametrize(
    ("keep", "refreshed", "expected"),
    [
        pytest.param(False, False, ["handle-not-shared"], id="the handle is dropped"),
        pytest.param(True, False, ["stale-cb-address"], id="it is kept"),
        pytest.param(True, True, [], id="refreshed"),
    ],
)
def test_a_circular_buffer_in_a_global_one(tmp_path: Path, keep: bool, refreshed: bool, expected: list[str]) -> None:
    """Its address is not among what is hashed of it (global_circular_buffer.hpp:44-51)."""
    text = factory(validate="TT_FATAL(attributes.global_cb.has_value());")
    text = text.replace(
        "bool flag = false;", "std::optional<tt::tt_metal::experimental::GlobalCircularBuffer> global_cb;"
    )
    text = text.replace("auto reader = CreateKernel(", PLACED.replace("KEEP", "auto cb =" if keep else ""), 1)
    if keep:
        text = text.replace("KernelHandle writer{};", "KernelHandle writer{}; CBHandle cb{};")
        text = text.replace("{reader, writer, cores}", "{reader, writer, cb, cores}")
    if refreshed:
        at = "const auto& shared = cached.shared_variables;"
        update = "UpdateDynamicCircularBufferAddress(program, shared.cb, attributes.global_cb->cb_buffer());"
        text = text.replace(at, at + update)
    (tmp_path / "op.cpp").write_text(text)
    (facts,) = analyse(tmp_path, [tmp_path / "op.cpp"], Options()).facts
    found = [finding for rule in load_rules() for finding in rule.check(facts)]
    assert [finding.rule for finding in found] == expected
    for finding in found:
        assert finding.fix[-1].endswith(WORDS[finding.rule])
