"""The command line. Thin: every command imports what it needs when it runs, so that each starts as fast as it can."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tt_cache_lint import __version__
from tt_cache_lint.fault import DEBUG
from tt_cache_lint.report import FORMATS, View
from tt_cache_lint.report.safe import guarded, visible
from tt_cache_lint.shell import FAILED, Failure, emit

if TYPE_CHECKING:
    from tt_cache_lint.engine import Analysis, Options
    from tt_cache_lint.rule import Rule

# As in the model and the configuration, which are not imported for --version and --help; tests hold them together.
FAIL_ON = ("error", "warning", "note", "never")
CONFIDENCE = ("certain", "likely", "possible")
FOUND, INTERRUPTED = 1, 130


class Shell(click.Group):
    """A group whose commands end in a message instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except Exception as error:
            from tt_cache_lint.source.oracle import OracleError

            if isinstance(error, OracleError):
                raise Failure(str(error)) from error
            if os.environ.get(DEBUG):
                raise
            what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise Failure(f"internal error: {what} (set {DEBUG}=1 for the traceback)") from error


ROOT = click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The tree that includes are looked up in and that paths are relative to. "
    "Default: the nearest directory above the first path with ttnn/ or .git in it, else the current one.",
)
COMPILE_COMMANDS = click.option(
    "--compile-commands",
    type=click.Path(path_type=Path, exists=True),
    metavar="DIR",
    help="The folder of a compile_commands.json: libclang then tells types, calls and constants that the syntax leaves "
    "open. Needs the extra `libclang`.",
)
WORDS: dict[str, Any] = {"multiple": True, "metavar": "RULES"}


