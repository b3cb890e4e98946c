"""The two kinds of model that a critic is built on, and how they differ in reading pixels and times.

Qwen3-VL reads the time of each temporal patch of a video as text, and each patch is a separate vision run. Qwen2.5-VL
reads a video as one run, and the M-RoPE positions of its patches advance with the seconds. The rest of the engine uses
`Geometry` and does not depend on the kind of model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from transformers import Qwen2_5_VLForConditionalGeneration, Qwen3VLForConditionalGeneration

_CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
_CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
_HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True, slots=True)
class Geometry:
    """How pixels and times become vision tokens in a model."""

    patch: int
    merge: int
    temporal: int
    mean: tuple[float, float, float]
    """Means of red, green and blue, as shares of the full value; they are subtracted from each pixel."""
    std: tuple[float, float, float]
    """Standard deviations of the same; the differences are divided by them."""
    positions_per_second: int | None = None
    """How far M-RoPE's time advances in a second of video; None if times are written as text."""

    @property
    def unit(self) -> int:
        """Pixels a side of one vision token; frame sizes are multiples of it."""
        return self.patch * self.merge


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of model."""

    network: type[Any]
    """transformers' own class."""
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def geometry(self, config: Any) -> Geometry:
        """Read the geometry from a model's config and the constants of its kind."""
        vision = config.vision_config
        return Geometry(
            patch=vision.patch_size,
            merge=vision.spatial_merge_size,
            temporal=vision.temporal_patch_size,
            mean=self.mean,
            std=self.std,
            positions_per_second=getattr(vision, "tokens_per_second", None),
        )


FAMILIES: Mapping[str, Family] = {
    "qwen3_vl": Family(Qwen3VLForConditionalGeneration, _HALF, _HALF),
    "qwen2_5_vl": Family(Qwen2_5_VLForConditionalGeneration, _CLIP_MEAN, _CLIP_STD),
}
"""By the `model_type` of config.json."""


def read_geometry(config: Any) -> Geometry:
    """Return the geometry of a model of either kind."""
    return FAMILIES[config.model_type].geometry(config)
