"""Reviews that can be undone, and what the review queue sorts and filters by in the summaries of items."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

AXES = ("visual", "dynamic", "alignment")
COUNTED = """
    SELECT rating.id AS rating_id, item.id AS item_id, answer.axis, answer.score, answer.evidence
    FROM annotation_item item
    JOIN annotation_campaign campaign ON campaign.id = item.campaign_id
    JOIN annotation_rating rating ON rating.item_id = item.id AND (campaign.is_simulated OR NOT rating.is_simulated)
    JOIN annotation_slot slot ON slot.id = rating.slot_id AND slot.kind = 'seat'
    JOIN annotation_ratingrevision revision ON revision.rating_id = rating.id AND revision.is_current
    JOIN annotation_axisanswer answer ON answer.revision_id = revision.id
    WHERE item.availability NOT IN ('excluded', 'withdrawn') AND NOT EXISTS (
        SELECT 1 FROM annotation_screening verdict
        WHERE verdict.campaign_id = campaign.id AND verdict.rater_id = rating.rater_id AND verdict.verdict = 'screened'
            AND NOT EXISTS (SELECT 1 FROM annotation_screening later
                WHERE later.campaign_id = verdict.campaign_id AND later.rater_id = verdict.rater_id
                    AND (later.created_at, later.id) > (verdict.created_at, verdict.id)))
"""
SPLIT = " AND ".join(
    f"3 * SUM(CASE WHEN score IN ({level}, {level + 1}) THEN 1 ELSE 0 END) < 2 * COUNT(*)" for level in range(1, 5)
)
DEFECT_SOURCES = {
    "postgresql": ("jsonb_array_elements(counted.evidence)", "mark.value ->> 'defect'"),
    "sqlite": ("json_each(counted.evidence)", "json_extract(mark.value, '$.defect')"),
}


def fill_disputes(_apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Fill the new columns, as `annotation.campaigns.summaries` did at this version: two statements."""
    marks, defect = DEFECT_SOURCES[editor.connection.vendor]
    columns = {
        **{f"{axis}_gap": f"MAX(CASE WHEN axis = '{axis}' THEN gap ELSE 0 END)" for axis in AXES},
        **{f"{axis}_is_split": f"MAX(CASE WHEN axis = '{axis}' THEN is_split ELSE 0 END) = 1" for axis in AXES},
        **{f"{axis}_contested": f"MAX(CASE WHEN axis = '{axis}' THEN contested ELSE 0 END)" for axis in AXES},
    }
    with editor.connection.cursor() as cursor:
        cursor.execute(f"""
            WITH counted AS ({COUNTED})
            UPDATE annotation_itemsummary SET {", ".join(f"{name} = COALESCE(scores.{name}_now, {name})" for name in columns)}
            FROM (SELECT by_axis.item_id, {", ".join(f"{value} AS {name}_now" for name, value in columns.items())}
                FROM (SELECT item_id, axis, MAX(score) - MIN(score) AS gap,
                    CASE WHEN {SPLIT} THEN 1 ELSE 0 END AS is_split FROM counted GROUP BY item_id, axis) by_axis
                LEFT JOIN (SELECT named.item_id, named.of_axis, COUNT(*) AS contested
                    FROM (SELECT item_id, axis AS of_axis, {defect} AS defect, COUNT(DISTINCT rating_id) AS raters
                        FROM counted CROSS JOIN {marks} mark GROUP BY item_id, axis, {defect}) named
                    JOIN (SELECT item_id, axis, COUNT(*) AS raters FROM counted GROUP BY item_id, axis) every
                        ON every.item_id = named.item_id AND every.axis = named.of_axis
                    WHERE 3 * named.raters > every.raters AND 3 * named.raters < 2 * every.raters
                    GROUP BY named.item_id, named.of_axis) defects
                    ON defects.item_id = by_axis.item_id AND defects.of_axis = by_axis.axis
                GROUP BY by_axis.item_id) scores
            WHERE annotation_itemsummary.item_id = scores.item_id
        """)
        cursor.execute("""
            UPDATE annotation_itemsummary SET is_reviewed = TRUE WHERE EXISTS (
                SELECT 1 FROM annotation_review review JOIN annotation_item item ON item.id = review.item_id
                JOIN annotation_clip clip ON clip.id = item.clip_id AND clip.version = review.clip_version
                WHERE review.item_id = annotation_itemsummary.item_id)
        """)


def _add(name: str, field: models.Field) -> migrations.AddField:
    return migrations.AddField("itemsummary", name, field, preserve_default=False)


class Migration(migrations.Migration):
    dependencies = [("annotation", "0040_agreement_figures")]

    operations = [
        migrations.AddField(
            "campaign",
            "names_raters_in_review",
            models.BooleanField(
                default=True, help_text="Reviews show the names of raters; else Rater 1, Rater 2 and so on."
            ),
        ),
        migrations.AlterField(
            "review",
            "card",
            models.JSONField(blank=True, help_text="qsave.report_card.card_to_json", null=True),
        ),
        migrations.AddField(
            "review",
            "undoes",
            models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="undone_by",
                to="annotation.review",
            ),
        ),
        migrations.AddConstraint(
            "review",
            models.CheckConstraint(
                condition=models.Q(("card__isnull", False), ("undoes__isnull", False), _connector="OR"),
                name="review_has_a_card",
            ),
        ),
        _add("is_reviewed", models.BooleanField(default=False, help_text="A lead's review of the clip's current version is in force.")),
        _add("visual_gap", models.PositiveSmallIntegerField(default=0, help_text="Widest gap on this axis; so are the next two.")),
        _add("dynamic_gap", models.PositiveSmallIntegerField(default=0)),
        _add("alignment_gap", models.PositiveSmallIntegerField(default=0)),
        _add(
            "visual_is_split",
            models.BooleanField(default=False, help_text="Its scores have no consensus (`qsave.consensus`); so the next two."),
        ),
        _add("dynamic_is_split", models.BooleanField(default=False)),
        _add("alignment_is_split", models.BooleanField(default=False)),
        _add(
            "visual_contested",
            models.PositiveSmallIntegerField(
                default=0, help_text="Defects on which raters have no majority (`qsave.consensus`); so are the next two."
            ),
        ),
        _add("dynamic_contested", models.PositiveSmallIntegerField(default=0)),
        _add("alignment_contested", models.PositiveSmallIntegerField(default=0)),
        migrations.RunPython(fill_disputes, migrations.RunPython.noop),
    ]
