"""Lay out the timeline of a clip: a lane for each opinion, with its times as marks. Figures in, coordinates out."""

from collections.abc import Iterable
from dataclasses import dataclass

from annotation.agreement.clip_evidence import Opinion, Piece

ROW_HEIGHT = 26
"""In pixels: a mark is at least 24 high and wide, so that it is easy to hit."""
LEAST_SHARE = 9.0
"""Percent of the timeline that a mark takes up at least: 24 pixels of the narrowest timeline."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A time on the timeline: `x` and `width` in percent of the clip, `y` in pixels from the top of the lane."""

    piece: Piece
    x: float
    width: float
    y: int


@dataclass(frozen=True, slots=True)
class Lane:
    """The marks of one opinion. Marks that overlap are drawn in separate rows, one below the other."""

    opinion: Opinion
    marks: tuple[Mark, ...]
    height: int


def lay_out_timeline(opinions: Iterable[Opinion], duration: float) -> list[Lane]:
    """Return a lane for each opinion; without a duration every mark is at the start."""
    return [_lay_out_lane(opinion, duration) for opinion in opinions]


def _lay_out_lane(opinion: Opinion, duration: float) -> Lane:
    marks: list[Mark] = []
    row_ends: list[float] = []
    timed = [piece for piece in opinion.pieces if piece.time is not None]
    for piece in sorted(timed, key=lambda piece: (piece.time.start, piece.time.end) if piece.time else (0.0, 0.0)):
        assert piece.time is not None
        x, end = _to_percent(piece.time.start, duration), _to_percent(piece.time.end, duration)
        row = next((row for row, row_end in enumerate(row_ends) if row_end <= x), len(row_ends))
        row_ends[row : row + 1] = [max(end, x + LEAST_SHARE)]
        marks.append(Mark(piece, x, end - x, row * ROW_HEIGHT))
    return Lane(opinion, tuple(marks), max(1, len(row_ends)) * ROW_HEIGHT)


def _to_percent(time: float, duration: float) -> float:
    return min(100.0, 100 * time / duration) if duration > 0 else 0.0
