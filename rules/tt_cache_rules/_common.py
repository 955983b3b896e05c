"""What the rules share: slots, values and cores in words, and findings built from differences.

A rule's module holds its documentation and one `check`; every phrase that two rules need is here, so that the same fact
is said in the same words everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from tt_cache_lint.model import (
    Cause,
    Confidence,
    Difference,
    Event,
    EventKind,
    FactoryFacts,
    Finding,
    Held,
    Place,
    Related,
    Row,
    Severity,
    SharedField,
    SlotKind,
    What,
)
from tt_cache_lint.rule import Rule

OVERRIDE = "override_runtime_arguments"
MOST = 6  # more items than this are counted, not listed
MOST_FURTHER = 12  # slots that one call fills alike
FURTHER_ROWS = 6
WIDEST = 80  # characters of C++ quoted in a message

Cores = Sequence[tuple[int, int]]

_ADDRESS_OF = "address of "
_ARGUMENT = re.compile(r"(.*?) ((?:common )?arg \d+)")
_SINGULAR = re.compile("^a value ")
_CB_EVENTS = (EventKind.CB, EventKind.CB_ADDRESS, EventKind.CB_SIZE, EventKind.CB_PAGE_SIZE)


# --- choosing facts


def differences(facts: FactoryFacts, cause: Cause, what: What | None = None) -> Iterator[Difference]:
    """The differences with this cause and, when given, this kind of content."""
    return (d for d in facts.differences if d.cause is cause and (what is None or d.what is what))


def never_written(facts: FactoryFacts, what: What) -> Iterator[Difference]:
    """The arguments that the override leaves alone; those that one call fills alike come as one difference."""
    alike: dict[object, list[Difference]] = {}
    for d in differences(facts, Cause.NOT_REFRESHED, what):
        holds = (d.expected.inputs, d.expected.per_dispatch, d.created.inputs)
        key = (d.slot.kind, d.slot.owner, d.set_at, holds, d.confidence, d.idle)
        alike.setdefault(key, []).append(d)
    return (_as_one(group) if len(group) > 1 else group[0] for group in alike.values())


def _as_one(group: list[Difference]) -> Difference:
    """Several differences as the one that needs the fewest conditions, with the others as further slots."""
    first, *others = sorted(group, key=lambda d: (len(d.when), d.slot.index))
    same = len({d.created.text for d in group}) == 1
    spread = len({d.cores for d in group}) > 1  # which slot on which cores, the table says
    cores = tuple(sorted({xy for d in group for xy in d.cores})) if spread else first.cores
    stale_rows = [row for d in others for row in d.rows if row.slot == d.slot.name]
    return replace(
        first,
        further=tuple(sorted((d.slot for d in others), key=lambda slot: slot.index)),
        cores=cores,
        all_cores=cores if spread else first.all_cores,
        created=first.created if same else replace(first.created, text=""),
        expected=first.expected if same else replace(first.expected, text=""),
        rows=tuple(dict.fromkeys((*first.rows, *stale_rows[:FURTHER_ROWS]))),
        fix=(*first.fix, f"// and so on for {listing([f'arg {d.slot.index}' for d in others], MOST_FURTHER)}"),
    )


def field_differences(facts: FactoryFacts, cause: Cause, field: str) -> list[Difference]:
    """The differences with this cause that a shared variable is to blame for."""
    return [d for d in differences(facts, cause) if d.field == field]


def once(events: Iterable[Event]) -> Iterator[Event]:
    """The events without repetitions: a loop or another path can report one call again."""
    seen: set[tuple[EventKind, Place, str]] = set()
    for event in events:
        key = (event.kind, event.place, event.name)
        if key not in seen:
            seen.add(key)
            yield event


def surest(items: Iterable[Difference]) -> Difference:
    """The difference the engine is most sure of; the first one of equals."""
    order = list(Confidence)
    return min(items, key=lambda d: order.index(d.confidence))


# --- words


def code(text: str) -> str:
    """C++ in backticks, on one line and not too long."""
    flat = " ".join(text.split()).replace("`", "'")
    return f"`{flat}`" if len(flat) <= WIDEST else f"`{flat[: WIDEST - 3]}...`"


def listing(items: Sequence[str], most: int = MOST) -> str:
    """`a, b and c`; what goes beyond `most` is counted: `a, b and 7 more`."""
    shown = list(items[:most])
    if len(items) > most:
        shown.append(f"{len(items) - most} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def slot_words(name: str) -> str:
    """A slot's stable name for a sentence: `reader_kernel_id` arg 1, CB `c_0`."""
    if name.startswith("CB "):
        return f"CB {code(name[3:])}"
    match = _ARGUMENT.fullmatch(name)
    return f"{code(match[1])} {match[2]}" if match else code(name)


