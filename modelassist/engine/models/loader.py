"""Load a critic: any Qwen3-VL or Qwen2.5-VL, from a local folder or by hub id, through transformers' own classes.

The loader also finds the token ids that the rest of the engine needs. It checks that each of the five level words is
one token at its position in the grammar; otherwise no score could be read. The module `folder` decides which folders
are refused; `families` holds what differs between kinds of model. Code in a checkpoint is never run, and only
safetensors weights are read.
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

from modelassist.engine.models.families import FAMILIES, Geometry, read_geometry
from modelassist.engine.models.folder import CRITIC_FILE, ModelError, check_model, check_outline, read_critic_settings
from qsave.axes import AXES, LEVEL_WORDS, Axis
from qsave.frames.slowfast import FrameConfig
from qsave.grammar import render
from qsave.report_card import AxisReport, ReportCard

END_OF_TURN = "<|im_end|>"
VISION_TOKENS = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
MARKS = ("<|im_start|>", END_OF_TURN, *VISION_TOKENS)
_LOADING_ERRORS = (
    AttributeError,  # the config lacks a field of its kind of model
    ImportError,  # a quantiser's package is missing
    LookupError,
    OSError,
    RuntimeError,
    SafetensorError,
    StrictDataclassError,  # the config has a value of the wrong type
    TypeError,
    ValueError,
)
"""The errors that transformers raises for files that it cannot use."""
_LOAD_LOGGER = "transformers.modeling_utils"
_RETRY_LOGGER = "huggingface_hub.utils._http"


@dataclass(slots=True)
class LoadedModel:
    """A model in memory, with the token ids and settings that the engine needs."""

    network: nn.Module
    """The transformers model or its peft wrapper; `base` is the model without the wrapper."""
    tokenizer: PreTrainedTokenizerBase
    level_ids: tuple[int, ...]
    """Token ids of the level words, bad to excellent, as they are written after `axis:`."""
    end_ids: tuple[int, ...]
    """Token ids that end a generated text."""
    mark_ids: Mapping[str, int]
    """Ids of the special tokens that the engine writes (`MARKS`)."""
    frames: FrameConfig
    max_new_tokens: int
    name: str
    simulated: bool = False
    """Whether it was trained on simulated clips or ratings."""
    readings: tuple[str, ...] = ()
    """The detectors whose findings are in every question to it."""

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
        """The token that fills padded positions, which the mask hides."""
        return self.end_ids[0]

    @property
    def never_generated(self) -> list[int]:
        """Ids of marks that a completion must not contain: a stray vision pad would break the next forward pass."""
        return [id for mark, id in self.mark_ids.items() if mark != END_OF_TURN]

    @property
    def geometry(self) -> Geometry:
        return read_geometry(self.base.config)

    def set_frames(self, frames: FrameConfig) -> None:
        """Use these frame settings, in the unit of this model.

        Raises ModelError if a frame would be smaller than one vision token.
        """
        try:
            self.frames = replace(frames, unit=self.geometry.unit)
        except ValueError as error:
            raise ModelError(f"{self.name} cannot use these frame settings: {error}.") from None


def load(name: str, *, device: str = "cpu", dtype: torch.dtype = torch.float32) -> LoadedModel:
    """Load a critic from a folder or a hub id; raises ModelError with the reason if that fails."""
    folder = check_model(name)
    config = _load_config(name, folder)
    return _build(name, folder, config, lambda: _load_network(name, folder, config, dtype, device))


def load_outline(name: str) -> LoadedModel:
    """Load a critic without weights, on torch's meta device, to compute its size. It cannot be run.

    Reads only the config and the tokenizer, from the folder or the hub. Raises ModelError as `load` does.
    """
    folder = check_outline(name)
    config = _load_config(name, folder)
    with torch.device("meta"):
        network = FAMILIES[config.model_type].network(config)
    return _build(name, folder, config, lambda: network)


def load_frame_config(name: str) -> FrameConfig:
    """Read a critic's frame settings without its weights; raises ModelError as `load` does."""
    folder = check_model(name)
    return _read_frames(folder, _load_config(name, folder))


