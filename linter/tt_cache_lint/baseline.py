"""The baseline: a file of known findings, so that an old code base can start with none.

A finding is known by its fingerprint, which holds no line numbers, and by how many share it. The file only shrinks:
`prune` takes out what has been fixed, and nothing but `--write-baseline` puts anything in.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tt_cache_lint import __version__
from tt_cache_lint.config import ConfigError
from tt_cache_lint.model import Finding

VERSION = 1
MOST_BYTES = 50_000_000
KEYS = {"fingerprint": str, "rule": str, "path": str, "factory": str, "slot": str, "count": int}


class BaselineError(ConfigError):
    """A baseline that cannot be used; the message names the file."""


@dataclass(frozen=True, slots=True)
class Entry:
    """So many findings of a rule on one slot. Everything but the fingerprint and the count is for people."""

    fingerprint: str
    rule: str
    path: str
    factory: str
    slot: str
    count: int = 1


def entries(findings: Iterable[Finding]) -> list[Entry]:
    """The entries that stand for some findings."""
    found: dict[str, Entry] = {}
    known = list(findings)
    counts = Counter(finding.fingerprint for finding in known)
    for f in known:
        entry = Entry(f.fingerprint, f.rule, f.place.path, f.factory, f.slot, counts[f.fingerprint])
        found.setdefault(f.fingerprint, entry)
    return sorted(found.values(), key=lambda entry: (entry.path, entry.rule, entry.factory, entry.slot))


def read(path: Path) -> list[Entry]:
    """The entries of a file. Raises BaselineError."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise BaselineError(f"cannot read the baseline {path}: {error.strerror or error}") from error
    if len(data) > MOST_BYTES:
        raise BaselineError(f"the baseline {path} is larger than {MOST_BYTES:,} bytes")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BaselineError(f"the baseline {path} is not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise BaselineError(f"the baseline {path} has no `version` {VERSION}; write it again with --write-baseline")
    items = document.get("findings")
    if not isinstance(items, list):
        raise BaselineError(f"the baseline {path} has no list of `findings`")
    return [_entry(path, at, item) for at, item in enumerate(items)]


def _entry(path: Path, at: int, item: Any) -> Entry:
    if not isinstance(item, dict):
        raise BaselineError(f"the baseline {path}: findings[{at}] is not an object")
    for key, kind in KEYS.items():
        if not isinstance(item.get(key), kind) or isinstance(item[key], bool):
            raise BaselineError(f"the baseline {path}: findings[{at}] has no {key!r} that is a {kind.__name__}")
    if item["count"] < 1:
        raise BaselineError(f"the baseline {path}: findings[{at}] has a 'count' below 1")
    return Entry(**{key: item[key] for key in KEYS})


def write(path: Path, known: Sequence[Entry]) -> None:
    """Write a file whole or not at all. Raises BaselineError."""
    tool = {"name": "tt-cache-lint", "version": __version__}
    document = {"version": VERSION, "tool": tool, "findings": [asdict(entry) for entry in known]}
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        beside.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8", newline="\n")
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise BaselineError(f"cannot write the baseline {path}: {error.strerror or error}") from error


def split(findings: Sequence[Finding], known: Sequence[Entry]) -> tuple[list[Finding], list[Finding]]:
    """The findings that are new and those that are known; of several with one fingerprint the first are the known."""
    room = Counter({entry.fingerprint: 0 for entry in known})
    for entry in known:
        room[entry.fingerprint] += entry.count
    new, old = [], []
    for finding in findings:
        if room[finding.fingerprint] > 0:
            room[finding.fingerprint] -= 1
            old.append(finding)
        else:
            new.append(finding)
    return new, old


def fixed(found: Iterable[Finding], known: Sequence[Entry], judged: Callable[[Entry], bool]) -> list[Entry]:
    """What of the baseline is not found any more, among what this run can judge; `count` is how many."""
    left = Counter(finding.fingerprint for finding in found)
    gone = []
    for entry in known:
        still = min(left[entry.fingerprint], entry.count)
        left[entry.fingerprint] -= still
        if still < entry.count and judged(entry):
            gone.append(_with(entry, entry.count - still))
    return gone


def without(known: Sequence[Entry], gone: Sequence[Entry]) -> list[Entry]:
    """The baseline less what is fixed."""
    counts = Counter({entry.fingerprint: entry.count for entry in gone})
    kept = []
    for entry in known:
        taken = min(entry.count, counts[entry.fingerprint])
        counts[entry.fingerprint] -= taken
        if taken < entry.count:
            kept.append(_with(entry, entry.count - taken))
    return kept


def _with(entry: Entry, count: int) -> Entry:
    return Entry(entry.fingerprint, entry.rule, entry.path, entry.factory, entry.slot, count)
