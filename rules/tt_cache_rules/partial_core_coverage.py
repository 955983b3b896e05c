"""TTC306: the override misses cores that create() gave arguments."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.model import Cause, FactoryFacts, Finding, Related, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import OVERRIDE, at_write, code, cores_words, differences, expected_words, slot_words, stale


class PartialCoreCoverage(Rule):
    """
    ## What it does
    Finds slots that override_runtime_arguments refreshes on some of the cores to which create() gave arguments, and
    leaves as they were on the others. Also cores on which the kernel runs and reads arguments that create() does not
    give it; as a warning where create() computes the kernel's cores and the cores of its arguments in two ways that
    agree only for some grids.

    ## Why is this bad
    Each core has its own copy of the runtime arguments. The cores that are left out go on with the addresses of the
    first call, so part of the output is wrong, and which part depends on the shape and on the grid.

    ## Example
    ```cpp
    // create() gives arguments to every core of the grid
    for (uint32_t i = 0; i < num_cores; ++i) {
        CoreCoord core = {i / num_cores_y, i % num_cores_y};
        SetRuntimeArgs(program, writer_kernel_id, core, {output.buffer()->address(), i});
    }
    // override_runtime_arguments() visits one group of them
    for (const auto& core : corerange_to_cores(shared.core_group_1)) {
        GetRuntimeArgs(program, shared.writer_kernel_id, core)[0] = output.buffer()->address();
    }
    ```

    ## Use instead
    ```cpp
    for (const auto& core : shared.cores) {  // the cores create() used, kept in the shared variables
        GetRuntimeArgs(program, shared.writer_kernel_id, core)[0] = output.buffer()->address();
    }
    ```

    ## Known problems
    A core that create() gives arguments but no work never uses its address; if the kernel checks its count first, a
    stale address there does no harm and is still reported. Grids are tried in a few sizes only, so a gap that opens in
    one particular grid can be missed.
    """

    id = "TTC306"
    name = "partial-core-coverage"
    invariant = "I3"
    severity = Severity.ERROR
    summary = "The override refreshes a slot on some of its cores only"

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        for d in differences(facts, Cause.PARTIAL_CORES):
            missed = cores_words(d.cores, d.all_cores) if d.cores else "some of its cores"
            message = (
                f"{OVERRIDE} refreshes {slot_words(d.slot.name)}, {expected_words(d)}, but misses {missed}. "
                f"On a cache hit {stale(d)} there."
            )
            yield at_write(self, facts, d, message)
        for d in differences(facts, Cause.OUTSIDE_KERNEL):
            cores = cores_words(d.cores, d.cores) if d.cores else "other cores"
            message = (
                f"`{d.slot.owner}` gets runtime arguments in create() on {cores}, where the kernel does not run, "
                "and cores where it runs get none. The cores of the kernel and of its arguments are computed in two "
                "ways that agree only for some grids."
            )
            yield at_write(self, facts, d, message, severity=Severity.WARNING)
        for short in facts.short:
            if not short.count:
                message = (
                    f"The kernel of {code(short.slot.owner)} runs on {cores_words(short.cores, short.all_cores)} that "
                    f"create() gives no runtime arguments, and reads argument {short.slot.index} there: it gets what "
                    "happens to lie in memory."
                )
                yield self.finding(
                    facts,
                    message,
                    short.set_at,
                    slot=short.slot.name,
                    confidence=short.confidence,
                    when=short.when,
                    related=(Related(short.read_at, "the kernel reads it here"),),
                )
