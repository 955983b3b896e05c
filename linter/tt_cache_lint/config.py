"""[tool.tt-cache-lint] of pyproject.toml, or tt-cache-lint.toml, at the root.

The keys are those of `tt_cache_lint/config.schema.json`, which editors can use; a test holds the two together. What is
not understood is an error that names the file and the key: a setting that does nothing is worse than none.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tt_cache_lint.model import Confidence, Severity

OWN_FILE = "tt-cache-lint.toml"
PYPROJECT = "pyproject.toml"
SECTION = "tt-cache-lint"
FAIL_ON = (*(severity.value for severity in Severity), "never")
MOST_BYTES = 1_000_000
MOST_ITEMS = 1000  # of a list or table: every glob is tried on every file
MOST_PATHS = 4096  # a factory's paths; more would take minutes for one file


class ConfigError(ValueError):
    """A setting, or what it refers to, that cannot be used; the message names the file and the key."""


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one file; an empty value leaves the default. Rule words are as written, not yet looked up."""

    file: Path | None = None
    root: str = ""
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: Mapping[str, str] | None = None
    per_file_ignores: Mapping[str, tuple[str, ...]] | None = None
    exclude: tuple[str, ...] = ()
    confidence: str = ""
    fail_on: str = ""
    compile_commands: str = ""
    path_budget: int = 0
    baseline: str = ""
    unused: str = ""  # another file with settings, which this one hides

    def below(self, name: str, value: str) -> Path:
        """A path setting, relative to the file. Raises ConfigError when it leads out of the file's folder."""
        assert self.file is not None
        folder = self.file.parent.resolve()
        try:
            path = (folder / value).resolve()
        except (OSError, ValueError, RuntimeError) as error:
            raise ConfigError(f"{self.file}: {name}: {value!r} is not a path ({error})") from error
        if not path.is_relative_to(folder):
            raise ConfigError(f"{self.file}: {name}: {value!r} leads out of {folder}")
        return path


def find(root: Path) -> Config:
    """The settings at the root; defaults when there are none. Raises ConfigError."""
    files = [root / name for name in (OWN_FILE, PYPROJECT)]
    found = [config for config in (_section(file) for file in files if _inside(root, file)) if config is not None]
    if len(found) > 1:
        return replace(found[0], unused=PYPROJECT)
    return found[0] if found else Config()


def load(file: Path) -> Config:
    """The settings of a file that was asked for by name. Raises ConfigError."""
    found = _section(file)
    if found is None:
        raise ConfigError(f"{file}: there is no [tool.{SECTION}] in it")
    return found


def _inside(root: Path, file: Path) -> bool:
    try:
        return file.is_file() and file.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):
        return False


def _section(file: Path) -> Config | None:
    text = _read(file)
    own = file.name != PYPROJECT
    if not own and SECTION not in text:
        return None
    table = _parse(file, text)
    if own:
        # A file of another name, given with --config, may hold either form.
        tool = table.get("tool")
        nested = tool.get(SECTION) if isinstance(tool, dict) and set(table) == {"tool"} else None
        return _checked(file, table if nested is None else nested)
    tool = table.get("tool")
    section = tool.get(SECTION) if isinstance(tool, dict) else None
    return None if section is None else _checked(file, section)


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ConfigError(f"{file}: it is larger than {MOST_BYTES:,} bytes")
        return data.decode("utf-8")
    except OSError as error:
        raise ConfigError(f"{file}: it cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file}: it is not UTF-8 (byte {error.start})") from error


def _parse(file: Path, text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        what = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ConfigError(f"{file}: it is not TOML: {what}") from error


def _checked(file: Path, table: Any) -> Config:
    if not isinstance(table, dict):
        raise ConfigError(f"{file}: [tool.{SECTION}] has to be a table")
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in KEYS:
            raise ConfigError(f"{file}: there is no setting {key!r}{nearest(key, KEYS)}")
        try:
            values[key.replace("-", "_")] = KEYS[key](value)
        except ConfigError as error:
            raise ConfigError(f"{file}: {key}: {error}") from None
    return Config(file=file, **values)


def nearest(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """`; did you mean 'select'?`, or `otherwise` when nothing is near."""
    import difflib

    words = list(known)
    near = difflib.get_close_matches(word[:100], words, 1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return otherwise or f"; there are {', '.join(words)}"


# --- kinds of values: each takes what TOML gave, and raises ConfigError with what is wrong


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"a non-empty string is wanted, not {_shown(value)}")
    if "\0" in value:
        raise ConfigError("a string must not hold a NUL")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ConfigError(f"a list of strings is wanted, not {_shown(value)}")
    if len(value) > MOST_ITEMS:
        raise ConfigError(f"it has more than {MOST_ITEMS} items")
    return tuple(_text(item) for item in value)


def _one_of(words: Iterable[str]) -> Callable[[Any], str]:
    known = list(words)

    def check(value: Any) -> str:
        if value not in known:
            near = nearest(value, known, ".") if isinstance(value, str) else "."
            hint = near if near != "." else ""
            raise ConfigError(f"it has to be one of {', '.join(known)}, not {_shown(value)}{hint}")
        return str(value)

    return check


def _budget(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST_PATHS:
        raise ConfigError(f"a whole number from 1 to {MOST_PATHS} is wanted, not {_shown(value)}")
    return value


def _table_of(check: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any]]:
    def check_table(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ConfigError(f"a table is wanted, not {_shown(value)}")
        if len(value) > MOST_ITEMS:
            raise ConfigError(f"it has more than {MOST_ITEMS} items")
        checked = {}
        for key, item in value.items():
            try:
                checked[_text(key)] = check(item)
            except ConfigError as error:
                raise ConfigError(f"{key!r}: {error}") from None
        return checked

    return check_table


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


KEYS: dict[str, Callable[[Any], Any]] = {
    "root": _text,
    "select": _texts,
    "ignore": _texts,
    "severity": _table_of(_one_of(severity.value for severity in Severity)),
    "per-file-ignores": _table_of(_texts),
    "exclude": _texts,
    "confidence": _one_of(confidence.value for confidence in Confidence),
    "fail-on": _one_of(FAIL_ON),
    "compile-commands": _text,
    "path-budget": _budget,
    "baseline": _text,
}
