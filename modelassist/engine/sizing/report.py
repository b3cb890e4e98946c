"""How large a run would be, told before a model is downloaded or a GPU rented: parameters, tokens, operations. Its
memory is counted in `footprint`.

The model stands on torch's meta device, built from its config alone.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from modelassist.engine.generation.critic import build_question
from modelassist.engine.inputs.prompt import build_prompt, completion_ids
from modelassist.engine.inputs.rows import Row
from modelassist.engine.models.adapters import prepare, vision_is_frozen
from modelassist.engine.models.loader import Loaded
from modelassist.engine.settings.config import Config
from modelassist.engine.sizing.flops import MEMORY, PEAKS, Flops, Work, count
from modelassist.engine.sizing.memory import Bytes, captions_a_step, footprint, rows_of_a_pass
from qsave.frames.slowfast import Frames, fitted_size
from qsave.grammar import render, without_reasons
from qsave.report_card import AxisReport, Evidence, ReportCard, TimeRange

WIDTH, HEIGHT, SECONDS = 832, 480, 5.0
"""Of the clip that is counted with: a common shape of generated ones."""
MFU = 0.4
"""What a well-fed GPU reaches in training; nothing that was measured."""
FREE_SHARE = 0.1
"""Of a card's memory, for what is not counted (`footprint`)."""
_PROMPT = "A red ball rolls down a grassy hill, bumps into a wooden fence and comes to rest, seen from the side at dusk"
_REASON = "the ball keeps its shape while it rolls, but its edge smears into the grass where it meets the fence"


@dataclass(frozen=True, slots=True)
class Size:
    """What a run is made of."""

    gpus: int
    dtype: str
    parameters: int
    trained: int
    row: Row
    """A clip with its question and an answer."""
    vision_tokens: int
    """Of that clip."""
    step: Work
    """A step of SFT, of all GPUs together."""
    flops: Flops
    memory: Mapping[str, Bytes]
    """What each GPU holds in each part of the run."""
    levers: Mapping[str, tuple[str, ...]]
    """What makes each part smaller, as settings that can still be changed."""


def size_of(critic: Loaded, config: Config, gpus: int = 1) -> Size:
    """The size of a run with a model that `model.outline` gave; the model is prepared for the run, in place."""
    parameters = sum(value.numel() for value in critic.base.parameters())
    critic.set_frames(config.frames or critic.frames)
    critic.max_new_tokens = config.max_new_tokens
    prepare(critic, config)
    row = example_row(critic, direct=config.sft.direct_weight > 0)
    described = example_row(critic, direct=False)
    step = Work.of([row] * config.sft.batch + [described] * captions_a_step(config))
    memory = footprint(critic, config, gpus, row)
    return Size(
        gpus=gpus,
        dtype=config.dtype,
        parameters=parameters,
        trained=sum(value.numel() for value in critic.network.parameters() if value.requires_grad),
        row=row,
        vision_tokens=Work.of([row]).patches // critic.geometry.merge**2,
        step=step,
        flops=count(critic, step),
        memory=memory,
        levers={part: tuple(_levers(part, config, rows_of_a_pass(config, gpus, row))) for part in memory},
    )


def _levers(part: str, config: Config, rows: int) -> Iterator[str]:
    """First what leaves the run as it is, then what makes it another. GRPO has one process and takes its round in one
    pass."""
    if part == "evaluation":
        yield f"tokens_per_batch below {config.tokens_per_batch}"
    else:
        yield from _levers_of_training(part, config, rows)
    yield "a smaller model"


def _levers_of_training(part: str, config: Config, rows: int) -> Iterator[str]:
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
    if not vision_is_frozen(config):
        yield "freeze_vision = true"
    if not config.lora.rank:
        yield "adapters (lora.rank)"


def example_row(critic: Loaded, *, direct: bool) -> Row:
    """A clip of the usual shape, without content, as the critic would be taught it; with `direct` also without its
    reasons."""
    frames = critic.frames
    fast, slow = (
        np.zeros((number, *reversed(fitted_size(WIDTH, HEIGHT, pixels, frames.unit)), 3), np.uint8)
        for number, pixels in ((frames.fast_frames, frames.fast_pixels), (frames.slow_frames, frames.slow_pixels))
    )
    seen = Frames(fast, _spread(len(fast)), slow, _spread(len(slow)))
    report = AxisReport(2, (Evidence("blur", TimeRange(1.2, 2.4)), Evidence("morphing", TimeRange(3.0, 4.1))), _REASON)
    card = ReportCard(report, report, report)
    texts = [text := render(card), *([without_reasons(text)] if direct else [])]
    prompt = build_prompt(critic, seen, build_question(_PROMPT))
    return Row(prompt, tuple(completion_ids(critic, text) for text in texts))


def told(size: Size, gpu: str) -> Iterator[str]:
    """The size in lines to read."""
    answers = " + ".join(str(len(ids)) for ids in size.row.completions)
    kind = "two answers" if len(size.row.completions) > 1 else "an answer"
    yield f"parameters      {size.parameters:,}; trained {size.trained:,}"
    yield f"a clip          {WIDTH}x{HEIGHT}, {SECONDS:.0f} s: {size.vision_tokens:,} vision tokens; with its question"
    yield f"                {len(size.row.prompt.ids):,} tokens, and {answers} of {kind}"
    for part, items in size.memory.items():
        yield ""
        yield from _part(part, items)
        yield from _verdict(sum(items.values()), MEMORY[gpu], size.levers[part])
    clips, tokens = size.step.tokens // size.row.length, size.step.tokens
    yield ""
    yield f"a step of SFT   {clips} clips, {tokens:,} tokens: {size.flops.useful:.3g} operations"
    yield f"                and {size.flops.recomputed:.3g} taken twice"
    if size.dtype == "bfloat16":
        seconds = size.flops.useful / (MFU * PEAKS[gpu] * size.gpus)
        yield f"at {MFU:.0%} MFU      {tokens / seconds:,.0f} tokens/s, {seconds:.2f} s a step on {size.gpus} x {gpu}"
        yield "                (arithmetic, not a measurement)"


def _part(part: str, items: Bytes) -> Iterator[str]:
    """A part item by item, in a unit in which its figures are not all 0."""
    total = sum(items.values())
    unit, name = (1e9, "GB") if total >= 1e9 else (1e6, "MB")
    yield f"{part}, {name} on each GPU".ljust(52) + f"{total / unit:>8.1f}"
    yield from (f"    {item:<48}{count / unit:>8.1f}" for item, count in items.items())


def _verdict(needed: int, memory: float, levers: tuple[str, ...]) -> Iterator[str]:
    """Whether a part fits, and else what to change; both roundings are to the safe side."""
    if needed <= (1 - FREE_SHARE) * memory:
        yield f"    fits in {memory / 1e9:.0f} GB with {100 - math.ceil(100 * needed / memory)}% free"
        return
    times = math.ceil(10 * needed / memory / (1 - FREE_SHARE)) / 10
    yield f"    does not fit in {memory / 1e9:.0f} GB: with a tenth free it needs {times} times as much"
    yield "    what makes it smaller:"
    yield from (f"        {lever}" for lever in levers)


def _spread(number: int) -> tuple[float, ...]:
    return tuple(np.linspace(0, SECONDS, number).tolist())
