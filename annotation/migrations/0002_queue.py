"""What the queue looks things up by: the campaign and the seeded place of a slot, and who was offered what."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def fill_campaigns(apps, schema_editor):
    item = apps.get_model("annotation", "Item")
    slots = apps.get_model("annotation", "Slot").objects.using(schema_editor.connection.alias)
    owner = item.objects.filter(pk=models.OuterRef("item")).values("campaign")[:1]
    slots.filter(campaign=None).update(campaign=models.Subquery(owner))


class Migration(migrations.Migration):
    atomic = False  # PostgreSQL cannot alter a table whose foreign keys it has still to check

    dependencies = [("annotation", "0001_initial"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.AddField(
            model_name="slot",
            name="campaign",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="slots",
                to="annotation.campaign",
                help_text="The item's, repeated here for the queue.",
            ),
        ),
        migrations.RunPython(fill_campaigns, migrations.RunPython.noop, atomic=True),
        migrations.AlterField(
            model_name="slot",
            name="campaign",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="slots",
                to="annotation.campaign",
                help_text="The item's, repeated here for the queue.",
            ),
        ),
    ]
