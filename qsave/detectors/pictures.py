"""The pictures that are measured: a small one of each frame, in colour for some, and the luma at full size."""

import numpy as np
import numpy.typing as npt
from av import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import Interpolation, VideoReformatter

from qsave.frames.container import count_quarter_turns

Pixels = npt.NDArray[np.uint8]

SMALL_SIDE = 160
"""Most pixels of the longer side of the small picture."""
LEAST_SIDE = 16
_SCALER = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
_LUMA_BITS = 8


class Pictures:
    """Makes the pictures of one clip's frames; reuses its scalers."""

    def __init__(self) -> None:
        self._luma, self._colour, self._full = VideoReformatter(), VideoReformatter(), VideoReformatter()

    def scale(self, frame: VideoFrame) -> Pixels:
        """Return the upright luma (h, w) of the small picture, full range; the longer side has at most SMALL_SIDE
        pixels."""
        small = _reformat(self._luma, frame, "gray8")
        return np.rot90(_view_plane(small.planes[0]), count_quarter_turns(frame))

    def scale_in_colour(self, frame: VideoFrame) -> tuple[Pixels, Pixels, Pixels]:
        """Return the same luma as stored, not turned, and the planes U and V of half its height and width, full
        range."""
        small = _reformat(self._colour, frame, "yuvj420p")
        luma, u, v = (_view_plane(plane) for plane in small.planes)
        return luma, u, v

    def read_luma(self, frame: VideoFrame) -> Pixels:
        """Return the luma at full size as stored, (height, width); a view of the frame where it has such a plane."""
        if not _has_luma_plane(frame):
            frame = self._full.reformat(frame, format="gray8", interpolation=_SCALER, threads=1)
        return _view_plane(frame.planes[0])


def _reformat(scaler: VideoReformatter, frame: VideoFrame, form: str) -> VideoFrame:
    width, height = choose_small_size(frame.width, frame.height)
    return scaler.reformat(frame, width, height, form, interpolation=_SCALER, threads=1)


def _view_plane(plane: VideoPlane) -> Pixels:
    lines = np.frombuffer(memoryview(plane), np.uint8)[: plane.height * plane.line_size]
    return lines.reshape(plane.height, plane.line_size)[:, : plane.width]


def choose_small_size(width: int, height: int) -> tuple[int, int]:
    """Return width and height of the small picture: the clip's shape, not enlarged beyond LEAST_SIDE."""
    share = min(1.0, SMALL_SIDE / max(width, height))
    return max(LEAST_SIDE, round(width * share)), max(LEAST_SIDE, round(height * share))


def _has_luma_plane(frame: VideoFrame) -> bool:
    form = frame.format
    is_grey_first = not form.is_rgb and not form.has_palette and not form.is_bit_stream
    return is_grey_first and form.is_planar and form.components[0].bits == _LUMA_BITS
