"""TTC303: a slot that holds a per-dispatch scalar is not refreshed on a hit."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.model import Cause, FactoryFacts, Finding, Severity, What
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import (
    OVERRIDE,
    at_create,
    at_unbound,
    differences,
    holds,
    never_written,
    on_cores,
    refreshed_unasked,
    stale,
    them,
)


class StaleScalar(Rule):
    """
    ## What it does
    Finds runtime arguments that hold a number which may differ between two calls with the same program hash (a seed, a
    step, an attribute that a custom hash leaves out) and which override_runtime_arguments never writes.

    ## Why is this bad
    The hash says that one program serves all these values, so the value has to be brought up to date on each hit.
    Otherwise every later call computes with the number of the first one: the same random numbers, the same learning
    rate, the same step.

    ## Example
    ```cpp
    tt::stl::hash::hash_t Dropout::compute_program_hash(const Attrs& attributes, const Args& args) {
        auto hashed = attributes;
        hashed.seed = 0;  // one program serves every seed
        return operation::hash_operation<Dropout>(hashed, args);
    }
    // create()
    SetRuntimeArgs(program, compute_kernel_id, core, {operation_attributes.seed, num_tiles});
    // override_runtime_arguments()
    auto& reader_args = GetRuntimeArgs(program, reader_kernel_id, core);
    reader_args[0] = tensor_args.input.buffer()->address();
    ```

    ## Use instead
    ```cpp
    auto& reader_args = GetRuntimeArgs(program, reader_kernel_id, core);
    reader_args[0] = tensor_args.input.buffer()->address();
    auto& compute_args = GetRuntimeArgs(program, compute_kernel_id, core);
    compute_args[0] = operation_attributes.seed;
    ```

    ## Known problems
    The other remedy, to put the value into the hash, is just as good when it rarely changes; the finding cannot know
    which is meant. A custom hash that covers a value in a way that is not followed (through a helper, as part of a
    string) looks as if it left the value out.
    """

    id = "TTC303"
    name = "stale-scalar"
    invariant = "I3"
    severity = Severity.ERROR
    summary = "A runtime argument that holds a value the hash leaves out is not refreshed on a cache hit"

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        for d in never_written(facts, What.SCALAR):
            message = (
                f"{holds(d)}, which may differ between calls that share a program, "
                f"but {OVERRIDE} never writes {them(d)}{on_cores(d)}: on a cache hit {stale(d)}."
            )
            yield at_create(self, facts, d, message)
        for d in differences(facts, Cause.UNBOUND, What.SCALAR):
            message = (
                f"{holds(d)}, which may differ between calls that share a program{on_cores(d)}. "
                f"A hit {refreshed_unasked(facts)}: {stale(d)}."
            )
            yield at_unbound(self, facts, d, message)
