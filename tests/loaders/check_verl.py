"""verl's dataset loads the preset `verl`, and its pictures go through the model.

`check_verl.py PRESET MODEL OUT`
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf
from stand_ins import put_in_place
from tiny_processor import make_processor
from transformers import Qwen3VLForConditionalGeneration

put_in_place()

from verl.utils.dataset.rl_dataset import RLHFDataset, collate_fn  # noqa: E402  # torchvision


def check(file: Path, model: str, out: str) -> dict[str, Any]:
    """Load a file as verl's trainer does, and run the model on the prompt of its first row."""
    processor = make_processor(model)
    settings = {"max_prompt_length": 8192, "cache_dir": out, "filter_overlong_prompts": True}
    rows = RLHFDataset(str(file), processor.tokenizer, OmegaConf.create(settings), processor)
    batch = collate_fn([rows[0]])
    messages = batch["raw_prompt"][0]
    pictures, _, _ = RLHFDataset._process_multi_modal_info(messages, 16, rows.config)
    text = processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    inputs = processor(text=[text], images=pictures, return_tensors="pt")
    network = Qwen3VLForConditionalGeneration.from_pretrained(model)
    seen: list[Any] = []
    network.model.visual.register_forward_pre_hook(
        lambda _, inputs, named: seen.append(len(inputs[0] if inputs else named["hidden_states"])), with_kwargs=True
    )
    network(**inputs)
    solution = json.loads(batch["reward_model"][0]["ground_truth"])["visual"]
    return {"rows": len(rows), "patches": seen[0], "solution": solution}


if __name__ == "__main__":
    torch.set_num_threads(1)
    preset, tiny, out = sys.argv[1:4]
    print(json.dumps({file.stem: check(file, tiny, out) for file in sorted(Path(preset).glob("rl/*.parquet"))}))
