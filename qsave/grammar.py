r"""The text format of a critic's answer: rendering a report card and parsing it.

    text      ::= "<think>" NL think{visual} think{dynamic} think{alignment} "</think>" NL
                  "<answer>" NL answer{visual} answer{dynamic} answer{alignment} "</answer>"
    think{a}  ::= "[" a "]" (" " reason)? (" (" item ")")* NL
    answer{a} ::= a ": " level NL
    level     ::= "bad" | "poor" | "fair" | "good" | "excellent"
    item      ::= ((time | box | time " " box) ": ")? defect
    time      ::= number "-" number "s"                    seconds; the first is not after the second
    box       ::= "@" int "," int "," int "," int          left, top, width, height in per cent of the frame
    defect    ::= [a-z0-9-]+
    number    ::= [0-9]+ ("." [0-9]+)?
    int       ::= [0-9]{1,3}
    reason    ::= (character | escape)+                    no raw NL or CR; does not end in " (" item ")"
    escape    ::= "\n" | "\r" | "\\" | "\(" | "\[" | "\l"  newline, return, backslash, "(", "[", "<"

A reason may contain any character. In the text, "<" before a letter, "/" or "|" becomes `\l` (so `</think>` and the
special tokens of a tokenizer never appear inside a reason), "[" before an axis name `\[`, and the "(" of closing words
that look like an item `\(`. Other brackets stay as they are. A reason contains no raw newline, so `"\nvisual:"` (see
`LEVEL_PREFIX`) appears exactly once in a well-formed text, and the level word follows it after one space.

Precision: hundredths of a second, whole per cent, whole levels. `round_card` rounds to it:
`parse(render(card)) == round_card(card)`.
"""

import re
from collections.abc import Callable
from typing import TypeVar

from qsave.axes import AXES, LEVEL_WORDS, Axis, name_level, parse_level, round_to_level
from qsave.report_card import AxisReport, Box, Evidence, ReportCard, ReportCardError, TimeRange

THINK_OPEN = "<think>\n"
THINK_CLOSE = "</think>\n"
ANSWER_OPEN = "<answer>\n"
ANSWER_CLOSE = "</answer>"
LEVEL_PREFIX: dict[Axis, str] = {axis: f"\n{axis}:" for axis in AXES}

_NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
_TIME = rf"{_NUMBER}-{_NUMBER}s"
_BOX = r"@([0-9]{1,3}),([0-9]{1,3}),([0-9]{1,3}),([0-9]{1,3})"
_DEFECT = re.compile(r"[a-z0-9-]+")
_ITEM = re.compile(rf"(?:(?:{_TIME}(?: {_BOX})?|{_BOX}): )?([a-z0-9-]+)\)")
_NEEDS_ESCAPE = re.compile(rf"\\|\n|\r|<(?=[/|A-Za-z])|\[(?=(?:{'|'.join(AXES)})\])")
_ESCAPES = {"\\": r"\\", "\n": r"\n", "\r": r"\r", "<": r"\l", "[": r"\[", "(": r"\("}
_UNESCAPES = {escape[1]: character for character, escape in _ESCAPES.items()}
_MOST_QUOTED = 80
T = TypeVar("T")


