"""Other people's trainers stop with an error on the rows of a release: they would train on text and never see a clip.

TRL is started for real. LLaMA-Factory 0.9.5 and ms-swift 4.6.0 pin other versions of torch's and transformers' family
and do not install beside ours, so the columns by which they find their input are listed here and must be absent.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.datasets.records import clip, rating, release
from tests.modelassist.engine.small import make_tiny

ACTED_ON = {
    "TRL": {
        *(
            "prompt",
            "completion",
            "messages",
            "conversations",
            "text",
            "chosen",
            "rejected",
            "label",
            "image",
            "images",
        ),
        *("tools", "chat_template_kwargs", "input_ids", "labels", "completion_mask", "assistant_masks", "environment"),
    },
    "LLaMA-Factory": {
        *("instruction", "input", "output", "history", "conversations", "messages", "system", "tools", "prompt"),
        *("query", "response", "images", "videos", "audios", "chosen", "rejected", "kto_tag"),
    },
    "ms-swift": {
        *(
            "messages",
            "conversation",
            "conversations",
            "query",
            "prompt",
            "input",
            "instruction",
            "question",
            "problem",
        ),
        *("response", "answer", "output", "target", "answer_key", "answers", "text", "completion", "content", "system"),
        *("system_prompt", "history", "image", "images", "video", "videos", "audio", "audios", "tools", "objects"),
        *("label", "channel", "margin", "rejected_response", "rejected_messages", "teacher_prompt", "questions"),
        *("kinds", "options", "state", "criteria", "chat_template_kwargs"),
    },
}
"""Columns by which each of them finds what to train on, its pictures included."""

TAKEN_FOR_AN_ANSWER = {"targets", "solution"}
"""ms-swift takes these for the assistant's text. It stops: they are structs, and there is no user's turn."""

TRIALS = """
import datasets, torch
from transformers import AutoTokenizer, Qwen3VLForConditionalGeneration
from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

torch.set_num_threads(1)
PLAIN = dict(
    output_dir=f"{folder}-out", max_steps=1, per_device_train_batch_size=2, use_cpu=True, bf16=False, report_to="none",
    save_strategy="no", disable_tqdm=True, gradient_checkpointing=False,
)
TEMPLATE = "{% for turn in messages %}{{ turn['role'] }}: {{ turn['content'] }} {% endfor %}"

def trial(trainer, rows):
    network = Qwen3VLForConditionalGeneration.from_pretrained(model)
    looks = []
    network.model.visual.register_forward_hook(lambda *_: looks.append(1))
    words = AutoTokenizer.from_pretrained(model, padding_side="left")
    words.chat_template = words.chat_template or TEMPLATE
    shared = dict(model=network, train_dataset=rows, processing_class=words)
    try:
        if trainer == "GRPO":
            config = GRPOConfig(num_generations=2, max_completion_length=2, **PLAIN)
            made = GRPOTrainer(args=config, reward_funcs=lambda completions, **_: [1.0] * len(completions), **shared)
        else:
            made = SFTTrainer(args=SFTConfig(max_length=None, **PLAIN), **shared)
        made.train()
    except Exception as error:
        return {"error": repr(error)}
    return {"steps": made.state.global_step, "forwards of the vision tower": len(looks)}

answer = {}
for name, path in files.items():
    rows = datasets.load_dataset("json", data_files=path, split="train", cache_dir=cache)
    answer |= {f"{trainer}, {name}": trial(trainer, rows) for trainer in ("GRPO", "SFT")}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release whose train clips agree, so that it has rows of every kind."""
    root = tmp_path_factory.mktemp("trainers")
    people = rating("ann", 2, defects=["blur"]), rating("bob", 2, defects=["blur"])
    release(root / "a", [clip(f"{split}{n}", *people, split=split) for split in ("train", "val") for n in range(2)])
    return root / "a"


def first_rows(folder: Path) -> dict[str, dict[str, Any]]:
    rows = {kind: json.loads((folder / kind / "train.jsonl").read_text().split("\n")[0]) for kind in ("sft", "rl")}
    return rows | {"cooldown": json.loads((folder / "cooldown" / "train.jsonl").read_text().split("\n")[0])}


@pytest.mark.parametrize("trainer", ACTED_ON)
def test_no_column_has_a_name_that_a_trainer_acts_on(folder: Path, trainer: str) -> None:
    for kind, row in first_rows(folder).items():
        assert not row.keys() & ACTED_ON[trainer], kind
        assert all(isinstance(row[name], dict) for name in row.keys() & TAKEN_FOR_AN_ANSWER), kind
    for table in sorted(folder.glob("*.parquet")):
        assert not set(pq.read_schema(table).names) & ACTED_ON[trainer], table.name


def test_trl_stops_on_the_rows_and_trains_blindly_on_those_of_format_1(folder: Path) -> None:
    """The last line is what format 1 did: GRPO takes its step and the vision tower is never asked."""
    make_tiny(folder.parent / "tiny")
    earlier = folder.parent / "earlier.jsonl"
    rows = [json.loads(line) for line in (folder / "rl" / "train.jsonl").read_text().splitlines()]
    earlier.write_text("".join(json.dumps(as_in_format_1(row)) + "\n" for row in rows))
    files = {kind: str(folder / kind / "train.jsonl") for kind in ("sft", "rl", "cooldown")} | {
        "format 1": str(earlier)
    }
    tried = run(TRIALS, folder, files=files, model=str(folder.parent / "tiny"))
    for kind in ("sft", "rl", "cooldown"):
        assert tried[f"GRPO, {kind}"] == {"error": "KeyError('prompt')"}
        assert tried[f"SFT, {kind}"] == {"error": "KeyError('text')"}
    assert tried["GRPO, format 1"] == {"steps": 1, "forwards of the vision tower": 0}


def as_in_format_1(row: dict[str, Any]) -> dict[str, Any]:
    task = row["task"]
    messages = [{"role": role, "content": text} for role, text in task.items()]
    return {name: value for name, value in row.items() if name not in ("task", "video_prompt")} | {
        "prompt": row["video_prompt"],
        "messages": messages,
    }


def run(code: str, folder: Path, **names: Any) -> Any:
    """What `code` leaves in `answer`, run where the library called `datasets` is the one that is found."""
    values = {"folder": str(folder), "cache": str(folder.parent / "cache")} | names
    program = f"import json\nglobals().update({values!r})\n{code}\nprint(json.dumps(answer))"
    own = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], cwd=folder.parent, env=own, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])
