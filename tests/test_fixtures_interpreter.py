"""The interpreter against the compiler: the same factory, the same inputs, the same numbers in every slot.

For every scenario of every fixture the interpreter runs in the world that the compiled program ran in
(scenario_worlds.py). What each slot holds on each core after create(), after the hit and in a fresh program has to be
what the compiler's program holds there, and so has what is fixed at creation: where kernels and circular buffers are,
their sizes, the semaphores. The table of the `slots` command and the differences that rules read have to follow.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import fixture_driver
import fixture_report
from fixture_report import Core, Scenario
from test_fixtures_run import each_folder

pytest.importorskip("tt_cache_lint.engine")

import scenario_worlds
from tt_cache_lint.device.program import CircularBuffer, Kernel, Program
from tt_cache_lint.device.tensors import Buffer
from tt_cache_lint.factory.found import Factory
from tt_cache_lint.facts import Collector
from tt_cache_lint.interp.values import Enum, Opaque, Opt, Unknown, Value, empty, plain
from tt_cache_lint.model import Cause, FactoryFacts, Slot, SlotKind
from tt_cache_lint.outcome import Outcome
from tt_cache_lint.search.exploration import Exploration
from tt_cache_lint.search.exploration import Path as Explored

SIDES = ("created", "after_hit", "fresh")


class Spot(NamedTuple):
    """One word of a program: which kernel or circular buffer by order of creation, which part, core and index."""

    kind: str
    ordinal: int
    core: Core | None
    position: int


class Answer(NamedTuple):
    """One scenario, as the compiler's program and the interpreter have it."""

    raw: Mapping[str, Any]
    compiled: Scenario
    factory: Factory
    outcome: Outcome

    @property
    def name(self) -> str:
        return self.compiled.name

    @property
    def sides(self) -> tuple[str, ...]:
        """The programs to compare: after an override that threw halfway, or no hit, there are two."""
        return SIDES if self.raw["hit"] and not self.raw["thrown"] else ("created", "fresh")


@functools.cache
def answers(folder: Path) -> tuple[Answer, ...]:
    """Both answers for each scenario of a fixture."""
    pairs = zip(scenario_worlds.scenarios(folder), fixture_report.report(folder), strict=True)
    return tuple(Answer(raw, compiled, *scenario_worlds.outcome_of(folder, raw)) for raw, compiled in pairs)


# ------------------------------------------------------------------------------------------------------- the two sides


def word(value: Value) -> int | str | None:
    """A value as the 32 bits the device sees; text where the interpreter does not know."""
    if isinstance(value, (Unknown, Opaque)):
        return f"unknown: {value.key}"
    bare = plain(value)
    if isinstance(bare, (Unknown, Opaque)):
        return f"unknown: {bare.key}"
    if isinstance(bare, Enum):
        bare = bare.number
    return int(bare) & 0xFFFFFFFF if isinstance(bare, (bool, int, float)) else f"unknown: {bare!r}"


def compiled_words(raw: Mapping[str, Any], side: str) -> dict[Spot, int | str | None]:
    """All words of one of the three compiled programs."""
    words: dict[Spot, int | str | None] = {}
    for ordinal, kernel in enumerate(raw["kernels"]):
        for entry in kernel["args"]:
            for index, value in enumerate(entry["args"][side] or ()):
                words[Spot("arg", ordinal, tuple(entry["core"]), index)] = value
        for index, value in enumerate(kernel["common"][side] or ()):
            words[Spot("common arg", ordinal, None, index)] = value
    for cb in raw["cbs"]:
        config = cb["config"][side]
        words[Spot("CB address", cb["ordinal"], None, 0)] = config["address"]
        words[Spot("CB total size", cb["ordinal"], None, 0)] = config["total_size"]
        for index, page in zip(cb["indices"], config["page_sizes"], strict=True):
            words[Spot("CB page size", cb["ordinal"], None, index)] = page
    return words


