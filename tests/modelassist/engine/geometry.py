"""The geometry of Qwen3-VL-8B-Instruct, as its published config has it, with the tokenizer of our tiny models.

Source: the `8B` of `qwen3_vl_configs` in pytorch/torchtitan (torchtitan/experiments/qwen3_vl), which loads the
published weights.
"""

from pathlib import Path

from transformers import Qwen3VLConfig

from modelassist.engine.models.tiny import build_tokenizer

PARAMETERS = 8_767_123_696
"""The number of weights of the published model."""
_TEXT = {
    "vocab_size": 151936,
    "hidden_size": 4096,
    "intermediate_size": 12288,
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "rope_parameters": {
        "rope_type": "default",
        "rope_theta": 5e6,
        "mrope_section": [24, 20, 20],
        "mrope_interleaved": True,
    },
}
_VISION = {
    "depth": 27,
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_heads": 16,
    "patch_size": 16,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
    "num_position_embeddings": 2304,
    "out_hidden_size": 4096,
    "deepstack_visual_indexes": [8, 16, 24],
}


def make_8b(folder: Path) -> None:
    """Write a model folder without weights."""
    tokenizer = build_tokenizer()
    tokenizer.save_pretrained(folder)
    Qwen3VLConfig(text_config=_TEXT, vision_config=_VISION, tie_word_embeddings=False).save_pretrained(folder)
