"""The state of one execution: the world, the budget, the call stack, and what could not be understood."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from tt_cache_lint.interp import solving
from tt_cache_lint.interp.interrupts import THROW, Exhausted, Thrown, Unfit
from tt_cache_lint.interp.values import Lambda, Mark, Obj, Opaque, Ref, Struct, Unknown, Val, Value, Vec, key_of, mask
from tt_cache_lint.interp.world import NOT_GIVEN, UNKNOWN, World, stable_hash

Place = tuple[str, int]  # a condition: its file and first byte
Branch = tuple[Value, bool, Place | None]  # a condition, whether it held, and where it stands
MAX_NUMERIC = 60
MAX_DEPTH = 60
MOST_REPAIRS = 24  # of a throw that says nothing about what it rests on
FUEL = 60_000
UNLIMITED = 1 << 30


class Machine:
    """One execution. `phase` is "create" or "override"; `programs` are filled by the device model."""

    def __init__(self, interp: Any, world: World, deadline: float = 0.0) -> None:
        self.interp = interp
        self.world = world
        self.fuel = FUEL
        self.deadline = deadline
        self.depth = 0
        self.stack: list[Mark] = []
        self.phase = "create"
        self.branches: list[tuple[Value, bool, Place | None]] = []
        self.limits: list[Value] = []  # conditions under which a limit of create() comes to bear, where it does not
        self.ways: list[Value] = []  # conditions under which a hit of this infra goes another way, as ordinary as this
        self.numeric: dict[tuple[str, int, int], Branch] = {}  # branches of create() on numbers
        self.further: dict[Place, Branch] = {}  # such that are like an earlier one
        self.unknown: dict[str, int] = {}
        self.failures: list[Any] = []
        self.log: list[Any] = []
        self.counters: dict[str, int] = {}
        self.checks = True  # insist on TT_FATALs; otherwise they are noted in `violations`
        self.violations: dict[str, tuple[dict[str, Value], ...]] = {}
        self.broken: dict[tuple[str, int], tuple[dict[str, Value], ...]] = {}  # the same, by what each rests on
        self.met_broken: set[tuple[str, int, int]] = set()  # checks, what each one rests on, and the run
        self.limit = UNLIMITED  # so many of them end the execution
        self.statics: dict[object, Value] = {}
        self.hash_sink: list[Any] = []
        self.route: frozenset[Place] = frozenset()  # where conditions stand that decide on the way to a factory
        self.met: list[tuple[Value, bool, Place]] = []  # these conditions, and how they went
        self.gate: Callable[[Any], None] | None = None  # sees the code of each function before it runs
        self.walked: list[tuple[str, str, Mark]] = []  # unordered containers that a hash function walks over
        self.frames: list[list[Value]] = []  # those that a lambda was made in
        self.programs: list[Any] = []

    def release(self) -> None:
        """Empty what refers to itself when the execution is over, so that no garbage collector has to find it."""
        for frame in self.frames:
            frame.clear()
        branches = (self.branches, self.numeric, self.further, self.met)
        told = (self.log, self.failures, self.hash_sink, self.programs)
        for held in (self.frames, self.limits, self.ways, self.statics, *branches, *told):
            held.clear()

    def spend(self, amount: int = 1) -> None:
        """Use up budget. Raises Exhausted when it is gone."""
        self.fuel -= amount
        if self.fuel < 0:
            raise Exhausted("the step budget is used up")
        if self.deadline and self.fuel & 0x3FF == 0 and time.process_time() > self.deadline:
            raise Exhausted("the time budget is used up")

    def invoke(
        self,
        code: Any,
        args: list[Value],
        this: Value = None,
        parent: list[Value] | None = None,
        copies: list[tuple[int, Value]] | None = None,
        site: Mark | None = None,
    ) -> Value:
        """Call lowered code. The result may be a Ref when the function returns a reference."""
        if self.depth >= MAX_DEPTH:
            raise Exhausted(f"recursion in {code.name}")
        self.spend(4)
        if self.gate is not None:
            self.gate(code)
        frame: list[Value] = [None] * code.ready()
        frame[0], frame[1], frame[2] = self, parent, this
        if copies:
            for slot, value in copies:
                frame[slot] = value
        if site is not None:
            self.stack.append(site)
        self.depth += 1
        try:
            code.bind(frame, args)
            code.run(frame)
        finally:
            self.depth -= 1
            if site is not None:
                self.stack.pop()
        return frame[3]

    def call(self, target: Value, args: list[Value], site: Mark | None = None) -> Value:
        """Call a lambda or function value."""
        if isinstance(target, Ref):
            target = target.get()
        if isinstance(target, Lambda):
            return self.invoke(target.code, args, target.this, target.frame, target.copies, site)
        handler = getattr(target, "call", None)
        if handler is not None:
            return handler(self, site, args)
        if isinstance(target, Struct) and target.type is not None and "operator()" in target.type.methods:
            return self.interp.call_method(self, target, "operator()", args, site)
        return self.unknown_call(f"{key_of(target)}()", args)

    def branch(self, condition: Value, taken: bool, place: Place | None = None) -> None:
        """Note a branch on an input, for repairs."""
        self.branches.append((condition, taken, place))
        if place is not None and place in self.route:
            self.met.append((condition, taken, place))
        if (
            type(condition) is Val
            and self.phase == "create"
            and self.world.run == 1
            and len(self.numeric) < MAX_NUMERIC
        ):
            term = condition.t
            if isinstance(term, tuple):
                alike, known = (term[0], condition.p, self.depth), (condition, taken, place)
                if self.numeric.setdefault(alike, known) is not known and place is not None:
                    self.further.setdefault(place, known)
        if len(self.branches) > 400:
            del self.branches[:200]

    def last_met(self) -> Place | None:
        """Where the last condition on an input stands."""
        return next((place for _, _, place in reversed(self.branches) if place is not None), None)

    def seeks(self, place: Place) -> bool:
        """May it matter for the way to the factory how a condition goes?"""
        return self.phase == "select" or place in self.route

    def thrown(self, text: str, mark: Mark | None = None) -> Thrown:
        """A throw, with the latest branches as what could be decided otherwise; `mark` is the statement that throws."""
        repairs, bits = self.otherwise()
        return Thrown(text, bits, repairs, guessed=True, kind=THROW if mark is not None else "", mark=mark)

    def otherwise(self) -> tuple[tuple[dict[str, Value], ...], int]:
        """How the latest branches could have been decided otherwise, and the inputs that they rest on."""
        repairs: list[dict[str, Value]] = []
        asked: dict[tuple[str, ...], int] = {}  # a loop asks for the same inputs over and over
        bits = 0
        for condition, taken, _ in reversed(self.branches[-60:]):
            bits |= getattr(condition, "p", 0)
            for repair in solving.want(condition, not taken) if len(repairs) < MOST_REPAIRS else ():
                keys = tuple(sorted(repair))
                asked[keys] = asked.get(keys, 0) + 1
                if asked[keys] <= 2:
                    repairs.append(repair)
        return tuple(repairs[:MOST_REPAIRS]), bits

    def violate(self, check: str, repairs: Sequence[dict[str, Value]], p: int = 0) -> None:
        """Note a broken check on the inputs `p` that is not insisted on, with the first repairs. Raises Unfit at the
        limit."""
        self.violations.setdefault(check, tuple(repairs[:12]))
        self.broken.setdefault((check, p), tuple(repairs[:12]))
        if len(self.violations) >= self.limit:
            raise Unfit(check)

    def broke_before(self, check: str, p: int) -> bool:
        """Has a check on these inputs been met broken in this run? A loop meets it again and again, and its repairs
        are dear."""
        mark = (check, p, self.world.run)
        known = mark in self.met_broken
        self.met_broken.add(mark)
        return known

    def unknown_number(self, key: str, p: int, usual: tuple[int, ...] = (2, 4, 3, 1, 6, 8)) -> Val:
        """A number for something unknown: the same for the same key in one world."""
        name = f"{UNKNOWN}{key}"
        value = self.world.given(name)
        if value is NOT_GIVEN or value is None:
            value = usual[(stable_hash(key) + self.world.seed) % len(usual)]
        bit = self.world.bit(name)
        return Val(value, p | bit, name)

    def unknown_call(self, name: str, args: list[Value], writes: tuple[int, ...] = ()) -> Unknown:
        """The result of a function nobody knows: a table over its evaluated arguments."""
        self.unknown[name] = self.unknown.get(name, 0) + 1
        p = 0
        keys = []
        for arg in args:
            value = arg.get() if isinstance(arg, Ref) else arg
            p |= mask(value)
            keys.append(key_of(value))
            if hasattr(value, "unknown_use"):
                value.unknown_use(self.world)
        result = Unknown(f"{name}({', '.join(keys)})", p)
        for position in writes:
            self.clobber(args[position], f"{result.key}#{position}")
        return result

    def clobber(self, target: Value, key: str) -> None:
        """Make what a reference leads to unknown."""
        value = target.get() if isinstance(target, Ref) else target
        if isinstance(value, Vec):
            value.items.append(Opaque(key))
            value.marks.append(None)
        elif isinstance(value, Struct):
            for field in list(value.fields):
                if not isinstance(value.fields[field], Obj):
                    value.fields[field] = Unknown(f"{key}.{field}")
                elif hasattr(value.fields[field], "escape"):  # a program, or a workload of them
                    value.fields[field].escape(self, key)
        elif isinstance(target, Ref):
            target.set(Unknown(key))
        else:
            escape = getattr(value, "escape", None)
            if escape is not None:
                escape(self, key)

    def count(self, name: str) -> int:
        """A counter of this execution, starting at 0."""
        value = self.counters.get(name, 0)
        self.counters[name] = value + 1
        return value
