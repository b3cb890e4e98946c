"""Presets that show frames to a trainer: TRL, LLaMA-Factory, ms-swift and verl.

docs/release-presets.md has the shapes. Each was loaded by its own loader (`make test-loaders`).
"""

import json
from typing import Any

import pyarrow as pa

from qsave.release.presets.files import PresetFiles
from qsave.release.presets.question import write_block_turns, write_marked_turns
from qsave.release.presets.samples import LoadedSample
from qsave.release.rows import row_to_json


class TrlFiles:
    """TRL: `sft/` and `cooldown/` with prompt and completion (the loss is on the answer), `grpo/` with solution."""

    def __init__(self, files: PresetFiles) -> None:
        self._files = files

    def write(self, loaded: LoadedSample) -> None:
        sample, split = loaded.sample, loaded.sample.rl.split
        images = self._files.write_frames(loaded)
        rl = {"id": sample.rl.id, "prompt": write_block_turns(sample.rl), "images": images}
        self._files.write_line(f"grpo/{split}.jsonl", rl | {"solution": row_to_json(sample.rl)["solution"]})
        if sample.sft is None:
            return
        *prompt, answer = write_block_turns(sample.sft)
        row = {"id": sample.sft.id, "prompt": prompt, "completion": [answer], "images": images}
        self._files.write_line(f"sft/{split}.jsonl", row)
        if sample.agreed:
            self._files.write_line(f"cooldown/{split}.jsonl", row)

    def finish(self) -> None:
        pass


class SwiftFiles:
    """ms-swift: `sft/` and `cooldown/` with messages, `grpo/` with solution as JSON text."""

    def __init__(self, files: PresetFiles) -> None:
        self._files = files

    def write(self, loaded: LoadedSample) -> None:
        sample, split = loaded.sample, loaded.sample.rl.split
        images = self._files.write_frames(loaded)
        solution = json.dumps(row_to_json(sample.rl)["solution"], sort_keys=True)
        rl = {"messages": write_marked_turns(sample.rl), "images": images, "solution": solution}
        self._files.write_line(f"grpo/{split}.jsonl", rl)
        if sample.sft is None:
            return
        row = {"messages": write_marked_turns(sample.sft), "images": images}
        self._files.write_line(f"sft/{split}.jsonl", row)
        if sample.agreed:
            self._files.write_line(f"cooldown/{split}.jsonl", row)

    def finish(self) -> None:
        pass


_TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "system_tag": "system",
}


class LlamaFactoryFiles:
    """LLaMA-Factory: `sft/` and `cooldown/` in the sharegpt form, and the `dataset_info.json` that names them."""

    def __init__(self, files: PresetFiles) -> None:
        self._files = files

    def write(self, loaded: LoadedSample) -> None:
        sample, split = loaded.sample, loaded.sample.rl.split
        if sample.sft is None:
            return
        row = {"messages": write_marked_turns(sample.sft), "images": self._files.write_frames(loaded)}
        self._files.write_line(f"sft/{split}.jsonl", row)
        if sample.agreed:
            self._files.write_line(f"cooldown/{split}.jsonl", row)

    def finish(self) -> None:
        columns = {"messages": "messages", "images": "images"}
        info = {
            name_dataset(name): {"file_name": name, "formatting": "sharegpt", "columns": columns, "tags": _TAGS}
            for name in sorted(self._files.counts)
        }
        text = json.dumps(info, indent=2) + "\n"
        (self._files.folder / "dataset_info.json").write_text(text, encoding="utf-8")


def name_dataset(file: str) -> str:
    """Return the name by which LLaMA-Factory knows a file: `sft/train.jsonl` is `qsave_sft_train`."""
    return f"qsave_{file.removesuffix('.jsonl').replace('/', '_')}"


_VERL_SCHEMA = pa.schema(
    [
        ("data_source", pa.string()),
        ("prompt", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
        ("images", pa.list_(pa.struct([("bytes", pa.binary())]))),
        ("ability", pa.string()),
        ("reward_model", pa.struct([("style", pa.string()), ("ground_truth", pa.string())])),
        ("extra_info", pa.struct([("index", pa.int64()), ("id", pa.string()), ("split", pa.string())])),
    ]
)


class VerlFiles:
    """verl: a Parquet file a split, with the pictures inside, because verl resolves no path relative to a file."""

    def __init__(self, files: PresetFiles) -> None:
        self._files = files

    def write(self, loaded: LoadedSample) -> None:
        row = loaded.sample.rl
        name = f"rl/{row.split}.parquet"
        values: dict[str, Any] = {
            "data_source": "qsave",
            "prompt": write_marked_turns(row),
            "images": [{"bytes": picture} for picture in loaded.pictures],
            "ability": "video-quality",
            "reward_model": {"style": "rule", "ground_truth": json.dumps(row_to_json(row)["solution"], sort_keys=True)},
            "extra_info": {"index": self._files.counts.get(name, 0), "id": row.id, "split": row.split},
        }
        self._files.write_row(name, values, _VERL_SCHEMA, sum(map(len, loaded.pictures)))

    def finish(self) -> None:
        pass
