"""TTC401: a refresh goes to another kernel or circular buffer, because its handle is the wrong one."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.model import Cause, FactoryFacts, Finding, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import (
    OVERRIDE,
    at_write,
    differences,
    expected_words,
    field_words,
    kept_in,
    on_cores,
    slot_words,
    stale,
)


class HandleSwap(Rule):
    """
    ## What it does
    Finds refreshes that reach another kernel or circular buffer than the one they are meant for: the shared variables
    were filled in another order than they are declared, or the override uses the wrong handle.

    ## Why is this bad
    A `KernelHandle` is a plain `uint32_t` that counts kernels, so handles, counts and flags change places without a
    word from the compiler. The other kernel's arguments are overwritten, and the right ones stay as they were.

    ## Example
    ```cpp
    struct shared_variables_t {
        KernelHandle reader_kernel_id{};
        KernelHandle writer_kernel_id{};
    };
    // create()
    return {std::move(program), {writer_kernel_id, reader_kernel_id}};
    ```

    ## Use instead
    ```cpp
    return {std::move(program), {.reader_kernel_id = reader_kernel_id, .writer_kernel_id = writer_kernel_id}};
    ```

    ## Known problems
    Two kernels that take the same values at the same indices can be exchanged without any effect, and that is not
    reported. Handles that are selected by an index that cannot be computed are not told apart.
    """

    id = "TTC401"
    name = "handle-swap"
    invariant = "I4"
    severity = Severity.ERROR
    summary = "A refresh goes to another kernel or circular buffer because of a wrong handle"

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        shifted = {field.name: field.shifted for field in facts.shared if field.shifted}
        for d in differences(facts, Cause.WRONG_HANDLE):
            other = slot_words(d.other_slot) if d.other_slot else "another kernel or circular buffer"
            through = f" through {field_words(d.field)}" if d.field else ""
            message = (
                f"{OVERRIDE} puts {expected_words(d)} into {other} instead of {slot_words(d.slot.name)}"
                f"{through}{on_cores(d)}: on a cache hit {stale(d)}."
            )
            if d.field in shifted:
                message += (
                    f" create() fills {field_words(d.field)} with what belongs in {field_words(shifted[d.field])}."
                )
            yield at_write(self, facts, d, message, *kept_in(d))
