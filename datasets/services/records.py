"""The records from which a release is made: one for each clip, read in one snapshot, stored as lines of a file."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from datasets.services.filters import explain_rating
from datasets.services.judgements import JudgementRecord
from datasets.services.policy import ReleasePolicy
from qsave.axes import AXES, Axis
from qsave.report_card import Evidence, evidence_from_json


@dataclass(frozen=True, slots=True)
class Answer:
    """One axis of one rating. `own_words` is False for a critic's text that the rater did not edit.

    `exposure` is "none" if the rater saw no draft of the axis.
    """

    score: int
    evidence: tuple[Evidence, ...]
    reason: str
    draft_use: str
    own_words: bool
    exposure: str


@dataclass(frozen=True, slots=True)
class RatingRecord:
    """One rating in its current revision, under the rater's pseudonym."""

    rater: str
    arm: str
    blind: bool
    """Whether no critic can have influenced it (`Rating.is_blind`)."""
    exposure: str
    kind: str
    screened: bool
    simulated: bool
    critic: str
    seconds_spent: float
    share_watched: float | None
    answers: dict[Axis, Answer]
    guideline: int = 0
    """Number of the guidelines' version that the rater saw; 0 if the campaign had no guidelines yet."""
    revision: int = 1
    """Number of the revision: 1 unless the rater edited the rating."""
    not_counted_because: str = ""
    """Why the policy of the release does not count it (`filters.explain_rating`); empty if it counts."""

    @property
    def scores(self) -> tuple[int, ...]:
        return tuple(self.answers[axis].score for axis in AXES)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One axis of the lead's newest review."""

    score: float
    evidence: tuple[Evidence, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class ClipRecord:
    """One clip of the campaign with its ratings and its review. `facts` are columns of clips.parquet."""

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
    """Why a lead excluded the clip from the campaign; empty if nobody did."""
    judgements: tuple[JudgementRecord, ...] = ()
    """Ratings made elsewhere, of the sources that the policy names."""
    held_out: bool = False
    """The generator is held out: its clips are for test only."""

    @property
    def counted(self) -> tuple[RatingRecord, ...]:
        return tuple(rating for rating in self.ratings if not rating.not_counted_because)

    @property
    def blind(self) -> tuple[RatingRecord, ...]:
        """Return the counted ratings that no critic can have influenced."""
        return tuple(rating for rating in self.counted if rating.blind)


def mark_ratings(ratings: Iterable[RatingRecord], split: str, policy: ReleasePolicy) -> tuple[RatingRecord, ...]:
    """Return the ratings of a clip in `split`, each with the reason why the policy does not count it."""
    return tuple(replace(rating, not_counted_because=explain_rating(rating, split, policy)) for rating in ratings)


def record_to_line(record: ClipRecord) -> bytes:
    return json.dumps(asdict(record), ensure_ascii=False).encode() + b"\n"


def read_records(path: Path) -> Iterator[ClipRecord]:
    """Yield the records of a snapshot file."""
    with path.open("rb") as lines:
        for line in lines:
            yield _record_from_json(json.loads(line))


def _record_from_json(value: Mapping[str, Any]) -> ClipRecord:
    review = value["review"]
    changes = {
        "fast": tuple(value["fast"]),
        "slow": tuple(value["slow"]),
        "review": {axis: Reviewed(**_parse_evidence(review[axis.value])) for axis in AXES} if review else None,
        "ratings": tuple(_rating_from_json(rating) for rating in value["ratings"]),
        "judgements": tuple(JudgementRecord(**judgement) for judgement in value["judgements"]),
    }
    return ClipRecord(**(dict(value) | changes))


def _rating_from_json(value: Mapping[str, Any]) -> RatingRecord:
    answers = {axis: Answer(**_parse_evidence(value["answers"][axis.value])) for axis in AXES}
    return RatingRecord(**(dict(value) | {"answers": answers}))


def _parse_evidence(value: Mapping[str, Any]) -> dict[str, Any]:
    return dict(value) | {"evidence": evidence_from_json([_flatten(piece) for piece in value["evidence"]])}


def _flatten(piece: Mapping[str, Any]) -> dict[str, Any]:
    """Return a piece of evidence as `evidence_to_json` writes it, from its `asdict`."""
    time, box = piece["time"], piece["box"]
    return {
        "defect": piece["defect"],
        "time": list(time.values()) if time else None,
        "box": list(box.values()) if box else None,
    }
