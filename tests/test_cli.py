"""The command line, with an engine that says what the test wants."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from report_samples import FACTORY, NARROW, ORDER, PATH, SOURCE, STALE
from tt_cache_lint import __version__, check
from tt_cache_lint.cli import default_root, main
from tt_cache_lint.config import FAIL_ON
from tt_cache_lint.hash.model import OpFacts
from tt_cache_lint.model import Confidence, FactoryFacts, Finding, Problem
from tt_cache_lint.rule import Rule


@dataclass(frozen=True)
class Options:
    verbose: bool = False
    only: str | None = None
    jobs: int = 1
    cache: bool = False


@dataclass
class Analysis:
    facts: list[FactoryFacts]
    problems: list[Problem]
    files: int
    operations: tuple[OpFacts, ...] = ()
    batches: int = 0
    cached: int = 0


class Engine(types.ModuleType):
    """Stands in for tt_cache_lint.engine; remembers its calls."""

    def __init__(self) -> None:
        super().__init__("tt_cache_lint.engine")
        self.Options = Options
        self.facts = [FACTORY]
        self.problems: list[Problem] = []
        self.calls: list[tuple[Path, list[Path], Options]] = []

    def analyse(self, root: Path, paths: Sequence[Path], options: Options) -> Analysis:
        self.calls.append((root, list(paths), options))
        return Analysis(self.facts, self.problems, len(paths))


def rule(finding: Finding, *more: Finding) -> Rule:
    """A rule that finds these."""

    class Said(Rule):
        """Says what it is told."""

        id = finding.id
        name = finding.rule
        invariant = "I3"
        severity = finding.severity
        summary = "says so"

        def check(self, facts: FactoryFacts) -> list[Finding]:
            return [finding, *more]

    return Said()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    stand_in = Engine()
    monkeypatch.setenv("COLUMNS", "120")
    for name in ("FORCE_COLOR", "NO_COLOR", "TT_CACHE_LINT_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "tt_cache_lint.engine", stand_in)
    monkeypatch.setattr("tt_cache_lint.engine", stand_in, raising=False)
    said = [rule(ORDER), rule(STALE, STALE, replace(STALE, confidence=Confidence.POSSIBLE)), rule(NARROW)]
    monkeypatch.setattr(check, "load_rules", lambda: said)
    monkeypatch.setattr("tt_cache_lint.rule.load_rules", lambda: said)
    return stand_in


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    file = tmp_path / PATH
    file.parent.mkdir(parents=True)
    file.write_text(SOURCE)
    return tmp_path


def run(*args: object) -> Result:
    return CliRunner().invoke(main, [str(arg) for arg in args])


def found(result: Result) -> list[str]:
    return [finding["id"] for finding in json.loads(result.stdout)["findings"]]


def test_check_text(engine: Engine, tree: Path) -> None:
    result = run("check", tree / PATH, "--jobs", "3")
    assert result.exit_code == 1
    assert "error TTC301 stale-buffer-address · MaskOp::MultiCore" in result.stdout
    assert "{src->address(), tensor_args.mask->buffer()->address(), num_tiles, offsets[i]}" in result.stdout
    assert engine.calls == [(tree, [tree / PATH], Options(jobs=3, cache=True))]


def test_findings_are_distinct_and_sorted(engine: Engine, tree: Path) -> None:
    assert found(run("check", "--format", "json", tree)) == ["TTC406", "TTC101", "TTC301"]


@pytest.mark.parametrize(
    ("finding", "limit", "status"),
    [
        (STALE, "error", 1),
        (NARROW, "error", 0),
        (NARROW, "warning", 1),
        (ORDER, "error", 0),
        (ORDER, "warning", 0),
        (ORDER, "note", 1),
        (STALE, "note", 1),
    ],
)
def test_exit_status(
    engine: Engine, tree: Path, monkeypatch: pytest.MonkeyPatch, finding: Finding, limit: str, status: int
) -> None:
    monkeypatch.setattr(check, "load_rules", lambda: [rule(finding)])
    assert run("check", tree, "--fail-on", limit).exit_code == status
    if limit == "error":
        assert run("check", tree).exit_code == status


@pytest.mark.parametrize(
    ("args", "ids"),
    [
        (["--select", "TTC301"], ["TTC301"]),
        (["--select", "ttc301"], ["TTC301"]),
        (["--select", "stale-buffer-address"], ["TTC301"]),
        (["--select", "TTC3,TTC4"], ["TTC406", "TTC301"]),
        (["--select", "TTC3", "--select", "resource-order"], ["TTC101", "TTC301"]),
        (["--ignore", "TTC3"], ["TTC406", "TTC101"]),
        (["--select", "TTC", "--ignore", "TTC1, narrowed-handle"], ["TTC301"]),
    ],
)
def test_select_and_ignore(engine: Engine, tree: Path, args: list[str], ids: list[str]) -> None:
    assert found(run("check", tree, "--format", "json", *args)) == ids


@pytest.mark.parametrize("option", ["--select", "--ignore"])
@pytest.mark.parametrize("word", ["TTC9", "stale", ""])
def test_a_word_that_matches_nothing_is_a_usage_error(engine: Engine, tree: Path, option: str, word: str) -> None:
    result = run("check", tree, option, word)
    assert result.exit_code == 2
    assert f"no rule is called '{word}'" in result.stderr
    assert not engine.calls


def test_possible_findings_are_hidden_and_counted(engine: Engine, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "load_rules", lambda: [rule(replace(STALE, confidence=Confidence.POSSIBLE))])
    result = run("check", tree, "--format", "json")
    assert (found(result), json.loads(result.stdout)["summary"]["hidden"], result.exit_code) == ([], 1, 0)
    result = run("check", tree, "--format", "json", "--show-possible")
    assert (found(result), json.loads(result.stdout)["summary"]["hidden"], result.exit_code) == (["TTC301"], 0, 1)


def test_missing_paths_are_named_and_the_others_checked(engine: Engine, tree: Path) -> None:
    result = run("check", tree / PATH, tree / "missing\x1b[2J.cpp")
    assert result.exit_code == 2
    assert "error TTC301" in result.stdout
    assert r"missing\x1b[2J.cpp: no such file or directory" in result.stdout
    assert engine.calls[0][1] == [tree / PATH]


def test_nothing_readable(engine: Engine, tree: Path) -> None:
    result = run("check", tree / "missing.cpp", tree.parent / "elsewhere.cpp", "--root", tree)
    assert result.exit_code == 2
    assert not engine.calls


def test_outside_the_root(engine: Engine, tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    result = run("check", tree, other, "--root", tree)
    assert result.exit_code == 2
    assert "is outside the root" in result.stdout


def test_problems_inside_the_tree_do_not_change_the_status(engine: Engine, tree: Path) -> None:
    engine.problems = [Problem("big.cpp", "too large")]
    result = run("check", tree, "--ignore", "TTC301")
    assert result.exit_code == 0
    assert "problem big.cpp: too large" in result.stdout


def test_source_outside_the_root_is_not_shown(engine: Engine, tree: Path) -> None:
    secret = tree.parent / "secret.txt"
    secret.write_text("the secret\n" * 40)
    (tree / PATH).unlink()
    (tree / PATH).symlink_to(secret)
    assert "the secret" not in run("check", tree).stdout


def test_lines_are_counted_as_compilers_do(tree: Path) -> None:
    (tree / PATH).write_bytes(b"a\x0cb\r\n\xe2\x80\xa8c\xff\n")
    assert check.source_lines(tree, [STALE])[PATH] == ("a\x0cb", "\u2028c\ufffd", "")


def test_output_file(engine: Engine, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    target = tree / "report.txt"
    result = run("check", tree, "-o", target)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "error TTC301" in target.read_text()
    assert "\x1b" not in target.read_text()
    result = run("check", tree, "-o", tree / "no" / "dir.txt")
    assert result.exit_code == 2
    assert "cannot write" in result.stderr


def test_internal_errors_are_messages(engine: Engine, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(facts: FactoryFacts) -> list[Finding]:
        raise KeyError("\x1b[31mslot")

    failing = rule(STALE)
    monkeypatch.setattr(failing, "check", broken)
    monkeypatch.setattr(check, "load_rules", lambda: [failing, rule(ORDER)])
    result = run("check", tree)
    assert result.exit_code == 2
    assert "internal error: KeyError" in result.output
    assert "rule TTC301 on MaskOp::MultiCore" in result.output
    assert "\x1b" not in result.output
    assert "Traceback" not in result.output
    assert "TTC101" in result.stdout
    monkeypatch.setenv("TT_CACHE_LINT_DEBUG", "1")
    assert isinstance(run("check", tree).exception, KeyError)


def test_no_paths_is_a_usage_error() -> None:
    assert run("check").exit_code == 2


def test_verbose(engine: Engine, tree: Path) -> None:
    assert "unknown calls  mystery_helper" in run("check", tree, "-v").stdout


def test_slots(engine: Engine, tree: Path) -> None:
    result = run("slots", f"{tree / PATH}::MaskOp::MultiCore")
    assert result.exit_code == 0
    assert "reader_kernel_id arg 1" in result.stdout
    assert engine.calls == [(tree, [tree / PATH], Options(only="MaskOp::MultiCore"))]
    engine.facts = []
    result = run("slots", f"{tree / PATH}::Nope")
    assert (result.exit_code, "called Nope" in result.stderr) == (2, True)
    assert run("slots", tree / "missing.cpp").exit_code == 2


def test_rules_and_explain(engine: Engine) -> None:
    lines = run("rules").stdout.splitlines()
    assert lines[1] == "TTC301  stale-buffer-address  error    says so"
    for word in ("TTC301", "ttc301", "stale-buffer-address"):
        result = run("explain", word)
        assert result.exit_code == 0
        assert result.stdout.startswith("TTC301 stale-buffer-address · error")
    result = run("explain", "stale-bufer-address")
    assert result.exit_code == 2
    assert "did you mean stale-buffer-address?" in result.stderr


@pytest.mark.parametrize(
    ("dirs", "path", "expected"),
    [
        (["ttnn/cpp/ttnn/operations/a"], "ttnn/cpp/ttnn/operations/a", "."),
        (["ttnn/cpp/ttnn/operations/a", "ttnn/ttnn"], "ttnn/cpp", "."),
        (["ttnn/ops"], "ttnn/ops", "."),
        ([".git", "sub/ttnn/cpp"], "sub/ttnn/cpp", "sub"),
        ([".git", "fixtures/a"], "fixtures/a", "."),
    ],
)
def test_default_root(tmp_path: Path, dirs: list[str], path: str, expected: str) -> None:
    for name in dirs:
        (tmp_path / name).mkdir(parents=True)
    assert default_root(tmp_path / path) == tmp_path / expected


def test_default_root_falls_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    assert default_root(tmp_path / "a") == tmp_path


STAND_IN = """
import sys, types
from tt_cache_lint.model import *
engine = types.ModuleType("tt_cache_lint.engine")
from dataclasses import dataclass
@dataclass
class Options:
    jobs: int = 1
    cache: bool = False
