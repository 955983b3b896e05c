"""Worlds: plausible valuations of everything an op is given.

A fact is one elementary input (a dimension, a flag, the presence of an optional). It gets its value when it is first
asked for. Facts with few choices are decisions; a path is an assignment of decisions. Numbers come from the seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from tt_cache_lint.interp.interrupts import Implausible
from tt_cache_lint.interp.values import Enum, Mark, Unknown, Val, Value

NOT_GIVEN: Value = object()  # a path insists on nothing for a fact
# A tie says what an input of an op always is: ("constant", value), ("input", key of another), or (operator, tie, tie).
Tie = tuple[Any, ...]
# How a fact that only a tie mentions is made: its choices and its words, by the last part of its key; filled by the
# device model.
LEAVES: dict[str, tuple[tuple[Value, ...], str]] = {}
# The values a fact of an enumeration may take, by the enumeration's name; filled by the device model.
DOMAINS: dict[str, tuple[Value, ...]] = {}
MAPPINGS: dict[str, dict[Value, Value]] = {}  # from enumerators to others, by what they are called in terms

# Leaves for what is not computed, and of these for variables that outlive a call (mutable statics and globals).
UNKNOWN = "value of "
HIDDEN_STATE = f"{UNKNOWN}hidden state "


@dataclass(slots=True)
class Fact:
    """An elementary input. `choices` are the values a decision may take; empty for numbers."""

    key: str
    bit: int
    value: Value
    choices: tuple[Value, ...]
    words: str = ""


@dataclass(slots=True)
class World:
    """The facts of one world. `forced` maps fact keys to values a path or a repair insists on.

    `asked` are the keys looked up in `forced`, in order, with what was found.
    `run` is 1 or 2. `varying` holds what inputs are in run 2 where the two runs differ; `address` always differs.
    """

    seed: int = 0
    forced: dict[str, Value] = field(default_factory=dict)
    facts: dict[str, Fact] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    touched: int = 0
    order: list[int] = field(default_factory=list)
    run: int = 1
    dispatch: int = 0
    addresses: dict[int, tuple[str, int]] = field(default_factory=dict)
    owners: dict[str, int] = field(default_factory=dict)
    semaphores: set[str] = field(default_factory=set)  # those of the owners that are global semaphores
    labels: dict[tuple[str, bool], list[str]] = field(default_factory=dict)  # of a spec's run arguments, in order
    moved: dict[str, int] = field(default_factory=dict)  # what create() puts on the device, numbered
    made: dict[str, Mark] = field(default_factory=dict)  # where those of the owners are made that the code allocates
    held: set[str] = field(default_factory=set)  # those of the owners that live as long as the cached program
    preallocated: set[str] = field(default_factory=set)  # the outputs that the caller gives
    # Tensors whose shards do not fit their shape, so that none can be made so, with what would make them fit.
    misfits: dict[str, dict[str, Value]] = field(default_factory=dict)
    varying: dict[str, Value] = field(default_factory=dict)
    ties: Mapping[str, Tie] = field(default_factory=dict)
    fuel_left: int = 0
    grids: tuple[tuple[int, int], ...] = ()  # sizes of the device's grid to choose from, if not the usual ones
    asked: dict[str, Value] = field(default_factory=dict)
    narrow: bool = False  # a workload is made for one coordinate of the mesh only
    free: tuple[str, ...] = ()  # beginnings of the keys of inputs that follow from no tensor

    def onward(self, varying: dict[str, Value]) -> World:
        """A world that goes on from this one with a second call, in which some inputs are others.

        Facts, provenance bits and addresses mean the same in both.
        """
        made = World(self.seed, self.forced, dict(self.facts), list(self.names), self.touched)
        made.dispatch, made.addresses, made.owners = self.dispatch, dict(self.addresses), dict(self.owners)
        made.semaphores, made.moved, made.made = set(self.semaphores), dict(self.moved), dict(self.made)
        made.held, made.labels = set(self.held), {key: list(names) for key, names in self.labels.items()}
        made.varying, made.ties, made.grids, made.free = varying, self.ties, self.grids, self.free
        made.narrow = self.narrow
        return made

    def given(self, key: str) -> Value:
        """What is insisted on for a fact, NOT_GIVEN when nothing is; noted in `asked`."""
        found = self.asked[key] = self.forced.get(key, NOT_GIVEN)
        return found

    def bit(self, key: str) -> int:
        """The provenance bit of a leaf."""
        fact = self.facts.get(key)
        if fact is not None:
            return fact.bit
        self.names.append(key)
        bit = 1 << (len(self.names) - 1)
        self.facts[key] = Fact(key, bit, None, ())
        return bit

    def fact(self, key: str, choices: tuple[Value, ...], number: bool = False, words: str = "") -> Val:
        """The value of a fact. For a decision the first choice is the default; for a number the seed picks one."""
        known = self.facts.get(key)
        if known is None:
            tied = self.tied(self.ties[key]) if key in self.ties else None
            if tied is not None:
                return tied
            value = self.given(key)
            if value is not NOT_GIVEN:
                if choices and isinstance(choices[0], Enum) and isinstance(value, (int, float, str)):
                    raise Implausible(f"{key} is no enumerator")
            elif number and len(choices) > 1:
                value = choices[(self.seed * 7 + stable_hash(key)) % len(choices)]
            else:
                value = choices[0]
            bit = self.bit(key)
            known = self.facts[key]
            known.value, known.choices, known.words = value, () if number else choices, words
            known.bit = bit
        value = known.value
        if self.run == 2 and key in self.varying:
            value = self.varying[key]
        return Val(value, known.bit, key)

    def opaque(self, key: str) -> Unknown:
        """An input whose content is not modelled: the same in both runs unless it varies."""
        changed = self.run == 2 and key in self.varying
        return Unknown(f"{key} of the second call" if changed else key, self.bit(key))

    def tied(self, tie: Tie) -> Val | None:
        """The value of an input that follows from others, None when those cannot be made."""
        op, *rest = tie
        if op == "constant":
            return Val(rest[0], 0)
        if op == "input":
            known = self.facts.get(rest[0])
            base, _, last = rest[0].rpartition(".")
            choices, words = LEAVES.get(last, ((), ""))
            if known is not None or choices:
                return self.fact(rest[0], choices, words=f"{base} {words}")
            return None
        a, b = (self.tied(t) for t in rest)
        if a is None or b is None:
            return None
        if op in ("==", "!="):
            value = (a.v == b.v) == (op == "==")
        else:
            value = not a.v if op == "!" else a.v and b.v if op == "&&" else a.v or b.v
        return Val(value, a.p | b.p, (op, a, b if op != "!" else None))

    def address(self, owner: str, run: int) -> Val:
        """The device address of a buffer or semaphore: another one in each run.

        Run 0 is what create() made and keeps with the program: it lives as long as the program does, so that a fresh
        create() would be as right with this address as with its own.
        """
        run = self.run_of(owner, run)
        index = self.owners.setdefault(owner, len(self.owners))
        # The distance between two buffers is another one in each run, too.
        number = (0x3000000, 0x1000000, 0x2000000)[run] + (0x4000, 0x4000, 0x5000)[run] * (index + 1)
        self.addresses[number] = (owner, run)
        key = f"address of {owner}"
        bit = self.bit(key)
        if run and owner not in self.held:
            self.dispatch |= bit
        return Val(number, bit, key)

    def hold(self, owner: str) -> None:
        """What create() allocated stays with the cached program: its address in run 1 is as right in run 2."""
        self.held.add(owner)
        self.dispatch &= ~self.bit(f"address of {owner}")

    def run_of(self, owner: str, run: int) -> int:
        """The run whose buffer stands for that of the owner."""
        return 1 if run and owner in self.held else run

    def touch(self, bits: int) -> None:
        """Note that a branch depended on these leaves."""
        new = bits & ~self.touched
        if new:
            self.touched |= new
            self.order.append(new)

    def is_known(self, bits: int) -> bool:
        """True when nothing in the mask stands for something that could not be computed."""
        return not any(name.startswith((UNKNOWN, "(")) for name in self.leaves(bits))

    def sides(self) -> list[tuple[str, int]]:
        """The dimensions of the tensors given, the last of each first."""
        found = [(k, f.value) for k, f in self.facts.items() if ".logical_shape[" in k and type(f.value) is int]
        return sorted(found, key=lambda item: item[0].partition("[")[2], reverse=True)

    def chosen_otherwise(self, mask: int) -> list[dict[str, Value]]:
        """The other choices of the decisions in a mask."""
        facts = [self.facts[key] for key in self.leaves(mask) if key in self.facts]
        return [{fact.key: choice} for fact in facts for choice in fact.choices if choice != fact.value]

    def leaves(self, bits: int) -> list[str]:
        """The keys of the leaves in a mask."""
        found = []
        index = 0
        while bits:
            if bits & 1:
                found.append(self.names[index])
            bits >>= 1
            index += 1
        return found


@lru_cache(maxsize=1 << 14)
def stable_hash(text: str) -> int:
    """A hash of text that is the same in every process."""
    value = 2166136261
    for byte in text.encode():
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return value
