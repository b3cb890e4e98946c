"""A report card as a page to read: the clip, the scores with their five probabilities, the reasons, the evidence on a
timeline, and what the critic's two pairs of eyes saw, with boxes drawn where it pointed.

Prompts and reasons are strangers' text: all of it goes through `markup`.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import Any
from xml.etree.ElementTree import Element

from modelassist.engine.scoring.cards.markup import data_uri, document, element
from qsave.axes import AXES, LEVEL_WORDS, Axis, level_of_mos, level_word
from qsave.frames.slowfast import Frames, Pixels
from qsave.report_card import Box, Evidence, ReportCard, TimeRange, card_from_json

Numbered = Sequence[tuple[int, Axis, Evidence]]
"""The pieces of evidence of a card, counted through all axes: the numbers join list, timeline and boxes."""


INDEX = "index.html"
"""The list that pages lead back to."""
_TALLEST = 24.0
"""Rem: a slow frame's height at most, however tall the clip."""
_NARROWEST = 16.0
"""Rem: a slow frame's width at least, where its height allows."""
_MARK_WIDTH, _MARK_HEIGHT, _MARKS_A_ROW = 1.7, 1.4, 4
"""Rem: the room of a number on a picture."""
_LEAST = 0.12
"""The share of the timeline that a number needs on a narrow screen."""


def card_page(line: Mapping[str, Any], video: str | None, frames: Frames | None) -> str:
    """The page of one line of scores; `video` is the clip's address from the page, None where it cannot be played."""
    title = f"Report card of {line['video']}"
    card = card_from_json(line["card"]) if line["card"] else None
    numbered = _numbered(card) if card else ()
    found = (element("h2", "Scores from 1 to 5"), scores(card)) if card else _failure(line)
    return document(
        title,
        element("p", element("a", "All clips", href=INDEX)),
        element("h1", title),
        element("div", _player(video), element("div", *_asked(line), element("section", *found)), class_="top"),
        _axes(card, line, numbered, video) if card else None,
        *(_seen(frames, numbered) if frames else ()),
    )


def judged(model: str, identity: str, samples: int) -> str:
    """Who judged, and how."""
    what = "" if identity == model else f" (identity {identity})"
    how = "one greedy answer" if samples == 1 else f"the mean of {samples} drawn answers"
    return f"Judged by {model}{what}, {how} a clip"


def asked(prompt: str, tag: str) -> Element:
    """What a clip was to show."""
    return element(tag, prompt or "No prompt.", class_="asked" if prompt else "asked muted", dir="auto")


def scores(card: ReportCard) -> Element:
    """The three scores with their words."""
    rows = [
        element(
            "li",
            element("span", axis.value, class_="muted"),
            " ",
            element("b", f"{card.axis(axis).score:.2f}"),
            f" {_word(card, axis)}",
            class_=axis.value,
        )
        for axis in AXES
    ]
    return element("ul", *rows, class_="scores")


def _player(video: str | None) -> Element:
    if video is None:
        return element("p", "This clip cannot be played here: the critic could not read it.", class_="unplayed")
    shown = element("video", src=video, controls="controls", preload="metadata", aria_label="the clip")
    other = element("p", "If it does not play here: ", element("a", "open the file", href=video), class_="muted")
    return element("div", shown, other)


def _asked(line: Mapping[str, Any]) -> Iterator[Element]:
    yield element("h2", "What it was asked to show")
    yield asked(line["prompt"], "blockquote")
    yield element("p", judged(line["model"], line["identity"], line["samples"]), class_="muted")


def _failure(line: Mapping[str, Any]) -> Iterator[Element]:
    yield element("p", f"No report card: {line['error']}")
    if line["text"]:
        yield element("h2", "What the critic wrote")
        yield element("pre", line["text"], dir="auto")


def _axes(card: ReportCard, line: Mapping[str, Any], numbered: Numbered, video: str | None) -> Element:
    axes = [_axis(axis, card, line, numbered, video) for axis in AXES]
    return element("section", *axes, class_="axes", aria_label="axes")


def _word(card: ReportCard, axis: Axis) -> str:
    return level_word(level_of_mos(card.axis(axis).score))


