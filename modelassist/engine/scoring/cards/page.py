"""Render a report card as a page: the clip, the scores with their five probabilities, the reasons, the evidence on a
timeline, and the fast and slow frames with the boxes of the evidence.

Prompts and reasons are untrusted text: all of it goes through `markup`.
"""

from collections.abc import Iterator, Sequence
from math import ceil
from xml.etree.ElementTree import Element

from modelassist.engine.scoring.cards.markup import element, encode_picture, render_document
from modelassist.engine.scoring.lines import ScoreLine, Scorer
from qsave.axes import AXES, LEVEL_WORDS, Axis, name_level, round_to_level
from qsave.frames.slowfast import Frames, Pixels
from qsave.report_card import Box, Evidence, ReportCard, TimeRange

Numbered = Sequence[tuple[int, Axis, Evidence]]
"""The pieces of evidence of a card, numbered over all axes; list, timeline and boxes use the same numbers."""

INDEX = "index.html"
"""The list that pages lead back to."""
_TALLEST = 24.0
"""Largest height of a slow frame in rem, even for a tall clip."""
_NARROWEST = 16.0
"""Smallest width of a slow frame in rem, if its height allows it."""
_MARK_WIDTH, _MARK_HEIGHT, _MARKS_A_ROW = 1.7, 1.4, 4
"""Width and height of a number on a picture in rem, and how many numbers are side by side."""
_MIN_SHARE = 0.12
"""Share of the timeline's width that a number needs on a narrow screen."""


def render_card_page(line: ScoreLine, video: str | None, frames: Frames | None) -> str:
    """Render the page of one line; `video` is the clip's address from the page, None if it cannot be played."""
    title = f"Report card of {line.video}"
    card = line.card
    numbered = _number_evidence(card) if card else ()
    result = (element("h2", "Scores from 1 to 5"), render_scores(card)) if card else _render_failure(line)
    left_out = [element("p", f"Left out: {problem}.", class_="muted", dir="auto") for problem in line.left_out]
    return render_document(
        title,
        element("p", element("a", "All clips", href=INDEX)),
        element("h1", title),
        element(
            "div",
            _render_player(video),
            element("div", *_render_question(line), element("section", *result, *left_out)),
            class_="top",
        ),
        _render_axes(card, line, numbered, video) if card else None,
        *(_render_frames(frames, numbered) if frames else ()),
    )


def describe_scorer(scorer: Scorer) -> str:
    """Say which model scored, and how."""
    what = "" if scorer.identity == scorer.model else f" (identity {scorer.identity})"
    how = "one greedy answer" if scorer.samples == 1 else f"the mean of {scorer.samples} sampled answers"
    how = "one direct answer without reasons" if scorer.is_direct else how
    return f"Scored by {scorer.model}{what}, {how} for each clip"


def render_prompt(prompt: str, tag: str) -> Element:
    """Render the prompt of a clip."""
    return element(tag, prompt or "No prompt.", class_="asked" if prompt else "asked muted", dir="auto")


def render_scores(card: ReportCard) -> Element:
    """Render the three scores with their words."""
    rows = [
        element(
            "li",
            element("span", axis.value, class_="muted"),
            " ",
            element("b", f"{card.axis(axis).score:.2f}"),
            f" {_get_level_word(card, axis)}",
            class_=axis.value,
        )
        for axis in AXES
    ]
    return element("ul", *rows, class_="scores")


def _render_player(video: str | None) -> Element:
    if video is None:
        return element("p", "This clip cannot be played here: the critic could not read it.", class_="unplayed")
    player = element("video", src=video, controls="controls", preload="metadata", aria_label="the clip")
    link = element("p", "If it does not play here: ", element("a", "open the file", href=video), class_="muted")
    return element("div", player, link)


def _render_question(line: ScoreLine) -> Iterator[Element]:
    yield element("h2", "The prompt")
    yield render_prompt(line.prompt, "blockquote")
    yield element("p", describe_scorer(line.scorer), class_="muted")


def _render_failure(line: ScoreLine) -> Iterator[Element]:
    yield element("p", f"No report card: {line.error}")
    if line.text:
        yield element("h2", "What the critic wrote")
        yield element("pre", line.text, dir="auto")


def _render_axes(card: ReportCard, line: ScoreLine, numbered: Numbered, video: str | None) -> Element:
    axes = [_render_axis(axis, card, line, numbered, video) for axis in AXES]
    return element("section", *axes, class_="axes", aria_label="axes")


