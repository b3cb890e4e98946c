"""What summaries of items must say: the statistics of record, and the tables that summaries repeat."""

from collections import Counter, defaultdict
from typing import Any

from annotation.agreement.scores import read_scores, select_counted_answers
from annotation.campaigns.reports import REPORTS
from annotation.models import Campaign, Item, ItemDefect, ItemSummary, Skip, Slot
from annotation.raters.screening import read_screened_raters
from qsave.axes import AXES
from qsave.consensus import has_consensus, is_contested
from qsave.statistics.tallies import pack_tally


def check_summaries(campaign: Campaign) -> None:
    """Check that the stored summaries of a campaign equal their computation, row by row, from what they repeat."""
    stored = {row["item_id"]: row for row in ItemSummary.objects.filter(campaign=campaign).values()}
    assert stored == compute_summaries(campaign)
    defects = ItemDefect.objects.filter(campaign=campaign).values_list("item", "defect", "rating_count")
    assert {(item, defect): count for item, defect, count in defects} == count_defects(campaign)


def compute_summaries(campaign: Campaign) -> dict[int, dict[str, Any]]:
    """Compute the summary of each item in Python."""
    screened = read_screened_raters(campaign)
    scores: dict[tuple[int, str], list[tuple[int, bool]]] = defaultdict(list)
    for score in read_scores(campaign):
        if score.rater not in screened:
            scores[score.item, score.axis.value].append((score.score, score.is_blind))
    contested = count_contested(campaign, {key: len(rows) for key, rows in scores.items()})
    return {
        item.pk: _describe(item)
        | _summarise({axis.value: scores[item.pk, axis.value] for axis in AXES})
        | {f"{axis.value}_contested": contested[item.pk, axis.value] for axis in AXES}
        for item in Item.objects.filter(campaign=campaign).select_related("clip__prompt_group")
    }


def count_contested(campaign: Campaign, raters: dict[tuple[int, str], int]) -> Counter[tuple[int, str]]:
    """Count the contested defects by item and axis."""
    answers = select_counted_answers(campaign).exclude(revision__rating__rater__in=read_screened_raters(campaign))
    rows = answers.values_list("revision__rating__item", "axis", "evidence")
    named = Counter((item, axis, defect) for item, axis, marks in rows for defect in {mark["defect"] for mark in marks})
    return Counter((item, axis) for (item, axis, _), count in named.items() if is_contested(count, raters[item, axis]))


def count_defects(campaign: Campaign) -> dict[tuple[int, str], int]:
    answers = select_counted_answers(campaign).exclude(revision__rating__rater__in=read_screened_raters(campaign))
    rows = answers.values_list("revision__rating__item", "revision__rating", "evidence")
    named = {(item, rating, mark["defect"]) for item, rating, evidence in rows for mark in evidence}
    return Counter((item, defect) for item, _rating, defect in named)


def _describe(item: Item) -> dict[str, Any]:
    states = Counter(Slot.objects.filter(item=item, kind=Slot.Kind.SEAT).values_list("state", flat=True))
    return {
        "item_id": item.pk,
        "campaign_id": item.campaign_id,
        "generator": item.clip.generator,
        "split": item.clip.prompt_group.split,
        "state": _name_state(item, states["done"], states.total()),
        "is_gold": item.gold is not None and not item.is_qualification and item.availability != "withdrawn",
        "priority": item.priority,
        "slot_count": states.total(),
        "rating_count": states["done"],
        "is_reviewed": _has_review(item),
        "report_count": Skip.objects.filter(item=item, kind__in=REPORTS, settled_at=None).count(),
    }


def _has_review(item: Item) -> bool:
    newest = item.reviews.filter(clip_version=item.clip.version).order_by("pk").last()
    return newest is not None and newest.card is not None


def _name_state(item: Item, done: int, slots: int) -> str:
    if item.availability != "available":
        return item.availability
    if item.is_qualification:
        return "qualification"
    return "unrated" if not done else "started" if done < slots else "rated"


def _summarise(scores: dict[str, list[tuple[int, bool]]]) -> dict[str, int | bool]:
    levels = {axis: [score for score, _is_blind in rows] for axis, rows in scores.items()}
    blind = {axis: [score for score, is_blind in rows if is_blind] for axis, rows in scores.items()}
    return {
        **{f"{axis}_gap": max(values) - min(values) if values else 0 for axis, values in levels.items()},
        **{f"{axis}_is_split": bool(values) and not has_consensus(values) for axis, values in levels.items()},
        "spread": max(max(values) - min(values) if values else 0 for values in levels.values()),
        **{f"{axis}_tally": pack_tally(values) for axis, values in levels.items()},
        **{f"{axis}_blind_tally": pack_tally(values) for axis, values in blind.items()},
    }
