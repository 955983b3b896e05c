"""What is kept of a batch: the answer, and all that it was made from. Typed data in MessagePack; no code in it is run.

Files are kept by folder. A file stands there with the digest of what it held and a mark of how it lay on the disk: as
long as the mark is the same, the file need not be read. See `tt_cache_lint.source.reads` for used and passed.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

import msgspec

from tt_cache_lint.hash.model import OpFacts
from tt_cache_lint.model import FactoryFacts, Problem
from tt_cache_lint.source.reads import DIGEST, digest

MARK = 8  # bytes
NO_MARK = bytes(MARK)
MOST_BYTES = 1 << 26  # of an entry, when unpacked

Files = dict[str, dict[str, bytes]]


class Made(msgspec.Struct, array_like=True):
    """What an answer was made from; as `Reads`, with what was there."""

    used: Files
    passed: Files
    entries: dict[str, bytes]  # folders, with a digest of what they hold
    folders: list[str]
    below: dict[str, bytes]  # the same of subtrees
    walks: list[str]
    searched: dict[str, list[list[bytes]]]
    crowded: dict[str, bool]
    names: list[str]
    asked: dict[str, dict[str, list[int]]]  # by the file that asks and the kind, places in `names`
    closures: dict[str, bytes]  # two digests: the order of the used files that a file can see, and of all
    resolved: list[tuple[str, str, str | None]]

    def is_plain(self) -> bool:
        """Are all paths plain ones below the root?"""
        files = (*self.used.values(), *self.passed.values())
        names = "\n".join(name for names in files for name in names)
        if "/" in names or "\0" in names:
            return False
        folders = (*self.used, *self.passed, *self.entries, *self.folders, *self.below, *self.walks, *self.searched)
        others = (*self.crowded, *self.asked, *self.closures, *(folder for _, folder, _ in self.resolved))
        everything = "/\n/".join(path for path in (*folders, *others, *names.split("\n")) if path)
        return not any(part in f"/{everything}/" for part in ("/../", "/./", "//", "\0"))


class Entry(msgspec.Struct, array_like=True):
    made: Made
    answer: bytes


@dataclass(slots=True)
class Answer:
    """What the engine found out about a batch."""

    facts: list[FactoryFacts] = field(default_factory=list)
    operations: list[OpFacts] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    files: int = 0


_encoder = msgspec.msgpack.Encoder()
_entries = msgspec.msgpack.Decoder(Entry)
_answers = msgspec.msgpack.Decoder(Answer)


class Unfit(Exception):
    """Not an entry, or nothing that an entry can hold."""


def pack(entry: Entry) -> bytes:
    """Raises Unfit for what cannot be written down, such as a name that is not UTF-8."""
    try:
        body = zlib.compress(_encoder.encode(entry), 1)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Unfit from error
    return digest(body) + body


def unpack(data: bytes) -> Entry:
    """Raises Unfit for what `pack` did not write."""
    body = data[DIGEST:]
    if digest(body) != data[:DIGEST]:
        raise Unfit
    try:
        inflater = zlib.decompressobj()
        text = inflater.decompress(body, MOST_BYTES)
        if not inflater.eof or inflater.unused_data:
            raise Unfit
        return _entries.decode(text)
    except (zlib.error, ValueError, RecursionError, MemoryError) as error:
        raise Unfit from error


def pack_answer(answer: Answer) -> bytes:
    """Raises Unfit when what is unpacked again would differ."""
    try:
        data = _encoder.encode(answer)
        same = _encoder.encode(_answers.decode(data)) == data
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Unfit from error
    if not same:
        raise Unfit
    return data


def unpack_answer(data: bytes) -> Answer:
    """Raises Unfit for what `pack_answer` did not write."""
    try:
        return _answers.decode(data)
    except (ValueError, RecursionError) as error:
        raise Unfit from error
