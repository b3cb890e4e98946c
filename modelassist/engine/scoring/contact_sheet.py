"""Draw what a critic sees of a clip: the change-energy curve, the fast frames, the slow frames and why each was chosen.

The layout is computed in inches from the top down, so that portrait clips, clips of one frame and forty slow frames all
stay legible. Drawing needs no display.
"""

from collections.abc import Sequence
from math import ceil
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from qsave.files import atomic_path
from qsave.frames.choice import Why
from qsave.frames.slowfast import FrameConfig, Pixels, Watched

_FAST, _SLOW, _INK, _SOFT, _FAINT = "#0072B2", "#D55E00", "#222222", "#666666", "#c8c8c8"
_DOTS_AN_INCH = 120
_WIDTH, _MARGIN, _GAP = 12.0, 0.45, 0.12
_HEAD, _CURVE, _HEADING, _FOOT = 0.95, 2.0, 0.5, 0.15
_TITLE = 78
"""Characters of a clip's name that fit."""
_WHY = {
    Why.START: "start anchor: liveliest near the beginning",
    Why.END: "end anchor: liveliest near the end",
    Why.ENERGY: "among the liveliest of the clip",
}


def write_sheet(out: Path, name: str, watched: Watched, config: FrameConfig) -> None:
    """Write the contact sheet of one clip as PNG."""
    frames = watched.frames
    fast = _Grid(frames.fast, across=1.28, tall=1.3, least=0.6, captions=1)
    slow = _Grid(frames.slow, across=2.68, tall=3.0, least=2.5, captions=3)
    sections = [fast, slow] if len(frames.slow) else [fast]
    height = _HEAD + _CURVE + sum(_HEADING + grid.height for grid in sections) + _FOOT
    sheet = _Sheet(height)
    sheet.write_head(name if len(name) <= _TITLE else f"{name[: _TITLE - 1]}…", _describe_frames(watched, config))
    _draw_curve(sheet.add_axes(_MARGIN, _WIDTH - 2 * _MARGIN, _CURVE - 0.55, down=_CURVE), watched)
    sheet.write_heading(f"{_format_frames(frames.fast)}, fast: evenly spread, the flow", _FAST)
    fast.draw(sheet, [[f"{time:.2f} s"] for time in frames.fast_times], _FAST)
    if len(frames.slow):
        sheet.write_heading(f"{_format_frames(frames.slow)}, slow: the moments that change", _SLOW)
        slow.draw(sheet, list(map(_describe_slow_frame, range(len(watched.why)), *_list_slow_facts(watched))), _SLOW)
    with atomic_path(out) as unfinished, unfinished.open("wb") as file:
        FigureCanvasAgg(sheet.figure).print_png(file, metadata={"Software": None})


def describe(watched: Watched) -> str:
    """Describe the chosen frames as text."""
    fast = " ".join(f"{time:.2f}" for time in watched.frames.fast_times)
    slow = [
        ", ".join(_describe_slow_frame(*facts))
        for facts in zip(range(len(watched.why)), *_list_slow_facts(watched), strict=True)
    ]
    return "\n".join([f"fast (s): {fast}", *(f"slow {line}" for line in slow)])


def _list_slow_facts(
    watched: Watched,
) -> tuple[Sequence[float], Sequence[float], Sequence[int], Sequence[int], list[Why]]:
    """Return, for each slow frame: time, energy, its rank in the clip, of how many, and why it was chosen."""
    times, energy = list(watched.times), np.array(watched.energy)
    slow_energy = [float(energy[times.index(time)]) for time in watched.frames.slow_times]
    ranks = [1 + int((energy > value).sum()) for value in slow_energy]
    return watched.frames.slow_times, slow_energy, ranks, [len(times)] * len(slow_energy), list(watched.why)


def _describe_slow_frame(index: int, time: float, energy: float, rank: int, count: int, why: Why) -> list[str]:
    return [f"{index + 1}   {time:.2f} s", f"energy {energy:.1f}, rank {rank} of {count}", _WHY[why]]


