"""TTC302: a globally allocated circular buffer is not re-pointed on a hit."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.model import Cause, FactoryFacts, Finding, Severity, What
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import OVERRIDE, at_create, differences, holds, on_cores, stale


class StaleCbAddress(Rule):
    """
    ## What it does
    Finds circular buffers that create() places on a tensor's buffer (`set_globally_allocated_address`) and that
    override_runtime_arguments never re-points with `UpdateDynamicCircularBufferAddress`.

    ## Why is this bad
    The circular buffer keeps the address that the tensor's L1 shard had on the first call. On a cache hit the kernels
    read or write that place, which by then belongs to another tensor or to nobody.

    ## Example
    ```cpp
    // create()
    auto config = CircularBufferConfig(shard_bytes, {{CBIndex::c_0, format}})
                      .set_page_size(CBIndex::c_0, tile_bytes)
                      .set_globally_allocated_address(*input.buffer());
    auto cb_src = CreateCircularBuffer(program, all_cores, config);
    // override_runtime_arguments()
    UpdateDynamicCircularBufferAddress(program, shared.cb_out, *output.buffer());
    ```

    ## Use instead
    ```cpp
    UpdateDynamicCircularBufferAddress(program, shared.cb_src, *tensor_args.input.buffer());
    UpdateDynamicCircularBufferAddress(program, shared.cb_out, *output.buffer());
    ```

    ## Known problems
    A circular buffer that no kernel uses is reported like any other, because kernels are not read. A circular buffer
    whose index cannot be computed is compared, but its slot name may be no more than the expression in its config.
    """

    id = "TTC302"
    name = "stale-cb-address"
    invariant = "I3"
    severity = Severity.ERROR
    summary = "A circular buffer placed on a tensor is not re-pointed on a cache hit"

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        for d in differences(facts, Cause.NOT_REFRESHED, What.CB):
            message = f"{holds(d)}, but {OVERRIDE} never re-points it{on_cores(d)}: on a cache hit {stale(d)}."
            yield at_create(self, facts, d, message)
