"""From paths to a `Run`: the engine's facts, the rules' findings, what of them is reported, and the source lines."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tt_cache_lint.fault import fault
from tt_cache_lint.globs import matches
from tt_cache_lint.hash.model import OpFacts
from tt_cache_lint.model import Confidence, FactoryFacts, Finding, Place, Problem, Run
from tt_cache_lint.rule import Rule, load_rules, named
from tt_cache_lint.triage import Policy, Scope, judge, of_operation, prepare

if TYPE_CHECKING:
    from tt_cache_lint.engine import Options, Progress

SOURCE_LIMIT = 4_000_000  # bytes; a larger file is reported on without its lines


class UnknownRule(ValueError):
    """A word of --select or --ignore that matches no rule."""


def run_check(
    root: Path,
    paths: Sequence[Path],
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    show_possible: bool = False,
    options: Options | None = None,
    policy: Policy | None = None,
    progress: Progress | None = None,
) -> Run:
    """Analyse the readable ones of `paths`, run the chosen rules and apply the policy; the others become problems.

    Raises UnknownRule for a word of `select` or `ignore` that matches nothing, BaselineError and SinceError for what
    the policy names.
    """
    root = Path(os.path.abspath(root))
    policy = policy or Policy()
    if show_possible:
        policy = replace(policy, confidence=Confidence.POSSIBLE)
    known = load_rules()
    rules = chosen(known, select, ignore)
    started = time.perf_counter()
    given = prepare(root, policy)
    readable, problems = readable_inputs(root, paths)
    analysis = None
    facts: tuple[FactoryFacts, ...] = ()
    operations: tuple[OpFacts, ...] = ()
    if readable:
        from tt_cache_lint import engine

        told = {} if progress is None else {"progress": progress}
        analysis = engine.analyse(root, readable, options or engine.Options(), **told)
        facts = tuple(f for f in analysis.facts if not matches(f.path, policy.exclude))
        operations = tuple(op for op in analysis.operations if not matches(op.path, policy.exclude))
        problems = [*problems, *analysis.problems]
    said, faults = findings_of(rules, facts, operations)
    problems = [*problems, *faults]
    findings = sorted(distinct(said), key=_order)
    examined = [*facts, *(of_operation(op, facts) for op in operations)]
    scope = Scope(root, readable, examined, known, rules, {problem.path for problem in problems})
    verdict = judge(scope, findings, policy, given)
    shown = sorted(verdict.shown, key=_order)
    return Run(
        root=str(root),
        files=analysis.files if analysis is not None else 0,
        factories=facts,
        findings=tuple(shown),
        problems=tuple(problems),
        seconds=time.perf_counter() - started,
        hidden=verdict.hidden,
        silenced=tuple(verdict.silenced),
        unchanged=verdict.unchanged,
        notes=tuple(verdict.notes),
        batches=analysis.batches if analysis is not None else 0,
        cached=analysis.cached if analysis is not None else 0,
        texts=source_lines(root, [*shown, *(silenced.finding for silenced in verdict.silenced)]),
    )


def chosen(rules: Sequence[Rule], select: Sequence[str], ignore: Sequence[str]) -> list[Rule]:
    """The rules that `select` names (all when it is empty) without those that `ignore` names."""
    wanted = _named(rules, select) if select else list(rules)
    unwanted = _named(rules, ignore)
    return [rule for rule in wanted if rule not in unwanted]


def _named(rules: Sequence[Rule], words: Sequence[str]) -> list[Rule]:
    found = []
    for word in words:
        matching = named(rules, word)
        if not matching:
            raise UnknownRule(word)
        found += matching
    return [rule for rule in rules if rule in found]


def findings_of(
    rules: Sequence[Rule], facts: Iterable[FactoryFacts], operations: Iterable[OpFacts] = ()
) -> tuple[list[Finding], list[Problem]]:
    """Everything that the rules say, and the errors in rules, each with the rule and the factory it met."""
    findings: list[Finding] = []
    faults: list[Problem] = []

    def ask(rule: Rule, path: str, name: str, answer: Callable[[], Iterable[Finding]]) -> None:
        try:
            findings.extend(answer())
        except Exception as error:
            faults.append(fault(path, 0, f"rule {rule.id} on {name}", error))

    for one in facts:
        for rule in rules:
            ask(rule, one.path, one.factory, partial(rule.check, one))
    for op in operations:
        for rule in rules:
            ask(rule, op.path, op.op, partial(rule.check_operation, op))
    return findings, faults


def distinct(findings: Iterable[Finding]) -> list[Finding]:
    """One finding for a rule, factory, slot and place: the one that is surest."""
    order = list(Confidence)
    best: dict[tuple[object, ...], Finding] = {}
    for finding in sorted(findings, key=lambda finding: order.index(finding.confidence)):
        best.setdefault((finding.id, finding.factory, finding.slot, finding.place), finding)
    return list(best.values())


def _order(finding: Finding) -> tuple[object, ...]:
    place = finding.place
    return (place.path, place.line, finding.id, place.column, finding.factory, finding.slot)


def readable_inputs(root: Path, paths: Iterable[Path]) -> tuple[list[Path], list[Problem]]:
    """The paths that can be read, below `root`, and what is wrong with the others."""
    readable, problems = [], []
    for path in paths:
        fault = _fault(path)
        below = _below(root, path)
        if fault:
            problems.append(Problem(str(path), fault))
        elif below is None:
            problems.append(Problem(str(path), f"is outside the root {root}; give --root"))
        else:
            readable.append(below)
    return readable, problems


def unread_files(root: Path, paths: Iterable[Path], run: Run) -> bool:
    """Was a file that the caller named not read at all, or did this tool fail? (Unread files below a named folder do
    not count.)"""
    root = Path(os.path.abspath(root))
    below = [_below(root, path) for path in paths]
    named = {path.relative_to(root).as_posix() for path in below if path is not None and not path.is_dir()}
    return any(problem.fault or (problem.unread and problem.path in named) for problem in run.problems)


def _fault(path: Path) -> str:
    try:
        if path.is_dir():
            os.scandir(path).close()
        elif path.is_file():
            path.open("rb").close()
        elif path.exists():
            return "is neither a file nor a directory"
        else:
            return "no such file or directory"
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    except ValueError as error:  # an embedded NUL
        return f"cannot be read: {error}"
    return ""


def _below(root: Path, path: Path) -> Path | None:
    """`path` as an absolute path below `root`, as it is written or with its links resolved."""
    absolute = Path(os.path.abspath(path))
    if absolute.is_relative_to(root):
        return absolute
    real = root.resolve()
    return root / path.resolve().relative_to(real) if path.resolve().is_relative_to(real) else None


def source_lines(root: Path, findings: Iterable[Finding]) -> dict[str, tuple[str, ...]]:
    """The lines of every file that the findings point at; only regular files of a sane size inside the root."""
    texts = {}
    real = root.resolve()
    for path in {place.path for finding in findings for place in _places(finding)}:
        try:
            file = (real / path).resolve()
            if not file.is_relative_to(real) or not file.is_file() or file.stat().st_size > SOURCE_LIMIT:
                continue
            text = file.read_bytes().decode("utf-8", "replace")
        except (OSError, ValueError):
            continue
        # Not splitlines(): the engine counts newlines only, and a form feed or U+2028 is not one.
        texts[path] = tuple(line.removesuffix("\r") for line in text.split("\n"))
    return texts


def _places(finding: Finding) -> Iterable[Place]:
    yield finding.place
    yield from (related.place for related in finding.related)
