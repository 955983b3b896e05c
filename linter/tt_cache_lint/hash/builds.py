"""Two programs of one op, compared in all that a hit never refreshes.

Compile-time arguments, defines, kernel sources and configs, core sets, semaphores, and the sizes and formats of
circular buffers (device_model.md sections 3, 4 and 7). What the override itself resizes is compared after it did.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tt_cache_lint.device.cores import XY, describe
from tt_cache_lint.device.kernel_config import KernelConfig
from tt_cache_lint.device.program import CircularBuffer, Kernel, Program
from tt_cache_lint.interp.access import value_of
from tt_cache_lint.interp.values import (
    NOWHERE,
    Enum,
    InitList,
    Map,
    Mark,
    Opaque,
    Opt,
    Struct,
    Unknown,
    Val,
    Value,
    Vec,
    empty,
    mask,
    plain,
)

Stack = tuple[Mark, ...]
LISTS = {"compile_args": "compile-time arg", "compile_time_args": "compile-time arg"}
MAPS = {
    "defines": "define",
    "named_compile_args": "named compile-time arg",
    "named_compile_time_args": "named compile-time arg",
}
# How Program.why begins where only runtime arguments are in doubt (device/api.py).
ARGUMENTS = (
    "runtime arguments for",
    "SetRuntimeArgs",
    "SetCommonRuntimeArgs",
    "GetRuntimeArgs",
    "GetCommonRuntimeArgs",
)
# Members of a KernelDescriptor that are compared on their own, or that hits refresh.
ELSEWHERE = {"kernel_source", "core_ranges", "runtime_args", "common_runtime_args", "buffer_bindings"}


@dataclass(frozen=True, slots=True)
class Part:
    """One compile-time part of a program. `what` is stable text; `kind` groups parts for messages."""

    owner: str
    what: str
    value: Value
    mark: Mark
    stack: Stack

    @property
    def name(self) -> str:
        return f"{self.owner} {self.what}"


@dataclass(frozen=True, slots=True)
class Change:
    """A part that differs between two programs. `unknown` when one of the two values could not be computed."""

    owner: str
    what: str
    old: str
    new: str
    mark: Mark
    stack: Stack
    unknown: bool = False
    p: int = 0

    @property
    def name(self) -> str:
        return f"{self.owner} {self.what}".strip()


class Differ:
    """Compares the parts of two programs."""

    def __init__(self, unknown_bits: int) -> None:
        self.unknown_bits = unknown_bits

    def changes(self, old: Program, new: Program) -> Iterator[Change]:
        """What is compiled or allocated otherwise in the second program."""
        yield from self._population(old, new)
        if len(old.kernels) == len(new.kernels):
            for a, b in zip(old.kernels, new.kernels, strict=True):
                yield from self._kernel(a, b)
        if len(old.cbs) == len(new.cbs):
            for c, d in zip(old.cbs, new.cbs, strict=True):
                yield from self._buffer(c, d)
        if old.semaphores != new.semaphores:
            mark = new.mark or old.mark or NOWHERE
            yield Change("", "number of semaphores", str(len(old.semaphores)), str(len(new.semaphores)), mark, ())

    def _population(self, old: Program, new: Program) -> Iterator[Change]:
        """Kernels and circular buffers that only one of the two has."""
        pairs: tuple[tuple[str, list[Kernel] | list[CircularBuffer], list[Kernel] | list[CircularBuffer]], ...] = (
            ("kernels", old.kernels, new.kernels),
            ("circular buffers", old.cbs, new.cbs),
        )
        for what, before, after in pairs:
            if len(before) == len(after):
                continue
            longer, shorter = (before, after) if len(before) > len(after) else (after, before)
            names = [item.name for item in shorter]
            extra = longer[-1]
            for item in longer:
                if item.name not in names:
                    extra = item
                    break
                names.remove(item.name)
            yield Change("", f"number of {what}", str(len(before)), str(len(after)), extra.mark, extra.stack)

    def _kernel(self, old: Kernel, new: Kernel) -> Iterator[Change]:
        name, mark, stack = new.name, new.mark, new.stack
        yield from self._value(name, "source", old.source, new.source, mark, stack)
        if set(old.cores) != set(new.cores):
            yield self._cores(name, old.cores, new.cores, mark, stack, new.unsure or old.unsure)
        parts = {part.what: part for part in parts_of(old)}
        for part in parts_of(new):
            known = parts.pop(part.what, None)
            if known is None:
                yield Change(name, part.what, "none", shown(part.value), part.mark, stack, self._is_unknown(part.value))
            else:
                yield from self._value(name, part.what, known.value, part.value, part.mark, stack)
        for part in parts.values():
            yield Change(name, part.what, shown(part.value), "none", part.mark, stack, self._is_unknown(part.value))

    def _cores(
        self, name: str, old: list[XY], new: list[XY], mark: Mark, stack: Stack, unknown: bool = False
    ) -> Change:
        return Change(name, "cores", describe(old), describe(new), mark, stack, unknown)

    def _buffer(self, old: CircularBuffer, new: CircularBuffer) -> Iterator[Change]:
        name, mark, stack = f"CB {new.name}", new.mark, new.stack
        if set(old.cores) != set(new.cores):
            yield self._cores(name, old.cores, new.cores, mark, stack)
        if empty(old.buffer) != empty(new.buffer):
            before, after = ("in its own memory" if empty(b) else "on a tensor" for b in (old.buffer, new.buffer))
            yield Change(name, "placement", before, after, mark, stack)
        yield from self._value(name, "total size", old.total, new.total, mark, stack)
        for what, ours, theirs in (("page size", old.pages, new.pages), ("data format", old.formats, new.formats)):
            for index in theirs:
                if index in ours:
                    yield from self._value(name, what, ours[index], theirs[index], mark, stack)
            if set(ours) != set(theirs):
                yield Change(name, "indices", shown_keys(ours), shown_keys(theirs), mark, stack)
                break

    def _value(self, owner: str, what: str, old: Value, new: Value, mark: Mark, stack: Stack) -> Iterator[Change]:
        before, after = content(old), content(new)
        if before == after:
            return
        unknown = self._is_unknown(old) or self._is_unknown(new)
        yield Change(owner, what, shown(old), shown(new), mark, stack, unknown, mask(old) | mask(new))

    def _is_unknown(self, value: Value) -> bool:
        if isinstance(value, Opaque):
            return value.content is None
        bare = plain(value)
        if not isinstance(bare, (int, float, str, Enum)) and bare is not None:
            return True
        return bool(mask(value) & self.unknown_bits)


def parts_of(kernel: Kernel) -> Iterator[Part]:
    """The compile-time parts of a kernel's config, one by one."""
    for name, value, mark in _members(kernel.config):
        yield from _parts(kernel, name, value, mark or kernel.mark)


