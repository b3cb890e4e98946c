"""LLaMA-Factory loads the preset `llama-factory`, and its batch goes through the model.

`check_llama_factory.py PRESET MODEL OUT`
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from stand_ins import put_in_place
from tiny_processor import make_processor
from transformers import Qwen3VLForConditionalGeneration

put_in_place()

from llamafactory.data import (  # noqa: E402  # torchaudio
    SFTDataCollatorWith4DAttentionMask,
    get_dataset,
    get_template_and_fix_tokenizer,
)
from llamafactory.hparams import get_train_args  # noqa: E402  # torchaudio


def check(folder: str, model: str, out: str, dataset: str) -> dict[str, Any]:
    """Load a dataset by the settings of the preset's README and run the model on its first batch."""
    settings = {
        "stage": "sft",
        "do_train": True,
        "model_name_or_path": model,
        "template": "qwen3_vl",
        "dataset_dir": folder,
        "media_dir": folder,
        "dataset": dataset,
        "output_dir": out,
        "cutoff_len": 8192,
        "overwrite_cache": True,
        "report_to": "none",
        "use_cpu": True,
    }
    model_args, data_args, training_args, _, _ = get_train_args(settings)
    processor = make_processor(model)
    tokenizer = processor.tokenizer
    template = get_template_and_fix_tokenizer(tokenizer, data_args)
    rows = get_dataset(template, model_args, data_args, training_args, "sft", tokenizer=tokenizer, processor=processor)
    train = rows["train_dataset"]
    network = Qwen3VLForConditionalGeneration.from_pretrained(model)
    seen: list[Any] = []
    network.model.visual.register_forward_pre_hook(
        lambda _, inputs, named: seen.append(len(inputs[0] if inputs else named["hidden_states"])), with_kwargs=True
    )
    collate = SFTDataCollatorWith4DAttentionMask(
        template=template, model=network, tokenizer=tokenizer, processor=processor, label_pad_token_id=-100
    )
    batch = collate([train[0]])
    loss = network(**batch).loss
    answer = tokenizer.decode([token for token in train[0]["labels"] if token != -100])
    return {"rows": len(train), "patches": seen[0], "loss": float(loss), "answer": answer}


if __name__ == "__main__":
    torch.set_num_threads(1)
    preset, tiny, out = sys.argv[1:4]
    names = json.loads(Path(preset, "dataset_info.json").read_text())
    print(json.dumps({name: check(preset, tiny, out, name) for name in names}))