def _get_level_word(card: ReportCard, axis: Axis) -> str:
    return name_level(round_to_level(card.axis(axis).score))


def _number_evidence(card: ReportCard) -> Numbered:
    pieces = [(axis, piece) for axis in AXES for piece in card.axis(axis).evidence]
    return [(number, axis, piece) for number, (axis, piece) in enumerate(pieces, start=1)]


def _render_axis(axis: Axis, card: ReportCard, line: ScoreLine, numbered: Numbered, video: str | None) -> Element:
    report = card.axis(axis)
    pieces = [_render_piece(number, piece, video) for number, owner, piece in numbered if owner is axis]
    return element(
        "article",
        element(
            "h2", element("span", axis.value), element("span", f"{report.score:.2f} {_get_level_word(card, axis)}")
        ),
        None if line.scorer.is_direct else element("p", report.reason or "No reason given.", dir="auto"),
        None if line.scorer.is_direct else _render_pieces(pieces),
        _render_levels(line.probabilities[axis]),
        class_=f"axis {axis.value}",
    )


def _render_piece(number: int, piece: Evidence, video: str | None) -> Element:
    where = " in a part of the picture" if piece.box else ""
    when = None
    if piece.time:
        start, end = piece.time.start, piece.time.end
        span = f"{start:g} to {end:g} s"
        when = element("a", span, href=f"{video}#t={start:g},{end:g}") if video else element("span", span)
    return element(
        "li", element("span", str(number), class_="mark"), f" {piece.defect.replace('-', ' ')} ", when, where
    )


def _render_pieces(pieces: Sequence[Element]) -> Element:
    return element("ol", *pieces) if pieces else element("p", "No defect named.", class_="muted")


def _render_levels(shares: Sequence[float]) -> Element:
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


def _render_frames(frames: Frames, numbered: Numbered) -> Iterator[Element]:
    yield _render_timeline(frames, numbered)
    if len(frames.slow):
        pictures = [
            _render_slow_frame(pixels, time, numbered)
            for pixels, time in zip(frames.slow, frames.slow_times, strict=True)
        ]
        yield element(
            "section", element("h2", "Slow frames: the moments that change"), element("div", *pictures, class_="slow")
        )
    strip = [
        element("li", element("img", src=encode_picture(pixels), alt=""), f"{time:.2f} s")
        for pixels, time in zip(frames.fast, frames.fast_times, strict=True)
    ]
    yield element("section", element("h2", "Fast frames: how it moves"), element("ul", *strip, class_="fast"))


def _render_timeline(frames: Frames, numbered: Numbered) -> Element:
    ends = [piece.time.end for _, _, piece in numbered if piece.time]
    length = max([*frames.fast_times, *frames.slow_times, *ends, 0.01])
    lanes = [
        _render_lane(axis.value, _lay_rows([entry for entry in numbered if entry[1] is axis], length), axis.value)
        for axis in AXES
    ]
    for name, times in (("slow frames", frames.slow_times), ("fast frames", frames.fast_times)):
        ticks = [element("i", class_="tick", style=f"left:min({time / length:.2%}, 100% - 2px)") for time in times]
        lanes.append(_render_lane(name, [ticks], "frames"))
    times_named = "; ".join(
        f"{number} {piece.defect} {piece.time.start:g} to {piece.time.end:g} s"
        for number, _, piece in numbered
        if piece.time
    )
    picture = element(
        "div", *lanes, class_="timeline", role="img", aria_label=f"Timeline. {times_named or 'No times are named.'}"
    )
    scale = element("p", element("span", "0 s"), element("span", f"{length:.2f} s"), class_="ends muted")
    return element("section", element("h2", "Timeline"), picture, scale)


def _render_lane(name: str, rows: Sequence[Sequence[Element]], kind: str) -> Element:
    tracks = [element("div", *marks, class_="track") for marks in rows]
    return element("div", element("span", name), element("div", *tracks, class_="tracks"), class_=f"lane {kind}")


def _lay_rows(pieces: Numbered, length: float) -> list[list[Element]]:
    """Lay out the pieces of an axis that have a time in as few rows as possible without overlap; at least one row."""
    rows: list[list[Element]] = [[]]
    ends = [0.0]
    timed = [(piece.time, number) for number, _, piece in pieces if piece.time]
    for time, number in sorted(timed, key=lambda entry: (entry[0].start, entry[1])):
        left = min(time.start / length, 1 - _MIN_SHARE)
        row = next((row for row, end in enumerate(ends) if end <= left), len(rows))
        if row == len(rows):
            rows.append([])
            ends.append(0.0)
        rows[row].append(_render_span(number, time, length))
        ends[row] = max(time.end / length, left + _MIN_SHARE)
    return rows


