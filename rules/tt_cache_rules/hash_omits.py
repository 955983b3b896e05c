"""TTC501: something that shapes the program is not in the hash."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.hash.model import OpFacts
from tt_cache_lint.model import Finding, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import code
from tt_cache_rules._hash import call_words, hash_related, hash_words, other_uses, use_words


class HashOmits(Rule):
    """
    ## What it does
    Finds inputs of an op (an attribute, a property of a tensor, the presence of an optional) that decide what create()
    builds, and that the program hash leaves out. It is shown by two calls: their hashes are equal, the validator that
    runs on hits accepts the second, and the programs that create() builds for them differ in what no cache hit
    refreshes: compile-time arguments, defines, kernel sources and configs, core sets, circular buffer sizes.

    ## Why is this bad
    The second call hits the first one's program, whose kernels are compiled for another input. It computes wrong
    results, reads out of bounds or hangs, and only when the calls come in that order.

    ## Example
    ```cpp
    tt::stl::hash::hash_t Softmax::compute_program_hash(const Attrs& attributes, const Args& args) {
        return operation::hash_operation<Softmax>(attributes.dim, args.input.dtype(), args.input.memory_config());
    }
    // create()
    cb_config.set_page_size(CBIndex::c_0, args.input.padded_shape()[-1] * args.input.element_size());
    ```

    ## Use instead
    ```cpp
    tt::stl::hash::hash_t Softmax::compute_program_hash(const Attrs& attributes, const Args& args) {
        return operation::hash_operation<Softmax>(attributes.dim, args.input);  // a tensor is hashed by its whole spec
    }
    ```
    Or no function of your own at all: the framework hashes every attribute and the spec of every tensor.

    ## Known problems
    Of the function that launches the op only what it always gives is read (a constant, another input as it is, a
    property of a tensor that it hands on as an attribute): an input that it computes from what is hashed can vary here.
    What a helper that cannot be read makes of an input is
    taken to be different for different inputs.
    """

    id = "TTC501"
    name = "hash-omits"
    invariant = "I5"
    severity = Severity.ERROR
    summary = "An input that shapes the program is not in its hash"

    def check_operation(self, facts: OpFacts) -> Iterable[Finding]:
        for omission in facts.omissions:
            if omission.per_dispatch:
                continue
            use = omission.uses[0]
            message = (
                f"{code(omission.input)} shapes the program, but {hash_words(facts)} leaves it out: "
                f"{call_words(omission)}. {use_words(use)}."
            )
            yield self.finding(
                facts,
                message,
                use.place,
                slot=f"hash: {omission.input}",
                confidence=omission.confidence,
                when=omission.when,
                related=(*hash_related(facts, "the hash leaves it out"), *other_uses(omission)),
                fix=omission.fix,
            )
