"""What a rule is, and how rule packs are found.

A rule module holds one `Rule` subclass. Packs are found through the entry point group `tt_cache_lint.rules`; an entry
point names a package, and every module in it is imported.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Iterator
from importlib import metadata
from types import ModuleType
from typing import ClassVar

from tt_cache_lint.hash.model import OpFacts
from tt_cache_lint.model import Confidence, FactoryFacts, Finding, Place, Related, Row, Severity

GROUP = "tt_cache_lint.rules"
OWN = "tt_cache_lint.comments"  # the rules that need no facts about a factory
REQUIRED = ("id", "name", "invariant", "severity", "summary")


class Rule:
    """Base of all rules. A subclass without its metadata or docstring refuses to load (TypeError).

    The class docstring is the documentation page; it has the headings `What it does`, `Why is this bad`, `Example`,
    `Use instead` and `Known problems`.
    """

    id: ClassVar[str]
    name: ClassVar[str]
    invariant: ClassVar[str]
    severity: ClassVar[Severity]
    summary: ClassVar[str]

    def __init_subclass__(cls) -> None:
        missing = [key for key in REQUIRED if not hasattr(cls, key)]
        if missing or not cls.__doc__:
            raise TypeError(f"rule {cls.__name__} lacks {', '.join(missing) or 'its docstring'}")

    def check(self, facts: FactoryFacts) -> Iterable[Finding]:
        """Yield the findings of this rule for one factory."""
        return ()

    def check_operation(self, facts: OpFacts) -> Iterable[Finding]:
        """Yield the findings of this rule for one op: those about its hash."""
        return ()

    def finding(
        self,
        facts: FactoryFacts | OpFacts,
        message: str,
        place: Place,
        *,
        slot: str = "",
        confidence: Confidence = Confidence.CERTAIN,
        severity: Severity | None = None,
        when: tuple[str, ...] = (),
        related: tuple[Related, ...] = (),
        rows: tuple[Row, ...] = (),
        fix: tuple[str, ...] = (),
    ) -> Finding:
        """Build a finding of this rule."""
        return Finding(
            self.id,
            self.name,
            severity or self.severity,
            confidence,
            message,
            place,
            facts.factory if isinstance(facts, FactoryFacts) else facts.op,
            slot,
            when,
            related,
            rows,
            fix,
        )


def load_rules() -> list[Rule]:
    """All rules of all installed packs, by id. Raises RuntimeError when two share an id or a name."""
    rules: dict[str, Rule] = {}
    packs = [_pack(entry.load()) for entry in metadata.entry_points(group=GROUP)]
    for pack in [_module(importlib.import_module(OWN)), *packs]:
        for rule in pack:
            for key in (rule.id, rule.name):
                if key in rules:
                    raise RuntimeError(f"two rules are called {key}")
                rules[key] = rule
    return sorted({id(rule): rule for rule in rules.values()}.values(), key=lambda rule: rule.id)


def _pack(package: object) -> Iterator[Rule]:
    name = package.__name__  # type: ignore[attr-defined]
    for info in pkgutil.iter_modules(package.__path__):  # type: ignore[attr-defined]
        yield from _module(importlib.import_module(f"{name}.{info.name}"))


def _module(module: ModuleType) -> Iterator[Rule]:
    for _, value in inspect.getmembers(module, inspect.isclass):
        if issubclass(value, Rule) and value is not Rule and value.__module__ == module.__name__ and value.id:
            yield value()


def named(rules: Iterable[Rule], word: str) -> list[Rule]:
    """The rules that a word means: an id, a name, or the beginning of ids."""
    if not word:
        return []
    return [rule for rule in rules if rule.name == word.lower() or rule.id.startswith(word.upper())]
