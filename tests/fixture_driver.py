"""Compiles a fixture with its scenarios and runs it.

What it prints is kept in .tt-cache-lint/fixtures, under a hash of everything that went in: the fixture, the mock
headers, the compiler. There is always one: the machine's, or that in the `ziglang` wheel. fixture_report.py reads it.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "fixtures"
INCLUDE = FIXTURES / "include"
CACHE = ROOT / ".tt-cache-lint" / "fixtures"
# Variables that nothing initialises hold a pattern that is no handle, core or count, in every run the same.
FLAGS = ("-std=c++20", "-O0", "-w", "-fno-sanitize=all", "-ftrivial-auto-var-init=pattern", "-DMOCK_SEPARATE")
SECONDS = 300
# For what is made once: a fresh ziglang builds its C++ library before it links the first program.
FIRST_SECONDS = 1800

_building = threading.Lock()


class FixtureError(Exception):
    """A fixture that does not compile, or does not run to its end."""


@functools.cache
def compiler() -> tuple[str, ...]:
    """The command of a C++20 compiler: CXX, or the machine's, or the wheel's."""
    for command in (shlex.split(os.environ.get("CXX", "")), ["g++"], ["clang++"]):
        if command and shutil.which(command[0]):
            return tuple(command)
    if importlib.util.find_spec("ziglang") is not None:
        return (sys.executable, "-m", "ziglang", "c++")
    raise FixtureError("no C++ compiler: install g++ or clang++, or `pip install ziglang`")


@functools.cache
def _version() -> bytes:
    return _run((*compiler(), "--version"), ROOT).stdout


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
    headers = _texts(path for path in INCLUDE.rglob("*") if path.is_file())
    return _digest(" ".join((*compiler(), *FLAGS)).encode(), _version(), *headers)


def _run(command: tuple[str, ...], folder: Path, seconds: int = SECONDS) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=seconds, check=False)


def _compile(*arguments: str, seconds: int = SECONDS) -> None:
    done = _run((*compiler(), *FLAGS, f"-I{INCLUDE}", *arguments), ROOT, seconds)
    if done.returncode != 0:
        raise FixtureError(done.stderr.decode(errors="replace"))


@contextmanager
def _alone(name: str, wait: bool = True) -> Iterator[bool]:
    """Holds a lock that the processes of a test run share: what one makes the others wait for and find.

    Without `wait`, False where another process holds it.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


@functools.cache
def _shared() -> tuple[tuple[str, ...], Path]:
    """What all fixtures share: arguments that use the precompiled mock headers, and their definitions as an object."""
    with _building, _alone("mock"):
        clang = b"clang" in _version()
        folder = CACHE / f"mock-{_base()}"
        header, library = folder / "mock.hpp", folder / "library.o"
        product = folder / ("mock.hpp.pch" if clang else "mock.hpp.gch")
        use = ("-include-pch", str(product)) if clang else ("-include", str(header))
        if not library.exists():
            for old in CACHE.glob("mock-*"):  # 160 MB each
                shutil.rmtree(old, ignore_errors=True)
            folder.mkdir(parents=True, exist_ok=True)
            header.write_text("#include <mock/everything.hpp>\n")
            empty = folder / "empty.cpp"
            empty.write_text("#include <iostream>\nint main() { std::cout << 1; }\n")
            with tempfile.TemporaryDirectory(dir=folder) as place:
                for target, arguments in (
                    (folder / "empty", (str(empty),)),
                    (product, ("-x", "c++-header", str(header))),
                    (library, (*use, "-c", str(INCLUDE / "mock" / "library.cpp"))),
                ):
                    _compile(*arguments, "-o", str(Path(place, target.name)), seconds=FIRST_SECONDS)
                    Path(place, target.name).replace(target)
        return use, library


def _execute(folder: Path) -> str:
    """Compiles all of a fixture as one translation unit, or as several where that does not work, and runs it."""
    sources = sorted(folder.glob("*.cpp"), key=lambda path: (path.name == "scenarios.cpp", path.name))
    with tempfile.TemporaryDirectory(prefix="fixture-") as place:
        unity = Path(place, "unity.cpp")
        unity.write_text("".join(f'#include "{path.as_posix()}"\n' for path in sources))
        try:
            return run_program(unity)
        except FixtureError:
            return run_program(*sources)


def run_program(*sources: Path) -> str:
    """Compiles sources that use the mock, and returns what the program prints."""
    with tempfile.TemporaryDirectory(prefix="fixture-") as place:
        program = Path(place, "program")
        use, library = _shared()
        _compile(*use, *map(str, sources), "-x", "none", str(library), "-o", str(program))
        done = _run((str(program),), Path(place))
    if done.returncode != 0:
        said = (done.stderr + done.stdout[-2000:]).decode(errors="replace")
        raise FixtureError(f"{sources[-1]} ended with {done.returncode}: {said}")
    return done.stdout.decode()


@functools.cache
def _kept(folder: Path) -> Path:
    """Where a fixture's output is kept, by what it is made of."""
    key = _digest(_base().encode(), *_texts(path for path in folder.iterdir() if path.suffix in {".cpp", ".hpp"}))
    return CACHE / f"{key}.jsonl"


def _made(folder: Path, wait: bool) -> bool:
    """Makes a fixture's output unless it is there. False when another process is at it and one does not `wait`."""
    kept = _kept(folder)
    with _alone(kept.name[:2], wait) as mine:  # a few locks do
        if mine and not kept.exists():
            text = _execute(folder)
            partial = kept.with_suffix(f".{os.getpid()}.{id(text)}")
            partial.write_text(text)
            partial.replace(kept)
    return mine


@functools.cache
def output(folder: Path) -> tuple[dict[str, Any], ...]:
    """What the fixture's program printed: one object for each scenario."""
    kept = _kept(folder)
    if not kept.exists() and not _made(folder, wait=False):
        for other in reversed(folders()):  # make one of the last in the meantime
            if kept.exists():
                break
            if not _kept(other).exists():
                with suppress(FixtureError):  # its own tests tell
                    _made(other, wait=False)
        _made(folder, wait=True)
    return tuple(json.loads(line) for line in kept.read_text().splitlines())
