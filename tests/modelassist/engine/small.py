"""A tiny model and a release small enough to train on in seconds."""

import json
import os
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from transformers import PreTrainedTokenizerFast

from modelassist.engine.models.folder import CRITIC_FILE
from modelassist.engine.models.tiny import build_tokenizer, init_tiny
from qsave.axes import AXES, round_to_level
from qsave.frames.slowfast import FrameConfig
from qsave.grammar import render
from qsave.prompt import SYSTEM_PROMPT, make_user_prompt
from qsave.release.encoding import encode_canonical
from qsave.release.manifest import FORMAT, encode_manifest, hash_file
from qsave.release.rows import Media, RlRow, SftRow, Target, Task, row_to_json
from qsave.report_card import AxisReport, Evidence, ReportCard, TimeRange

FRAMES = FrameConfig(fast_frames=3, fast_pixels=32 * 32, slow_frames=1, slow_pixels=64 * 64)
DEFECTS = ("blur", "frozen", "wrong-colour")


MAX_NEW_TOKENS = 24
"""Of a model with fresh weights, whose texts mean nothing however long they are."""


def make_tiny(folder: Path, kind: str = "qwen3_vl", seed: int = 0) -> None:
    """Write a model with fresh weights whose tokenizer knows the words of the release."""
    init_tiny(folder, kind=kind, seed=seed, frames=FRAMES, texts=[_answer(level) for level in range(1, 6)])
    settings = json.loads((folder / CRITIC_FILE).read_text())
    (folder / CRITIC_FILE).write_text(json.dumps(settings | {"max_new_tokens": MAX_NEW_TOKENS}))


def build_tokenizer_once(texts: Iterable[str] = ()) -> PreTrainedTokenizerFast:
    """Do what `build_tokenizer` does, which takes a second, once for the same texts."""
    return deepcopy(_build_tokenizer(tuple(texts)))


@cache
def _build_tokenizer(texts: tuple[str, ...]) -> PreTrainedTokenizerFast:
    return build_tokenizer(texts)


def make_release(folder: Path) -> None:
    """Write a release with 8 train, 3 val and 3 test clips; a brighter picture has higher levels on all axes."""
    (folder / "media").mkdir()
    number = 0
    for split, count in (("train", 8), ("val", 3), ("test", 3)):
        rows = [_rows(folder, number + offset, split) for offset in range(count)]
        number += count
        _write(folder / "sft" / f"{split}.jsonl", [supervised for supervised, _ in rows])
        _write(folder / "rl" / f"{split}.jsonl", [prompt for _, prompt in rows])
        if split == "train":
            _write(folder / "cooldown" / "train.jsonl", [supervised for supervised, _ in rows[:4]])
    seal(folder)


def seal(folder: Path) -> None:
    """Write the manifest of the files in the folder."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json")
    files = {
        path.relative_to(folder).as_posix(): {"sha256": hash_file(path), "bytes": path.stat().st_size} for path in paths
    }
    manifest = {
        "format": FORMAT, "name": "lights", "number": 1, "content_hash": "0" * 64, "policies": {}, "counts": {},
        "files": files,
    }  # fmt: skip
    (folder / "manifest.json").write_bytes(encode_manifest(manifest))


def write_clip(path: Path, brightness: int, frames: int = 6) -> None:
    """Write a short clip of one grey with a lighter square that moves."""
    with av.open(os.fspath(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=8, options={"crf": "20", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number in range(frames):
            picture = np.full((64, 64, 3), brightness, np.uint8)
            picture[20:40, 4 * number : 4 * number + 16] += 40
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def _rows(folder: Path, number: int, split: str) -> tuple[SftRow, RlRow]:
    level = 1 + number % 5
    path = folder / "media" / f"{number}.mp4"
    write_clip(path, 15 + 40 * level + number)
    sha256 = hash_file(path)
    path.rename(folder / "media" / f"{sha256}.mp4")
    prompt = f"A square wanders, take {number}"
    common = {
        "id": f"row-{number}",
        "clip_id": f"clip-{number}",
        "video_prompt": prompt,
        "prompt_group": f"group-{number}",
        "generator": f"maker-{number % 2}",
        "split": split,
        "media": Media(f"media/{sha256}.mp4", sha256, 0.75, (), ()),
        "simulated": True,
    }
    unanswered = Task(SYSTEM_PROMPT, make_user_prompt(prompt))
    targets = {
        axis: Target(min(5.0, level + 0.2), 0.3, 3, round_to_level(min(5.0, level + 0.2)), card.defects, card.evidence)
        for axis, card in ((axis, _card(level).axis(axis)) for axis in AXES)
    }
    return (
        SftRow(**common, task=replace(unanswered, answer=_answer(level)), targets=targets),  # type: ignore[arg-type]
        RlRow(**common, task=unanswered, solution=targets),  # type: ignore[arg-type]
    )


def _card(level: int) -> ReportCard:
    reports = {}
    for axis, defect in zip(AXES, DEFECTS, strict=True):
        evidence = () if level >= 4 else (Evidence(defect, TimeRange(0.0, 0.5)),)
        reports[axis.value] = AxisReport(level, evidence, "as bright as it is")
    return ReportCard(**reports)


def _answer(level: int) -> str:
    return render(_card(level))


def _write(path: Path, rows: list[SftRow] | list[RlRow]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join(encode_canonical(row_to_json(row)) + b"\n" for row in rows))


def read_metrics(out: Path) -> list[dict[str, Any]]:
    """Read the metrics of a run, one row for each step."""
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
