"""The H.264 encoder of every file that the project writes."""

from fractions import Fraction

from av.container import OutputContainer
from av.video.stream import VideoStream

_SAME_ON_EVERY_PROCESSOR = {"x264-params": "cpu-independent=1"}
"""Some of x264's SIMD code (AVX-512) writes different bytes in different runs, from the same frames."""
_SAME_WITH_EVERY_CORE_COUNT = {"threads": "1"}


def add_h264_stream(
    container: OutputContainer,
    *,
    rate: int | Fraction,
    size: tuple[int, int],
    crf: int,
    reproducible: bool = True,
) -> VideoStream:
    """Add a yuv420p H.264 stream of `size` (width, height) in pixels and `rate` in frames per second.

    A reproducible stream has the same bytes in every run, on every processor and with any number of cores; it encodes
    on one core. Otherwise all cores are used, and the same frames may give different bytes. `crf` is x264's constant
    rate factor.
    """
    options = {"crf": str(crf), "preset": "veryfast"}
    if reproducible:
        options |= _SAME_ON_EVERY_PROCESSOR | _SAME_WITH_EVERY_CORE_COUNT
    stream = container.add_stream("libx264", rate=rate, options=options)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    return stream
