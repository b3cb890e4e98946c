"""Run by itself, with TRL and without our code: `trl_steps.py MODEL BATCH STEPS` prints processor seconds as JSON."""

import json
import sys
import time
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer, Qwen3VLForConditionalGeneration, TrainerCallback
from trl import SFTConfig, SFTTrainer

from datasets import Dataset


class Clock(TrainerCallback):
    """Processor seconds of every step, from the first forward to the optimiser's end."""

    def __init__(self) -> None:
        self.taken: list[float] = []
        self.started = 0.0

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self.started = time.process_time()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.taken.append(time.process_time() - self.started)


def main(model: str, batch: str, steps: int) -> None:
    torch.set_num_threads(1)
    tensors = load_file(batch)
    rows = len(tensors["input_ids"])
    clock = Clock()
    trainer = SFTTrainer(
        model=Qwen3VLForConditionalGeneration.from_pretrained(model, attn_implementation="sdpa"),
        args=SFTConfig(
            output_dir="trl-run",
            per_device_train_batch_size=rows,
            max_steps=steps,
            optim="adamw_torch",
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            remove_unused_columns=False,
            max_length=None,
            dataset_kwargs={"skip_prepare_dataset": True},
        ),
        train_dataset=Dataset.from_dict({"row": list(range(rows))}),
        data_collator=lambda _: dict(tensors),
        processing_class=AutoTokenizer.from_pretrained(model),
        callbacks=[clock],
    )
    trainer.train()
    print(json.dumps(clock.taken))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
