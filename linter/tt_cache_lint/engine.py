"""From files to facts: the one entry point of the analysis."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tt_cache_lint.fault import fault
from tt_cache_lint.globs import matches
from tt_cache_lint.model import FactoryFacts, Place, Problem, Status

if TYPE_CHECKING:
    from tt_cache_lint.factory.find import Finder
    from tt_cache_lint.factory.found import Factory
    from tt_cache_lint.hash.collect import Examiner
    from tt_cache_lint.hash.model import OpFacts
    from tt_cache_lint.interp.interp import Interp
    from tt_cache_lint.source.clang import ClangOracle
    from tt_cache_lint.source.files import SourceTree

Progress = Callable[[int, int, str], None]
Batch = dict[str, bool]  # files of one op, each with whether it was named itself
RECURSION = 12_000
LOWERED = 700  # functions whose lowered code is kept, most of which only one op calls
GARBAGE = 800_000  # objects made since the last collection, those that are gone again taken off
WORTHWHILE = 40  # files; for fewer, processes take longer to begin than they save
MOST_USERS = 32  # files that are checked for one shared header or kernel


@dataclass(frozen=True, slots=True)
class Options:
    """How much to look at. `only` restricts to factories whose name ends with it; `exclude` are globs of files.

    `calls` also finds out how Python calls each op, for tests that run it; `inputs` lists what each op's hash covers.
    `compile_commands` is a compile database, or the folder of one: libclang answers what the syntax leaves open.
    `jobs` processes share the work when there is enough of it; with a compile database it is one. `cache` keeps what is
    found out below the root, and does not find it out again while nothing changes; not with a compile database, `calls`
    or `inputs`.
    """

    paths_budget: int = 64
    steps: int = 0
    seconds_per_factory: float = 20.0
    only: str | None = None
    calls: bool = False
    inputs: bool = False
    exclude: tuple[str, ...] = ()
    compile_commands: Path | None = None
    jobs: int = 1
    cache: bool = False

    @property
    def cached(self) -> bool:
        """Is `cache` to be followed?"""
        return self.cache and not self.calls and not self.inputs and self.compile_commands is None


@dataclass(slots=True)
class Analysis:
    """What the engine found out. It may be kept for later runs when it is `lasting`: the same on any machine."""

    facts: list[FactoryFacts] = field(default_factory=list)
    operations: list[OpFacts] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    files: int = 0
    batches: int = 0
    cached: int = 0  # batches of which an earlier run knew it all
    lasting: bool = True

    def add(self, other: Analysis) -> None:
        """Take in what was found out about other files."""
        self.facts += other.facts
        self.operations += [op for op in other.operations if op not in self.operations]
        self.problems += [problem for problem in other.problems if problem not in self.problems]
        self.files += other.files
        self.batches += other.batches
        self.cached += other.cached


def analyse(root: Path, paths: Sequence[Path], options: Options, progress: Progress | None = None) -> Analysis:
    """Analyse the factories of files and folders below `root`, and those that given headers belong to.

    `progress` is told how many files are done, how many there are, and the name of one of them. Raises OracleError when
    there is a compile database that cannot be used.
    """
    given, problems = _inputs(root, paths, options)
    batches = list(batched(given).values())
    known = _known(root, batches, options)
    left = [batch for at, batch in enumerate(batches) if at not in known]
    count = sum(map(len, left))
    ahead = _Ahead(progress, len(given) - count, len(given)) if progress is not None else None
    if options.jobs > 1 and count >= WORTHWHILE and len(left) > 1 and options.compile_commands is None:
        from tt_cache_lint import parallel

        made = iter(parallel.analyse(root, left, options, ahead))
    elif left or options.compile_commands is not None:
        made = _one_by_one(root, left, options, ahead)
    else:
        made = iter(())
    analysis = Analysis()
    for at in range(len(batches)):
        analysis.add(known[at] if at in known else next(made))
    for rest in made:
        analysis.add(rest)
    analysis.problems[:0] = problems
    analysis.facts = _in_order(analysis.facts, given)
    return analysis


def _one_by_one(root: Path, batches: Sequence[Batch], options: Options, progress: _Ahead | None) -> Iterator[Analysis]:
    """The batches' analyses, and last what is wrong with the compile database."""
    worker = Worker(root, options)
    with _tidied():
        for batch in batches:
            yield worker.analyse(batch, progress)
            if progress is not None:
                progress.before += len(batch)
    yield Analysis(problems=worker.close())


