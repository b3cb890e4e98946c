"""Users, clips, campaigns and ratings for tests, made by the services that the site itself uses where there is one."""

import hashlib
import itertools
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np
from django.conf import settings
from django.db import transaction

from accounts.models import Role, User
from annotation.campaigns import campaigns
from annotation.campaigns.summaries import refresh_summaries
from annotation.models import (
    Arm,
    Campaign,
    Clip,
    ClipImport,
    Draft,
    ImportRow,
    Item,
    PromptGroup,
    Rating,
    Skip,
    Slot,
    Split,
)
from annotation.rating import queue, ratings
from annotation.rating.answers import Answer, Submission
from annotation.rating.drafts import find_draft, record_draft
from qsave.axes import AXES, Axis
from qsave.proposal import AxisProposal, Proposal
from qsave.report_card import AxisReport, Evidence, ReportCard, TimeRange

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
"""A Monday."""
PASSWORD = "correct horse battery"
POSTER = b"\xff\xd8\xff\xe0" + b"poster" * 20


@dataclass(frozen=True, slots=True)
class Video:
    """What a tiny video is like; `size` is its width and height."""

    seconds: float = 1.0
    fps: int = 8
    size: tuple[int, int] = (64, 48)


SHORT_VIDEO = Video()
LONGER_VIDEO = Video(seconds=2.0, fps=16, size=(160, 96))
"""A video for a browser: long enough to play, to stop and to seek in."""
STATES_BEFORE: dict[str, list[str]] = {
    "draft": [],
    "open": [],
    "paused": ["open"],
    "closed": ["open"],
    "archived": ["open", "closed"],
}
"""The states that a new campaign passes through to each state."""

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


def make_user(username: str = "", *, role: Role = Role.ANNOTATOR, password: str = PASSWORD, **fields: Any) -> User:
    """Make a user, by default an annotator."""
    user = User.objects.create_user(username or f"person{next(_numbers)}", password, role=role)
    if fields:
        for name, value in fields.items():
            setattr(user, name, value)
        user.save(update_fields=list(fields))
    return user


def make_lead(username: str = "") -> User:
    return make_user(username or f"lead{next(_numbers)}", role=Role.LEAD)