def find_level_ids(tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """Find the ids of the five level words in a report card; raises ModelError unless each is one token.

    Each level is written into a report card, and the five cards must differ in exactly one token. The ids must be the
    same on every axis.
    """
    ids = {axis: _find_level_ids_of_axis(tokenizer, axis) for axis in AXES}
    if len(set(ids.values())) != 1:
        raise ModelError(
            "This model's tokenizer writes the level words with different tokens on different axes, so no score can be"
            " read from it; use a model with its own tokenizer."
        )
    return ids[AXES[0]]


def _build(name: str, folder: Path | None, config: Any, load_network: Callable[[], Any]) -> LoadedModel:
    """Build the model. The small files are read first, so that an error in them appears before the weights load."""
    tokenizer = _load_tokenizer(name, folder)
    settings = read_critic_settings(folder)
    return LoadedModel(
        tokenizer=tokenizer,
        level_ids=find_level_ids(tokenizer),
        end_ids=_find_end_ids(tokenizer),
        mark_ids={mark: _find_token_id(tokenizer, mark) for mark in MARKS},
        frames=_read_frames(folder, config),
        max_new_tokens=settings.max_new_tokens,
        name=name,
        simulated=settings.simulated,
        readings=tuple(settings.readings),
        network=load_network().eval(),
    )


def _read_frames(folder: Path | None, config: Any) -> FrameConfig:
    """Read the frame settings of a critic, in the unit of its model."""
    try:
        return FrameConfig(**{**read_critic_settings(folder).frames, "unit": read_geometry(config).unit})
    except ValueError as error:
        where = folder / CRITIC_FILE if folder else config.model_type
        raise ModelError(f"{where}: the frame settings are not possible: {error}.") from None


def _find_level_ids_of_axis(tokenizer: PreTrainedTokenizerBase, axis: Axis) -> tuple[int, ...]:
    encodings = [tokenizer.encode(_render_card(axis, level), add_special_tokens=False) for level in range(1, 6)]
    lengths = {len(ids) for ids in encodings}
    if len(lengths) == 1:
        columns = [column for column in zip(*encodings, strict=True) if len(set(column)) > 1]
        if len(columns) == 1 and len(set(columns[0])) == len(LEVEL_WORDS):
            return tuple(columns[0])
    raise ModelError(
        f"This model's tokenizer does not write the levels {', '.join(LEVEL_WORDS)} as single tokens after "
        f"'{axis}:', so no score can be read from it; use a model with its own tokenizer."
    )


def _render_card(axis: Axis, level: int) -> str:
    return render(ReportCard(**{other.value: AxisReport(level if other is axis else 3) for other in AXES}))


def _load_config(name: str, folder: Path | None) -> Any:
    with _explain_loading_errors(name, folder, "its config"):
        config = AutoConfig.from_pretrained(folder or name, trust_remote_code=False)
    if config.model_type not in FAMILIES:
        raise ModelError(f"{name} is a {config.model_type!r}; a critic is built on {' or '.join(FAMILIES)}.")
    return config


def _load_network(name: str, folder: Path | None, config: Any, dtype: torch.dtype, device: str) -> Any:
    disable_progress_bar()
    with _explain_loading_errors(name, folder, "the model"), _hide_load_report():
        network, report = FAMILIES[config.model_type].network.from_pretrained(
            folder or name,
            dtype=dtype,
            attn_implementation="sdpa",
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # `_check_weights` refuses them by name
        )
    _check_weights(name, report)
    network.model.visual.patch_embed.proj.__class__ = _PatchProjection
    network.to(device)
    _check_numbers(name, network)
    return network


def _load_tokenizer(name: str, folder: Path | None) -> PreTrainedTokenizerBase:
    with _explain_loading_errors(name, folder, "its tokenizer"):
        return AutoTokenizer.from_pretrained(folder or name, trust_remote_code=False)


@contextmanager
def _explain_loading_errors(name: str, folder: Path | None, what: str) -> Iterator[None]:
    """Raise ModelError if a part of the model cannot be read from the folder or the hub.

    transformers logs each retry of the hub; one message replaces them all.
    """
    retries = _RetryMessages(name)
    logging.getLogger(_RETRY_LOGGER).addFilter(retries)
    try:
        yield
    except _LOADING_ERRORS as error:
        advice = "" if folder else " You can also name a local folder that holds its files."
        raise ModelError(f"{name}: {what} cannot be loaded: {str(error).rstrip('. ')}.{advice}") from error
    finally:
        logging.getLogger(_RETRY_LOGGER).removeFilter(retries)


class _RetryMessages(logging.Filter):
    """A log filter that replaces the first message on a retry and drops the others."""

    def __init__(self, model: str) -> None:
        super().__init__()
        self.is_first, self.model = True, model

    def filter(self, record: logging.LogRecord) -> bool:
        is_first, self.is_first = self.is_first, False
        record.msg, record.args = f"{self.model}: the hub does not answer yet; retrying for up to half a minute.", ()
        return is_first


@contextmanager
def _hide_load_report() -> Iterator[None]:
    """Hide transformers' table of weights that do not fit; `_check_weights` reports them in one line."""
    logger = logging.getLogger(_LOAD_LOGGER)
    logger.addFilter(_is_not_load_report)
    try:
        yield
    finally:
        logger.removeFilter(_is_not_load_report)


def _is_not_load_report(record: logging.LogRecord) -> bool:
    return "LOAD REPORT" not in record.getMessage()


def _check_weights(name: str, report: Mapping[str, Any]) -> None:
    """Refuse weights of the wrong shape and missing weights; print which weights are left out."""
    if mismatched := sorted(report["mismatched_keys"]):
        first, actual, expected = mismatched[0]
        others = f" {len(mismatched) - 1} more weights do not fit." if mismatched[1:] else ""
        raise ModelError(
            f"{name}: {first} is {_format_shape(actual)}, but config.json expects {_format_shape(expected)}.{others}"
        )
    if missing := sorted(report["missing_keys"]):
        raise ModelError(f"{name}: {len(missing)} weights are missing; the first is {missing[0]}.")
    if unexpected := sorted(report["unexpected_keys"]):
        left_out = (
            f"{len(unexpected)} weights that config.json does not name are left out; the first is {unexpected[0]}."
        )
        print(f"{name}: {left_out}", file=sys.stderr)


def _format_shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _check_numbers(name: str, network: nn.Module) -> None:
    """Refuse weights with a NaN or infinite value. Sums are enough to check: such a value makes its sum so too."""
    broken = [key for key, value in network.named_parameters() if not value.detach().sum().isfinite()]
    if broken:
        raise ModelError(f"{name}: {len(broken)} weights contain NaN or infinity; the first is {broken[0]}.")


class _PatchProjection(nn.Conv3d):
    """Compute the patch embedding as a matrix product, which is possible because each kernel covers its whole input.

    The general convolution has the same weights and results but is several times slower.
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        flat = nn.functional.linear(input.flatten(1), self.weight.flatten(1), self.bias)
        return flat[..., None, None, None]


def _find_token_id(tokenizer: PreTrainedTokenizerBase, token: str) -> int:
    token_id = tokenizer.get_vocab().get(token)
    if token_id is None:
        raise ModelError(f"The model's tokenizer has no {token}; a critic needs the special tokens of Qwen-VL.")
    return int(token_id)


def _find_end_ids(tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    ids = {_find_token_id(tokenizer, END_OF_TURN)}
    if isinstance(tokenizer.eos_token_id, int):
        ids.add(tokenizer.eos_token_id)
    return tuple(sorted(ids))
