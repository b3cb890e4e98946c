"""Compute the summaries of stored items, as `annotation.campaigns.summaries` did at this version."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

COUNTED = """
    SELECT rating.id AS rating_id, item.campaign_id, item.id AS item_id, answer.axis, answer.score, answer.evidence,
        (rating.arm = 'blind' OR NOT rating.critic_active) AS is_blind
    FROM annotation_item item
    JOIN annotation_campaign campaign ON campaign.id = item.campaign_id
    JOIN annotation_rating rating ON rating.item_id = item.id AND (campaign.is_simulated OR NOT rating.is_simulated)
    JOIN annotation_slot slot ON slot.id = rating.slot_id AND slot.kind = 'seat'
    JOIN annotation_ratingrevision revision ON revision.rating_id = rating.id AND revision.is_current
    JOIN annotation_axisanswer answer ON answer.revision_id = revision.id
    WHERE item.availability <> 'excluded' AND NOT EXISTS (
        SELECT 1 FROM annotation_screening verdict
        WHERE verdict.campaign_id = campaign.id AND verdict.rater_id = rating.rater_id AND verdict.verdict = 'screened'
            AND NOT EXISTS (SELECT 1 FROM annotation_screening later
                WHERE later.campaign_id = verdict.campaign_id AND later.rater_id = verdict.rater_id
                    AND (later.created_at, later.id) > (verdict.created_at, verdict.id)))
"""
UNIT = "(CAST(1099511627776 AS BIGINT) + 1048576 * score + score * score)"
TALLIES = [f"{axis}_{tally}" for axis in ("visual", "dynamic", "alignment") for tally in ("tally", "blind_tally")]
SUMS = ", ".join(
    f"CAST(COALESCE(SUM(CASE WHEN axis = '{axis}' THEN {tally} END), 0) AS BIGINT) AS {axis}_{tally}"
    for axis in ("visual", "dynamic", "alignment")
    for tally in ("tally", "blind_tally")
)
SUMMARIES = f"""
    INSERT INTO annotation_itemsummary (item_id, campaign_id, generator, split, state, is_gold, priority, slot_count,
        rating_count, report_count, spread, {", ".join(TALLIES)})
    SELECT item.id, item.campaign_id, clip.generator, prompt_group.split,
        CASE WHEN item.availability <> 'available' THEN item.availability
            WHEN item.is_qualification THEN 'qualification'
            WHEN COALESCE(slots.rating_count, 0) = 0 THEN 'unrated'
            WHEN slots.rating_count < slots.slot_count THEN 'started' ELSE 'rated' END,
        item.gold IS NOT NULL AND NOT item.is_qualification, item.priority, COALESCE(slots.slot_count, 0),
        COALESCE(slots.rating_count, 0), COALESCE(reports.report_count, 0), COALESCE(scores.spread, 0),
        {", ".join(f"COALESCE(scores.{tally}, 0)" for tally in TALLIES)}
    FROM annotation_item item
    JOIN annotation_clip clip ON clip.id = item.clip_id
    JOIN annotation_promptgroup prompt_group ON prompt_group.id = clip.prompt_group_id
    LEFT JOIN (SELECT item_id, COUNT(*) AS slot_count, SUM(CASE WHEN state = 'done' THEN 1 ELSE 0 END) AS rating_count
        FROM annotation_slot WHERE kind = 'seat' GROUP BY item_id) slots ON slots.item_id = item.id
    LEFT JOIN (SELECT item_id, COUNT(*) AS report_count FROM annotation_skip
        WHERE kind IN ('broken', 'flagged') AND settled_at IS NULL GROUP BY item_id) reports
        ON reports.item_id = item.id
    LEFT JOIN (SELECT item_id, MAX(gap) AS spread, {SUMS}
        FROM (SELECT item_id, axis, MAX(score) - MIN(score) AS gap, SUM({UNIT}) AS tally,
            SUM(CASE WHEN is_blind THEN {UNIT} ELSE 0 END) AS blind_tally
            FROM ({COUNTED}) counted GROUP BY item_id, axis) by_axis
        GROUP BY item_id) scores ON scores.item_id = item.id
"""
DEFECT_SOURCES = {
    "postgresql": ("jsonb_array_elements(counted.evidence)", "mark.value ->> 'defect'"),
    "sqlite": ("json_each(counted.evidence)", "json_extract(mark.value, '$.defect')"),
}


def fill(_apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    marks, defect = DEFECT_SOURCES[editor.connection.vendor]
    with editor.connection.cursor() as cursor:
        cursor.execute(SUMMARIES)
        cursor.execute(f"""
            INSERT INTO annotation_itemdefect (campaign_id, item_id, defect, rating_count)
            SELECT campaign_id, item_id, {defect}, COUNT(DISTINCT rating_id)
            FROM ({COUNTED}) counted CROSS JOIN {marks} mark GROUP BY campaign_id, item_id, {defect}
        """)


class Migration(migrations.Migration):
    dependencies = [("annotation", "0015_item_summaries")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
