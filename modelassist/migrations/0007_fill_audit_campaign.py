"""Fill in the campaign of older audit entries. It is here because it reads the tables of every package."""

from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import BigIntegerField, OuterRef, Subquery, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce

TARGETS = [
    ("annotation", "campaign", "name"),
    ("annotation", "item", "campaign__name"),
    ("annotation", "panel", "campaign__name"),
    ("datasets", "release", "campaign__name"),
    ("modelassist", "run", "release__campaign__name"),
]


def fill_campaigns(apps: Apps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Take the campaign from an entry's data, or from its target: six statements, however many entries there are."""
    entries: Any = apps.get_model("accounts", "AuditEntry")._default_manager
    entries.filter(data__campaign__isnull=False).update(campaign=Coalesce(KT("data__campaign"), Value("")))
    for app, model, path in TARGETS:
        targets: Any = apps.get_model(app, model)._default_manager
        name = Subquery(targets.filter(pk=Cast(OuterRef("target_id"), BigIntegerField())).values(path)[:1])
        without = entries.filter(campaign="", target_type=f"{app}.{model}")
        without.update(campaign=Coalesce(name, Value("")))


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_audit_campaign"),
        ("annotation", "0014_plain_texts"),
        ("datasets", "0002_release_format"),
        ("modelassist", "0006_learned_from_simulated"),
    ]

    operations = [migrations.RunPython(fill_campaigns, migrations.RunPython.noop)]
