"""TTC307: a slot is refreshed only under a condition that create() does not have."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.model import Cause, FactoryFacts, Finding, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import OVERRIDE, at_write, differences, expected_words, listing, on_cores, slot_words, stale


class GuardMismatch(Rule):
    """
    ## What it does
    Finds slots that create() sets whatever happens, or under one condition, and that override_runtime_arguments
    refreshes only under another, narrower one.

    ## Why is this bad
    On every hit where create()'s condition holds and the override's does not, the slot keeps what the first call put
    there. Such a bug shows for one layout, or for one combination of optional tensors, and passes all other tests.

    ## Example
    ```cpp
    // create()
    SetRuntimeArgs(program, writer_kernel_id, core, {output.buffer()->address(), num_tiles});
    // override_runtime_arguments()
    if (tensor_args.bias.has_value()) {
        reader_args[2] = tensor_args.bias->buffer()->address();
        writer_args[0] = output.buffer()->address();
    }
    ```

    ## Use instead
    ```cpp
    writer_args[0] = output.buffer()->address();
    if (tensor_args.bias.has_value()) {
        reader_args[2] = tensor_args.bias->buffer()->address();
    }
    ```

    ## Known problems
    Two conditions that always agree but are spelled differently (a flag in the attributes, and the presence of the
    tensor it stands for) look like two facts unless the op's validation ties them together. Combinations of three or
    more conditions are not tried.
    """

    id = "TTC307"
    name = "guard-mismatch"
    invariant = "I3"
    severity = Severity.ERROR
    summary = "The override refreshes a slot only under a condition that create() does not have"

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        for d in differences(facts, Cause.GUARD):
            when = f"when {listing(d.when, 3)}" if d.when else "otherwise"
            message = (
                f"{OVERRIDE} refreshes {slot_words(d.slot.name)}, {expected_words(d)}, "
                f"only under a condition that create() does not have{on_cores(d)}: {when}, {stale(d)} on a cache hit."
            )
            yield at_write(self, facts, d, message)
