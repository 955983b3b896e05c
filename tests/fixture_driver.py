"""Compiles a fixture with its scenarios, runs it, and says what the compiled program did.

`report(folder)` gives the outcome of every scenario of a fixture folder: was the second call a hit, which slots differ
between the program after the hit and a fresh one, which checks of the host API failed. It is the reference that the
annotations and the linter are held to, so nothing here knows about the linter.

Results are kept in .tt-cache-lint/fixtures, under a hash of everything that went in: the fixture, the mock headers, the
compiler. There is always a compiler: the machine's, or the one in the `ziglang` wheel.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tree_sitter_cpp
from tree_sitter import Language, Node, Parser

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "fixtures"
INCLUDE = FIXTURES / "include"
CACHE = ROOT / ".tt-cache-lint" / "fixtures"
FLAGS = ("-std=c++20", "-O0", "-w", "-fno-sanitize=all", "-DMOCK_SEPARATE")
SECONDS = 300

_building = threading.Lock()

Core = tuple[int, int]


class FixtureError(Exception):
    """A fixture that does not compile, or does not run to its end."""


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


# --------------------------------------------------------------------------------------------- compiling and running


@functools.cache
def compiler() -> tuple[str, ...]:
    """The command of a C++20 compiler."""
    for name in filter(None, (os.environ.get("CXX"), "g++", "clang++")):
        if shutil.which(name):
            return (name,)
    if importlib.util.find_spec("ziglang") is not None:
        return (sys.executable, "-m", "ziglang", "c++")
    raise FixtureError("no C++ compiler: install g++ or clang++, or `pip install ziglang`")


def folders() -> list[Path]:
    """The fixture folders that say what to run them with."""
    return sorted(path.parent for path in FIXTURES.glob("*/*/scenarios.cpp") if INCLUDE not in path.parents)


def _digest(*parts: bytes) -> str:
    state = hashlib.sha256()
    for part in parts:
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return state.hexdigest()[:24]


def _texts(paths: Iterator[Path]) -> list[bytes]:
    return [data for path in sorted(paths) for data in (path.as_posix().encode(), path.read_bytes())]


@functools.cache
def _base() -> str:
    """The hash of what all fixtures share: compiler, flags, mock headers."""
    version = _run((*compiler(), "--version"), ROOT).stdout
    headers = _texts(path for path in INCLUDE.rglob("*") if path.is_file())
    return _digest(" ".join((*compiler(), *FLAGS)).encode(), version, *headers)


def _run(command: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=SECONDS, check=False)


def _compile(*arguments: str) -> None:
    done = _run((*compiler(), *FLAGS, f"-I{INCLUDE}", *arguments), ROOT)
    if done.returncode != 0:
        raise FixtureError(done.stderr.decode(errors="replace"))


@functools.cache
def _shared() -> tuple[str, ...]:
    """The arguments for what all fixtures share: the precompiled mock headers, and their definitions as an object."""
    with _building:
        clang = len(compiler()) > 1 or "clang" in Path(compiler()[0]).name
        folder = CACHE / f"mock-{_base()}"
        header, library = folder / "mock.hpp", folder / "library.o"
        product = folder / ("mock.hpp.pch" if clang else "mock.hpp.gch")
        use = ("-include-pch", str(product)) if clang else ("-include", str(header))
        if not library.exists():
            folder.mkdir(parents=True, exist_ok=True)
            header.write_text("#include <mock/everything.hpp>\n")
            with tempfile.TemporaryDirectory(dir=folder) as place:
                for target, arguments in (
                    (product, ("-x", "c++-header", str(header))),
                    (library, (*use, "-c", str(INCLUDE / "mock" / "library.cpp"))),
                ):
                    _compile(*arguments, "-o", str(Path(place, target.name)))
                    Path(place, target.name).replace(target)
        return (*use, "-x", "none", str(library))


def _execute(folder: Path) -> str:
    """Compiles all of a fixture as one translation unit, or as several where that does not work, and runs it."""
    sources = sorted(folder.glob("*.cpp"), key=lambda path: (path.name == "scenarios.cpp", path.name))
    with tempfile.TemporaryDirectory(prefix="fixture-") as place:
        program = Path(place, "program")
        unity = Path(place, "unity.cpp")
        unity.write_text("".join(f'#include "{path.as_posix()}"\n' for path in sources))
        try:
            _compile(*_shared(), str(unity), "-o", str(program))
        except FixtureError:
            _compile(*_shared(), *map(str, sources), "-o", str(program))
        done = _run((str(program),), folder)
    if done.returncode != 0:
        said = (done.stderr or done.stdout[-400:]).decode(errors="replace")
        raise FixtureError(f"{folder.name} ended with {done.returncode}: {said}")
    return done.stdout.decode()


@functools.cache
def output(folder: Path) -> tuple[dict[str, Any], ...]:
    """What the fixture's program printed: one object for each scenario."""
    key = _digest(_base().encode(), *_texts(path for path in folder.iterdir() if path.suffix in {".cpp", ".hpp"}))
    kept = CACHE / f"{key}.jsonl"
    if not kept.exists():
        text = _execute(folder)
        CACHE.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(f".{os.getpid()}.{id(text)}")
        partial.write_text(text)
        partial.replace(kept)
    return tuple(json.loads(line) for line in kept.read_text().splitlines())


