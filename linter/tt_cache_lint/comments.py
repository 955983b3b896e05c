"""`// tt-cache-lint: ignore[rule] reason`: findings that somebody has looked at and accepts.

A comment counts for what is on its own line or, when it stands alone, on the next line of code, and for a finding with
any of its places there. Comments are those of the syntax tree: the same text in a string, or in the body of a macro, is
not one. What is wrong with a comment, and what it no longer suppresses, is said by two rules of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tt_cache_lint.model import FactoryFacts, Finding, Place, Severity
from tt_cache_lint.rule import Rule, named

if TYPE_CHECKING:
    from tree_sitter import Node

    from tt_cache_lint.source.files import SourceTree

MARK = "tt-cache-lint"
FORM = "`tt-cache-lint: ignore[RULE] reason`"
WORDS = ("ignore", "disable", "suppress", "noqa", "nolint")  # what shows that a comment is meant for us
MOST_BYTES = 2_000_000  # of a file; the engine reads no larger one either
MOST_COMMENTS = 10_000  # of one file


class CommentRule(Rule):
    """Base of the rules about comments: what they say does not come from a factory's facts."""

    id = name = invariant = summary = ""
    severity = Severity.WARNING

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        return ()


class UnusedIgnore(CommentRule):
    """
    ## What it does
    Finds `// tt-cache-lint: ignore[rule] reason` comments that no longer suppress a finding.

    ## Why is this bad
    The code it excused has been fixed or has moved away. Left where it is, the comment misleads its reader, and it
    silences the next finding that happens to appear on that line.

    ## Example
    ```cpp
    // tt-cache-lint: ignore[stale-scalar] the kernel never reads it
    reader_args[0] = tensor_args.input.buffer()->address();
    ```

    ## Use instead
    ```cpp
    reader_args[0] = tensor_args.input.buffer()->address();
    ```

    ## Known problems
    A comment is judged only where everything that it could be about was analysed: not for rules that were left out, and
    not near a factory of which only a part could be analysed.
    """

    id = "TTC001"
    name = "unused-ignore"
    invariant = "I0"
    summary = "An ignore comment that suppresses nothing"


class MalformedIgnore(CommentRule):
    """
    ## What it does
    Finds comments that address tt-cache-lint and cannot be used: no reason, no rule, a rule that does not exist, or
    another word than `ignore`.

    ## Why is this bad
    The comment has no effect, although whoever wrote it believes that it has. A reason is required because the next
    reader has to be able to judge whether it still holds.

    ## Example
    ```cpp
    reader_args[1] = mask_addr;  // tt-cache-lint: ignore[stale-buffer-address]
    ```

    ## Use instead
    ```cpp
    reader_args[1] = mask_addr;  // tt-cache-lint: ignore[stale-buffer-address] the mask is a constant of the model
    ```

    ## Known problems
    None.
    """

    id = "TTC002"
    name = "malformed-ignore"
    invariant = "I0"
    summary = "An ignore comment without a reason, a rule, or the right form"


@dataclass(frozen=True, slots=True)
class Ignore:
    """One comment. `target` is the line it is about; `fault` says why it, or a part of it, has no effect."""

    place: Place
    target: int
    words: tuple[str, ...] = ()
    rules: frozenset[str] = frozenset()  # their ids
    reason: str = ""
    fault: str = ""
    slot: str = ""  # its text in brackets, which tells several comments of a file apart


class Ignores:
    """The comments of some files, and which of them were of use."""

    def __init__(self, root: Path, paths: Iterable[str], rules: Sequence[Rule]) -> None:
        from tt_cache_lint.source.files import SourceTree

        tree = SourceTree(root)
        self.rules = rules
        mentioned = [path for path in sorted(set(paths)) if _mentioned(root / path)]
        self.all = [ignore for path in mentioned for ignore in _read(tree, path, rules)]
        self._at: dict[tuple[str, int], list[Ignore]] = {}
        self._used: set[tuple[Ignore, str]] = set()
        for ignore in self.all:
            self._at.setdefault((ignore.place.path, ignore.target), []).append(ignore)

    def of(self, finding: Finding) -> Ignore | None:
        """The comment that suppresses a finding, if any; all that would do are noted as used."""
        first = None
        for place in (finding.place, *(related.place for related in finding.related)):
            for ignore in self._at.get((place.path, place.line), ()):
                if finding.id in ignore.rules:
                    self._used.add((ignore, finding.id))
                    first = first or ignore
        return first

    def malformed(self) -> Iterator[Finding]:
        """What is wrong with the comments."""
        for ignore in self.all:
            if ignore.fault:
                what = "A part of this comment" if ignore.rules else "This comment"
                end = "" if ignore.fault.endswith("?") else "."
                yield _finding(MalformedIgnore(), ignore, f"{what} has no effect: {ignore.fault}{end}")

    def unused(self, judged: Iterable[str], chosen: Iterable[Rule]) -> Iterator[Finding]:
        """The comments in the files `judged` that suppress nothing, by the rules that ran."""
        files, ran = set(judged), {rule.id for rule in chosen}
        for ignore in self.all:
            if ignore.place.path not in files:
                continue
            idle = [word for word in ignore.words if self._is_idle(ignore, word, ran)]
            if idle:
                said = f"`ignore[{', '.join(idle)}]` suppresses nothing here any more."
                yield _finding(UnusedIgnore(), ignore, said)

    def _is_idle(self, ignore: Ignore, word: str, ran: set[str]) -> bool:
        ids = {rule.id for rule in named(self.rules, word)}
        if not ids or not ids & ignore.rules or not ids <= ran:
            return False
        return not any((ignore, one) in self._used for one in ids)


