"""Fill `critic_active` of campaigns that have an activation, and of ratings given after the first activation."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Min


def fill_from_activations(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    database = schema_editor.connection.alias
    campaigns = apps.get_model("annotation", "Campaign").objects.using(database)
    activations = apps.get_model("modelassist", "Activation").objects.using(database)
    campaigns.filter(pk__in=activations.values("campaign")).update(critic_active=True)
    ratings = apps.get_model("annotation", "Rating").objects.using(database)
    entries = apps.get_model("operations", "AuditEntry").objects.using(database)
    activated = entries.filter(action="critic.activated", target_type="annotation.campaign").order_by("target_id")
    for campaign, first in activated.values_list("target_id").annotate(first=Min("at")):
        ratings.filter(item__campaign=int(campaign), created_at__gte=first).update(critic_active=True)


class Migration(migrations.Migration):
    dependencies = [
        ("annotation", "0007_critic_active"),
        ("modelassist", "0002_failed_draft"),
        ("operations", "0001_initial"),
    ]
    run_before = [
        ("operations", "0002_audit_entry_to_accounts"),  # it reads the model under its earlier name
        ("annotation", "0039_remove_critic_active"),  # it fills this field
    ]

    operations = [
        migrations.RunPython(fill_from_activations, migrations.RunPython.noop),
    ]
