"""The `hash` printer: every input that an op's program derives from, and whether the program hash covers it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tt_cache_lint.hash.model import HashedInput, OpFacts, Use
from tt_cache_lint.report import View
from tt_cache_lint.report.safe import visible
from tt_cache_lint.report.style import FAINT, console, output

NARROWEST = 100
MOST = 4  # uses of a kind that are shown for an input
COVERED = {
    "yes": ("hashed", "green"),
    "derived": ("derived", "yellow"),
    "partly": ("partly", "bold yellow"),
    "no": ("not hashed", "bold red"),
}
_NUMBERED = re.compile(r"(.*\D) ?(\d+)$")


def render(operations: Sequence[OpFacts], view: View) -> str:
    """All ops, one after the other."""
    target = console(replace(view, width=max(view.width, NARROWEST)))
    for at, facts in enumerate(operations):
        if at:
            target.print()
        _print_op(target, facts)
    return output(target)


def _print_op(target: Console, facts: OpFacts) -> None:
    head = Text(visible(facts.op), "bold").append(f"  {visible(facts.path)}:{facts.line}", FAINT)
    target.print(head, soft_wrap=True)
    line = Text("  hash  ", FAINT).append(
        visible(facts.hash_name or "the framework's: every attribute and tensor spec")
    )
    if facts.hash_at is not None:
        line.append(f"  {visible(facts.hash_at.path)}:{facts.hash_at.line}", "blue")
    target.print(line, soft_wrap=True)
    if facts.factories:
        target.print(Text("  used in  ", FAINT).append(visible(", ".join(facts.factories))), soft_wrap=True)
    if facts.unclear:
        target.print(Text(f"  not followed: {visible(facts.unclear)}", "yellow"), soft_wrap=True)
    if not facts.inputs:
        target.print(Text("  no input could be followed into a program", "yellow"))
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=FAINT)
    for title in ("input", "hash", "shapes what is compiled", "runtime arguments", "if it is not hashed"):
        table.add_column(title, overflow="fold", no_wrap=title in ("input", "hash"))
    for line_ in sorted(facts.inputs, key=lambda i: (not i.verdict.startswith("omitted"), i.covered == "yes", i.input)):
        table.add_row(*_row(line_))
    target.print()
    target.print(Padding(table, (0, 0, 0, 2), expand=False))
    target.print()
    target.print(_summary(facts))


def _row(line: HashedInput) -> list[Text]:
    words, style = COVERED.get(line.covered, (line.covered, "yellow"))
    compiled = [u for u in line.uses if " arg " not in u.what or "compile-time" in u.what]
    runtime = [u for u in line.uses if u not in compiled]
    harmful = line.verdict.startswith("omitted")
    name = Text(visible(line.input), "bold" if line.covered != "yes" else "")
    cover = Text(words, style if harmful or line.covered in ("yes", "derived") else "yellow")
    verdict = Text(visible(line.verdict), "bold red" if harmful else FAINT)
    return [name, cover, _uses(compiled), _uses(runtime), verdict]


def _uses(uses: Sequence[Use]) -> Text:
    """Uses by owner: `reader compile-time arg 1, 4; CB c_0 total size`."""
    grouped: dict[str, list[str]] = {}
    for use in uses:
        match = _NUMBERED.match(use.what) if " arg " in use.what else None
        head, number = (match[1].strip(), match[2]) if match else (use.what, "")
        numbers = grouped.setdefault(head, [])
        if number and number not in numbers:
            numbers.append(number)
    parts = [f"{head} {', '.join(sorted(numbers, key=int))}".strip() for head, numbers in grouped.items()]
    parts.sort(key=lambda part: part == "branch")
    text = "; ".join(parts[:MOST]) + (f"; {len(parts) - MOST} more" if len(parts) > MOST else "")
    return Text(visible(text))


def _summary(facts: OpFacts) -> Text:
    harmful = sum(line.verdict.startswith("omitted") for line in facts.inputs)
    covered = sum(line.covered == "yes" for line in facts.inputs)
    text = f"  {len(facts.inputs)} inputs, {covered} hashed as they are, {harmful} left out to harm"
    return Text(text, "bold red" if harmful else "bold green")
