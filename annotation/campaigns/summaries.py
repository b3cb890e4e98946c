"""Write the summary of items, by which a campaign's clips are listed (`annotation.models.ItemSummary`).

Every write that changes what a summary repeats calls `refresh_summaries` last in its transaction: a rating and its
edits, a report and its settlement, exclusion, marks, priority, new items and slots, and verdicts on raters. A lease
changes nothing in it. docs/adr/0014 says why.
"""

from collections.abc import Iterable
from functools import lru_cache
from itertools import islice

from django.db import connection

from annotation.models import ItemSummary
from qsave.axes import AXES
from qsave.statistics.tallies import N_UNIT, SUM_UNIT

BATCH_SIZE = 500

# The ratings that count, by the rule of `agreement.scores.select_counted_answers` and `raters.screening`.
_COUNTED = """
    SELECT rating.id AS rating_id, item.campaign_id, item.id AS item_id, answer.axis, answer.score, answer.evidence,
        (rating.arm = 'blind' OR NOT rating.critic_active) AS is_blind
    FROM annotation_item item
    JOIN annotation_campaign campaign ON campaign.id = item.campaign_id
    JOIN annotation_rating rating ON rating.item_id = item.id AND (campaign.is_simulated OR NOT rating.is_simulated)
    JOIN annotation_slot slot ON slot.id = rating.slot_id AND slot.kind = 'seat'
    JOIN annotation_ratingrevision revision ON revision.rating_id = rating.id AND revision.is_current
    JOIN annotation_axisanswer answer ON answer.revision_id = revision.id
    WHERE item.id IN ({items}) AND item.availability NOT IN ('excluded', 'withdrawn') AND NOT EXISTS (
        SELECT 1 FROM annotation_screening verdict
        WHERE verdict.campaign_id = campaign.id AND verdict.rater_id = rating.rater_id AND verdict.verdict = 'screened'
            AND NOT EXISTS (SELECT 1 FROM annotation_screening later
                WHERE later.campaign_id = verdict.campaign_id AND later.rater_id = verdict.rater_id
                    AND (later.created_at, later.id) > (verdict.created_at, verdict.id)))
"""
_UNIT = f"(CAST({N_UNIT} AS BIGINT) + {SUM_UNIT} * score + score * score)"
_TALLIES = {
    f"{axis.value}_{tally}": f"CAST(COALESCE(SUM(CASE WHEN axis = '{axis.value}' THEN {tally} END), 0) AS BIGINT)"
    for axis in AXES
    for tally in ("tally", "blind_tally")
}
_SCORES = """
    SELECT item_id, MAX(gap) AS spread, {sums}
    FROM (SELECT item_id, axis, MAX(score) - MIN(score) AS gap, SUM({unit}) AS tally,
        SUM(CASE WHEN is_blind THEN {unit} ELSE 0 END) AS blind_tally
        FROM ({counted}) counted GROUP BY item_id, axis) by_axis
    GROUP BY item_id
"""
_SLOTS = """
    SELECT item_id, COUNT(*) AS slot_count, SUM(CASE WHEN state = 'done' THEN 1 ELSE 0 END) AS rating_count
    FROM annotation_slot WHERE kind = 'seat' AND item_id IN ({items}) GROUP BY item_id
"""
_REPORTS = """
    SELECT item_id, COUNT(*) AS report_count
    FROM annotation_skip WHERE kind IN ('broken', 'flagged') AND settled_at IS NULL AND item_id IN ({items})
    GROUP BY item_id
"""
_COLUMNS = {
    "item_id": "item.id",
    "campaign_id": "item.campaign_id",
    "generator": "clip.generator",
    "split": "prompt_group.split",
    "state": """CASE WHEN item.availability <> 'available' THEN item.availability
        WHEN item.is_qualification THEN 'qualification'
        WHEN COALESCE(slots.rating_count, 0) = 0 THEN 'unrated'
        WHEN slots.rating_count < slots.slot_count THEN 'started' ELSE 'rated' END""",
    "is_gold": "item.gold IS NOT NULL AND NOT item.is_qualification AND item.availability <> 'withdrawn'",
    "priority": "item.priority",
    "slot_count": "COALESCE(slots.slot_count, 0)",
    "rating_count": "COALESCE(slots.rating_count, 0)",
    "report_count": "COALESCE(reports.report_count, 0)",
    "spread": "COALESCE(scores.spread, 0)",
    **{name: f"COALESCE(scores.{name}, 0)" for name in _TALLIES},
}
_STORE_SUMMARIES = """
    INSERT INTO annotation_itemsummary ({columns}) SELECT {values}
    FROM annotation_item item
    JOIN annotation_clip clip ON clip.id = item.clip_id
    JOIN annotation_promptgroup prompt_group ON prompt_group.id = clip.prompt_group_id
    LEFT JOIN ({slots}) slots ON slots.item_id = item.id
    LEFT JOIN ({reports}) reports ON reports.item_id = item.id
    LEFT JOIN ({scores}) scores ON scores.item_id = item.id
    WHERE item.id IN ({items})
    ON CONFLICT (item_id) DO UPDATE SET {updates}
"""
_DELETE_DEFECTS = "DELETE FROM annotation_itemdefect WHERE item_id IN ({items})"
_STORE_DEFECTS = """
    INSERT INTO annotation_itemdefect (campaign_id, item_id, defect, rating_count)
    SELECT campaign_id, item_id, {defect}, COUNT(DISTINCT rating_id)
    FROM ({counted}) counted CROSS JOIN {marks} mark GROUP BY campaign_id, item_id, {defect}
"""
_JSON = {
    "postgresql": {"marks": "jsonb_array_elements(counted.evidence)", "defect": "mark.value ->> 'defect'"},
    "sqlite": {"marks": "json_each(counted.evidence)", "defect": "json_extract(mark.value, '$.defect')"},
}


def refresh_summaries(item_ids: Iterable[int]) -> None:
    """Compute the summaries of these items again. Call it in the transaction of the write, after it."""
    keys = iter(sorted(set(item_ids)))
    while batch := list(islice(keys, BATCH_SIZE)):
        _refresh(batch)


def _refresh(keys: list[int]) -> None:
    # Of two writes to an item at once, the second waits here and then computes with what the first one stored.
    list(ItemSummary.objects.select_for_update(no_key=True).filter(pk__in=keys).order_by("pk").values_list("pk"))
    with connection.cursor() as cursor:
        for statement in _build_statements(connection.vendor, len(keys)):
            cursor.execute(statement, keys * (statement.count("%s") // len(keys)))


@lru_cache
def _build_statements(vendor: str, count: int) -> tuple[str, ...]:
    """Return the statements for this many items. Each "%s" is the key of an item; the keys repeat in their order."""
    items = ", ".join(["%s"] * count)
    counted = _COUNTED.format(items=items)
    sums = ", ".join(f"{expression} AS {name}" for name, expression in _TALLIES.items())
    summaries = _STORE_SUMMARIES.format(
        columns=", ".join(_COLUMNS),
        values=", ".join(_COLUMNS.values()),
        updates=", ".join(f"{name} = excluded.{name}" for name in _COLUMNS),
        slots=_SLOTS.format(items=items),
        reports=_REPORTS.format(items=items),
        scores=_SCORES.format(counted=counted, unit=_UNIT, sums=sums),
        items=items,
    )
    defects = _STORE_DEFECTS.format(counted=counted, **_JSON[vendor])
    return summaries, _DELETE_DEFECTS.format(items=items), defects