def event_slot(event: Event) -> str:
    """The slot name of an event: the handle's variable, or `CB c_0`."""
    if event.kind in _CB_EVENTS and event.name and not event.name.startswith("CB "):
        return f"CB {event.name}"
    return event.name


def event_words(event: Event) -> str:
    """What an event is about: kernel `reader_kernel_id`, the runtime arguments of `reader_kernel_id`, CB `c_0`."""
    slot = event_slot(event)
    about = slot_words(slot) if slot else ""
    if event.kind in (EventKind.CB, EventKind.CB_ADDRESS):
        return about or "a circular buffer"
    if event.kind in (EventKind.KERNEL, EventKind.SEMAPHORE):
        return f"{event.kind.value} {about}" if about else f"a {event.kind.value}"
    if event.kind in (EventKind.PROGRAM, EventKind.REBUILD):
        return "a program"
    return f"the {event.kind.value.removeprefix('circular buffer ')}{f' of {about}' if about else ''}"


def field_words(name: str, infra: str = "") -> str:
    """What create() kept under a name: a member of the shared variables, or a capture of the callback."""
    return f"the captured {code(name)}" if infra == "callback" else code(f"shared_variables.{name}")


def rectangles(cores: Iterable[tuple[int, int]]) -> list[tuple[int, int, int, int]]:
    """Disjoint rectangles (x0, y0, x1, y1) that cover exactly these cores."""
    left, found = set(cores), []
    while left:
        x0, y0 = min(left, key=lambda core: (core[1], core[0]))
        x1, y1 = x0, y0
        while (x1 + 1, y0) in left:
            x1 += 1
        while all((x, y1 + 1) in left for x in range(x0, x1 + 1)):
            y1 += 1
        left -= {(x, y) for x in range(x0, x1 + 1) for y in range(y0, y1 + 1)}
        found.append((x0, y0, x1, y1))
    return found


def area_words(cores: Cores) -> str:
    """Cores as the host API writes ranges: `(0,0)-(3,2), (0,3)`."""
    spans = [
        f"({x0},{y0})" if (x0, y0) == (x1, y1) else f"({x0},{y0})-({x1},{y1})" for x0, y0, x1, y1 in rectangles(cores)
    ]
    return ", ".join(spans[:4]) + (", ..." if len(spans) > 4 else "")


def cores_words(cores: Cores, all_cores: Cores) -> str:
    """How many and which: `12 of 16 cores: (0,0)-(3,2)`; `all 16 cores: (0,0)-(3,3)`; `core (0,0)`."""
    these, those = set(cores), set(all_cores)
    area = area_words(cores)
    if these < those:
        return f"{len(these)} of {len(those)} cores: {area}"
    if len(these) == 1:
        return f"core {area}"
    return f"{'all ' if these == those else ''}{len(these)} cores: {area}"


def on_cores(d: Difference) -> str:
    """` (on 4 of 16 cores: (3,0)-(3,3))` where the cores are not simply all that create() gave arguments, else ``."""
    if not d.cores or not d.all_cores or set(d.cores) == set(d.all_cores):
        return ""
    return f" (on {cores_words(d.cores, d.all_cores)})"


