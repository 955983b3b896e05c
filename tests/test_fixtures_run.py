"""The annotations of every fixture equal what the compiled program did.

A fixture is compiled against fixtures/include and run through a miss, a hit, and a fresh create() with the inputs of
the hit. What may be annotated is what that shows: every annotated slot goes wrong in some scenario, and everything that
goes wrong is annotated. No linter takes part.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path

import pytest

import fixture_driver
import fixture_report
from fixture_report import Annotation, Event, Scenario

FOLDERS = fixture_driver.folders()

# A wrong handle, or none, or no override, makes more go wrong than the place that is to blame for it.
BLAMED_ELSEWHERE = {"handle-swap", "uninitialised-shared-variable", "missing-override", "narrowed-handle"}

# Rules whose finding is about something that can stop the override halfway.
MAY_THROW = BLAMED_ELSEWHERE | {
    "arg-out-of-range",
    "creation-in-override",
    "compile-time-mutation",
    "mesh-coordinate-mismatch",
    "override-throws",
}

# Rules whose findings name a slot that holds the wrong value after the hit.
STALE_SLOT = {
    "stale-buffer-address",
    "stale-cb-address",
    "stale-scalar",
    "arg-index-mismatch",
    "wrong-tensor",
    "partial-core-coverage",
    "guard-mismatch",
    "lost-update",
    "handle-swap",
    "handle-not-shared",
    "stale-capture",
    "mesh-coordinate-mismatch",
    "unbound-address",
    "buffer-not-kept",
}

# Rules about what is fixed at the miss: two calls with one hash need different programs.
ONE_HASH_TWO_PROGRAMS = {"hash-omits", "per-dispatch-compile-time", "hidden-state"}

# Rules about a hash that differs for no reason: the second call misses, and its program is like the first one's.
NEEDLESS_MISS = {"hash-includes-per-dispatch", "unordered-in-hash", "pointer-in-hash"}

Started = Mapping[Path, "Future[tuple[Scenario, ...]]"]


@pytest.fixture(scope="session")
def started(request: pytest.FixtureRequest) -> Started:
    """All fixtures that this session asks for, compiling in the background; none where xdist spreads the tests."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return {}
    wanted = {item.callspec.params.get("folder") for item in request.session.items if hasattr(item, "callspec")}
    return fixture_report.start([folder for folder in FOLDERS if folder in wanted])


@pytest.fixture
def scenarios(folder: Path, started: Started) -> tuple[Scenario, ...]:
    return started[folder].result() if folder in started else fixture_report.report(folder)


def each_folder(only: Callable[[Path], bool] = lambda _: True) -> pytest.MarkDecorator:
    chosen = [folder for folder in FOLDERS if only(folder)]
    return pytest.mark.parametrize("folder", chosen, ids=lambda path: f"{path.parent.name}/{path.name}")


def truths(folder: Path) -> list[Annotation]:
    """What the annotations say about the program; known noise is about the linter."""
    return [note for note in fixture_report.expectations(folder) if note.kind != "expect-noise"]


def creation_order(scenario: Scenario) -> set[tuple[Path, int]]:
    """Where create() makes a circular buffer after a kernel, or either after runtime args."""
    rank = {"cb": 0, "kernel": 1, "args": 2, "common_args": 2}
    reached = 0
    late: set[tuple[Path, int]] = set()
    for event in scenario.events:
        if event.kind == "program":
            reached = 0
        elif event.phase == "create" and event.kind in rank:
            if rank[event.kind] < reached:
                late.add((event.path, event.line))
            reached = max(reached, rank[event.kind])
    return late


def in_override(scenario: Scenario, *kinds: str) -> list[Event]:
    return [event for event in scenario.events if event.phase == "override" and event.kind in kinds]


def test_there_are_fixtures() -> None:
    assert FOLDERS


@pytest.mark.parametrize("rule", sorted(STALE_SLOT | MAY_THROW | {"resource-order", "hash-omits"}))
def test_three_bad_and_three_good_of_each(rule: str) -> None:
    """Bad ones count when the linter finds what they are about: a known gap is none of the three."""
    good = [folder for folder in FOLDERS if folder.parent.name == rule and folder.name.startswith("good_")]
    bad = {
        folder
        for folder in FOLDERS
        for note in fixture_report.expectations(folder)
        if folder.parent.name == rule and (note.kind, note.rule) == ("expect", rule)
    }
    assert len(bad) >= 3
    assert len(good) >= 3


def test_every_fixture_has_scenarios() -> None:
    sources = {path.parent for path in fixture_driver.FIXTURES.glob("*/*/*_program_factory.cpp")}
    assert sorted(sources - set(FOLDERS)) == []