@click.group(cls=Shell, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tt-cache-lint", message="%(prog)s %(version)s")
def main() -> None:
    """Find what stays stale in a tt-metal program when the program cache hits."""


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@ROOT
@click.option(
    "--format",
    "format_name",
    type=click.Choice(list(FORMATS)),
    default="text",
    help="; ".join(f"{name}: {what}" for name, what in FORMATS.items()) + ". Default: text.",
)
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="[FORMAT=]FILE",
    help="Write the report to FILE; with a format in front, write that one there as well as the report of --format. "
    "Can be repeated.",
)
@click.option("--select", **WORDS, help="Only these rules: ids, names or id prefixes such as TTC3; commas separate.")
@click.option("--ignore", **WORDS, help="Not these rules; wins over --select.")
@click.option(
    "--fail-on",
    type=click.Choice(FAIL_ON),
    help="The mildest finding that makes the exit status 1. Default: error; with --format sarif, never.",
)
@click.option(
    "--confidence",
    type=click.Choice(CONFIDENCE),
    help="The least certain findings that are listed. Default: likely.",
)
@click.option("--show-possible", is_flag=True, help="The same as --confidence possible.")
@click.option(
    "--since",
    metavar="REV",
    help="Only findings whose create, override, header or hash changed since this git revision.",
)
@click.option("--statistics", is_flag=True, help="Count the findings of each rule instead of listing them.")
@click.option(
    "--baseline", type=click.Path(path_type=Path, dir_okay=False), help="Do not report the findings in this file."
)
@click.option("--prune-baseline", is_flag=True, help="Take out of the baseline what is fixed. Nothing is added to it.")
@click.option(
    "--write-baseline",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write all findings of this run to a baseline file, instead of reporting them.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Settings from this file. Default: the root's tt-cache-lint.toml or pyproject.toml.",
)
@click.option("--isolated", is_flag=True, help="Use no configuration file.")
@COMPILE_COMMANDS
@click.option(
    "--no-cache",
    is_flag=True,
    help="Analyse everything anew. Otherwise what earlier runs found in .tt-cache-lint/cache below the root, and what "
    "no change since then can concern, is taken from there.",
)
@click.option(
    "--write-test",
    "tests",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Also write tests to DIR that show the findings on a device: each op runs twice, the second call a hit.",
)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Processes that share the work on many files. Default: 0, one for each processor.",
)
@click.option("-v", "--verbose", is_flag=True, help="List every factory and how far it was analysed.")
@click.pass_context
def check(
    ctx: click.Context,
    paths: tuple[Path, ...],
    root: Path | None,
    format_name: str,
    outputs: tuple[str, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    fail_on: str | None,
    confidence: str | None,
    show_possible: bool,
    since: str | None,
    statistics: bool,
    baseline: Path | None,
    prune_baseline: bool,
    write_baseline: Path | None,
    config: Path | None,
    isolated: bool,
    compile_commands: Path | None,
    no_cache: bool,
    tests: Path | None,
    jobs: int,
    verbose: bool,
) -> None:
    """Check the factories in PATHS, which are files or directories.

    Exit status: 0 when nothing at or above --fail-on was found, 1 when something was, 2 for a usage or internal error
    and when one of PATHS cannot be read, whatever the others hold (they are checked and reported all the same).
    """
    from tt_cache_lint import checking
    from tt_cache_lint.settings import Asked

    reports = checking.Reports.of(format_name, outputs, statistics=statistics, verbose=verbose)
    if write_baseline and (since is not None or baseline or prune_baseline or outputs):
        raise click.UsageError("--write-baseline goes with no other option about baselines, --since or --output")
    asked = Asked(
        root=root,
        config=config,
        isolated=isolated,
        select=_words(select),
        ignore=_words(ignore),
        confidence="possible" if show_possible else confidence or "",
        fail_on=fail_on or "",
        baseline=baseline,
        prune=prune_baseline,
        fresh=write_baseline is not None,
        since=since,
        compile_commands=compile_commands,
        jobs=jobs,
        cache=not no_cache,
    )
    settings, run = checking.checked(default_root(paths[0]), paths, asked, calls=tests is not None)
    unreadable = checking.unreadable(settings, paths, run)
    if write_baseline:
        checking.keep(run, write_baseline, complete=not unreadable)
        return
    reports.deliver(run)
    if tests:
        checking.write_tests(tests, run)
    if unreadable:
        ctx.exit(FAILED)
    lenient = format_name == "sarif" and not fail_on
    ctx.exit(FOUND if not lenient and checking.failing(settings, run) else 0)


@main.command()
@click.argument("target", metavar="FILE[::FACTORY]")
@ROOT
@COMPILE_COMMANDS
def slots(target: str, root: Path | None, compile_commands: Path | None) -> None:
    """Print what the tool believes about the factories in FILE: kernels, circular buffers, slots.

    FACTORY is a name or the end of one, such as Fold::MultiCore.
    """
    from tt_cache_lint.check import readable_inputs

    name, _, factory = (target, "", "") if Path(target).exists() else target.partition("::")
    root = _root(Path(name), root)
    readable, problems = readable_inputs(root, [Path(name)])
    if problems:
        raise Failure(f"{problems[0].path}: {problems[0].message}")

    from tt_cache_lint.engine import Options, analyse
    from tt_cache_lint.report import slots as report

    analysis = analyse(root, readable, Options(only=factory or None, **_database(compile_commands)))
    _warn(analysis, compile_commands)
    if not analysis.facts:
        raise Failure(f"no program factory{f' called {factory}' if factory else ''} in {name}")
    emit(report.render(analysis.facts, View.of(sys.stdout)), sys.stdout)


@main.command("hash")
@click.argument("target", metavar="FILE[::OP]")
@ROOT
@COMPILE_COMMANDS
def hash_(target: str, root: Path | None, compile_commands: Path | None) -> None:
    """Print what the program hash of the ops in FILE covers, and what each input of create() shapes.

    OP is the name of an op's class, or the end of one.
    """
    from tt_cache_lint.check import readable_inputs

    name, _, op = (target, "", "") if Path(target).exists() else target.partition("::")
    root = _root(Path(name), root)
    readable, problems = readable_inputs(root, [Path(name)])
    if problems:
        raise Failure(f"{problems[0].path}: {problems[0].message}")

    from tt_cache_lint.engine import Options, analyse
    from tt_cache_lint.report import hash as report

    analysis = analyse(root, readable, Options(inputs=True, **_database(compile_commands)))
    _warn(analysis, compile_commands)
    found = [o for o in analysis.operations if o.op.endswith(op)]
    if not found:
        raise Failure(f"no op{f' called {op}' if op else ''} in {name}")
    emit(report.render(found, View.of(sys.stdout)), sys.stdout)


@main.command("pytest")
@click.argument("target", metavar="FILE[::FACTORY]")
@ROOT
def pytest_(target: str, root: Path | None) -> None:
    """Print a test that shows the findings in FILE: each op runs twice on a device, the second time on a cache hit.

    FACTORY is a name or the end of one. Findings that are only possible are shown too.
    """
    from tt_cache_lint.check import readable_inputs, run_check
    from tt_cache_lint.report import two_run

    name, _, factory = (target, "", "") if Path(target).exists() else target.partition("::")
    root = _root(Path(name), root)
    problems = readable_inputs(root, [Path(name)])[1]
    if problems:
        raise Failure(f"{problems[0].path}: {problems[0].message}")
    run = run_check(root, [Path(name)], show_possible=True, options=_with_calls(factory or None))
    if not run.factories:
        raise Failure(f"no program factory{f' called {factory}' if factory else ''} in {name}")
    emit(two_run.render(run.factories, run.findings, View.of(sys.stdout)), sys.stdout)


@main.command()
@click.argument("rule")
def explain(rule: str) -> None:
    """Print the documentation page of RULE, an id or a name."""
    found = _rule(rule)
    from tt_cache_lint.report import explain as report

    emit(report.render(found, View.of(sys.stdout)), sys.stdout)


@main.command()
@click.option(
    "--write-docs",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write every rule's page to DIR as markdown, with an index, instead.",
)
def rules(write_docs: Path | None) -> None:
    """List the rules."""
    from tt_cache_lint.rule import load_rules

    known = load_rules()
    if write_docs is not None:
        from tt_cache_lint.report import pages

        try:
            changed = pages.write(write_docs, known)
        except OSError as error:
            raise Failure(f"cannot write to {write_docs}: {error.strerror or error}") from error
        emit("".join(f"{name}\n" for name in changed), sys.stdout)
        return
    wide = max((len(rule.name) for rule in known), default=0)
    lines = [f"{rule.id}  {rule.name:{wide}}  {rule.severity.value:7}  {rule.summary}\n" for rule in known]
    emit("".join(lines), sys.stdout)


def _database(compile_commands: Path | None) -> dict[str, Any]:
    """The engine's option for a compile database."""
    return {} if compile_commands is None else {"compile_commands": compile_commands}


def _warn(analysis: Analysis, compile_commands: Path | None) -> None:
    """Say what a compile database could not tell; the printers show no problems."""
    for problem in analysis.problems if compile_commands is not None else ():
        emit(guarded(visible(f"{problem.path}: {problem.message}")) + "\n", sys.stderr)


def default_root(path: Path) -> Path:
    """The nearest directory at or above `path` that holds a checkout, else the current directory."""
    path = Path(os.path.abspath(path))
    return next((folder for folder in (path, *path.parents) if _is_checkout(folder)), Path.cwd())


def _is_checkout(folder: Path) -> bool:
    if (folder / ".git").exists():
        return True
    inner = folder / "ttnn"
    # tt-metal has ttnn/cpp/ttnn and ttnn/ttnn: a ttnn/ inside a ttnn/ does not make a root.
    whole = (inner / "cpp").is_dir() or (inner / "api").is_dir()
    return inner.is_dir() and (whole or "ttnn" not in folder.parts)


def _root(path: Path, asked: Path | None) -> Path:
    from tt_cache_lint.config import ConfigError
    from tt_cache_lint.settings import rooted

    try:
        return rooted(default_root(path), asked)[0]
    except ConfigError as error:
        raise Failure(str(error)) from error


def _with_calls(only: str | None = None) -> Options:
    """Options that also find out how Python calls each op."""
    from tt_cache_lint.engine import Options

    return Options(only=only, calls=True)


def _words(values: tuple[str, ...]) -> list[str]:
    return [word.strip() for value in values for word in value.split(",")]


def _rule(word: str) -> Rule:
    import difflib

    from tt_cache_lint.rule import load_rules

    by_word = {key: rule for rule in load_rules() for key in (rule.id.lower(), rule.name)}
    if word.lower() not in by_word:
        near = difflib.get_close_matches(word.lower(), by_word, 1)
        hint = f"; did you mean {near[0]}?" if near else "; see `tt-cache-lint rules`"
        raise click.UsageError(f"no rule is called {visible(repr(word))}{hint}")
    return by_word[word.lower()]
