"""What a compiled fixture did, scenario by scenario, and what its annotations say.

`report(folder)` is the reference that annotations and linter are held to, so nothing here knows about the linter: was
the second call a hit, which slots differ between the program after the hit and a fresh one, which checks of the host
API failed. Slots are named as findings name them, after the variable that keeps the kernel's handle in create(); the
kernels of a descriptor, which have no handle there, after the file of the kernel.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tree_sitter_cpp
from tree_sitter import Language, Node, Parser

import fixture_driver

Core = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Cell:
    """One word of the program that a hit could get wrong: slot name, core, and what it holds in the three programs."""

    slot: str
    core: Core | None
    created: Any
    after_hit: Any
    fresh: Any


@dataclass(frozen=True, slots=True)
class Failure:
    """A check of the host API that failed, by kind; `slot` is the slot that was to be written, if any."""

    kind: str
    phase: str
    slot: str
    core: Core | None
    message: str


@dataclass(frozen=True, slots=True)
class Event:
    """A call that created or changed something. `line` is the first line of the call."""

    kind: str
    phase: str
    path: Path
    line: int
    name: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """What the compiled program did in one scenario."""

    name: str
    expects_hit: bool
    hit: bool
    thrown: tuple[tuple[str, str], ...]
    failures: tuple[Failure, ...]
    events: tuple[Event, ...]
    cells: tuple[Cell, ...]
    structure: tuple[str, ...]
    resized: tuple[str, ...]
    addresses: tuple[tuple[int, ...], ...]

    @property
    def differences(self) -> dict[str, list[Cell]]:
        """The cells that do not hold after the hit what a fresh program holds, by slot."""
        found: dict[str, list[Cell]] = {}
        for cell in self.cells:
            if self.hit and self.expects_hit and cell.after_hit != cell.fresh:
                found.setdefault(cell.slot, []).append(cell)
        return found


# ------------------------------------------------------------------------------------------------------------ naming


@functools.cache
def _tree(path: Path) -> Node:
    return Parser(Language(tree_sitter_cpp.language())).parse(path.read_bytes()).root_node


def _text(node: Node | None) -> str:
    return "" if node is None or node.text is None else node.text.decode()


def call_at(path: Path, line: int) -> Node | None:
    """The innermost call that creates something, or changes the program, and that the compiler places on this line."""
    found: Node | None = None
    nodes = [_tree(path)]
    while nodes:
        node = nodes.pop()
        if not node.start_point.row <= line - 1 <= node.end_point.row:
            continue
        if node.type == "call_expression":
            name = re.sub(r"<.*", "", _text(node.child_by_field_name("function"))).split("::")[-1]
            called = re.search(r"^(Create|Set|Update)|create", name)
            if called and (found is None or node.start_byte >= found.start_byte):
                found = node
        nodes.extend(node.children)
    return found


def variable_of(call: Node) -> str:
    """The variable that the result of a call goes to: initialised, assigned, pushed back, or designated."""
    node = call
    while node.parent is not None:
        child, node = node, node.parent
        if node.type in {"init_declarator", "optional_parameter_declaration"}:
            return _text(node.child_by_field_name("declarator")).lstrip("*& ")
        if node.type == "assignment_expression" and child == node.child_by_field_name("right"):
            return _text(node.child_by_field_name("left"))
        if node.type == "initializer_pair":
            return _text(node.child_by_field_name("designator")).lstrip(".")
        if node.type == "argument_list" and node.parent is not None:
            function = _text(node.parent.child_by_field_name("function"))
            pushed = re.fullmatch(r"(.*)\.(push_back|emplace_back)", function, re.DOTALL)
            if pushed:
                return pushed[1]
            return ""
        if node.type in {"compound_statement", "lambda_expression", "return_statement"}:
            return ""
    return ""


def _kernel_name(kernel: Mapping[str, Any], siblings: list[Mapping[str, Any]]) -> str:
    """The name of a kernel's slots: given by the scenarios, the variable that keeps its handle, or its file."""
    if kernel["name"]:
        return str(kernel["name"])
    place = kernel["place"]
    call = call_at(Path(place["file"]), place["line"]) if place["file"] else None
    name = variable_of(call) if call is not None else ""
    if not name:
        return f"kernel {kernel['source'].rpartition('/')[2]}"
    alike = [other["handle"] for other in siblings if other["place"] == place]
    return name if len(alike) == 1 else f"{name}[{alike.index(kernel['handle'])}]"


def _cb_name(cb: Mapping[str, Any]) -> str:
    return f"CB c_{cb['indices'][0]}" if cb["indices"] else f"CB {cb['ordinal']}"


