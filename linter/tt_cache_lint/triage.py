"""From everything the rules say to what is reported: severities, comments, the baseline, confidence, changed code."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tt_cache_lint.globs import matches
from tt_cache_lint.model import Confidence, FactoryFacts, Finding, Severity, Silenced, Status
from tt_cache_lint.rule import Rule

if TYPE_CHECKING:
    from tt_cache_lint.baseline import Entry
    from tt_cache_lint.hash.model import OpFacts
    from tt_cache_lint.since import Changes

SUFFIXES = (".cpp", ".hpp", ".h", ".cc", ".cxx", ".hxx", ".inl")


@dataclass(frozen=True, slots=True)
class Policy:
    """What a project wants to hear about. Rules are given by id, globs and paths relative to the root."""

    severity: Mapping[str, Severity] = field(default_factory=dict)
    per_file_ignores: Mapping[str, frozenset[str]] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    confidence: Confidence = Confidence.LIKELY
    baseline: Path | None = None
    prune: bool = False
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """What a policy refers to: the baseline's entries, and what changed (None when that does not matter)."""

    known: Sequence[Entry] = ()
    changed: Changes | None = None


@dataclass(slots=True)
class Verdict:
    """What came of the findings."""

    shown: list[Finding]
    silenced: list[Silenced] = field(default_factory=list)
    hidden: int = 0
    unchanged: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Scope:
    """What a run looked at: `chosen` of `rules`, on `factories`, in what was asked for below `root`.

    `faulty` are the files of which something could not be read.
    """

    root: Path
    asked: Sequence[Path]
    factories: Sequence[FactoryFacts]
    rules: Sequence[Rule]
    chosen: Sequence[Rule]
    faulty: Collection[str] = ()

    @cached_property
    def folders(self) -> tuple[str, ...]:
        """The root-relative folders that were asked for as a whole."""
        return tuple(_relative(self.root, path) for path in self.asked if path.is_dir())

    @cached_property
    def files(self) -> frozenset[str]:
        """The root-relative files that were asked for by name."""
        return frozenset(_relative(self.root, path) for path in self.asked if not path.is_dir())

    def whole(self, path: str) -> bool:
        """Was everything around a file, too, asked for?"""
        return any(folder == "" or path.startswith(folder + "/") for folder in self.folders)

    def covers(self, path: str) -> bool:
        """Was a file asked for, by its name or with a folder?"""
        return path in self.files or self.whole(path)


def of_operation(op: OpFacts, factories: Iterable[FactoryFacts]) -> FactoryFacts:
    """An op's hash in the form of a factory: findings name the op, and rest on all of its factories."""
    folder = op.path.rpartition("/")[0]
    named = [facts for facts in factories if facts.factory in op.factories]
    own = [facts for facts in named if facts.path.startswith(f"{folder}/" if folder else "")] or named
    places = [place for facts in own for place in (facts.create, facts.override_body, *facts.declared)]
    declared = tuple(place for place in (op.hash_at, *places) if place is not None)
    whole = not op.unclear and all(facts.status is Status.ANALYSED for facts in own)
    status = Status.ANALYSED if whole else Status.PARTIAL
    return FactoryFacts(op.op, "hash", op.path, op.line, declared=declared, status=status)


def prepare(root: Path, policy: Policy) -> Given:
    """What a policy refers to, read before the long part of a run. Raises BaselineError and SinceError."""
    known: Sequence[Entry] = ()
    changed = None
    if policy.baseline is not None:
        from tt_cache_lint import baseline

        known = baseline.read(policy.baseline)
    if policy.since is not None:
        from tt_cache_lint import since

        changed = since.changes(root, policy.since)
    return Given(known, changed)


def judge(scope: Scope, found: Iterable[Finding], policy: Policy, given: Given) -> Verdict:
    """Apply a policy. Raises BaselineError when the baseline was to be pruned and cannot be written."""
    findings = [_weighed(finding, policy) for finding in found if not _ignored(finding, policy)]
    findings, silenced = _commented(scope, findings, policy)
    verdict = Verdict([], silenced)
    if policy.baseline is not None:
        findings = _compared(scope, findings, policy, given, verdict)
    order = list(Confidence)
    sure = [f for f in findings if order.index(f.confidence) <= order.index(policy.confidence)]
    verdict.hidden = len(findings) - len(sure)
    verdict.shown = sure if given.changed is None else given.changed.concerning(sure, scope.factories)
    verdict.unchanged = len(sure) - len(verdict.shown)
    return verdict


def _weighed(finding: Finding, policy: Policy) -> Finding:
    severity = policy.severity.get(finding.id)
    return finding if severity is None else replace(finding, severity=severity)


