"""libclang as the type oracle: what the compiler knows, where a compile database says how the files are compiled.

libclang is the optional extra `libclang` and is loaded only when it is asked for. It runs in a process of its own
(clang_worker.py) with a limit on memory and time; when it fails, it is told once and the analysis goes on as if there
were no database. A translation unit that does not compile cleanly (a header is missing) answers nothing: the compiler
guesses types there, and a guess would be worse than no answer.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tt_cache_lint.source.compile_commands import NAME, CompileCommands, Unit, inside, is_system, read
from tt_cache_lint.source.oracle import Constant, OracleError, Position, TypeName, plainly

SECONDS = 120.0  # for one question; a translation unit of tt-metal's needs some ten
MEMORY = 4 << 30  # bytes; three translation units of tt-metal's fit
UNITS_TRIED = 3  # for a header: how many translation units are looked through for it
BUILTIN_HEADERS = "TT_CACHE_LINT_BUILTIN_HEADERS"
MISSING = "libclang is not installed: pip install 'tt-cache-lint[libclang]'"


class ClangError(OracleError):
    """libclang cannot be used; the message says why."""


class Stopped(Exception):
    """The worker is gone."""


@dataclass(slots=True)
class _Parsed:
    """A translation unit the worker has seen. `usable` is False when its answers are not to be trusted."""

    name: str
    unit: Unit
    includes: frozenset[str] = frozenset()
    usable: bool = False


@dataclass
class ClangOracle:
    """A TypeOracle over the files of a compile database. `problems` are paths and what is wrong there.

    `trusted` arguments go to libclang as they are; they come from the caller, never from the tree.
    """

    root: Path
    commands: CompileCommands
    trusted: tuple[str, ...] = ()
    problems: list[tuple[str, str]] = field(default_factory=list)
    _worker: subprocess.Popen[bytes] | None = None
    _parsed: dict[str, _Parsed] = field(default_factory=dict)
    _units_of: dict[str, list[_Parsed]] = field(default_factory=dict)
    _answers: dict[tuple[str, Position], Any] = field(default_factory=dict)
    _stopped: bool = False
    _held: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, folder: Path, root: Path, trusted: Sequence[str] = ()) -> ClangOracle:
        """The oracle of a folder with a compile_commands.json.

        Raises ClangError without libclang, CompileCommandsError when the database cannot be used.
        """
        if importlib.util.find_spec("clang") is None:
            raise ClangError(MISSING)
        real = root.resolve()
        commands = read(folder, real)
        headers = builtin_headers(real)
        oracle = cls(real, commands, (*trusted, *(("-isystem", headers) if headers else ())))
        oracle.problems.extend((NAME, ignored) for ignored in commands.ignored)
        if not headers:
            missing = "no builtin headers for libclang: no C compiler was found"
            oracle.problems.append((NAME, f"{missing}; set {BUILTIN_HEADERS} to the folder of a stddef.h"))
        return oracle

    # -- the questions ---------------------------------------------------------------------------------------------

    def canonical_field_type(self, field: Position) -> TypeName | None:
        answer = self._ask("field", field)
        return self._type(answer) if isinstance(answer, dict) else None

    def definition_of_call(self, callee: Position) -> tuple[str, int] | None:
        answer = self._ask("call", callee)
        if not isinstance(answer, list):
            return None
        path = inside(Path(answer[0]), self.root)
        return (path, int(answer[1])) if path is not None else None

    def constant_value(self, constant: Position) -> Constant | None:
        answer = self._ask("constant", constant)
        return answer if isinstance(answer, (int, float, bool, str)) else None

    def _type(self, answer: dict[str, Any]) -> TypeName:
        place = None
        if "place" in answer:
            path = inside(Path(answer["place"][0]), self.root)
            place = (path, int(answer["place"][1])) if path is not None else None
        args = tuple(self._type(arg) if isinstance(arg, dict) else arg for arg in answer.get("args", ()))
        flags = {name: bool(answer.get(name)) for name in ("ref", "ptr", "array")}
        return plainly(TypeName(answer["name"], args, place, **flags))

    def _ask(self, what: str, where: Position) -> Any:
        key = (what, where)
        if key not in self._answers:
            try:
                self._answers[key] = self._fresh(what, where)
            except Stopped:
                self._answers[key] = None
        return self._answers[key]

    def _fresh(self, what: str, where: Position) -> Any:
        path = str(self.root / where.path)
        for parsed in self._showing(where.path):
            self._hold(parsed)
            request = {"ask": what, "unit": parsed.name, "file": path, "line": where.line, "column": where.column}
            answer = self._send(request)
            if answer is not None:
                return answer
        return None

    # -- translation units -----------------------------------------------------------------------------------------

    def _showing(self, path: str) -> list[_Parsed]:
        """The usable units that contain a file: its own, or the nearest that includes it."""
        found = self._units_of.get(path)
        if found is None:
            found = self._units_of[path] = []
            own = path in self.commands.units
            wanted = os.path.realpath(self.root / path)
            for unit in itertools.islice(self.commands.for_file(path), 1 if own else UNITS_TRIED):
                parsed = self._parsed.get(unit.path) or self._parse(unit)
                if parsed.usable and wanted in parsed.includes:
                    found.append(parsed)
                    break
        return found

    def _parse(self, unit: Unit) -> _Parsed:
        parsed = self._parsed[unit.path] = _Parsed(unit.path, unit)
        answer = self._load(parsed)
        parsed.includes = frozenset(answer["includes"])
        if answer["errors"]:
            self._tell(unit.path, f"libclang cannot compile it, its types are not used: {answer['errors'][0]}")
            return parsed
        outside = [f for f in parsed.includes if inside(Path(f), self.root) is None and not self._allowed(f)]
        if outside:
            self._tell(unit.path, f"it includes {min(outside)}, outside of the root; libclang's types are not used")
            return parsed
        parsed.usable = True
        return parsed

    def _allowed(self, path: str) -> bool:
        folders = [os.path.realpath(a) for before, a in itertools.pairwise(self.trusted) if before == "-isystem"]
        return is_system(path) or any(path.startswith(f"{folder}/") for folder in folders)

    def _load(self, parsed: _Parsed) -> dict[str, Any]:
        arguments = ["-x", "c++", "-fsyntax-only", *parsed.unit.arguments, *self.trusted]
        path = str(self.root / parsed.unit.path)
        answer = self._send({"ask": "parse", "unit": parsed.name, "file": path, "arguments": arguments})
        if not isinstance(answer, dict):
            self._tell(parsed.unit.path, "libclang cannot read it")
            return {"errors": [], "includes": []}
        self._held = [*self._held[-2:], parsed.name]  # as many as the worker keeps
        return answer

    def _hold(self, parsed: _Parsed) -> None:
        if parsed.name not in self._held:
            self._load(parsed)

    # -- the worker ------------------------------------------------------------------------------------------------

    def _send(self, request: dict[str, Any]) -> Any:
        """The worker's answer. Raises Stopped when there is none and will be none."""
        if self._stopped:
            raise Stopped
        worker = self._worker or self._start()
        assert worker.stdin is not None
        try:
            worker.stdin.write(json.dumps(request).encode() + b"\n")
            worker.stdin.flush()
            line = self._line(worker)
        except OSError:
            line = b""
        if line:
            reply = json.loads(line)
            if "answer" in reply:
                return reply["answer"]
            if request["ask"] == "parse":
                return None
            self._stop(request, f"libclang failed: {reply['failed']}")
        self._stop(request, f"libclang crashed or gave no answer within {SECONDS:.0f} s")
        raise Stopped

    def _start(self) -> subprocess.Popen[bytes]:
        spec = importlib.util.find_spec("clang")
        if spec is None or not spec.submodule_search_locations:
            raise ClangError(MISSING)
        packages = str(Path(next(iter(spec.submodule_search_locations))).parent)
        script = str(Path(__file__).with_name("clang_worker.py"))
        self._worker = subprocess.Popen(
            [sys.executable, "-I", script, packages, str(MEMORY)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self.root,
        )
        return self._worker

    def _line(self, worker: subprocess.Popen[bytes]) -> bytes:
        """One line of the worker's output, within the time there is."""
        assert worker.stdout is not None
        deadline = time.monotonic() + SECONDS
        parts: list[bytes] = []
        while True:
            ready, _, _ = select.select([worker.stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                return b""
            part = os.read(worker.stdout.fileno(), 1 << 16)
            parts.append(part)
            if not part or part.endswith(b"\n"):
                return b"".join(parts) if part else b""

    def _stop(self, request: dict[str, Any], why: str) -> None:
        self._tell(inside(Path(request["file"]), self.root) or NAME, f"{why}; it is not asked from there on")
        self._stopped = True
        self.close()
        raise Stopped

    def _tell(self, path: str, what: str) -> None:
        if (path, what) not in self.problems and len(self.problems) < 50:
            self.problems.append((path, what))

    def close(self) -> None:
        """End the worker."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
            worker.wait()
            for stream in (worker.stdin, worker.stdout):
                if stream is not None:
                    with contextlib.suppress(BrokenPipeError):  # what was to be sent is of no interest any more
                        stream.close()


def builtin_headers(root: Path) -> str | None:
    """The folder of stddef.h: what TT_CACHE_LINT_BUILTIN_HEADERS says, or the machine's compiler; None without one."""
    given = os.environ.get(BUILTIN_HEADERS)
    if given:
        return os.path.realpath(given) if Path(given, "stddef.h").is_file() else None
    for name in ("cc", "clang", "gcc"):
        command = shutil.which(name)
        # A path that is not absolute, or in the tree, would run what the tree brings along.
        if command is None or not os.path.isabs(command) or inside(Path(command), root) is not None:
            continue
        for asked in ("-print-file-name=include", "-print-resource-dir"):
            try:
                done = subprocess.run([command, asked], capture_output=True, text=True, timeout=20, check=False)
            except (OSError, subprocess.TimeoutExpired):
                continue
            folder = Path(done.stdout.strip())
            for candidate in (folder, folder / "include"):
                if done.returncode == 0 and candidate.is_absolute() and (candidate / "stddef.h").is_file():
                    return os.path.realpath(candidate)
    return None
