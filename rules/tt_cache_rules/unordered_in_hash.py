"""TTC503: the hash depends on the order of a container that has none."""

from __future__ import annotations

from collections.abc import Iterable

from tt_cache_lint.hash.model import OpFacts
from tt_cache_lint.model import Confidence, Finding, Severity
from tt_cache_lint.rule import Rule
from tt_cache_rules._common import code
from tt_cache_rules._hash import hash_related


class UnorderedInHash(Rule):
    """
    ## What it does
    Finds std::unordered_map and std::unordered_set in what a program hash covers, through aliases, members, base
    classes, optionals and variants, and hash functions that walk over one themselves.

    ## Why is this bad
    Two equal containers may be walked in different orders, so equal calls get different hashes: cache misses that come
    and go. The framework sorts an unordered_map by key before it hashes it (since 2025), so one that is hashed as a
    member is only slow; it has no hash for an unordered_set, so that one does not compile. A hash function that loops
    over either by itself is an error.

    ## Example
    ```cpp
    for (const auto& [name, value] : attributes.defines) {  // std::unordered_map
        hash = ttsl::hash::hash_objects(hash, name, value);
    }
    ```

    ## Use instead
    ```cpp
    std::map<std::string, std::string> defines;  // in operation_attributes_t: hashed in the order of its keys
    ```

    ## Known problems
    Whether the tree's own framework is old enough not to sort an unordered_map is not known.
    """

    id = "TTC503"
    name = "unordered-in-hash"
    invariant = "I5"
    severity = Severity.ERROR
    summary = "The hash depends on the order of an unordered container"

    def check_operation(self, facts: OpFacts) -> Iterable[Finding]:
        for found in facts.unordered:
            name, container = code(found.input), code(f"std::{found.container}")
            severity = Severity.ERROR
            if found.by_hand:
                message = (
                    f"the hash is computed by walking over {name}, a {container}: equal containers may be walked in "
                    "different orders, so equal calls can miss the cache. Sort it first."
                )
            elif found.hashable:
                severity = Severity.NOTE
                message = (
                    f"{name} is hashed and is a {container}: the framework sorts it by key on every call (before 2025 "
                    "it did not, and equal calls could miss the cache)."
                )
            else:
                message = (
                    f"{name} is hashed and is a {container}, which the framework has no hash for: use an ordered one."
                )
            yield self.finding(
                facts,
                message,
                found.place,
                slot=f"hash: {found.input}",
                confidence=Confidence.CERTAIN,
                severity=severity,
                related=() if found.by_hand else hash_related(facts, "hashed here"),
            )
