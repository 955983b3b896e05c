"""Source files and their syntax trees.

A file is read once and parsed once. Places where tree-sitter-cpp is known to stumble and where a factory would be lost
are blanked out with text of the same length before parsing, so that every byte offset stays true.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tt_cache_lint.model import Problem
from tt_cache_lint.source.reads import Reads, Words, digest

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

MAX_BYTES = 2_000_000
MAX_LINE = 200_000
SUFFIXES = (".cpp", ".hpp", ".h", ".cc", ".cxx", ".hxx", ".inl")
# Folders, relative to the root, from which `#include "a/b.hpp"` and `<a/b.hpp>` are resolved in tt-metal.
INCLUDE_ROOTS = (
    "",
    "ttnn/cpp",
    "ttnn/api",
    "ttnn",
    "tt_metal/api",
    "tt_metal",
    "tt_eager",
    "libs",
    "tt_metal/include",
    "ttnn/core",
    "tt-train/sources/ttml",
)
LEAVES = ("file", "other")  # entries of a folder that are no folders

_INSTANTIATION = re.compile(rb"^[ \t]*template[ \t]+(?:struct|class)[ \t]+([\w:]+)[ \t]*<([^;{}]*)>[ \t]*;", re.M)
_MACRO = re.compile(rb"^[ \t]*#[ \t]*define[ \t]+(\w+)\(([\w, \t]*)\)((?:[^\n]*\\\r?\n)*[^\n]*)", re.M)
_MACRO_USE = rb"^[ \t]*(%s)[ \t]*\([ \t]*([\w:, \t]*)[ \t]*\)[ \t]*;?"
_INCLUDE = re.compile(rb"#[ \t]*include[ \t]*[<\"]([^>\"\n]+)[>\"]")


class SourceError(Exception):
    """A file that cannot be used; the message says why, in a person's words, without the path."""


_parser: Parser | None = None


def parser() -> Parser:
    """The process-wide C++ parser. Raises SourceError when grammar and library do not fit together."""
    global _parser
    if _parser is None:
        import tree_sitter
        import tree_sitter_cpp

        try:
            language = tree_sitter.Language(tree_sitter_cpp.language())
        except ValueError as error:
            raise SourceError(
                f"tree-sitter-cpp's grammar does not fit the installed tree-sitter ({error}); install "
                "versions inside the ranges of tt-cache-lint's pyproject.toml"
            ) from error
        _parser = tree_sitter.Parser(language)
    return _parser


@dataclass(frozen=True, slots=True)
class Expansion:
    """A class-body macro use such as `FACTORY_H(Name)`: the text it stands for and where it stands."""

    text: bytes
    offset: int
    line: int


