"""Does the cache ever say what is no longer true? Random edits, each followed by a run with the cache and one without.

    python benchmarks/cache_random.py --root COPY [--rounds 50] [--seed 1] FOLDER...

COPY is a copy of a tree, which is changed and put back; FOLDERs of ops are relative to it. Of the files that an op can
see one is edited in a round: a line goes, comes twice, changes a number or a name, or the file goes, or comes again
under another name. Prints each difference and, at the end, how many groups of files were taken from the cache.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path

from tt_cache_lint.engine import Options, analyse
from tt_cache_lint.source.files import SourceTree

Edit = Callable[[random.Random, list[bytes]], None]


def drop(chance: random.Random, lines: list[bytes]) -> None:
    del lines[chance.randrange(len(lines))]


def double(chance: random.Random, lines: list[bytes]) -> None:
    at = chance.randrange(len(lines))
    lines.insert(at, lines[at])


def move(chance: random.Random, lines: list[bytes]) -> None:
    lines.insert(chance.randrange(len(lines)), lines.pop(chance.randrange(len(lines))))


def number(chance: random.Random, lines: list[bytes]) -> None:
    numbered = [at for at, line in enumerate(lines) if re.search(rb"\b\d+\b", line)]
    if numbered:
        at = chance.choice(numbered)
        lines[at] = re.sub(rb"\b\d+\b", b"%d" % chance.randrange(9), lines[at], count=1)


def name(chance: random.Random, lines: list[bytes]) -> None:
    """One line uses or defines the name of another."""
    at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    names = re.findall(rb"[A-Za-z_]\w+", lines[other])
    if names:
        found = re.findall(rb"[A-Za-z_]\w+", lines[at])
        if found:
            lines[at] = lines[at].replace(chance.choice(found), chance.choice(names), 1)


EDITS: tuple[Edit, ...] = (drop, double, move, number, name)


def visible(root: Path, folders: list[str]) -> list[str]:
    """The files that those of the ops can see, and their kernels."""
    tree = SourceTree(root)
    seen: dict[str, None] = {}
    for folder in folders:
        for path in tree.walk(folder):
            seen.update(dict.fromkeys(tree.closure(path)))
        seen.update(
            dict.fromkeys(p.relative_to(root).as_posix() for p in sorted((root / folder).rglob("kernels/**/*.*")))
        )
    return list(seen)


def edited(chance: random.Random, root: Path, path: str, donors: list[str]) -> list[tuple[Path, bytes | None]]:
    """Edit around a file; the files concerned with what they held."""
    file = root / path
    held = file.read_bytes()
    kind = chance.randrange(10)
    if kind == 0:
        file.unlink()
        return [(file, held)]
    if kind == 1:  # the same definitions from another place, or nearer ones than before
        new = file.with_name(f"{file.stem}_2{file.suffix}")
        new.write_bytes((root / chance.choice(donors)).read_bytes())
        return [(new, None)]
    lines = held.splitlines(keepends=True)
    for _ in range(chance.choice((1, 1, 1, 3)) if lines else 0):
        if lines:
            chance.choice(EDITS)(chance, lines)
    file.write_bytes(b"".join(lines))
    return [(file, held)]


def put_back(changes: list[tuple[Path, bytes | None]]) -> None:
    for file, held in reversed(changes):
        if held is None:
            file.unlink()
        else:
            file.write_bytes(held)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("folders", nargs="+")
    given = parser.parse_args()
    chance = random.Random(given.seed)
    files = visible(given.root, given.folders)
    own = [f for f in files if f.startswith(tuple(given.folders))]
    paths = [given.root / folder for folder in given.folders]
    analyse(given.root, paths, Options(cache=True))
    wrong, taken, total = 0, 0, 0
    changes: list[tuple[Path, bytes | None]] = []
    try:
        for at in range(given.rounds):
            path = chance.choice(own if chance.random() < 0.5 else files)
            if not (given.root / path).is_file():
                continue
            changes += edited(chance, given.root, path, files)
            kept, fresh = (analyse(given.root, paths, Options(cache=cache)) for cache in (True, False))
            taken, total = taken + kept.cached, total + kept.batches
            same = (kept.facts, kept.operations, kept.problems) == (fresh.facts, fresh.operations, fresh.problems)
            print(f"{at:4} {'same' if same else 'WRONG'} {kept.cached}/{kept.batches} {path}", flush=True)
            wrong += not same
            if chance.random() < 0.5:
                put_back(changes)
                changes.clear()
    finally:
        put_back(changes)
    print(f"{wrong} wrong; {taken} of {total} groups of files came from the cache")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