class GrammarError(ValueError):
    """A text breaks the grammar, or a card cannot be written in it. `line` counts the lines of the text from 1."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message if line is None else f"line {line}: {message}")
        self.line = line


def render(card: ReportCard) -> str:
    """Render a card as text. Raises GrammarError for a defect id outside `[a-z0-9-]+`."""
    thoughts = "".join(f"[{axis}]{_render_reason(axis, card.axis(axis))}\n" for axis in AXES)
    answers = "".join(f"{axis}: {name_level(round_to_level(card.axis(axis).score))}\n" for axis in AXES)
    return THINK_OPEN + thoughts + THINK_CLOSE + ANSWER_OPEN + answers + ANSWER_CLOSE


def drop_reasons(text: str) -> str:
    """Return the text from its answer on. Raises ValueError if it has no answer."""
    return text[text.rindex(ANSWER_OPEN) :]


def parse(text: str) -> ReportCard:
    """Parse a text into a card, ignoring whitespace around it.

    Raises GrammarError, which names the first wrong line, what was expected there and what it contains.
    """
    lines = _Lines(text)
    lines.take_mark(THINK_OPEN)
    thoughts = {axis: lines.take(axis, _parse_reason) for axis in AXES}
    lines.take_mark(THINK_CLOSE)
    lines.take_mark(ANSWER_OPEN)
    levels = {axis: lines.take(axis, _parse_answer) for axis in AXES}
    lines.take_mark(ANSWER_CLOSE)
    lines.expect_end()
    reports = {axis.value: AxisReport(levels[axis], evidence, reason) for axis, (evidence, reason) in thoughts.items()}
    return ReportCard(**reports)


def round_card(card: ReportCard) -> ReportCard:
    """Round a card to the precision of the grammar: whole levels, times to 0.01 s, boxes to whole per cent."""
    return ReportCard(**{axis.value: _round_report(card.axis(axis)) for axis in AXES})


def _round_report(report: AxisReport) -> AxisReport:
    evidence = tuple(
        Evidence(
            piece.defect,
            TimeRange(*map(float, _format_seconds(piece.time))) if piece.time else None,
            _make_box(_round_to_percents(piece.box)) if piece.box else None,
        )
        for piece in report.evidence
    )
    return AxisReport(round_to_level(report.score), evidence, report.reason)


def _render_reason(axis: Axis, report: AxisReport) -> str:
    reason = " " + _escape(report.reason) if report.reason else ""
    return reason + "".join(f" ({_render_item(axis, piece)})" for piece in report.evidence)


def _render_item(axis: Axis, piece: Evidence) -> str:
    if not _DEFECT.fullmatch(piece.defect):
        raise GrammarError(f"{axis}: a defect id has only a-z, 0-9 and '-', got {piece.defect!r}")
    places = []
    if piece.time:
        places.append("{}-{}s".format(*_format_seconds(piece.time)))
    if piece.box:
        places.append("@" + ",".join(map(str, _round_to_percents(piece.box))))
    return f"{' '.join(places)}: {piece.defect}" if places else piece.defect


def _format_seconds(time: TimeRange) -> tuple[str, str]:
    start, end = (f"{second + 0.0:.2f}".rstrip("0").rstrip(".") for second in (time.start, time.end))
    return start, end


def _round_to_percents(box: Box) -> tuple[int, int, int, int]:
    """Return left, top, width and height in whole per cent: at least one wide and high, and inside the frame."""
    left, top = min(99, round(box.x * 100)), min(99, round(box.y * 100))
    right = max(left + 1, min(100, round((box.x + box.width) * 100)))
    bottom = max(top + 1, min(100, round((box.y + box.height) * 100)))
    return left, top, right - left, bottom - top


def _make_box(percents: tuple[int, ...]) -> Box:
    left, top, width, height = (percent / 100 for percent in percents)
    return Box(left, top, width, height)


def _escape(reason: str) -> str:
    head, items = _split_items(" " + reason)
    escaped = _NEEDS_ESCAPE.sub(lambda match: _ESCAPES[match[0]], head) + "".join(f" \\({item}" for item in items)
    return escaped[1:]


def _unescape(text: str) -> str:
    def replace(match: re.Match[str]) -> str:
        try:
            return _UNESCAPES[match[1]]
        except KeyError:
            known = " ".join(_ESCAPES.values())
            raise GrammarError(f"unknown escape {match[0]!r} in the reason; there is {known}") from None

    return re.sub(r"\\(.|\Z)", replace, text)


def _split_items(text: str) -> tuple[str, list[str]]:
    """Return the text without the items at its end, and these items (with their closing, not their opening bracket)."""
    items: list[str] = []
    end = len(text)
    while (cut := text.rfind(" (", 0, end)) >= 0 and _ITEM.fullmatch(text, cut + 2, end):
        items.append(text[cut + 2 : end])
        end = cut
    return text[:end], items[::-1]


class _Lines:
    """Reads the lines of a text one after the other."""

    def __init__(self, text: str) -> None:
        stripped = text.strip()
        self._lines = iter(stripped.split("\n"))
        self._number = text[: text.find(stripped)].count("\n")  # number of the last line that was read

    def take_mark(self, mark: str) -> None:
        """Read the next line, which must be this mark."""
        expected = mark.strip()
        line = self._read_next(repr(expected))
        if line != expected:
            raise self._make_error(f"expected {expected!r}, got {_quote(line)}")

    def take(self, axis: Axis, read: Callable[[Axis, str], T]) -> T:
        """Read the next line with the parser of an axis's line."""
        line = self._read_next(f"the line of {axis}")
        try:
            return read(axis, line)
        except ValueError as error:
            raise self._make_error(str(error)) from None

    def expect_end(self) -> None:
        """Check that no line follows."""
        self._number += 1
        for line in self._lines:
            raise self._make_error(f"expected the end, got {_quote(line)}")

    def _read_next(self, expected: str) -> str:
        self._number += 1
        for line in self._lines:
            return line
        raise self._make_error(f"the text ends; expected {expected}")

    def _make_error(self, message: str) -> GrammarError:
        return GrammarError(message, self._number)


def _quote(line: str) -> str:
    return repr(line if len(line) <= _MOST_QUOTED else line[:_MOST_QUOTED] + "…")


def _parse_reason(axis: Axis, line: str) -> tuple[tuple[Evidence, ...], str]:
    """Parse the line of an axis between the think marks into evidence and reason."""
    tag = f"[{axis}]"
    if not line.startswith(tag):
        raise GrammarError(f"expected {tag!r} and a reason, got {_quote(line)}")
    if "\r" in line:
        raise GrammarError(f"{axis}: a raw carriage return; in a reason it is written {_ESCAPES[chr(13)]}")
    reason, items = _split_items(line.removeprefix(tag))
    if reason and (reason == " " or not reason.startswith(" ")):
        raise GrammarError(f"{axis}: expected one space and a reason after {tag!r}, got {_quote(reason)}")
    try:
        return tuple(map(_parse_item, items)), _unescape(reason[1:])
    except ValueError as error:
        raise GrammarError(f"{axis}: {error}") from None


def _parse_answer(axis: Axis, line: str) -> int:
    prefix = f"{axis}: "
    if not line.startswith(prefix):
        raise GrammarError(f"expected {prefix!r} and a level, got {_quote(line)}")
    word = line.removeprefix(prefix)
    if word not in LEVEL_WORDS:
        raise GrammarError(f"{axis}: unknown level {_quote(word)}; expected one of {', '.join(LEVEL_WORDS)}")
    return parse_level(word)


def _parse_item(item: str) -> Evidence:
    match = _ITEM.fullmatch(item)
    if match is None:
        raise ReportCardError(f"not a piece of evidence: {item!r}")
    start, end, *percents, defect = match.groups()
    box = tuple(int(percent) for percent in percents if percent is not None)
    return Evidence(
        defect=defect,
        time=TimeRange(float(start), float(end)) if start else None,
        box=_make_box(box) if box else None,
    )
