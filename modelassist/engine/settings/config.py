"""Every setting of a run: frozen records, read from TOML or JSON, unknown keys refused.

The defaults are those of the tiny critic that learns from nothing in minutes; `recipes/` holds settings for a real
Qwen3-VL, and `presets` says which of them a model gets.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args, get_type_hints

from qsave.frames.slowfast import FrameConfig
from qsave.parsing import parse_json, parse_toml

STAGES = ("sft", "grpo", "cooldown")
MICRO_TOKENS = 8192
TOKENS_PER_BATCH = 16384
FEATURE_GIGABYTES = 2.0
FREE = (
    "allow_high_rates",
    "feature_gigabytes",
    "gradient_checkpointing",
    "micro_tokens",
    "parallel",
    "samples",
    "save_every",
    "sft.captions",
    "tokens_per_batch",
)
"""Settings that decide how a run is computed, or where its files lie, and not what it learns: a run may go on under
others."""


class ConfigError(ValueError):
    """A setting that is unknown or of the wrong kind; the message names it and what there is."""


@dataclass(frozen=True, slots=True)
class SftConfig:
    """The classroom: learning from human report cards."""

    steps: int = 350
    """Optimiser steps."""
    batch: int = 8
    """Clips a step."""
    learning_rate: float = 4e-3
    """Peak rate; from scratch it is a hundred times that of a trained model."""
    warmup: int = 20
    """Steps over which the rate rises; after it, it falls along a cosine to a tenth."""
    weight_decay: float = 0.01
    """AdamW's, on matrices only."""
    huber_weight: float = 1.0
    """Weight of the Huber loss between expected score and MOS (dual supervision); 0 is plain SFT."""
    direct_weight: float = 1.0
    """Weight of the same loss where the answer is given at once, without the reasons (a second completion on the
    shared prompt). Behind the reasons the words give the level away; here the eyes learn from scores. It helps a run of
    minutes; in a long one whose reasons tell what is seen it was noise (docs/engine/toy.md)."""
    shift: float = 0.08
    """Most that a clip's frames are moved at random, as a share of the frame, so that few clips are not learnt by
    heart; 0 leaves them. Has no effect on a frozen vision tower."""
    captions: str = ""
    """A file of JSON lines `{"video": "clip.mp4", "text": "two red circles rise over sand. .."}`, videos by path from
    the file's folder: clips that nobody judged, described beside the judged ones in every step. Verdicts alone teach a
    model that starts from nothing to write like a judge, not to see; one that has seen the world does not need this.
    A line may have a `"prompt"` too, the clip's or another: then the text may hold what is seen against it.
    Clips of the release's val and test splits are left out."""
    captions_batch: int = 8
    """Clips with captions a step, where there are any."""


@dataclass(frozen=True, slots=True)
class RewardConfig:
    """What practice is rewarded for: the weight of each term, and the width of the accuracy kernel."""

    format: float = 0.5
    """The output parses."""
    accuracy: float = 1.0
    """Closeness of the level to the MOS, axis by axis."""
    rank: float = 0.5
    """Clips of the step stand in the order of their MOS."""
    defects: float = 0.5
    """F1 of the defects listed against those people listed."""
    evidence: float = 0.25
    """Overlap in time with people's evidence."""
    consistency: float = 0.25
    """The defects listed agree with the level given."""
    length: float = 0.1
    """Not longer than needed."""
    kernel_floor: float = 0.5
    """Least width of the accuracy kernel, in levels; a wider standard error of the MOS widens it."""
    free_tokens: int = 208
    """Length up to which nothing is lost; the guard falls to 0 at the length limit."""


