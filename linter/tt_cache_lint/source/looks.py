"""What the text around a name looks like where the name is defined.

A file that only mentions a name need not be parsed for it. Every answer errs on the side of "it may be a definition":
a file that is parsed in vain costs time, one that is passed over costs a definition.
"""

from __future__ import annotations

import re
from collections.abc import Callable

MANY = 200  # mentions of a name in one file that are looked at; beyond, parsing is as fast
FAR = 4096  # bytes in front of a name within which a statement begins

_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_BLANK = b" \t\r\n\f\v"
_USING = re.compile(rb"using\b(?!\s+namespace\b)")
_NEW_NAME = re.compile(rb"\s*(?:[=;,.\[/]|\Z)")
_OF_ENUM = re.compile(rb"\benum\s+\Z")
_NO_CLASS_BODY = re.compile(rb"\s*(?:::|[;>,)&*=(])")
# A function's parameters may hold comments, and these anything; then comes a body, the braces of a default argument,
# `= default` or `= delete`. Every text matches in one way only: a second way to end a comment would double the time for
# each comment.
_BODY = re.compile(
    rb"\s*(?:<[^;{}()]*>\s*)?\((?:[^;{}/]|/(?![/*])|//[^\n]*\n|/\*(?:[^*]|\*(?!/))*\*/)*(?:\{|=\s*(?:default|delete)\b)"
)
_OPERATORS = frozenset(b"(,=!<+-.?|%^")  # what stands in front of a call, and of no declarator
_PARENTHESIS = re.compile(rb"\s*\(")
_DECLARED = re.compile(rb"(?:[\w>&*](?<!\breturn)\s+[&*]*|^[ \t]*|\A\s*)\Z", re.M)
_CONSTANT = re.compile(rb"\s*([=;{\[(,/)])")
_TYPED = re.compile(
    rb"(?:\w(?<!\breturn)(?<!\bclass)(?<!\bstruct)(?<!\benum)(?<!\bnamespace)\s+|[>&*\])}/,\\]\s*|\A\s*)(?:\w+\s*(?:<[^<>;{}()]*>)?\s*::\s*)*\Z",
)
_MACRO = re.compile(rb"#[ \t]*define[ \t]+\Z")
_LISTED = re.compile(rb"\s*[,=}/\[#]")
_BRACE_SAID = re.compile(rb"//[^\n]*\}|/\*(?:[^*]|\*(?!/))*\}")  # in a comment
_NEAR = 200  # bytes in front of a name in which its type ends


def may_define(kind: str, name: bytes, text: bytes) -> bool:
    """False when the text shows that no definition of a kind of `Index` is called `name`, an identifier, in it."""
    is_one = _LOOKS.get(kind)
    if is_one is None:
        return True
    if kind == "functions" and text.count(name) > MANY:
        return True
    at, looked = text.find(name), 0
    while at >= 0:
        end = at + len(name)
        if (not at or text[at - 1] not in _WORD) and (end == len(text) or text[end] not in _WORD):
            looked += 1
            if looked > MANY or is_one(text, at, end):
                return True
        at = text.find(name, end)
    return False


def _since(text: bytes, at: int, stops: tuple[bytes, ...]) -> bytes | None:
    """The text between the last of some characters and a place; None where that is far."""
    low = max(0, at - FAR)
    start = max(text.rfind(stop, low, at) for stop in stops)
    return text[start + 1 : at] if start >= 0 else (text[:at] if low == 0 else None)


def _struct(text: bytes, at: int, end: int) -> bool:
    """`struct NAME {`; no base class and no forward declaration."""
    if _NO_CLASS_BODY.match(text, end):
        return False
    head = _since(text, at, (b";", b"{", b"}"))
    if head is None:
        return True
    word = max(head.rfind(b"struct"), head.rfind(b"class"), head.rfind(b"union"))
    if word < 0 or _OF_ENUM.search(head, 0, word):
        return False
    return b":" not in head[word:].replace(b"::", b"")


def _enum(text: bytes, at: int, end: int) -> bool:
    head = _since(text, at, (b";", b"{", b"}"))
    return head is None or b"enum" in head


def _alias(text: bytes, at: int, end: int) -> bool:
    """`using NAME =`, `using ns::NAME;` or `typedef T NAME;`; no using-directive and no alias of it."""
    head = _since(text, at, (b";",))
    if head is None or b"typedef" in head:
        return True
    return _NEW_NAME.match(text, end) is not None and _USING.search(head, head.rfind(b"=") + 1) is not None


def _function(text: bytes, at: int, end: int) -> bool:
    """A name with parameters and a body, which is not part of a larger expression in its line."""
    before = text[max(0, at - _NEAR) : at].rstrip(b" \t")
    if before and (before[-1] in _OPERATORS or before.endswith((b"->", b" return"))):
        return False
    return _BODY.match(text, end) is not None


def _declaration(text: bytes, at: int, end: int) -> bool:
    """A type, or the begin of a line, then a name with parameters."""
    return bool(_PARENTHESIS.match(text, end)) and _DECLARED.search(text[max(0, at - _NEAR) : at]) is not None


def _constant(text: bytes, at: int, end: int) -> bool:
    """A type, then a name with an initialiser or the end of a declaration; or an object-like macro."""
    before = text[max(0, at - _NEAR) : at]
    if _MACRO.search(before):
        return True
    after = _CONSTANT.match(text, end)
    if after is None or _TYPED.search(before) is None:
        return False
    if after[1] == b")":
        return before.endswith((b"*", b"&"))  # a pointer to a function
    if after[1] != b"," and not before.rstrip(_BLANK).endswith(b","):
        return True
    head = _since(text, at, (b";", b"{", b"}"))  # a list of declarators; no argument or parameter
    return head is None or (head.count(b"(") == head.count(b")") and head.count(b"<") == head.count(b">"))


def _enumerator(text: bytes, at: int, end: int) -> bool:
    """A name in the braces of an enumeration."""
    if _LISTED.match(text, end) is None:
        return False
    before = text[max(0, at - _NEAR) : at]
    bare = before.rstrip(_BLANK)
    if bare and bare[-1] not in b"{,/" and b"\n" not in before[len(bare) :]:
        return False
    depth, low, name = 0, max(0, at - 4 * FAR), at
    for _ in range(MANY):
        opened, closed = text.rfind(b"{", low, at), text.rfind(b"}", low, at)
        at = max(opened, closed)
        if at < 0:
            return low > 0
        if closed > opened:
            depth += 1
        elif depth:
            depth -= 1
            if _enum(text, at, end) and _BRACE_SAID.search(text, at, name):
                return True
        else:
            return _enum(text, at, end)
    return True


_LOOKS: dict[str, Callable[[bytes, int, int], bool]] = {
    "structs": _struct,
    "enums": _enum,
    "enumerators": _enumerator,
    "aliases": _alias,
    "consts": _constant,
    "functions": _function,
    "declarations": _declaration,
}
