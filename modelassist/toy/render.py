"""Render a toy clip as H.264: a textured ground, moving shapes, a camera, and the faults of the clip."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from modelassist.toy.faults import Fault
from modelassist.toy.world import (
    SHAPES,
    ClipSpec,
    Thing,
    compute_extra_box,
    compute_progress,
    compute_radius,
    compute_travel,
    find_frame_range,
    locate_thing,
)
from qsave.axes import Axis
from qsave.frames.encode import add_h264_stream

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

_RGB = {
    "red": (215, 35, 35),
    "green": (30, 200, 60),
    "blue": (40, 70, 225),
    "yellow": (245, 220, 40),
    "purple": (155, 50, 200),
    "white": (250, 250, 250),
}
# The darkest and the lightest colour, and the height and width of the grain in pixels.
_GROUND = {
    "grass": ((55, 85, 40), (110, 145, 75), (6, 3)),
    "sand": ((180, 155, 105), (225, 205, 160), (4, 8)),
    "water": ((35, 75, 110), (105, 150, 180), (5, 24)),
    "stone": ((85, 85, 90), (150, 148, 145), (16, 16)),
}
_MARGIN = 0.1  # ground beyond each side that the camera can pan to, as a share of the width
_OUTLINE = 2.0  # pixels
_JITTER_COPIES = 4  # how many times a jittered thing is drawn in a frame
_TRAIL = ((0.25, 0.3), (0.14, 0.5))  # the age of each afterimage, as a share of the clip, and its opacity


def render_clip(spec: ClipSpec, path: Path) -> None:
    """Write the clip as H.264 in MP4. The same spec gives the same bytes with the same version of x264."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = add_h264_stream(container, rate=spec.rate, size=(spec.width, spec.height), crf=20)
        for picture in render_frames(spec):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def render_frames(spec: ClipSpec) -> Pixels:
    """Render the frames as (frames, height, width, 3) RGB."""
    rng = np.random.default_rng([spec.seed, spec.index, 1])
    frames = _make_grounds(spec, rng)
    for number, picture in enumerate(frames):
        _draw_things(spec, number, picture, rng)
        _shake(spec, picture, number, rng)
    for fault in spec.faults:
        if fault.defect == "flicker":
            _flicker(spec, fault, frames)
        if fault.axis is Axis.VISUAL:
            _spoil(spec, fault, frames, rng)
    return np.clip(np.rint(frames), 0, 255).astype(np.uint8)


def _find_strength(spec: ClipSpec, defect: str, number: int) -> float:
    """Return the strength of a defect at a frame, 0 if it is not visible."""
    fault = spec.find_fault(defect)
    if fault is None or not find_frame_range(spec, fault).start <= number < find_frame_range(spec, fault).stop:
        return 0.0
    return fault.strength


def _shake(spec: ClipSpec, picture: Floats, number: int, rng: np.random.Generator) -> None:
    """Shift the picture in a random direction, in place; the uncovered edge is black."""
    power, angle = _find_strength(spec, "camera-shake", number), rng.uniform(0, 2 * np.pi)
    if not power:
        return
    offsets = (0.06 + 0.12 * power) * np.asarray([spec.height * np.sin(angle), spec.width * np.cos(angle)])
    shifted = np.zeros_like(picture)
    (rows, from_rows), (columns, from_columns) = (
        (slice(max(0, -offset), length - max(0, offset)), slice(max(0, offset), length + min(0, offset)))
        for offset, length in zip(np.rint(offsets).astype(int), picture.shape[:2], strict=True)
    )
    shifted[rows, columns] = picture[from_rows, from_columns]
    picture[...] = shifted


def _make_grounds(spec: ClipSpec, rng: np.random.Generator) -> Floats:
    low, high, grain = _GROUND[spec.ground]
    margin = round(_MARGIN * spec.width)
    texture = _make_texture(spec.height, spec.width + 2 * margin, grain, rng)[..., None]
    canvas = np.asarray(low, np.float32) * (1 - texture) + np.asarray(high, np.float32) * texture
    frames = np.empty((spec.frames, spec.height, spec.width, 3), np.float32)
    for number in range(spec.frames):
        x = margin + round(spec.width * spec.pan * compute_progress(spec, number))
        frames[number] = canvas[:, x : x + spec.width]
    return frames


