"""The settings of a run: frozen records, read from TOML or JSON. Unknown names are refused.

A setting that TRL or transformers also has carries their name. The defaults are those of a tiny critic that is trained
from scratch in minutes; `recipes/` holds settings for a real Qwen3-VL, and `presets` chooses between them by model.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias, get_args, get_type_hints

from qsave.frames.slowfast import FrameConfig
from qsave.parsing import parse_json, parse_toml

Table: TypeAlias = Mapping[str, object]
"""Settings as nested tables, as TOML and JSON hold them; not checked yet."""
STAGES = ("sft", "grpo", "cooldown")
MICRO_TOKENS = 8192
TOKENS_PER_BATCH = 16384
FEATURE_GIGABYTES = 2.0
FREE_TO_CHANGE = (
    "allow_high_rates",
    "feature_gigabytes",
    "gradient_checkpointing",
    "micro_tokens",
    "parallel",
    "samples",
    "save_steps",
    "sft.captions",
    "tokens_per_batch",
)
"""Settings that may change when a run resumes. They affect computation and file paths, not what the run learns."""
NEW_NAMES: Mapping[str, str] = {
    "save_every": "save_steps",
    "sft.warmup": "sft.warmup_steps",
    "grpo.steps": "grpo.rounds",
    "grpo.group": "grpo.num_generations",
    "grpo.updates": "grpo.num_iterations",
    "grpo.scale": "grpo.scale_rewards",
    "grpo.clip_low": "grpo.epsilon",
    "grpo.clip_high": "grpo.epsilon_high",
    "grpo.kl_beta": "grpo.beta",
}
"""The old names of settings, with the new ones."""


class ConfigError(ValueError):
    """A setting that is unknown or has a wrong value; the message names the setting and what is allowed."""


@dataclass(frozen=True, slots=True)
class SftConfig:
    """Supervised fine-tuning (SFT) on human report cards."""

    steps: int = 350
    """Optimiser steps."""
    batch: int = 8
    """Clips in a step."""
    learning_rate: float = 4e-3
    """Peak learning rate. Training from scratch takes a hundred times the rate of a pretrained model."""
    warmup_steps: int = 20
    """Steps over which the rate rises to its peak. It then falls along a cosine to a tenth of the peak."""
    weight_decay: float = 0.01
    """Weight decay of AdamW, on matrices only."""
    huber_weight: float = 1.0
    """Weight of the Huber loss between expected score and MOS (dual supervision); 0 is plain SFT."""
    direct_weight: float = 1.0
    """Weight of the loss on a direct answer: a second completion of the same prompt, with levels but without reasons. A
    level that follows its reasons is easy to guess from their words; the levels of a direct answer must be read from
    the frames. The term helped in runs of a few minutes. It made no difference in a long run whose reasons describe
    what is visible (docs/engine/toy.md)."""
    shift: float = 0.08
    """Largest random shift of a clip's frames, as a share of the frame, against overfitting to few clips; 0 shifts no
    frames. It has no effect on a frozen vision tower."""
    captions: str = ""
    """A file of JSON lines `{"video": "clip.mp4", "text": "two red circles rise over sand. .."}`; paths of videos are
    relative to the file's folder. The clips need no ratings: every step also trains on the descriptions of some of
    them. A model that starts from scratch learns from report cards alone how to write them, but not how to see; a
    pretrained model does not need captions. A line may also have a `"prompt"`, the clip's own or another; its text then
    compares the clip with that prompt. Clips of the release's val and test splits are left out."""
    captions_batch: int = 8
    """Captioned clips in a step, if `captions` is set."""


@dataclass(frozen=True, slots=True)
class RewardConfig:
    """The reward of GRPO: the weight of each term, and the width of the accuracy kernel."""

    format: float = 0.5
    """The output parses."""
    accuracy: float = 1.0
    """The level of each axis is close to the MOS."""
    rank: float = 0.5
    """The scores put the clips of the round in the same order as their MOS."""
    defects: float = 0.5
    """F1 of the listed defects against those that raters listed."""
    evidence: float = 0.25
    """The evidence overlaps in time with that of raters."""
    consistency: float = 0.25
    """The listed defects agree with the level."""
    length: float = 0.1
    """The output is not longer than needed."""
    kernel_floor: float = 0.5
    """Smallest width of the accuracy kernel, in levels. A larger standard error of the MOS widens the kernel."""
    free_tokens: int = 208
    """Tokens that an output may have with the full length reward; beyond, the reward falls to 0 at `max_new_tokens`."""