def _finding(rule: Rule, ignore: Ignore, message: str) -> Finding:
    return rule.finding(FactoryFacts("", "", ignore.place.path, 0), message, ignore.place, slot=ignore.slot)


def _mentioned(file: Path) -> bool:
    """Does a file hold our name at all? Few do, and the others need no more than this look."""
    try:
        return file.is_file() and file.stat().st_size <= MOST_BYTES and MARK.encode() in file.read_bytes()
    except (OSError, ValueError):
        return False


def _read(tree: SourceTree, path: str, rules: Sequence[Rule]) -> Iterator[Ignore]:
    from tt_cache_lint.source.files import SourceError, parser

    file = tree.get(path)
    if file is None:
        return
    text = file.original
    try:
        root = parser().parse(text).root_node
    except SourceError:
        return  # the engine has said so about every file
    seen: set[int] = set()
    at = text.find(MARK.encode())
    while at >= 0 and len(seen) < MOST_COMMENTS:
        node = root.descendant_for_byte_range(at, at + len(MARK))
        if node is not None and node.type == "comment" and node.start_byte not in seen:
            seen.add(node.start_byte)
            yield from _ignores(node, root, text, path, rules)
        at = text.find(MARK.encode(), at + 1)


def _ignores(node: Node, root: Node, text: bytes, path: str, rules: Sequence[Rule]) -> Iterator[Ignore]:
    words = text[node.start_byte : node.end_byte].decode("utf-8", "replace")
    line, column = node.start_point[0] + 1, node.start_point[1] + 1
    target = _target(node, root, text)
    for part in words.removeprefix("/*").removesuffix("*/").split("//"):
        said = " ".join(part.strip("*/! \t\r\n").split())
        if said.lower().startswith(MARK):
            ignore = _parse(said[len(MARK) :].strip(), Place(path, line, column), target, rules)
            if ignore is not None:
                yield ignore


def _target(node: Node, root: Node, text: bytes) -> int:
    """The line that a comment is about: its own, or that of the code that follows when it stands alone."""
    if text[text.rfind(b"\n", 0, node.start_byte) + 1 : node.start_byte].strip():
        return int(node.start_point[0]) + 1
    while True:
        start = text.find(b"\n", node.end_byte) + 1
        end = text.find(b"\n", start)
        following = text[start : end if end >= 0 else len(text)] if start else b""
        first = start + len(following) - len(following.lstrip())
        after = root.descendant_for_byte_range(first, first + 1) if following.strip() else None
        if after is None or after.type != "comment" or after.start_byte != first:
            return int(node.end_point[0]) + 2
        node = after


def _parse(said: str, place: Place, target: int, rules: Sequence[Rule]) -> Ignore | None:
    """What follows our name in a comment; None when it is only a sentence about us."""
    colon, said = said.startswith(":"), said.removeprefix(":").strip()
    if not colon and not said.lower().startswith(WORDS):
        return None
    slot = said[:60]
    if not colon:
        return Ignore(place, target, fault=f"a colon is missing; write {FORM}", slot=slot)
    if not said.lower().startswith("ignore"):
        return Ignore(place, target, fault=f"only {FORM} is understood", slot=slot)
    inside, closed, reason = said[len("ignore") :].strip().removeprefix("[").partition("]")
    if not said[len("ignore") :].strip().startswith("[") or not closed or not inside.strip():
        return Ignore(place, target, fault=f"it does not name a rule; write {FORM}", slot=slot)
    words = tuple(word.strip() for word in inside.split(","))
    slot = f"ignore[{', '.join(words)}]"[:200]
    reason = reason.strip(" :-\u2013\u2014")
    if not any(char.isalpha() for char in reason):
        return Ignore(place, target, fault=f"it gives no reason; write {FORM}", slot=slot)
    unknown = [word for word in words if not named(rules, word)]
    known = frozenset(rule.id for word in words for rule in named(rules, word) if not isinstance(rule, CommentRule))
    fault = f"no rule is called {unknown[0]!r}{_near(unknown[0], rules)}" if unknown else ""
    if not unknown and not known:
        fault = "rules about comments cannot be ignored in comments"
    return Ignore(place, target, words, known, reason, fault, slot)


def _near(word: str, rules: Sequence[Rule]) -> str:
    from tt_cache_lint.config import nearest

    return nearest(word, [key for rule in rules for key in (rule.name, rule.id)], "; see `tt-cache-lint rules`")
