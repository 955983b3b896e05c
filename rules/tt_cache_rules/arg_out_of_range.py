"""TTC308: the override writes beyond what create() set."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.model import Cause, FactoryFacts, Finding, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import OVERRIDE, at_write, code, differences, held_words, on_cores, slot_words, writes


class ArgOutOfRange(Rule):
    """
    ## What it does
    Finds writes of override_runtime_arguments to an argument index, or to a core, for which create() set no argument.

    ## Why is this bad
    `operator[]` of the runtime arguments checks its index in debug builds only. In a release build the write goes into
    memory that belongs to something else, or, on a core without arguments, through a null pointer. Whatever slot was
    meant stays as it was.

    ## Example
    ```cpp
    // create(): three arguments
    SetRuntimeArgs(program, reader_kernel_id, core, {src.buffer()->address(), num_tiles, start_id});
    // override_runtime_arguments()
    auto& reader_args = GetRuntimeArgs(program, reader_kernel_id, core);
    reader_args[3] = tensor_args.src.buffer()->address();
    ```

    ## Use instead
    ```cpp
    auto& reader_args = GetRuntimeArgs(program, reader_kernel_id, core);
    reader_args[0] = tensor_args.src.buffer()->address();
    ```

    ## Known problems
    After the first launch the arguments are padded to the longest list among cores that run the same kernels, so a
    write just past the end may hit padding and do no harm by itself. Argument lists that grow in a function whose body
    is not found have no known length, and writes behind that point are not checked.
    """

    id = "TTC308"
    name = "arg-out-of-range"
    invariant = "I3"
    severity = Severity.ERROR
    summary = "The override writes an argument that create() never set"

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        for d in differences(facts, Cause.OUT_OF_RANGE):
            why = d.created.text or "create() sets no such argument"
            if d.refused:
                message = (
                    f"{OVERRIDE} sets the runtime arguments of {code(d.slot.owner)}, but {why}: "
                    "the call fails on a cache hit."
                )
                yield at_write(self, facts, d, message)
                continue
            value = held_words(d.slot.kind, d.found, d.expected)
            meant = f" In create() the value it writes goes to {slot_words(d.other_slot)}." if d.other_slot else ""
            message = (
                f"{OVERRIDE} {writes(d, value)}{on_cores(d)}, but {why}: "
                f"the write lands outside the kernel's arguments.{meant}"
            )
            yield at_write(self, facts, d, message)