def _members(config: Value) -> Iterator[tuple[str, Value, Mark | None]]:
    config = config.v if isinstance(config, Opt) else config
    if isinstance(config, KernelConfig):
        names = config.positions()
        for position, given in enumerate(config.given):
            if isinstance(given, InitList) and given.names is not None:
                yield from _members(given)
            elif isinstance(given, InitList) and len(config.given) == 1 and not names:
                yield "config", given, given.mark
            elif position < len(names):
                yield names[position], given, None
            else:
                yield f"config[{position}]", given, None
    elif isinstance(config, InitList):
        names = tuple(config.names or ())
        for position, value in enumerate(config.items):
            name = names[position] if position < len(names) else ""
            yield name or f"config[{position}]", value, config.marks[position] if config.marks else None
    elif isinstance(config, Struct):
        for name, value in {**config.defaults, **config.fields}.items():  # written in place, or as a whole
            if name in ELSEWHERE:
                continue
            inner = value_of(value)
            if isinstance(inner, Opt):
                inner = inner.v
            if isinstance(inner, (Struct, KernelConfig)):
                yield from _members(inner)
            else:
                yield name, inner, config.marks.get(name)


def _parts(kernel: Kernel, name: str, value: Value, mark: Mark) -> Iterator[Part]:
    value = value_of(value)
    if isinstance(value, (Vec, InitList)) and name in MAPS:
        for item in value.items:
            pair = value_of(item)
            if isinstance(pair, (Vec, InitList)) and len(pair.items) == 2:
                yield Part(kernel.name, f"{MAPS[name]} {plain(pair.items[0])}", pair.items[1], mark, kernel.stack)
    elif isinstance(value, (Vec, InitList)):
        label = LISTS.get(name, name)
        for index, item in enumerate(value.items):
            where = value.marks[index] if index < len(value.marks) else None
            yield Part(kernel.name, f"{label} {index}", value_of(item), where or mark, kernel.stack)
    elif isinstance(value, Map):
        for key, item in value.items.values():
            yield Part(kernel.name, f"{MAPS.get(name, name)} {plain(key)}", value_of(item), mark, kernel.stack)
    elif isinstance(value, Struct):
        return
    else:
        yield Part(kernel.name, name, value, mark, kernel.stack)


