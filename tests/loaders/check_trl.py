"""TRL trains on the preset `trl`: two steps of SFT and of GRPO, in which the pictures reach the vision tower.

`check_trl.py PRESET MODEL`
"""

import json
import sys
from typing import Any

import torch
from tiny_processor import make_processor
from transformers import Qwen3VLForConditionalGeneration
from trl import DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

import datasets

STEPS = 2
PLAIN: dict[str, Any] = {
    "max_steps": STEPS,
    "use_cpu": True,
    "bf16": False,
    "report_to": "none",
    "save_strategy": "no",
    "disable_tqdm": True,
    "gradient_checkpointing": False,
    "logging_strategy": "no",
}


def load_rows(folder: str, name: str) -> datasets.Dataset:
    """Load a file by the lines of the preset's README."""
    rows = datasets.load_dataset("json", data_files=f"{folder}/{name}", split="train")
    return rows.map(lambda row: {"images": [f"{folder}/{name}" for name in row["images"]]})


def load_model(model: str, seen: list[int]) -> Qwen3VLForConditionalGeneration:
    """Load the model; `seen` gets the number of patches of each forward pass of its vision tower."""
    network = Qwen3VLForConditionalGeneration.from_pretrained(model)
    network.model.visual.register_forward_pre_hook(
        lambda _, inputs, named: seen.append(len(inputs[0] if inputs else named["hidden_states"])), with_kwargs=True
    )
    return network


def train_sft(folder: str, model: str, out: str) -> dict[str, Any]:
    seen: list[int] = []
    trainer = SFTTrainer(
        model=load_model(model, seen),
        args=SFTConfig(output_dir=out, max_length=None, per_device_train_batch_size=1, **PLAIN),
        train_dataset=load_rows(folder, "sft/train.jsonl"),
        processing_class=make_processor(model),
    )
    batch = next(iter(trainer.get_train_dataloader()))
    trainer.train()
    learnt = int((batch["labels"] != -100).sum())
    return {"steps": trainer.state.global_step, "forwards": len(seen), "patches": seen[0], "learnt": learnt}


def train_grpo(folder: str, model: str, out: str) -> dict[str, Any]:
    seen: list[int] = []
    solutions: list[Any] = []

    def reward(completions: list[Any], solution: list[Any], **_: Any) -> list[float]:
        solutions.extend(solution)
        return [float(index) for index in range(len(completions))]

    trainer = GRPOTrainer(
        model=load_model(model, seen),
        args=GRPOConfig(
            output_dir=out, num_generations=2, max_completion_length=4, per_device_train_batch_size=2, **PLAIN
        ),
        reward_funcs=reward,
        train_dataset=load_rows(folder, "grpo/train.jsonl"),
        processing_class=make_processor(model),
    )
    trainer.train()
    return {
        "steps": trainer.state.global_step,
        "forwards": len(seen),
        "patches": seen[0],
        "solution": solutions[0]["visual"],
    }


def try_pairs(folder: str, model: str, out: str) -> dict[str, Any]:
    """Give the pairs of clips to DPO, which must stop: its answers would be the names of files."""
    rows = datasets.load_dataset("json", data_files=f"{folder}/train.jsonl", split="train")
    try:
        DPOTrainer(
            model=load_model(model, []),
            args=DPOConfig(output_dir=out, per_device_train_batch_size=1, **PLAIN),
            train_dataset=rows,
            processing_class=make_processor(model),
        )
    except KeyError as error:
        return {"DPO stops": repr(error)}
    raise SystemExit("DPO trains on pairs of clips without seeing them.")


if __name__ == "__main__":
    torch.set_num_threads(1)
    preset, tiny, out = sys.argv[1:4]
    steps = {"sft": train_sft(preset, tiny, out), "grpo": train_grpo(preset, tiny, out)}
    print(json.dumps(steps | {"pairs": try_pairs(f"{preset}/../pairs", tiny, out)}))
