"""Store the name and version of the active critic on each campaign: raters are shown its drafts only."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def fill_active_critic(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    database = schema_editor.connection.alias
    campaigns = apps.get_model("annotation", "Campaign").objects.using(database)
    for activation in apps.get_model("modelassist", "Activation").objects.using(database).select_related("critic"):
        critic = activation.critic
        campaigns.filter(pk=activation.campaign_id).update(active_critic=f"{critic.name}@{critic.version}")


class Migration(migrations.Migration):
    dependencies = [("annotation", "0038_active_critic"), ("modelassist", "0011_scorings")]

    operations = [migrations.RunPython(fill_active_critic, migrations.RunPython.noop)]