def _known(root: Path, batches: Sequence[Batch], options: Options) -> dict[int, Analysis]:
    """What earlier runs found out about the batches and what holds still."""
    known: dict[int, Analysis] = {}
    if options.cached:
        from tt_cache_lint.cache.state import State
        from tt_cache_lint.cache.store import Store
        from tt_cache_lint.source.files import SourceTree

        store, state = Store(root, options), State(SourceTree(root))
        for at, batch in enumerate(batches):
            answer = store.find(batch, state)
            if answer is not None:
                known[at] = Analysis(answer.facts, answer.operations, answer.problems, answer.files, 1, 1)
        if len(known) < len(batches):
            store.tidy()
    return known


def _inputs(root: Path, paths: Sequence[Path], options: Options) -> tuple[dict[str, bool], list[Problem]]:
    """The files to look at, in order, each with whether it was named itself; and what is wrong with other paths."""
    from tt_cache_lint.source.files import SourceError, SourceTree

    tree = SourceTree(root)
    given: dict[str, bool] = {}
    problems = []
    for path in paths:
        try:
            relative = tree.relative(path)
        except SourceError as error:
            written = Path(os.path.abspath(path))
            name = written.relative_to(root).as_posix() if written.is_relative_to(root) else str(path)
            problems.append(Problem(name, str(error), unread=True))
            continue
        named = not path.is_dir()
        for name in [relative] if named else tree.walk(relative):
            if not options.exclude or not matches(name, options.exclude):
                given[name] = given.get(name, False) or named
    return given, problems


def batched(given: Mapping[str, bool]) -> dict[str, Batch]:
    """The files by the folder of their op: what is found out about an op is put together from all of these."""
    from tt_cache_lint.factory.users import op_folder

    batches: dict[str, Batch] = {}
    for name, named in given.items():
        batches.setdefault(op_folder(name), {})[name] = named
    return batches


def _in_order(facts: list[FactoryFacts], given: Mapping[str, bool]) -> list[FactoryFacts]:
    """Each factory once, in the order of the files asked for; those that a header led to follow."""
    once: dict[tuple[str, str, int], FactoryFacts] = {}
    for one in facts:
        once.setdefault((one.path, one.factory, one.line), one)
    order = {name: at for at, name in enumerate(given)}
    return sorted(once.values(), key=lambda one: order.get(one.path, len(order)))


class _Ahead:
    """Progress of a batch, told as that of the run."""

    def __init__(self, progress: Progress, before: int, total: int) -> None:
        self.progress, self.before, self.total = progress, before, total

    def __call__(self, done: int, total: int, name: str) -> None:
        self.progress(self.before + done, self.total, name)


class Worker:
    """Analyses batches of files of one tree. Raises OracleError when its compile database cannot be used."""

    def __init__(self, root: Path, options: Options) -> None:
        from tt_cache_lint.device import tables  # noqa: F401  (fills the tables)
        from tt_cache_lint.factory.find import Finder
        from tt_cache_lint.interp.interp import Interp
        from tt_cache_lint.source.files import SourceTree
        from tt_cache_lint.source.index import Index

        sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION))
        self.options = options
        self.tree = SourceTree(root)
        interp = Interp(Index(self.tree))
        self.oracle = _oracle(interp, root, options.compile_commands)
        self.finder = Finder(interp)
        self.keeper = _keeper(root, self.tree, options)

    def analyse(self, batch: Batch, progress: Progress | None = None) -> Analysis:
        """The facts of the factories of some files. Collects garbage itself, now and then.

        What they are does not depend on the batches before: of these, only what a file holds is remembered.
        """
        from tt_cache_lint.hash.collect import Examiner

        if self.oracle is None:
            self.finder = self.finder.again()
        analysis = Analysis(batches=1)
        examiner = Examiner(self.finder, self.options.inputs)
        seen: set[str] = set()
        for name, named in batch.items():
            if progress is not None:
                progress(analysis.files, len(batch), name)
            analysis.files += 1
            with _told(analysis, name, 0, "finding its factories"):
                _file(self.finder, examiner, name, named, seen, analysis, self.options)
        with _told(analysis, next(iter(batch)), 0, "finding its hashes"):
            _operations(self.finder, examiner, analysis, self.options)
        analysis.operations.extend(notes.facts() for notes in examiner.notes.values())
        problems = self.tree.problems
        analysis.problems.extend(problems[name] for name in sorted({*batch, *seen} & problems.keys()))
        if self.keeper is not None and analysis.lasting:
            self.keeper(batch, analysis)
        return analysis

    def close(self) -> list[Problem]:
        """Let go of the compile database; what was wrong with it."""
        if self.oracle is None:
            return []
        self.oracle.close()
        return [Problem(*problem) for problem in self.oracle.problems]


