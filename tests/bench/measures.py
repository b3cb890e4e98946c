"""What `make bench` measures: ratios from one run on one machine, sides in turn, medians; a minute or two in all."""

import time
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from accounts.models import Role, User
from accounts.services import create_user
from annotation.campaigns.campaigns import create_campaign, set_state
from annotation.intake.clips import import_manifest
from annotation.models import Campaign
from annotation.rating.answers import Answer, Submission
from annotation.rating.queue import claim
from annotation.rating.ratings import submit
from datasets.services.policy import ReleasePolicy
from datasets.services.releases import build_release
from modelassist.services.simulation import render_manifest
from qsave.axes import AXES
from qsave.frames.slowfast import FrameConfig, read

if TYPE_CHECKING:
    from torch import Tensor

    from modelassist.engine.inputs.prompt import Prompt
    from modelassist.engine.models.loader import LoadedModel

ROUNDS = 5
GROUP = 8
COMPLETION = 60
"""Tokens of each sampled answer."""
FEW_FRAMES = FrameConfig(fast_frames=16, fast_pixels=128 * 64, slow_frames=4, slow_pixels=224 * 128)
"""A prompt of some 250 tokens: with the full budget the gain is larger, and the full rows take minutes."""
CLIPS = 30
RATERS = 3


def line(what: str, figures: str) -> str:
    """One measured thing, in words."""
    return f"{what:<52} {figures}"


def in_turn(*sides: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """Median seconds of each side. They run in turn, so that a busy moment does not fall on one side only."""
    taken: list[list[float]] = [[] for _ in sides]
    for side in sides:
        side()  # caches and lazy imports are nobody's time
    for _ in range(rounds):
        for place, side in enumerate(sides):
            started = time.perf_counter()
            side()
            taken[place].append(time.perf_counter() - started)
    return [median(of_side) for of_side in taken]


def shared_prefix(folder: Path) -> str:
    """Forward and backward of a group of answers to one clip: one shared row, against a full row each."""
    from modelassist.engine.generation.critic import build_question
    from modelassist.engine.inputs.prompt import build_prompt
    from modelassist.engine.models.loader import load
    from modelassist.engine.models.tiny import init_tiny
    from tests.bench.frames import bench_clip

    init_tiny(folder / "tiny", frames=FEW_FRAMES)
    critic = load(str(folder / "tiny"))
    prompt = build_prompt(critic, read(bench_clip(folder), critic.frames), build_question("A square slides right"))
    answers = tuple(tuple(300 + (7 * answer + token) % 500 for token in range(COMPLETION)) for answer in range(GROUP))
    shared, full = in_turn(
        lambda: _learn(critic, [prompt], [answers]),
        lambda: _learn(critic, [prompt] * GROUP, [(answer,) for answer in answers]),
        rounds=3,
    )
    return line(
        f"GRPO step, {len(prompt.ids)} prompt tokens, {GROUP} answers of {COMPLETION}",
        f"shared prefix {shared:.2f} s, full rows {full:.2f} s: {full / shared:.1f}x faster",
    )


def _learn(
    critic: "LoadedModel", prompts: "Sequence[Prompt]", answers: Sequence[tuple[tuple[int, ...], ...]]
) -> "Tensor":
    from modelassist.engine.inputs.rows import Row, compute_completion_logits, pack
    from modelassist.engine.inputs.vision import encode

    rows = [Row(prompt, completions) for prompt, completions in zip(prompts, answers, strict=True)]
    packed = pack(critic, rows)
    logits = compute_completion_logits(critic, rows, packed, encode(critic, prompts))
    loss = -logits.log_softmax(-1).gather(1, packed.targets[:, None]).mean()
    critic.network.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return loss


def rooms(folder: Path) -> list[str]:
    """Import, claim with submit, and release, through the services; one process, nobody beside it."""
    engineer = create_user(actor=None, username="bench", password=None, role=Role.ENGINEER)
    campaign = create_campaign(actor=engineer, name="bench", title="Bench", overlap=RATERS, is_simulated=True)
    set_state(actor=engineer, campaign=campaign, state=Campaign.State.OPEN)
    manifest = render_manifest(folder / "clips", seed=0, indices=range(CLIPS))
    importing = _seconds(lambda: import_manifest(actor=engineer, campaign=campaign, manifest=manifest, simulated=True))
    raters = [_rater(engineer, number) for number in range(RATERS)]
    pairs = [_seconds(partial(_rate_one, rater, campaign)) for _ in range(CLIPS) for rater in raters]
    releasing = _seconds(
        lambda: build_release(
            actor=engineer,
            campaign=campaign,
            name="bench",
            policy=ReleasePolicy(media="none", allow_small_splits=True, simulated_ratings=True),
        )
    )
    return [
        line("clips in", f"{CLIPS / importing:.1f} clips/s"),
        line("claim and submit, services alone", f"{1 / median(pairs):.0f} pairs/s (median of {len(pairs)})"),
        line("release", f"{len(pairs) / releasing:.0f} ratings/s ({len(pairs)} ratings; small, so mostly set-up)"),
    ]


def _rater(engineer: User, number: int) -> User:
    return create_user(actor=engineer, username=f"bench-{number}", password=None, is_simulated=True)


def _rate_one(rater: User, campaign: Campaign) -> None:
    slot = claim(rater=rater, campaign=campaign)
    assert slot is not None
    assert slot.lease is not None
    answers = {axis: Answer(4, (), f"A reason like any other, of clip {slot.item_id}.") for axis in AXES}
    submit(
        rater=rater,
        lease=slot.lease,
        item_id=slot.item_id,
        submission=Submission(answers, uuid.uuid4(), {}, 1.0),
    )


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
