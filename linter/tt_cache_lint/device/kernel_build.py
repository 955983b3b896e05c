"""What a device kernel is compiled with: its compile-time arguments and defines, and what its files say of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tt_cache_lint.device.kernel_readers import Source

if TYPE_CHECKING:
    from tt_cache_lint.device.kernel_words import Uses

Number = int | None
COMPILED, NAMED = "get_compile_time_arg_val", "get_named_compile_time_arg_val"
# Defined by the build of the device, not by the host program (tt_metal/jit_build/build.cpp).
TOOLCHAIN = ("ARCH_", "COMPILE_FOR_", "DEBUG", "DPRINT", "WATCHER", "PROFILE", "NOC_", "TRISC", "UCK_", "FORCE_")


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a kernel is compiled with. `defines` is None when they are not known; `texts` are its files.

    `elsewhere` are the arguments that functions beside kernel_main read by a literal number, `helpers` those functions
    and classes that may read arguments by a number that they are given. `roles` are the compile-time arguments, by
    number or name, and `own` the runtime arguments that tell one role of the source from another.
    """

    words: Mapping[int, Number] = field(default_factory=dict)
    named: Mapping[str, Number] = field(default_factory=dict)
    defines: Mapping[str, str] | None = field(default_factory=dict)
    texts: tuple[bytes, ...] = ()
    elsewhere: frozenset[Source] = frozenset()
    helpers: frozenset[str] = frozenset()
    roles: frozenset[int | str] = frozenset()
    own: frozenset[int] = frozenset()
    answers: dict[object, dict[tuple[int, ...], dict[tuple[Number, ...], Uses]]] = field(default_factory=dict)

    def defined(self, name: str) -> bool | None:
        """Is a macro defined? None when that cannot be told."""
        if self.defines is None:
            return None
        if name in self.defines:
            return True
        if name.startswith(TOOLCHAIN) or any(b"#define " + name.encode() in text for text in self.texts):
            return None
        return False


UNKNOWN = Compiled(defines=None)