def content(value: Value) -> object:
    """What counts when two compile-time values are compared: numbers, text, enumerators; unknowns by name."""
    if isinstance(value, Opaque):
        return ("...", value.key, repr(value.content))
    bare = plain(value)
    if isinstance(bare, bool):
        return int(bare)
    if bare is None or isinstance(bare, (int, float, str, Enum)):
        return bare
    if isinstance(bare, Unknown):
        return ("?", bare.key)
    if isinstance(bare, (Vec, InitList)):
        return tuple(content(value_of(i)) for i in bare.items)
    return type(bare).__name__


def shown(value: Value) -> str:
    """A compile-time value as text."""
    if isinstance(value, Opaque):
        return "other words"
    bare = plain(value)
    if isinstance(bare, bool):
        return str(int(bare))
    if isinstance(bare, Enum):
        return bare.name
    if isinstance(bare, (int, float, str)):
        return str(bare)
    return "none" if bare is None else "unknown"


def shown_keys(formats: dict[object, Value]) -> str:
    return ", ".join(f"c_{k}" if isinstance(k, int) else str(k) for k in formats) or "none"


def unreadable(program: Program) -> bool:
    """Was the program in create() handed to code that could not be read? What only sets arguments does not count."""
    return "create" in program.escaped and any(not why.startswith(ARGUMENTS) for why in program.why)


def all_parts(program: Program) -> Iterator[Change]:
    """Every compile-time part of a program, with the inputs it derives from."""
    for kernel in program.kernels:
        yield Change(kernel.name, "cores", "", "", kernel.mark, kernel.stack, p=kernel.cores_mask)
        yield Change(kernel.name, "source", "", "", kernel.mark, kernel.stack, p=mask(kernel.source))
        for part in parts_of(kernel):
            yield Change(kernel.name, part.what, "", "", part.mark, part.stack, p=mask(part.value))
    for cb in program.cbs:
        name = f"CB {cb.name}"
        yield Change(name, "cores", "", "", cb.mark, cb.stack, p=cb.cores_mask)
        yield Change(name, "total size", "", "", cb.mark, cb.stack, p=mask(cb.total))
        for what, values in (("page size", cb.pages), ("data format", cb.formats)):
            for value in values.values():
                yield Change(name, what, "", "", cb.mark, cb.stack, p=mask(value))


def leaves_of(program: Program) -> int:
    """The inputs that the compile-time parts of a program derive from, as far as the values say."""
    p = 0
    for kernel in program.kernels:
        p |= kernel.cores_mask | mask(kernel.source)
        for name, value, _ in _members(kernel.config):
            p |= _leaves(name, value_of(value))
    for cb in program.cbs:
        p |= cb.cores_mask | mask(cb.total)
        for values in (cb.pages, cb.formats):
            for value in values.values():
                p |= mask(value)
    return p


def _leaves(name: str, value: Value) -> int:
    """The inputs that one member of a kernel's config derives from; told without making its parts."""
    items: Iterable[Value]
    if isinstance(value, (Vec, InitList)) and name in MAPS:
        pairs = (value_of(item) for item in value.items)
        items = (p.items[1] for p in pairs if isinstance(p, (Vec, InitList)) and len(p.items) == 2)
    elif isinstance(value, (Vec, InitList)):
        items = (value_of(item) for item in value.items if type(item) is not int)
    elif isinstance(value, Map):
        items = (value_of(item) for _, item in value.items.values())
    else:
        return 0 if isinstance(value, Struct) else mask(value)
    found = 0
    for item in items:
        found |= mask(item)
    return found


def runtime_leaves_of(program: Program) -> int:
    """The inputs that the runtime arguments of a program derive from."""
    p = 0
    for kernel in program.kernels:
        for data in (*kernel.args.values(), *([kernel.common] if kernel.common is not None else [])):
            for value in data.vals:
                if not isinstance(value, int):
                    p |= mask(value)
    return p


__all__ = ["Change", "Differ", "Part", "Val", "content", "leaves_of", "parts_of", "runtime_leaves_of", "shown"]
