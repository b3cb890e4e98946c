"""Say of each critic whether it learned from simulated data."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

STARTER = "./modelassist/starter"


def fill_from_releases(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    critics = apps.get_model("modelassist", "Critic").objects.using(schema_editor.connection.alias)
    simulated = models.Q(run__release__is_simulated=True) | models.Q(run__release__campaign__is_simulated=True)
    simulated |= models.Q(model=STARTER) | models.Q(run__base_model=STARTER)
    found = set(critics.filter(simulated).values_list("pk", flat=True))
    while found:
        critics.filter(pk__in=found).update(learned_from_simulated=True)
        unmarked = critics.filter(parent__in=found, learned_from_simulated=False)
        found = set(unmarked.values_list("pk", flat=True))


class Migration(migrations.Migration):
    dependencies = [
        ("datasets", "0001_initial"),
        ("modelassist", "0005_drafts_without_scratch"),
    ]

    operations = [
        migrations.AddField(
            model_name="critic",
            name="learned_from_simulated",
            field=models.BooleanField(
                default=False,
                help_text="It, or a critic it learned on from, learned from simulated clips or ratings.",
            ),
        ),
        migrations.RunPython(fill_from_releases, migrations.RunPython.noop),
    ]
