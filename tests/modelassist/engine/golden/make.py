"""Write the golden files again with Hugging Face's own processors: README.md in this folder says when and how.

PYTHONPATH=FOLDER_OF_TORCHVISION python -m tests.modelassist.engine.golden.make
"""

from typing import Any

import numpy as np
import torch
from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Split
from tokenizers.pre_tokenizers import Sequence as InTurn
from tokenizers.trainers import BpeTrainer

from tests.modelassist.engine.golden.cases import CASES, HERE, KINDS, SYSTEM, TOKENIZER, USER, Case

_STUBS = torch.library.Library("torchvision", "DEF")
for _name in ("nms", "qnms"):  # compiled operators that its Python part wants to exist; no processor calls them
    _STUBS.define(f"{_name}(Tensor dets, Tensor scores, float threshold) -> Tensor")

from transformers import (  # noqa: E402  # looks for torchvision, which needs the stubs
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLModel,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    Qwen3VLConfig,
    Qwen3VLModel,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)
from transformers.video_utils import VideoMetadata  # noqa: E402

_MARKS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
_VISION = ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
_PIECES = Regex(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""Where Qwen's tokenizers cut text; merges never reach over a cut."""
_HALF = [0.5, 0.5, 0.5]


def main() -> None:
    """Write tokenizer and arrays."""
    _write_tokenizer()
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(TOKENIZER), pad_token=_MARKS[0])
    for kind in KINDS:
        processor, model = _reference(kind, tokenizer)
        for name, case in CASES.items():
            arrays = _arrays(kind, processor, model, case)
            np.savez_compressed(HERE / f"{kind}-{name}.npz", **arrays)
            print(kind, name, {key: value.shape for key, value in arrays.items()})
        _whole_tokens_stay(kind, processor)


def _write_tokenizer() -> None:
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = InTurn(
        [Split(_PIECES, behavior="isolated"), ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = ByteLevelDecoder()
    specials = [AddedToken(mark, special=True) for mark in (*_MARKS, *_VISION)]
    trainer = BpeTrainer(
        vocab_size=320, special_tokens=specials, initial_alphabet=ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator([f"system\nuser\nassistant\n{SYSTEM} {USER} seconds to seconds"] * 9, trainer)
    TOKENIZER.write_text(tokenizer.to_str() + "\n", encoding="utf-8")


def _reference(kind: str, tokenizer: PreTrainedTokenizerFast) -> tuple[Any, Any]:
    """The processor with its published settings, and a model of the kind, for its positions alone."""
    ids: dict[str, Any] = {name: tokenizer.get_vocab()[f"<|{mark}|>"] for name, mark in _NAMED.items()}
    text: dict[str, Any] = {"vocab_size": 512, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    text |= {"num_key_value_heads": 2, "intermediate_size": 32, "bos_token_id": None, "eos_token_id": None}
    vision: dict[str, Any] = {
        "depth": 1,
        "hidden_size": 32,
        "num_heads": 2,
        "out_hidden_size": 32,
        "intermediate_size": 32,
    }
    processor: Any
    if kind == "qwen3_vl":
        images = Qwen2VLImageProcessor(patch_size=16, image_mean=_HALF, image_std=_HALF)
        processor = Qwen3VLProcessor(images, tokenizer, Qwen3VLVideoProcessor())
        rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 2, 2], "mrope_interleaved": True}
        config = Qwen3VLConfig(
            text_config=text | {"head_dim": 16, "rope_parameters": rope},
            vision_config=vision | {"deepstack_visual_indexes": [0]},
            **ids,
        )
        return processor, Qwen3VLModel(config)
    processor = Qwen2_5_VLProcessor(Qwen2VLImageProcessor(), tokenizer, Qwen2VLVideoProcessor())
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]}
    more = {"fullatt_block_indexes": [0], "tokens_per_second": 2}  # the published models' rate
    return processor, Qwen2_5_VLModel(
        Qwen2_5_VLConfig(text_config=text | {"rope_parameters": rope}, vision_config=vision | more, **ids)
    )


_NAMED = {
    "image_token_id": "image_pad",
    "video_token_id": "video_pad",
    "vision_start_token_id": "vision_start",
    "vision_end_token_id": "vision_end",
}


def _arrays(kind: str, processor: Any, model: Any, case: Case) -> dict[str, Any]:
    frames = case.frames(KINDS[kind])
    read = processor(
        text=[_text(kind, case)],
        images=list(frames.slow) or None,
        videos=[frames.fast],
        video_metadata=[VideoMetadata(total_num_frames=case.length, fps=case.rate, frames_indices=list(case.fast))],
        do_sample_frames=False,
        do_resize=False,
        cap_pixels_per_frame=False,
        return_tensors="pt",
        return_mm_token_type_ids=True,
    )
    places = ("input_ids", "mm_token_type_ids", "image_grid_thw", "video_grid_thw", "second_per_grid_ts")
    positions, delta = model.get_rope_index(**{name: read[name] for name in places if name in read})
    kept = {name: value for name, value in read.items() if isinstance(value, torch.Tensor) and name != "attention_mask"}
    kept |= {"position_ids": positions, "next_position": read["input_ids"].shape[1] + delta[0]}
    return {name: value.numpy() for name, value in kept.items()}


def _text(kind: str, case: Case) -> str:
    """The chat as the models know it, the times of slow frames written before them."""
    seen = "".join(
        f"<{place / case.rate:.1f} seconds><|vision_start|><|image_pad|><|vision_end|>" for place in case.slow
    )
    if kind == "qwen3_vl":  # the processor writes times and vision marks itself, one pair for each temporal patch
        seen += "<|video_pad|>"
    else:
        begin, end = case.fast[0] / case.rate, case.fast[-1] / case.rate
        seen += f"<{begin:.1f} to {end:.1f} seconds><|vision_start|><|video_pad|><|vision_end|>"
    turns = {"system": SYSTEM, "user": seen + USER}
    chat = "".join(f"<|im_start|>{role}\n{words}<|im_end|>\n" for role, words in turns.items())
    return chat + "<|im_start|>assistant\n"


def _whole_tokens_stay(kind: str, processor: Any) -> None:
    """Pictures of whole vision tokens and within the processors' bounds pass their own resizing unchanged."""
    size = (10 * KINDS[kind], 14 * KINDS[kind], 3)
    pictures = np.random.default_rng(0).integers(0, 256, (4, *size), dtype=np.uint8)
    video = (processor.video_processor, {"videos": [pictures], "do_sample_frames": False}, "pixel_values_videos")
    image = (processor.image_processor, {"images": [pictures[0]]}, "pixel_values")
    for side, shown, key in (video, image):
        sized, plain = (side(**shown, return_tensors="pt", do_resize=resize)[key] for resize in (True, False))
        if not torch.equal(sized, plain):
            raise SystemExit(f"{kind}: {', '.join(shown)} are resized")


if __name__ == "__main__":
    main()
