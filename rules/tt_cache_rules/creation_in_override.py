"""TTC102: the override creates a program, kernel, circular buffer or semaphore."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.model import EventKind, FactoryFacts, Finding, Related, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import OVERRIDE, at_event, event_words, once

CREATIONS = (EventKind.PROGRAM, EventKind.CB, EventKind.KERNEL, EventKind.SEMAPHORE)


class CreationInOverride(Rule):
    """
    ## What it does
    Reports calls in override_runtime_arguments, or in a helper that it calls, that create a program, a kernel, a
    circular buffer or a semaphore.

    ## Why is this bad
    The cached program is compiled when it is first enqueued. After that `CreateKernel`, `CreateCircularBuffer` and
    `CreateSemaphore` on it fail with a TT_FATAL, so the op works once and throws on the first cache hit. A whole new
    program is either thrown away or rebuilt on each hit, which is the work that the cache is there to save.

    ## Example
    ```cpp
    void Scale::override_runtime_arguments(cached_program_t& cached, const Attrs&, const Args& args, Tensor& output) {
        auto config = CircularBufferConfig(kBytes, {{CBIndex::c_0, kFormat}})
                          .set_page_size(CBIndex::c_0, kPage)
                          .set_globally_allocated_address(*args.input.buffer());
        CreateCircularBuffer(cached.program, cached.shared_variables.cores, config);
    }
    ```

    ## Use instead
    ```cpp
    void Scale::override_runtime_arguments(cached_program_t& cached, const Attrs&, const Args& args, Tensor& output) {
        UpdateDynamicCircularBufferAddress(cached.program, cached.shared_variables.cb_src, *args.input.buffer());
    }
    ```

    ## Known problems
    A helper that create() and the override share and that creates only when a flag says so is followed with the
    flag's value; where the tool cannot compute the flag, the finding depends on a condition that may never hold and
    has a lower confidence. Creation behind a function whose body is not found is missed.
    """

    id = "TTC102"
    name = "creation-in-override"
    invariant = "I1"
    severity = Severity.ERROR
    summary = "The override creates a program, kernel, circular buffer or semaphore"

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        related = (Related(facts.create, "create() is where this belongs"),) if facts.create else ()
        for event in once(facts.events):
            if not event.in_override or event.kind not in CREATIONS:
                continue
            if event.kind is EventKind.PROGRAM:
                harm = "a cache hit is there to reuse the program that create() built"
            else:
                harm = "a program that has run once is compiled and takes no new parts, so the first cache hit throws"
            yield at_event(self, facts, event, f"{OVERRIDE} creates {event_words(event)}: {harm}.", related)
