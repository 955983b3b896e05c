"""TTC505: state outside of the op's inputs shapes the program."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.hash.model import OpFacts
from tt_cache_lint.model import Finding, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import code


class HiddenState(Rule):
    """
    ## What it does
    Finds mutable static and global variables and environment variables that decide what create() builds: compile-time
    arguments, defines, kernels, core sets, circular buffer sizes.

    ## Why is this bad
    The hash covers what the op is given. State that lives elsewhere can change between two calls with one hash, and the
    second call then hits a program that was built for the old state. Which program that is depends on the history of
    the process, so it cannot be reproduced.

    ## Example
    ```cpp
    static uint32_t next_slot = 0;
    std::vector<uint32_t> compile_args = {num_tiles, next_slot++};
    ```

    ## Use instead
    ```cpp
    std::vector<uint32_t> compile_args = {num_tiles, operation_attributes.slot};  // hashed with the other attributes
    ```

    ## Known problems
    A variable that is set once when the process starts never changes between two calls; that cannot be told here.
    """

    id = "TTC505"
    name = "hidden-state"
    invariant = "I5"
    severity = Severity.WARNING
    summary = "State that is no input of the op shapes the program"

    def check_operation(self, facts: OpFacts) -> Iterable[Finding]:
        for hidden in facts.hidden:
            message = (
                f"{code(hidden.source)} is no input of the op and not in its hash, but it shapes the program: "
                f"{code(hidden.use.what)} derives from it. Make it an attribute, which is hashed."
            )
            yield self.finding(
                facts, message, hidden.use.place, slot=f"hidden: {hidden.source}", confidence=hidden.confidence
            )
