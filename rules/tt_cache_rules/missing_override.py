"""TTC405: nothing refreshes this program on a hit."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.model import Cause, FactoryFacts, Finding, Place, Related, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import (
    MOST,
    OVERRIDE,
    all_fixes,
    all_rows,
    created_words,
    differences,
    field_words,
    listing,
    slot_words,
    subject,
    surest,
)


class MissingOverride(Rule):
    """
    ## What it does
    Finds factories whose program holds values that change from call to call while override_runtime_arguments refreshes
    nothing: its body is empty, or returns before it writes anything. There is one finding for the factory, which lists
    the slots.

    ## Why is this bad
    Every cache hit runs the program of the first call with the buffers of the first call. An op that is called once
    in each test passes all of them.

    ## Example
    ```cpp
    void Scale::override_runtime_arguments(cached_program_t&, const Attrs&, const Args&, Tensor&) {}
    ```

    ## Use instead
    ```cpp
    void Scale::override_runtime_arguments(cached_program_t& cached, const Attrs&, const Args& args, Tensor& output) {
        for (const auto& core : cached.shared_variables.cores) {
            auto& reader_args = GetRuntimeArgs(cached.program, cached.shared_variables.reader_kernel_id, core);
            reader_args[0] = args.input.buffer()->address();
            auto& writer_args = GetRuntimeArgs(cached.program, cached.shared_variables.writer_kernel_id, core);
            writer_args[0] = output.buffer()->address();
        }
    }
    ```

    ## Known problems
    An override that delegates to a function whose body is not found is unknown, not empty, and is not reported. An op
    that always misses the cache on purpose, because its hash never repeats, is reported although it does no harm.
    """

    id = "TTC405"
    name = "missing-override"
    invariant = "I4"
    severity = Severity.ERROR
    summary = "The override refreshes nothing on a cache hit"

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        stale = list(differences(facts, Cause.NO_OVERRIDE))
        if not stale:
            return
        held = list(
            dict.fromkeys(
                f"{slot_words(d.slot.name)} ({subject(d.created, d.slot.kind) or created_words(d)})" for d in stale
            )
        )
        places: dict[Place, list[str]] = {}
        for d in stale:
            places.setdefault(d.set_at, []).append(slot_words(d.slot.name))
        best = surest(stale)
        # 0 is the first kernel's handle, so a comparison with it is no test for a kernel that was not made.
        skipped = next((f for f in facts.shared if f.zero is not None), None)
        cause = (
            f" {field_words(skipped.name, facts.infra)} is compared with 0 to find out whether a kernel "
            "was made, but 0 is the handle of the first kernel."
            if skipped is not None
            else ""
        )
        yield self.finding(
            facts,
            f"{OVERRIDE} refreshes nothing, so on a cache hit {listing(held)} "
            f"{'keeps' if len(held) == 1 else 'keep'} what the first call put there.{cause}",
            facts.override or best.override,
            slot=OVERRIDE,
            confidence=best.confidence,
            when=best.when,
            related=(
                *(
                    Related(place, f"create() sets {listing(list(dict.fromkeys(slots)))} here")
                    for place, slots in list(places.items())[:MOST]
                ),
                *((Related(skipped.zero, "this skips the first kernel"),) if skipped and skipped.zero else ()),
            ),
            rows=all_rows(stale),
            fix=all_fixes(stale),
        )
