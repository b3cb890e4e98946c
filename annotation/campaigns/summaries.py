"""Write the summary of items, by which a campaign's clips are listed (`annotation.models.ItemSummary`).

Every write that changes what a summary repeats calls `refresh_summaries` last in its transaction: a rating and its
edits, a report and its settlement, exclusion, marks, priority, new items and slots, reviews, and verdicts on raters. A
lease changes nothing in it. docs/adr/0014 says why.
"""

from collections.abc import Iterable
from functools import lru_cache
from itertools import islice

from django.db import connection

from annotation.models import ItemSummary
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL
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
# `qsave.consensus.has_consensus`: two thirds of the raters are at two neighbouring levels.
_AT_NEIGHBOURS = " AND ".join(
    f"3 * SUM(CASE WHEN score IN ({level}, {level + 1}) THEN 1 ELSE 0 END) < 2 * COUNT(*)"
    for level in range(MIN_LEVEL, MAX_LEVEL)
)
_DISPUTES = {
    "gap": ("0", "MAX(CASE WHEN axis = '{axis}' THEN gap ELSE 0 END)"),
    "is_split": ("FALSE", "MAX(CASE WHEN axis = '{axis}' THEN is_split ELSE 0 END) = 1"),
    "contested": ("0", "MAX(CASE WHEN axis = '{axis}' THEN contested ELSE 0 END)"),
}
"""What a summary says of disputes on each axis: without ratings, and as an aggregate over the axes."""
_BY_AXIS = {f"{axis.value}_{name}": (axis.value, name) for name in _DISPUTES for axis in AXES}
_SCORES = """
    SELECT by_axis.item_id, MAX(gap) AS spread, {sums}
    FROM (SELECT item_id, axis, MAX(score) - MIN(score) AS gap, SUM({unit}) AS tally,
        SUM(CASE WHEN is_blind THEN {unit} ELSE 0 END) AS blind_tally, CASE WHEN {split} THEN 1 ELSE 0 END AS is_split
        FROM counted GROUP BY item_id, axis) by_axis
    LEFT JOIN ({contested}) defects ON defects.item_id = by_axis.item_id AND defects.of_axis = by_axis.axis
    GROUP BY by_axis.item_id
"""
# `qsave.consensus.is_contested`: neither those who name a defect nor the others are two thirds of the raters.
_CONTESTED = """
    SELECT named.item_id, named.of_axis, COUNT(*) AS contested
    FROM (SELECT item_id, axis AS of_axis, {defect} AS defect, COUNT(DISTINCT rating_id) AS raters
        FROM counted CROSS JOIN {marks} mark GROUP BY item_id, axis, {defect}) named
    JOIN (SELECT item_id, axis, COUNT(*) AS raters FROM counted GROUP BY item_id, axis) every
        ON every.item_id = named.item_id AND every.axis = named.of_axis
    WHERE 3 * named.raters > every.raters AND 3 * named.raters < 2 * every.raters
    GROUP BY named.item_id, named.of_axis
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
    "is_reviewed": """EXISTS (SELECT 1 FROM annotation_review review
        WHERE review.item_id = item.id AND review.clip_version = clip.version AND review.card IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM annotation_review later WHERE later.item_id = review.item_id
                AND later.clip_version = review.clip_version AND later.id > review.id))""",
    **{column: f"COALESCE(scores.{column}, {_DISPUTES[name][0]})" for column, (_axis, name) in _BY_AXIS.items()},
    **{name: f"COALESCE(scores.{name}, 0)" for name in _TALLIES},
}
_STORE_SUMMARIES = """
    WITH counted AS ({counted})
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
    expressions = _TALLIES | {column: _DISPUTES[name][1].format(axis=axis) for column, (axis, name) in _BY_AXIS.items()}
    sums = ", ".join(f"{expression} AS {name}" for name, expression in expressions.items())
    contested = _CONTESTED.format(**_JSON[vendor])
    summaries = _STORE_SUMMARIES.format(
        columns=", ".join(_COLUMNS),
        values=", ".join(_COLUMNS.values()),
        updates=", ".join(f"{name} = excluded.{name}" for name in _COLUMNS),
        slots=_SLOTS.format(items=items),
        reports=_REPORTS.format(items=items),
        counted=counted,
        scores=_SCORES.format(unit=_UNIT, sums=sums, split=_AT_NEIGHBOURS, contested=contested),
        items=items,
    )
    defects = _STORE_DEFECTS.format(counted=counted, **_JSON[vendor])
    return summaries, _DELETE_DEFECTS.format(items=items), defects
