"""What loops go over and structured bindings take apart."""

from __future__ import annotations

from typing import Any

from tt_cache_lint.interp.refs import sequence_ref
from tt_cache_lint.interp.values import (
    Absent,
    Entry,
    InitList,
    Map,
    Mark,
    Opt,
    Ref,
    Struct,
    Unknown,
    Value,
    Vec,
    key_of,
    plain,
)


def components(m: Any, value: Value, count: int) -> list[Value]:
    """What a structured binding takes apart, as lvalues where there are any."""
    if isinstance(value, Ref):
        value = value.get()
    if isinstance(value, Opt):
        value = value.v
    if isinstance(value, (Vec, InitList)):
        if len(value.items) < count:
            return [sequence_ref(value, i) for i in range(len(value.items))] + [
                Unknown(f"{key_of(value)}[{i}]") for i in range(len(value.items), count)
            ]
        return [sequence_ref(value, i) for i in range(count)]
    if isinstance(value, Struct):
        return [m.interp.member_ref(m, value, name) for name in value.names()[:count]]
    own = getattr(value, "components", None)
    if own is not None:
        parts = list(own())
        return parts
    return [Unknown(f"{key_of(value)}[{i}]", getattr(value, "p", 0)) for i in range(count)]


def iterate(m: Any, value: Value, key: str) -> list[Value]:
    """The elements of a range, as lvalues where there are any."""
    if isinstance(value, Ref):
        value = value.get()
    if isinstance(value, Opt):
        value = value.v
    if isinstance(value, (Vec, InitList)):
        return [sequence_ref(value, i) for i in range(len(value.items))]
    if isinstance(value, Map):
        return [Entry(value, k, v) for k, v in list(value.ordered())]
    own = getattr(value, "elements", None)
    if own is not None:
        found: list[Value] = list(own())
        return found
    if isinstance(value, str):
        return list(value)
    if isinstance(value, Unknown):
        count = plain(m.unknown_number(f"size of {value.key}", value.p))
        return [Unknown(f"{value.key}[{i}]", value.p) for i in range(min(count, 3))]
    if value is None or isinstance(value, Absent):
        raise m.thrown("a loop over nothing")
    m.unknown_call(f"loop over {type(value).__name__}", [])
    return []


def note_walk(m: Any, container: Value, mark: Mark) -> None:
    """Note that a hash function walks over a container without an order."""
    value = container.get() if isinstance(container, Ref) else container
    kind = getattr(value, "kind", "")
    if isinstance(kind, str) and kind.startswith("unordered_"):
        m.walked.append((mark.text, kind, mark))
