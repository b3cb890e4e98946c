"""Estimate the size of a run before a model is downloaded or a GPU rented: parameters, tokens, operations, memory.

The model is built from its config, without weights, on torch's meta device.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from modelassist.engine.generation.critic import build_question
from modelassist.engine.inputs.prompt import build_prompt, encode_completion
from modelassist.engine.inputs.rows import Row
from modelassist.engine.models.adapters import is_vision_frozen, prepare
from modelassist.engine.models.loader import LoadedModel
from modelassist.engine.settings.config import Config
from modelassist.engine.sizing.flops import MEMORY, PEAKS, Flops, Work, count_flops
from modelassist.engine.sizing.memory import Bytes, count_captions_per_step, count_memory, count_rows_per_pass
from qsave.frames.slowfast import Frames, choose_size
from qsave.grammar import drop_reasons, render
from qsave.report_card import AxisReport, Evidence, ReportCard, TimeRange

WIDTH, HEIGHT, SECONDS = 832, 480, 5.0
"""Shape of the example clip, common among generated ones."""
MFU = 0.4
"""Share of its peak speed that a GPU is assumed to reach in training; not measured."""
FREE_SHARE = 0.1
"""Share of a card's memory that stays free for items that `memory` does not count."""
_PROMPT = "A red ball rolls down a grassy hill, bumps into a wooden fence and comes to rest, seen from the side at dusk"
_REASON = "the ball keeps its shape while it rolls, but its edge smears into the grass where it meets the fence"


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a run."""

    gpus: int
    dtype: str
    parameters: int
    trained: int
    row: Row
    """The example clip with its question and answers."""
    vision_tokens: int
    """Vision tokens of the example clip."""
    step: Work
    """The work of one SFT step on all GPUs together."""
    flops: Flops
    memory: Mapping[str, Bytes]
    """Bytes on each GPU, by part of the run and item."""
    advice: Mapping[str, tuple[str, ...]]
    """For each part, the settings to change to make it smaller."""


def compute_size(model: LoadedModel, config: Config, gpus: int = 1) -> Size:
    """Compute the size of a run with a model from `load_outline`; prepares the model for the run, in place."""
    parameters = sum(value.numel() for value in model.base.parameters())
    model.set_frames(config.frames or model.frames)
    model.max_new_tokens = config.max_new_tokens
    prepare(model, config)
    row = make_example_row(model, direct=config.sft.direct_weight > 0)
    captioned = make_example_row(model, direct=False)
    step = Work.of([row] * config.sft.batch + [captioned] * count_captions_per_step(config))
    memory = count_memory(model, config, gpus, row)
    rows = count_rows_per_pass(config, gpus, row)
    return Size(
        gpus=gpus,
        dtype=config.dtype,
        parameters=parameters,
        trained=sum(value.numel() for value in model.network.parameters() if value.requires_grad),
        row=row,
        vision_tokens=Work.of([row]).patches // model.geometry.merge**2,
        step=step,
        flops=count_flops(model, step),
        memory=memory,
        advice={part: tuple(_advise(part, config, rows)) for part in memory},
    )


def _advise(part: str, config: Config, rows: int) -> Iterator[str]:
    """Yield settings that make a part smaller: first those that do not change what is learned, then the others.

    GRPO has one process and computes its round in one pass.
    """
    if part == "evaluation":
        yield f"tokens_per_batch below {config.tokens_per_batch}"
    else:
        yield from _advise_on_training(part, config, rows)
    yield "a smaller model"


def _advise_on_training(part: str, config: Config, rows: int) -> Iterator[str]:
    if not config.gradient_checkpointing:
        yield "gradient_checkpointing = true"
    if part == "SFT":
        if rows > 1:
            yield f"micro_tokens below {config.micro_tokens}"
        yield "more GPUs" if config.parallel == "fsdp" else 'parallel = "fsdp" on several GPUs'
    else:
        if config.grpo.clips > 1:
            yield f"grpo.clips below {config.grpo.clips}"
        if config.grpo.num_generations > 2:
            yield f"grpo.num_generations below {config.grpo.num_generations}"
    if not is_vision_frozen(config):
        yield "freeze_vision = true"
    if not config.lora.rank:
        yield "adapters (lora.rank)"


def make_example_row(model: LoadedModel, *, direct: bool) -> Row:
    """Make a training row for a blank clip of the example's shape; `direct` adds the answer without reasons."""
    frames = model.frames
    fast, slow = (
        np.zeros((number, *reversed(choose_size(WIDTH, HEIGHT, pixels, frames.unit)), 3), np.uint8)
        for number, pixels in ((frames.fast_frames, frames.fast_pixels), (frames.slow_frames, frames.slow_pixels))
    )
    clip = Frames(fast, _compute_frame_times(len(fast)), slow, _compute_frame_times(len(slow)))
    report = AxisReport(2, (Evidence("blur", TimeRange(1.2, 2.4)), Evidence("morphing", TimeRange(3.0, 4.1))), _REASON)
    card = ReportCard(report, report, report)
    texts = [text := render(card), *([drop_reasons(text)] if direct else [])]
    prompt = build_prompt(model, clip, build_question(_PROMPT))
    return Row(prompt, tuple(encode_completion(model, text) for text in texts))


