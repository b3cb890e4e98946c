"""Build a model's input from frames and messages: patches, token ids and M-RoPE positions.

This replaces the processors of transformers, which need torchvision; tests compare it with their stored output. Slow
frames are images, fast frames are one video. The time is written before each image and each temporal patch of the
video, or before the whole video if the model reads times from positions (`families`). Positions are always explicit,
because a model's stored `rope_deltas` belong to its last forward pass.

Shape letters: T times, H height, W width, P prompt tokens, N patches, D values of a patch, M media.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from modelassist.engine.models.families import Geometry
from modelassist.engine.models.loader import LoadedModel
from qsave.frames.slowfast import Frames

_TICK = 1e-4
"""Seconds by which rounding may make a computed time too small."""
_GREY = 128
"""The colour of blank frames."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One clip with its question, ready for the model, up to where the assistant's turn begins."""

    ids: Tensor
    """(P,) token ids, one pad token for every vision token."""
    positions: Tensor
    """(3, P) M-RoPE positions: time, height, width."""
    next_position: int
    """The position of the first generated token, on all three axes."""
    pixels: Tensor
    """(N, D) uint8 patches, images first, then the video; `normalise` turns them into the vision tower's input."""
    grids: Tensor
    """(M, 3) patches in time, height and width of each medium, in the order of `pixels`."""
    images: int
    """How many of the media are images."""


