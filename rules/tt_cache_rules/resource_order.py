"""TTC101: circular buffers, then kernels, then runtime arguments."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.model import Event, EventKind, FactoryFacts, Finding, Related, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import at_event, event_words, once

STAGES = {EventKind.CB: 0, EventKind.KERNEL: 1, EventKind.ARGS: 2, EventKind.COMMON_ARGS: 2}
LAST = 2


class ResourceOrder(Rule):
    """
    ## What it does
    Looks at the order in which create() builds the program: circular buffers first, then kernels, then runtime
    arguments. The first circular buffer and the first kernel that come late get a note each. Where the order really
    breaks something (a handle used before it is set), it is an error.

    ## Why is this bad
    The host API accepts most orders, so a late circular buffer is a matter of reading, not of correctness: a factory in
    the usual order can be checked against its override slot by slot. A handle that is used before its kernel exists is
    another matter. A `KernelHandle` is a plain integer that counts kernels, so an unset handle silently addresses
    kernel 0 or any other.

    ## Example
    ```cpp
    Program program{};
    auto reader_kernel_id = CreateKernel(program, kReader, cores, ReaderDataMovementConfig(reader_ct_args));
    SetRuntimeArgs(program, reader_kernel_id, cores, {src.buffer()->address(), num_tiles});
    auto cb_src = CreateCircularBuffer(program, cores, src_config);  // after the kernel that uses it
    ```

    ## Use instead
    ```cpp
    Program program{};
    auto cb_src = CreateCircularBuffer(program, cores, src_config);
    auto reader_kernel_id = CreateKernel(program, kReader, cores, ReaderDataMovementConfig(reader_ct_args));
    SetRuntimeArgs(program, reader_kernel_id, cores, {src.buffer()->address(), num_tiles});
    ```

    ## Known problems
    The note is about style: a factory that builds one kernel with its arguments completely before the next one is
    correct and is still noted once. Creation inside a helper that the tool cannot follow is not seen, so its order is
    not checked.
    """

    id = "TTC101"
    name = "resource-order"
    invariant = "I1"
    severity = Severity.NOTE
    summary = "create() does not make circular buffers, then kernels, then runtime arguments"

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        programs: dict[int, dict[int, Event]] = {}  # of each program, stage -> the event of create() that began it
        told: set[EventKind] = set()
        for event in once(facts.events):
            first = programs.setdefault(event.part, {})
            stage = LAST if event.in_override else STAGES.get(event.kind, LAST)
            earlier = next((first[later] for later in range(stage + 1, LAST + 1) if later in first), None)
            if event.breaks:
                told.add(event.kind)
                message = f"Wrong order at {event_words(event)}: {event.breaks.rstrip('.')}."
                yield at_event(self, facts, event, message, severity=Severity.ERROR)
            elif earlier and event.kind not in told:
                told.add(event.kind)
                message = (
                    f"create() makes {event_words(event)} after {event_words(earlier)}. "
                    "The usual order is circular buffers, then kernels, then runtime arguments."
                )
                yield at_event(self, facts, event, message, (Related(earlier.place, "this comes before it"),))
            if not event.in_override and event.kind in STAGES:
                first.setdefault(stage, event)
