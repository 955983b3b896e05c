"""Text from sources, paths and rules, made harmless for terminals and for the log readers of CI systems.

Control characters, escape sequences and invisible or direction-changing characters become visible escapes. CI systems
take commands from a log line that starts with `::` (GitHub) or holds `##[`, `##vso[`, `##teamcity[`; those are broken
up. A newline inside a value is escaped too, so no value can begin a line of its own.
"""

from __future__ import annotations

import re

SGR = r"\x1b\[[0-9;]*m"  # the only escape sequences that our own output holds
COMMAND = re.compile(rf"(?m)^((?:{SGR}|\s)*)::")
MARKER = re.compile(r"##(?=\w*\[)")


def visible(text: str, limit: int = 2000) -> str:
    """`text` with everything that is not a printable character spelled out, cut after `limit` characters."""
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if not text.isprintable():
        text = "".join(char if char.isprintable() else _spelled(char) for char in text)
    return MARKER.sub(r"#\\x23", text) if "##" in text else text


def guarded(output: str) -> str:
    """Whole rendered output, with no line that a CI system would take for a command."""
    return COMMAND.sub(r"\1\\::", output)


def _spelled(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