engine.Options = Options
engine.analyse = lambda root, paths, options: types.SimpleNamespace(
    facts=[FACTS] * MANY, problems=[], files=1, operations=[], batches=1, cached=0
)
sys.modules["tt_cache_lint.engine"] = engine
import tt_cache_lint; tt_cache_lint.engine = engine
FACTS = FactoryFacts("F", "typed", "a.cpp", 1, status=Status.PARTIAL, reason="µ" * 60)
MANY = 1
from tt_cache_lint.cli import main
"""


def python(code: str, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", STAND_IN + code, *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


IMPORTED = """
try:
    main(sys.argv[1:])
except SystemExit as end:
    print("status", end.code, file=sys.stderr)
heavy = sorted({name.split(".")[0] for name in sys.modules} & {"rich", "tree_sitter", "pygments"})
print("heavy", heavy, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("args", "heavy"),
    [
        (["--version"], "[]"),
        (["rules"], "[]"),
        (["check", "--format", "json", "."], "[]"),
        (["check", "--format", "concise", "."], "[]"),
        (["check", "."], "['rich']"),
    ],
)
def test_imports(args: list[str], heavy: str) -> None:
    result = python(IMPORTED, *args)
    assert "status 0" in result.stderr
    assert f"heavy {heavy}" in result.stderr


