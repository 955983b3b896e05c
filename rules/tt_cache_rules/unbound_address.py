"""TTC701: a descriptor gives an address as a plain number beside arguments that are bound to buffers."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.model import Cause, FactoryFacts, Finding, Severity, What
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import at_unbound, differences, holds, stale, unbound_words


class UnboundAddress(Rule):
    """
    ## What it does
    Finds addresses that create_descriptor() gives as plain numbers, while it binds other runtime arguments to buffers
    by giving the `Buffer*` itself.

    ## Why is this bad
    Once a single runtime argument is bound, the framework does not run create_descriptor() on a cache hit: it patches
    what is bound and leaves everything else as the first call had it. The kernel goes on using the memory of the first
    call's tensor. Without any bound argument the descriptor is built anew on every hit, so that binding the first one
    of several addresses is what breaks the others.

    ## Example
    ```cpp
    reader.emplace_runtime_args(core, {input.buffer(), weight.buffer()->address(), num_tiles});
    ```

    ## Use instead
    ```cpp
    reader.emplace_runtime_args(core, {input.buffer(), weight.buffer(), num_tiles});
    ```

    ## Known problems
    In a Metal 2.0 factory every address among the run arguments is reported: a tensor argument is what a hit refreshes.
    The address of a global semaphore cannot be bound. Where the tree's framework calls an override of the factory,
    write it there; else the semaphore has to be made with the program. Only one coordinate of a mesh is looked at.
    """

    id = "TTC701"
    name = "unbound-address"
    invariant = "I5"
    severity = Severity.ERROR
    summary = "A descriptor gives an address as a number beside arguments that are bound to buffers"

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        for what in (What.ADDRESS, What.CB):
            for d in differences(facts, Cause.UNBOUND, what):
                message = f"{holds(d)}, {unbound_words(facts, d)}: {stale(d)}."
                yield at_unbound(self, facts, d, message)
