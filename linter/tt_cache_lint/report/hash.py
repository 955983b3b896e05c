"""The `hash` printer: every input that an op's program derives from, and whether the program hash covers it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tt_cache_lint.hash.model import UNSETTLED, HashedInput, OpFacts, Use
from tt_cache_lint.report import View
from tt_cache_lint.report.safe import visible
from tt_cache_lint.report.style import FAINT, console, output

NARROWEST = 100
BRANCH = "branch"
MOST = 8  # owners of uses that are shown for an input
WIDE = 12  # of the column that says whether an input is hashed
COVERED = {
    "yes": ("hashed", "green"),
    "derived": ("derived", "yellow"),
    "partly": ("partly", "bold yellow"),
    "no": ("not hashed", "bold red"),
}
_OWNER = re.compile(r"(CB \S+|kernel \S+|\S+) (.+)")
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
        why = f": {visible(facts.reason)}" if facts.reason else ""
        target.print(Text(f"  no input could be followed into a program{why}", "yellow"))
        return
    target.print(_summary(facts))
    for line_ in sorted(facts.inputs, key=lambda i: (not i.verdict.startswith("omitted"), i.covered == "yes", i.input)):
        _print_input(target, line_)


def _print_input(target: Console, line: HashedInput) -> None:
    """An input with what covers it and why that is enough or not; below, what it shapes."""
    words, style = COVERED.get(line.covered, (line.covered, "yellow"))
    harmful = line.verdict.startswith("omitted")
    head = Text("  ").append(f"{words:<{WIDE}}", style if harmful or line.covered in ("yes", "derived") else "yellow")
    head.append(visible(line.input), "bold" if line.covered != "yes" else "")
    if line.verdict:
        head.append("  ").append(visible(line.verdict), "bold red" if harmful else FAINT)
    target.print()
    target.print(head, soft_wrap=True)
    uses = [u for u in line.uses if u.what != BRANCH]
    compiled = [u for u in uses if " arg " not in u.what or "compile-time" in u.what]
    runtime = [u for u in uses if u not in compiled]
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style=FAINT, no_wrap=True, min_width=len("arguments"))
    table.add_column(overflow="fold")
    for title, some in (("compiled", compiled), ("arguments", runtime)):
        if some:
            table.add_row(title, _uses(some))
    if len(uses) < len(line.uses):
        table.add_row("steers", "a branch of create() or of the override")
    target.print(Padding(table, (0, 0, 0, WIDE + 2), expand=False))


def _uses(uses: Sequence[Use]) -> Text:
    """Uses by owner: `reader cores, compile-time arg 1, 4; CB c_0 total size, page size`."""
    owners: dict[str, dict[str, list[str]]] = {}
    for use in uses:
        match = _OWNER.fullmatch(use.what)
        owner, what = (match[1], match[2]) if match else ("", use.what)
        numbered = _NUMBERED.match(what) if "arg " in what else None
        head, number = (numbered[1].strip(), numbered[2]) if numbered else (what, "")
        numbers = owners.setdefault(owner, {}).setdefault(head, [])
        if number and number not in numbers:
            numbers.append(number)
    parts = [
        f"{owner} {', '.join(_numbered(h, n) for h, n in whats.items())}".strip() for owner, whats in owners.items()
    ]
    text = "; ".join(parts[:MOST]) + (f"; {len(parts) - MOST} more" if len(parts) > MOST else "")
    return Text(visible(text))


def _numbered(head: str, numbers: Sequence[str]) -> str:
    return f"{head} {', '.join(sorted(numbers, key=int))}".strip()


def _summary(facts: OpFacts) -> Text:
    harmful = sum(line.verdict.startswith("omitted") for line in facts.inputs)
    covered = sum(line.covered == "yes" for line in facts.inputs)
    unsettled = sum(line.verdict in UNSETTLED for line in facts.inputs)
    safe = len(facts.inputs) - covered - harmful - unsettled
    text = (
        f"  {len(facts.inputs)} inputs: {covered} hashed as they are, {harmful} left out to harm, {safe} without harm"
        f"{f', {unsettled} not settled' if unsettled else ''}"
    )
    return Text(text, "bold red" if harmful else "bold green")
