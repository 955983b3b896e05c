"""TTC309: the override's write goes to a copy that nothing reads."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.model import Cause, FactoryFacts, Finding, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import OVERRIDE, at_write, differences, expected_words, on_cores, slot_words, stale


class LostUpdate(Rule):
    """
    ## What it does
    Finds slots whose new value override_runtime_arguments writes into a copy of the arguments, which is then dropped
    instead of being given back to the program.

    ## Why is this bad
    The line looks right and does nothing: the program keeps the arguments of the first call.

    ## Example
    ```cpp
    auto& current = GetRuntimeArgs(program, reader_kernel_id, core);
    std::vector<uint32_t> reader_args(current.data(), current.data() + current.size());
    reader_args[0] = tensor_args.input.buffer()->address();
    // reader_args goes out of scope
    ```

    ## Use instead
    ```cpp
    auto& reader_args = GetRuntimeArgs(program, reader_kernel_id, core);
    reader_args[0] = tensor_args.input.buffer()->address();
    ```

    ## Known problems
    `auto args = GetRuntimeArgs(program, kernel, core)` copies a view, not the arguments; writing through it works and
    is not reported. A view or a raw `data()` pointer that create() keeps for the override does lose its writes after
    the first launch, and this is not always seen.
    """

    id = "TTC309"
    name = "lost-update"
    invariant = "I3"
    severity = Severity.ERROR
    summary = "The override writes to a copy of the arguments that nothing reads"

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        for d in differences(facts, Cause.LOST_COPY):
            message = (
                f"{OVERRIDE} writes {expected_words(d)} to a copy, not to {slot_words(d.slot.name)} "
                f"in the program{on_cores(d)}: the copy is dropped, and on a cache hit {stale(d)}."
            )
            yield at_write(self, facts, d, message)