@dataclass(frozen=True, slots=True)
class GrpoConfig:
    """Group-relative policy optimisation (GRPO): groups of samples, compared by their rewards."""

    rounds: int = 10
    """Rounds of sampling; each is followed by `num_iterations` optimiser steps."""
    clips: int = 4
    """Clips in a round."""
    num_generations: int = 6
    """Samples of each clip (G)."""
    num_iterations: int = 2
    """Optimiser steps on the samples of a round; clipping has an effect from the second step on."""
    temperature: float = 1.0
    """Temperature of sampling; the policy is the distribution at this temperature."""
    learning_rate: float = 1e-4
    """Learning rate, which is constant."""
    scale_rewards: str = "group"
    """How advantages are scaled: `group` divides by the group's standard deviation, `none` does not."""
    epsilon: float = 0.2
    """The ratio is clipped below 1 - epsilon."""
    epsilon_high: float = 0.28
    """The ratio is clipped above 1 + epsilon_high."""
    beta: float = 0.0
    """Weight of the KL divergence from the model at the start of the stage; 0 keeps no reference policy."""
    rewards: RewardConfig = field(default_factory=RewardConfig)
    """The reward terms."""


@dataclass(frozen=True, slots=True)
class CooldownConfig:
    """The cool-down: a short SFT at a low rate on the clips on which raters agree."""

    steps: int = 20
    """Optimiser steps."""
    batch: int = 8
    """Clips in a step."""
    learning_rate: float = 2e-4
    """Peak learning rate. The rate falls along a cosine to a tenth of it."""
    huber_weight: float = 1.0
    """Weight of the Huber loss, as in SFT."""
    samples: int = 8
    """Samples of each clip. The spread of its score over them is measured before and after the stage."""
    probe: int = 12
    """Clips on which the spread is measured."""


@dataclass(frozen=True, slots=True)
class LoraConfig:
    """Low-rank adapters (LoRA) on the language model instead of full weights."""

    rank: int = 0
    """Rank of the adapters; 0 trains the weights themselves."""
    alpha: int = 32
    """The adapters are scaled by alpha / rank."""


@dataclass(frozen=True, slots=True)
class Config:
    """A whole run."""

    seed: int = 0
    """Determines every random draw of the run."""
    frames: FrameConfig | None = None
    """Which frames of a clip the model gets, and at what size. If unset, the model keeps its own settings."""
    readings_in_prompt: bool = False
    """Tell the model what the detectors find in a clip ("Measured: freeze 0.5-1.2s."). The critic stores this and is
    always asked that way, so each of its clips is also measured. Clips with captions are asked without it."""
    freeze_vision: bool = False
    """Do not train the vision tower; its features are then cached (`feature_gigabytes`)."""
    feature_gigabytes: float = FEATURE_GIGABYTES
    """Main memory for the cached features of a frozen tower (adapters freeze it too): about 22 MB per clip for an 8B
    model. Features that do not fit are computed again at each use."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, more time."""
    dtype: str = "float32"
    """Type of training arithmetic and of frozen weights: `float32` or `bfloat16`. Trained weights are float32."""
    max_new_tokens: int = 256
    """Length limit of every generated output."""
    tokens_per_batch: int = TOKENS_PER_BATCH
    """Padded prompt and output tokens of one batch of generation in the evaluation."""
    samples: int = 1
    """Answers to each clip; the mean of their scores is evaluated. A single answer is the greedy one; several are
    sampled, and their mean is less certain if they differ. Generation takes longer with more answers."""
    micro_tokens: int = MICRO_TOKENS
    """Padded tokens of one micro-batch of SFT (one forward and backward pass). A larger step is split into several
    micro-batches by row length, with the same loss and gradient. Lower it if memory runs out. A longer row is a
    micro-batch of its own."""
    save_steps: int = 100
    """Steps between checkpoints; each stage also ends with one."""
    allow_high_rates: bool = False
    """Allow learning rates above the limit: 2e-2 for a tiny model, 1e-3 for adapters, 5e-5 for all weights of a
    pretrained model."""
    parallel: str = "ddp"
    """How the processes of torchrun share the work: `ddp` gives each the whole model, `fsdp` a shard of it."""
    lora: LoraConfig = field(default_factory=LoraConfig)
    """Adapters, if any."""
    sft: SftConfig = field(default_factory=SftConfig)
    """The first stage."""
    grpo: GrpoConfig = field(default_factory=GrpoConfig)
    """The second stage."""
    cooldown: CooldownConfig = field(default_factory=CooldownConfig)
    """The third stage."""

    def __post_init__(self) -> None:
        _require(self.dtype in ("float32", "bfloat16"), "dtype", "float32 or bfloat16", self.dtype)
        _require(self.parallel in ("ddp", "fsdp"), "parallel", "ddp or fsdp", self.parallel)
        scale, generations = self.grpo.scale_rewards, self.grpo.num_generations
        _require(scale in ("group", "none"), "grpo.scale_rewards", "group or none", scale)
        _require(generations >= 2, "grpo.num_generations", "at least 2", generations)
        _require(self.grpo.temperature > 0, "grpo.temperature", "above 0", self.grpo.temperature)
        _require(0 <= self.sft.shift < 1, "sft.shift", "at least 0 and below 1", self.sft.shift)
        for name, value in flatten(asdict(self)).items():
            if isinstance(value, int | float):
                _require(0 <= value < math.inf, name, "a finite number of at least 0", value)
        for name, count in self._list_positive_counts().items():
            _require(count >= 1, name, "at least 1", count)

    def _list_positive_counts(self) -> dict[str, int]:
        """Return the settings that must be at least 1."""
        return {
            "sft.batch": self.sft.batch,
            "sft.captions_batch": self.sft.captions_batch,
            "grpo.clips": self.grpo.clips,
            "grpo.num_iterations": self.grpo.num_iterations,
            "cooldown.batch": self.cooldown.batch,
            "cooldown.samples": self.cooldown.samples,
            "cooldown.probe": self.cooldown.probe,
            "max_new_tokens": self.max_new_tokens,
            "tokens_per_batch": self.tokens_per_batch,
            "micro_tokens": self.micro_tokens,
            "samples": self.samples,
            "save_steps": self.save_steps,
        }

    def count_steps(self, stage: str) -> int:
        """Return the number of steps of a stage; for GRPO, the number of rounds."""
        return {"sft": self.sft.steps, "grpo": self.grpo.rounds, "cooldown": self.cooldown.steps}[stage]


