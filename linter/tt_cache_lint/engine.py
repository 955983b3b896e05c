"""From files to facts: the one entry point of the analysis."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tt_cache_lint.globs import matches
from tt_cache_lint.model import FactoryFacts, Place, Problem, Status

if TYPE_CHECKING:
    from tt_cache_lint.factory.find import Finder
    from tt_cache_lint.factory.found import Factory
    from tt_cache_lint.hash.collect import Examiner
    from tt_cache_lint.hash.model import OpFacts
    from tt_cache_lint.interp.interp import Interp
    from tt_cache_lint.source.clang import ClangOracle

Progress = Callable[[int, int, str], None]
RECURSION = 12_000
LOWERED = 700  # functions whose lowered code is kept, most of which only one op calls
GARBAGE = 200_000  # objects made since the last collection, those that are gone again taken off
MOST_USERS = 32  # files that are checked for one shared header or kernel


@dataclass(frozen=True, slots=True)
class Options:
    """How much to look at. `only` restricts to factories whose name ends with it; `exclude` are globs of files.

    `calls` also finds out how Python calls each op, for tests that run it; `inputs` lists what each op's hash covers.
    `compile_commands` is a compile database, or the folder of one: libclang answers what the syntax leaves open.
    """

    paths_budget: int = 64
    steps: int = 0
    seconds_per_factory: float = 20.0
    only: str | None = None
    calls: bool = False
    inputs: bool = False
    exclude: tuple[str, ...] = ()
    compile_commands: Path | None = None


@dataclass(slots=True)
class Analysis:
    """What the engine found out."""

    facts: list[FactoryFacts] = field(default_factory=list)
    operations: list[OpFacts] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    files: int = 0


def analyse(root: Path, paths: Sequence[Path], options: Options, progress: Progress | None = None) -> Analysis:
    """Analyse the factories of files and folders below `root`, and those that given headers belong to.

    `progress` is told before each file how many are done, how many are known of, and its name. Raises OracleError when
    there is a compile database that cannot be used.
    """
    from tt_cache_lint.device import tables  # noqa: F401  (fills the tables)
    from tt_cache_lint.factory.find import Finder
    from tt_cache_lint.hash.collect import Examiner
    from tt_cache_lint.interp.interp import Interp
    from tt_cache_lint.source.files import SourceError, SourceTree
    from tt_cache_lint.source.index import Index

    sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION))
    tree = SourceTree(root)
    interp = Interp(Index(tree))
    oracle = _oracle(interp, root, options.compile_commands)
    finder = Finder(interp)
    examiner = Examiner(finder, options.inputs)
    analysis = Analysis()
    seen: set[str] = set()
    asked: set[str] = set()
    for at, path in enumerate(paths):
        try:
            relative = tree.relative(path)
        except SourceError as error:
            written = Path(os.path.abspath(path))
            name = written.relative_to(root).as_posix() if written.is_relative_to(root) else str(path)
            analysis.problems.append(Problem(name, str(error), unread=True))
            continue
        names = list(tree.walk(relative)) if path.is_dir() else [relative]
        names = [name for name in names if not matches(name, options.exclude)] if options.exclude else names
        asked.update(names)
        total = analysis.files + len(names) + len(paths) - at - 1
        with _tidied():
            for name in names:
                if progress is not None:
                    progress(analysis.files, total, name)
                analysis.files += 1
                _file(finder, examiner, name, not path.is_dir(), seen, analysis, options)
    with _tidied():
        _operations(finder, examiner, analysis, options)
    analysis.operations.extend(notes.facts() for notes in examiner.notes.values())
    analysis.problems.extend(p for name, p in sorted(tree.problems.items()) if name in asked or name in seen)
    if oracle is not None:
        oracle.close()
        analysis.problems.extend(Problem(*problem) for problem in oracle.problems)
    return analysis


def _oracle(interp: Interp, root: Path, commands: Path | None) -> ClangOracle | None:
    """libclang behind the interpreter, where there is a compile database. Raises OracleError when it cannot be had."""
    if commands is None:
        return None
    from tt_cache_lint.interp.told import Told
    from tt_cache_lint.source.clang import ClangOracle

    oracle = ClangOracle.open(commands, root)
    interp.told = Told(interp, oracle)
    return oracle


def _file(
    finder: Finder,
    examiner: Examiner,
    name: str,
    named: bool,
    seen: set[str],
    analysis: Analysis,
    options: Options,
) -> None:
    if name in seen:
        return
    seen.add(name)
    examiner.look(name)
    factories = finder.in_file(name)
    targets = [name]
    if not factories and named:
        targets = [t for t in finder.leading_to(name) if t not in seen]
        if len(targets) > MOST_USERS:
            message = f"{len(targets)} files with factories use it; the {MOST_USERS} nearest were checked"
            analysis.problems.append(Problem(name, f"{message}, check a folder to see the others"))
            targets = targets[:MOST_USERS]
        seen.update(targets)
    for target in targets:
        _syntax(finder, target, analysis)
        for factory in finder.in_file(target) if target != name else factories:
            if options.only is None or factory.name.endswith(options.only):
                analysis.facts.append(_guarded(finder, examiner, factory, options, analysis))
                _tidy(finder.interp)


def _operations(finder: Finder, examiner: Examiner, analysis: Analysis, options: Options) -> None:
    """The hashes of ops whose factories were not met on the way."""
    from tt_cache_lint.hash.operations import PlainReplay
    from tt_cache_lint.hit import FAULTS, Replay
    from tt_cache_lint.infra import INFRAS
    from tt_cache_lint.paths import Budget, Search

    for factory in examiner.pending():
        if options.only is not None and not factory.name.endswith(options.only):
            continue
        budget = Budget(paths=8, seconds=options.seconds_per_factory, worlds=120, steps=60_000, base_worlds=1)
        kind = Replay if factory.infra in INFRAS else PlainReplay
        try:
            exploration = Search(finder.interp, factory, budget, kind).run()
            examiner.examine(factory, exploration, kind)
        except FAULTS as error:
            analysis.problems.append(_fault(factory, error))
        _tidy(finder.interp)


def _syntax(finder: Finder, path: str, analysis: Analysis) -> None:
    """Say it when a syntax error may hide a factory."""
    file = finder.tree.get(path)
    if file is None or b"override_runtime_arguments" not in file.original:
        return
    line = file.first_error()
    if line:
        message = f"syntax error near line {line}; a factory that stands there may be missing or read in part"
        analysis.problems.append(Problem(path, message, line))


def _guarded(
    finder: Finder, examiner: Examiner, factory: Factory, options: Options, analysis: Analysis
) -> FactoryFacts:
    """The facts of a factory. A fault of this tool is told as one, and the others are still checked."""
    from tt_cache_lint.hit import FAULTS

    try:
        return _facts(finder, examiner, factory, options)
    except FAULTS as error:
        problem = _fault(factory, error)
        analysis.problems.append(problem)
        return FactoryFacts(
            factory.name, factory.infra, factory.path, factory.line, status=Status.PARTIAL, reason=problem.message
        )


def _fault(factory: Factory, error: Exception) -> Problem:
    from tt_cache_lint.hit import DEBUG

    if os.environ.get(DEBUG):
        raise error
    message = f"internal error: {type(error).__name__}: {error} ({factory.name}; set {DEBUG}=1 for the traceback)"
    return Problem(factory.path, message, factory.line, fault=True)


def _facts(finder: Finder, examiner: Examiner, factory: Factory, options: Options) -> FactoryFacts:
    from tt_cache_lint.facts import Collector
    from tt_cache_lint.paths import Budget, Search

    if factory.skip:
        place = Place(factory.path, factory.line, 1, factory.create.file.end_line(factory.create.node))
        return FactoryFacts(
            factory.name,
            factory.infra,
            factory.path,
            factory.line,
            create=place,
            status=Status.SKIPPED,
            reason=factory.skip,
        )
    budget = Budget(paths=options.paths_budget, seconds=options.seconds_per_factory)
    if options.steps:
        budget.steps = options.steps
    search = Search(finder.interp, factory, budget)
    exploration = search.run()
    omitted = examiner.examine(factory, exploration)
    varied = examiner.of(factory.op).varied if factory.op is not None else {}
    facts = Collector(finder.interp, factory, exploration, omitted, varied).collect()
    search.release()
    return replace(facts, call=finder.calls.find(factory)) if options.calls else facts


def _tidy(interp: Interp) -> None:
    """Collect what factories left behind, once there is enough of it to be worth a walk over all that is alive."""
    if len(interp.lowered) > LOWERED:
        interp.forget()
        gc.unfreeze()
        gc.collect()
        gc.freeze()
    elif gc.get_count()[0] > GARBAGE:
        gc.collect()
        gc.freeze()


@contextmanager
def _tidied() -> Iterator[None]:
    """Collect garbage between factories only; syntax trees and lowered code stay and need not be looked at again."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if collecting:
            gc.enable()