def _ignored(finding: Finding, policy: Policy) -> bool:
    path = finding.place.path
    return any(finding.id in ids and matches(path, [glob]) for glob, ids in policy.per_file_ignores.items()) or matches(
        path, policy.exclude
    )


def _commented(scope: Scope, findings: Sequence[Finding], policy: Policy) -> tuple[list[Finding], list[Silenced]]:
    """The findings that no comment suppresses, with those about the comments themselves; and the suppressed ones."""
    from tt_cache_lint.comments import Ignores, MalformedIgnore, UnusedIgnore

    files = {place.path for f in findings for place in (f.place, *(related.place for related in f.related))}
    beside = _beside(scope)
    ignores = Ignores(scope.root, [path for path in files | beside if not matches(path, policy.exclude)], scope.rules)
    kept, silenced = [], []
    for finding in findings:
        ignore = ignores.of(finding)
        if ignore is None:
            kept.append(finding)
        else:
            silenced.append(Silenced(finding, ignore.reason, ignore.place))
    own = [*ignores.malformed(), *ignores.unused(_judged(scope, beside), _running(scope, policy))]
    wanted = {rule.id for rule in scope.chosen if isinstance(rule, (MalformedIgnore, UnusedIgnore))}
    kept += [_weighed(f, policy) for f in own if f.id in wanted and not _ignored(f, policy)]
    return kept, silenced


def _running(scope: Scope, policy: Policy) -> list[Rule]:
    """The rules whose silence means something: those chosen, and ignored in no file."""
    off = frozenset().union(*policy.per_file_ignores.values())
    return [rule for rule in scope.chosen if rule.id not in off]


def _beside(scope: Scope) -> set[str]:
    """The files that were asked for by name, those with factories, and the C++ files beside them in whole folders."""
    found = {*scope.files, *(facts.path for facts in scope.factories)}
    for folder in {path.rpartition("/")[0] for path in found if scope.whole(path)}:
        prefix = f"{folder}/" if folder else ""
        try:
            with os.scandir(scope.root / folder) as entries:
                found.update(prefix + entry.name for entry in entries if entry.name.endswith(SUFFIXES))
        except OSError:
            continue
    return found


def _judged(scope: Scope, files: Iterable[str]) -> Iterable[str]:
    """The files where a comment that suppresses nothing is of no use: all that it could be about was analysed.

    A file that has factories was analysed with them; another one only when its whole folder was.
    """
    complete: dict[str, bool] = {}
    for facts in scope.factories:
        folder = facts.path.rpartition("/")[0]
        complete[folder] = complete.get(folder, True) and facts.status is Status.ANALYSED
    with_factories = {facts.path for facts in scope.factories}
    for path in files:
        alone = path not in with_factories and not scope.whole(path)
        if complete.get(path.rpartition("/")[0], False) and not alone and path not in scope.faulty:
            yield path


def _compared(
    scope: Scope, findings: Sequence[Finding], policy: Policy, given: Given, verdict: Verdict
) -> list[Finding]:
    """The findings that the baseline does not know; what it knows and what is fixed goes into the verdict."""
    from tt_cache_lint import baseline

    path = policy.baseline
    assert path is not None
    known = given.known
    new, old = baseline.split(findings, known)
    verdict.silenced += [Silenced(finding, f"in the baseline {path.name}") for finding in old]
    gone = baseline.fixed(findings, known, _can_judge(scope, policy))
    count = sum(entry.count for entry in gone)
    if gone and policy.prune:
        baseline.write(path, baseline.without(known, gone))
        verdict.notes.append(f"{count} fixed, taken out of the baseline {path.name}")
    elif gone:
        verdict.notes.append(f"{count} in the baseline {path.name} fixed; --prune-baseline takes them out")
    return new


def _can_judge(scope: Scope, policy: Policy) -> Callable[[Entry], bool]:
    """Would this run have found what a baseline entry stands for, if it were still there?"""
    ran = {rule.name for rule in _running(scope, policy)}
    by_name: dict[str, list[FactoryFacts]] = {}
    for facts in scope.factories:
        by_name.setdefault(facts.factory, []).append(facts)

    def judged(entry: Entry) -> bool:
        if entry.rule not in ran or entry.path in scope.faulty:
            return False
        folder = entry.path.rpartition("/")[0]
        same = by_name.get(entry.factory, [])
        if any(facts.status is not Status.ANALYSED for facts in same):
            return False
        # Without a factory of that name it is gone, or it was not looked at.
        return scope.covers(entry.path) or any(facts.path.rpartition("/")[0] == folder for facts in same)

    return judged


def _relative(root: Path, path: Path) -> str:
    relative = Path(os.path.relpath(path, root)).as_posix()
    return "" if relative == "." else relative
