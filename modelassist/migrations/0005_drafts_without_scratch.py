"""Take the scratch text out of stored drafts: raters saw the words that the toy critic writes for itself."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from qsave.scratch import strip_scratch

BATCH = 500


def strip_drafts(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    drafts = apps.get_model("annotation", "Draft").objects.using(schema_editor.connection.alias)
    changed = []
    for draft in drafts.order_by("pk").iterator(chunk_size=BATCH):
        card = {axis: {**report, "reason": strip_scratch(report.get("reason", ""))} for axis, report in draft.card.items()}
        if card != draft.card:
            draft.card = card
            changed.append(draft)
    drafts.bulk_update(changed, ["card"], batch_size=BATCH)


class Migration(migrations.Migration):
    dependencies = [("annotation", "0001_initial"), ("modelassist", "0004_drafting_pause")]
    run_before = [("annotation", "0032_drafts_hold_proposals")]  # it still reads `card`

    operations = [migrations.RunPython(strip_drafts, migrations.RunPython.noop)]
