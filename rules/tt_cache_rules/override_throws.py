"""TTC310: the override throws on a hit that a miss would have served."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.model import FactoryFacts, Finding, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import OVERRIDE, code


class OverrideThrows(Rule):
    """
    ## What it does
    Finds places where override_runtime_arguments uses an optional that is empty, fails a check of its own, passes a
    handle that names nothing, or asks for an output that the op does not make, for inputs that the validators and
    create() accept.

    ## Why is this bad
    The first call works and every later one with the same hash fails, or, where the optional is not checked, goes on
    with whatever lies behind it. Tests that run an op once never see it.

    ## Example
    ```cpp
    if (tensor_args.gamma.has_value()) {
        runtime_args[2] = tensor_args.beta.value().buffer()->address();
    }
    ```

    ## Use instead
    ```cpp
    if (tensor_args.beta.has_value()) {
        runtime_args[2] = tensor_args.beta.value().buffer()->address();
    }
    ```

    ## Known problems
    Elements beyond the end of other vectors than the outputs are not reported: they mostly come from inputs that
    contradict each other.
    """

    id = "TTC310"
    name = "override-throws"
    invariant = "I3"
    severity = Severity.ERROR
    summary = "The override throws for inputs that create() accepts"

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        for found in facts.throws:
            message = f"{OVERRIDE} throws on a hit for inputs that create() accepts: {code(found.text)} {found.why}."
            yield self.finding(facts, message, found.place, confidence=found.confidence, when=found.when)
