"""Store with each answer whether the rater saw a draft of that axis. Until now a draft had all three axes."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

SHOWN = ("late", "from_start")
AXES = ("visual", "dynamic", "alignment")


def fill_exposures(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Give each answer the exposure of its rating if the draft has the axis. Six statements over the whole table.

    The oldest versions took the exposure and the use from the client: where they contradict the draft, the draft counts.
    """
    database = schema_editor.connection.alias
    ratings = apps.get_model("annotation", "Rating").objects.using(database)
    ratings.filter(draft=None).exclude(exposure="none").update(exposure="none")
    ratings.filter(draft__isnull=False, exposure="none").update(exposure="from_start")
    answers = apps.get_model("annotation", "AxisAnswer").objects.using(database)
    for exposure in SHOWN:
        for axis in AXES:
            shown = {"revision__rating__exposure": exposure, "revision__rating__draft__proposal__has_key": axis}
            answers.filter(axis=axis, **shown).update(exposure=exposure)
    unseen = answers.filter(exposure="none")
    unseen.exclude(draft_use="none").update(draft_use="none")
    unseen.exclude(draft_edit_distance=None).update(draft_edit_distance=None)


class Migration(migrations.Migration):
    dependencies = [("annotation", "0034_refused_judgements")]

    operations = [
        migrations.AddField(
            "axisanswer",
            "exposure",
            models.CharField(
                choices=[("none", "None"), ("late", "Late"), ("from_start", "From Start")],
                db_default="none",
                default="none",
                max_length=10,
            ),
        ),
        migrations.RunPython(fill_exposures, migrations.RunPython.noop),
    ]
