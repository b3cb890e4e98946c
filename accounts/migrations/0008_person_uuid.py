"""Each person has a UUID, from which the pseudonyms in releases are made."""

import uuid
from typing import Any

from django.apps.registry import Apps
from django.db import migrations, models

BATCH = 1000
HELP = "Stays the same in a backup and in another database. Pseudonyms in releases are made from it."


def fill_uuids(apps: Apps, schema_editor: Any) -> None:
    people = apps.get_model("accounts", "User").objects.filter(uuid=None).only("pk")
    while batch := list(people[:BATCH]):
        for person in batch:
            person.uuid = uuid.uuid4()
        type(batch[0]).objects.bulk_update(batch, ["uuid"])


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_audit_campaign")]

    operations = [
        migrations.AddField("user", "uuid", models.UUIDField(editable=False, null=True)),
        migrations.RunPython(fill_uuids, migrations.RunPython.noop),
        migrations.AlterField(
            "user", "uuid", models.UUIDField(default=uuid.uuid4, editable=False, help_text=HELP, unique=True)
        ),
    ]