@pytest.mark.parametrize(("args", "status"), [(["rules"], 0), (["explain", "nothing-like-it"], 2)])
def test_the_command_says_everything_before_it_ends(args: list[str], status: int) -> None:
    """It ends at once, without what Python does last: flushing what it wrote."""
    command = [sys.executable, "-m", "tt_cache_lint", *args]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    inside = CliRunner().invoke(main, args, prog_name="python -m tt_cache_lint")
    assert result.returncode == status == inside.exit_code
    assert (result.stdout, result.stderr) == (inside.stdout, inside.stderr)
    assert result.stdout or result.stderr


def test_the_readme_commands_are_the_ones_that_ci_runs() -> None:
    repo = Path(__file__).resolve().parent.parent
    commands = [line for line in (repo / "README.md").read_text().splitlines() if line.startswith("python3 -m venv")]
    checking, testing = commands
    assert testing == (repo / ".ci" / "run").read_text().splitlines()[-1]
    assert (repo / checking.split()[-1]).is_dir()


def test_version() -> None:
    assert run("--version").stdout == f"tt-cache-lint {__version__}\n"


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STAND_IN + "MANY = 20000\nmain(sys.argv[1:])", "check", "-v", "."]
    reader, writer = os.pipe()
    # Unbuffered, Python takes the part that was written before the reader left for the whole.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    process = subprocess.Popen(command, stdout=writer, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environment)
    os.close(writer)
    os.read(reader, 10)
    os.close(reader)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


