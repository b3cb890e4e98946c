"""Guests of panels that were closed before now are shut out, as closing a panel does from here on."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def shut_out(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    user, participant = apps.get_model("accounts", "User"), apps.get_model("annotation", "PanelParticipant")
    closed = participant.objects.filter(panel__closed_at__isnull=False).values("user")
    user.objects.filter(is_guest=True, pk__in=closed).update(is_active=False)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_guests"),
        ("annotation", "0008_items_by_state"),
    ]

    operations = [migrations.RunPython(shut_out, migrations.RunPython.noop)]
