"""Say of each older critic what kind it is and where it comes from, and begin the history of activations."""

from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Q

STARTER = "./modelassist/starter"


def fill_kinds(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Every older critic has weights: the starter's own folder is the starter, any other is a local model."""
    critics = apps.get_model("modelassist", "Critic").objects.using(schema_editor.connection.alias)
    critics.filter(run__isnull=False).update(kind="engine", origin="run")
    others = critics.filter(run=None)
    others.filter(model=STARTER).update(kind="starter", origin="built-in")
    in_folder = Q(model__startswith="./") | Q(model__startswith="/")
    others.filter(in_folder).exclude(model=STARTER).update(kind="engine", origin="folder")
    others.exclude(in_folder).update(kind="engine", origin="hub")


def fill_periods(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Begin a period for each critic that is active now; earlier ones are in the audit trail only."""
    database = schema_editor.connection.alias
    periods: Any = apps.get_model("modelassist", "ActivationPeriod")
    periods.objects.using(database).bulk_create(
        periods(
            campaign_id=one.campaign_id,
            critic_id=one.critic_id,
            started_by_id=one.activated_by_id,
            started_at=one.activated_at,
        )
        for one in apps.get_model("modelassist", "Activation").objects.using(database).all()
    )


class Migration(migrations.Migration):
    dependencies = [("modelassist", "0008_registry_of_critics")]

    operations = [
        migrations.RunPython(fill_kinds, migrations.RunPython.noop),
        migrations.RunPython(fill_periods, migrations.RunPython.noop),
    ]