def test_a_stream_without_unicode(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STAND_IN + "main(sys.argv[1:])", "check", "-v", "."]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    result = subprocess.run(command, capture_output=True, env=environment, cwd=tmp_path, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout.isascii()
    assert rb"\xb5\xb5" in result.stdout


def test_no_color_and_force_color(engine: Engine, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    colored: Callable[[], bool] = lambda: "\x1b[" in run_colored("check", tree)  # noqa: E731
    assert colored()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colored()


def run_colored(*args: object) -> str:
    return CliRunner().invoke(main, [str(arg) for arg in args], color=True).stdout


def test_the_words_of_options_are_complete() -> None:
    options = {option.name: option.type for option in main.commands["check"].params}
    assert tuple(options["fail_on"].choices) == FAIL_ON  # type: ignore[attr-defined]
    assert tuple(options["confidence"].choices) == tuple(one.value for one in Confidence)  # type: ignore[attr-defined]


# --- several reports


def test_a_format_in_front_of_a_file_is_written_as_well(engine: Engine, tree: Path) -> None:
    json_file, markdown, sarif = tree / "a=b.json", tree / "s.md", tree / "s.sarif"
    result = run("check", tree, "-o", f"json={json_file}", "--output", f"markdown={markdown}", "-o", f"sarif={sarif}")
    assert (result.exit_code, "error TTC301" in result.stdout) == (1, True)
    assert [finding["id"] for finding in json.loads(json_file.read_text())["findings"]] == [
        "TTC406",
        "TTC101",
        "TTC301",
    ]
    assert markdown.read_text().startswith("### tt-cache-lint")
    assert len(json.loads(sarif.read_text())["runs"][0]["results"]) == 3


def test_output_of_the_main_format_next_to_others(engine: Engine, tree: Path) -> None:
    main_file, other = tree / "report.json", tree / "other.json"
    result = run("check", tree, "--format", "json", "-o", main_file, "-o", f"gitlab={other}")
    assert (result.exit_code, result.stdout) == (1, "")
    assert json.loads(main_file.read_text())["version"] == 1
    assert isinstance(json.loads(other.read_text()), list)


def test_a_file_name_with_an_equals_sign(engine: Engine, tree: Path) -> None:
    result = run("check", tree, "-o", tree / "x=y")
    assert (result.exit_code, "error TTC301" in (tree / "x=y").read_text()) == (1, True)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["-o", "one", "-o", "two"], "--output FILE is given twice"),
        (["-o", "sarif="], "--output sarif= lacks the file"),
        (["--format", "json", "--statistics"], "--statistics is a text report"),
        (["--prune-baseline"], "--prune-baseline needs a baseline"),
    ],
)
def test_options_that_do_not_go_together(engine: Engine, tree: Path, args: list[str], message: str) -> None:
    result = run("check", tree, *args)
    assert (result.exit_code, message in result.stderr) == (2, True)
    assert not engine.calls


