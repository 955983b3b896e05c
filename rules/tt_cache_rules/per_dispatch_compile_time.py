"""TTC201: a value that is new on every call is compiled into the program."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.hash.model import Omission, OpFacts, Use
from tt_cache_lint.model import Finding, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import code


class PerDispatchCompileTime(Rule):
    """
    ## What it does
    Finds compile-time arguments, defines, kernel sources, core sets and circular buffer sizes that derive from a value
    which is new on every call by its nature: the address of a buffer or of a global semaphore, a random number, the
    clock. (An attribute or tensor property that the hash should contain is hash-omits.) For a compile-time argument
    that the kernel makes nothing of it is a note.

    ## Why is this bad
    A cache hit runs the kernels that were compiled on the first call. No override can change what is compiled into
    them, so every later call uses the address or seed of the first one.

    ## Example
    ```cpp
    std::vector<uint32_t> compile_args = {tensor_args.input.buffer()->address(), num_tiles};
    ```

    ## Use instead
    ```cpp
    std::vector<uint32_t> compile_args = {num_tiles};
    SetRuntimeArgs(program, reader_kernel_id, core, {tensor_args.input.buffer()->address()});  // and refresh it on hits
    ```

    ## Known problems
    A value that only happens to derive from an address, such as a flag for a null address, counts when it differs
    between two calls, and only then.
    """

    id = "TTC201"
    name = "per-dispatch-compile-time"
    invariant = "I2"
    severity = Severity.ERROR
    summary = "A value that is new on every call is compiled into the program"

    def check_operation(self, facts: OpFacts) -> Iterable[Finding]:
        for omission in facts.omissions:
            if not omission.per_dispatch:
                continue
            use = omission.uses[0]
            yield self.finding(
                facts,
                message_of(omission, use),
                use.place,
                slot=use.what,
                confidence=omission.confidence,
                severity=Severity.NOTE if omission.idle else None,
                when=omission.when,
            )


def message_of(omission: Omission, use: Use) -> str:
    """What the finding says."""
    holds = f"{code(use.what)} holds {code(omission.input)}, which is new on every call"
    if omission.idle:
        return (
            f"{holds}. The kernel makes nothing of it, so a cache hit is right, but on a miss every new value compiles "
            "the kernel once more for nothing. Leave it out of the compile-time arguments."
        )
    return (
        f"{holds}, but it is fixed when the program is compiled: a cache hit keeps the first call's value. Make it a "
        "runtime argument, and refresh that on hits."
    )
