"""How large a run would be, told before a model is downloaded or a GPU rented: parameters, tokens, operations. Its
memory is counted in `footprint`.

The model stands on torch's meta device, built from its config alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from modelassist.engine.adapt import prepare
from modelassist.engine.config import Config
from modelassist.engine.flops import PEAKS, Flops, Work, count
from modelassist.engine.footprint import Bytes, captions_a_step, footprint
from modelassist.engine.inference import question
from modelassist.engine.inputs import build_prompt, completion_ids
from modelassist.engine.model import Loaded
from modelassist.engine.rows import Row
from qsave.frames.slowfast import Frames, fitted_size
from qsave.grammar import render, without_reasons
from qsave.report_card import AxisReport, Evidence, ReportCard, TimeRange

WIDTH, HEIGHT, SECONDS = 832, 480, 5.0
"""Of the clip that is counted with: a common shape of generated ones."""
MFU = 0.4
"""What a well-fed GPU reaches in training; nothing that was measured."""
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


def size_of(critic: Loaded, config: Config, gpus: int = 1) -> Size:
    """The size of a run with a model that `model.outline` gave; the model is prepared for the run, in place."""
    parameters = sum(value.numel() for value in critic.base.parameters())
    critic.look(config.frames or critic.frames)
    critic.max_new_tokens = config.max_new_tokens
    prepare(critic, config)
    row = example_row(critic, direct=config.sft.direct_weight > 0)
    described = example_row(critic, direct=False)
    step = Work.of([row] * config.sft.batch + [described] * captions_a_step(config))
    return Size(
        gpus=gpus,
        dtype=config.dtype,
        parameters=parameters,
        trained=sum(value.numel() for value in critic.network.parameters() if value.requires_grad),
        row=row,
        vision_tokens=Work.of([row]).patches // critic.geometry.merge**2,
        step=step,
        flops=count(critic, step),
        memory=footprint(critic, config, gpus, row),
    )


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
    prompt = build_prompt(critic, seen, question(_PROMPT))
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
        yield f"{part + ', GB on each GPU':<52}{sum(items.values()) / 1e9:>8.1f}"
        yield from (f"    {name:<48}{count / 1e9:>8.1f}" for name, count in items.items())
    clips, tokens = size.step.tokens // size.row.length, size.step.tokens
    yield ""
    yield f"a step of SFT   {clips} clips, {tokens:,} tokens: {size.flops.useful:.3g} operations"
    yield f"                and {size.flops.recomputed:.3g} taken twice"
    if size.dtype == "bfloat16":
        seconds = size.flops.useful / (MFU * PEAKS[gpu] * size.gpus)
        yield f"at {MFU:.0%} MFU      {tokens / seconds:,.0f} tokens/s, {seconds:.2f} s a step on {size.gpus} x {gpu}"
        yield "                (arithmetic, not a measurement)"


def _spread(number: int) -> tuple[float, ...]:
    return tuple(np.linspace(0, SECONDS, number).tolist())
