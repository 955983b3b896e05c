"""The folder in which answers are kept: `.tt-cache-lint/cache` below the root.

What lies there may come from anyone: it is typed data that is checked, links are not followed, and what does not fit is
made again. A folder that cannot be written to is done without.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tt_cache_lint.cache.entry import MOST_BYTES, Answer, Entry, Unfit, pack, pack_answer, unpack, unpack_answer
from tt_cache_lint.cache.making import made_from, stands
from tt_cache_lint.cache.state import State

if TYPE_CHECKING:
    from tt_cache_lint.engine import Options

FOLDER = (".tt-cache-lint", "cache")
TAG = "CACHEDIR.TAG"
NOTES = {
    TAG: "Signature: 8a477f597d28d172789f06886806bc55\n# Results that tt-cache-lint keeps; see https://bford.info/cachedir/\n",
    ".gitignore": "*\n",
}
GRAMMAR = ("tree_sitter", "tree_sitter_cpp", "msgspec")
MOST_ENTRIES = 4_000
MOST_VERSIONS = 3  # of the tool, whose answers are kept beside each other


class Store:
    """The answers for the batches of one tree under one set of options."""

    def __init__(self, root: Path, options: Options) -> None:
        self.folder = root.resolve().joinpath(*FOLDER, tool())
        self._key = repr((options.paths_budget, options.steps, options.seconds_per_factory, options.only))
        self._writes = True

    def find(self, batch: Mapping[str, bool], state: State) -> Answer | None:
        """The answer of an earlier run, if it would be the same now."""
        name = self._name(batch)
        try:
            data = self._read(name)
            entry = unpack(data) if data else None
            if entry is None or not entry.made.is_plain():
                return None
            made = stands(entry.made, state)
            if made is None:
                return None
            answer = unpack_answer(entry.answer)
            if made is not entry.made:
                self._write(name, pack(Entry(made, entry.answer)))
        except Unfit:
            return None
        return answer

    def keep(self, batch: Mapping[str, bool], answer: Answer, state: State) -> None:
        """Keep an answer that was just made from `state.tree`, if it can be kept."""
        if not self._writes:
            return
        with contextlib.suppress(Unfit):
            made = made_from(state.tree.reads, state)
            self._write(self._name(batch), pack(Entry(made, pack_answer(answer))))

    def tidy(self) -> None:
        """Delete what has become too much: the oldest entries, and those of other versions of the tool."""
        with contextlib.suppress(OSError):
            _delete_oldest(self.folder, MOST_ENTRIES)
            versions = sorted(_folders(self.folder.parent), key=lambda folder: -os.stat(folder).st_mtime_ns)
            for folder in versions[MOST_VERSIONS:]:
                _delete_oldest(folder, 0)
                folder.rmdir()

    def _name(self, batch: Mapping[str, bool]) -> str:
        text = repr((self._key, list(batch.items())))
        return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=20).hexdigest()

    def _read(self, name: str) -> bytes:
        if not self._is_ours():
            return b""
        try:
            number = os.open(
                self.folder / name, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
            )
            with open(number, "rb") as file:
                about = os.fstat(number)
                if not stat.S_ISREG(about.st_mode) or about.st_size > MOST_BYTES:
                    return b""
                return file.read(MOST_BYTES)
        except OSError:
            return b""

    def _is_ours(self) -> bool:
        """Is every folder on the way a folder, and no link to somewhere else?"""
        try:
            above = (self.folder, *self.folder.parents[: len(FOLDER)])
            return all(stat.S_ISDIR(os.lstat(folder).st_mode) for folder in above)
        except OSError:
            return False

    def _write(self, name: str, data: bytes) -> None:
        try:
            self._prepare()
            number, temporary = tempfile.mkstemp(prefix=".", dir=self.folder)
            try:
                with open(number, "wb") as file:
                    file.write(data)
                os.replace(temporary, self.folder / name)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
                raise
        except OSError:  # read-only, full, or a link
            self._writes = False

    def _prepare(self) -> None:
        """Make the folders. Raises OSError when one of them is something else."""
        if self._is_ours():
            return
        for folder in (*reversed(self.folder.parents[: len(FOLDER)]), self.folder):
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
            if not stat.S_ISDIR(os.lstat(folder).st_mode):
                raise NotADirectoryError(folder)
        for name, text in NOTES.items():
            with contextlib.suppress(FileExistsError), open(self.folder.parent / name, "x", encoding="utf-8") as file:
                file.write(text)


@cache
def tool() -> str:
    """What tells this tool from another: its sources, the grammar, Python."""
    hasher = hashlib.blake2b(digest_size=10)
    package = Path(__file__).resolve().parent.parent
    for file in sorted(package.rglob("*.py")):
        hasher.update(f"{file.relative_to(package).as_posix()}\0".encode())
        hasher.update(hashlib.blake2b(file.read_bytes()).digest())
    for name in GRAMMAR:
        for file in _installed(name):
            about = file.stat()
            hasher.update(f"{file.name}\0{about.st_size}\0{about.st_mtime_ns}\0".encode())
    hasher.update(f"{sys.version_info[:2]}{sysconfig.get_platform()}".encode())
    return hasher.hexdigest()


def _installed(name: str) -> Iterator[Path]:
    """The files of an installed package, which need not be imported for it."""
    found = find_spec(name)
    for folder in (found.submodule_search_locations or ()) if found is not None else ():
        yield from sorted(file for file in Path(folder).iterdir() if file.is_file())


def _folders(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]


def _delete_oldest(folder: Path, most: int) -> None:
    with os.scandir(folder) as entries:
        files = [(entry.stat(follow_symlinks=False).st_mtime_ns, entry.path) for entry in entries]
    for _, path in sorted(files)[: max(0, len(files) - most)]:
        os.unlink(path)
