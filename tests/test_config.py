"""Settings from files: what is read, what wins, what is refused; and that the published schema says the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

import small_factory
from tt_cache_lint import config
from tt_cache_lint.cli import main
from tt_cache_lint.config import Config, ConfigError

SCHEMA = json.loads(resources.files("tt_cache_lint").joinpath("config.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)
GOOD: dict[str, list[Any]] = {
    "root": ["src"],
    "select": [["TTC3"], []],
    "ignore": [["stale-scalar", "TTC101"]],
    "severity": [{"TTC301": "note"}, {}],
    "per-file-ignores": [{"a/**": ["TTC1"]}],
    "exclude": [["generated"]],
    "confidence": ["certain", "likely", "possible"],
    "fail-on": ["error", "warning", "note", "never"],
    "compile-commands": ["build/compile_commands.json"],
    "path-budget": [1, 64, 4096],
    "baseline": ["known.json"],
}
ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 5000) | st.floats(allow_nan=False) | st.sampled_from(
        ["", " ", "error", "certain", "never", "TTC301", "a\0b", "\n", "x"]
    ),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["", "TTC301", "a/**"]), inner),
    max_leaves=4,
)  # fmt: skip


def accepted(table: Any) -> bool:
    try:
        config._checked(Path("tt-cache-lint.toml"), table)
    except ConfigError:
        return False
    return True


def test_the_schema_is_one_and_has_the_same_keys() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert set(SCHEMA["properties"]) == set(config.KEYS) == set(GOOD)
    assert all("description" in entry for entry in SCHEMA["properties"].values())


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in GOOD.items() for value in values])
def test_good_values(key: str, value: Any) -> None:
    assert accepted({key: value})
    assert VALIDATOR.is_valid({key: value})


@pytest.mark.parametrize(
    ("key", "make"),
    [
        ("exclude", lambda count: ["a"] * count),
        ("severity", lambda count: {str(at): "note" for at in range(count)}),
        ("per-file-ignores", lambda count: {str(at): [] for at in range(count)}),
    ],
)
def test_there_is_a_limit_to_everything(key: str, make: Callable[[int], Any]) -> None:
    for count, fits in ((1000, True), (1001, False)):
        assert accepted({key: make(count)}) is fits
        assert VALIDATOR.is_valid({key: make(count)}) is fits


@settings(deadline=None, derandomize=True)
@given(st.dictionaries(st.sampled_from([*config.KEYS, "selct", ""]), ANY, max_size=3))
def test_the_schema_and_the_code_agree(table: dict[str, Any]) -> None:
    whole_float = table.get("path-budget")
    if isinstance(whole_float, float) and whole_float.is_integer():
        table["path-budget"] = int(whole_float)  # JSON has one kind of number, TOML two
    assert accepted(table) is VALIDATOR.is_valid(table)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("selct = []", "there is no setting 'selct'; did you mean 'select'?"),
        ("zzz = 1", "there is no setting 'zzz'; there are root, select"),
        ('select = "TTC3"', "select: a list of strings is wanted, not 'TTC3'"),
        ("select = [1]", "select: a non-empty string is wanted, not 1"),
        ('fail-on = "errors"', "fail-on: it has to be one of error, warning, note, never, not 'errors'; did you mean"),
        ("fail-on = 3", "fail-on: it has to be one of error, warning, note, never, not 3"),
        ('severity = { TTC301 = "fatal" }', "severity: 'TTC301': it has to be one of"),
        ("severity = []", "severity: a table is wanted"),
        ("path-budget = 0", "path-budget: a whole number from 1 to 4096 is wanted, not 0"),
        ("path-budget = true", "path-budget: a whole number"),
        ("path-budget = 10000000000000000000000", "path-budget: a whole number"),
        ("select = [", "it is not TOML"),
        ("a = " + "[" * 100_000, "it is not TOML"),
        ('select = ["TTC9"]', "select: no rule is called 'TTC9'"),
        ('ignore = ["stale-scaler"]', "ignore: no rule is called 'stale-scaler'; did you mean 'stale-scalar'?"),
        ('severity = { nope = "note" }', "severity: no rule is called 'nope'"),
        ('per-file-ignores = { "a/**" = ["nope"] }', "per-file-ignores: 'a/**': no rule is called 'nope'"),
        ('root = ".."', "root: '..' leads out of"),
        ('root = "/"', "root: '/' leads out of"),
        ('root = "nowhere"', "root: there is no folder 'nowhere'"),
        ('baseline = "../b.json"', "baseline: '../b.json' leads out of"),
        ('baseline = "none.json"', "cannot read the baseline"),
        ('compile-commands = "none.json"', "compile-commands: there is no file 'none.json'"),
        ('select = ["\\u001b[31mx"]', r"no rule is called '\x1b[31mx'"),
        ('"\\u001b[2J" = 1', r"there is no setting '\x1b[2J'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "a.cpp").write_text("int x;\n")
    (tmp_path / "tt-cache-lint.toml").write_text(text)
    result = check(tmp_path / "a.cpp")
    assert result.exit_code == 2
    assert message in result.stderr
    assert "tt-cache-lint.toml" in result.stderr or "baseline" in message
    assert "\x1b" not in result.output
    assert "Traceback" not in result.output


def check(*args: object) -> Result:
    return CliRunner().invoke(main, ["check", *(str(arg) for arg in args)])


def found(result: Result) -> list[tuple[str, str]]:
    assert result.exit_code in (0, 1), result.output
    return [(finding["id"], finding["severity"]) for finding in json.loads(result.stdout)["findings"]]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout with one op, whose factory leaves the output's address stale."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "ops").mkdir()
    (tmp_path / "ops" / "copy.cpp").write_text(small_factory.factory(override=small_factory.STALE))
    return tmp_path


def configured(tree: Path, text: str, *args: object) -> list[tuple[str, str]]:
    (tree / "tt-cache-lint.toml").write_text(text)
    return found(check(tree / "ops", "--format", "json", *args))


def test_a_file_is_used_and_the_command_line_wins(tree: Path) -> None:
    stale = ("TTC301", "error")
    assert configured(tree, "") == [stale]
    assert configured(tree, 'ignore = ["TTC301"]') == []
    assert configured(tree, 'ignore = ["TTC301"]', "--select", "TTC301") == [stale]
    assert configured(tree, 'ignore = ["TTC301"]', "--isolated") == [stale]
    assert configured(tree, 'select = ["TTC1"]') == []
    assert configured(tree, 'select = ["TTC1"]', "--select", "TTC3") == [stale]
    assert configured(tree, 'select = ["TTC3"]', "--ignore", "TTC301") == []
    assert configured(tree, 'severity = { TTC3 = "note" }') == [("TTC301", "note")]
    weighed = 'severity = { stale-buffer-address = "warning", TTC3 = "note", TTC = "error" }'
    assert configured(tree, weighed) == [("TTC301", "warning")]
    assert configured(tree, 'exclude = ["ops"]') == []
    assert configured(tree, 'exclude = ["other", "*.hpp"]') == [stale]
    assert configured(tree, 'per-file-ignores = { "ops/**" = ["TTC3"] }') == []
    assert configured(tree, 'per-file-ignores = { "copy.hpp" = ["TTC3"] }') == [stale]


def test_exclude_holds_for_files_that_are_named(tree: Path) -> None:
    (tree / "tt-cache-lint.toml").write_text('exclude = ["ops/**"]')
    result = check(tree / "ops" / "copy.cpp", "--format", "json")
    assert (found(result), json.loads(result.stdout)["factories"]) == ([], [])


def test_fail_on(tree: Path) -> None:
    file = tree / "tt-cache-lint.toml"
    assert check(tree / "ops").exit_code == 1
    file.write_text('fail-on = "never"')
    assert check(tree / "ops").exit_code == 0
    assert check(tree / "ops", "--fail-on", "error").exit_code == 1
    file.write_text('severity = { TTC301 = "warning" }')
    assert check(tree / "ops").exit_code == 0
    file.write_text('severity = { TTC301 = "warning" }\nfail-on = "warning"')
    assert check(tree / "ops").exit_code == 1


def test_path_budget(tree: Path) -> None:
    (tree / "tt-cache-lint.toml").write_text("path-budget = 1")
    (facts,) = json.loads(check(tree / "ops", "--format", "json").stdout)["factories"]
    assert facts["paths"] == 1


def test_pyproject(tree: Path) -> None:
    (tree / "pyproject.toml").write_text('[tool.other]\nx = 1\n[tool.tt-cache-lint]\nignore = ["TTC301"]\n')
    assert found(check(tree / "ops", "--format", "json")) == []
    (tree / "pyproject.toml").write_text("[project]\nname = 'tt-cache-lint'\n")
    assert found(check(tree / "ops", "--format", "json")) == [("TTC301", "error")]
    (tree / "pyproject.toml").write_text("tool = 3  # tt-cache-lint\n")
    assert found(check(tree / "ops", "--format", "json")) == [("TTC301", "error")]
    (tree / "pyproject.toml").write_text("tool.tt-cache-lint = 3\n")
    assert "[tool.tt-cache-lint] has to be a table" in check(tree / "ops").stderr


def test_verbose_says_which_file_is_used(tree: Path) -> None:
    assert "Settings: none but the defaults and the command line" in check(tree / "ops", "-v").stdout
    (tree / "pyproject.toml").write_text("[tool.tt-cache-lint]\n")
    assert "Settings: pyproject.toml\n" in check(tree / "ops", "-v").stdout
    (tree / "tt-cache-lint.toml").write_text("")
    assert "Settings: tt-cache-lint.toml (pyproject.toml is not used)" in check(tree / "ops", "-v").stdout


def test_compile_database_of_the_settings_is_used(tree: Path) -> None:
    (tree / "compile_commands.json").write_text("[]")
    (tree / "tt-cache-lint.toml").write_text('compile-commands = "compile_commands.json"')
    assert "compile_commands.json: no entry is a file below the root" in check(tree / "ops", "-v").stdout


def test_the_readme_s_example_is_accepted(tree: Path) -> None:
    readme = (Path(__file__).resolve().parent.parent / "README.md").read_text()
    (example,) = [block.split("```")[0] for block in readme.split("```toml\n")[1:] if "path-budget" in block]
    (tree / "tt-cache-lint.toml").write_text(example)
    (tree / "compile_commands.json").write_text("[]")
    check(tree / "ops", "--write-baseline", tree / "tt-cache-lint-baseline.json")
    assert check(tree / "ops").exit_code == 0


def test_config_option(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "strict.toml"
    elsewhere.write_text('[tool.tt-cache-lint]\nignore = ["TTC3"]\n')
    assert found(check(tree / "ops", "--format", "json", "--config", elsewhere)) == []
    elsewhere.write_text('ignore = ["TTC3"]\n')
    assert found(check(tree / "ops", "--format", "json", "--config", elsewhere)) == []
    pyproject = elsewhere.with_name("pyproject.toml")
    pyproject.write_text("")
    assert "there is no [tool.tt-cache-lint] in it" in check(tree / "ops", "--config", pyproject).stderr


def test_root_setting(tree: Path) -> None:
    (tree / "tt-cache-lint.toml").write_text('root = "ops"')
    (finding,) = json.loads(check(tree / "ops", "--format", "json").stdout)["findings"]
    assert finding["path"] == "copy.cpp"
    (finding,) = json.loads(check(tree / "ops", "--format", "json", "--root", tree).stdout)["findings"]
    assert finding["path"] == "ops/copy.cpp"
    slots = CliRunner().invoke(main, ["slots", str(tree / "ops" / "copy.cpp")])
    assert "  copy.cpp:" in slots.stdout


def test_a_link_that_leads_out_of_the_root_is_not_read(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "settings.toml"
    outside.write_text("secret = 1")
    (tree / "tt-cache-lint.toml").symlink_to(outside)
    assert found(check(tree / "ops", "--format", "json")) == [("TTC301", "error")]


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"\xff\xfe", "it is not UTF-8 (byte 0)"), (b"#" * 1_000_001, "it is larger than 1,000,000 bytes")],
)
def test_files_that_cannot_be_read(tree: Path, data: bytes, message: str) -> None:
    (tree / "tt-cache-lint.toml").write_bytes(data)
    result = check(tree / "ops")
    assert (result.exit_code, message in result.stderr) == (2, True)


def test_no_file_no_settings(tmp_path: Path) -> None:
    assert config.find(tmp_path) == Config()
