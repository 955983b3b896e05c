"""What the rules about hashes say: the input, the two calls, what the hit keeps, and what to do about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tt_cache_lint.hash.model import Hidden, Omission, OpFacts, Pointed, Surplus, Unordered, Use
from tt_cache_lint.model import Confidence, Finding, Place
from tt_cache_lint.rule import load_rules

HASH = Place("op/device/op.cpp", 40, 1, 44)
USE = Use("reader compile-time arg 3", Place("op/device/factory.cpp", 90, 5, 90), "512", "1024", "Factory")
OMISSION = Omission(
    "tensor_args.mask", "[1, 128]", "[1, 256]", (USE,), ("flag is true",), Confidence.CERTAIN, fix=("args.mask,",)
)
OP = OpFacts("Op", "op/device/op.hpp", 10, "modern", HASH, "compute_program_hash")


def only(rule: str, op: OpFacts) -> Finding:
    (checker,) = (r for r in load_rules() if r.name == rule)
    (found,) = checker.check_operation(op)
    return found


@pytest.mark.parametrize(
    ("changes", "calls", "kept"),
    [
        (
            {},
            "a call with [1, 256] hits the program that was built for [1, 128].",
            "On the hit `reader compile-time arg 3` is still 512; a fresh create() gives 1024.",
        ),
        (
            {"old": "present", "new": "absent"},
            "a call without it hits the program that was built with it.",
            "On the hit `reader compile-time arg 3` is still 512; a fresh create() gives 1024.",
        ),
        (
            {"old": "absent", "new": "present", "tied": ("operation_attributes.masked",)},
            "a call with it hits the program that was built without it (the checks want `operation_attributes.masked` "
            "to change as well).",
            "On the hit `reader compile-time arg 3` is still 512; a fresh create() gives 1024.",
        ),
        (
            {"refused": True},
            "a call with [1, 256] hits the program that was built for [1, 128] (on a miss create() would refuse it, "
            "but a hit does not run create()).",
            "On the hit `reader compile-time arg 3` is still 512; a fresh create() gives 1024.",
        ),
        (
            {"uses": (replace(USE, old="other words", new="other words"),)},
            "a call with [1, 256] hits the program that was built for [1, 128].",
            "On the hit `reader compile-time arg 3` is still what the first call gave; a fresh create() gives "
            "something else.",
        ),
    ],
)
def test_hash_omits(changes: dict[str, object], calls: str, kept: str) -> None:
    found = only("hash-omits", replace(OP, omissions=(replace(OMISSION, **changes),)))  # type: ignore[arg-type]
    begin = "`tensor_args.mask` shapes the program, but compute_program_hash leaves it out: "
    assert found.message == f"{begin}{calls} {kept}"
    assert (found.slot, found.place, found.when) == ("hash: tensor_args.mask", USE.place, ("flag is true",))
    assert found.fix == ("args.mask,",)
    assert [(r.place, r.message) for r in found.related] == [(HASH, "the hash leaves it out")]


def test_the_other_uses_are_shown_a_line_each() -> None:
    more = tuple(replace(USE, what=f"CB c_{n} page size", place=replace(USE.place, line=n)) for n in (90, 7, 8, 8))
    found = only("hash-omits", replace(OP, omissions=(replace(OMISSION, uses=(USE, *more)),)))
    assert [(r.place.line, r.message) for r in found.related[1:]] == [
        (7, "CB c_7 page size is still 512, should be 1024"),
        (8, "CB c_8 page size is still 512, should be 1024"),
    ]


@pytest.mark.parametrize(
    ("rule", "op", "says"),
    [
        ("per-dispatch-compile-time", {"omissions": (replace(OMISSION, per_dispatch=True),)}, "Make it a runtime arg"),
        ("hidden-state", {"hidden": (Hidden("counter", USE),)}, "Make it an attribute, which is hashed."),
        ("pointer-in-hash", {"pointers": (Pointed("x", "T*", HASH),)}, "Hash what it points to."),
        ("unordered-in-hash", {"unordered": (Unordered("x", "unordered_map", HASH, by_hand=True),)}, "Sort it first."),
        ("hash-includes-per-dispatch", {"surplus": (Surplus("step", "random", HASH),)}, "Leave it out of the hash."),
        (
            "hash-includes-per-dispatch",
            {"surplus": (Surplus("step", "refreshed", HASH, (USE,)),)},
            "Leave it out of the hash.",
        ),
    ],
)
def test_every_finding_says_what_to_do(rule: str, op: dict[str, object], says: str) -> None:
    assert says in only(rule, replace(OP, **op)).message  # type: ignore[arg-type]
