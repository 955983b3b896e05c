"""TTC702: the framework never calls this override."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.model import FactoryFacts, Finding, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import OVERRIDE


class UncalledOverride(Rule):
    """
    ## What it does
    Finds an override_runtime_arguments of a factory that returns a description of its program, when the framework never
    calls it and no other function does. The framework asks with a requires-expression whether the factory has an
    override with exactly the signature it knows: one that lacks a parameter, takes a cached program, or returns nothing
    where run arguments are expected compiles and is passed over without a word.

    ## Why is this bad
    On a cache hit only the buffers that create_descriptor() bound are patched. Whatever the override was written for,
    a seed or a scalar that the hash leaves out, keeps the value of the first call.

    ## Example
    ```cpp
    struct DropoutFactory {
        static ProgramDescriptor create_descriptor(const Attrs&, const Args&, Tensor& output);
        static void override_runtime_arguments(Program&, const Attrs&, const Args&, Tensor& output);
    };
    ```

    ## Use instead
    ```cpp
    struct DropoutFactory {
        static ProgramDescriptor create_descriptor(const Attrs&, const Args&, Tensor& output);
        static void override_runtime_arguments(
            Program&, const Attrs&, const Args&, Tensor& output, const std::optional<MeshCoordinate>&);
    };
    ```
    Where the framework has no such call, bind the buffers with emplace_runtime_args() and hash the rest.

    ## Known problems
    Which overrides the framework calls is read from the tree's own mesh_device_operation_adapter.hpp. Where that is not
    below the root, the signature of autumn 2026 is assumed, and the finding is likely instead of certain. Parameter
    types are compared for the first parameter only.
    """

    id = "TTC702"
    name = "uncalled-override"
    invariant = "I3"
    severity = Severity.WARNING
    summary = "The framework never calls the override"

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        if facts.uncalled is not None:
            yield self.finding(
                facts,
                f"{OVERRIDE} is never called: {facts.uncalled.reason}. Nothing that it writes reaches the program.",
                facts.uncalled.place,
                slot=OVERRIDE,
                confidence=facts.uncalled.confidence,
            )
