"""From what was read to what is kept of it, and back: does all of it still stand as it did?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tt_cache_lint.cache.entry import NO_MARK, Files, Made, Unfit
from tt_cache_lint.cache.state import State
from tt_cache_lint.source.index import sources_below
from tt_cache_lint.source.reads import DIGEST, Reads, digest


def made_from(reads: Reads, state: State) -> Made:
    """What an answer was made from, by what was read for it. Raises Unfit when that is not known."""
    tree = state.tree
    if not reads.lasting:
        raise Unfit
    visible = {path for at in reads.closures for path in tree.visible(at)}
    passed = {*visible, *_around(state, reads.searched, reads.folders, reads.crowded)} - reads.used
    folders = {state.standing(f) for path in visible for f in tree.tried(path)}
    folders.update(state.standing(folder) for folder in reads.folders)
    resolved = []
    for include, folder in sorted(reads.resolved):
        resolved.append((include, folder, tree.meant(include, folder)))
        folders.update(state.standing(f) for f in tree.tried_for(include, folder))
    names, asked = _numbered(reads.asked)
    if tree.given_up & (reads.used | passed) or not tree.steady:
        raise Unfit
    return Made(
        used=_kept(state, reads.used),
        passed=_kept(state, passed),
        entries={folder: state.entries(folder) for folder in sorted(folders)},
        folders=sorted(reads.folders),
        below={top: state.below(top) for top in sorted({*reads.walks, *reads.searched, *reads.crowded})},
        walks=sorted(reads.walks),
        searched={top: sorted(map(list, words)) for top, words in sorted(reads.searched.items())},
        crowded=reads.crowded,
        names=names,
        asked=asked,
        closures={at: _order(state, at, reads.used) for at in sorted(reads.closures)},
        resolved=resolved,
    )


def stands(made: Made, state: State) -> Made | None:
    """Would the answer be the same now? What it is to be kept with from now on: `made` itself when nothing moved."""
    moved = _moved(made.used, state)
    if any(was[:DIGEST] != now[:DIGEST] for was, now in moved.values()):
        return None
    changed = _moved(made.passed, state)
    listed = all(state.entries(folder) == was for folder, was in made.entries.items())
    walked = all(state.below(top) == was for top, was in made.below.items())
    if not moved and not changed and listed and walked:
        return made
    fresh = {path for path, (was, now) in changed.items() if was[:DIGEST] != now[:DIGEST]}
    if fresh or not listed or not walked:
        return _looked_again(made, state, fresh, listed and walked)
    return _renewed(made, state)


def _looked_again(made: Made, state: State, changed: set[str], still: bool) -> Made | None:
    """The same for an answer that something moved around: it stands while nothing is found that was looked for.

    `changed` are files that were passed; `still` when no file came or went.
    """
    tree = state.tree
    if any(state.below(top) != made.below.get(top) for top in made.walks):
        return None
    if any(tree.meant(include, folder) != was for include, folder, was in made.resolved):
        return None
    if any(state.crowded(folder) != was for folder, was in made.crowded.items()):
        return None
    used = set(_paths(made.used))
    elsewhere = set(_around(state, made.searched, made.folders, made.crowded))
    words = [tuple(together) for sets in made.searched.values() for together in sets]
    looked = elsewhere.intersection(changed) if still else elsewhere - used
    if any(state.holds(path, _asked(made, ""), words) for path in looked):
        return None
    around = {*elsewhere}
    for at, was in made.closures.items():
        visible, now = tree.visible(at), _order(state, at, used)
        if now[:DIGEST] != was[:DIGEST]:
            return None
        around.update(visible)
        looked = changed.intersection(visible) if now == was else set(visible) - used
        if looked:
            asked = _asked(made, at)
            if any(state.holds(path, asked) for path in looked):
                return None
    folders = {state.standing(f) for path in around for f in tree.tried(path)}
    folders.update(state.standing(folder) for folder in made.folders)
    folders.update(state.standing(f) for i, folder, _ in made.resolved for f in tree.tried_for(i, folder))
    made.passed = _kept(state, around - used)
    made.entries = {folder: state.entries(folder) for folder in sorted(folders)}
    made.closures = {at: _order(state, at, used) for at in made.closures}
    made.below = {top: state.below(top) for top in made.below}
    return _renewed(made, state)


def _renewed(made: Made, state: State) -> Made:
    """With the marks of now, for files whose content is known to be the same."""
    renewed = Made(*(getattr(made, name) for name in made.__struct_fields__))
    for group in ("used", "passed"):
        files = {folder: dict(names) for folder, names in getattr(made, group).items()}
        for path, (_, now) in _moved(files, state).items():
            folder, _, name = path.rpartition("/")
            files[folder][name] = now
        setattr(renewed, group, files)
    return renewed


def _moved(files: Files, state: State) -> dict[str, tuple[bytes, bytes]]:
    """The files whose mark does not say that they are the same, with what was kept of each and what would be now."""
    moved = {}
    for folder, names in files.items():
        prefix = f"{folder}/" if folder else ""
        for name, was in names.items():
            path = prefix + name
            mark = state.mark(path)
            if mark == NO_MARK or was[DIGEST:] != mark:
                now = state.digest(path) + mark
                if now != was:
                    moved[path] = (was, now)
    return moved


def _around(state: State, searched: Iterable[str], folders: Iterable[str], crowded: Iterable[str]) -> Iterator[str]:
    for top in searched:
        yield from state.tree.below(top)
    for folder in folders:
        yield from state.tree.files_in(folder)
    for folder in crowded:
        yield from sources_below(state.tree, folder)


def _order(state: State, at: str, used: set[str]) -> bytes:
    """Two digests: of the order in which the used files are seen from another, and of all that are seen from there."""
    visible = state.tree.visible(at)
    return b"".join(
        digest("\0".join(paths).encode("utf-8", "surrogateescape"))
        for paths in ([path for path in visible if path in used], visible)
    )


def _numbered(asked: Iterable[tuple[str, str, str]]) -> tuple[list[str], dict[str, dict[str, list[int]]]]:
    """The names that were asked for, each once, and by asking file and kind their places in this list."""
    numbers: dict[str, int] = {}
    found: dict[str, dict[str, list[int]]] = {}
    for at, kind, name in sorted(asked):
        found.setdefault(at, {}).setdefault(kind, []).append(numbers.setdefault(name, len(numbers)))
    return list(numbers), found


def _asked(made: Made, at: str) -> dict[str, list[str]]:
    """The names that were asked for from a file, by kind. Raises Unfit."""
    try:
        kinds = made.asked.get(at, {})
        return {kind: [made.names[number] for number in numbers] for kind, numbers in kinds.items()}
    except IndexError as error:
        raise Unfit from error


def _kept(state: State, paths: Iterable[str]) -> Files:
    files: Files = {}
    for path in sorted(paths):
        folder, _, name = path.rpartition("/")
        files.setdefault(folder, {})[name] = state.digest(path) + state.mark(path)
    return files


def _paths(files: Files) -> Iterator[str]:
    for folder, names in files.items():
        prefix = f"{folder}/" if folder else ""
        for name in names:
            yield prefix + name