def subject(held: Held, kind: SlotKind) -> str:
    """What a value is, by the inputs it derives from: `the buffer address of tensor_args.b`; `` when it has none."""
    inputs = held.per_dispatch or held.inputs
    if len(inputs) != 1 or not inputs[0].startswith(_ADDRESS_OF):
        names = [f"the {name}" if name.startswith(_ADDRESS_OF) else name for name in inputs]
        return f"a value computed from {listing(names)}" if names else ""
    owner = inputs[0][len(_ADDRESS_OF) :]
    if kind is SlotKind.CB:
        return f"the buffer of {owner}"
    if held.computed and not held.semaphore:
        return f"an address in the buffer of {owner}"
    return f"the {'address' if held.semaphore else 'buffer address'} of {owner}"


def held_words(kind: SlotKind, *helds: Held) -> str:
    """A value for a sentence, with its C++; the first of `helds` that has something to say."""
    held = next((held for held in helds if held.text or held.inputs), Held(None))
    if held.text and held.inputs == (held.text,):
        return code(held.text)
    about = subject(held, kind)
    if about and held.text and held.text not in about:
        return f"{about} ({code(held.text)})"
    return about or (code(held.text) if held.text else "another value")


def created_words(d: Difference) -> str:
    """What create() put into the slot for the first call."""
    return held_words(d.slot.kind, d.created, d.expected)


def expected_words(d: Difference) -> str:
    """What a fresh create() puts into the slot."""
    return held_words(d.slot.kind, d.expected, d.created)


def holds(d: Difference) -> str:
    """`reader` arg 1 holds the buffer address of ...; CB `c_0` is placed on the buffer of ..."""
    if d.further:
        indices = listing([str(slot.index) for slot in (d.slot, *d.further)], MOST_FURTHER)
        words = created_words(d)
        return f"{code(d.slot.owner)} {d.slot.kind.value}s {indices} hold {_SINGULAR.sub('values ', words)}"
    verb = "is placed on" if d.slot.kind is SlotKind.CB else "holds"
    return f"{slot_words(d.slot.name)} {verb} {created_words(d)}"


def them(d: Difference) -> str:
    """What stands for the slots of a difference."""
    return "them" if d.further else "it"


def writes(d: Difference, value: str) -> str:
    """The override's write of `value` to the slot: writes X to `reader` arg 1; re-points CB `c_0` to X."""
    slot = slot_words(d.slot.name)
    return f"re-points {slot} to {value}" if d.slot.kind is SlotKind.CB else f"writes {value} to {slot}"


def create_puts(d: Difference) -> str:
    """The same for create(): create() puts X there; create() places it on X."""
    value = expected_words(d)
    return f"create() places it on {value}" if d.slot.kind is SlotKind.CB else f"create() puts {value} there"


def stale(d: Difference) -> str:
    """What goes wrong on a hit while the slot keeps what the first call left in it."""
    if d.what is What.CB:
        return "the kernels use the first call's buffer"
    if d.what is What.SCALAR:
        return "the kernel gets the first call's value"
    held = d.expected if d.expected.inputs else d.created
    return f"the kernel uses the first call's {'semaphore' if held.semaphore else 'buffer'}"


def unbound_words(facts: FactoryFacts, d: Difference) -> str:
    """Why the framework leaves the slots of a difference alone on a hit."""
    if _passes_tensors(facts):
        return f"but a hit {refreshed_unasked(facts)}, and every other run argument keeps its first value"
    return f"but is not bound to it{on_cores(d)}, and a hit {refreshed_unasked(facts)}"


def refreshed_unasked(facts: FactoryFacts) -> str:
    """What a hit does with a program whose factory has no override that is called."""
    return "only gives the program new tensors" if _passes_tensors(facts) else "patches only what is bound to a buffer"


def _passes_tensors(facts: FactoryFacts) -> bool:
    """Is it a factory of Metal 2.0, which knows of tensors and not of their addresses?"""
    return facts.infra in ("spec", "spec-workload")