def patchify(frames: NDArray[np.uint8], geometry: Geometry) -> tuple[Tensor, tuple[int, int, int]]:
    """Cut frames (T, H, W, 3) into rows of patches (N, D); returns them with their grid. An odd last frame is repeated.

    Patches of one vision token (merge x merge) are adjacent, as the model's merger expects.
    """
    count, height, width, _ = frames.shape
    if count == 0 or height % geometry.unit or width % geometry.unit:
        raise ValueError(
            f"There must be frames whose sides are multiples of {geometry.unit} pixels; got {frames.shape}."
        )
    if count % geometry.temporal:
        frames = np.concatenate([frames, frames[-1:].repeat(-count % geometry.temporal, axis=0)])
    pixels = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2)
    merge, patch = geometry.merge, geometry.patch
    grid = (len(frames) // geometry.temporal, height // patch, width // patch)
    blocks = pixels.reshape(
        grid[0], geometry.temporal, 3, grid[1] // merge, merge, patch, grid[2] // merge, merge, patch
    )
    return blocks.permute(0, 3, 6, 4, 7, 2, 1, 5, 8).reshape(grid[0] * grid[1] * grid[2], -1), grid


def normalise(pixels: Tensor, geometry: Geometry) -> Tensor:
    """Normalise patches (N, D) by the mean and deviation of each colour, in float32.

    This happens on the tower's device, since bytes are faster to copy there than floats.
    """
    mean, std = (255 * torch.tensor(share, device=pixels.device)[:, None] for share in (geometry.mean, geometry.std))
    return torch.addcmul(-mean / std, pixels.float().unflatten(1, (3, -1)), 1 / std).flatten(1)


def make_blank_frames(frames: Frames) -> Frames:
    """Replace every frame by a grey one; the times stay."""
    return Frames(
        fast=np.full_like(frames.fast, _GREY),
        fast_times=frames.fast_times,
        slow=np.full_like(frames.slow, _GREY),
        slow_times=frames.slow_times,
    )


def shift_frames(frames: Frames, down: float, across: float) -> Frames:
    """Move all frames by shares of their height and width; the edge is repeated."""
    return Frames(
        fast=_shift_pixels(frames.fast, down, across),
        fast_times=frames.fast_times,
        slow=_shift_pixels(frames.slow, down, across),
        slow_times=frames.slow_times,
    )


def _shift_pixels(pixels: NDArray[np.uint8], down: float, across: float) -> NDArray[np.uint8]:
    _, height, width, _ = pixels.shape
    rows = np.clip(np.arange(height) - round(down * height), 0, height - 1)
    columns = np.clip(np.arange(width) - round(across * width), 0, width - 1)
    return pixels[:, rows][:, :, columns]


def build_prompt(model: LoadedModel, frames: Frames, messages: Iterable[Mapping[str, str]]) -> Prompt:
    """Build the prompt of one clip: the system and user turns of `messages`, with the media before the user's text."""
    geometry = model.geometry
    images = [patchify(frame[None], geometry) for frame in frames.slow]
    video = patchify(frames.fast, geometry)
    writer = _Writer(model)
    texts = {message["role"]: message["content"] for message in messages}
    writer.begin_turn("system")
    writer.write_text(texts["system"])
    writer.end_turn()
    writer.begin_turn("user")
    for seconds, (_, grid) in zip(frames.slow_times, images, strict=True):
        writer.write_image(seconds, grid)
    writer.write_video(frames.fast_times, video[1])
    writer.write_text(texts["user"])
    writer.end_turn()
    writer.begin_turn("assistant")
    return Prompt(
        ids=torch.tensor(writer.ids),
        positions=torch.cat(writer.positions, dim=1),
        next_position=writer.position,
        pixels=torch.cat([rows for rows, _ in images] + [video[0]]),
        grids=torch.tensor([grid for _, grid in images] + [video[1]]),
        images=len(images),
    )


def encode_completion(model: LoadedModel, text: str) -> tuple[int, ...]:
    """Encode the assistant's text with the end of its turn; special tokens inside the text are encoded as text."""
    return (*_encode(model, text), model.turn_end)


def _compute_patch_times(times: Sequence[float], temporal: int) -> list[float]:
    """Return the time of each temporal patch: half way between its first and last frame."""
    padded = [*times, *[times[-1]] * (-len(times) % temporal)]
    bounds = pairwise(range(0, len(padded) + 1, temporal))
    return [(padded[start] + padded[end - 1]) / 2 for start, end in bounds]


def _encode(model: LoadedModel, text: str) -> list[int]:
    ids: list[int] = model.tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
    return ids


class _Writer:
    """Writes a prompt token by token, with one position for each id."""

    def __init__(self, model: LoadedModel) -> None:
        self.model = model
        self.ids: list[int] = []
        self.positions: list[Tensor] = []
        self.position = 0

    def begin_turn(self, role: str) -> None:
        self._write_tokens([self._get_mark_id("<|im_start|>"), *_encode(self.model, f"{role}\n")])

    def end_turn(self) -> None:
        self._write_tokens([self.model.turn_end, *_encode(self.model, "\n")])

    def write_text(self, text: str) -> None:
        self._write_tokens(_encode(self.model, text))

    def write_image(self, seconds: float, grid: tuple[int, int, int]) -> None:
        """Write one image after its time."""
        self.write_text(f"<{seconds:.1f} seconds>")
        self._write_vision(grid, [0], "<|image_pad|>")

    def write_video(self, times: Sequence[float], grid: tuple[int, int, int]) -> None:
        """Write a video of frames at `times`, which are written before each temporal patch or given by its position."""
        geometry = self.model.geometry
        rate = geometry.positions_per_second
        if rate is None:
            for seconds in _compute_patch_times(times, geometry.temporal):
                self.write_text(f"<{seconds:.1f} seconds>")
                self._write_vision(grid, [0], "<|video_pad|>")
        else:
            self.write_text(f"<{times[0]:.1f} to {times[-1]:.1f} seconds>")
            begins = [seconds - times[0] + _TICK for seconds in times[:: geometry.temporal]]
            self._write_vision(grid, [int(seconds * rate) for seconds in begins], "<|video_pad|>")

    def _write_vision(self, grid: tuple[int, int, int], steps: Sequence[int], pad: str) -> None:
        """Write one vision run of temporal patches, each at `steps` positions in time after the start of the run.

        The next token is one past the largest position of the run, whether that is a height, a width or a time, as in
        Qwen's training. (transformers 5.23 ignores the time, which matters if a video is long and small.)
        """
        merge = self.model.geometry.merge
        height, width = grid[1] // merge, grid[2] // merge
        self._write_tokens([self._get_mark_id("<|vision_start|>")])
        self.ids += [self._get_mark_id(pad)] * (len(steps) * height * width)
        axes = (torch.tensor(steps), torch.arange(height), torch.arange(width))
        self.positions.append(torch.stack(torch.meshgrid(*axes, indexing="ij")).flatten(1) + self.position)
        self.position += max(steps[-1] + 1, height, width)
        self._write_tokens([self._get_mark_id("<|vision_end|>")])

    def _write_tokens(self, ids: list[int]) -> None:
        self.ids += ids
        self.positions.append(torch.arange(self.position, self.position + len(ids)).expand(3, -1))
        self.position += len(ids)

    def _get_mark_id(self, token: str) -> int:
        return self.model.mark_ids[token]
