"""Compute vision features; training, generation and all samples of a prompt use the same ones.

One run of the vision tower encodes images and videos together (its attention never crosses a frame). The features are
then split by clip, so that those of a frozen tower can be cached.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from modelassist.engine.inputs.prompt import Prompt, normalise
from modelassist.engine.models.loader import LoadedModel


@dataclass(frozen=True, slots=True)
class Features:
    """The tower's output, one tensor for each medium; the model reads the fields by these names."""

    pooler_output: tuple[Tensor, ...]
    deepstack_features: tuple[tuple[Tensor, ...], ...]
    """A tuple over media for each deepstack layer; Qwen2.5-VL has none."""

    def slice_media(self, start: int, end: int) -> "Features":
        return Features(self.pooler_output[start:end], tuple(layer[start:end] for layer in self.deepstack_features))

    def detach(self) -> "Features":
        return self._map(Tensor.detach)

    def to(self, device: torch.device | str) -> "Features":
        return self._map(lambda tensor: tensor.to(device))

    @property
    def nbytes(self) -> int:
        return sum(tensor.nbytes for layer in (self.pooler_output, *self.deepstack_features) for tensor in layer)

    def _map(self, change: Callable[[Tensor], Tensor]) -> "Features":
        return Features(
            tuple(map(change, self.pooler_output)),
            tuple(tuple(map(change, layer)) for layer in self.deepstack_features),
        )


def encode(model: LoadedModel, prompts: Sequence[Prompt]) -> list[Features]:
    """Compute the features of each prompt's media in one run of the tower; gradients flow if the tower is trained."""
    grids = torch.cat([prompt.grids for prompt in prompts])
    pixels = normalise(torch.cat([prompt.pixels for prompt in prompts]).to(model.device), model.geometry)
    output = model.base.model.get_image_features(pixels, grids.to(model.device))
    features = Features(tuple(output.pooler_output), tuple(map(tuple, output.get("deepstack_features", ()))))
    by_prompt, start = [], 0
    for prompt in prompts:
        by_prompt.append(features.slice_media(start, start + len(prompt.grids)))
        start += len(prompt.grids)
    return by_prompt


def build_encoder_outputs(prompts: Sequence[Prompt], features: Sequence[Features]) -> dict[str, Features]:
    """Build the model's `mm_encoder_outputs` of a batch: all images in token order, then all videos."""
    images = [part.slice_media(0, prompt.images) for prompt, part in zip(prompts, features, strict=True)]
    videos = [
        part.slice_media(prompt.images, len(prompt.grids)) for prompt, part in zip(prompts, features, strict=True)
    ]
    return {kind: _join(parts) for kind, parts in (("image", images), ("video", videos)) if _has_media(parts)}


def _has_media(parts: Sequence[Features]) -> bool:
    return any(part.pooler_output for part in parts)


def _join(parts: Sequence[Features]) -> Features:
    layers = zip(*(part.deepstack_features for part in parts), strict=True)
    return Features(
        tuple(tensor for part in parts for tensor in part.pooler_output),
        tuple(tuple(tensor for part in layer for tensor in part) for layer in layers),
    )