class SourceFile:
    """One C++ file: its bytes, tree and line table. `fixed_line` is set for macro expansions: all of it is one line."""

    def __init__(self, path: str, text: bytes, fixed_line: int = 0) -> None:
        self.path = path
        self.original = text
        self.fixed_line = fixed_line
        self.instantiations: list[tuple[str, str]] = []
        self.expansions: list[Expansion] = []
        self.text = self._prepare(text)

    def _prepare(self, text: bytes) -> bytes:
        if b"template" in text:
            text = _INSTANTIATION.sub(self._blank_instantiation, text)
        if b"#define" in text or b"# define" in text:
            text = self._blank_macros(text)
        return text

    def _blank_instantiation(self, match: re.Match[bytes]) -> bytes:
        self.instantiations.append((match[1].decode(), match[2].decode(errors="replace")))
        return _spaces(match[0])

    def _blank_macros(self, text: bytes) -> bytes:
        macros = {
            m[1]: (tuple(p.strip() for p in m[2].split(b",") if p.strip()), re.sub(rb"\\\r?\n", b"\n", m[3]))
            for m in _MACRO.finditer(text)
            if b"struct" in m[3] or b"class" in m[3]
        }
        if not macros:
            return text
        use = re.compile(_MACRO_USE % b"|".join(re.escape(name) for name in macros), re.M)

        def expand(match: re.Match[bytes]) -> bytes:
            names, body = macros[match[1]]
            values = [v.strip() for v in match[2].split(b",")]
            if len(values) != len(names):
                return match[0]
            for name, value in zip(names, values, strict=True):
                body = re.sub(rb"(?:##)?\b%s\b(?:##)?" % re.escape(name), value.replace(b"\\", b"\\\\"), body)
            line = text.count(b"\n", 0, match.start(1)) + 1
            self.expansions.append(Expansion(body, match.start(1), line))
            return _spaces(match[0])

        return use.sub(expand, text)

    @cached_property
    def root(self) -> Node:
        self._tree = parser().parse(self.text)
        return self._tree.root_node

    def text_of(self, node: Node) -> str:
        """The source text of a node."""
        return self.text[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def line(self, node: Node) -> int:
        """The first line of a node, starting at 1."""
        return self.fixed_line or node.start_point[0] + 1

    def end_line(self, node: Node) -> int:
        return self.fixed_line or node.end_point[0] + 1

    def first_error(self) -> int:
        """The line of the first syntax error, 0 without one; of what is missing only closing brackets count."""
        node = self.root
        if not node.has_error:
            return 0
        stack = [node]
        while stack:
            current = stack.pop()
            if current.type == "ERROR" or (current.is_missing and current.type in ("}", ")")):
                return self.line(current)
            stack.extend(c for c in reversed(current.children) if c.has_error)
        return 0

    @cached_property
    def includes(self) -> tuple[str, ...]:
        """The included paths as written."""
        text, found = self.text, []
        for m in _INCLUDE.finditer(text):
            if not text[text.rfind(b"\n", 0, m.start()) + 1 : m.start()].strip(b" \t"):
                found.append(m[1].decode(errors="replace"))
        return tuple(found)

    @cached_property
    def lines(self) -> tuple[str, ...]:
        return tuple(self.original.decode("utf-8", "replace").splitlines())


def _spaces(text: bytes) -> bytes:
    return re.sub(rb"[^\n]", b" ", text)


class SourceTree:
    """All files below a root, read at most once. Nothing outside the root is ever read, also not through links.

    `reads` is told of all that is asked for; who wants to know exchanges it. `born` is when the tree was made,
    `stats` how each file was before it was read.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.reads = Reads()
        self.born = time.time_ns()
        self.stats: dict[str, os.stat_result] = {}
        self.given_up: set[str] = set()
        self.steady = True  # no file was seen to change since it was first read
        self._files: dict[str, SourceFile | None] = {}
        self._resolved: dict[tuple[str, str], str | None] = {}
        self._rooted: dict[str, str | None] = {}
        self._inside: dict[str, bool] = {}
        self._tried: dict[tuple[str, str], frozenset[str]] = {}
        self._tried_by: dict[str, frozenset[str]] = {}
        self._folders: dict[str, tuple[str, ...]] = {}
        self._listed: dict[str, Mapping[str, str] | None] = {}
        self.glances: dict[str, bytes] = {}  # digests of what was read in passing
        self._holding: dict[tuple[str, Words], Mapping[str, bytes]] = {}
        self._mentioning: dict[tuple[str, bytes], tuple[str, ...]] = {}
        self._closures: dict[str, tuple[str, ...]] = {}
        self._sibling_cache: dict[str, tuple[str, ...]] = {}
        self._target_cache: dict[str, tuple[str, ...]] = {}
        self.problems: dict[str, Problem] = {}

    def relative(self, path: Path) -> str:
        """The path relative to the root. Raises SourceError when it lies outside."""
        try:
            return path.resolve().relative_to(self.root).as_posix()
        except (ValueError, OSError, RuntimeError) as error:
            raise SourceError(f"it is not below the root {self.root}") from error

    def read(self, path: str) -> SourceFile:
        """The file at a root-relative path. Raises SourceError when it cannot be used."""
        self.reads.used.add(path)
        return self._read(path)

    def _read(self, path: str) -> SourceFile:
        if path in self._files:
            found = self._files[path]
            if found is None:
                raise SourceError(self.problems[path].message if path in self.problems else "it cannot be read")
            return found
        self._files[path] = None
        try:
            text = self._bytes(path)
        except SourceError as error:
            self.problems[path] = Problem(path, str(error), unread=True)
            raise
        self.steady = self.steady and self.glances.get(path, digest(text)) == digest(text)
        file = SourceFile(path, text)
        self._files[path] = file
        return file

    def has_read(self, path: str) -> bool:
        """Is what a file holds known?"""
        return path in self._files

    def put(self, path: str, text: bytes) -> None:
        """Take this for what a file holds, before anything of it is asked for."""
        self._files[path] = SourceFile(path, text)

    def give_up(self, path: str, why: str) -> None:
        """Treat a file as unreadable from now on."""
        self.given_up.add(path)
        self._files[path] = None
        self.problems[path] = Problem(path, why, unread=True)

    def get(self, path: str) -> SourceFile | None:
        """Like read, but None instead of an error (which stays in `problems`)."""
        self.reads.used.add(path)
        return self.look(path)

    def look(self, path: str) -> SourceFile | None:
        """Like get, to look for something in the file; who finds it there has to `get` the file."""
        try:
            return self._read(path)
        except SourceError:
            return None

    def _bytes(self, path: str) -> bytes:
        real = f"{self.root}/{path}"
        try:
            if not self._is_inside(real):
                raise SourceError("it leads outside the root")
            kind = os.stat(real)
            if not stat.S_ISREG(kind.st_mode):
                raise SourceError("it is not a regular file")
            if kind.st_size > MAX_BYTES:
                raise SourceError(f"it is larger than {MAX_BYTES:,} bytes")
            with open(real, "rb", buffering=0) as file:
                text = file.read()
            self.stats[path] = kind
        except (FileNotFoundError, NotADirectoryError) as error:
            raise SourceError("there is no such file") from error
        except OSError as error:
            raise SourceError(f"it cannot be read ({error.strerror})") from error
        except RuntimeError as error:  # before Python 3.13 a loop of links is one
            raise SourceError("it is a loop of links") from error
        if b"\0" in text:
            raise SourceError("it is binary")
        if len(text) > MAX_LINE and max(map(len, text.split(b"\n"))) > MAX_LINE:
            raise SourceError(f"it has a line longer than {MAX_LINE:,} characters")
        try:
            text.decode("utf-8")
        except UnicodeDecodeError as error:
            self.problems.setdefault(
                path, Problem(path, f"it is not UTF-8 (byte {error.start}); undecodable bytes are read as marks")
            )
        return text

    def _is_inside(self, path: str) -> bool:
        """Does a path stay below the root when its links are followed? Those of a folder are followed once."""
        folder = path.rpartition("/")[0]
        if folder not in self._inside:
            self._inside[folder] = Path(folder).resolve().is_relative_to(self.root)
        if os.path.islink(path) or path.endswith(("/..", "/.", "/")):
            return Path(path).resolve().is_relative_to(self.root)
        return self._inside[folder]

    def entries(self, folder: str) -> Mapping[str, str] | None:
        """What a folder holds, None when it cannot be listed. Each name with `file`, `folder`, `link` (to a folder) or
        `other`."""
        if folder not in self._listed:
            try:
                with os.scandir(self.root / folder) as entries:
                    self._listed[folder] = dict(sorted((entry.name, _sort(entry)) for entry in entries))
            except OSError:
                self._listed[folder] = None
        return self._listed[folder]

    def folder(self, path: str) -> tuple[str, ...]:
        """The C++ files directly in a folder."""
        self.reads.folders.add(path)
        return self.files_in(path)

    def files_in(self, path: str) -> tuple[str, ...]:
        """Like folder, for who notes what was looked at otherwise."""
        if path not in self._folders:
            prefix = f"{path}/" if path else ""
            self._folders[path] = tuple(prefix + name for name in self.entries(path) or () if name.endswith(SUFFIXES))
        return self._folders[path]

    def walk(self, path: str) -> Iterator[str]:
        """All C++ files below a root-relative folder, in a stable order, device kernels left out."""
        self.reads.walks.add(path)
        return self.below(path)

    def below(self, path: str) -> Iterator[str]:
        """Like walk, for who notes what was looked at otherwise."""
        path = "" if path == "." else path
        prefix = f"{path}/" if path else ""
        entries = self.entries(path) or {}
        yield from (prefix + name for name, sort in entries.items() if sort in LEAVES and name.endswith(SUFFIXES))
        for name in inner_folders(entries):
            yield from self.below(prefix + name)

    def mentioning(self, top: str, word: bytes, *others: bytes) -> Iterator[str]:
        """The files below a folder, as walk() gives them, that contain all these words."""
        self.reads.searched.setdefault(top, set()).add((word, *others))
        key = (top, word)
        if key not in self._mentioning:
            looked = ((path, self.look(path)) for path in self.below(top))
            self._mentioning[key] = tuple(p for p, file in looked if file is not None and word in file.original)
        for path in self._mentioning[key]:
            file = self.look(path)
            if file is not None and all(other in file.original for other in others):
                self.reads.used.add(path)
                yield path

    def holding(self, top: str, words: Words, most: int) -> Mapping[str, bytes]:
        """The files below a folder, as walk() gives them, that contain one of these words, with their bytes.

        Most files do not, and are not kept. Those of more than `most` bytes are left out.
        """
        self.reads.searched.setdefault(top, set()).update((word,) for word in words)
        key = (top, words)
        if key not in self._holding:
            texts = ((path, self._glance(path, most)) for path in self.below(top))
            self._holding[key] = {path: text for path, text in texts if any(word in text for word in words)}
        self.reads.used.update(self._holding[key])
        return self._holding[key]

    def _glance(self, path: str, most: int) -> bytes:
        """The bytes of a file that may never be parsed; none where it cannot be read."""
        known = self._files.get(path)
        if known is not None:
            return known.original
        real = self.root / path
        try:
            stat = real.stat()
            text = real.read_bytes() if real.is_file() and stat.st_size < most else b""
        except OSError:
            return b""
        if path not in self._files:
            self.stats.setdefault(path, stat)
            self.glances[path] = digest(text)
        return text

    def resolve(self, include: str, at: str) -> str | None:
        """The root-relative path an include in file `at` means, or None when it is not below the root."""
        folder = at.rpartition("/")[0]
        self.reads.resolved.add((include, folder))
        return self.meant(include, folder)

    def meant(self, include: str, folder: str) -> str | None:
        """Like resolve, for a file in `folder`, for who notes what was looked at otherwise."""
        key = (include, folder)
        if key not in self._resolved:
            self._resolved[key] = self._resolve(include, folder)
        return self._resolved[key]

    def _resolve(self, include: str, folder: str) -> str | None:
        beside = self._first_file((folder,), include)
        if beside is not None:
            return beside
        if include not in self._rooted:
            self._rooted[include] = self._first_file(INCLUDE_ROOTS, include)
        return self._rooted[include] or self._first_file(_include_folders(folder), include)

    def _first_file(self, folders: Iterable[str], include: str) -> str | None:
        plain = not include.startswith("/") and "//" not in include and "./" not in include
        for base in folders:
            path = f"{base}/{include}" if base else include
            if not plain:
                path = os.path.normpath(path)
            if not path.startswith(("..", "/")) and self._is_file(path):
                return path.replace(os.sep, "/")
        return None

    def _is_file(self, path: str) -> bool:
        """Is there a file at a normalised root-relative path? Folders are listed once."""
        folder, _, name = path.rpartition("/")
        return (self.entries(folder) or {}).get(name) == "file"

    def tried_for(self, include: str, folder: str) -> frozenset[str]:
        """The folders on which it depends what an include in a file of `folder` means, its target's among them."""
        key = (include, folder)
        tried = self._tried.get(key)
        if tried is None:
            target, folders = self.meant(include, folder), set()
            for base in (folder, *INCLUDE_ROOTS, *_include_folders(folder)):
                path = os.path.normpath(f"{base}/{include}" if base else include)
                if not path.startswith(("..", "/")):
                    folders.add(path.rpartition("/")[0])
                if path == target:
                    break
            tried = self._tried[key] = frozenset(folders)
        return tried

    def tried(self, path: str) -> frozenset[str]:
        """The folders on which it depends what a file includes, those that are not there among them."""
        found = self._tried_by.get(path)
        if found is None:
            file, folder = self.look(path), path.rpartition("/")[0]
            folders = {folder}
            for include in file.includes if file is not None else ():
                folders |= self.tried_for(include, folder)
            found = self._tried_by[path] = frozenset(folders)
        return found

    def closure(self, path: str) -> tuple[str, ...]:
        """The files in which a name used in `path` may be defined, nearest first.

        The file itself, its folder, then everything it includes with the sibling sources of each header.
        """
        self.reads.closures.add(path)
        return self.visible(path)

    def visible(self, path: str) -> tuple[str, ...]:
        """Like closure, for who notes what was looked at otherwise."""
        if path in self._closures:
            return self._closures[path]
        seen = dict.fromkeys([path, *_nearest(path, self.files_in(path.rpartition("/")[0]))])
        queue = list(seen)
        for at in queue:
            for extra in self._targets(at):
                if extra not in seen:
                    seen[extra] = None
                    queue.append(extra)
        self._closures[path] = tuple(seen)
        return self._closures[path]

    def _siblings(self, header: str) -> tuple[str, ...]:
        found = self._sibling_cache.get(header)
        if found is None:
            stem, _, suffix = header.rpartition(".")
            found = ()
            if suffix in ("hpp", "h", "hxx"):
                others = self.files_in(header.rpartition("/")[0])
                found = tuple(p for p in others if p.rpartition(".")[0] == stem and p != header)
            self._sibling_cache[header] = found
        return found

    def _targets(self, path: str) -> tuple[str, ...]:
        """What a file includes, each header followed by its sibling sources."""
        found = self._target_cache.get(path)
        if found is None:
            file, folder = self.look(path), path.rpartition("/")[0]
            names: dict[str, None] = {}
            for include in file.includes if file is not None else ():
                target = self.meant(include, folder)
                if target is not None:
                    names.update(dict.fromkeys((target, *self._siblings(target))))
            found = self._target_cache[path] = tuple(names)
        return found


def inner_folders(entries: Mapping[str, str]) -> Iterator[str]:
    """The folders among the entries of one that a walk goes into."""
    return (n for n, sort in entries.items() if sort == "folder" and n != "kernels" and not n.startswith("."))


def _sort(entry: os.DirEntry[str]) -> str:
    try:
        if entry.is_file():
            return "file"
        if entry.is_dir():
            return "link" if entry.is_symlink() else "folder"
    except OSError:  # a loop of links, say
        return "other"
    return "other"


def _include_folders(folder: str) -> Iterator[str]:
    """The `include` folders beside and above a folder."""
    while folder:
        folder = folder.rpartition("/")[0]
        yield f"{folder}/include" if folder else "include"


def _nearest(path: str, others: tuple[str, ...]) -> list[str]:
    stem = path.rpartition(".")[0]
    return sorted(others, key=lambda other: (other.rpartition(".")[0] != stem, other))