# --- findings


def set_here(d: Difference) -> Related:
    if d.cause in (Cause.OUT_OF_RANGE, Cause.OUTSIDE_KERNEL):
        return Related(d.set_at, "create() makes the kernel here")
    verb = "places it" if d.slot.kind is SlotKind.CB else "sets it"
    return Related(d.set_at, f"create() {verb} here")


def never_refreshed(d: Difference) -> Related:
    return Related(d.override, "never refreshed here")


def kept_in(d: Difference) -> tuple[Related, ...]:
    """Where the shared variable concerned is declared, if one is."""
    return (Related(d.field_at, f"{field_words(d.field)} is declared here"),) if d.field and d.field_at else ()


def at_create(rule: Rule, facts: FactoryFacts, d: Difference, message: str, *related: Related) -> Finding:
    """A finding at the line in create() that puts the value, with the override that does not refresh it."""
    return _finding(rule, facts, d, message, d.set_at, (never_refreshed(d), *related))


def at_unbound(rule: Rule, facts: FactoryFacts, d: Difference, message: str) -> Finding:
    """A finding at the line in create_descriptor() that puts the value, where only what is bound gets refreshed."""
    ignored = (Related(facts.uncalled.place, "nothing calls this override"),) if facts.uncalled is not None else ()
    return _finding(rule, facts, d, message, d.set_at, ignored)


def at_write(
    rule: Rule,
    facts: FactoryFacts,
    d: Difference,
    message: str,
    *related: Related,
    severity: Severity | None = None,
) -> Finding:
    """A finding at the override's write, with the line in create() that it should agree with."""
    return _finding(rule, facts, d, message, d.written or d.override, (set_here(d), *related), severity)


def _finding(
    rule: Rule,
    facts: FactoryFacts,
    d: Difference,
    message: str,
    place: Place,
    related: tuple[Related, ...],
    severity: Severity | None = None,
) -> Finding:
    if d.idle:
        message += " The kernel makes nothing of this argument, so nothing goes wrong today."
    return rule.finding(
        facts,
        message,
        place,
        slot=d.slot.name,
        confidence=d.confidence,
        severity=Severity.NOTE if d.idle else severity,
        when=d.when,
        related=tuple(dict.fromkeys(related + d.related)),
        rows=d.rows,
        fix=d.fix,
    )


def at_field(
    rule: Rule,
    facts: FactoryFacts,
    field: SharedField,
    message: str,
    place: Place,
    related: tuple[Related, ...],
    blamed: Sequence[Difference],
    fix: tuple[str, ...] = (),
) -> Finding:
    """A finding about a shared variable; the differences it is to blame for give the witness."""
    return rule.finding(
        facts,
        message,
        place,
        slot=f"shared_variables.{field.name}",
        confidence=field.confidence,
        when=field.when,
        related=related,
        rows=all_rows(blamed),
        fix=fix or all_fixes(blamed),
    )


def at_event(
    rule: Rule,
    facts: FactoryFacts,
    event: Event,
    message: str,
    related: tuple[Related, ...] = (),
    severity: Severity | None = None,
) -> Finding:
    """A finding at something a factory does to its program."""
    return rule.finding(
        facts,
        message,
        event.place,
        slot=event_slot(event),
        confidence=event.confidence,
        severity=severity,
        when=event.when,
        related=related,
    )


def all_rows(items: Iterable[Difference]) -> tuple[Row, ...]:
    """The witness of several differences as one table."""
    return tuple(dict.fromkeys(row for d in items for row in d.rows))


def all_fixes(items: Iterable[Difference]) -> tuple[str, ...]:
    """The fixes of several differences, one after the other; a plain declaration that they share is written once."""
    blocks = list(dict.fromkeys(d.fix for d in items))
    lines = [line for block in blocks for line in block]
    return tuple(lines if any("{" in line or "}" in line for line in lines) else dict.fromkeys(lines))
