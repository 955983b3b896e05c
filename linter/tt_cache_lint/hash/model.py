"""The facts about an op's hash, for rules and printers. Plain, frozen data, like tt_cache_lint.model."""

from __future__ import annotations

from dataclasses import dataclass

from tt_cache_lint.model import Confidence, Place

# Verdicts on an input that leave open whether its omission does harm.
NOT_LOOKED_AT = "nothing compiled differs; what a hit refreshes was not looked at"
NOT_TRIED = "not tried"
UNSETTLED = (NOT_LOOKED_AT, NOT_TRIED)


@dataclass(frozen=True, slots=True)
class Use:
    """A part of the program that an input shapes: `what` is stable text, `old` and `new` its values in two calls."""

    what: str
    place: Place
    old: str = ""
    new: str = ""
    factory: str = ""


@dataclass(frozen=True, slots=True)
class Omission:
    """An input that shapes the program and is not in the hash.

    `input` is the property as a person names it, `old` and `new` what two calls with one hash have there.
    `per_dispatch` when it is new on every call by its nature. `tied` are other inputs that checks change with it.
    `fix` are the lines that take it into the hash. `refused` when create() would refuse the second call on a miss.
    `idle` when no kernel makes anything of what it shapes.
    """

    input: str
    old: str
    new: str
    uses: tuple[Use, ...]
    when: tuple[str, ...]
    confidence: Confidence
    tied: tuple[str, ...] = ()
    per_dispatch: bool = False
    fix: tuple[str, ...] = ()
    refused: bool = False
    idle: bool = False


@dataclass(frozen=True, slots=True)
class Surplus:
    """Something in the hash that makes calls miss for nothing.

    `kind` is "address" or "random" for what is new on every call, "semaphore" for the address of a global semaphore,
    which callers keep; "refreshed" for what reaches only runtime arguments that the override brings up to date,
    "runtime" for what reaches only runtime arguments that it leaves alone. `spared` is a slot that is right on every
    hit because the hash contains what it holds.
    """

    input: str
    kind: str
    place: Place
    refreshed: tuple[Use, ...] = ()
    confidence: Confidence = Confidence.CERTAIN
    spared: str = ""


@dataclass(frozen=True, slots=True)
class Unordered:
    """An unordered container that the hash reaches. `by_hand` when the op's own hash walks over it."""

    input: str
    container: str
    place: Place
    by_hand: bool = False
    hashable: bool = True


@dataclass(frozen=True, slots=True)
class Pointed:
    """A pointer or smart pointer that is hashed by its address. `stable` when it is the device."""

    input: str
    type: str
    place: Place
    stable: bool = False


@dataclass(frozen=True, slots=True)
class Hidden:
    """State outside of the op's inputs that shapes the program."""

    source: str
    use: Use
    confidence: Confidence = Confidence.CERTAIN


@dataclass(frozen=True, slots=True)
class HashedInput:
    """One line of the `hash` printer."""

    input: str
    uses: tuple[Use, ...]
    covered: str  # "yes", "no", "partly", "unknown"
    how: str
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class OpFacts:
    """Everything the rules and printers may know about one op's hash.

    `hash_at` is the op's own hash function, or what replaces the framework's hash of its attributes; None for the
    default. `unclear` says what of the hash could not be followed, `reason` why no program could be made.
    """

    op: str
    path: str
    line: int
    style: str
    hash_at: Place | None = None
    hash_name: str = ""
    unclear: str = ""
    reason: str = ""
    factories: tuple[str, ...] = ()
    omissions: tuple[Omission, ...] = ()
    surplus: tuple[Surplus, ...] = ()
    unordered: tuple[Unordered, ...] = ()
    pointers: tuple[Pointed, ...] = ()
    hidden: tuple[Hidden, ...] = ()
    inputs: tuple[HashedInput, ...] = ()
