"""A campaign's clips and ratings at one moment, streamed into a file.

All reads share one snapshot of the database, and nothing is written to it. The rest of a build (statistics, copying
clips) works on the file, so raters do not wait for a release that takes minutes.
"""

import hashlib
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Collate

from annotation.agreement.reviews import read_reviews_in_force
from annotation.intake.split_draw import read_held_out
from annotation.models import LEFT_OUT, Campaign, Clip, Item, Rating, Slot, Split, make_blind_condition
from annotation.raters.screening import read_screened_raters
from datasets.services.judgements import read_judgements
from datasets.services.policy import ReleasePolicy
from datasets.services.progress import Progress
from datasets.services.rating_records import RatingReader
from datasets.services.records import ClipRecord, RatingRecord, Reviewed, mark_ratings, write_records
from qsave.axes import AXES, Axis
from qsave.frames.slowfast import FrameConfig
from qsave.report_card import ReportCard, card_from_json
from qsave.splits import HELD_OUT, SplitSize

CHUNK = 200
RunOutside = Callable[[Callable[[], None]], None]
GROUP_LENGTH = 16

_FACTS = ("codec", "width", "height", "fps_numerator", "fps_denominator", "frames", "has_audio", "bytes")
_ITEM_FIELDS = (
    "exclusion_reason",
    "clip__clip_id",
    "clip__sha256",
    "clip__prompt",
    "clip__prompt_group__representative",
    "clip__prompt_group__split",
    "clip__generator",
    "clip__bridges_splits",
    "clip__is_simulated",
    "clip__duration",
    "clip__original",
    "clip__frame_times",
    *(f"clip__{name}" for name in _FACTS),
)


def write_snapshot(
    campaign: Campaign, path: Path, policy: ReleasePolicy, progress: Progress = lambda share, message: None
) -> int:
    """Write a record of every clip of the campaign that is not withdrawn, in the order of clip ids; return how many.

    Each rating says why the policy does not count it. Records have the ratings made elsewhere that the policy names.
    """
    with _share_snapshot() as run_outside:
        return write_records(path, _read_clips(campaign, policy, lambda *done: run_outside(partial(progress, *done))))


def _read_clips(campaign: Campaign, policy: ReleasePolicy, progress: Progress) -> Iterator[ClipRecord]:
    items = Item.objects.filter(campaign=campaign, clip__is_ready=True)
    items = items.exclude(availability=Item.Availability.WITHDRAWN)
    # by code points, as Python sorts: the order of a database depends on its collation
    order = Collate("clip__clip_id", "C" if connection.vendor == "postgresql" else "BINARY")
    keys = array("q", items.order_by(order).values_list("pk", flat=True).iterator(chunk_size=2000))
    videos = items.values("clip__sha256").annotate(clips=Count("pk")).filter(clips__gt=1)
    copied = set(videos.values_list("clip__sha256", flat=True))
    reader, held_out = RatingReader(campaign), read_held_out()
    for start in range(0, len(keys), CHUNK):
        progress(start / len(keys), f"reading ratings: {start} of {len(keys)} clips")
        chunk = keys[start : start + CHUNK].tolist()
        records = _make_records(reader, chunk, copied, held_out, policy)
        yield from _add_judgements(campaign, chunk, policy.imported_sources, records)


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
def _share_snapshot() -> Iterator[RunOutside]:
    """Give all reads in the body the same snapshot. The body must not write; it gets a function that runs another one
    outside of the snapshot, on a connection of its own.

    On SQLite raters do not wait for it: it begins DEFERRED, while `atomic` would begin IMMEDIATE and lock out writers.
    """
    if connection.in_atomic_block:
        yield lambda act: act()
        return
    with ExitStack() as stack:
        if connection.vendor == "sqlite":
            stack.enter_context(_defer_transaction())
        else:
            stack.enter_context(transaction.atomic())
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        outside = stack.enter_context(ThreadPoolExecutor(1))
        stack.callback(lambda: outside.submit(lambda: connection.close()).result())  # the connection of its thread
        yield lambda act: outside.submit(act).result()


@contextmanager
def _defer_transaction() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def _make_records(
    reader: RatingReader, item_ids: list[int], copied: Set[str], held_out: Set[str], policy: ReleasePolicy
) -> Iterator[ClipRecord]:
    selected: Iterable[Any] = Item.objects.filter(pk__in=item_ids).values_list("pk", *_ITEM_FIELDS, named=True)
    rows = {row.pk: row for row in selected}
    cards = {item: card_from_json(review.card) for item, review in read_reviews_in_force(item_ids).items()}
    ratings = reader.read(item_ids)
    for item_id in item_ids:
        row = rows[item_id]
        yield _make_record(
            row,
            cards.get(item_id),
            mark_ratings(ratings.get(item_id, ()), row.clip__prompt_group__split, policy),
            has_copies=row.clip__sha256 in copied,
            held_out=row.clip__generator in held_out,
        )


def _add_judgements(
    campaign: Campaign, item_ids: list[int], sources: Collection[str], records: Iterator[ClipRecord]
) -> Iterator[ClipRecord]:
    """Yield the records of these items with the ratings made elsewhere."""
    clips = dict(Item.objects.filter(pk__in=item_ids).values_list("pk", "clip__pk")) if sources else {}
    judgements = read_judgements(campaign, list(clips.values()), sources)
    for item_id, record in zip(item_ids, records, strict=True):
        yield replace(record, judgements=judgements.get(clips.get(item_id, 0), ()))


def _make_record(
    row: Any, card: ReportCard | None, ratings: tuple[RatingRecord, ...], *, has_copies: bool, held_out: bool
) -> ClipRecord:
    times: dict[str, Any] = row.clip__frame_times.get(FrameConfig().compute_key(), {})
    return ClipRecord(
        clip_id=row.clip__clip_id,
        sha256=row.clip__sha256,
        prompt=row.clip__prompt,
        prompt_group=hashlib.sha256(row.clip__prompt_group__representative.encode()).hexdigest()[:GROUP_LENGTH],
        generator=row.clip__generator,
        split=row.clip__prompt_group__split,
        bridges=row.clip__bridges_splits,
        simulated=row.clip__is_simulated,
        duration=round(row.clip__duration, 6),
        original=row.clip__original,
        fast=tuple(times.get("fast", ())),
        slow=tuple(times.get("slow", ())),
        facts={name: getattr(row, f"clip__{name}") for name in _FACTS},
        review={axis: _make_review(card, axis) for axis in AXES} if card else None,
        ratings=ratings,
        excluded=row.exclusion_reason,
        held_out=held_out,
        has_copies=has_copies,
    )


def _make_review(card: ReportCard, axis: Axis) -> Reviewed:
    report = card.axis(axis)
    return Reviewed(float(report.score), report.evidence, report.reason)
