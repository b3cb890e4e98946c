"""The pictures of which colour and detail are measured: a small one in colour, and the luma at full size."""

import numpy as np
import numpy.typing as npt
from av import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

Pixels = npt.NDArray[np.uint8]

COLOUR_SIDE = 80
"""Most pixels of the longer side of the small picture."""
LEAST_SIDE = 16
_SCALER = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
_LUMA_BITS = 8


class Pictures:
    """Makes the pictures of one clip's frames; reuses its scalers."""

    def __init__(self) -> None:
        self._colour, self._full = VideoReformatter(), VideoReformatter()

    def read_colour(self, frame: VideoFrame) -> tuple[Pixels, Pixels]:
        """Return U and V of a small picture as stored, not turned, (h, w), full range; at most COLOUR_SIDE pixels a
        side."""
        width, height = choose_small_size(frame.width, frame.height)
        small = self._colour.reformat(frame, width, height, "yuvj444p", interpolation=_SCALER, threads=1)
        return _view_plane(small.planes[1]), _view_plane(small.planes[2])

    def read_luma(self, frame: VideoFrame) -> Pixels:
        """Return the luma at full size as stored, (height, width); a view of the frame where it has such a plane."""
        if not _has_luma_plane(frame):
            frame = self._full.reformat(frame, format="gray8", interpolation=_SCALER, threads=1)
        return _view_plane(frame.planes[0])

    @staticmethod
    def has_full_range(frame: VideoFrame) -> bool:
        """Return whether `read_luma` has levels of 0 to 255, not of 16 to 235."""
        names_range = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
        return names_range or frame.format.name.startswith("gray") or not _has_luma_plane(frame)


def _view_plane(plane: VideoPlane) -> Pixels:
    lines = np.frombuffer(memoryview(plane), np.uint8)[: plane.height * plane.line_size]
    return lines.reshape(plane.height, plane.line_size)[:, : plane.width]


def choose_small_size(width: int, height: int) -> tuple[int, int]:
    """Return width and height of the small picture: the clip's shape, not enlarged beyond LEAST_SIDE."""
    share = min(1.0, COLOUR_SIDE / max(width, height))
    return max(LEAST_SIDE, round(width * share)), max(LEAST_SIDE, round(height * share))


def _has_luma_plane(frame: VideoFrame) -> bool:
    form = frame.format
    is_grey_first = not form.is_rgb and not form.has_palette and not form.is_bit_stream
    return is_grey_first and form.is_planar and form.components[0].bits == _LUMA_BITS
