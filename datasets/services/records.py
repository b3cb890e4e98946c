"""The records from which a release is made: one for each clip, read in one snapshot, stored in a file.

A large release has a million ratings, so ratings and answers are named tuples: they cost less to make and to store than
dataclasses.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from datasets.services.filters import explain_rating
from datasets.services.judgements import JudgementRecord
from datasets.services.policy import ReleasePolicy
from qsave.axes import AXES, Axis
from qsave.report_card import Evidence


class Answer(NamedTuple):
    """One axis of one rating. `own_words` is False for a critic's text that the rater did not edit.

    `exposure` is "none" if the rater saw no draft of the axis.
    """

    score: int
    evidence: tuple[Evidence, ...]
    reason: str
    draft_use: str
    own_words: bool
    exposure: str


class RatingRecord(NamedTuple):
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
    has_copies: bool = False
    """Other clips of the campaign have the same video."""
    counted: tuple[RatingRecord, ...] = field(init=False, compare=False)
    blind: tuple[RatingRecord, ...] = field(init=False, compare=False)
    """The counted ratings that no critic can have influenced."""

    def __post_init__(self) -> None:
        counted = tuple(rating for rating in self.ratings if not rating.not_counted_because)
        object.__setattr__(self, "counted", counted)
        object.__setattr__(self, "blind", tuple(rating for rating in counted if rating.blind))


_ENCODER, _DECODER = msgspec.json.Encoder(), msgspec.json.Decoder(ClipRecord)


def mark_ratings(ratings: Iterable[RatingRecord], split: str, policy: ReleasePolicy) -> tuple[RatingRecord, ...]:
    """Return the ratings of a clip in `split`, each with the reason why the policy does not count it."""
    return tuple(rating._replace(not_counted_because=explain_rating(rating, split, policy)) for rating in ratings)


def write_records(path: Path, records: Iterable[ClipRecord]) -> int:
    """Write records to a new file, one as JSON on each line; return how many."""
    count = 0
    with path.open("wb") as file:
        for record in records:
            file.write(_ENCODER.encode(record) + b"\n")
            count += 1
    return count


def read_records(path: Path) -> Iterator[ClipRecord]:
    """Yield the records of a file that `write_records` wrote."""
    with path.open("rb") as lines:
        yield from map(_DECODER.decode, lines)
