"""Reads the ratings of some clips as records. They come as plain values, because a release may have a million."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, ExpressionWrapper

from annotation.agreement.scores import read_watched_share
from annotation.models import AxisAnswer, Campaign, Rating, RatingRevision, make_blind_condition
from annotation.raters.screening import read_screened_raters
from annotation.rating.draft_use import has_own_words
from annotation.rating.work import Work, read_work
from datasets.services.policy import ReleaseRefused
from datasets.services.pseudonyms import make_pseudonym
from datasets.services.records import Answer, RatingRecord
from qsave.axes import AXES, Axis
from qsave.report_card import Evidence, evidence_from_json

_RATING_FIELDS = (
    "pk",
    "item",
    "rater",
    "arm",
    "blind",
    "exposure",
    "slot__kind",
    "is_simulated",
    "draft__critic",
    "guideline__number",
    "rater__uuid",
)
_ANSWER_FIELDS = (
    "revision__rating",
    "revision__number",
    "axis",
    "score",
    "evidence",
    "reason",
    "draft_use",
    "draft_edit_distance",
    "exposure",
)
_AXES = {axis.value: axis for axis in AXES}


@dataclass(slots=True)
class _Revision:
    """The number of a rating's current revision, and its answers."""

    number: int
    answers: dict[Axis, Answer]


class RatingReader:
    """Reads the ratings of a campaign's clips, in their current revisions, under the raters' pseudonyms."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign
        self._screened = read_screened_raters(campaign)
        self._pseudonyms: dict[UUID, str] = {}

    def read(self, item_ids: Collection[int]) -> dict[int, list[RatingRecord]]:
        """Return the ratings of these items, by item, in the order of pseudonyms. Three queries."""
        revisions = _read_revisions(item_ids)
        work = read_work(RatingRevision.objects.filter(rating__item__in=item_ids))
        records: dict[int, list[tuple[str, int, RatingRecord]]] = defaultdict(list)
        blind = ExpressionWrapper(make_blind_condition(), output_field=BooleanField())
        rows = Rating.objects.filter(item__in=item_ids).annotate(blind=blind).values_list(*_RATING_FIELDS)
        for pk, item, *facts in rows:
            record = self._make_record(pk, facts, work[pk], revisions[pk])
            records[item].append((record.rater, pk, record))
        return {item: [record for _, _, record in sorted(rows)] for item, rows in records.items()}

    def _make_record(self, pk: int, facts: list[Any], work: Work, revision: _Revision) -> RatingRecord:
        rater, arm, blind, exposure, kind, simulated, critic, guideline, person = facts
        if len(revision.answers) < len(AXES):
            names = sorted(axis.value for axis in revision.answers)
            raise ReleaseRefused(f"Rating {pk} is incomplete: it has the axes {names}. Tell an engineer.")
        watched = read_watched_share(work.viewing)
        return RatingRecord(
            rater=self._name(person),
            arm=arm,
            blind=blind,
            exposure=exposure,
            kind=kind,
            screened=rater in self._screened,
            simulated=simulated,
            critic=critic or "",
            seconds_spent=round(work.seconds, 3),
            share_watched=round(watched, 6) if watched is not None else None,
            answers=revision.answers,
            revision=revision.number,
            guideline=guideline or 0,
        )

    def _name(self, person: UUID) -> str:
        if person not in self._pseudonyms:
            self._pseudonyms[person] = make_pseudonym(self._campaign, person)
        return self._pseudonyms[person]


def _read_revisions(item_ids: Collection[int]) -> dict[int, _Revision]:
    """Return the current revisions of these items' ratings, by rating."""
    rows = AxisAnswer.objects.filter(revision__is_current=True, revision__rating__item__in=item_ids)
    revisions: dict[int, _Revision] = {}
    for rating, number, axis, *values in rows.values_list(*_ANSWER_FIELDS):
        revision = revisions.setdefault(rating, _Revision(number, {}))
        revision.answers[_AXES[axis]] = _make_answer(*values)
    return revisions


def _make_answer(
    score: int, evidence: list[Any], reason: str, draft_use: str, draft_edit_distance: int | None, exposure: str
) -> Answer:
    return Answer(
        score=score,
        evidence=_parse_evidence(evidence),
        reason=reason,
        draft_use=draft_use,
        own_words=has_own_words(draft_use, draft_edit_distance),
        exposure=exposure,
    )


def _parse_evidence(value: list[Any]) -> tuple[Evidence, ...]:
    """Return the evidence; defects without marks, which most are, share one object."""
    if any(piece.get("time") or piece.get("box") for piece in value):
        return evidence_from_json(value)
    return _make_unmarked(*(piece["defect"] for piece in value))


@lru_cache(maxsize=1000)
def _make_unmarked(*defects: str) -> tuple[Evidence, ...]:
    return tuple(Evidence(defect) for defect in defects)
