"""Make a tiny Qwen3-VL or Qwen2.5-VL with its own tokenizer from a config, without any download.

The model has the class of a real checkpoint and is small enough to train on a CPU in minutes. Its tokenizer is a
byte-level BPE trained on the project's own words: it can write any text, and a report card has few tokens. The system
prompt is a single token: to an untrained model an instruction is a constant, and each token costs time in every step.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Split
from tokenizers.pre_tokenizers import Sequence as InTurn
from tokenizers.trainers import BpeTrainer
from torch import Tensor
from transformers import PreTrainedTokenizerFast, Qwen2_5_VLConfig, Qwen3VLConfig
from transformers.utils.logging import disable_progress_bar

from modelassist.engine.models.families import FAMILIES, read_geometry
from modelassist.engine.models.folder import ModelError
from modelassist.engine.models.loader import END_OF_TURN, VISION_TOKENS
from modelassist.engine.models.saver import write_critic_settings, write_model
from modelassist.engine.support.seeds import seed_torch
from qsave.axes import LEVEL_WORDS, MIN_LEVEL
from qsave.files import atomic_path
from qsave.frames.slowfast import FrameConfig
from qsave.grammar import render
from qsave.prompt import SYSTEM_PROMPT, describe_prompt, make_user_prompt
from qsave.report_card import AxisReport, Evidence, ReportCard, TimeRange
from qsave.taxonomy import DEFAULT_TAXONOMY

VOCABULARY = 2048
"""Upper bound; the most frequent words of a release are added until it is reached."""
HIDDEN = 128
LAYERS = 4
VISION_LAYERS = 2
SPREAD = 0.06
"""SD of initial weights. Transformers' 0.02 is for thousands of channels: with 128 the layers add almost nothing at
first, and training needs twice the steps before a report card parses."""
CHANGE = 4.0
"""Factor between the initial filters for the difference of two frames and those for their sum."""
MAX_NEW_TOKENS = 256
TINY_FRAMES = FrameConfig(fast_frames=8, fast_pixels=64 * 64, slow_frames=2, slow_pixels=96 * 96)
"""34 vision tokens for an almost square clip."""

_END_OF_TEXT = "<|endoftext|>"
_PIECES = Regex(
    r"<\d+\.\d seconds>|</?\w+>\n?|\[\w+\]|(?:visual|dynamic|alignment):"
    r"| ?\p{L}+(?:-\p{L}+)*|\d+\.\d|\d\d?| ?[^\s\p{L}\d]|\s"
)
_COPIES = 20
"""How often the project's own words are repeated in the tokenizer's training text, so that a long release does not
push them out of the vocabulary."""

_ROPE: dict[str, object] = {"rope_type": "default", "rope_theta": 1e4}
_VISION_CONFIG: dict[str, object] = {
    "depth": VISION_LAYERS,
    "hidden_size": HIDDEN,
    "initializer_range": SPREAD,
    "intermediate_size": 3 * HIDDEN,
    "num_heads": 4,
    "out_hidden_size": HIDDEN,
}


def init_tiny(
    out: Path,
    *,
    kind: str = "qwen3_vl",
    frames: FrameConfig = TINY_FRAMES,
    seed: int = 0,
    texts: Iterable[str] = (),
) -> None:
    """Write a model of a kind (`TINY_CONFIGS`), its tokenizer and frame settings to `out`, whole or not at all.

    `texts`, for example those of a release, add to the vocabulary. Raises ModelError if `out` exists and is not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ModelError(f"{out} exists already and was left as it is: name another --out, or remove it first.")
    tokenizer = build_tokenizer(texts)
    config = TINY_CONFIGS[kind](tokenizer)
    with seed_torch(seed, "init-tiny"):
        network = FAMILIES[kind].network(config)
    _separate_change(network.model.visual.patch_embed.proj.weight)
    if kind == "qwen3_vl":  # the other kind uses rotary positions
        _separate_positions(network.model.visual.pos_embed.weight)
    disable_progress_bar()
    out = out.resolve()  # a symbolic link stays one
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(out) as unfinished:
        unfinished.mkdir()
        write_model(unfinished, network, tokenizer)
        write_critic_settings(unfinished, replace(frames, unit=read_geometry(config).unit), MAX_NEW_TOKENS)