def _keeper(root: Path, tree: SourceTree, options: Options) -> Callable[[Batch, Analysis], None] | None:
    """Keeps the analyses of batches for later runs, if that is asked for."""
    if not options.cached:
        return None
    from tt_cache_lint.cache.entry import Answer
    from tt_cache_lint.cache.state import State
    from tt_cache_lint.cache.store import Store

    store, state = Store(root, options), State(tree)

    def keep(batch: Batch, one: Analysis) -> None:
        store.keep(batch, Answer(one.facts, one.operations, one.problems, one.files), state)

    return keep


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
    from tt_cache_lint.hit import Replay
    from tt_cache_lint.infra import INFRAS
    from tt_cache_lint.search.exploration import Budget
    from tt_cache_lint.search.flips import Search

    for factory in examiner.pending():
        if options.only is not None and not factory.name.endswith(options.only):
            continue
        budget = Budget(paths=8, seconds=options.seconds_per_factory, worlds=120, steps=60_000, base_worlds=1)
        kind = Replay if factory.infra in INFRAS else PlainReplay
        started = time.process_time()
        with _told(analysis, factory.path, factory.line, factory.name):
            exploration = Search(finder.interp, factory, budget, kind).run()
            examiner.examine(factory, exploration, kind)
            exploration.release()
        _timed(started, analysis, options)
        _tidy(finder.interp)


def _syntax(finder: Finder, path: str, analysis: Analysis) -> None:
    """Say it when a syntax error may hide a factory."""
    file = finder.tree.get(path)
    if file is None or not any(name in file.original for name in (b"override_runtime_arguments", b"create_descriptor")):
        return
    line = file.first_error()
    if line:
        message = f"syntax error near line {line}; a factory that stands there may be missing or read in part"
        analysis.problems.append(Problem(path, message, line))


def _guarded(
    finder: Finder, examiner: Examiner, factory: Factory, options: Options, analysis: Analysis
) -> FactoryFacts:
    """The facts of a factory. A fault of this tool is told as one, and the others are still checked."""
    started = time.process_time()
    facts = None
    with _told(analysis, factory.path, factory.line, factory.name):
        facts = _facts(finder, examiner, factory, options)
    _timed(started, analysis, options)
    if facts is None:
        reason = analysis.problems[-1].message
        facts = FactoryFacts(
            factory.name, factory.infra, factory.path, factory.line, status=Status.PARTIAL, reason=reason
        )
    return facts


@contextmanager
def _told(analysis: Analysis, path: str, line: int, what: str) -> Iterator[None]:
    """An error of this tool ends what is done in here only, and what was found is not kept for later runs."""
    try:
        yield
    except Exception as error:
        analysis.problems.append(fault(path, line, what, error))
        analysis.lasting = False


def _timed(started: float, analysis: Analysis, options: Options) -> None:
    """Was there enough time that none of the time limits can have been reached? A faster machine would go on."""
    from tt_cache_lint.hash.calls import SECONDS

    if time.process_time() - started >= min(SECONDS, options.seconds_per_factory):
        analysis.lasting = False


def _facts(finder: Finder, examiner: Examiner, factory: Factory, options: Options) -> FactoryFacts:
    from tt_cache_lint.facts import Collector, uncalled_override
    from tt_cache_lint.search.exploration import Budget
    from tt_cache_lint.search.flips import Search

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
            uncalled=uncalled_override(factory),
        )
    budget = Budget(paths=options.paths_budget, seconds=options.seconds_per_factory)
    if options.steps:
        budget.steps = options.steps
    exploration = Search(finder.interp, factory, budget).run()
    omitted = examiner.examine(factory, exploration)
    varied = examiner.of(factory.op).varied if factory.op is not None else {}
    facts = Collector(finder.interp, factory, exploration, omitted, varied).collect()
    exploration.release()
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
