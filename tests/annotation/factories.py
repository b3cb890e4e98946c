"""People, clips and campaigns for tests, made through the same services as real ones wherever there is one."""

import hashlib
import itertools
import uuid
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from django.conf import settings

from accounts.models import Role, User
from annotation.campaigns import campaigns
from annotation.models import Campaign, Clip, PromptGroup, Rating, Slot, Split
from annotation.rating import queue, ratings
from annotation.rating.drafts import draft_for
from annotation.rating.ratings import Answer
from qsave.axes import AXES, Axis
from qsave.report_card import AxisReport, Evidence, ReportCard

_numbers = itertools.count(1)
_WORDS = [
    "amber",
    "basalt",
    "cedar",
    "dune",
    "ember",
    "fjord",
    "glade",
    "harbour",
    "islet",
    "jetty",
    "kelp",
    "lagoon",
    "meadow",
    "nectar",
    "orchid",
    "pebble",
]


def make_user(
    username: str = "", *, role: Role = Role.ANNOTATOR, password: str = "correct horse", **fields: Any
) -> User:
    """An account; lead() is for the actor of what leads do."""
    user = User.objects.create_user(username or f"person{next(_numbers)}", password, role=role)
    if fields:
        for name, value in fields.items():
            setattr(user, name, value)
        user.save(update_fields=list(fields))
    return user


def lead() -> User:
    return make_user(f"lead{next(_numbers)}", role=Role.LEAD)


@cache
def video_bytes(shade: int = 80, *, seconds: float = 1.0, rate: int = 8, codec: str = "libx264") -> bytes:
    """A real tiny clip (64x48, a moving square), made once a session."""
    folder = Path(settings.VAR_DIR) / "tiny-clips"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{codec}-{shade}-{seconds}-{rate}-{uuid.uuid4().hex}.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(rate))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(max(1, round(seconds * rate))):
            picture = np.full((48, 64, 3), shade, np.uint8)
            picture[8:24, number % 48 : number % 48 + 16] = 255 - shade
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    content = path.read_bytes()
    path.unlink()
    return content


def write_video(path: Path, shade: int = 80, **how: Any) -> Path:
    """`video_bytes` as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(video_bytes(shade, **how))
    return path


def prompt(number: int) -> str:
    """Prompts of which no two fall into one group."""
    return " ".join(f"{_WORDS[(number + step * 7) % len(_WORDS)]}{number * 10 + step}" for step in range(8))


def make_clip(
    clip_id: str = "",
    *,
    split: str = Split.TRAIN,
    group: PromptGroup | None = None,
    with_media: bool = False,
    **fields: Any,
) -> Clip:
    """A clip's row, past ingest (tests of ingest do without this); `with_media` puts a real file behind it."""
    number = next(_numbers)
    words = fields.pop("prompt", prompt(number))
    group = group or PromptGroup.objects.create(representative=f"{words} {number}", split=split)
    sha256 = hashlib.sha256(f"{clip_id}{number}".encode()).hexdigest()
    values: dict[str, Any] = {
        "clip_id": clip_id or f"clip{number:04}",
        "sha256": sha256,
        "prompt": words,
        "generator": "toy-1",
        "prompt_group": group,
        "original": f"clips/{sha256}.mp4",
        "poster": f"posters/{sha256}.jpg",
        "codec": "h264",
        "width": 64,
        "height": 48,
        "fps_numerator": 8,
        "fps_denominator": 1,
        "duration": 1.0,
        "frames": 8,
        "has_audio": False,
        "bytes": 1000,
    }
    clip = Clip.objects.create(**(values | fields))
    if with_media:
        write_video(Path(settings.MEDIA_ROOT) / clip.original)
    return clip


def make_campaign(
    clips: int = 0,
    *,
    actor: User | None = None,
    state: str = Campaign.State.OPEN,
    split: str = Split.TRAIN,
    **policy: Any,
) -> Campaign:
    """A campaign with so many fresh clips, open unless told otherwise."""
    actor = actor or lead()
    number = next(_numbers)
    values: dict[str, Any] = {"name": f"campaign-{number}", "title": f"Campaign {number}"}
    campaign = campaigns.create_campaign(actor=actor, **(values | policy))
    campaign.salt = f"{number:064}"  # what is drawn from it is the same in every run
    campaign.save(update_fields=["salt"])
    if clips:
        campaigns.add_clips(actor=actor, campaign=campaign, clips=[make_clip(split=split) for _ in range(clips)])
    return campaigns.set_state(actor=actor, campaign=campaign, state=state)


def card(score: float = 3, *, reason: str = "The edges wobble from the middle on") -> ReportCard:
    """A report card with the same score and reason on the three axes, and one visual defect."""
    return ReportCard(
        visual=AxisReport(score, (Evidence("blur"),), f"{reason}, to the eye"),
        dynamic=AxisReport(score, (), f"{reason}, in motion"),
        alignment=AxisReport(score, (), f"{reason}, as asked"),
    )


def answers(scores: Mapping[Axis, int] | int = 3, **changes: Any) -> dict[Axis, Answer]:
    """Answers that the default rules accept; each call has words of its own."""
    token = uuid.uuid4().hex[:12]
    by_axis = dict.fromkeys(AXES, scores) if isinstance(scores, int) else scores
    return {axis: replace(Answer(by_axis[axis], (), f"I saw {token} on {axis}."), **changes) for axis in AXES}


def lease_of(slot: Slot) -> uuid.UUID:
    """The lease of a seat that is held."""
    assert slot.lease is not None
    return slot.lease


def submit(rater: User, slot: Slot, *, key: uuid.UUID | None = None, **changes: Any) -> Rating:
    """Submits acceptable answers for a seat just claimed."""
    values: dict[str, Any] = {
        "answers": answers(),
        "viewing": {"watched_share": 1.0},
        "seconds_spent": 12.0,
        "key": key or uuid.uuid4(),
    }
    return ratings.submit(rater=rater, lease=lease_of(slot), item_id=slot.item_id, **(values | changes))


def answered(slot: Slot, score: int) -> dict[str, Any]:
    """What the page of a place sends to `submit`: in the assisted arm with the draft, where there is one."""
    return {"answers": answers(score, draft_use="edited" if draft_for(slot) else "none"), "key": uuid.uuid4()}


def rate_all(rater: User, campaign: Campaign, scores: Mapping[str, Mapping[Axis, int] | int] | int = 3) -> int:
    """Rates all that the queue gives this rater; `scores` may differ by clip id. Returns how many."""
    count = 0
    while (slot := queue.claim(rater=rater, campaign=campaign)) is not None:
        given = scores if isinstance(scores, int) else scores[slot.item.clip.clip_id]
        submit(rater, slot, answers=answers(given))
        count += 1
    return count
