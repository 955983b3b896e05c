"""TTC301: a slot that holds a buffer address is not refreshed on a hit."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.model import FactoryFacts, Finding, Severity, What
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import OVERRIDE, at_create, holds, never_written, on_cores, stale, them


class StaleBufferAddress(Rule):
    """
    ## What it does
    Finds runtime arguments into which create() puts the address of a tensor's buffer (or of a global semaphore) and
    which override_runtime_arguments never writes.

    ## Why is this bad
    Addresses are not part of the program hash. On a cache hit the tensors usually live elsewhere, and the kernel goes
    on reading or writing the memory of the first call. The result is silently wrong, or another tensor is overwritten,
    and only from the second call on.

    ## Example
    ```cpp
    // create()
    SetRuntimeArgs(program, reader_kernel_id, core, {a.buffer()->address(), b.buffer()->address(), num_tiles});
    // override_runtime_arguments()
    auto& reader_args = GetRuntimeArgs(program, reader_kernel_id, core);
    reader_args[0] = tensor_args.a.buffer()->address();
    ```

    ## Use instead
    ```cpp
    auto& reader_args = GetRuntimeArgs(program, reader_kernel_id, core);
    reader_args[0] = tensor_args.a.buffer()->address();
    reader_args[1] = tensor_args.b.buffer()->address();
    ```

    ## Known problems
    An address that the kernel makes nothing of is a note, where its source shows that; one that it only uses for no
    work, in a loop that runs no times, say, is an error like any other. So is that of a tensor which the caller happens
    to keep in one place. An argument list that is handed to a function whose body is not found counts as unknown from
    there on and is not reported.
    """

    id = "TTC301"
    name = "stale-buffer-address"
    invariant = "I3"
    severity = Severity.ERROR
    summary = "A runtime argument that holds a buffer address is not refreshed on a cache hit"

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        for d in never_written(facts, What.ADDRESS):
            message = f"{holds(d)}, but {OVERRIDE} never writes {them(d)}{on_cores(d)}: on a cache hit {stale(d)}."
            yield at_create(self, facts, d, message)
