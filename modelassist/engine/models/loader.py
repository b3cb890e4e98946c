"""Loading a critic: any Qwen3-VL or Qwen2.5-VL, from a local folder or by hub id, through transformers' own classes.

Known here: which token ids the rest of the engine needs, and that the five level words are single tokens where the
grammar puts them (else no score can be read). Not here: which folders are refused (`model_folder`), where the kinds of
model differ (`families`), how inputs are laid out (`inputs`), how anything is generated (`generate`). Code of a
checkpoint is never run, and weights are safetensors only.
"""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from torch import nn
from transformers import AutoConfig, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils.logging import disable_progress_bar

from modelassist.engine.models.families import FAMILIES, Geometry, geometry_of
from modelassist.engine.models.files import frames_of, settings_of, write_model, write_settings
from modelassist.engine.models.folder import ModelError, check_model, check_tokenizer, local_folder
from qsave.axes import AXES, LEVEL_WORDS, Axis
from qsave.frames.slowfast import FrameConfig
from qsave.grammar import render
from qsave.report_card import AxisReport, ReportCard

END_OF_TURN = "<|im_end|>"
VISION_TOKENS = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
MARKS = ("<|im_start|>", END_OF_TURN, *VISION_TOKENS)
_LOADING_ERRORS = (
    AttributeError,  # a config without what its kind of model has
    ImportError,  # a quantiser's package
    LookupError,
    OSError,
    RuntimeError,
    SafetensorError,
    StrictDataclassError,  # a config with a value of another type
    TypeError,
    ValueError,
)
"""What transformers raises where files are not what it takes them for."""
_REPORT = "transformers.modeling_utils"
_RETRIES = "huggingface_hub.utils._http"


@dataclass(slots=True)
class Loaded:
    """A model in memory, and what the engine must know of its vocabulary."""

    network: nn.Module
    """The model, or its peft wrapper; `base` is the transformers class under either."""
    tokenizer: PreTrainedTokenizerBase
    level_ids: tuple[int, ...]
    """Token ids of bad .. excellent as they stand after `axis:`."""
    end_ids: tuple[int, ...]
    mark_ids: Mapping[str, int]
    """Ids of the special tokens that the engine writes (`MARKS`)."""
    frames: FrameConfig
    max_new_tokens: int
    name: str
    simulated: bool = False
    """Whether it learned from simulated clips or ratings."""

    @property
    def base(self) -> Any:
        """The transformers model itself."""
        network: Any = self.network
        return network if isinstance(network, PreTrainedModel) else network.get_base_model()

    @property
    def device(self) -> torch.device:
        device: torch.device = self.base.device
        return device

    @property
    def turn_end(self) -> int:
        """The token that ends a turn, and so a completion."""
        return self.mark_ids[END_OF_TURN]

    @property
    def pad_id(self) -> int:
        """What padded places hold; nothing ever looks at them."""
        return self.end_ids[0]

    @property
    def never_generated(self) -> list[int]:
        """Marks that a completion cannot hold: one stray vision pad would break the next forward."""
        return [id for mark, id in self.mark_ids.items() if mark != END_OF_TURN]

    @property
    def geometry(self) -> Geometry:
        return geometry_of(self.base.config)

    def look(self, frames: FrameConfig) -> None:
        """Take over how many frames are seen and how large, in this model's own unit; raises ModelError where no
        frame would be large enough for it."""
        try:
            self.frames = replace(frames, unit=self.geometry.unit)
        except ValueError as error:
            raise ModelError(f"{self.name} cannot look with these frame settings: {error}") from None


