"""TTC502: the hash contains what is new on every call, or what a hit refreshes anyway."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.hash.model import OpFacts, Surplus
from tt_cache_lint.model import Finding, Related, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import OVERRIDE, code
from tt_cache_rules._hash import hash_related, hash_words


class HashIncludesPerDispatch(Rule):
    """
    ## What it does
    Finds three things in a program hash: values that are new on every call (the address of a buffer, randomness, the
    clock); the address of a global semaphore, which callers keep, so that a program is built for each; and numbers
    among the attributes (a step, a seed, a position) that only feed runtime arguments. Semaphores and numbers could be
    refreshed on each hit; where the override already does that, the finding is a warning, else a note.

    ## Why is this bad
    Every new value is a cache miss: the kernels are compiled again, and the cache grows with every call. Nothing is
    wrong with the results, but an op that should take microseconds takes a second.

    ## Example
    ```cpp
    struct operation_attributes_t {  // hashed member by member
        float lr;
        uint32_t step;  // one more on every call
    };
    // override_runtime_arguments()
    compute_args[3] = operation_attributes.step;
    ```

    ## Use instead
    ```cpp
    tt::stl::hash::hash_t Adam::compute_program_hash(const Attrs& attributes, const Args& args) {
        auto hashed = attributes;
        hashed.step = 0;  // the override refreshes it
        return operation::hash_operation<Adam>(hashed, args);
    }
    ```

    ## Known problems
    A number that hardly ever changes between calls costs no misses in practice, whether it is hashed or not. So what
    the override leaves alone is listed only where a compute kernel calculates with it, as with a step or an exponent,
    or where the op's own hash leaves other such numbers out; the rest is possible only.
    """

    id = "TTC502"
    name = "hash-includes-per-dispatch"
    invariant = "I5"
    severity = Severity.WARNING
    summary = "The hash contains a value that is new on every call, or that a cache hit refreshes anyway"

    def check_operation(self, facts: OpFacts) -> Iterable[Finding]:
        for surplus in facts.surplus:
            related: tuple[Related, ...] = (
                *(hash_related(facts, "hashed here") if surplus.refreshed else ()),
                *(Related(use.place, f"feeds {use.what}") for use in surplus.refreshed[:3]),
            )
            yield self.finding(
                facts,
                message_of(facts, surplus),
                surplus.place,
                slot=f"hash: {surplus.input}",
                confidence=surplus.confidence,
                severity=severity_of(surplus),
                related=related,
            )


SEVERITIES = {"address": Severity.ERROR, "runtime": Severity.NOTE}


def severity_of(surplus: Surplus) -> Severity | None:
    """None for the rule's own."""
    return Severity.NOTE if surplus.kind == "semaphore" and surplus.spared else SEVERITIES.get(surplus.kind)


def message_of(facts: OpFacts, surplus: Surplus) -> str:
    """What the finding says."""
    if surplus.kind == "runtime":
        slots = " and ".join(code(use.what) for use in surplus.refreshed[:2])
        return (
            f"{code(surplus.input)} is part of {hash_words(facts)}, but it only feeds runtime arguments ({slots}): "
            f"every new value is a cache miss, where {OVERRIDE} could refresh it."
        )
    if surplus.kind == "refreshed":
        slots = " and ".join(code(use.what) for use in surplus.refreshed[:2])
        return (
            f"{code(surplus.input)} is part of {hash_words(facts)}, but it only feeds runtime arguments ({slots}), and "
            f"{OVERRIDE} brings those up to date on each hit: every new value is a cache miss for nothing. "
            "Leave it out of the hash."
        )
    if surplus.kind == "semaphore" and surplus.spared:
        return (
            f"{hash_words(facts)} contains {code(surplus.input)}, which {OVERRIDE} does not refresh in "
            f"{code(surplus.spared)}: hits are right, but every other semaphore is a cache miss. To spare those, "
            "refresh the slot and leave the address out of the hash."
        )
    if surplus.kind == "semaphore":
        return (
            f"{hash_words(facts)} contains {code(surplus.input)}: every other semaphore is a cache miss for nothing. "
            "Leave it out of the hash."
        )
    return (
        f"{hash_words(facts)} contains {code(surplus.input)}, which is new on every call: the cache never hits, and it "
        "grows with each call. Leave it out of the hash."
    )
