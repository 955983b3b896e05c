"""The rules' documentation pages as markdown files, made from the same docstrings that `explain` shows."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path

from tt_cache_lint.rule import Rule

INDEX = "README.md"
COMMAND = "tt-cache-lint rules --write-docs docs/rules"
MARK = f"<!-- Made by `{COMMAND}` from the rules' docstrings; edit those. -->"
# An id's hundreds digit.
FAMILIES = {
    "0": "Comments in the sources",
    "1": "Order of creation",
    "2": "Compile-time state",
    "3": "Runtime arguments and circular buffers",
    "4": "Shared variables and overrides",
    "5": "The program hash",
    "6": "Host and device kernel",
    "7": "Descriptors",
    "8": "Mesh workloads",
}


def pages(rules: Sequence[Rule]) -> dict[str, str]:
    """File name -> markdown: one page a rule, and the index."""
    return {INDEX: _index(rules), **{f"{rule.name}.md": page(rule) for rule in rules}}


def page(rule: Rule) -> str:
    """The page of one rule."""
    text = inspect.cleandoc(rule.__doc__ or "")
    head = (
        f"# {rule.id} {rule.name}\n\n{rule.summary}.\n\nSeverity: {rule.severity.value}. Invariant: {rule.invariant}."
    )
    return f"{MARK}\n{head}\n\n{text}\n"


def write(folder: Path, rules: Sequence[Rule]) -> list[str]:
    """Write all pages into `folder` and remove earlier ones whose rule is gone. The names of what changed.

    Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = pages(rules)
    changed = []
    for name, text in made.items():
        file = folder / name
        if not file.is_file() or file.read_bytes() != text.encode():
            file.write_bytes(text.encode())
            changed.append(name)
    for file in sorted(folder.glob("*.md")):
        if file.name not in made and file.read_bytes().startswith(MARK.encode()):
            file.unlink()
            changed.append(file.name)
    return changed


def _index(rules: Sequence[Rule]) -> str:
    lines = [MARK, "# Rules", "", "Names are the stable key; the hundreds digit of an id is the invariant."]
    family = ""
    for rule in rules:
        digit = rule.id.removeprefix("TTC")[:1]
        if digit != family:
            family = digit
            lines += [
                "",
                f"## {FAMILIES.get(digit, 'Others')}",
                "",
                "| id | rule | severity | finds |",
                "|---|---|---|---|",
            ]
        summary = rule.summary.replace("|", "\\|")
        lines.append(f"| {rule.id} | [{rule.name}]({rule.name}.md) | {rule.severity.value} | {summary} |")
    return "\n".join(lines) + "\n"