def build_tokenizer(texts: Iterable[str] = ()) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE with Qwen's special tokens on the project's words and on `texts`."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = InTurn(
        [Split(_PIECES, behavior="isolated"), ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = ByteLevelDecoder()
    specials = [_END_OF_TEXT, "<|im_start|>", END_OF_TURN, *VISION_TOKENS]
    trainer = BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=specials,
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_build_corpus(texts), trainer)
    tokenizer.add_tokens([AddedToken(SYSTEM_PROMPT, special=False, normalized=False)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END_OF_TURN,
        pad_token=_END_OF_TEXT,
        clean_up_tokenization_spaces=False,
        model_max_length=32768,
    )


def _make_qwen3_config(tokenizer: PreTrainedTokenizerFast) -> Qwen3VLConfig:
    """Make the smallest config with every part of a real one: M-RoPE, grouped heads, deepstack."""
    return Qwen3VLConfig(
        text_config=_make_text_config(tokenizer)
        | {"head_dim": 32, "rope_parameters": _ROPE | {"mrope_section": [6, 5, 5], "mrope_interleaved": True}},
        vision_config=_VISION_CONFIG | {"num_position_embeddings": 256, "deepstack_visual_indexes": [0]},
        **_find_mark_ids(tokenizer),
    )


def _make_qwen2_5_config(tokenizer: PreTrainedTokenizerFast) -> Qwen2_5_VLConfig:
    """Make such a config of the other kind: M-RoPE by seconds, grouped heads, one windowed block and one full block."""
    ends = {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id}
    return Qwen2_5_VLConfig(
        text_config=_make_text_config(tokenizer) | ends | {"rope_parameters": _ROPE | {"mrope_section": [4, 6, 6]}},
        vision_config=_VISION_CONFIG | {"fullatt_block_indexes": [VISION_LAYERS - 1], "tokens_per_second": 2},
        **_find_mark_ids(tokenizer),
    )


TINY_CONFIGS: Mapping[str, Callable[[PreTrainedTokenizerFast], Any]] = {
    "qwen3_vl": _make_qwen3_config,
    "qwen2_5_vl": _make_qwen2_5_config,
}
"""By the kind of model."""


def _make_text_config(tokenizer: PreTrainedTokenizerFast) -> dict[str, object]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": HIDDEN,
        "initializer_range": SPREAD,
        "intermediate_size": 3 * HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 32768,
        "pad_token_id": tokenizer.pad_token_id,
    }


def _find_mark_ids(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    ids = tokenizer.get_vocab()
    named = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
    marks = ("<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>")
    return {name: ids[mark] for name, mark in zip(named, marks, strict=True)}


@torch.no_grad()
def _separate_change(patches: Tensor) -> None:
    """Make half of the (D, colour, time, height, width) filters of a patch respond to the sum of its two frames.

    The other half responds to their difference, CHANGE times as strongly. Random filters would respond mostly to the
    sum, because the two frames are nearly alike, and motion would be lost.
    """
    common, change = patches.chunk(2)
    common[:, :, 1] = common[:, :, 0]
    change[:, :, 0] *= CHANGE
    change[:, :, 1] = -change[:, :, 0]


@torch.no_grad()
def _separate_positions(table: Tensor) -> None:
    """Fill the (side x side, D) position embeddings with waves, from half a turn across the frame to the finest.

    Random rows with SD SPREAD are too small compared with the content of a patch: the model would learn positions late.
    """
    side, waves = math.isqrt(len(table)), table.shape[1] // 4
    turns = math.pi * 2.0 ** (torch.arange(waves) * 4 / waves)
    along = torch.arange(side)[:, None] / side * turns
    waved = torch.cat([along.sin(), along.cos()], dim=1) * math.sqrt(2)
    down, across = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    table.copy_(torch.cat([waved[across.flatten()], waved[down.flatten()]], dim=1))


def _build_corpus(texts: Iterable[str]) -> Iterator[str]:
    for _ in range(_COPIES):
        yield from _list_own_words()
    yield from texts


def _list_own_words() -> Iterator[str]:
    """Yield every form of line in the grammar, every level and defect, and the words around a prompt."""
    yield f"user\nsystem\nassistant\n{make_user_prompt('a')}\n{describe_prompt('')}"
    yield "".join(f"<{tenth / 10:.1f} seconds>" for tenth in range(100))
    yield ",".join(map(str, range(100)))
    for level, _ in enumerate(LEVEL_WORDS, start=MIN_LEVEL):
        report = AxisReport(level)
        yield render(ReportCard(report, report, report))
    for tenth in range(50):
        report = AxisReport(3, tuple(Evidence(defect.id, _make_time(tenth)) for defect in DEFAULT_TAXONOMY))
        yield render(ReportCard(report, report, report))


def _make_time(tenth: int) -> TimeRange:
    return TimeRange(tenth / 10, tenth / 10 + 0.1)
