"""What has changed since a git revision, line by line.

git is asked in its own process, without a shell, and with everything turned off that a repository's own configuration
could make it run. What counts as changed is what differs between the working tree and the point where the current
branch left REV, so that what others did on REV since then does not count; new files count whole.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tt_cache_lint.config import ConfigError
from tt_cache_lint.model import FactoryFacts, Finding, Place

SECONDS = 120
SUFFIXES = (".cpp", ".hpp", ".h", ".cc", ".cxx", ".hxx", ".hh", ".inl")
SETTINGS = ("core.fsmonitor=false", "core.hooksPath=/dev/null", "core.quotePath=true", "diff.relative=false")
HARMLESS = tuple(word for setting in SETTINGS for word in ("-c", setting))
FOUND_FROM_THE_ROOT = ("GIT_DIR", "GIT_WORK_TREE")  # hooks set them, relative to another folder
DIFF = ("--unified=0", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--text", "--ignore-submodules")
PREFIXES = ("--src-prefix=a/", "--dst-prefix=b/")
HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
WHOLE = range(1, 1 << 31)


class SinceError(ConfigError):
    """git could not answer; the message says why."""


@dataclass(slots=True)
class Changes:
    """Changed lines by root-relative path. `cuts` are lines after which some were deleted."""

    lines: dict[str, list[range]] = field(default_factory=dict)
    cuts: dict[str, list[int]] = field(default_factory=dict)

    def touch(self, place: Place) -> bool:
        """Did anything on the lines of a place change?"""
        first, last = place.line, place.last
        if any(lines.start <= last and first < lines.stop for lines in self.lines.get(place.path, ())):
            return True
        return any(first <= cut < last for cut in self.cuts.get(place.path, ()))

    def concerning(self, findings: Iterable[Finding], factories: Iterable[FactoryFacts]) -> list[Finding]:
        """The findings with changed places, or a changed create, override, header or hash of their factory."""
        by_name: dict[str, list[FactoryFacts]] = {}
        for facts in factories:
            by_name.setdefault(facts.factory, []).append(facts)
        return [finding for finding in findings if self._concern(finding, by_name.get(finding.factory, []))]

    def _concern(self, finding: Finding, same: list[FactoryFacts]) -> bool:
        places = [finding.place, *(related.place for related in finding.related)]
        # Of several factories with one name it is the one in the finding's file, if that can be told.
        for facts in [facts for facts in same if facts.path == finding.place.path] or same:
            places += [place for place in (facts.create, facts.override_body, *facts.declared) if place is not None]
        return any(map(self.touch, places))


def changes(root: Path, revision: str) -> Changes:
    """What changed below `root` since `revision`. Raises SinceError."""
    if not revision.strip() or revision.startswith("-") or not revision.isprintable():
        raise SinceError(f"{revision!r} is not a git revision")
    top = Path(os.fsdecode(_git(root, "rev-parse", "--show-toplevel").rstrip(b"\n")))
    commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", word=revision)
    base = _git(root, "merge-base", commit.decode().strip(), "HEAD", may_fail=True) or commit
    globs = [f":(top,glob)**/*{suffix}" for suffix in SUFFIXES]
    changed = _git(root, "diff", *DIFF, *PREFIXES, base.decode().strip(), "--", *globs)
    new = _git(root, "ls-files", "--others", "--exclude-standard", "--full-name", "-z", "--", *globs)
    found = Changes()
    for path, start, count in _hunks(changed):
        name = _below(root, top, path)
        if name and count:
            found.lines.setdefault(name, []).append(range(start, start + count))
        elif name:
            found.cuts.setdefault(name, []).append(start)
    for raw in filter(None, new.split(b"\0")):
        name = _below(root, top, raw)
        if name:
            found.lines[name] = [WHOLE]
    return found


def _git(root: Path, *args: str, word: str = "", may_fail: bool = False) -> bytes:
    environment = {name: value for name, value in os.environ.items() if name not in FOUND_FROM_THE_ROOT}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    command = ["git", "--no-pager", *HARMLESS, "-C", str(root), *args]
    try:
        run = subprocess.run(
            command, capture_output=True, check=False, timeout=SECONDS, stdin=subprocess.DEVNULL, env=environment
        )
    except FileNotFoundError as error:
        raise SinceError("git is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise SinceError(f"git {args[0]} did not answer within {SECONDS} s") from error
    except OSError as error:
        raise SinceError(f"git cannot be run: {error.strerror or error}") from error
    if run.returncode == 0:
        return run.stdout
    if may_fail:
        return b""
    if word:
        raise SinceError(f"git knows no commit {word!r} in {root}")
    said = run.stderr.decode("utf-8", "replace").strip().splitlines()
    if any("not a git repository" in line for line in said):
        raise SinceError(f"{root} is not in a git repository")
    raise SinceError(f"git {args[0]} failed in {root}: {said[0] if said else f'status {run.returncode}'}")


def _hunks(diff: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(path, first new line, number of new lines) of every hunk; the lines of a hunk are counted, not looked at."""
    path, skip = b"", 0
    for line in diff.split(b"\n"):
        if skip and not line.startswith(b"\\"):
            skip -= 1
        elif line.startswith(b"+++ "):
            path = _unquoted(line[4:])
        elif (hunk := HUNK.match(line)) is not None:
            old, start, new = (int(number) if number is not None else 1 for number in hunk.groups())
            skip = old + new
            if path.startswith(b"b/"):
                yield path[2:], start, new


def _unquoted(name: bytes) -> bytes:
    """A file name as git writes it: as it is, or as a C string. A tab ends one that holds spaces."""
    name = name.removesuffix(b"\t")
    if not name.startswith(b'"'):
        return name
    try:
        return bytes(ast.literal_eval("b" + name.decode("ascii")))
    except (ValueError, SyntaxError):
        return name


def _below(root: Path, top: Path, name: bytes) -> str:
    """A path below git's top folder as one below the root; "" when it is not."""
    path = top / os.fsdecode(name)
    real = root.resolve()
    return path.relative_to(real).as_posix() if path.is_relative_to(real) else ""
