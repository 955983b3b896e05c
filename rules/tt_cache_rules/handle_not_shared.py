"""TTC402: a slot needs a refresh and the handle to reach it is not kept."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.model import Cause, FactoryFacts, Finding, Severity, SlotKind
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import at_create, code, differences, holds, kept_in, slot_words, stale


class HandleNotShared(Rule):
    """
    ## What it does
    Finds slots that need a refresh on a cache hit while the handle of their kernel or circular buffer is nowhere in the
    shared variables, so that override_runtime_arguments has no way to reach them.

    ## Why is this bad
    The slot keeps what the first call put there. The shared variables are all that is handed from create() to the
    override; a handle that is left out cannot be found again.

    ## Example
    ```cpp
    struct shared_variables_t {
        KernelHandle reader_kernel_id{};
    };
    // create()
    SetRuntimeArgs(program, writer_kernel_id, core, {output.buffer()->address(), num_tiles});
    return {std::move(program), {.reader_kernel_id = reader_kernel_id}};
    ```

    ## Use instead
    ```cpp
    struct shared_variables_t {
        KernelHandle reader_kernel_id{};
        KernelHandle writer_kernel_id{};
    };
    // override_runtime_arguments()
    GetRuntimeArgs(program, shared.writer_kernel_id, core)[0] = output.buffer()->address();
    ```

    ## Known problems
    An override that reaches its kernels by number, without a handle (`GetRuntimeArgs(program, 0, core)`), is followed
    only where the number can be computed. The finding says what is missing, not that keeping the handle is enough: the
    override still has to write the slot.
    """

    id = "TTC402"
    name = "handle-not-shared"
    invariant = "I4"
    severity = Severity.ERROR
    summary = "A slot needs a refresh, but its handle is not kept in the shared variables"

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        for d in differences(facts, Cause.NOT_SHARED):
            owner = slot_words(d.slot.name) if d.slot.kind is SlotKind.CB else code(d.slot.owner)
            keepers = "callback does not capture" if facts.infra == "callback" else "shared variables do not keep"
            message = (
                f"{holds(d)}, but the {keepers} the handle of {owner}, "
                f"so nothing can refresh it: on a cache hit {stale(d)}."
            )
            yield at_create(self, facts, d, message, *kept_in(d))
