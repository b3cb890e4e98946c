"""A report card as a page to read: the clip, the scores with their five probabilities, the reasons, the evidence on a
timeline, and what the critic's two pairs of eyes saw, with boxes drawn where it pointed.

Prompts and reasons are strangers' text: all of it goes through `markup`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from modelassist.engine.markup import data_uri, document, element
from qsave.axes import AXES, LEVEL_WORDS, Axis, level_of_mos, level_word
from qsave.frames.slowfast import Frames
from qsave.report_card import Evidence, ReportCard, card_from_json

Numbered = Sequence[tuple[int, Axis, Evidence]]
"""The pieces of evidence of a card, counted through all axes: the numbers join list, timeline and boxes."""


def card_page(line: Mapping[str, Any], video: str, frames: Frames | None) -> str:
    """The page of one line of scores; `video` is the clip's address from the page."""
    title = f"Report card of {line['video']}"
    heading = element("h1", title)
    shown = element("video", element("a", "the clip", href=video), src=video, controls="controls", preload="metadata")
    shown.set("aria-label", "the clip")
    if line["card"] is None:
        return document(
            title, heading, element("div", shown, element("div", *_asked(line), _failure(line)), class_="top")
        )
    card = card_from_json(line["card"])
    numbered = _numbered(card)
    return document(
        title,
        heading,
        element("div", shown, element("div", *_asked(line), _scores(card)), class_="top"),
        element(
            "section", *(_axis(axis, card, line, numbered, video) for axis in AXES), class_="axes", aria_label="axes"
        ),
        *(_seen(frames, numbered) if frames else ()),
    )


def _asked(line: Mapping[str, Any]) -> Iterator[Element]:
    yield element("h2", "What it was asked to show")
    yield element("blockquote", line["prompt"])
    yield element("p", f"Judged by {line['model']}", class_="muted")


def _failure(line: Mapping[str, Any]) -> Element:
    said = element("pre", line["text"]) if line["text"] else None
    return element("section", element("p", f"No report card: {line['error']}", class_="problem"), said)


def _scores(card: ReportCard) -> Element:
    rows = [
        element(
            "li",
            f"{axis.value} ",
            element("b", f"{card.axis(axis).score:.2f}"),
            f" {_word(card, axis)}",
            class_=axis.value,
        )
        for axis in AXES
    ]
    return element("section", element("h2", "Scores from 1 to 5"), element("ul", *rows, class_="scores"))


def _word(card: ReportCard, axis: Axis) -> str:
    return level_word(level_of_mos(card.axis(axis).score))


def _numbered(card: ReportCard) -> Numbered:
    pieces = [(axis, piece) for axis in AXES for piece in card.axis(axis).evidence]
    return [(number, axis, piece) for number, (axis, piece) in enumerate(pieces, start=1)]


def _axis(axis: Axis, card: ReportCard, line: Mapping[str, Any], numbered: Numbered, video: str) -> Element:
    report = card.axis(axis)
    mine = [_item(number, piece, video) for number, whose, piece in numbered if whose is axis]
    return element(
        "article",
        element("h2", element("span", axis.value), element("span", f"{report.score:.2f} {_word(card, axis)}")),
        element("p", report.reason or "No reason given."),
        element("ol", *mine) if mine else element("p", "No defect named.", class_="muted"),
        _levels(line["probabilities"][axis.value]),
        class_=f"axis {axis.value}",
    )


def _item(number: int, piece: Evidence, video: str) -> Element:
    place = " in a part of the picture" if piece.box else ""
    when = None
    if piece.time:
        start, end = piece.time.start, piece.time.end
        when = element("a", f"{start:g} to {end:g} s", href=f"{video}#t={start:g},{end:g}")
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
    lanes = [
        _lane(
            axis.value, [_span(number, piece, length) for number, whose, piece in numbered if whose is axis], axis.value
        )
        for axis in AXES
    ]
    for name, times in (("slow frames", frames.slow_times), ("fast frames", frames.fast_times)):
        ticks = [element("i", class_="tick", style=f"left:min({time / length:.2%}, 100% - 2px)") for time in times]
        lanes.append(_lane(name, ticks, "frames"))
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


def _lane(name: str, marks: Sequence[Element | None], kind: str) -> Element:
    return element("div", element("span", name), element("div", *marks, class_="track"), class_=f"lane {kind}")


def _span(number: int, piece: Evidence, length: float) -> Element | None:
    if piece.time is None:
        return None
    left, width = piece.time.start / length, (piece.time.end - piece.time.start) / length
    return element("i", str(number), style=f"left:min({left:.2%}, 100% - .4rem);width:{width:.2%}")


def _slow(pixels: Any, time: float, numbered: Numbered) -> Element:
    here = [(number, axis, piece) for number, axis, piece in numbered if _shows(piece, time)]
    boxes = [_box(number, axis, piece) for number, axis, piece in here]
    names = ", ".join(f"{number} {piece.defect.replace('-', ' ')}" for number, _, piece in here)
    caption = f"{time:.2f} s" + (f": {names}" if names else "")
    picture = element(
        "div", element("img", src=data_uri(pixels), alt=f"the clip at {time:.2f} s"), *boxes, class_="picture"
    )
    return element("figure", picture, element("figcaption", caption))


def _shows(piece: Evidence, time: float) -> bool:
    """Whether evidence with a place in time or in the picture shows in a frame at this moment."""
    if piece.time is None:
        return piece.box is not None
    return piece.time.start <= time <= piece.time.end


def _box(number: int, axis: Axis, piece: Evidence) -> Element | None:
    if piece.box is None:
        return None
    box = piece.box
    place = f"left:{box.x:.1%};top:{box.y:.1%};width:{box.width:.1%};height:{box.height:.1%}"
    return element("span", element("span", str(number), class_="mark"), class_=f"box {axis.value}", style=place)
