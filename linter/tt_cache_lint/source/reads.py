"""What an answer was made from: the files, folders and names that were looked at on the way to it.

A file is *used* when something that stands in it went into the answer. It was only *passed* when it was looked through
for something that it does not hold. A change of a used file may change the answer; a change of one that was passed may
do so only when it now holds what was looked for. Which files were passed follows from where names were looked for: the
closures of the files that ask, folders, and whole subtrees.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

Words = tuple[bytes, ...]
DIGEST = 16  # bytes


def digest(data: bytes) -> bytes:
    """What stands for a content."""
    return hashlib.blake2b(data, digest_size=DIGEST).digest()


@dataclass(slots=True)
class Reads:
    """All that was looked at. Paths are relative to the root.

    `asked` has the names that were looked for, each with the file it was looked for from ("" when that was not what one
    can see from a file, but `folders` or `crowded`) and the kind of definition; `closures` these files. `searched` are
    subtrees with the words that a file there has to hold to be used; `crowded` says of subtrees whether they hold too
    many files to be looked through. `resolved` are includes with the folder of who includes.
    """

    used: set[str] = field(default_factory=set)
    asked: set[tuple[str, str, str]] = field(default_factory=set)
    closures: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    walks: set[str] = field(default_factory=set)
    searched: dict[str, set[Words]] = field(default_factory=dict)
    crowded: dict[str, bool] = field(default_factory=dict)
    resolved: set[tuple[str, str]] = field(default_factory=set)
    lasting: bool = True  # False when something was looked at that is not noted here