def _numbered(card: ReportCard) -> Numbered:
    pieces = [(axis, piece) for axis in AXES for piece in card.axis(axis).evidence]
    return [(number, axis, piece) for number, (axis, piece) in enumerate(pieces, start=1)]


def _axis(axis: Axis, card: ReportCard, line: Mapping[str, Any], numbered: Numbered, video: str | None) -> Element:
    report = card.axis(axis)
    mine = [_item(number, piece, video) for number, whose, piece in numbered if whose is axis]
    return element(
        "article",
        element("h2", element("span", axis.value), element("span", f"{report.score:.2f} {_word(card, axis)}")),
        element("p", report.reason or "No reason given.", dir="auto"),
        element("ol", *mine) if mine else element("p", "No defect named.", class_="muted"),
        _levels(line["probabilities"][axis.value]),
        class_=f"axis {axis.value}",
    )


def _item(number: int, piece: Evidence, video: str | None) -> Element:
    place = " in a part of the picture" if piece.box else ""
    when = None
    if piece.time:
        start, end = piece.time.start, piece.time.end
        span = f"{start:g} to {end:g} s"
        when = element("a", span, href=f"{video}#t={start:g},{end:g}") if video else element("span", span)
    return element(
        "li", element("span", str(number), class_="mark"), f" {piece.defect.replace('-', ' ')} ", when, place
    )


def _levels(shares: Sequence[float]) -> Element:
    rows = [
        element(
            "tr",
            element("th", word, scope="row"),
            element("td", element("span", element("i", style=f"width:{share:.1%}"), class_="bar")),
            element("td", f"{share:.0%}", class_="number"),
        )
        for word, share in zip(reversed(LEVEL_WORDS), reversed(shares), strict=True)
    ]
    return element("table", element("tbody", *rows), aria_label="probability of each level")


def _seen(frames: Frames, numbered: Numbered) -> Iterator[Element]:
    yield _timeline(frames, numbered)
    if len(frames.slow):
        pictures = [_slow(pixels, time, numbered) for pixels, time in zip(frames.slow, frames.slow_times, strict=True)]
        yield element(
            "section", element("h2", "Slow frames: where it looked closely"), element("div", *pictures, class_="slow")
        )
    strip = [
        element("li", element("img", src=data_uri(pixels), alt=""), f"{time:.2f} s")
        for pixels, time in zip(frames.fast, frames.fast_times, strict=True)
    ]
    yield element("section", element("h2", "Fast frames: how it moves"), element("ul", *strip, class_="fast"))


def _timeline(frames: Frames, numbered: Numbered) -> Element:
    ends = [piece.time.end for _, _, piece in numbered if piece.time]
    length = max([*frames.fast_times, *frames.slow_times, *ends, 0.01])
    lanes = [_lane(axis.value, _rows([one for one in numbered if one[1] is axis], length), axis.value) for axis in AXES]
    for name, times in (("slow frames", frames.slow_times), ("fast frames", frames.fast_times)):
        ticks = [element("i", class_="tick", style=f"left:min({time / length:.2%}, 100% - 2px)") for time in times]
        lanes.append(_lane(name, [ticks], "frames"))
    said = "; ".join(
        f"{number} {piece.defect} {piece.time.start:g} to {piece.time.end:g} s"
        for number, _, piece in numbered
        if piece.time
    )
    picture = element(
        "div", *lanes, class_="timeline", role="img", aria_label=f"Timeline. {said or 'No times are named.'}"
    )
    under = element("p", element("span", "0 s"), element("span", f"{length:.2f} s"), class_="ends muted")
    return element("section", element("h2", "Timeline"), picture, under)


def _lane(name: str, rows: Sequence[Sequence[Element]], kind: str) -> Element:
    tracks = [element("div", *marks, class_="track") for marks in rows]
    return element("div", element("span", name), element("div", *tracks, class_="tracks"), class_=f"lane {kind}")


def _rows(pieces: Numbered, length: float) -> list[list[Element]]:
    """The pieces of an axis that have a time, in as few rows as show all of them side by side; at least one row."""
    rows: list[list[Element]] = [[]]
    ends = [0.0]
    timed = [(piece.time, number) for number, _, piece in pieces if piece.time]
    for time, number in sorted(timed, key=lambda one: (one[0].start, one[1])):
        left = min(time.start / length, 1 - _LEAST)
        row = next((row for row, end in enumerate(ends) if end <= left), len(rows))
        if row == len(rows):
            rows.append([])
            ends.append(0.0)
        rows[row].append(_span(number, time, length))
        ends[row] = max(time.end / length, left + _LEAST)
    return rows