def test_statistics_instead_of_findings(engine: Engine, tree: Path) -> None:
    result = run("check", tree, "--statistics")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0] == "    1  TTC101  resource-order        note     1 certain, in 1 factory"
    assert "keep [i]" not in result.stdout


def test_confidence(engine: Engine, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    likely = replace(STALE, confidence=Confidence.LIKELY, slot="a")
    possible = replace(STALE, confidence=Confidence.POSSIBLE, slot="b")
    monkeypatch.setattr(check, "load_rules", lambda: [rule(STALE, likely, possible)])
    for word, count in (("certain", 1), ("likely", 2), ("possible", 3)):
        assert len(found(run("check", tree, "--format", "json", "--confidence", word))) == count


def test_no_progress_where_no_terminal_watches(engine: Engine, tree: Path) -> None:
    assert run("check", tree).stderr == ""  # the engine that stands in takes no callback either


WATCHED = """
import os, pty, sys, time
from tt_cache_lint.report import progress
progress.PATIENCE = PATIENCE
def analyse(root, paths, options, progress=None):
    for at in range(5):
        progress(at, 5, "ops/\\x1b[2Jevil%d.cpp" % at)
        time.sleep(0.2)
    return types.SimpleNamespace(facts=[FACTS], operations=[], problems=[], files=1, batches=1, cached=0)
engine.analyse = analyse
engine.Options = Options
leader, follower = pty.openpty()
sys.stderr = os.fdopen(follower, "w")
os.environ["TERM"] = "xterm"
try:
    main(["check", "."])
except SystemExit:
    sys.stderr.flush()
os.set_blocking(leader, False)
try:
    shown = os.read(leader, 100000).decode()
except BlockingIOError:
    shown = ""
print(ascii(shown))
"""


@pytest.mark.parametrize(("patience", "seen"), [("0.3", True), ("60", False)])
def test_a_bar_on_a_terminal_when_it_takes_long(patience: str, seen: bool) -> None:
    result = python(WATCHED.replace("PATIENCE = PATIENCE", f"PATIENCE = {patience}"))
    assert result.returncode == 0, result.stderr
    shown = result.stdout.splitlines()[-1]
    assert ("/5" in shown and "evil" in shown) is seen
    if seen:
        assert r"\\x1b[2Jevil" in shown  # spelled out, not sent
        assert r"\x1b[2K" in shown  # the bar is taken away again
    else:
        assert shown == "''"
