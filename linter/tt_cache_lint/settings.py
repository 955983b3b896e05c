"""One set of settings from the command line, which wins, and the configuration file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tt_cache_lint import config, rule
from tt_cache_lint.config import Config, ConfigError
from tt_cache_lint.model import Confidence, Severity
from tt_cache_lint.rule import Rule, named
from tt_cache_lint.triage import Policy

FAIL_ON = Severity.ERROR.value
MOST_JOBS = 16


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says; an empty value says nothing."""

    root: Path | None = None
    config: Path | None = None
    isolated: bool = False
    select: Sequence[str] = ()
    ignore: Sequence[str] = ()
    confidence: str = ""
    fail_on: str = ""
    baseline: Path | None = None
    prune: bool = False
    fresh: bool = False  # a baseline is being written: none is used
    since: str | None = None
    compile_commands: Path | None = None
    jobs: int = 1  # 0: one for each processor
    cache: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run goes by. `options` are arguments for the engine's Options, where they are not the defaults."""

    root: Path
    select: Sequence[str]
    ignore: Sequence[str]
    policy: Policy
    fail_on: str
    options: dict[str, Any] = field(default_factory=dict)
    config: str = ""  # which file, for people


def rooted(found: Path, asked: Path | None, file: Path | None = None, isolated: bool = False) -> tuple[Path, Config]:
    """The root and the configuration. `found` is the root that the paths suggest. Raises ConfigError.

    The configuration is that of the root; its `root` can lead further down, unless the command line gives one.
    """
    root = Path(os.path.abspath(asked or found))
    if isolated:
        return root, Config()
    known = config.load(file) if file is not None else config.find(root)
    if asked is None and known.root:
        root = known.below("root", known.root)
        if not root.is_dir():
            raise ConfigError(f"{known.file}: root: there is no folder {known.root!r}")
    return root, known


def settle(found: Path, asked: Asked) -> Settings:
    """Everything together. Raises ConfigError."""
    root, known = rooted(found, asked.root, asked.config, asked.isolated)
    resolve = _Resolver(known)
    select, ignore = resolve.words("select", known.select), resolve.words("ignore", known.ignore)
    if asked.select:
        # Who asks for a rule by hand wants it, whatever the project leaves out otherwise.
        select, ignore = asked.select, ()
    policy = Policy(
        severity=resolve.severities(),
        per_file_ignores=resolve.per_file_ignores(),
        exclude=known.exclude,
        confidence=Confidence(asked.confidence or known.confidence or Confidence.LIKELY.value),
        baseline=_baseline(known, asked),
        prune=asked.prune,
        since=asked.since,
    )
    return Settings(
        root=root,
        select=select,
        ignore=[*ignore, *asked.ignore],
        policy=policy,
        fail_on=asked.fail_on or known.fail_on or FAIL_ON,
        options=_options(known, asked),
        config=_told(known, root),
    )


def _baseline(known: Config, asked: Asked) -> Path | None:
    if asked.fresh or asked.baseline is not None or not known.baseline:
        return asked.baseline
    return known.below("baseline", known.baseline)


def _options(known: Config, asked: Asked) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if known.exclude:
        options["exclude"] = known.exclude
    if asked.jobs != 1:
        options["jobs"] = asked.jobs or processors()
    if asked.cache:
        options["cache"] = True
    if known.path_budget:
        options["paths_budget"] = known.path_budget
    if asked.compile_commands is not None:
        options["compile_commands"] = asked.compile_commands
    elif known.compile_commands:
        file = options["compile_commands"] = known.below("compile-commands", known.compile_commands)
        if not file.is_file():
            raise ConfigError(f"{known.file}: compile-commands: there is no file {known.compile_commands!r}")
    return options


def processors() -> int:
    """How many processors this process may use, up to a number that fits into memory (some 300 MiB for each)."""
    usable = getattr(os, "sched_getaffinity", None)
    return min(len(usable(0)) if usable is not None else os.cpu_count() or 1, MOST_JOBS)


def _told(known: Config, root: Path) -> str:
    if known.file is None:
        return ""
    file = Path(os.path.abspath(known.file))
    name = file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)
    remarks = [f"{known.unused} is not used"] if known.unused else []
    return f"{name} ({'; '.join(remarks)})" if remarks else name


class _Resolver:
    """Turns the rule words of a configuration into rules; the rules are loaded only when there are words."""

    def __init__(self, known: Config) -> None:
        self.known = known
        self._rules: list[Rule] | None = None

    def words(self, key: str, words: Sequence[str]) -> Sequence[str]:
        for word in words:
            self._ids(key, word)
        return words

    def severities(self) -> dict[str, Severity]:
        """By id; what names a rule more exactly wins over the beginning of its id."""
        given = self.known.severity or {}
        exactly_last = sorted(given, key=lambda word: (not word.upper().startswith("TTC"), len(word)))
        return {one: Severity(given[word]) for word in exactly_last for one in self._ids("severity", word)}

    def per_file_ignores(self) -> dict[str, frozenset[str]]:
        given = self.known.per_file_ignores or {}
        return {
            glob: frozenset(one for word in words for one in self._ids(f"per-file-ignores: {glob!r}", word))
            for glob, words in given.items()
        }

    def _ids(self, key: str, word: str) -> list[str]:
        if self._rules is None:
            self._rules = rule.load_rules()
        found = named(self._rules, word)
        if not found:
            words = [name for one in self._rules for name in (one.name, one.id)]
            near = config.nearest(word, words, "; see `tt-cache-lint rules`")
            raise ConfigError(f"{self.known.file}: {key}: no rule is called {word!r}{near}")
        return [one.id for one in found]
