"""Globs over root-relative POSIX paths, as ruff and git users write them.

`*`, `?` and `[...]` stay inside one name, `**` stands for any number of folders. A glob without a slash may start at
any folder (`*_old.cpp`, `generated`); one with a slash starts at the root. A glob that names a folder covers all of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache


def matches(path: str, globs: Iterable[str]) -> bool:
    """Does one of `globs` name `path`, or a folder that `path` is in?"""
    names = tuple(path.split("/"))
    return any(_matches(names, _parts(glob)) for glob in globs)


@cache
def _parts(glob: str) -> tuple[str, ...]:
    parts = [part for part in glob.split("/") if part not in ("", ".")]
    anywhere = "/" not in glob.rstrip("/")
    return tuple(["**", *parts] if anywhere and parts else parts)


def _matches(names: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    """One step a part: `ends` are the numbers of names that the parts so far can have used up."""
    ends = {0}
    for part in parts:
        if part == "**":
            ends = set(range(min(ends), len(names) + 1))
        else:
            ends = {end + 1 for end in ends if end < len(names) and fnmatchcase(names[end], part)}
        if not ends:
            return False
    return bool(parts)
