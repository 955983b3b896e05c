"""Who uses a file: the factories that a header, a device operation, a helper or a device kernel belongs to.

A host file is used by what includes it, a device kernel by what names it in a string (tt-metal's factories give
CreateKernel a path below the root: ttnn/cpp/ttnn/operations/.../kernels/...).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from tt_cache_lint.source.files import MAX_BYTES, SUFFIXES, SourceTree

# Folders of a checkout in which factories live, at one time or another.
TOPS = ("ttnn", "tt-train", "tt_eager")
# An op's own folder is what stands above these.
INNER = ("device", "kernels")
_NAMED = re.compile(rb"(?:%s)(?=[\"'>])" % b"|".join(re.escape(s.encode()) for s in SUFFIXES))
_LONGEST = 400  # bytes; of a path in quotes


class Users:
    """The reverse of includes and kernel names, over one tree. Folders are read when they are first asked about."""

    def __init__(self, tree: SourceTree) -> None:
        self.tree = tree
        self._scanned: set[str] = set()
        self._written: dict[str, list[tuple[str, str]]] = {}

    def within(self, path: str, folder: str) -> list[str]:
        """The files below `folder` that use `path`, directly or through each other."""
        self._scan(folder)
        return [user for level in self._levels(path, folder + "/" if folder else "") for user in level]

    def made_of(self, path: str, folder: str) -> list[str]:
        """The files below `folder` that `path` and its headers include, directly or through each other, and the sources
        of these: a device operation names its factories so, which need not know of it."""
        seen: set[str] = set()
        waiting = [path, *self._faces(path)]
        while waiting:
            at = waiting.pop()
            file = self.tree.get(at)
            for include in file.includes if file is not None else ():
                found = self.tree.resolve(include, at)
                if found is not None and found not in seen and op_folder(found) == folder:
                    seen.add(found)
                    waiting.append(found)
        return sorted({*seen, *(source for header in seen for source in self._sources(header))} - {path})

    def _sources(self, header: str) -> list[str]:
        """The source files of a header."""
        stem = header.rpartition(".")[0]
        return [p for p in self.tree.folder(header.rpartition("/")[0]) if p != header and p.rpartition(".")[0] == stem]

    def everywhere(self, path: str) -> Iterator[list[str]]:
        """The files that use `path` directly, then those that use these, and so on; the nearest of each first."""
        tops = [top for top in TOPS if (self.tree.root / top).is_dir()]
        for top in tops or [""]:
            self._scan(top)
        for level in self._levels(path, ""):
            yield sorted(level, key=lambda user: (-_shared(user, path), user))

    def _levels(self, path: str, prefix: str) -> Iterator[list[str]]:
        seen = {path, *self._faces(path)}
        level = sorted(seen)
        while level:
            found = dict.fromkeys(u for at in level for u in self._direct(at) if u.startswith(prefix))
            level = [user for user in found if user not in seen]
            level += [face for user in level for face in self._faces(user) if face not in seen and face not in level]
            seen.update(level)
            if level:
                yield level

    def _direct(self, path: str) -> Iterator[str]:
        for user, written in self._written.get(path.rpartition("/")[2], ()):
            near = op_folder(user) == op_folder(path)
            if _ends_with(path, written, near) or self.tree.resolve(written, user) == path:
                yield user

    def _faces(self, path: str) -> list[str]:
        """The headers of a source file: who includes one may call what the source file defines."""
        stem, _, suffix = path.rpartition(".")
        if suffix not in ("cpp", "cc", "cxx"):
            return []
        return [p for p in self.tree.folder(path.rpartition("/")[0]) if p != path and p.rpartition(".")[0] == stem]

    def _scan(self, top: str) -> None:
        """Note every path in quotes below a folder, by its last name."""
        folders = [top]
        while folders:
            folder = folders.pop()
            if folder in self._scanned:
                continue
            self._scanned.add(folder)
            prefix = f"{folder}/" if folder else ""
            try:
                with os.scandir(self.tree.root / folder) as entries:
                    found = sorted((e.name, e.is_dir(follow_symlinks=False)) for e in entries if not e.is_symlink())
            except OSError:
                continue
            for name, is_folder in found:
                if is_folder and not name.startswith("."):
                    folders.append(prefix + name)
                elif name.endswith(SUFFIXES):
                    self._read(prefix + name)

    def _read(self, path: str) -> None:
        """A look at the bytes only: most of these files are never parsed."""
        real = self.tree.root / path
        try:
            if not real.is_file() or real.stat().st_size > MAX_BYTES:
                return
            text = real.read_bytes()
        except OSError:  # whoever is asked to check this file is told; here it merely uses nothing
            return
        for written in _quoted(text):
            self._written.setdefault(written.rpartition("/")[2], []).append((path, written))


def op_folder(path: str) -> str:
    """The folder of the op that a file belongs to: where it stands, or what is above device/ and kernels/."""
    folders = path.split("/")[:-1]
    inner = next((at for at, name in enumerate(folders) if name in INNER), len(folders))
    return "/".join(folders[:inner])


def _quoted(text: bytes) -> Iterator[str]:
    """The file names and paths between quotes or angle brackets, at least their part behind the last `}`."""
    for match in _NAMED.finditer(text):
        end = match.end()
        begin = max(end - _LONGEST, 0)
        start = max(text.rfind(mark, begin, end) for mark in (b'"', b"<", b"'", b"\n", b"}", b" "))
        if start >= 0:
            yield text[start + 1 : end].decode("utf-8", "replace")


def _ends_with(path: str, written: str, near: bool) -> bool:
    """Is `written` the last part of `path`, whole names only? A bare name, as in `folder + "reader.cpp"`, is taken for
    a file of the same op."""
    written = written.strip("/")
    return path == written or (("/" in written or near) and path.endswith("/" + written))


def _shared(a: str, b: str) -> int:
    count = 0
    for x, y in zip(a.split("/"), b.split("/"), strict=False):
        if x != y:
            break
        count += 1
    return count