def _span(number: int, time: TimeRange, length: float) -> Element:
    left, width = time.start / length, (time.end - time.start) / length
    return element("i", str(number), style=f"left:min({left:.2%}, 100% - 1.3rem);width:{width:.2%}")


def _slow(pixels: Pixels, time: float, numbered: Numbered) -> Element:
    here = [(number, axis, piece) for number, axis, piece in numbered if _shows(piece, time)]
    names = ", ".join(f"{number} {piece.defect.replace('-', ' ')}" for number, _, piece in here)
    caption = f"{time:.2f} s" + (f": {names}" if names else "")
    height, width = pixels.shape[:2]
    widest = _TALLEST * width / height
    boxed = [(number, axis, piece.box) for number, axis, piece in here if piece.box]
    groups = _groups(boxed, min(_NARROWEST, widest), width / height)
    picture = element(
        "div",
        element("img", src=data_uri(pixels), alt=f"the clip at {time:.2f} s"),
        *(_box(axis, box) for _, axis, box in boxed),
        *(_marks(group) for group in groups),
        class_="picture",
        style=f"width:min(100%, {widest:.3f}rem);aspect-ratio:{width}/{height}",
    )
    least = max((_place(group)[3] for group in groups), default=0)  # numbers may be higher than a very wide picture
    rows = f"grid-template-rows:minmax({least:.1f}rem, auto) auto"
    return element("figure", picture, element("figcaption", caption), style=rows)


def _shows(piece: Evidence, time: float) -> bool:
    """Whether evidence with a place in time or in the picture shows in a frame at this moment."""
    if piece.time is None:
        return piece.box is not None
    return piece.time.start <= time <= piece.time.end


def _box(axis: Axis, box: Box) -> Element:
    place = f"left:{box.x:.1%};top:{box.y:.1%};width:{box.width:.1%};height:{box.height:.1%}"
    return element("span", class_=f"box {axis.value}", style=place)


Boxed = Sequence[tuple[int, Axis, Box]]


def _groups(boxed: Boxed, width: float, aspect: float) -> list[Boxed]:
    """Boxes whose numbers would cover each other on a picture of this width in rem, together: theirs stand side by
    side. On a wider picture corners are further apart, so that none cover each other there either."""
    groups: list[Boxed] = []
    for one in boxed:
        group: Boxed = [one]
        while near := next((other for other in groups if _meet(other, group, width, width / aspect)), None):
            groups.remove(near)
            group = [*near, *group]
        groups.append(group)
    return groups


def _marks(group: Boxed) -> Element:
    """The numbers of a group at its upper left corner, inside the picture where that has room."""
    x, y, wide, high = _place(group)
    numbers = [element("span", str(number), class_=f"mark {axis.value}") for number, axis, _ in group]
    left, top = (f"max(0px, min({at:.1%}, 100% - {room:.1f}rem))" for at, room in ((x, wide), (y, high)))
    return element("span", *numbers, class_="marks", style=f"left:{left};top:{top};width:{wide:.1f}rem")


def _place(group: Boxed) -> tuple[float, float, float, float]:
    """Where the numbers of a group stand, as shares of the picture, and their width and height in rem."""
    wide = min(len(group), _MARKS_A_ROW) * _MARK_WIDTH
    high = ceil(len(group) / _MARKS_A_ROW) * _MARK_HEIGHT
    return min(box.x for _, _, box in group), min(box.y for _, _, box in group), wide, high


def _meet(one: Boxed, other: Boxed, width: float, height: float) -> bool:
    """Whether the numbers of two groups would cover each other on a picture of this size in rem."""
    (x, y, wide, high), (left, top, broad, tall) = _place(one), _place(other)
    x, left = max(0, min(x * width, width - wide)), max(0, min(left * width, width - broad))
    y, top = max(0, min(y * height, height - high)), max(0, min(top * height, height - tall))
    return x < left + broad and left < x + wide and y < top + tall and top < y + high
