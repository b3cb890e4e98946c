"""Hugging Face's `datasets` and WebDataset load the presets that hold clips, and PyAV opens the clips.

`check_datasets.py PRESETS`, the folder with `hf`, `webdataset` and `pairs`
"""

import glob
import io
import json
import sys
from pathlib import Path
from typing import Any

import av
import webdataset

import datasets

TABLES = ("clips", "ratings", "targets")


def count_frames(clip: Any) -> int:
    with av.open(clip) as container:
        return sum(1 for _ in container.decode(video=0))


def check_hf(folder: str) -> dict[str, Any]:
    """Load every config of the card."""
    names = datasets.get_dataset_config_names(folder)
    loaded = {name: datasets.load_dataset(folder, name) for name in names}
    rows = {name: {split: part.num_rows for split, part in found.items()} for name, found in loaded.items()}
    first = loaded["sft"]["train"][0]
    return {"rows": rows, "frames": count_frames(f"{folder}/{first['media']['path']}"), "task": sorted(first["task"])}


def check_webdataset(folder: str) -> dict[str, Any]:
    rows = {}
    for split in ("train", "val", "test"):
        shards = sorted(glob.glob(f"{folder}/{split}-*.tar"))
        samples = list(webdataset.WebDataset(shards, shardshuffle=False).decode().to_tuple("json", "mp4"))
        rows[split] = len(samples)
        row, clip = samples[0]
        frames = count_frames(io.BytesIO(clip))
    other = datasets.load_dataset("webdataset", data_files=f"{folder}/train-*.tar", split="train", streaming=True)
    other = other.cast_column("mp4", datasets.Video(decode=False))  # decoding needs torchcodec
    return {"rows": rows, "frames": frames, "answer": row["answer"], "by datasets": sum(1 for _ in other)}


def check_pairs(folder: str) -> dict[str, Any]:
    pairs = datasets.load_dataset("json", data_files=f"{folder}/train.jsonl", split="train")
    frames = [count_frames(f"{folder}/{pairs[0][side]['path']}") for side in ("chosen", "rejected")]
    return {"rows": pairs.num_rows, "frames": frames, "better": pairs[0]["chosen"]["mos"] > pairs[0]["rejected"]["mos"]}


if __name__ == "__main__":
    presets = Path(sys.argv[1])
    checks = {"hf": check_hf, "webdataset": check_webdataset, "pairs": check_pairs}
    print(json.dumps({name: check(str(presets / name)) for name, check in checks.items()}))