def interpreted_words(outcome: Outcome, side: str) -> dict[Spot, int | str | None]:
    """All words of one of the three programs that the interpreter made."""
    words: dict[Spot, int | str | None] = {}
    if side == "created":
        for (ordinal, core), values in outcome.created.args.items():
            for index, value in enumerate(values):
                words[Spot("common arg" if core is None else "arg", ordinal, core, index)] = word(value)  # type: ignore[arg-type]
        for ordinal, buffer in enumerate(outcome.created.buffers):
            words[Spot("CB address", ordinal, None, 0)] = placed(outcome, buffer, outcome.after.cbs[ordinal])
        return words
    program = outcome.after if side == "after_hit" else outcome.fresh
    for kernel in program.kernels:
        for core, data in kernel.args.items():
            for index, value in enumerate(data.vals):
                words[Spot("arg", kernel.ordinal, core, index)] = word(value)
        if kernel.common is not None:
            for index, value in enumerate(kernel.common.vals):
                words[Spot("common arg", kernel.ordinal, None, index)] = word(value)
    for cb in program.cbs:
        words[Spot("CB address", cb.ordinal, None, 0)] = placed(outcome, cb.buffer, cb)
        words[Spot("CB total size", cb.ordinal, None, 0)] = word(cb.total)
        for held, page in cb.pages.items():
            words[Spot("CB page size", cb.ordinal, None, int(plain(held)))] = word(page)
    return words


def placed(outcome: Outcome, buffer: Value, cb: CircularBuffer) -> int | str | None:
    """The address of a circular buffer: that of the tensor it lives in, with its offset; None where it has its own."""
    inner = buffer.v if isinstance(buffer, Opt) else buffer
    if empty(inner):
        return None
    if isinstance(inner, Buffer):
        base = outcome.world.address(inner.owner, inner.run).v
        offset = word(cb.offset)
        return base + offset if isinstance(offset, int) else offset
    return f"unknown: {inner!r}"


def without_sizes(words: dict[Spot, Any]) -> dict[Spot, Any]:
    return {spot: value for spot, value in words.items() if spot.kind not in ("CB total size", "CB page size")}


def disagreements(answer: Answer) -> Iterator[str]:
    """Every word that is not the same on both sides, with both."""
    for side in answer.sides:
        theirs, mine = compiled_words(answer.raw, side), interpreted_words(answer.outcome, side)
        if side == "created":
            theirs = without_sizes(theirs)
        if not answer.raw["hit"] and side == "fresh":
            # The report lists what the first program has; where the second has more is the fixture's business.
            mine = {spot: value for spot, value in mine.items() if spot in theirs}
        for spot in sorted(theirs.keys() | mine.keys(), key=repr):
            compiled, interpreted = theirs.get(spot, "nothing"), mine.get(spot, "nothing")
            if compiled != interpreted:
                yield f"{answer.name}: {side}: {spot}: compiled {compiled}, interpreted {interpreted}"


# --------------------------------------------------------------------------------------------------------- the tests


# A scenario's world has no place for pointers, maps and state outside of the inputs: what these fixtures are about.
# Nor for a tensor of another shape on the second call.
OUT_OF_REACH = {"pointer-in-hash", "unordered-in-hash", "hidden-state", "bad_shape_by_volume"}


def in_reach(folder: Path) -> bool:
    return not {folder.name, folder.parent.name} & OUT_OF_REACH


@each_folder(in_reach)
def test_every_slot_holds_the_compiled_number(folder: Path) -> None:
    for answer in answers(folder):
        found = list(disagreements(answer))
        assert not found, "\n".join(found[:40])


@each_folder(in_reach)
def test_programs_have_the_compiled_shape(folder: Path) -> None:
    """Kernels, circular buffers and semaphores: how many, and on which cores."""
    for raw, _, _, outcome in answers(folder):
        for program in (outcome.after, outcome.fresh) if raw["hit"] else (outcome.after,):
            assert [cores_of(kernel) for kernel in program.kernels] == [listed(k["cores"]) for k in raw["kernels"]]
            assert [cores_of(cb) for cb in program.cbs] == [listed(cb["cores"]) for cb in raw["cbs"]]
            assert [indices_of(cb) for cb in program.cbs] == [cb["indices"] for cb in raw["cbs"]]
            assert sources_of(program) == [kernel["source"] for kernel in raw["kernels"]]


def cores_of(owner: Kernel | CircularBuffer) -> list[Core]:
    return sorted(set(owner.cores))


def listed(cores: list[list[int]]) -> list[Core]:
    return sorted((x, y) for x, y in cores)


def indices_of(cb: CircularBuffer) -> list[int]:
    return sorted(int(plain(index)) for index in cb.formats)


def sources_of(program: Program) -> list[object]:
    return [plain(kernel.source) for kernel in program.kernels]


