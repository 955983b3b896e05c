"""Tensor accessors of device kernels against the compile-time arguments that create() gives them.

A kernel numbers its compile-time arguments by hand. Where an accessor begins at a word that the host means for
something else, or at another tensor's, its pages are looked for in the wrong place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tt_cache_lint.again import ADDRESS
from tt_cache_lint.device.kernel_accessors import KernelAccessor, KernelAccessors
from tt_cache_lint.device.kernel_code import KernelCode
from tt_cache_lint.device.program import Kernel
from tt_cache_lint.device.resources import ACCESSOR
from tt_cache_lint.device.tensors import Buffer
from tt_cache_lint.hash.builds import Part, content, shown
from tt_cache_lint.interp.values import Opaque, Unknown, Val, Value, plain
from tt_cache_lint.kernels import built, compiled_with, kernel_code, numbers
from tt_cache_lint.model import AccessorMismatch, Confidence, Place
from tt_cache_lint.search.exploration import Path, clearest

if TYPE_CHECKING:
    from tt_cache_lint.interp.interp import Interp
    from tt_cache_lint.outcome import Outcome
    from tt_cache_lint.words import Describer

WORDS = 2  # of an accessor, as AccessorArgs.words() gives them
Content = tuple[object, ...]


def accessor_mismatches(interp: Interp, paths: Sequence[Path], words: Describer) -> Iterator[AccessorMismatch]:
    """One for each compile-time argument of a kernel, from the clearest path that shows it."""
    seen: dict[tuple[str, int], AccessorMismatch] = {}
    for path in sorted(paths, key=clearest):
        outcome = path.outcomes[0]
        if not path.is_base and not path.telling:
            continue
        if "select" not in outcome.violations and not outcome.fresh.escaped:
            for found in _of_outcome(interp, path, outcome, words):
                seen.setdefault((found.kernel, found.index), found)
    yield from seen.values()


def _of_outcome(interp: Interp, path: Path, outcome: Outcome, words: Describer) -> Iterator[AccessorMismatch]:
    given = {kernel: built(kernel).parts for kernel in outcome.fresh.kernels}
    contents = {owner: found for parts in given.values() for owner, found in _contents(parts)}
    confidence = Confidence.POSSIBLE if path.contradicts or path.strained else Confidence.LIKELY
    for kernel, parts in given.items():
        for found, there, address in _wrong(interp, kernel, parts, contents, outcome.world.dispatch):
            part = parts[found.first]
            yield AccessorMismatch(
                kernel.name,
                found.first,
                address,
                there,
                shown(part.value),
                words.user(part.mark, part.stack),
                Place(str(plain(kernel.source)), found.args_line),
                Place(str(plain(kernel.source)), found.line),
                words.when(path, outcome.world),
                confidence,
            )


def _wrong(
    interp: Interp, kernel: Kernel, parts: Sequence[Part], contents: dict[str, Content], dispatch: int
) -> Iterator[tuple[KernelAccessor, str, str]]:
    """The accessors of a kernel that begin elsewhere than the host's; with the tensor that the host has there, if any,
    and the one that the address belongs to."""
    begins = accessors_of(parts)
    code = kernel_code(interp, kernel) if begins and kernel.args and not kernel.unsure else None
    if code is None:
        return
    many = (i for i, part in enumerate(parts) if isinstance(part.value, Opaque))
    ends = {first: first + WORDS for first in begins}
    limit = min(*begins, next(many, len(parts)))
    compiled = compiled_with(interp, kernel, code)
    made = _kernel_accessors(interp, code, ends, limit)
    for data in kernel.args.values():
        words = numbers(data.vals, dispatch)
        for found in made.of(words, compiled) if words is not None else ():
            address = _address(data.vals[found.address]) if found.address < len(data.vals) else ""
            if not address or found.first >= len(parts):
                continue
            there = begins.get(found.first)
            if there is None and not isinstance(plain(parts[found.first].value), Unknown):
                yield found, "", address
            elif there and there != address and _differ(contents.get(there), contents.get(address)):
                yield found, there, address


def accessors_of(parts: Sequence[Part]) -> dict[int, str]:
    """The compile-time arguments at which the host's accessors begin, with the tensor of each, "" for none."""
    return {i: owner for i, part in enumerate(parts) if (owner := _begins(part.value)) is not None}


def _kernel_accessors(interp: Interp, code: KernelCode, ends: dict[int, int], limit: int) -> KernelAccessors:
    place = ("accessors", code.file.path, tuple(ends.items()), limit)
    if place not in interp.kernels:
        interp.kernels[place] = KernelAccessors(code, ends, limit)
    found: KernelAccessors = interp.kernels[place]
    return found


def _origin(value: Value) -> object:
    """How a value was made, without the conversions after it."""
    term = value.t if isinstance(value, Val) else None
    while isinstance(term, tuple) and term[0] == "cast":
        term = term[1].t if isinstance(term[1], Val) else None
    return term


def _begins(value: Value) -> str | None:
    """The tensor whose accessor begins with a word: "" for none, None when none begins there."""
    origin = _origin(value)
    if not isinstance(origin, tuple) or origin[0] != ACCESSOR:
        return None
    return origin[1].owner if isinstance(origin[1], Buffer) else ""


def _contents(parts: Sequence[Part]) -> Iterator[tuple[str, Content]]:
    """The words of each tensor's accessor."""
    for first, part in enumerate(parts):
        owner = _begins(part.value)
        if owner:
            values = [p.value for p in parts[first : first + WORDS]]
            yield owner, tuple(repr(v.content) if isinstance(v, Opaque) else content(v) for v in values)


def _differ(one: Content | None, other: Content | None) -> bool:
    """Do two tensors have other words, as far as is known?"""
    return one is not None and other is not None and one != other


def _address(value: Value) -> str:
    """The tensor whose address an argument is, "" when it is none."""
    origin = _origin(value)
    return origin.removeprefix(ADDRESS) if isinstance(origin, str) and origin.startswith(ADDRESS) else ""
