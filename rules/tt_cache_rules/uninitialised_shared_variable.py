"""TTC404: a shared variable that the override uses was never set."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.model import Cause, FactoryFacts, Finding, Related, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import OVERRIDE, at_field, field_differences, field_words, slot_words


class UninitialisedSharedVariable(Rule):
    """
    ## What it does
    Finds members of the shared variables that create() leaves without a value, or at their default, and that
    override_runtime_arguments reads in order to refresh something. A list of initialisers that is shorter than the
    struct, or shifted against it, is the usual reason.

    ## Why is this bad
    The override loops over no cores, or over too many, or addresses kernel 0 with a handle that was never set. The
    compiler is content: a missing initialiser is zero, and an integer without one is whatever was there.

    ## Example
    ```cpp
    struct shared_variables_t {
        KernelHandle reader_kernel_id{};
        KernelHandle writer_kernel_id{};
        uint32_t num_cores{};
    };
    // create()
    return {std::move(program), {reader_kernel_id, writer_kernel_id}};
    // override_runtime_arguments()
    for (uint32_t i = 0; i < shared.num_cores; ++i) {  // never entered
        GetRuntimeArgs(program, shared.reader_kernel_id, cores[i])[0] = tensor_args.input.buffer()->address();
    }
    ```

    ## Use instead
    ```cpp
    return {
        std::move(program),
        {.reader_kernel_id = reader_kernel_id, .writer_kernel_id = writer_kernel_id, .num_cores = num_cores}};
    ```

    ## Known problems
    Only a variable that leaves a slot stale is reported, so one that is unset and read without consequence is not. A
    variable filled through a reference by a function whose body is not found counts as set.
    """

    id = "TTC404"
    name = "uninitialised-shared-variable"
    invariant = "I4"
    severity = Severity.ERROR
    summary = "The override reads a shared variable that create() never sets"

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        taker = {field.shifted: field for field in facts.shared if field.shifted}
        for field in facts.shared:
            if field.initialised or field.read is None or not field.harmful:
                continue
            left = "at its default" if field.has_default else "without a value"
            message = (
                f"create() leaves {field_words(field.name)} {left}, but {OVERRIDE} reads it: "
                f"on a cache hit {slot_words(field.harmful)} is not refreshed."
            )
            if field.name in taker:
                message += f" Its value seems to have gone to {field_words(taker[field.name].name)}, by position."
            place = field.set_at or facts.create or field.place
            related = (Related(field.place, "declared here"), Related(field.read, "read here"))
            blamed = field_differences(facts, Cause.UNINITIALISED, field.name)
            yield at_field(self, facts, field, message, place, related, blamed)
