"""TTC407: the program uses device memory that create() allocates and nothing keeps."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.model import Cause, FactoryFacts, Finding, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import at_unbound, differences, holds

KEEPERS = {
    "callback": "the callback does not capture it",
    "workload-descriptor": "it is not among the buffers of the workload descriptor",
    "descriptor": "a descriptor has no place to keep it",
}


class BufferNotKept(Rule):
    """
    ## What it does
    Finds addresses of tensors and buffers that create() itself allocates on the device, in runtime arguments and under
    circular buffers, where nothing that lives as long as the cached program holds the tensor or its storage.

    ## Why is this bad
    The memory is freed when create() returns. The cached program goes on reading there, on the first call as on every
    hit, while the allocator gives the place to others: it works until something else is put there.

    ## Example
    ```cpp
    // create()
    Tensor indices = host_indices.to_device(device, memory_config);
    CreateCircularBuffer(program, cores, config.set_globally_allocated_address(*indices.buffer()));
    return {std::move(program), {.reader_kernel_id = reader_kernel_id}};
    ```

    ## Use instead
    ```cpp
    // the tensor is a member of the shared variables, and so lives as long as the program
    return {std::move(program), {.reader_kernel_id = reader_kernel_id, .indices = indices}};
    ```
    A callback captures it by value; a workload descriptor has `buffers` for it.

    ## Known problems
    A buffer that is handed to a function which cannot be read counts as kept. A `Buffer*` does not keep what it points
    to, but what else comes from a tensor's storage counts as sharing it.
    """

    id = "TTC407"
    name = "buffer-not-kept"
    invariant = "I4"
    severity = Severity.ERROR
    summary = "The program uses a buffer that create() allocates and that is freed with its end"

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        keeper = KEEPERS.get(facts.infra, "the shared variables do not keep it")
        for d in differences(facts, Cause.FREED):
            message = (
                f"{holds(d)}, and {keeper}: it is freed when create() returns, and the kernels of the cached program "
                f"use memory that is given to others."
            )
            yield at_unbound(self, facts, d, message)
