"""Records made in memory, for tests of what needs no database."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from datasets.services.folder import Header, write_folder
from datasets.services.policy import ReleasePolicy
from datasets.services.records import Answer, ClipRecord, RatingRecord, Reviewed, mark_ratings, write_records
from qsave.axes import AXES, Axis
from qsave.report_card import Evidence

FACTS = {
    "codec": "h264",
    "width": 64,
    "height": 48,
    "fps_numerator": 8,
    "fps_denominator": 1,
    "frames": 8,
    "has_audio": False,
    "bytes": 1000,
}
HEADER = Header(name="made-up", number=1, campaign="campaign", title="A campaign", parent=None, simulated=False)
NO_MEDIA = ReleasePolicy(media="none", allow_small_splits=True)


def rating(
    rater: str, score: int = 3, *, arm: str = "blind", defects: Iterable[str] = (), **changes: Any
) -> RatingRecord:
    """One rating with the same answer on every axis; `own_words` and `reason` may be given too."""
    answer = Answer(
        score=score,
        evidence=tuple(Evidence(defect) for defect in defects),
        reason=changes.pop("reason", f"{rater} says so"),
        draft_use=changes.pop("draft_use", "none"),
        own_words=changes.pop("own_words", True),
        exposure=changes.get("exposure", "none"),
    )
    values: dict[str, Any] = {
        "rater": rater,
        "arm": arm,
        "blind": arm == "blind",
        "exposure": "none",
        "kind": "seat",
        "screened": False,
        "simulated": False,
        "critic": "",
        "seconds_spent": 10.0,
        "share_watched": 1.0,
        "answers": dict.fromkeys(AXES, answer),
    }
    return RatingRecord(**(values | changes))


def clip(clip_id: str, *ratings: RatingRecord, split: str = "train", **changes: Any) -> ClipRecord:
    values: dict[str, Any] = {
        "clip_id": clip_id,
        "sha256": hashlib.sha256(clip_id.encode()).hexdigest(),
        "prompt": f"the prompt of {clip_id}",
        "prompt_group": f"group-{clip_id}",
        "generator": "toy-1",
        "split": split,
        "bridges": False,
        "simulated": False,
        "duration": 1.0,
        "original": f"clips/{clip_id}.mp4",
        "fast": (0.0, 0.5),
        "slow": (0.25,),
        "facts": FACTS,
        "review": None,
        "ratings": mark_ratings(ratings, split, ReleasePolicy()),
    }
    return ClipRecord(**(values | changes))


def under(policy: ReleasePolicy, record: ClipRecord) -> ClipRecord:
    """The record with its ratings as this policy counts them."""
    return replace(record, ratings=mark_ratings(record.ratings, record.split, policy))


def review(score: float, *, reason: str = "The lead says so", defects: Iterable[str] = ()) -> dict[Axis, Reviewed]:
    return dict.fromkeys(AXES, Reviewed(score, tuple(Evidence(defect) for defect in defects), reason))


def release(
    folder: Path, records: Iterable[ClipRecord], policy: ReleasePolicy = NO_MEDIA, **changes: Any
) -> dict[str, Any]:
    """Writes a release of these records and returns its manifest."""
    folder.mkdir(parents=True)
    snapshot = folder.with_name(f"{folder.name}.snapshot")
    marked = [under(policy, record) for record in sorted(records, key=lambda record: record.clip_id)]
    videos = Counter(record.sha256 for record in marked)
    write_records(snapshot, (replace(record, has_copies=videos[record.sha256] > 1) for record in marked))
    values: dict[str, Any] = {"header": HEADER, "media": folder, "progress": lambda share, message: None}
    return write_folder(folder, snapshot, policy=policy, **(values | changes))
