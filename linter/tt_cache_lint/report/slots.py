"""The `slots` printer: what the tool believes about a factory's program, slot by slot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tt_cache_lint.model import CbInfo, FactoryFacts, KernelInfo, Place, SlotInfo, Status
from tt_cache_lint.report import View
from tt_cache_lint.report.safe import visible
from tt_cache_lint.report.style import FAINT, console, output

REFRESHED = {"yes": "green", "no": "bold red", "partly": "bold red", "unknown": "yellow", "not needed": FAINT}

NARROWEST = 80  # six columns have no sensible shape below this


def render(factories: Sequence[FactoryFacts], view: View) -> str:
    """All factories, one after the other."""
    target = console(replace(view, width=max(view.width, NARROWEST)))
    for at, facts in enumerate(factories):
        if at:
            target.print()
        _print_factory(target, facts)
    return output(target)


def _print_factory(target: Console, facts: FactoryFacts) -> None:
    head = Text(visible(facts.factory), "bold").append(f"  {visible(facts.infra)}", "magenta")
    head.append(f"  {visible(facts.path)}:{facts.line}", FAINT)
    target.print(head, soft_wrap=True)
    if facts.status is not Status.ANALYSED:
        reason = f": {facts.reason}" if facts.reason else ""
        target.print(Text(f"  {facts.status.value}{visible(reason)}", "yellow"))
    files = Files(facts.path)
    _section(target, "kernels", _kernels(facts.kernels, files, facts.override is not None))
    _section(target, "circular buffers", _cbs(facts.cbs, files))
    _section(target, "slots", _slots(facts.table, files))
    if files.others:
        _section(target, "other files", _others(files))
    if facts.table:
        count = facts.slots
        line = f"{count.needing_refresh} slots need a refresh on a hit, {count.matched} get it"
        target.print(Text(f"  {line}", "bold red" if count.matched < count.needing_refresh else "bold green"))


def _section(target: Console, title: str, table: Table) -> None:
    target.print()
    if table.row_count:
        target.print(Text(f"  {title}", "bold"))
        target.print(Padding(table, (0, 0, 0, 4), expand=False))
    else:
        target.print(Text(f"  {title}: none", FAINT))


def _kernels(kernels: Sequence[KernelInfo], files: Files, handles: bool) -> Table:
    """The kernels; `handles` when an override needs theirs."""
    table = _table("handle", "kernel", "cores", "kept as", "created at")
    for kernel in kernels:
        kept = _plain(kernel.kept_as) if kernel.kept_as else Text("not kept" if handles else "", FAINT)
        cells = [Text(visible(kernel.name), "bold"), _plain(kernel.source), _plain(kernel.cores)]
        table.add_row(*cells, kept, files.at(kernel.place))
    return table


def _cbs(cbs: Sequence[CbInfo], files: Files) -> Table:
    table = _table("index", "cores", "total size", "placed on", "kept as", "created at", "re-pointed at")
    for cb in cbs:
        cells = [Text(visible(cb.name), "bold"), _plain(cb.cores), _plain(cb.total_size), _plain(cb.buffer)]
        repointed = files.at(cb.refreshed_at) if cb.refreshed_at else Text("never" if cb.buffer else "", "bold red")
        table.add_row(*cells, _plain(cb.kept_as), files.at(cb.place), repointed)
    return table


def _slots(slots: Sequence[SlotInfo], files: Files) -> Table:
    table = _table("slot", "cores", "holds", "from", "set at", "refreshed at")
    for slot in slots:
        inputs = visible(", ".join(slot.inputs))
        if slot.per_dispatch:
            origin = Text("per dispatch: ", "bold").append(inputs, "not bold")
        else:
            origin = Text(f"hashed: {inputs}" if inputs else "constant", FAINT)
        name = Text(visible(slot.slot.name), "bold" if slot.per_dispatch else "")
        cells = [name, Text(str(slot.cores)), _plain(slot.holds), origin]
        table.add_row(*cells, files.at(slot.set_at), _done(slot, files))
    return table


def _done(slot: SlotInfo, files: Files) -> Text:
    text = Text("" if slot.refreshed == "yes" else visible(slot.refreshed), REFRESHED.get(slot.refreshed, ""))
    if slot.refreshed_at:
        text.append(" " if text else "").append_text(files.at(slot.refreshed_at))
    return text


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=FAINT)
    for title in titles:
        fixed = title in ("slot", "handle", "cores", "set at", "created at")
        table.add_column(title, overflow="fold", no_wrap=fixed, justify="right" if title == "cores" else "left")
    return table


def _plain(text: str) -> Text:
    return Text(visible(text))


def _others(files: Files) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for path, name in files.others.items():
        table.add_row(Text(visible(name), "blue"), Text(visible(path)))
    return table


class Files:
    """Short names of the files in a table: none for the factory's own, the last part of the path for another."""

    def __init__(self, own: str) -> None:
        self.own = own
        self.others: dict[str, str] = {}

    def at(self, place: Place) -> Text:
        """Where: `:12` or `helper.cpp:12`."""
        name = "" if place.path == self.own else self.others.get(place.path)
        if name is None:
            last = place.path.rpartition("/")[2]
            namesakes = sum(path.endswith(f"/{last}") or path == last for path in self.others)
            name = self.others[place.path] = f"{last}({namesakes + 1})" if namesakes else last
        return Text(f"{visible(name)}:{place.line}", "blue")
