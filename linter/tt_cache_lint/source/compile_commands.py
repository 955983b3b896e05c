"""compile_commands.json: which files are compiled, and with which include folders and macros.

The file comes with the checked tree and is not trusted: only what names headers and macros is taken from a command
line, nothing that could make a compiler load or run anything; entries outside of the root are left out, and so are
include folders that are neither below the root nor the system's.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tt_cache_lint.source.oracle import OracleError

NAME = "compile_commands.json"
MAX_BYTES = 64_000_000
MAX_ENTRIES = 100_000
MAX_ARGUMENTS = 4_000
# Folders of headers outside of the root that an entry may name.
SYSTEM = ("/usr/include", "/usr/lib", "/usr/local", "/opt", "/Library/Developer", "/Applications/Xcode.app")

_FOLDERS = ("-isystem", "-iquote", "-idirafter", "-I")
_PLAIN = ("-D", "-U")


class CompileCommandsError(OracleError):
    """A compile database that cannot be used, said in a few words."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A file that is compiled, and the arguments that are safe to give to libclang. `path` is relative to the root."""

    path: str
    arguments: tuple[str, ...]


@dataclass(slots=True)
class CompileCommands:
    """The usable entries of a compile database. `ignored` says in words what was not used, each kind once."""

    units: dict[str, Unit] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)

    def for_file(self, path: str) -> Iterator[Unit]:
        """The units that may show the file: its own, else those nearest to it by folder."""
        if path in self.units:
            yield self.units[path]
            return
        parts = path.split("/")[:-1]

        def distance(unit: Unit) -> tuple[int, str]:
            return (-_common(unit.path.split("/")[:-1], parts), unit.path)

        yield from sorted(self.units.values(), key=distance)


def _common(one: list[str], other: list[str]) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def read(given: Path, root: Path) -> CompileCommands:
    """The compile database in a folder, or the file itself. Raises CompileCommandsError when it cannot be used."""
    path = given / NAME if given.is_dir() else given
    entries = _entries(path)
    commands = CompileCommands()
    told: set[str] = set()

    def ignore(what: str) -> None:
        if what not in told and len(told) < 20:
            told.add(what)
            commands.ignored.append(what)

    real = root.resolve()
    for entry in entries:
        unit = _unit(entry, path.resolve().parent, real, ignore)
        if unit is not None:
            commands.units.setdefault(unit.path, unit)
    if not commands.units:
        ignore("no entry is a file below the root")
    return commands


def _entries(path: Path) -> list[Any]:
    try:
        if not path.is_file():
            raise CompileCommandsError(f"{path}: there is no such file")
        if path.stat().st_size > MAX_BYTES:
            raise CompileCommandsError(f"{path}: it has more than {MAX_BYTES // 1_000_000} MB")
        entries = json.loads(path.read_bytes())
    except OSError as error:
        raise CompileCommandsError(f"{path}: it cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise CompileCommandsError(f"{path}: it is no JSON: {error}") from error
    if not isinstance(entries, list):
        raise CompileCommandsError(f"{path}: it is no list of compile commands")
    if len(entries) > MAX_ENTRIES:
        raise CompileCommandsError(f"{path}: it has more than {MAX_ENTRIES} entries")
    return entries


def _unit(entry: Any, base: Path, root: Path, ignore: Any) -> Unit | None:
    """One entry; a relative directory is meant from the database's own folder."""
    if not isinstance(entry, dict) or not isinstance(entry.get("file"), str):
        ignore("an entry without a file is not used")
        return None
    directory = entry.get("directory", ".")
    if not isinstance(directory, str) or "\0" in directory + entry["file"]:
        ignore("an entry with a strange directory or file is not used")
        return None
    folder = base / directory
    relative = inside(folder / entry["file"], root)
    if relative is None:
        ignore("entries outside of the root are not used")
        return None
    arguments = entry.get("arguments")
    if arguments is None:
        command = entry.get("command", "")
        try:
            arguments = shlex.split(command) if isinstance(command, str) else []
        except ValueError:
            ignore(f"the command of {relative} cannot be read")
            return None
    if not isinstance(arguments, list) or not all(isinstance(a, str) and "\0" not in a for a in arguments):
        ignore(f"the arguments of {relative} cannot be read")
        return None
    return Unit(relative, tuple(safe_arguments(arguments[1:MAX_ARGUMENTS], folder, root, ignore)))


def inside(path: Path, root: Path) -> str | None:
    """The path relative to the root; None when it, or what it links to, lies outside."""
    try:
        absolute = Path(os.path.realpath(path))
        return absolute.relative_to(root).as_posix()
    except (ValueError, OSError):
        return None


def safe_arguments(arguments: list[str], folder: Path, root: Path, ignore: Any) -> Iterator[str]:
    """What of a command line may go to libclang: include folders, macros, the standard, files included by name.

    Everything else is dropped, plugins (-fplugin, -load), response files (@file), -Xclang and wrappers among it.
    """
    rest = iter(arguments)
    for argument in rest:
        if argument.startswith("-std="):
            yield argument
        elif argument in _PLAIN:
            value = next(rest, "")
            if value and not value.startswith("-"):
                yield argument + value
        elif argument.startswith(_PLAIN):
            yield argument
        elif argument == "-include":
            name = next(rest, "")
            if name and inside(folder / name, root) is not None:
                yield from ("-include", os.path.realpath(folder / name))
            else:
                ignore("a file included by name from outside of the root is not used")
        else:
            kind = next((kind for kind in _FOLDERS if argument.startswith(kind)), None)
            if kind is None:
                continue
            name = argument[len(kind) :] or next(rest, "")
            if not name or name.startswith("-"):
                continue
            real = os.path.realpath(folder / name)
            if inside(Path(real), root) is None and not is_system(real):
                ignore("include folders outside of the root that are not the system's are not used")
                continue
            yield from (kind, real)


def is_system(path: str) -> bool:
    """Is it in one of the folders that system headers live in?"""
    return any(path == folder or path.startswith(f"{folder}/") for folder in SYSTEM)