# ----------------------------------------------------------------------------------------------------------- reading


def _cells(slot: str, core: Core | None, sides: Mapping[str, list[int] | None]) -> Iterator[Cell]:
    created, after, fresh = (sides[side] or [] for side in ("created", "after_hit", "fresh"))
    for index in range(max(len(created), len(after), len(fresh))):
        words = [words[index] if index < len(words) else None for words in (created, after, fresh)]
        yield Cell(f"{slot} {index}", core, *words)


def _scenario(raw: Mapping[str, Any]) -> Scenario:
    kernels: list[Mapping[str, Any]] = raw["kernels"]
    names = {kernel["handle"]: _kernel_name(kernel, kernels) for kernel in kernels}
    cells: list[Cell] = []
    resized: list[str] = []
    for kernel in kernels:
        name = names[kernel["handle"]]
        for entry in kernel["args"]:
            cells.extend(_cells(f"{name} arg", tuple(entry["core"]), entry["args"]))
        cells.extend(_cells(f"{name} common arg", None, kernel["common"]))
    for cb in raw["cbs"]:
        sides = [cb["config"][side] for side in ("created", "after_hit", "fresh")]
        cells.append(Cell(_cb_name(cb), None, *(side and side["address"] for side in sides)))
        sizes = [(side["total_size"], side["page_sizes"]) for side in sides[:2] if side]
        if len(sizes) == 2 and sizes[0] != sizes[1]:
            resized.append(_cb_name(cb))

    def failure(check: Mapping[str, Any]) -> Failure:
        slot = ""
        if check["kernel"] is not None and check["index"] is not None:
            kind = "common arg" if check["common"] else "arg"
            slot = f"{names.get(check['kernel'], '?')} {kind} {check['index']}"
        core = tuple(check["core"]) if check["core"] else None
        return Failure(check["kind"], check["phase"], slot, core, check["message"])

    def event(item: Mapping[str, Any]) -> Event:
        place = item["place"]
        call = call_at(Path(place["file"]), place["line"]) if place["file"] else None
        line = place["line"] if call is None else call.start_point.row + 1
        if item["kind"] == "cb":
            name = _cb_name(raw["cbs"][item["id"]]) if item["id"] < len(raw["cbs"]) else ""
        elif item["kind"].startswith("cb_"):
            name = next((_cb_name(cb) for cb in raw["cbs"] if cb["handle"] == item["id"]), "")
        else:
            name = names.get(item["id"], "")
        return Event(item["kind"], item["phase"], Path(place["file"]), line, name)

    return Scenario(
        name=f"{raw['scenario']} at {raw['place']}" if raw["place"] else raw["scenario"],
        expects_hit=raw["expects_hit"],
        hit=raw["hit"],
        thrown=tuple((item["phase"], item["message"]) for item in raw["thrown"]),
        failures=tuple(map(failure, raw["failed_checks"])),
        events=tuple(map(event, raw["events"])),
        cells=tuple(cells),
        structure=tuple(raw["structure"]),
        resized=tuple(resized),
        addresses=tuple(map(tuple, raw["addresses"])),
    )


@functools.cache
def report(folder: Path) -> tuple[Scenario, ...]:
    """What the compiled fixture did, scenario by scenario."""
    return tuple(map(_scenario, fixture_driver.output(folder)))


def start(wanted: list[Path]) -> Mapping[Path, Future[tuple[Scenario, ...]]]:
    """Starts all of them, one for each core at a time. Failures come out where a result is asked for."""
    pool = ThreadPoolExecutor(max_workers=os.cpu_count())
    started = {folder: pool.submit(report, folder) for folder in wanted}
    pool.shutdown(wait=False)
    return started


# ------------------------------------------------------------------------------------------------------- annotations

_COMMENT = re.compile(r"//\s*(expect|expect-missing|expect-noise):\s*(.*)")


@dataclass(frozen=True, slots=True)
class Annotation:
    """One expectation: `expect` and `expect-missing` are true of the program, `expect-noise` is not."""

    kind: str
    rule: str
    slot: str
    path: Path
    line: int


def expectations(folder: Path) -> tuple[Annotation, ...]:
    """The expectations in a fixture's sources, in order."""
    found: list[Annotation] = []
    for path in sorted((*folder.glob("*.hpp"), *folder.glob("*.cpp"))):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = _COMMENT.search(line)
            for item in match[2].split(";") if match else ():
                assert match is not None
                rule, _, slot = item.strip().partition(" ")
                found.append(Annotation(match[1], rule, slot.strip(), path, number))
    return tuple(found)
