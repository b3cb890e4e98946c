"""Drafting many clips side by side, against one at a time: the same prompts and answers of the same length. And direct
answers against reasoned ones."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median

from modelassist.engine.generation.critic import build_question, generate_answers
from modelassist.engine.generation.direct import answer_directly_each
from modelassist.engine.inputs.prompt import Prompt, build_prompt
from modelassist.engine.models.loader import LoadedModel, load
from modelassist.engine.models.tiny import init_tiny
from modelassist.engine.settings.config import TOKENS_PER_BATCH
from modelassist.engine.settings.sampling import Sampling
from modelassist.toy.render import render_clip
from modelassist.toy.world import make_spec
from qsave.frames.slowfast import FrameConfig, read
from tests.bench.measures import line

STARTER = Path(__file__).parents[2] / "modelassist" / "starter"
CLIPS = 16
ANSWER = 60
"""Tokens of each draft: untrained weights write on until they are stopped."""
ROUNDS = 3
SIZES = (
    FrameConfig(fast_frames=8, fast_pixels=160 * 96, slow_frames=2, slow_pixels=192 * 128),
    FrameConfig(fast_frames=32, fast_pixels=288 * 192, slow_frames=7, slow_pixels=384 * 256),
)


def side_by_side(folder: Path) -> Iterator[str]:
    """Processor seconds of a draft, for a short prompt and a long one."""
    for number, config in enumerate(SIZES):
        model = folder / f"drafter-{number}"
        init_tiny(model, frames=config)
        critic = load(str(model))
        critic.max_new_tokens = ANSWER
        prompts = [_prompt(folder, critic, clip) for clip in range(CLIPS)]
        together, alone = _seconds(critic, prompts)
        tokens = median(len(prompt.ids) for prompt in prompts)
        yield line(
            f"drafts of {CLIPS} clips, {tokens:.0f} prompt tokens",
            f"side by side {1000 * together:.0f} ms a draft, one at a time {1000 * alone:.0f} ms: "
            f"{alone / together:.1f}x faster",
        )


def direct(folder: Path) -> Iterator[str]:
    """Processor seconds of a direct answer beside a reasoned one, of the starter, which writes whole report cards."""
    critic = load(str(STARTER))
    prompts = [_prompt(folder, critic, clip) for clip in range(CLIPS)]
    tokens = fmean(len(samples[0].ids) for samples in generate_answers(critic, prompts, Sampling()))
    taken: dict[str, list[float]] = {"reasoned": [], "direct": []}
    for _ in range(ROUNDS):
        taken["reasoned"].append(_measure(lambda: generate_answers(critic, prompts, Sampling())))
        taken["direct"].append(_measure(lambda: answer_directly_each(critic, prompts, TOKENS_PER_BATCH)))
    reasoned, without = (median(seconds) / CLIPS for seconds in taken.values())
    yield line(
        f"scores of {CLIPS} clips, {median(len(prompt.ids) for prompt in prompts):.0f} prompt tokens",
        f"direct {1000 * without:.0f} ms a clip, with reasons ({tokens:.0f} tokens) {1000 * reasoned:.0f} ms: "
        f"{reasoned / without:.1f}x faster",
    )


def _measure(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _prompt(folder: Path, critic: LoadedModel, number: int) -> Prompt:
    spec = replace(make_spec(2, number), width=640, height=384)
    clip = folder / f"{spec.clip_id}.mp4"
    if not clip.exists():
        render_clip(spec, clip)
    return build_prompt(critic, read(clip, critic.frames), build_question(spec.prompt))


def _seconds(critic: LoadedModel, prompts: Sequence[Prompt]) -> tuple[float, float]:
    """Medians of a draft: within the budget of tokens, and alone."""
    taken: dict[int, list[float]] = {TOKENS_PER_BATCH: [], 1: []}
    for _ in range(ROUNDS):
        for budget, seconds in taken.items():
            began = time.process_time()
            generate_answers(critic, prompts, Sampling(token_budget=budget))
            seconds.append((time.process_time() - began) / len(prompts))
    return median(taken[TOKENS_PER_BATCH]), median(taken[1])
