"""How things stand in a tree now, as digests that can be compared with those of an earlier run."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterable, Mapping, Set

from tt_cache_lint.cache.entry import MARK, NO_MARK
from tt_cache_lint.source.files import LEAVES, SUFFIXES, SourceTree, inner_folders
from tt_cache_lint.source.index import Index, sources_below
from tt_cache_lint.source.reads import Words, digest

# A file that was written so shortly before it was read can be written once more without its times telling.
GRAIN = 2_000_000_000  # nanoseconds
ABSENT = b""


class State:
    """Digests of one tree's files and folders, each made once."""

    def __init__(self, tree: SourceTree) -> None:
        self.tree = tree
        self.index = Index(tree)
        self._root = f"{tree.root}/"
        self._marks: dict[str, bytes] = {}
        self._digests: dict[str, bytes] = {}
        self._entries: dict[str, bytes] = {}
        self._below: dict[str, bytes] = {}
        self._standing: dict[str, str] = {}

    def mark(self, path: str) -> bytes:
        """How a file lies on the disk, or lay there just before it was read; NO_MARK when that tells of no change."""
        found = self._marks.get(path)
        if found is None:
            known = self.tree.has_read(path) or path in self.tree.glances
            try:
                stat = self.tree.stats.get(path) if known else os.stat(self._root + path)
            except OSError:
                stat = None
            found = self._marks[path] = NO_MARK if stat is None else self._marked(stat)
        return found

    def _marked(self, stat: os.stat_result) -> bytes:
        if max(stat.st_mtime_ns, stat.st_ctime_ns) > self.tree.born - GRAIN:
            return NO_MARK
        packed = struct.pack("<qqQQQ", stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino, stat.st_dev)
        return hashlib.blake2b(packed, digest_size=MARK).digest()

    def digest(self, path: str) -> bytes:
        """What a file holds, or why it cannot be used."""
        found = self._digests.get(path)
        if found is None:
            if path in self.tree.glances and not self.tree.has_read(path):
                found = self.tree.glances[path]
            else:
                file = self.tree.look(path)
                found = digest(file.original if file is not None else b"\0" + self._fault(path))
            self._digests[path] = found
        return found

    def _fault(self, path: str) -> bytes:
        problem = self.tree.problems.get(path)
        return problem.message.encode("utf-8", "surrogateescape") if problem is not None else b""

    def entries(self, folder: str) -> bytes:
        """What a folder holds; hidden folders do not count."""
        found = self._entries.get(folder)
        if found is None:
            entries = self.tree.entries(folder)
            found = ABSENT
            if entries is not None:
                shown = (f"{n}\0{s}" for n, s in entries.items() if s in LEAVES or not n.startswith("."))
                found = digest("\0\0".join(shown).encode("utf-8", "surrogateescape"))
            self._entries[folder] = found
        return found

    def standing(self, folder: str) -> str:
        """The folder on whose entries it depends whether there is such a folder: itself, or what it would stand in."""
        found = self._standing.get(folder)
        if found is None:
            above, _, name = folder.rpartition("/")
            found = folder
            if folder and self.tree.entries(folder) is None and not name.startswith("."):
                over = self.standing(above)
                if over != above or name not in (self.tree.entries(above) or {}):
                    found = over
            self._standing[folder] = found
        return found

    def below(self, top: str) -> bytes:
        """Which C++ files stand below a folder, kernels left out."""
        top = "" if top == "." else top
        found = self._below.get(top)
        if found is None:
            entries = self.tree.entries(top) or {}
            prefix = f"{top}/" if top else ""
            names = "\0".join(n for n, sort in entries.items() if sort in LEAVES and n.endswith(SUFFIXES))
            parts = [names.encode("utf-8", "surrogateescape"), b"\0\0"]
            for name in inner_folders(entries):
                parts += (name.encode("utf-8", "surrogateescape"), b"\0", self.below(prefix + name))
            found = self._below[top] = digest(b"".join(parts))
        return found

    def crowded(self, folder: str) -> bool:
        return not sources_below(self.tree, folder)

    def holds(self, path: str, asked: Mapping[str, Iterable[str]], words: Iterable[Words] = ()) -> bool:
        """Does a file hold one of these definitions, or all words of one of these groups?"""
        file = self.tree.look(path)
        if file is None:
            return False
        if any(all(word in file.original for word in together) for together in words):
            return True
        for kind, names in asked.items():
            mentioned = [name for name in names if name.encode("utf-8", "surrogateescape") in file.original]
            if mentioned and not self._known(path, kind).isdisjoint(mentioned):
                return True
        return False

    def _known(self, path: str, kind: str) -> Set[str]:
        if kind == "namespaces":
            return self.index.namespaces_of(path)
        defs = self.index.defs(path)
        found: Mapping[str, object] = getattr(defs, kind, None) or {}
        return found.keys()
