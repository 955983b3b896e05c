"""The parts of the `check` command: a run with its settings, and where its reports go."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from tt_cache_lint.check import UnknownRule, readable_inputs, run_check, unread_files
from tt_cache_lint.config import ConfigError
from tt_cache_lint.model import Run, Severity
from tt_cache_lint.report import FORMATS, STATISTICS, View, load_format
from tt_cache_lint.report.safe import visible
from tt_cache_lint.settings import Asked, Settings, settle
from tt_cache_lint.shell import Failure, emit, write


@dataclass(frozen=True, slots=True)
class Reports:
    """What is written where: `format` to `file`, or to standard output without one; and other formats to files."""

    format: str
    file: Path | None = None
    others: tuple[tuple[str, Path], ...] = ()
    statistics: bool = False
    verbose: bool = False

    @classmethod
    def of(cls, name: str, outputs: Sequence[str], *, statistics: bool, verbose: bool) -> Reports:
        """From the options. Raises UsageError."""
        if statistics and name not in ("text", "concise"):
            raise click.UsageError(f"--statistics is a text report; it does not go with --format {name}")
        file, others = _destinations(outputs)
        return cls(name, file, tuple(others), statistics, verbose)

    def deliver(self, run: Run) -> None:
        """Write them all. Raises Failure."""
        view = View(verbose=self.verbose)
        for name, file in self.others:
            write(file, load_format(name).render(run, view))
        main = load_format(STATISTICS if self.statistics else self.format)
        if self.file is not None:
            write(self.file, main.render(run, view))
        else:
            emit(main.render(run, View.of(sys.stdout, verbose=self.verbose)), sys.stdout)


def checked(found: Path, paths: Sequence[Path], asked: Asked, *, calls: bool) -> tuple[Settings, Run]:
    """Settle on settings and run, with a progress bar where one can be seen. What goes wrong becomes a message.

    `found` is the root that the paths suggest; `calls` also finds out how Python calls each op.
    """
    from tt_cache_lint.report.progress import Bar

    try:
        settings = settle(found, asked)
        if asked.prune and settings.policy.baseline is None:
            raise click.UsageError("--prune-baseline needs a baseline: --baseline FILE, or `baseline` in the settings")
        chosen = {**settings.options, "calls": True} if calls else settings.options
        options = None
        if chosen:
            from tt_cache_lint.engine import Options

            options = Options(**chosen)
        with Bar(sys.stderr) as bar:
            run = run_check(
                settings.root,
                paths,
                select=settings.select,
                ignore=settings.ignore,
                options=options,
                policy=settings.policy,
                progress=bar if sys.stderr.isatty() else None,
            )
    except UnknownRule as unknown:
        raise click.UsageError(f"no rule is called {visible(repr(str(unknown)))}; see `tt-cache-lint rules`") from None
    except ConfigError as error:
        raise Failure(str(error)) from error
    return settings, replace(run, config=settings.config)


def _destinations(outputs: Sequence[str]) -> tuple[Path | None, list[tuple[str, Path]]]:
    """The file of --format's report, if it does not go to standard output, and the files of other formats."""
    main_file, others = None, []
    for output in outputs:
        name, equals, file = output.partition("=")
        if equals and name in FORMATS:
            if not file:
                raise click.UsageError(f"--output {name}= lacks the file")
            others.append((name, Path(file)))
        elif main_file is not None:
            raise click.UsageError("--output FILE is given twice; put a format in front of one: --output sarif=FILE")
        else:
            main_file = Path(output)
    return main_file, others


def unreadable(settings: Settings, paths: Sequence[Path], run: Run) -> bool:
    """Was something that was asked for not read?"""
    return bool(readable_inputs(settings.root, paths)[1]) or unread_files(settings.root, paths, run)


def failing(settings: Settings, run: Run) -> bool:
    """Is there a finding at or above the failing severity?"""
    if settings.fail_on == "never":
        return False
    limit = Severity(settings.fail_on)
    return any(finding.severity.at_least(limit) for finding in run.findings)


def keep(run: Run, file: Path, *, complete: bool) -> None:
    """Write a baseline of what was found. Raises Failure, also when not everything could be read."""
    from tt_cache_lint import baseline

    if not complete:
        problem = next((problem for problem in run.problems if problem.unread), *run.problems[:1])
        raise Failure(f"the baseline was not written, because of {problem.path}: {problem.message}")
    try:
        baseline.write(file, baseline.entries(run.findings))
    except ConfigError as error:
        raise Failure(str(error)) from error
    count = len(run.findings)
    emit(f"{count} finding{'' if count == 1 else 's'} written to {visible(str(file))}\n", sys.stdout)


def write_tests(folder: Path, run: Run) -> None:
    """Write the two-run tests of a run; a file that is there already is never touched."""
    from tt_cache_lint.report import two_run

    for name, text in two_run.files(run.factories, run.findings).items():
        path = folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except FileExistsError:
            raise Failure(f"{path} is there already; it was not overwritten") from None
        except OSError as error:
            raise Failure(f"cannot write {path}: {error.strerror or error}") from error
        click.echo(f"wrote {visible(str(path))}", err=True)
