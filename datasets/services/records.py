"""What a release is made from: one record a clip, read in one snapshot, kept as lines of a file during the build."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qsave.axes import AXES, Axis
from qsave.report_card import Evidence, evidence_from_json

NOT_SEATS = {
    "gold": "a check against known scores",
    "repeat": "a repeat of the rater's own",
    "qualification": "given to qualify",
}
"""Why a rating on a place of this kind does not count; what stands on one of an item's seats does."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One axis of one rating. `own_words`: not a critic's text that was left as it stood."""

    score: int
    evidence: tuple[Evidence, ...]
    reason: str
    draft_use: str
    own_words: bool


@dataclass(frozen=True, slots=True)
class RatingRecord:
    """One rating in its current revision, under the rater's pseudonym."""

    rater: str
    arm: str
    blind: bool
    """No critic can have influenced it: `Rating.is_blind`."""
    exposure: str
    kind: str
    screened: bool
    simulated: bool
    critic: str
    seconds_spent: float
    share_watched: float | None
    answers: dict[Axis, Answer]


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One axis of the lead's newest review."""

    score: float
    evidence: tuple[Evidence, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class ClipRecord:
    """One clip of the campaign with all that was said of it. `facts` are the columns of clips.parquet."""

    clip_id: str
    sha256: str
    prompt: str
    prompt_group: str
    generator: str
    split: str
    bridges: bool
    simulated: bool
    duration: float
    original: str
    fast: tuple[float, ...]
    slow: tuple[float, ...]
    facts: dict[str, Any]
    review: dict[Axis, Reviewed] | None
    ratings: tuple[RatingRecord, ...]
    excluded: str = ""
    """Why a lead excluded the clip from the campaign; empty if none did."""

    def why_not_counted(self, rating: RatingRecord) -> str:
        """Why a rating does not count towards the targets; empty if it does."""
        if rating.kind != "seat":
            return NOT_SEATS[rating.kind]
        if rating.screened:
            return "rater screened out"
        if self.split != "train" and not rating.blind:
            return "not blind, and the clip is not for training"
        return ""

    @property
    def counted(self) -> tuple[RatingRecord, ...]:
        return tuple(rating for rating in self.ratings if not self.why_not_counted(rating))

    @property
    def blind(self) -> tuple[RatingRecord, ...]:
        """The counted ratings that no critic can have influenced."""
        return tuple(rating for rating in self.counted if rating.blind)


def record_to_line(record: ClipRecord) -> bytes:
    return json.dumps(asdict(record), ensure_ascii=False).encode() + b"\n"


def read_records(path: Path) -> Iterator[ClipRecord]:
    """The records of a snapshot file, one at a time."""
    with path.open("rb") as lines:
        for line in lines:
            yield _record(json.loads(line))


def _record(value: Mapping[str, Any]) -> ClipRecord:
    review = value["review"]
    changes = {
        "fast": tuple(value["fast"]),
        "slow": tuple(value["slow"]),
        "review": {axis: Reviewed(**_with_evidence(review[axis.value])) for axis in AXES} if review else None,
        "ratings": tuple(_rating(rating) for rating in value["ratings"]),
    }
    return ClipRecord(**(dict(value) | changes))


def _rating(value: Mapping[str, Any]) -> RatingRecord:
    answers = {axis: Answer(**_with_evidence(value["answers"][axis.value])) for axis in AXES}
    return RatingRecord(**(dict(value) | {"answers": answers}))


def _with_evidence(value: Mapping[str, Any]) -> dict[str, Any]:
    return dict(value) | {"evidence": evidence_from_json([_flat(piece) for piece in value["evidence"]])}


def _flat(piece: Mapping[str, Any]) -> dict[str, Any]:
    """`asdict` of a piece of evidence in the form of `evidence_to_json`."""
    time, box = piece["time"], piece["box"]
    return {
        "defect": piece["defect"],
        "time": list(time.values()) if time else None,
        "box": list(box.values()) if box else None,
    }
