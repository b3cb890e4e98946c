"""A campaign's clips and ratings at one moment, streamed into a file.

All reads share one snapshot of the database, and nothing is written to it. The rest of a build (statistics, copying
clips) works on the file, so raters do not wait for a release that takes minutes.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Set
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Q, QuerySet

from annotation.agreement.reviews import read_reviews_in_force
from annotation.agreement.scores import read_watched_share
from annotation.intake.split_draw import read_held_out
from annotation.models import (
    LEFT_OUT,
    AxisAnswer,
    Campaign,
    Clip,
    Item,
    Rating,
    RatingRevision,
    Slot,
    Split,
    make_blind_condition,
)
from annotation.raters.screening import read_screened_raters
from annotation.rating.draft_use import has_own_words
from annotation.rating.work import Work, read_work
from datasets.services.judgements import read_judgements
from datasets.services.policy import ReleasePolicy, ReleaseRefused
from datasets.services.pseudonyms import make_pseudonym
from datasets.services.records import Answer, ClipRecord, RatingRecord, Reviewed, mark_ratings, record_to_line
from qsave.axes import AXES, Axis
from qsave.frames.slowfast import FrameConfig
from qsave.report_card import ReportCard, card_from_json, evidence_from_json
from qsave.splits import HELD_OUT, SplitSize

CHUNK = 200
GROUP_LENGTH = 16

_FACTS = ("codec", "width", "height", "fps_numerator", "fps_denominator", "frames", "has_audio", "bytes")


def write_snapshot(campaign: Campaign, path: Path, policy: ReleasePolicy) -> int:
    """Write a record of every clip of the campaign that is not withdrawn, in the order of clip ids; return how many.

    Each rating says why the policy does not count it. Records have the ratings made elsewhere that the policy names.
    """
    with _share_snapshot(), path.open("wb") as file:
        items = Item.objects.filter(campaign=campaign, clip__is_ready=True)
        items = items.exclude(availability=Item.Availability.WITHDRAWN)
        # sorted here, because the order of a database depends on its collation
        ordered = [pk for _, pk in sorted(items.values_list("clip__clip_id", "pk"))]
        screened, held_out = read_screened_raters(campaign), read_held_out()
        for start in range(0, len(ordered), CHUNK):
            chunk = ordered[start : start + CHUNK]
            records = _make_records(campaign, chunk, screened, held_out, policy)
            for record in _add_judgements(campaign, chunk, policy.imported_sources, records):
                file.write(record_to_line(record))
    return len(ordered)


def count_held_out(campaign: Campaign) -> dict[str, SplitSize]:
    """Count the clips of val and test, and their prompt groups, that a release would have now.

    A target that needs more ratings of a clip leaves some of them out, so the build counts again.
    """
    items = _select_counted_ratings(campaign).filter(make_blind_condition()).values("item")
    not_in_val = Q(prompt_group__split=Split.VAL, generator__in=read_held_out())
    sizes = (
        Clip.objects.filter(items__in=items, bridges_splits=False, prompt_group__split__in=HELD_OUT)
        .exclude(not_in_val)
        .values("prompt_group__split")
        .annotate(clips=Count("pk", distinct=True), groups=Count("prompt_group", distinct=True))
    )
    return {row["prompt_group__split"]: SplitSize(row["clips"], row["groups"]) for row in sizes}


def has_train_clips(campaign: Campaign, *, reviewed: bool) -> bool:
    """Return whether a release made now would have a train clip; with `reviewed`, one that a lead has reviewed."""
    rated = Item.objects.filter(
        pk__in=_select_counted_ratings(campaign).values("item"),
        clip__bridges_splits=False,
        clip__prompt_group__split=Split.TRAIN,
    ).exclude(clip__generator__in=read_held_out())
    return (rated.filter(summary__is_reviewed=True) if reviewed else rated).exists()


def _select_counted_ratings(campaign: Campaign) -> QuerySet[Rating]:
    """Return the ratings that count on train. On val and test only the blind ones among them count."""
    rated = Rating.objects.filter(item__campaign=campaign, slot__kind=Slot.Kind.SEAT)
    return rated.exclude(item__availability__in=LEFT_OUT).exclude(rater__in=read_screened_raters(campaign))


@contextmanager
def _share_snapshot() -> Iterator[None]:
    """Give all reads in the body the same snapshot. The body must not write.

    On SQLite raters do not wait for it: it begins DEFERRED, while `atomic` would begin IMMEDIATE and lock out writers.
    """
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")
    else:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield


def _make_records(
    campaign: Campaign, item_ids: list[int], screened: set[int], held_out: Set[str], policy: ReleasePolicy
) -> Iterator[ClipRecord]:
    items = Item.objects.select_related("clip__prompt_group").in_bulk(item_ids)
    cards = {item: card_from_json(review.card) for item, review in read_reviews_in_force(item_ids).items()}
    ratings = _read_ratings(campaign, item_ids, screened)
    for item_id in item_ids:
        item = items[item_id]
        marked = mark_ratings(ratings.get(item_id, []), item.clip.prompt_group.split, policy)
        yield _make_record(item, cards.get(item_id), marked, held_out)


def _add_judgements(
    campaign: Campaign, item_ids: list[int], sources: Collection[str], records: Iterator[ClipRecord]
) -> Iterator[ClipRecord]:
    """Yield the records of these items with the ratings made elsewhere."""
    clips = dict(Item.objects.filter(pk__in=item_ids).values_list("pk", "clip__pk")) if sources else {}
    judgements = read_judgements(campaign, list(clips.values()), sources)
    for item_id, record in zip(item_ids, records, strict=True):
        yield replace(record, judgements=judgements.get(clips.get(item_id, 0), ()))


def _read_ratings(campaign: Campaign, item_ids: list[int], screened: set[int]) -> dict[int, list[RatingRecord]]:
    """Return the current revisions of these items' ratings, by item, in the order of pseudonyms."""
    answers = (
        AxisAnswer.objects.filter(revision__is_current=True, revision__rating__item__in=item_ids)
        .select_related(*(f"revision__rating__{name}" for name in ("slot", "draft", "rater", "guideline")))
        .order_by("revision__rating__pk")
    )
    work = read_work(RatingRevision.objects.filter(rating__item__in=item_ids))
    by_rating: dict[int, list[AxisAnswer]] = defaultdict(list)
    for answer in answers.iterator(chunk_size=CHUNK):
        by_rating[answer.revision.rating_id].append(answer)
    records: dict[int, list[tuple[str, int, RatingRecord]]] = defaultdict(list)
    for pk, parts in by_rating.items():
        record = _make_rating(campaign, parts, work[pk], screened)
        records[parts[0].revision.rating.item_id].append((record.rater, pk, record))
    return {item: [record for _, _, record in sorted(rows, key=lambda row: row[:2])] for item, rows in records.items()}