def load_config(path: Path | None) -> Config:
    """Load settings from a TOML or JSON file, with defaults for the rest; raises ConfigError, which names the file."""
    return parse_config(read_settings(path)) if path else Config()


def read_settings(path: Path) -> dict[str, object]:
    """Read a TOML or JSON file of settings and check them; raises ConfigError, which names the file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        table = parse_json(text) if path.suffix == ".json" else parse_toml(text)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise ConfigError(f"{path} is not {'JSON' if path.suffix == '.json' else 'TOML'}: {error}.") from None
    try:
        parse_config(table)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    assert isinstance(table, dict)  # parse_config refuses anything else
    return table


def parse_config(table: object) -> Config:
    """Build settings from nested tables; raises ConfigError for an unknown name or a wrong value."""
    config = _build(Config, table, "")
    assert isinstance(config, Config)
    return config


def dump_config(config: Config) -> dict[str, object]:
    """Return every setting as nested tables: the inverse of `parse_config`."""
    return asdict(config)


def flatten(table: Table, prefix: str = "") -> dict[str, object]:
    """Flatten nested tables; names are joined by dots."""
    values: dict[str, object] = {}
    for name, value in table.items():
        values |= flatten(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return values


def list_old_names(table: Table) -> list[str]:
    """Return the dotted names of an earlier version that nested tables use."""
    return [name for name in flatten(table) if name in NEW_NAMES]


def _build(kind: type[Any], table: object, prefix: str) -> Any:
    if not isinstance(table, dict):
        raise ConfigError(f"{prefix.rstrip('.') or 'settings'}: expected a table, got {table!r}.")
    hints = get_type_hints(kind)
    names = [item.name for item in fields(kind)]
    for name in table:
        if name not in names:
            raise ConfigError(_describe_unknown(prefix, str(name), names))
    try:
        return kind(**{name: _check_value(hints[name], value, f"{prefix}{name}") for name, value in table.items()})
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(f"{prefix.rstrip('.') or 'settings'}: {error}") from None


def _describe_unknown(prefix: str, name: str, names: Sequence[str]) -> str:
    if new := NEW_NAMES.get(f"{prefix}{name}"):
        return f"{prefix}{name} is called {new} now; rename it."
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {prefix}{near[0]}?" if near else f"known settings are {', '.join(names)}."
    return f"Unknown setting {prefix}{name}; {hint}"


def _check_value(hint: Any, value: object, name: str) -> Any:
    is_optional = type(None) in get_args(hint)
    if is_optional and value is None:
        return None
    kind = next(arg for arg in get_args(hint) if arg is not type(None)) if is_optional else hint
    if isinstance(kind, type) and is_dataclass(kind):
        return _build(kind, value, f"{name}.")
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ConfigError(f"{name}: expected {kind.__name__}, got {value!r}.")
    return value


def _require(holds: bool, name: str, wanted: str, value: object) -> None:
    if not holds:
        raise ConfigError(f"{name} must be {wanted}, got {value!r}.")
