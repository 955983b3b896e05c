"""String streams: what is written to one, as text where all of it is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tt_cache_lint.interp.registry import Site, constructor, method
from tt_cache_lint.interp.values import Mark, Obj, Unknown, Val, Value, key_of, mask, plain

if TYPE_CHECKING:
    from tt_cache_lint.interp.machine import Machine
    from tt_cache_lint.interp.types import Type


class Stream(Obj):
    """A std::stringstream. What is read from it again is not followed."""

    __slots__ = ("pieces",)

    def __init__(self) -> None:
        self.pieces: list[Value] = []

    def put(self, value: Value) -> Stream:
        """`stream << value`"""
        self.pieces.append(value)
        return self


@constructor("stringstream", "ostringstream")
def make_stream(m: Machine, type_: Type, args: list[Value], mark: Mark | None) -> Value:
    made = Stream()
    made.pieces.extend(args[:1])
    return made


@method(Stream, "str")
def text_of(m: Machine, site: Site, v: Stream, *given: Value) -> Value:
    """The text; a new one replaces it."""
    if given:
        v.pieces = [given[0]]
        return None
    p, words = 0, []
    for piece in v.pieces:
        bare = plain(piece)
        p |= mask(piece)
        if type(bare) not in (int, str):
            return Unknown(f"text({', '.join(key_of(i) for i in v.pieces)})", _mask_of(v))
        words.append(str(bare))
    text = "".join(words)
    return Val(text, p) if p else text


def _mask_of(stream: Stream) -> int:
    p = 0
    for piece in stream.pieces:
        p |= mask(piece)
    return p
