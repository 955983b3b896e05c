"""TTC504: a pointer is hashed by its address."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.hash.model import OpFacts
from tt_cache_lint.model import Confidence, Finding, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import code
from tt_cache_rules._hash import hash_related, hash_words


class PointerInHash(Rule):
    """
    ## What it does
    Finds raw pointers and smart pointers in what a program hash covers, through aliases, members, base classes,
    optionals, variants and containers.

    ## Why is this bad
    std::hash of a pointer is the address it holds, not what stands there. Equal objects at other addresses miss the
    cache, call after call; and an object that is freed and another one allocated at the same address hits a program
    that was built for something else.

    ## Example
    ```cpp
    struct operation_attributes_t {
        std::shared_ptr<const GlobalSemaphore> semaphore;  // hashed by address
    };
    ```

    ## Use instead
    ```cpp
    struct operation_attributes_t {
        GlobalSemaphore semaphore;  // hashed by its cores and buffer type
    };
    ```

    ## Known problems
    A pointer to the device is the same for all calls that share a cache; it is reported as possible only. A pointer
    that a hash function dereferences before hashing looks the same as one that it hashes.
    """

    id = "TTC504"
    name = "pointer-in-hash"
    invariant = "I5"
    severity = Severity.ERROR
    summary = "A pointer is hashed by the address it holds"

    def check_operation(self, facts: OpFacts) -> Iterable[Finding]:
        for pointed in facts.pointers:
            message = (
                f"{code(pointed.input)} ({code(pointed.type)}) is hashed by its address in {hash_words(facts)}: equal "
                "calls miss the cache when the object is another one, and a recycled address can hit a wrong program. "
                "Hash what it points to."
            )
            yield self.finding(
                facts,
                message,
                pointed.place,
                slot=f"hash: {pointed.input}",
                confidence=Confidence.POSSIBLE if pointed.stable else Confidence.CERTAIN,
                related=hash_related(facts, "hashed here"),
            )
