"""TTC304: the override puts a value where create() puts another."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.model import Cause, FactoryFacts, Finding, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import (
    OVERRIDE,
    at_write,
    create_puts,
    differences,
    held_words,
    on_cores,
    slot_words,
    writes,
)


class ArgIndexMismatch(Rule):
    """
    ## What it does
    Finds writes of override_runtime_arguments that leave another value in a slot than create() would put there. Most
    often the index is off by one, because an argument was inserted in create() and not in the override.

    ## Why is this bad
    Runtime arguments have no names: the kernel reads them by position. With an index that does not agree, an address
    lands where a tile count is expected, and the slot that was meant keeps its old value.

    ## Example
    ```cpp
    // create()
    SetRuntimeArgs(program, writer_kernel_id, core, {num_tiles, output.buffer()->address(), start_id});
    // override_runtime_arguments()
    auto& writer_args = GetRuntimeArgs(program, writer_kernel_id, core);
    writer_args[0] = output.buffer()->address();  // this is num_tiles
    ```

    ## Use instead
    ```cpp
    auto& writer_args = GetRuntimeArgs(program, writer_kernel_id, core);
    writer_args[1] = output.buffer()->address();
    ```

    ## Known problems
    A value that create() and the override compute in two different ways that are always equal can look different when
    the tool does not know a function in it; such findings have a lower confidence. The same slip with a tensor's
    address on both sides is reported as wrong-tensor, and beyond the last argument as arg-out-of-range.
    """

    id = "TTC304"
    name = "arg-index-mismatch"
    invariant = "I3"
    severity = Severity.ERROR
    summary = "The override writes a value into a slot where create() puts another one"

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        for d in differences(facts, Cause.WRONG_VALUE):
            found = held_words(d.slot.kind, d.found)
            meant = f" In create() the value it writes goes to {slot_words(d.other_slot)}." if d.other_slot else ""
            message = f"{OVERRIDE} {writes(d, found)}{on_cores(d)}, but {create_puts(d)}.{meant}"
            yield at_write(self, facts, d, message)
