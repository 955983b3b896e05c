"""The memory of an object of a class, read and written as numbers through a cast pointer."""

from __future__ import annotations

from typing import Any

from tt_cache_lint.interp.sizes import scalar_size, size_of
from tt_cache_lint.interp.types import Type
from tt_cache_lint.interp.values import Mark, Ptr, Struct, Unknown, Value, Vec, mask

MOST_WORDS = 64


class Memory(Vec):
    """What lies in memory is not modelled: each number read from it is unknown, and a write leaves no member known."""

    __slots__ = ("struct",)

    def __init__(self, struct: Struct, words: int) -> None:
        name = f"memory of {struct.name}"
        super().__init__([Unknown(f"{name}[{i}]", mask(struct)) for i in range(words)], "array")
        self.struct = struct

    def put(self, index: int, value: Value, mark: Mark | None) -> None:
        super().put(index, value, mark)
        for field in self.struct.names():
            self.struct.set(field, Unknown(f"{self.struct.name}.{field}", mask(value)), mark)


def memory_of(m: Any, struct: Struct, pointer: Type) -> Ptr | None:
    """What a pointer to numbers points to when it is made of the address of an object; None for other pointers."""
    word = scalar_size(Type(pointer.name))
    if not word:
        return None
    size = size_of(m.interp, Type(struct.name, (), struct.type)) if struct.type is not None else None
    words = min(size.bytes // word, MOST_WORDS) if size is not None else MOST_WORDS
    return Ptr(Memory(struct, words), 0)