@each_folder(in_reach)
def test_what_the_api_refuses_is_noted(folder: Path) -> None:
    """A check of the host API that fails in the compiled override is a failure for the interpreter too."""
    for answer in answers(folder):
        refused = {failure.kind for failure in answer.compiled.failures}
        stopped = {phase for phase, _ in answer.compiled.thrown}
        noted = [f for f in answer.outcome.failures if f.phase == "override"]
        if refused or "override" in stopped:
            assert noted or answer.outcome.thrown is not None, (answer.name, refused, stopped)
        else:
            assert not noted, (answer.name, noted[0])
            assert answer.outcome.thrown is None, answer.name


def facts_of(answer: Answer) -> FactoryFacts:
    """What rules and printers are told when this scenario is all that was explored."""
    path = Explored({}, [answer.outcome], {}, True, True)
    return Collector(scenario_worlds.finder().interp, answer.factory, Exploration([path], worlds=1)).collect()


def compiled_slots(answer: Answer) -> dict[tuple[str, int, int], list[tuple[Any, Any, Any]]]:
    """The compiled words by slot, in the order of the printed table: kind, ordinal, index; one triple for each core."""
    created, after, fresh = (compiled_words(answer.raw, side) for side in SIDES)
    found: dict[tuple[str, int, int], list[tuple[Any, Any, Any]]] = {}
    for spot in sorted(created.keys() | after.keys() | fresh.keys(), key=repr):
        words = (created.get(spot), after.get(spot), fresh.get(spot))
        if spot.kind in ("arg", "common arg"):
            found.setdefault((spot.kind, spot.ordinal, spot.position), []).append(words)
        elif spot.kind == "CB address" and words != (None, None, None):
            found[("CB", spot.ordinal, -1)] = [words]
    return dict(sorted(found.items()))


def refreshed(words: list[tuple[Any, Any, Any]]) -> str:
    """What the table's last column has to say of a slot, from the compiled program."""
    stale = [created != fresh and after != fresh for created, after, fresh in words]
    needing = sum(created != fresh for created, _, fresh in words)
    if not needing:
        return "no" if any(after != fresh for _, after, fresh in words) else "not needed"
    return "yes" if not any(stale) else "no" if sum(stale) == needing else "partly"


@each_folder(in_reach)
def test_slot_table_follows(folder: Path) -> None:
    """The table that `slots` prints: its slots, on how many cores, which depend on the call, which are refreshed."""
    for answer in compared(folder):
        theirs = compiled_slots(answer)
        table = facts_of(answer).table
        mine = [(line.slot.kind.value, line.slot.index) for line in table]
        assert mine == [(kind, index) for kind, _, index in theirs], answer.name
        for line, words in zip(table, theirs.values(), strict=True):
            needing = any(created != fresh for created, _, fresh in words)
            assert (line.per_dispatch, line.refreshed) == (needing, refreshed(words)), (answer.name, line.slot.name)
            if line.slot.kind is not SlotKind.CB:
                assert line.cores == len(words), (answer.name, line.slot.name)


@each_folder(in_reach)
def test_differences_follow(folder: Path) -> None:
    """The slots that differ in the facts that rules read are those that differ in the compiled program."""
    for answer in compared(folder):
        if not answer.raw["expects_hit"]:
            continue
        fresh = answer.outcome.fresh
        theirs = set()
        for (kind, ordinal, index), words in compiled_slots(answer).items():
            if any(after != right for _, after, right in words):
                owner = fresh.cbs[ordinal].name if kind == "CB" else fresh.kernels[ordinal].name
                theirs.add(Slot(SlotKind(kind), owner, index).name)
        told = facts_of(answer).differences
        refused = {d.slot.name for d in told if d.cause in (Cause.OUT_OF_RANGE, Cause.OUTSIDE_KERNEL)}
        swapped = {d.other_slot for d in told if d.other_slot}
        mine = {d.slot.name for d in told} - refused
        # Of two slots that got each other's value one is reported and the other one named.
        assert mine <= theirs <= mine | swapped | refused, answer.name


def compared(folder: Path) -> list[Answer]:
    """The scenarios in which the override came to its end in both."""
    return [answer for answer in answers(folder) if answer.sides == SIDES]


def test_most_scenarios_are_compared_to_their_end() -> None:
    """Only what throws in the compiled override, or misses on purpose, is compared in part."""
    every = [answer for folder in fixture_driver.folders() if in_reach(folder) for answer in answers(folder)]
    whole = [answer for answer in every if answer.sides == SIDES]
    assert len(whole) >= 0.9 * len(every)