def _render_span(number: int, time: TimeRange, length: float) -> Element:
    left, width = time.start / length, (time.end - time.start) / length
    return element("i", str(number), style=f"left:min({left:.2%}, 100% - 1.3rem);width:{width:.2%}")


def _render_slow_frame(pixels: Pixels, time: float, numbered: Numbered) -> Element:
    visible = [(number, axis, piece) for number, axis, piece in numbered if _is_visible(piece, time)]
    names = ", ".join(f"{number} {piece.defect.replace('-', ' ')}" for number, _, piece in visible)
    caption = f"{time:.2f} s" + (f": {names}" if names else "")
    height, width = pixels.shape[:2]
    widest = _TALLEST * width / height
    boxed = [(number, axis, piece.box) for number, axis, piece in visible if piece.box]
    groups = _group_boxes(boxed, min(_NARROWEST, widest), width / height)
    picture = element(
        "div",
        element("img", src=encode_picture(pixels), alt=f"the clip at {time:.2f} s"),
        *(_render_box(axis, box) for _, axis, box in boxed),
        *(_render_marks(group) for group in groups),
        class_="picture",
        style=f"width:min(100%, {widest:.3f}rem);aspect-ratio:{width}/{height}",
    )
    min_height = max((_measure_marks(group)[3] for group in groups), default=0)  # a very wide picture may be lower
    rows = f"grid-template-rows:minmax({min_height:.1f}rem, auto) auto"
    return element("figure", picture, element("figcaption", caption), style=rows)


def _is_visible(piece: Evidence, time: float) -> bool:
    """Whether a frame at this time shows the evidence, which may have a time, a box, both or neither."""
    if piece.time is None:
        return piece.box is not None
    return piece.time.start <= time <= piece.time.end


def _render_box(axis: Axis, box: Box) -> Element:
    position = f"left:{box.x:.1%};top:{box.y:.1%};width:{box.width:.1%};height:{box.height:.1%}"
    return element("span", class_=f"box {axis.value}", style=position)


Boxed = Sequence[tuple[int, Axis, Box]]


def _group_boxes(boxed: Boxed, width: float, aspect: float) -> list[Boxed]:
    """Group the boxes whose numbers would overlap on a picture of this width in rem.

    The numbers of a group are drawn side by side. On a wider picture the corners are further apart, so no numbers
    overlap there either.
    """
    groups: list[Boxed] = []
    for entry in boxed:
        group: Boxed = [entry]
        while near := next((other for other in groups if _overlap(other, group, width, width / aspect)), None):
            groups.remove(near)
            group = [*near, *group]
        groups.append(group)
    return groups


def _render_marks(group: Boxed) -> Element:
    """Render the numbers of a group at its upper left corner, inside the picture if they fit."""
    x, y, wide, high = _measure_marks(group)
    numbers = [element("span", str(number), class_=f"mark {axis.value}") for number, axis, _ in group]
    left, top = (f"max(0px, min({start:.1%}, 100% - {size:.1f}rem))" for start, size in ((x, wide), (y, high)))
    return element("span", *numbers, class_="marks", style=f"left:{left};top:{top};width:{wide:.1f}rem")


def _measure_marks(group: Boxed) -> tuple[float, float, float, float]:
    """Return where the numbers of a group are, as shares of the picture, and their width and height in rem."""
    wide = min(len(group), _MARKS_A_ROW) * _MARK_WIDTH
    high = ceil(len(group) / _MARKS_A_ROW) * _MARK_HEIGHT
    return min(box.x for _, _, box in group), min(box.y for _, _, box in group), wide, high


def _overlap(one: Boxed, other: Boxed, width: float, height: float) -> bool:
    """Whether the numbers of two groups would overlap on a picture of this size in rem."""
    (x, y, wide, high), (left, top, broad, tall) = _measure_marks(one), _measure_marks(other)
    x, left = max(0, min(x * width, width - wide)), max(0, min(left * width, width - broad))
    y, top = max(0, min(y * height, height - high)), max(0, min(top * height, height - tall))
    return x < left + broad and left < x + wide and y < top + tall and top < y + high
