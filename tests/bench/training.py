"""An SFT step beside TRL's: the same tiny model, the same clips and answers, one thread each, in one run.

TRL sees every frame as an image, the form in which its trainers do see them, as tensors that are ready: its own
decoding and resizing are left out. Our step reads frames from the store and lays them out again, as in a run.
"""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import torch
from safetensors.torch import save_file
from torch import Tensor

from modelassist.engine.generation.critic import build_question
from modelassist.engine.inputs.examples import Example
from modelassist.engine.inputs.feeder import Feeder
from modelassist.engine.inputs.frame_store import FrameStore
from modelassist.engine.inputs.prompt import normalise, patchify
from modelassist.engine.models.loader import LoadedModel, load
from modelassist.engine.models.tiny import init_tiny
from modelassist.engine.settings.config import SftConfig
from modelassist.engine.training.sft import SftStage
from modelassist.engine.training.stages import StageContext
from modelassist.toy.raters import make_rater
from modelassist.toy.render import render_clip
from modelassist.toy.world import make_spec
from qsave.axes import AXES, round_to_level
from qsave.frames.slowfast import Frames
from qsave.grammar import render
from qsave.release.manifest import hash_file
from qsave.release.rows import Target
from tests.bench.measures import line
from tests.bench.peers import Peer, PeerMissing, fetch_peer

TRL = "trl==1.16.0"
"""The release whose SFTTrainer the figures are held against."""
BATCH = 8
STEPS = 12
IGNORED = -100


def against_trl(folder: Path) -> str:
    """Median processor seconds of a step of either side."""
    try:
        return _compare(fetch_peer(TRL), folder)
    except PeerMissing as reason:
        return line("SFT step beside TRL", f"not measured: {reason}")


def _compare(trl: Peer, folder: Path) -> str:
    examples = [_example(folder, number) for number in range(BATCH)]
    init_tiny(folder / "beginner", texts=[example.answer for example in examples])
    critic = load(str(folder / "beginner"))
    stage = _stage(critic, folder, examples)
    ours = [_our_step(stage, index) for index in range(STEPS)]
    save_file(image_form(critic, stage.context.feeder, examples), folder / "batch.safetensors")
    theirs = _trl_steps(trl, folder)
    ours += [_our_step(stage, STEPS + index) for index in range(STEPS)]
    mine, other = median(ours[2:]), median(theirs[2:])
    return line(
        f"SFT step, {BATCH} clips, {TRL} in image form",
        f"ours {1000 * mine:.0f} ms, TRL {1000 * other:.0f} ms: {other / mine:.2f}x faster",
    )


def _stage(critic: LoadedModel, folder: Path, examples: Sequence[Example]) -> SftStage:
    config = SftConfig(steps=10 * STEPS, batch=BATCH, huber_weight=0.0, direct_weight=0.0, shift=0.0)
    feeder = Feeder(critic, FrameStore(folder / "frames", critic.frames))
    return SftStage(StageContext(critic, feeder), examples, config)


def _our_step(stage: SftStage, index: int) -> float:
    """Processor seconds: with one thread each, a neighbour's load is in neither side's figure."""
    began = time.process_time()
    stage.step(index)
    return time.process_time() - began


def _example(folder: Path, number: int) -> Example:
    spec = make_spec(1, number)
    clip = folder / f"{spec.clip_id}.mp4"
    render_clip(spec, clip)
    rater = make_rater(1)
    card = rater.rate(spec, rater.make_rng(spec))
    messages = (*build_question(spec.prompt), {"role": "assistant", "content": render(card)})
    targets = {
        axis: Target(card.axis(axis).score, 0.3, 1, round_to_level(card.axis(axis).score), card.axis(axis).defects, ())
        for axis in AXES
    }
    return Example(
        spec.clip_id, spec.clip_id, spec.generator, spec.prompt, clip, hash_file(clip), messages, targets=targets
    )


def image_form(critic: LoadedModel, feeder: Feeder, examples: Sequence[Example]) -> dict[str, Tensor]:
    """A batch as TRL's collator would hand it over: every frame an image, padded on the right."""
    rows = [_row(critic, feeder.store.load_frames(example), example.messages) for example in examples]
    size = max(len(ids) for ids, _, _, _ in rows)
    batch = {
        "input_ids": torch.full((len(rows), size), critic.pad_id),
        "attention_mask": torch.zeros(len(rows), size, dtype=torch.long),
        "labels": torch.full((len(rows), size), IGNORED),
    }
    for index, (ids, answer, _, _) in enumerate(rows):
        batch["input_ids"][index, : len(ids)] = torch.tensor(ids)
        batch["attention_mask"][index, : len(ids)] = 1
        batch["labels"][index, len(ids) - answer : len(ids)] = torch.tensor(ids[-answer:])
    image = critic.mark_ids["<|image_pad|>"]
    return batch | {
        "mm_token_type_ids": (batch["input_ids"] == image).long(),
        "pixel_values": torch.cat([pixels for _, _, pixels, _ in rows]),
        "image_grid_thw": torch.cat([grids for _, _, _, grids in rows]),
    }


def _row(
    critic: LoadedModel, frames: Frames, messages: Sequence[Mapping[str, str]]
) -> tuple[list[int], int, Tensor, Tensor]:
    """Token ids, how many of them are the answer's, patches and grids."""
    shown = [*zip(frames.slow_times, frames.slow, strict=True), *zip(frames.fast_times, frames.fast, strict=True)]
    images = [patchify(frame[None], critic.geometry) for _, frame in shown]
    pads = [grid[1] * grid[2] // critic.geometry.merge**2 for _, grid in images]
    vision = "".join(
        f"<{seconds:.1f} seconds><|vision_start|>{'<|image_pad|>' * count}<|vision_end|>"
        for (seconds, _), count in zip(shown, pads, strict=True)
    )
    system, user, assistant = (message["content"] for message in messages)
    asked = (
        f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{vision}{user}<|im_end|>\n<|im_start|>assistant\n"
    )
    prompt: list[int] = critic.tokenizer.encode(asked, add_special_tokens=False)
    answer: list[int] = critic.tokenizer.encode(f"{assistant}<|im_end|>", add_special_tokens=False)
    grids = torch.tensor([grid for _, grid in images])
    pixels = normalise(torch.cat([rows for rows, _ in images]), critic.geometry)
    return prompt + answer, len(answer), pixels, grids


def _trl_steps(trl: Peer, folder: Path) -> list[float]:
    """Seconds of each of TRL's steps, from a process that sees our model folder and batch and none of our code."""
    script = Path(__file__).with_name("trl_steps.py")
    command: list[str | Path] = ["-P", script, folder / "beginner", folder / "batch.safetensors", str(2 * STEPS)]
    printed = trl.run(command, cwd=folder, env={"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"})
    seconds: list[float] = json.loads(printed.splitlines()[-1])
    return seconds