@each_folder()
def test_second_call_hits_where_it_should(folder: Path, scenarios: tuple[Scenario, ...]) -> None:
    assert scenarios
    for scenario in scenarios:
        assert scenario.hit == scenario.expects_hit, scenario.name
        assert [thrown for thrown in scenario.thrown if thrown[0] != "override"] == [], scenario.name
        assert not [failure for failure in scenario.failures if failure.phase != "override"], scenario.name


@each_folder(lambda folder: folder.name.startswith("good_"))
def test_good_fixture_is_good(folder: Path, scenarios: tuple[Scenario, ...]) -> None:
    assert truths(folder) == []
    for scenario in scenarios:
        assert scenario.differences == {}, scenario.name
        assert scenario.failures == (), scenario.name
        assert scenario.thrown == (), scenario.name
        assert scenario.resized == (), scenario.name
        assert creation_order(scenario) == set(), scenario.name
        if scenario.expects_hit:
            assert scenario.structure == (), scenario.name


@each_folder(lambda folder: folder.name.startswith("good_") and folder.parent.name != "missing-override")
def test_good_fixture_refreshes_something(folder: Path, scenarios: tuple[Scenario, ...]) -> None:
    """A program that needs nothing on a hit proves nothing, except about the need for an override."""
    needed = [cell for scenario in scenarios for cell in scenario.cells if cell.created != cell.fresh]
    assert needed


@each_folder(lambda folder: folder.name.startswith("bad_"))
def test_annotated_slots_go_wrong(folder: Path, scenarios: tuple[Scenario, ...]) -> None:
    notes = truths(folder)
    assert notes
    stale = {slot for scenario in scenarios for slot in scenario.differences}
    refused = {failure.slot for scenario in scenarios for failure in scenario.failures}
    stopped = any(scenario.thrown for scenario in scenarios)
    for note in notes:
        where = (note.path, note.line)
        if note.rule in STALE_SLOT:
            assert note.slot in stale, note
        elif note.rule == "arg-out-of-range":
            assert note.slot in refused or stopped, note
        elif note.rule == "override-throws":
            assert stopped, note
        elif note.rule in BLAMED_ELSEWHERE:
            assert stale or refused or stopped, note
        elif note.rule == "uncalled-override":
            reached = {event.path for scenario in scenarios for event in in_override(scenario, "args", "cb_address")}
            assert note.path not in reached, note
        elif note.rule == "resource-order":
            assert any(where in creation_order(scenario) for scenario in scenarios), note
        elif note.rule == "creation-in-override":
            events = [
                e for scenario in scenarios for e in in_override(scenario, "cb", "kernel", "semaphore", "program")
            ]
            assert where in {(event.path, event.line) for event in events}, note
            assert stopped or all(event.kind == "program" for event in events), note
        elif note.rule == "compile-time-mutation":
            events = [e for scenario in scenarios for e in in_override(scenario, "cb_total_size", "cb_page_size")]
            assert where in {(event.path, event.line) for event in events}, note
            assert any(note.slot in scenario.resized for scenario in scenarios) or stopped, note
        elif note.rule in ONE_HASH_TWO_PROGRAMS:
            assert any(scenario.hit and scenario.structure for scenario in scenarios), note
        elif note.rule in NEEDLESS_MISS:
            assert any(not scenario.hit and not scenario.structure for scenario in scenarios), note
        else:
            pytest.fail(f"no check for {note.rule}")


@each_folder(lambda folder: folder.name.startswith("bad_"))
def test_what_goes_wrong_is_annotated(folder: Path, scenarios: tuple[Scenario, ...]) -> None:
    notes = truths(folder)
    rules = {note.rule for note in notes}
    slots = {note.slot for note in notes}
    for scenario in scenarios:
        if not rules & MAY_THROW:
            assert scenario.thrown == (), scenario.name
        if not rules & {"handle-swap", "uninitialised-shared-variable"}:
            assert {failure.slot for failure in scenario.failures} <= slots, scenario.name
        if not rules & BLAMED_ELSEWHERE and not scenario.thrown:
            assert set(scenario.differences) <= slots, scenario.name
        if "compile-time-mutation" not in rules:
            assert scenario.resized == (), scenario.name
        annotated = {(note.path, note.line) for note in notes if note.rule == "resource-order"}
        assert creation_order(scenario) <= annotated, scenario.name
        if not scenario.thrown and not rules & (BLAMED_ELSEWHERE | ONE_HASH_TWO_PROGRAMS):
            assert scenario.structure == (), scenario.name