def load(name: str, *, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Loaded:
    """Load a critic from a folder or a hub id; raises ModelError with the reason where that cannot be."""
    folder = check_model(name)
    config = _load_config(name, folder)
    return _critic(name, folder, config, lambda: _load_network(name, folder, config, dtype, device))


def outline(name: str) -> Loaded:
    """A critic without weights, on torch's meta device: to be counted, not run. Asks a folder or the hub for config and
    tokenizer only; raises ModelError as `load` does."""
    folder = local_folder(name)
    config = _load_config(name, folder)
    with torch.device("meta"):
        network = FAMILIES[config.model_type].network(config)
    return _critic(name, folder, config, lambda: network)


def _critic(name: str, folder: Path | None, config: Any, network: Callable[[], Any]) -> Loaded:
    """What is small is read first: weights that take minutes should not be waited for in vain."""
    tokenizer = _load_tokenizer(name, folder)
    return Loaded(
        tokenizer=tokenizer,
        level_ids=level_ids(tokenizer),
        end_ids=_end_ids(tokenizer),
        mark_ids={mark: _token_id(tokenizer, mark) for mark in MARKS},
        frames=frames_of(folder, config),
        max_new_tokens=settings_of(folder)["max_new_tokens"],
        name=name,
        simulated=bool(settings_of(folder)["simulated"]),
        network=network().eval(),
    )


def frame_config(name: str) -> FrameConfig:
    """What a critic looks at, read without its weights; raises ModelError as `load` does."""
    folder = check_model(name)
    return frames_of(folder, _load_config(name, folder))


def save(critic: Loaded, folder: Path, *, dtype: torch.dtype = torch.bfloat16) -> None:
    """Write a whole, loadable model folder; weights are rounded to `dtype`, in memory too, so this is the last that is
    done with them. LoRA must have been merged before."""
    write_model(folder, critic.base.to(dtype), critic.tokenizer)
    write_settings(folder, critic.frames, critic.max_new_tokens, simulated=critic.simulated)


def level_ids(tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """The ids of the five level words where the grammar puts them; raises ModelError unless each is one token there.

    Checked in context: the five renderings of a card may differ in one token only, and that token must be the same
    on every axis.
    """
    found = {axis: _level_ids_of_axis(tokenizer, axis) for axis in AXES}
    if len(set(found.values())) != 1:
        raise ModelError("the level words are written with other tokens on one axis than on another; no score is read")
    return found[AXES[0]]


def _level_ids_of_axis(tokenizer: PreTrainedTokenizerBase, axis: Axis) -> tuple[int, ...]:
    encodings = [tokenizer.encode(_card_text(axis, level), add_special_tokens=False) for level in range(1, 6)]
    differing = {len(ids) for ids in encodings}
    if len(differing) == 1:
        columns = [column for column in zip(*encodings, strict=True) if len(set(column)) > 1]
        if len(columns) == 1 and len(set(columns[0])) == len(LEVEL_WORDS):
            return tuple(columns[0])
    raise ModelError(
        f"this model's tokenizer does not write the levels {', '.join(LEVEL_WORDS)} as single tokens after "
        f"'{axis}:', so no score can be read from it; use a model with its own tokenizer"
    )


def _card_text(axis: Axis, level: int) -> str:
    return render(ReportCard(**{other.value: AxisReport(level if other is axis else 3) for other in AXES}))


def _load_config(name: str, folder: Path | None) -> Any:
    with _from_the_hub(name, folder, "its config"):
        config = AutoConfig.from_pretrained(folder or name, trust_remote_code=False)
    if config.model_type not in FAMILIES:
        raise ModelError(f"{name} is a {config.model_type!r}; a critic is built on {' or '.join(FAMILIES)}")
    return config


def _load_network(name: str, folder: Path | None, config: Any, dtype: torch.dtype, device: str) -> Any:
    disable_progress_bar()
    with _from_the_hub(name, folder, "the model"), _without_report():
        network, report = FAMILIES[config.model_type].network.from_pretrained(
            folder or name,
            dtype=dtype,
            attn_implementation="sdpa",
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # refused below, by name
        )
    _check_weights(name, report)
    network.model.visual.patch_embed.proj.__class__ = _PatchProjection
    network.to(device)
    _check_numbers(name, network)
    return network


@contextmanager
def _from_the_hub(name: str, folder: Path | None, what: str) -> Iterator[None]:
    """What cannot be read in this block, from a folder or the hub, is said as ModelError; a hub that does not answer is
    told once while it is tried again, and not at every try."""
    patience = _Patience(name)
    logging.getLogger(_RETRIES).addFilter(patience)
    try:
        yield
    except _LOADING_ERRORS as error:
        instead = "" if folder else ". A local folder with its files can be named instead"
        raise ModelError(f"{name}: {what} cannot be loaded: {str(error).rstrip('. ')}{instead}") from error
    finally:
        logging.getLogger(_RETRIES).removeFilter(patience)


class _Patience(logging.Filter):
    """Lets the first of many messages through, in words of our own."""

    def __init__(self, model: str) -> None:
        super().__init__()
        self.said, self.model = False, model

    def filter(self, record: logging.LogRecord) -> bool:
        first, self.said = not self.said, True
        record.msg, record.args = f"{self.model}: the hub does not answer yet; trying for up to half a minute", ()
        return first


@contextmanager
def _without_report() -> Iterator[None]:
    """Transformers' table of what did not fit stays away: `_check_weights` says it in a line."""
    logger = logging.getLogger(_REPORT)
    logger.addFilter(_is_no_report)
    try:
        yield
    finally:
        logger.removeFilter(_is_no_report)


def _is_no_report(record: logging.LogRecord) -> bool:
    return "LOAD REPORT" not in record.getMessage()


def _check_weights(name: str, report: Mapping[str, Any]) -> None:
    """Refuse weights of other shapes and weights that are missing; say which are left out."""
    if mismatched := sorted(report["mismatched_keys"]):
        first, found, wanted = mismatched[0]
        others = f"; {len(mismatched) - 1} more do not fit" if mismatched[1:] else ""
        raise ModelError(f"{name}: {first} is {_by(found)}, and config.json wants {_by(wanted)}{others}")
    if missing := sorted(report["missing_keys"]):
        raise ModelError(f"{name}: {len(missing)} weights are missing, {missing[0]} first; they would be random")
    if unexpected := sorted(report["unexpected_keys"]):
        left_out = f"{len(unexpected)} weights for which config.json has no place are left out, {unexpected[0]} first"
        print(f"{name}: {left_out}", file=sys.stderr)


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _check_numbers(name: str, network: nn.Module) -> None:
    """Refuse weights that are no numbers. A sum is none as soon as one of its terms is, and needs no room."""
    broken = [key for key, value in network.named_parameters() if not value.detach().sum().isfinite()]
    if broken:
        raise ModelError(f"{name}: {len(broken)} weights hold what is no number (NaN, infinity), {broken[0]} first")


class _PatchProjection(nn.Conv3d):
    """The patch embedding as the matrix product that it is: each kernel covers its whole input. The general
    convolution is several times slower; weights and results stay the same."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        flat = nn.functional.linear(input.flatten(1), self.weight.flatten(1), self.bias)
        return flat[..., None, None, None]


def _load_tokenizer(name: str, folder: Path | None) -> PreTrainedTokenizerBase:
    if folder:
        check_tokenizer(folder)
    with _from_the_hub(name, folder, "its tokenizer"):
        return AutoTokenizer.from_pretrained(folder or name, trust_remote_code=False)


def _token_id(tokenizer: PreTrainedTokenizerBase, token: str) -> int:
    found = tokenizer.get_vocab().get(token)
    if found is None:
        raise ModelError(f"the model's tokenizer has no {token}; a critic needs the special tokens of Qwen-VL")
    return int(found)


def _end_ids(tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    ids = {_token_id(tokenizer, END_OF_TURN)}
    if isinstance(tokenizer.eos_token_id, int):
        ids.add(tokenizer.eos_token_id)
    return tuple(sorted(ids))
