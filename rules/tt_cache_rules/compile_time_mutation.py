"""TTC202: the override changes what the kernels were compiled for."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.model import EventKind, FactoryFacts, Finding, Related, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import OVERRIDE, at_event, code, event_words, once

SIZES = (EventKind.CB_SIZE, EventKind.CB_PAGE_SIZE)


class CompileTimeMutation(Rule):
    """
    ## What it does
    Reports an override that sets the total size or the page size of a circular buffer to another value than create()
    gave it, or than a fresh create() would give it.

    ## Why is this bad
    The sizes of a circular buffer go with compile-time arguments: block sizes, tile counts and loop bounds that are
    baked into the kernels and stay as they are on a hit. A buffer of another size may no longer fit them, and the
    kernels then wait for pages that never come or overwrite what lies behind. What shapes the program
    belongs in the program hash.

    ## Example
    ```cpp
    // create(): the kernels are compiled for block_tiles
    auto config = CircularBufferConfig(block_tiles * tile_bytes, {{CBIndex::c_0, format}});
    // override_runtime_arguments():
    const uint32_t rows = operation_attributes.rows;  // not in the hash
    UpdateCircularBufferTotalSize(program, cb_src, rows * tile_bytes);
    ```

    ## Use instead
    ```cpp
    // The hash tells programs of different size apart, so a hit never has to change the size.
    tt::stl::hash::hash_t Scale::compute_program_hash(const Attrs& attributes, const Args& args) {
        return operation::hash_operation<Scale>(attributes.rows, args.input.tensor_spec());
    }
    ```

    ## Known problems
    The host API allows it, and a kernel that takes its counts from runtime arguments only can live with a circular
    buffer whose size changes, if the override gives the size that a fresh create() would give. Kernels are not read,
    so this is reported too. Changes of defines, data formats or grids have no call to see and are not found.
    """

    id = "TTC202"
    name = "compile-time-mutation"
    invariant = "I2"
    severity = Severity.ERROR
    summary = "The override changes a circular buffer's size or page size"

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        related = (Related(facts.create, "the size is fixed in create()"),) if facts.create else ()
        resized = (e for e in facts.events if e.in_override and e.kind in SIZES and e.changes)
        for event in once(resized):
            old = f" from {code(event.old)}" if event.old else ""
            new = f" to {code(event.new)}" if event.new else ""
            message = (
                f"{OVERRIDE} changes {event_words(event)}{old}{new} for the same inputs: from the second call on the "
                "kernels work with another size than create() gave them. Set the size that create() sets."
            )
            yield at_event(self, facts, event, message, related)