def describe_size(size: Size, gpu: str) -> Iterator[str]:
    """Yield the lines of the report on a card named `gpu`."""
    answers = " + ".join(str(len(ids)) for ids in size.row.completions)
    kind = "two answers" if len(size.row.completions) > 1 else "an answer"
    yield f"parameters      {size.parameters:,}; trained {size.trained:,}"
    yield f"a clip          {WIDTH}x{HEIGHT}, {SECONDS:.0f} s: {size.vision_tokens:,} vision tokens; with its question"
    yield f"                {len(size.row.prompt.ids):,} tokens, and {answers} of {kind}"
    for part, items in size.memory.items():
        yield ""
        yield from _describe_part(part, items)
        yield from _describe_verdict(sum(items.values()), MEMORY[gpu], size.advice[part])
    clips, tokens = size.step.tokens // size.row.length, size.step.tokens
    yield ""
    yield f"a step of SFT   {clips} clips, {tokens:,} tokens: {size.flops.useful:.3g} operations"
    yield f"                and {size.flops.recomputed:.3g} taken twice"
    if size.dtype == "bfloat16":
        seconds = size.flops.useful / (MFU * PEAKS[gpu] * size.gpus)
        yield f"at {MFU:.0%} MFU      {tokens / seconds:,.0f} tokens/s, {seconds:.2f} s a step on {size.gpus} x {gpu}"
        yield "                (arithmetic, not a measurement)"


def _describe_part(part: str, items: Bytes) -> Iterator[str]:
    """Yield a part item by item, in MB if its total is below 1 GB."""
    total = sum(items.values())
    unit, name = (1e9, "GB") if total >= 1e9 else (1e6, "MB")
    yield f"{part}, {name} on each GPU".ljust(52) + f"{total / unit:>8.1f}"
    yield from (f"    {item:<48}{count / unit:>8.1f}" for item, count in items.items())


def _describe_verdict(needed: int, memory: float, advice: tuple[str, ...]) -> Iterator[str]:
    """Yield whether a part fits and, if not, what to change; both figures are rounded to the safe side."""
    if needed <= (1 - FREE_SHARE) * memory:
        yield f"    fits in {memory / 1e9:.0f} GB with {100 - math.ceil(100 * needed / memory)}% free"
        return
    times = math.ceil(10 * needed / memory / (1 - FREE_SHARE)) / 10
    yield f"    does not fit in {memory / 1e9:.0f} GB: with a tenth free it needs {times} times as much"
    yield "    what makes it smaller:"
    yield from (f"        {change}" for change in advice)


def _compute_frame_times(number: int) -> tuple[float, ...]:
    return tuple(np.linspace(0, SECONDS, number).tolist())