def _make_rating(campaign: Campaign, answers: list[AxisAnswer], work: Work, screened: set[int]) -> RatingRecord:
    rating = answers[0].revision.rating
    by_axis = {answer.axis: _make_answer(answer) for answer in answers}
    if set(by_axis) != set(AXES):
        raise ReleaseRefused(f"Rating {rating.pk} is incomplete: it has the axes {sorted(by_axis)}. Tell an engineer.")
    watched = read_watched_share(work.viewing)
    return RatingRecord(
        rater=make_pseudonym(campaign, rating.rater.uuid),
        arm=rating.arm,
        blind=rating.is_blind,
        exposure=rating.exposure,
        kind=rating.slot.kind,
        screened=rating.rater_id in screened,
        simulated=rating.is_simulated,
        critic=rating.draft.critic if rating.draft else "",
        revision=answers[0].revision.number,
        seconds_spent=round(work.seconds, 3),
        share_watched=round(watched, 6) if watched is not None else None,
        answers={axis: by_axis[axis.value] for axis in AXES},
        guideline=rating.guideline.number if rating.guideline else 0,
    )


def _make_answer(answer: AxisAnswer) -> Answer:
    return Answer(
        score=answer.score,
        evidence=evidence_from_json(answer.evidence),
        reason=answer.reason,
        draft_use=answer.draft_use,
        own_words=has_own_words(answer),
        exposure=answer.exposure,
    )


def _make_record(
    item: Item, card: ReportCard | None, ratings: tuple[RatingRecord, ...], held_out: Set[str]
) -> ClipRecord:
    clip = item.clip
    times: dict[str, Any] = clip.frame_times.get(FrameConfig().compute_key(), {})
    group = hashlib.sha256(clip.prompt_group.representative.encode()).hexdigest()[:GROUP_LENGTH]
    return ClipRecord(
        clip_id=clip.clip_id,
        sha256=clip.sha256,
        prompt=clip.prompt,
        prompt_group=group,
        generator=clip.generator,
        split=clip.prompt_group.split,
        bridges=clip.bridges_splits,
        simulated=clip.is_simulated,
        duration=round(clip.duration, 6),
        original=clip.original,
        fast=tuple(times.get("fast", ())),
        slow=tuple(times.get("slow", ())),
        facts={name: getattr(clip, name) for name in _FACTS},
        review={axis: _make_review(card, axis) for axis in AXES} if card else None,
        ratings=ratings,
        excluded=item.exclusion_reason,
        held_out=clip.generator in held_out,
    )


def _make_review(card: ReportCard, axis: Axis) -> Reviewed:
    report = card.axis(axis)
    return Reviewed(float(report.score), report.evidence, report.reason)