@dataclass(frozen=True, slots=True)
class GrpoConfig:
    """The practice match: groups of samples, judged by rewards."""

    steps: int = 10
    """Rounds of sampling."""
    clips: int = 4
    """Clips a round."""
    group: int = 6
    """Samples a clip (G)."""
    updates: int = 2
    """Optimiser steps on each round's samples; from the second on, clipping bites."""
    temperature: float = 1.0
    """Of sampling; the policy is the distribution at this temperature."""
    learning_rate: float = 1e-4
    """Constant."""
    scale: str = "group"
    """How advantages are scaled: `group` divides by the group's standard deviation, `none` does not."""
    clip_low: float = 0.2
    """The ratio is clipped below 1 - this."""
    clip_high: float = 0.28
    """The ratio is clipped above 1 + this."""
    kl_beta: float = 0.0
    """Weight of the divergence from the model the stage began with; 0 keeps no reference."""
    rewards: RewardConfig = field(default_factory=RewardConfig)
    """The reward terms."""


@dataclass(frozen=True, slots=True)
class CooldownConfig:
    """The final polish: a short, low-rate SFT on the clips people agreed on."""

    steps: int = 20
    """Optimiser steps."""
    batch: int = 8
    """Clips a step."""
    learning_rate: float = 2e-4
    """Peak rate; falls along a cosine to a tenth."""
    huber_weight: float = 1.0
    """As in SFT."""
    samples: int = 8
    """Samples a clip when the spread of its score is measured, before and after."""
    probe: int = 12
    """Clips on which that is measured."""


@dataclass(frozen=True, slots=True)
class LoraConfig:
    """Low-rate adapters on the language model instead of full weights."""

    rank: int = 0
    """0 trains the weights themselves."""
    alpha: int = 32
    """Scale of the adapters: alpha / rank."""


@dataclass(frozen=True, slots=True)
class Config:
    """A whole run."""

    seed: int = 0
    """Decides every draw of the run."""
    frames: FrameConfig | None = None
    """What the eyes see; unset keeps what the model was made with."""
    freeze_vision: bool = False
    """Leave the vision tower as it is; its features are then kept (`feature_gigabytes`)."""
    feature_gigabytes: float = FEATURE_GIGABYTES
    """Main memory for the features of a tower that stays as it is, adapters' too: some 22 MB a clip for an 8B model.
    Those of clips that find no room are computed anew each time."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, more time."""
    dtype: str = "float32"
    """Arithmetic while training, and weights that stay as they are: `float32` or `bfloat16`. What is trained is kept
    in float32."""
    max_new_tokens: int = 256
    """Length limit of anything generated."""
    tokens_per_batch: int = TOKENS_PER_BATCH
    """Prompt and output tokens generated side by side in evaluation."""
    samples: int = 1
    """Answers of a clip whose mean is evaluated: 1 is the greedy one, more are drawn. The mean doubts where single
    answers would be sure of different things, and costs as many times as much to generate."""
    micro_tokens: int = MICRO_TOKENS
    """Padded tokens of one forward and backward pass of SFT. A step of more takes several, rows of like length
    together, with the same loss and gradient; lower it where memory runs out. One row always fits."""
    save_every: int = 100
    """Steps between checkpoints; each stage also ends with one."""
    allow_high_rates: bool = False
    """Take learning rates beyond what such a model bears: 2e-2 for a tiny one, 1e-3 for adapters, 5e-5 for all weights
    of a pretrained one."""
    parallel: str = "ddp"
    """How processes that torchrun starts share the work: `ddp` gives each the whole model, `fsdp` a part of it."""
    lora: LoraConfig = field(default_factory=LoraConfig)
    """Adapters."""
    sft: SftConfig = field(default_factory=SftConfig)
    """Stage one."""
    grpo: GrpoConfig = field(default_factory=GrpoConfig)
    """Stage two."""
    cooldown: CooldownConfig = field(default_factory=CooldownConfig)
    """Stage three."""

    def __post_init__(self) -> None:
        _require(self.dtype in ("float32", "bfloat16"), "dtype", "float32 or bfloat16", self.dtype)
        _require(self.parallel in ("ddp", "fsdp"), "parallel", "ddp or fsdp", self.parallel)
        _require(self.grpo.scale in ("group", "none"), "grpo.scale", "group or none", self.grpo.scale)
        _require(self.grpo.group >= 2, "grpo.group", "at least 2", self.grpo.group)
        _require(self.grpo.temperature > 0, "grpo.temperature", "above 0", self.grpo.temperature)
        _require(0 <= self.sft.shift < 1, "sft.shift", "at least 0 and below 1", self.sft.shift)
        for name, value in flat(asdict(self)).items():
            if isinstance(value, int | float):
                _require(0 <= value < math.inf, name, "a number from 0 on", value)
        for name, count in self._counts().items():
            _require(count >= 1, name, "at least 1", count)

    def _counts(self) -> dict[str, int]:
        """What there has to be one of at least."""
        return {
            "sft.batch": self.sft.batch,
            "sft.captions_batch": self.sft.captions_batch,
            "grpo.clips": self.grpo.clips,
            "grpo.updates": self.grpo.updates,
            "cooldown.batch": self.cooldown.batch,
            "cooldown.samples": self.cooldown.samples,
            "cooldown.probe": self.cooldown.probe,
            "max_new_tokens": self.max_new_tokens,
            "tokens_per_batch": self.tokens_per_batch,
            "micro_tokens": self.micro_tokens,
            "samples": self.samples,
            "save_every": self.save_every,
        }

    def steps_of(self, stage: str) -> int:
        """How many steps a stage has."""
        steps: int = getattr(self, stage).steps
        return steps


