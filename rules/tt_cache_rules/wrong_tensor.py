"""TTC305: the slot gets another tensor's address."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.model import Cause, FactoryFacts, Finding, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import OVERRIDE, at_write, create_puts, differences, held_words, on_cores, writes


class WrongTensor(Rule):
    """
    ## What it does
    Finds slots that hold the address of one tensor after create() and of another one after override_runtime_arguments.
    It covers runtime arguments and circular buffers that are placed on a tensor.

    ## Why is this bad
    The first call is right and every cache hit works on the wrong tensor: inputs swapped, an input overwritten as if it
    were the output, a gradient read in place of the parameter.

    ## Example
    ```cpp
    // create()
    SetRuntimeArgs(program, reader_kernel_id, core, {grad.buffer()->address(), param.buffer()->address()});
    // override_runtime_arguments()
    auto& reader_args = GetRuntimeArgs(program, reader_kernel_id, core);
    reader_args[0] = tensor_args.param.buffer()->address();
    reader_args[1] = tensor_args.grad.buffer()->address();
    ```

    ## Use instead
    ```cpp
    auto& reader_args = GetRuntimeArgs(program, reader_kernel_id, core);
    reader_args[0] = tensor_args.grad.buffer()->address();
    reader_args[1] = tensor_args.param.buffer()->address();
    ```

    ## Known problems
    For an op that may work in place, input and output can be one tensor; where compute_output_specs or
    create_output_tensors cannot be followed, the tool takes them for two and may report a harmless exchange.
    """

    id = "TTC305"
    name = "wrong-tensor"
    invariant = "I3"
    severity = Severity.ERROR
    summary = "The override gives a slot the address of another tensor than create() does"

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        for d in differences(facts, Cause.WRONG_TENSOR):
            found = held_words(d.slot.kind, d.found)
            message = (
                f"{OVERRIDE} {writes(d, found)}{on_cores(d)}, but {create_puts(d)}: "
                "on a cache hit the kernel works on the wrong tensor."
            )
            yield at_write(self, facts, d, message)
