"""TTC403: what the first call left in the shared variables is used for later calls."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.model import Cause, FactoryFacts, Finding, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import (
    OVERRIDE,
    at_create,
    at_write,
    code,
    differences,
    expected_words,
    field_words,
    kept_in,
    on_cores,
    slot_words,
    stale,
)


class StaleCapture(Rule):
    """
    ## What it does
    Finds slots that, on a cache hit, get a value which create() kept from the first call: a `Buffer*`, a tensor, an
    address or a scalar in the shared variables or in the capture list of an override callback.

    ## Why is this bad
    The override runs and writes the slot, and writes the old value. A kept `Buffer*` may also point to a buffer that
    no longer exists.

    ## Example
    ```cpp
    // create()
    return {std::move(program), {.reader_kernel_id = reader_kernel_id, .src_buffer = input.buffer()}};
    // override_runtime_arguments()
    auto& reader_args = GetRuntimeArgs(program, shared.reader_kernel_id, core);
    reader_args[0] = shared.src_buffer->address();
    ```

    ## Use instead
    ```cpp
    auto& reader_args = GetRuntimeArgs(program, shared.reader_kernel_id, core);
    reader_args[0] = tensor_args.input.buffer()->address();
    ```

    ## Known problems
    A local variable that a callback uses through a reference (`[&]`, `[&x]`) is reported whether or not what is left
    in its place still looks right. A tensor or semaphore that the factory itself creates and keeps on purpose (a table
    of constants, a scratch buffer) does not change between calls; it is told apart only where its creation is seen.
    Kept values that are part of the hash are equal in both calls and never reported.
    """

    id = "TTC403"
    name = "stale-capture"
    invariant = "I4"
    severity = Severity.ERROR
    summary = "A slot gets a value that was kept from the first call"

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        for gone in facts.dangling:
            message = (
                f"The callback uses {code(gone.name)} through a reference, but that is a local variable of the "
                "function that made the callback: on a cache hit it no longer exists. Capture it by value."
            )
            slot = f"capture {gone.name}"
            yield self.finding(facts, message, gone.place, slot=slot, confidence=gone.confidence, when=gone.when)
        for d in differences(facts, Cause.RUN1_CAPTURE):
            slot = slot_words(d.slot.name)
            if d.written:
                source = f"from {field_words(d.field, facts.infra)}, which is" if d.field else "with a value"
                message = (
                    f"{OVERRIDE} refreshes {slot} {source} kept from the first call{on_cores(d)}, "
                    f"instead of with {expected_words(d)}: on a cache hit {stale(d)}."
                )
                yield at_write(self, facts, d, message, *kept_in(d))
            else:
                source = f" in {field_words(d.field, facts.infra)}" if d.field else ""
                message = (
                    f"{slot} should hold {expected_words(d)}, but gets what was kept from the first call{source}"
                    f"{on_cores(d)}: on a cache hit {stale(d)}."
                )
                yield at_create(self, facts, d, message, *kept_in(d))
