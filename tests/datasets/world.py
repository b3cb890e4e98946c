"""Rated campaigns with real files, for tests of releases."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings

from accounts.models import Role, User
from annotation.campaigns import campaigns
from annotation.models import Campaign, Clip, Split
from annotation.rating import queue
from annotation.rating.answers import Answer
from datasets.services.policy import ReleasePolicy
from qsave.axes import AXES, Axis
from qsave.report_card import Evidence
from tests.annotation.factories import make_answers, make_campaign, make_clip, make_user, make_video, submit

DEFECT = {Axis.VISUAL: "blur", Axis.DYNAMIC: "jitter", Axis.ALIGNMENT: "wrong-count"}
FORM = {name: str(value) for name, value in ReleasePolicy().to_json().items() if type(value) in (str, int)} | {
    "name": "spring",
    "media": "none",
    "allow_small_splits": "on",
}
"""What the page of a new release sends; a campaign has to be added."""
Scores = Callable[[Clip, int], Mapping[Axis, int]]


def engineer() -> User:
    return make_user(role=Role.ENGINEER)


def clip_with_file(clip_id: str, *, split: str = Split.TRAIN, content: bytes | None = None, **fields: Any) -> Clip:
    """A clip whose hash is that of the file behind it; `content` makes two clips one video."""
    box = clip_id.encode()
    # a free atom at the end gives each file bytes of its own and leaves the video as it is
    content = content or make_video() + (len(box) + 8).to_bytes(4) + b"free" + box
    sha256 = hashlib.sha256(content).hexdigest()
    path = Path(settings.MEDIA_ROOT) / "clips" / f"{sha256}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return make_clip(clip_id, split=split, sha256=sha256, original=f"clips/{sha256}.mp4", bytes=len(content), **fields)


def spread_scores(clip: Clip, rater: int) -> dict[Axis, int]:
    """Scores that differ between clips and, a little, between raters."""
    base = int(hashlib.sha256(clip.clip_id.encode()).hexdigest(), 16)
    return {axis: 1 + (base // 7**place + (rater == 2 and base % 3 == 0)) % 5 for place, axis in enumerate(AXES)}


def rate(campaign: Campaign, raters: int = 3, scores: Scores = spread_scores) -> list[User]:
    """Lets so many people rate all that the queue gives them."""
    people = [make_user() for _ in range(raters)]
    for number, person in enumerate(people):
        while (slot := queue.claim(rater=person, campaign=campaign)) is not None:
            submit(person, slot, answers=answered(scores(slot.item.clip, number)), seconds_spent=9.5)
    return people


def answered(scores: Mapping[Axis, int]) -> dict[Axis, Answer]:
    """Answers with words of their own and, below "fair", a defect."""
    return {
        axis: replace(answer, evidence=(Evidence(DEFECT[axis]),)) if answer.score < 3 else answer
        for axis, answer in make_answers(scores).items()
    }


def campaign_with(clips: list[Clip], **policy: Any) -> Campaign:
    campaign = make_campaign(**policy)
    campaigns.add_clips(actor=campaign.created_by, campaign=campaign, clips=clips)
    return campaign


def rated_campaign(train: int = 5, val: int = 2, test: int = 3, *, raters: int = 3, **policy: Any) -> Campaign:
    """A campaign over all splits, rated by everybody."""
    sizes = {Split.TRAIN: train, Split.VAL: val, Split.TEST: test}
    clips = [
        clip_with_file(f"{split}-{number:02}", split=split) for split, size in sizes.items() for number in range(size)
    ]
    campaign = campaign_with(clips, **({"assisted_share": 0.0, "overlap": raters} | policy))
    rate(campaign, raters)
    return campaign
