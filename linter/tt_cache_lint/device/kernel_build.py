"""What a device kernel is compiled with: its compile-time arguments and defines, and what its files say of others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from tt_cache_lint.device.kernel_readers import Source as Fetched

if TYPE_CHECKING:
    from tt_cache_lint.device.kernel_numbers import Answers
    from tt_cache_lint.device.kernel_words import Uses

Number = int | None
_DEFINED = re.compile(rb"#[ \t]*define[ \t]+(\w+)")
COMPILED, NAMED, DEFINE = "get_compile_time_arg_val", "get_named_compile_time_arg_val", "define"
# What a number derives from: the index of a runtime argument, or how something compiled is told and its number or name.
Source = int | tuple[str, int | str]
# Defined by the build of the device, not by the host program (tt_metal/jit_build/build.cpp).
TOOLCHAIN = ("ARCH_", "COMPILE_FOR_", "DEBUG", "DPRINT", "WATCHER", "PROFILE", "NOC_", "TRISC", "UCK_", "FORCE_")


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a kernel is compiled with. `defines` is None when they are not known; `texts` are its files.

    `elsewhere` are the arguments that functions beside kernel_main read by a literal number, `helpers` those functions
    and classes that may read arguments by a number that they are given. `roles` are the compile-time arguments, by
    number or name, and `own` the runtime arguments that tell one role of the source from another. With `exact` only
    this one program matters, not what other inputs would have the kernel compiled with.
    """

    words: Mapping[int, Number] = field(default_factory=dict)
    named: Mapping[str, Number] = field(default_factory=dict)
    defines: Mapping[str, str] | None = field(default_factory=dict)
    texts: tuple[bytes, ...] = ()
    elsewhere: frozenset[Fetched] = frozenset()
    helpers: frozenset[str] = frozenset()
    roles: frozenset[int | str] = frozenset()
    own: frozenset[int] = frozenset()
    answers: dict[object, Answers[Uses]] = field(default_factory=dict)
    exact: bool = False

    known: object = None  # what of it is known at all, whatever it is

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", (frozenset(self.words), frozenset(self.named), self.defines is None))

    def tells(self, word: int | str) -> bool:
        """Does a compile-time argument decide for certain?"""
        return self.exact or word in self.roles

    def held(self, source: tuple[str, int | str]) -> object:
        """What a source holds."""
        kind, name = source
        if kind == COMPILED:
            return self.words.get(name) if isinstance(name, int) else None
        if kind == NAMED:
            return self.named.get(str(name))
        return self.defined(str(name)), (self.defines or {}).get(str(name))

    def defined(self, name: str) -> bool | None:
        """Is a macro defined? None when that cannot be told."""
        if self.defines is None:
            return None
        if name in self.defines:
            return True
        return None if name.startswith(TOOLCHAIN) or name.encode() in _defined_in(self.texts) else False


@lru_cache(maxsize=256)
def _defined_in(texts: tuple[bytes, ...]) -> frozenset[bytes]:
    """The macros that files define."""
    return frozenset(name for text in texts for name in _DEFINED.findall(text))


UNKNOWN = Compiled(defines=None)
