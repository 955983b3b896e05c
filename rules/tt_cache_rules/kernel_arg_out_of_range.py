"""TTC601: the device kernel reads a runtime argument that the host does not set."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.model import FactoryFacts, Finding, Related, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import code, cores_words


class KernelArgOutOfRange(Rule):
    """
    ## What it does
    Finds device kernels that read a runtime argument behind the last one that create() sets on a core. A read counts
    when every run of the kernel makes it, before the kernel may return.

    ## Why is this bad
    The kernel gets whatever lies behind its arguments: padding, another kernel's arguments, or what an earlier program
    left there. Most often it is an idle core that is given a shorter list than the others, or a kernel and its factory
    of which only one was changed. It goes well until the memory holds something else.

    ## Example
    ```cpp
    // create()
    SetRuntimeArgs(program, writer_kernel_id, core, {output.buffer()->address(), num_tiles, start_id});
    // kernels/writer.cpp
    const auto output_addr = get_arg_val<uint32_t>(0);
    const auto num_tiles = get_arg_val<uint32_t>(1);
    const auto start_id = get_arg_val<uint32_t>(2);
    const bool output_is_dram = get_arg_val<uint32_t>(3) == 1;
    ```

    ## Use instead
    ```cpp
    const auto output_addr = get_arg_val<uint32_t>(0);
    const auto num_tiles = get_arg_val<uint32_t>(1);
    const auto start_id = get_arg_val<uint32_t>(2);
    constexpr auto output_args = TensorAccessorArgs<1>();
    ```

    ## Known problems
    Reads in helper functions, in loops whose turns the arguments do not tell, or under a condition that neither the
    arguments nor what the kernel is compiled with decide are not seen. A kernel that reads an argument into a variable
    and makes nothing of it, often since a loop makes no turn on an idle core, gets a note.
    """

    id = "TTC601"
    name = "kernel-arg-out-of-range"
    invariant = "I6"
    severity = Severity.ERROR
    summary = "The device kernel reads a runtime argument that the host does not set"

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        for short in facts.short:
            where = f" on {cores_words(short.cores, short.all_cores)}" if short.cores else ""
            if not short.count:  # TTC306: the whole core was forgotten
                continue
            message = (
                f"The kernel of {code(short.slot.owner)} reads argument {short.slot.index}, but create() sets only "
                f"{short.count} {'argument' if short.count == 1 else 'arguments'}{where}: "
                "it gets padding, or what lies behind them in memory."
            )
            if short.idle:
                message += " Nothing is made of it there."
            yield self.finding(
                facts,
                message,
                short.set_at,
                slot=short.slot.name,
                confidence=short.confidence,
                severity=Severity.NOTE if short.idle else None,
                when=short.when,
                related=(Related(short.read_at, "the kernel reads it here"),),
            )