def load_config(path: Path | None) -> Config:
    """The settings of a TOML or JSON file, defaults elsewhere; raises ConfigError, which names the file."""
    if path is None:
        return Config()
    values = read_settings(path)
    try:
        return config_from(values)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def read_settings(path: Path) -> object:
    """What a TOML or JSON file says, unchecked; raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        return parse_json(text) if path.suffix == ".json" else parse_toml(text)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{path} is not {'JSON' if path.suffix == '.json' else 'TOML'}: {error}") from None


def config_from(values: object) -> Config:
    """Settings as nested tables; raises ConfigError for an unknown or misshapen one."""
    config = _build(Config, values, "")
    assert isinstance(config, Config)
    return config


def config_to(config: Config) -> dict[str, Any]:
    """The inverse of `config_from`, every setting spelled out."""
    return asdict(config)


def flat(values: Mapping[str, Any], place: str = "") -> dict[str, Any]:
    """Nested tables as one, keys joined by dots."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= flat(value, f"{place}{key}.") if isinstance(value, Mapping) else {f"{place}{key}": value}
    return found


def _build(kind: type[Any], values: object, place: str) -> Any:
    if not isinstance(values, dict):
        raise ConfigError(f"{place.rstrip('.') or 'settings'}: expected a table, got {values!r}")
    hints = get_type_hints(kind)
    names = [item.name for item in fields(kind)]
    for name in values:
        if name not in names:
            raise ConfigError(_unknown(place, str(name), names))
    try:
        return kind(**{name: _value(hints[name], value, f"{place}{name}") for name, value in values.items()})
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(f"{place.rstrip('.') or 'settings'}: {error}") from None


def _unknown(place: str, name: str, names: Sequence[str]) -> str:
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {place}{near[0]}?" if near else f"there is {', '.join(names)}"
    return f"unknown setting {place}{name}; {hint}"


def _value(hint: Any, value: object, place: str) -> Any:
    optional = type(None) in get_args(hint)
    if optional and value is None:
        return None
    kind = next(arg for arg in get_args(hint) if arg is not type(None)) if optional else hint
    if isinstance(kind, type) and is_dataclass(kind):
        return _build(kind, value, f"{place}.")
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ConfigError(f"{place}: expected {kind.__name__}, got {value!r}")
    return value


def _require(holds: bool, name: str, wanted: str, value: object) -> None:
    if not holds:
        raise ConfigError(f"{name} must be {wanted}, got {value!r}")
