"""Source frames: a few lines of a file with the places of a finding marked and annotated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from tt_cache_lint.model import Place
from tt_cache_lint.report.safe import visible
from tt_cache_lint.report.style import FAINT, SECOND, Glyphs

BEFORE = 2
AFTER = 1
RANGE_SHOWN = 5  # a longer range is cut in the middle
TAB = 4
MESSAGE = 200
READ = 1000  # characters of a line that are looked at, around the mark

CLOSING = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, slots=True)
class Mark:
    """A place to point at, and what to write under it."""

    place: Place
    message: str
    style: str = SECOND
    primary: bool = False

    @property
    def last(self) -> int:
        """The last line to mark: a related place is pointed at, only the primary one is shown as a range."""
        return self.place.last if self.primary else self.place.line


@dataclass(frozen=True, slots=True)
class Painter:
    """Draws the frames of one finding."""

    texts: Mapping[str, Sequence[str]]
    glyphs: Glyphs
    width: int

    def frames(self, marks: Sequence[Mark]) -> Iterator[Text]:
        """All marks, those of one file in one frame; the file of the first mark comes first."""
        order = list(dict.fromkeys(mark.place.path for mark in marks))
        digits = max(len(str(mark.last + AFTER)) for mark in marks)
        for path in order:
            here = [mark for mark in marks if mark.place.path == path]
            lines = self.texts.get(path, ())
            known = [mark for mark in here if mark.place.line <= len(lines)]
            if known:
                yield self._header(known[0], digits)
                yield from self._frame(known, lines, digits)
            for mark in here:
                if mark not in known:
                    yield self._header(mark, digits, mark.message)

    def _header(self, mark: Mark, digits: int, message: str = "") -> Text:
        place = mark.place
        text = Text(" " * (digits + 2) + self.glyphs.corner + " ", FAINT)
        text.append(f"{visible(place.path)}:{place.line}:{place.column}", "blue" if mark.primary else FAINT)
        if message:
            text.append(f"  {visible(message)}", mark.style)
        return text

    def _frame(self, marks: Sequence[Mark], lines: Sequence[str], digits: int) -> Iterator[Text]:
        previous = 0
        for number in _numbers(marks, len(lines)):
            if previous and number > previous + 1:
                yield Text(f"{'':{digits + 1}} {self.glyphs.gap}", FAINT)
            previous = number
            yield from self._line(number, lines[number - 1], marks, digits)

    def _line(self, number: int, raw: str, marks: Sequence[Mark], digits: int) -> Iterator[Text]:
        room = max(20, self.width - digits - 4)
        starting = [mark for mark in marks if mark.place.line == number]
        ranges = [mark for mark in marks if mark.place.line <= number <= mark.last]
        column = starting[0].place.column if starting else 1
        code, first = _window(raw, column, room, self.glyphs.cut)
        # A mark on many lines is shown by a block before each of them, a mark on one line by what is under it.
        block = next((mark.style for mark in ranges if mark.last > mark.place.line), "")
        text = Text(self.glyphs.block if block else " ", block)
        text.append(f"{number:>{digits}} ", (ranges[0].style if ranges else FAINT))
        text.append(f"{self.glyphs.bar} ", FAINT)
        text.append(code, "" if ranges else FAINT)
        yield text
        margin = Text(f"{self.glyphs.block if block else ' '}{'':{digits}} ", block).append(
            f"{self.glyphs.bar} ", FAINT
        )
        for mark in starting:
            yield from self._annotation(mark, raw, first, code, room, margin)

    def _annotation(self, mark: Mark, raw: str, first: int, code: str, room: int, margin: Text) -> Iterator[Text]:
        start, end = span(raw, mark.place.column)
        left = min(_cells(raw, first, start) + (len(self.glyphs.cut) if first else 0), cell_len(code))
        length = max(1, min(_cells(raw, start, end), cell_len(code) - left))
        rule = (self.glyphs.heavy if mark.primary else self.glyphs.light) * length
        message = visible(mark.message, MESSAGE)
        line = margin.copy().append(" " * left).append(rule, mark.style)
        if left + length + 1 + cell_len(message) <= room:
            yield line.append(f" {message}" if message else "", mark.style)
            return
        yield line
        if message:
            indent = max(0, min(left, room - cell_len(message)))
            yield margin.copy().append(" " * indent).append(message, mark.style)


def span(raw: str, column: int) -> tuple[int, int]:
    """The offsets of the expression at a column: up to the comma, semicolon or bracket that ends it on its line."""
    body = len(raw.rstrip())
    start = min(max(column, 1) - 1, max(body - 1, 0))
    while start < body - 1 and raw[start].isspace():
        start += 1
    depth: list[str] = []
    quote = ""
    at = start
    limit = min(body, start + READ)
    while at < limit:
        char = raw[at]
        if quote:
            at += char == "\\"
            quote = "" if char == quote else quote
        elif char in "\"'" and not (char == "'" and raw[at - 1 : at].isalnum()):
            quote = char
        elif raw.startswith(("//", "/*"), at):
            break
        elif char in "([{":
            depth.append(char)
        elif char in CLOSING:
            if not depth:
                break
            depth.pop()
        elif char in ",;" and not depth:
            break
        at += 1
    end = start + len(raw[start : min(at, limit)].rstrip())
    return start, max(end, start + 1)


def _numbers(marks: Sequence[Mark], count: int) -> list[int]:
    """The lines to show: around the primary mark, the range of every mark, no gap of a single line."""
    chosen: set[int] = set()
    for mark in marks:
        first, last = mark.place.line, min(mark.last, count)
        if last - first >= RANGE_SHOWN:
            chosen.update(range(first, first + RANGE_SHOWN - 2), (last,))
        else:
            chosen.update(range(first, last + 1))
        if mark.primary:
            chosen.update(range(max(1, first - BEFORE), first), range(last + 1, min(last + AFTER, count) + 1))
    chosen.update(number + 1 for number in list(chosen) if number + 2 in chosen)
    return sorted(chosen)


def _window(raw: str, column: int, room: int, cut: str) -> tuple[str, int]:
    """The part of a line that fits, and the offset where it begins: the start, or the part around a far column."""
    start = min(max(column, 1) - 1, len(raw))
    first = 0 if _cells(raw, 0, start) <= room * 2 // 3 else max(0, start - room // 3)
    text = (cut if first else "") + _code(raw[first : first + READ])
    if cell_len(text) > room or first + READ < len(raw):
        text = set_cell_size(text, room - len(cut)) + cut
    return text.rstrip(), first


def _code(raw: str) -> str:
    return visible(raw.replace("\t", " " * TAB), len(raw) * TAB + 1)


def _cells(raw: str, first: int, last: int) -> int:
    """How wide the part of a line is as it is shown."""
    return cell_len(_code(raw[first : min(last, first + READ)])) if last > first else 0