def start(wanted: list[Path]) -> Mapping[Path, Future[tuple[Scenario, ...]]]:
    """Starts all of them, one for each core at a time. Failures come out where a result is asked for."""
    pool = ThreadPoolExecutor(max_workers=os.cpu_count())
    started = {folder: pool.submit(report, folder) for folder in wanted}
    pool.shutdown(wait=False)
    return started


# ------------------------------------------------------------------------------------------------------------ naming


@functools.cache
def _tree(path: Path) -> Node:
    return Parser(Language(tree_sitter_cpp.language())).parse(path.read_bytes()).root_node


def _text(node: Node | None) -> str:
    return "" if node is None or node.text is None else node.text.decode()


def _call_at(path: Path, line: int) -> Node | None:
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
    """The name of a kernel's slots: given by the scenarios, or the variable that keeps its handle in create()."""
    if kernel["name"]:
        return str(kernel["name"])
    place = kernel["place"]
    call = _call_at(Path(place["file"]), place["line"]) if place["file"] else None
    name = variable_of(call) if call is not None else ""
    if not name:
        return f"kernel {kernel['handle']}"
    alike = [other["handle"] for other in siblings if other["place"] == place]
    return name if len(alike) == 1 else f"{name}[{alike.index(kernel['handle'])}]"


def _cb_name(cb: Mapping[str, Any]) -> str:
    return f"CB c_{cb['indices'][0]}" if cb["indices"] else f"CB {cb['ordinal']}"


# ----------------------------------------------------------------------------------------------------------- reading


def _cells(
    slot: str, core: Core | None, sides: Mapping[str, list[int] | None]
) -> Iterator[Cell]:
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
        call = _call_at(Path(place["file"]), place["line"]) if place["file"] else None
        line = place["line"] if call is None else call.start_point.row + 1
        if item["kind"] == "cb":
            name = _cb_name(raw["cbs"][item["id"]]) if item["id"] < len(raw["cbs"]) else ""
        elif item["kind"].startswith("cb_"):
            name = next((_cb_name(cb) for cb in raw["cbs"] if cb["handle"] == item["id"]), "")
        else:
            name = names.get(item["id"], "")
        return Event(item["kind"], item["phase"], Path(place["file"]), line, name)

    return Scenario(
        name=raw["scenario"],
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
    return tuple(map(_scenario, output(folder)))


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


def annotations(folder: Path) -> tuple[Annotation, ...]:
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