def _make_texture(height: int, width: int, grain: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Make smooth noise in 0..1 with two grain sizes."""
    total = np.zeros((height, width), np.float32)
    for scale, share in ((1, 0.6), (2, 0.4)):
        down, across = max(1, grain[0] // scale), max(1, grain[1] // scale)
        coarse = rng.random((height // down + 3, width // across + 3), np.float32)
        total += share * _stretch(_stretch(coarse, height, down).T, width, across).T
    return total


def _stretch(values: Floats, length: int, step: int) -> Floats:
    """Interpolate to `length` rows, of which every `step`-th is one of the given rows."""
    position = np.arange(length, dtype=np.float32) / step
    row = position.astype(int)
    share = (position - row)[:, None]
    return np.asarray(values[row] * (1 - share) + values[row + 1] * share, np.float32)


def _draw_things(spec: ClipSpec, number: int, picture: Floats, rng: np.random.Generator) -> None:
    progress = compute_progress(spec, number)
    if not _find_strength(spec, "pops-in-or-out", number):
        for order, thing in enumerate(spec.things):
            _draw_trail(spec, order, progress, picture)
            _draw_thing(spec, thing, locate_thing(spec, order, progress, compute_travel(spec)), number, picture, rng)
    content = spec.find_fault("extra-content")
    if spec.extra is not None and content is not None:
        box = compute_extra_box(spec, content.strength)
        x, y = box.x + box.width / 2, box.y + box.height / 2
        size = box.width * spec.width / 2 - _OUTLINE
        _draw(picture, spec.extra, x * spec.width, y * spec.height, size, 0.0)


def _draw_thing(
    spec: ClipSpec, thing: Thing, at: tuple[float, float], number: int, picture: Floats, rng: np.random.Generator
) -> None:
    """Draw a thing. A jittered thing is drawn several times around its position; a leap moves and enlarges it."""
    (x, y), morph = at, _find_strength(spec, "morphing", number)
    leap, jitter = _find_strength(spec, "implausible-physics", number), _find_strength(spec, "jitter", number)
    size = compute_radius(spec)
    if leap:
        far, size = 0.2 + 0.2 * leap, size * (1.5 + 0.5 * leap)
        x, y = x + (far if x < 0.5 else -far), y - 0.5 * far
    aside = 0.08 + 0.16 * jitter if jitter else 0.0
    for angle in rng.uniform(0, 2 * np.pi, _JITTER_COPIES if jitter else 1):
        at_x, at_y = x + aside * np.cos(angle), y + aside * np.sin(angle)
        _draw(picture, thing, at_x * spec.width, at_y * spec.height, size, morph)


def _draw_trail(spec: ClipSpec, order: int, progress: float, picture: Floats) -> None:
    """Draw afterimages of a thing at its earlier positions, so that one frame shows the direction of its motion."""
    thing, size = spec.things[order], 0.9 * compute_radius(spec)
    for ago, share in _TRAIL:
        if progress < ago:
            continue
        x, y = locate_thing(spec, order, progress - ago, compute_travel(spec))
        down = _to_floats(np.arange(spec.height) + 0.5 - y * spec.height)[:, None]
        across = _to_floats(np.arange(spec.width) + 0.5 - x * spec.width)[None, :]
        body = share * np.clip(0.5 - _DISTANCE[thing.shape](across, down, size), 0, 1)[..., None]
        picture *= 1 - body
        picture += body * np.asarray(_RGB[thing.colour], np.float32)


def _draw(picture: Floats, thing: Thing, x: float, y: float, size: float, morph: float) -> None:
    """Draw a shape with bars, a dark rim and light from above.

    `morph` stretches the shape sideways, flattens it and blends it with the next of SHAPES.
    """
    wide, flat = (1.6 + 0.6 * morph, 1.8 + 1.2 * morph) if morph else (1.0, 1.0)
    reach = 1.5 * size * wide + 2 * _OUTLINE  # no part of a shape is further than this from its centre
    (top, bottom), (left, right) = (
        (max(0, int(at - reach)), max(0, min(length, int(at + reach) + 1)))
        for at, length in zip((y, x), picture.shape[:2], strict=True)
    )
    picture = picture[top:bottom, left:right]
    down = _to_floats(np.arange(top, top + picture.shape[0]) + 0.5 - y)[:, None]
    across = _to_floats(np.arange(left, left + picture.shape[1]) + 0.5 - x)[None, :]
    down, across = down * np.float32(flat), across / np.float32(wide)
    distance = _DISTANCE[thing.shape](across, down, size)
    if morph:
        other = SHAPES[(SHAPES.index(thing.shape) + 1) % len(SHAPES)]
        distance = (1 - morph) * distance + morph * _DISTANCE[other](across, down, size)
    light = 1 - 0.18 * np.clip(_to_floats(down / size), -1, 1)[..., None]
    rim, body = (np.clip(0.5 - distance + wider, 0, 1)[..., None] for wider in (_OUTLINE, 0.0))
    picture *= 1 - 0.75 * rim
    picture *= 1 - body
    cover = 1 - _BAR_DARKNESS * _BARS[thing.shape](np.floor(across / (0.3 * size)), np.floor(down / (0.3 * size)))
    picture += body * np.asarray(_RGB[thing.colour], np.float32) * light * cover[..., None]


def _to_floats(values: npt.ArrayLike) -> Floats:
    return np.asarray(values, np.float32)


def _measure_triangle(x: Floats, y: Floats, size: float) -> Floats:
    return _to_floats(np.maximum(y - size * 0.7, np.abs(x) * 0.87 - (y + size * 1.1) * 0.5))


def _measure_cross(x: Floats, y: Floats, size: float) -> Floats:
    across, down = np.abs(x), np.abs(y)
    return _to_floats(
        np.minimum(np.maximum(across - size, down - size / 3), np.maximum(down - size, across - size / 3))
    )


# The distance in pixels to the edge of each shape; negative inside the shape.
_DISTANCE: dict[str, Callable[[Floats, Floats, float], Floats]] = {
    "circle": lambda x, y, size: _to_floats(np.hypot(x, y) - size),
    "square": lambda x, y, size: _to_floats(np.maximum(np.abs(x), np.abs(y)) - 0.88 * size),
    "triangle": _measure_triangle,
    "cross": _measure_cross,
}
# Where each shape has dark bars (1). Each shape has its own pattern, so that a part of it is enough to recognise it.
_BARS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "circle": lambda column, row: _to_floats(0 * (column + row)),
    "square": lambda column, row: _to_floats((column + row) % 2),
    "triangle": lambda column, row: _to_floats(row % 2 + 0 * column),
    "cross": lambda column, row: _to_floats(column % 2 + 0 * row),
}
_BAR_DARKNESS = 0.6


def _flicker(spec: ClipSpec, fault: Fault, frames: Floats) -> None:
    frame_range = find_frame_range(spec, fault)
    for number in range(frame_range.start, frame_range.stop):
        darker = (number - frame_range.start) % 2 == 0
        frames[number] *= 0.7 - 0.65 * fault.strength if darker else 1.2 + 0.4 * fault.strength


def _spoil(spec: ClipSpec, fault: Fault, frames: Floats, rng: np.random.Generator) -> None:
    """Apply a visual fault to its frames and its part of the picture, in place."""
    rows, columns = slice(None), slice(None)
    if fault.box is not None:
        rows = slice(round(fault.box.y * spec.height), round((fault.box.y + fault.box.height) * spec.height))
        columns = slice(round(fault.box.x * spec.width), round((fault.box.x + fault.box.width) * spec.width))
    part = frames[find_frame_range(spec, fault), rows, columns]
    part[...] = _SPOILERS[fault.defect](part, fault.strength, rng)


def _blur(part: Floats, strength: float, rng: np.random.Generator) -> Floats:
    """Blur with a box filter, twice in each direction (nearly a Gaussian), and add haze."""
    reach = 2 + round(6 * strength)
    for axis in (1, 2, 1, 2):
        wide = np.clip(np.arange(-reach - 1, part.shape[axis] + reach), 0, part.shape[axis] - 1)
        sums = np.moveaxis(part.take(wide, axis).cumsum(axis, np.float64), axis, 0)
        part = _to_floats(np.moveaxis((sums[2 * reach + 1 :] - sums[: -2 * reach - 1]) / (2 * reach + 1), 0, axis))
    haze = np.float32(0.15 + 0.3 * strength)
    return part * (1 - haze) + 215 * haze


def _add_noise(part: Floats, strength: float, rng: np.random.Generator) -> Floats:
    """Add bright greenish specks, like the noise of a camera sensor in the dark."""
    specks = (rng.random(part.shape[:3], np.float32) < 0.08 + 0.35 * strength)[..., None]
    return np.where(specks, _to_floats([170, 255, 170]), part)


def _draw_blocks(part: Floats, strength: float, rng: np.random.Generator) -> Floats:
    """Draw blocks of one colour each, with dark seams."""
    block = 4 + round(8 * strength)
    axes = [np.arange(length) for length in part.shape[1:3]]
    rows, columns = (np.minimum(indices // block * block + block // 2, indices[-1]) for indices in axes)
    seams = np.logical_or.outer(axes[0] % block == 0, axes[1] % block == 0)
    return part[:, rows][:, :, columns] * np.where(seams, _to_floats(0.25), _to_floats(1))[None, ..., None]


def _draw_watermark(part: Floats, strength: float, rng: np.random.Generator) -> Floats:
    """Draw slanted light bars with a border around them, like a logo."""
    down, across = np.mgrid[: part.shape[1], : part.shape[2]]
    bars = (across + down) % 8 < 4
    edge = (np.minimum(down, part.shape[1] - 1 - down) < 2) | (np.minimum(across, part.shape[2] - 1 - across) < 2)
    cover = ((bars | edge) * (0.3 + 0.6 * strength)).astype(np.float32)[None, ..., None]
    return _to_floats(part * (1 - cover) + 245 * cover)


def _reduce_levels(part: Floats, strength: float, rng: np.random.Generator) -> Floats:
    step = np.float32(50 + 80 * strength)
    return _to_floats((np.floor(part / step) + 0.5) * step)


_SPOILERS: dict[str, Callable[[Floats, float, np.random.Generator], Floats]] = {
    "blur": _blur,
    "noise": _add_noise,
    "blockiness": _draw_blocks,
    "banding": _reduce_levels,
    "watermark": _draw_watermark,
    "over-exposed": lambda part, strength, rng: part * np.float32(1 + 0.9 * strength) + np.float32(75 * strength),
    "under-exposed": lambda part, strength, rng: part * np.float32(0.75 - 0.65 * strength),
    "colour-cast": lambda part, strength, rng: (
        part * np.asarray([1 + 0.5 * strength, 1 - 0.35 * strength, 1 + 0.5 * strength], np.float32)
    ),
}
