"""TTC605: the device kernel describes a tensor with compile-time arguments that are not that tensor's."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.model import FactoryFacts, Finding, Related, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import code


class AccessorMismatch(Rule):
    """
    ## What it does
    Finds device kernels that make a tensor accessor from compile-time arguments which create() fills with something
    else: a number, or the accessor words of another tensor that is laid out differently.

    ## Why is this bad
    Host and kernel number the compile-time arguments each on their own. When one of them counts an argument more, or
    leaves one out under a condition that the other does not know, the kernel takes wrong numbers for the tensor's
    layout: it reads and writes the wrong pages, or the wrong memory.

    ## Example
    ```cpp
    // create()
    std::vector<uint32_t> compile_args = {cb_id, is_causal};
    TensorAccessorArgs(*input.buffer()).append_to(compile_args);
    // kernels/reader.cpp
    constexpr bool is_causal = get_compile_time_arg_val(1);
    constexpr auto input_args = TensorAccessorArgs<1>();
    const auto input = TensorAccessor(input_args, input_addr);
    ```

    ## Use instead
    ```cpp
    constexpr bool is_causal = get_compile_time_arg_val(1);
    constexpr auto input_args = TensorAccessorArgs<2>();
    ```

    ## Known problems
    Only accessors that every run of the kernel makes are seen, for an address that is one of the core's own runtime
    arguments.
    """

    id = "TTC605"
    name = "accessor-mismatch"
    invariant = "I6"
    severity = Severity.ERROR
    summary = "The device kernel takes other compile-time arguments than a tensor's for its accessor"

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        for found in facts.accessors:
            there = f"describes {code(found.holds)}" if found.holds else f"puts {code(found.text)}"
            message = (
                f"The kernel of {code(found.kernel)} takes compile-time argument {found.index} for the beginning of "
                f"the accessor of {code(found.address)}, but create() {there} there."
            )
            yield self.finding(
                facts,
                message,
                found.set_at,
                slot=f"{found.kernel} compile-time arg {found.index}",
                confidence=found.confidence,
                when=found.when,
                related=(
                    Related(found.args_at, "the kernel takes them from here"),
                    Related(found.used_at, "and uses it with this address"),
                ),
            )