@cache
def make_video(shade: int = 80, *, video: Video = SHORT_VIDEO, codec: str = "libx264") -> bytes:
    """Encode a tiny real video of a square that moves to the right; `shade` is the background's grey level."""
    folder = Path(settings.VAR_DIR) / "tiny-videos"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{uuid.uuid4().hex}.mp4"
    width, height = video.size
    side, frames = height // 3, max(1, round(video.seconds * video.fps))
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(video.fps))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.thread_count = 1
        for number in range(frames):
            picture = np.full((height, width, 3), shade, np.uint8)
            left = number * (width - side) // frames
            picture[side // 2 : side // 2 + side, left : left + side] = 255 - shade
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    content = path.read_bytes()
    path.unlink()
    return content


def write_video(path: Path, shade: int = 80, **options: Any) -> Path:
    """Write the video of `make_video` to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(make_video(shade, **options))
    return path


def make_prompt(number: int) -> str:
    """Return the prompt of this number; no two of them fall into one prompt group."""
    return " ".join(f"{_WORDS[(number + step * 7) % len(_WORDS)]}{number * 10 + step}" for step in range(8))


def make_clip(
    clip_id: str = "",
    *,
    split: str = Split.TRAIN,
    group: PromptGroup | None = None,
    video: Video | None = None,
    content: bytes | None = None,
    **fields: Any,
) -> Clip:
    """Make a clip as an import leaves it.

    It has files only if it is made of a video, or if `content` gives the bytes of its original.
    """
    number = next(_numbers)
    prompt = fields.pop("prompt", make_prompt(number))
    if group is None:
        group, _ = PromptGroup.objects.get_or_create(representative=prompt, defaults={"split": split})
    sha256 = hashlib.sha256(f"{clip_id}{number}".encode()).hexdigest()
    if video is not None:
        content = make_video(video=video)
    facts = video or SHORT_VIDEO
    values: dict[str, Any] = {
        "clip_id": clip_id or f"clip{number:04}",
        "sha256": sha256,
        "prompt": prompt,
        "generator": "toy-1",
        "prompt_group": group,
        "original": f"clips/{sha256}.mp4",
        "poster": f"posters/{sha256}.jpg",
        "codec": "h264",
        "width": facts.size[0],
        "height": facts.size[1],
        "fps_numerator": facts.fps,
        "fps_denominator": 1,
        "duration": facts.seconds,
        "frames": round(facts.seconds * facts.fps),
        "has_audio": False,
        "bytes": 1000 if content is None else len(content),
    }
    clip = Clip.objects.create(**(values | fields))
    if content is not None:
        _write_media(clip.original, content)
        _write_media(clip.poster, POSTER)
    return clip


def _write_media(name: str, content: bytes) -> None:
    path = Path(settings.MEDIA_ROOT) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def make_campaign(
    clips: int = 0,
    *,
    actor: User | None = None,
    state: str = Campaign.State.OPEN,
    split: str = Split.TRAIN,
    **policy: Any,
) -> Campaign:
    """Make a campaign with this many new clips, by default an open one."""
    actor = actor or make_lead()
    number = next(_numbers)
    name = policy.get("name", f"campaign-{number}")
    values: dict[str, Any] = {"name": name, "title": name.replace("-", " ").capitalize()}
    campaign = campaigns.create_campaign(actor=actor, **(values | policy))
    campaign.salt = f"{number:064}"  # what is drawn from it is the same in every run
    campaign.save(update_fields=["salt"])
    if clips:
        campaigns.add_clips(actor=actor, campaign=campaign, clips=[make_clip(split=split) for _ in range(clips)])
    for step in (*STATES_BEFORE[state], state):
        campaign = campaigns.set_state(actor=actor, campaign=campaign, state=step)
    return campaign


@transaction.atomic
def make_item(campaign: Campaign, clip: Clip | None = None, *, arm: Arm = Arm.BLIND, slots: int = 1) -> Item:
    """Make an item whose rating slots are all of one arm.

    Items are given out in the order in which they are made: without a place of its own, each would do equally well.
    """
    item = Item.objects.create(campaign=campaign, clip=clip or make_clip())
    Slot.objects.bulk_create(
        Slot(item=item, campaign=campaign, number=number, arm=arm, place=item.pk) for number in range(1, slots + 1)
    )
    refresh_summaries([item.pk])
    return item


def make_draft(item: Item, *, reason: str = "The edges of the square shimmer a little.") -> Draft:
    """Make a critic's draft: one defect and a reason on the visual axis, no defect on the two others."""
    proposed = {axis.value: AxisProposal((), f"{reason} Seen for {axis.value}.", 4.0) for axis in AXES}
    proposed["visual"] = replace(proposed["visual"], evidence=(Evidence("blur", TimeRange(0.5, 1.0)),))
    return store_draft(item.pk, proposal=Proposal(**proposed))


def store_draft(item_id: int, *, critic: str = "starter@1", proposal: Proposal | None = None) -> Draft:
    """Store a draft of an item by the active critic of its campaign, by default of all that `make_card` says."""
    Campaign.objects.filter(items=item_id).update(active_critic=critic)
    proposal = make_proposal() if proposal is None else proposal
    return record_draft(item_id=item_id, critic=critic, proposal=proposal, text="as generated", latency_ms=5)


def make_card(score: float = 3, *, reason: str = "The edges wobble from the middle on") -> ReportCard:
    """Make a report card with one score and reason on the three axes, and one visual defect."""
    return ReportCard(
        visual=AxisReport(score, (Evidence("blur"),), f"{reason}, to the eye"),
        dynamic=AxisReport(score, (), f"{reason}, in motion"),
        alignment=AxisReport(score, (), f"{reason}, as asked"),
    )


def make_proposal(score: float = 3) -> Proposal:
    """Make a proposal of all that `make_card` says."""
    return Proposal.from_card(make_card(score))


def make_answers(scores: Mapping[Axis, int] | int = 3, **changes: Any) -> dict[Axis, Answer]:
    """Make answers that the default rules accept; the reasons of each call are new."""
    token = uuid.uuid4().hex[:12]
    by_axis = dict.fromkeys(AXES, scores) if isinstance(scores, int) else scores
    return {axis: replace(Answer(by_axis[axis], (), f"I saw {token} on {axis}."), **changes) for axis in AXES}


def make_desk_values(slot: Slot, score: int) -> dict[str, Any]:
    """Make the answers and the key that the desk's page sends: in the assisted arm with the draft, if there is one."""
    return {"answers": make_answers(score, draft_use="edited" if find_draft(slot) else "none"), "key": uuid.uuid4()}


def get_lease(slot: Slot) -> uuid.UUID:
    """Return the lease of a slot that a rater holds."""
    assert slot.lease is not None
    return slot.lease


def claim(rater: User, campaign: Campaign) -> Slot:
    """Claim the rater's next slot; fail if no slot is left."""
    slot = queue.claim(rater=rater, campaign=campaign)
    assert slot is not None
    return slot


def skip(rater: User, slot: Slot, *, kind: str = "skipped", reason: str = "It stays black.") -> Skip:
    """Skip the clip of a slot that the rater holds."""
    return queue.skip(rater=rater, lease=get_lease(slot), item_id=slot.item_id, kind=kind, reason=reason)


def make_submission(**changes: Any) -> Submission:
    """Return acceptable answers with a new key, as a page sends them."""
    return replace(Submission(make_answers(), uuid.uuid4(), {"watched_share": 1.0}, 12.0), **changes)


def submit(rater: User, slot: Slot, **changes: Any) -> Rating:
    """Submit acceptable answers for a slot that the rater holds."""
    submission = make_submission(**changes)
    return ratings.submit(rater=rater, lease=get_lease(slot), item_id=slot.item_id, submission=submission)


def revise(rating: Rating, **changes: Any) -> Rating:
    """Edit a rating as its rater does."""
    submission = make_submission(**{"viewing": {}, "seconds_spent": 1.0} | changes)
    return ratings.revise(rater=rating.rater, rating_id=rating.pk, submission=submission)


def rate_all(rater: User, campaign: Campaign, scores: Mapping[str, Mapping[Axis, int] | int] | int = 3) -> int:
    """Rate every clip that the queue gives the rater, with scores for all or by clip id; return their number."""
    count = 0
    while (slot := queue.claim(rater=rater, campaign=campaign)) is not None:
        given = scores if isinstance(scores, int) else scores[slot.item.clip.clip_id]
        submit(rater, slot, answers=make_answers(given))
        count += 1
    return count


PREVIEW = {
    "prompts": 3,
    "groups": 3,
    "new_groups": 2,
    "bridges": 0,
    "splits": {"train": 2, "test": 1},
    "group_columns": [{"name": "prompt_id", "values": 2, "sharing": 2}],
    "present": 1,
    "differs": 1,
    "unread": 1,
    "missing": 1,
    "conflicts": 1,
    "refusals": [[2, "video does not exist: 'b.mp4'."], [3, "clip_id 'c' exists already in another prompt group."]],
    "unnamed": 2,
    "unnamed_files": ["extra/one.mp4", "notes.txt"],
}
"""What a preview may say of an import."""


def make_import(campaign: Campaign, *, state: str = ClipImport.State.DONE, **values: Any) -> ClipImport:
    """Make an import of three rows: one that went in or waits, one that differs, and one that was refused."""
    clip_import = ClipImport.objects.create(
        campaign=campaign, state=state, name="manifest.csv", row_count=3, created_by=campaign.created_by
    )
    waits = state in (ClipImport.State.PREVIEWED, ClipImport.State.RUNNING)
    states = ["waiting" if waits else "present", "differs", "refused"]
    if state == ClipImport.State.PREVIEWED:
        clip_import.preview = PREVIEW
        clip_import.save(update_fields=["preview"])
    row = {"video": "a.mp4", "prompt": "a red fox", "generator": "toy"} | values
    ImportRow.objects.bulk_create(
        ImportRow(
            clip_import=clip_import,
            number=number,
            state=row_state,
            values=row,
            reason="" if number == 1 else "video does not exist: 'a.mp4'.",
        )
        for number, row_state in enumerate(states, start=1)
    )
    return clip_import