def _describe_frames(watched: Watched, config: FrameConfig) -> str:
    frames = watched.frames
    patches = -(-len(frames.fast) // 2)  # two frames make one temporal patch
    area = [pixels.shape[1] * pixels.shape[2] // config.unit**2 for pixels in (frames.fast, frames.slow)]
    tokens = patches * area[0] + len(frames.slow) * area[1]
    return (
        f"{_format_count(len(watched.times))}, the last at {watched.times[-1]:.2f} s; {tokens} vision tokens: "
        f"{patches * area[0]} fast, {len(frames.slow) * area[1]} slow"
    )


def _format_frames(pixels: Pixels) -> str:
    return f"{_format_count(len(pixels))} of {pixels.shape[2]} × {pixels.shape[1]}"


def _format_count(count: int) -> str:
    return f"{count} frame{'s' * (count > 1)}"


def _draw_curve(axes: Axes, watched: Watched) -> None:
    """Draw change energy over time, with the chosen frames."""
    times, energy = np.array(watched.times), np.array(watched.energy)
    most = max(float(energy.max()), 1.0)
    axes.fill_between(times, energy, color=_FAINT, alpha=0.5, linewidth=0)
    axes.plot(times, energy, color=_SOFT, linewidth=1, marker="." if len(times) <= 100 else "", markersize=3)
    fast = np.array(watched.frames.fast_times)
    axes.vlines(fast, -0.1 * most, -0.02 * most, color=_FAST, linewidth=1.6)
    for index, time in enumerate(watched.frames.slow_times):
        frame_energy = energy[np.flatnonzero(times == time)[0]]
        axes.vlines(time, frame_energy, 1.12 * most, color=_SLOW, linewidth=0.8)
        axes.plot(time, frame_energy, "o", color=_SLOW, markersize=5)
        axes.annotate(
            str(index + 1), (time, 1.2 * most), ha="center", va="center", fontsize=9, color=_SLOW, fontweight="bold"
        )
    axes.set_ylim(-0.12 * most, 1.3 * most)
    axes.set_xlim(-0.015 * (span := max(times[-1], 0.1)), 1.015 * span)
    axes.set_xlabel("seconds", fontsize=9, color=_SOFT)
    axes.set_title(
        "change energy: mean absolute difference from the frame before, in grey levels", fontsize=9, color=_SOFT,
        loc="left",
    )  # fmt: skip
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_FAINT)
    axes.tick_params(labelsize=8, colors=_SOFT, length=2)
    axes.locator_params(axis="y", nbins=4)


class _Sheet:
    """A figure that is filled from the top down."""

    def __init__(self, height: float) -> None:
        self.figure = Figure(figsize=(_WIDTH, height), dpi=_DOTS_AN_INCH, facecolor="white")
        self.height, self.top = height, 0.0

    def write_head(self, title: str, summary: str) -> None:
        self.write_text(_MARGIN, 0.35, title, size=14, weight="bold")
        self.write_text(_MARGIN, 0.6, summary, size=10, colour=_SOFT)
        self.top += _HEAD

    def write_heading(self, words: str, colour: str) -> None:
        self.write_text(_MARGIN, _HEADING - 0.18, words, size=11, weight="bold", colour=colour)
        self.top += _HEADING

    def write_text(
        self, left: float, below: float, words: str, *, size: float, weight: str = "normal", colour: str = _INK
    ) -> None:
        """Write text `below` inches under the current top."""
        self.figure.text(
            left / _WIDTH, 1 - (self.top + below) / self.height, words, fontsize=size, fontweight=weight, color=colour
        )

    def add_axes(self, left: float, width: float, tall: float, *, down: float = 0.0, below: float = 0.0) -> Axes:
        """Add axes of a size in inches, `below` the current top, and then move the top `down`."""
        bottom = 1 - (self.top + below + tall) / self.height
        axes = self.figure.add_axes((left / _WIDTH, bottom, width / _WIDTH, tall / self.height))
        self.top += down
        return axes


class _Grid:
    """Pictures of one size in rows, with lines of text under each.

    A picture is at most `across` inches wide and `tall` inches high; its text gets a width of at least `least` inches.
    """

    def __init__(self, pixels: Pixels, *, across: float, tall: float, least: float, captions: int) -> None:
        self._pixels, self._captions = pixels, captions
        shape = pixels.shape[1] / pixels.shape[2]
        self._across = min(across, tall / shape)
        self._tall = self._across * shape
        self._cell = max(self._across, least) + _GAP
        self._columns = int((_WIDTH - 2 * _MARGIN + _GAP) / self._cell)
        self._row = self._tall + 0.1 + 0.19 * captions
        self.height = self._row * ceil(len(pixels) / self._columns)

    def draw(self, sheet: _Sheet, captions: Sequence[Sequence[str]], colour: str) -> None:
        for index, (picture, words) in enumerate(zip(self._pixels, captions, strict=True)):
            row, column = divmod(index, self._columns)
            left, below = _MARGIN + column * self._cell, row * self._row
            axes = sheet.add_axes(left, self._across, self._tall, below=below)
            axes.imshow(picture, aspect="auto", interpolation="antialiased")
            axes.set_axis_off()
            for line, text in enumerate(words):
                strong = line == 0 and self._captions > 1
                sheet.write_text(
                    left, below + self._tall + 0.19 * (line + 1), text, size=10 if strong else 8.5,
                    weight="bold" if strong else "normal", colour=colour if line == 0 else _SOFT,
                )  # fmt: skip
        sheet.top += self.height
