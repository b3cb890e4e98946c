"""People, clips and campaigns for the tests of the rating desk and of media."""

import hashlib
from fractions import Fraction
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
from django.conf import settings

from accounts.models import Role, User
from annotation.models import Arm, Campaign, Clip, Draft, Item, PromptGroup, Slot, Split
from qsave.axes import AXES

PASSWORD = "a-long-enough-password"
JPEG = b"\xff\xd8\xff\xe0" + b"poster" * 20


def make_user(name: str, role: Role = Role.ANNOTATOR) -> User:
    return User.objects.create_user(name, PASSWORD, role=role)


@cache
def video_bytes(shade: int = 0, *, seconds: int = 2, fps: int = 16, size: tuple[int, int] = (160, 96)) -> bytes:
    """A small real H.264 clip in which a bright square moves; `shade` makes its content differ."""
    width, height = size
    buffer = BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt, stream.time_base = width, height, "yuv420p", Fraction(1, fps)
        stream.codec_context.thread_count = 1
        for index in range(seconds * fps):
            picture = np.full((height, width, 3), 60 + shade, dtype=np.uint8)
            left = index * (width - 20) // (seconds * fps)
            picture[30:50, left : left + 20] = 220
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return buffer.getvalue()


def make_clip(name: str, *, content: bytes | None = None, split: Split = Split.TRAIN, **fields: Any) -> Clip:
    """A clip with its files under MEDIA_ROOT."""
    data = video_bytes(len(name) % 40) if content is None else content
    sha256 = hashlib.sha256(data + name.encode()).hexdigest()
    root = Path(settings.MEDIA_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    (root / f"{sha256}.mp4").write_bytes(data)
    (root / f"{sha256}.jpg").write_bytes(JPEG)
    prompt = fields.pop("prompt", f"a square moves to the right, take {name}")
    values: dict[str, Any] = {
        "clip_id": name,
        "sha256": sha256,
        "prompt": prompt,
        "generator": "toy-1",
        "prompt_group": PromptGroup.objects.get_or_create(representative=prompt, defaults={"split": split})[0],
        "original": f"{sha256}.mp4",
        "poster": f"{sha256}.jpg",
        "codec": "h264",
        "width": 160,
        "height": 96,
        "fps_numerator": 16,
        "fps_denominator": 1,
        "duration": 2.0,
        "frames": 32,
        "has_audio": False,
        "bytes": len(data),
    }
    return Clip.objects.create(**(values | fields))


def make_campaign(name: str, *, by: User, state: str = Campaign.State.OPEN, **fields: Any) -> Campaign:
    return Campaign.objects.create(name=name, title=name.title(), created_by=by, state=state, **fields)


def add_item(campaign: Campaign, clip: Clip, *, arm: Arm = Arm.BLIND, seats: int = 1) -> Item:
    """An item whose seats all lie in one arm, so that a test says which arm it speaks of.

    Items come in the order in which they are made. Without a place of its own, each would be as good as another.
    """
    item = Item.objects.create(campaign=campaign, clip=clip)
    Slot.objects.bulk_create(
        Slot(item=item, campaign=campaign, number=number, arm=arm, place=item.pk) for number in range(1, seats + 1)
    )
    return item


def add_draft(item: Item, *, reason: str = "The edges of the square shimmer a little.") -> Draft:
    """A critic's draft: one defect and a reason on the visual axis, no defect on the two others."""
    card = {axis.value: {"score": 4.0, "evidence": [], "reason": f"{reason} Seen for {axis.value}."} for axis in AXES}
    card["visual"]["evidence"] = [{"defect": "blur", "time": [0.5, 1.0], "box": None}]
    return Draft.objects.create(item=item, critic="starter@1", card=card, text="as generated", latency_ms=5)
