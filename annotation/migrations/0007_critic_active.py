"""Store, with each rating, whether a critic was drafting when it was given.

Ratings in a campaign that had a draft by then are taken as given beside an active critic. Campaigns and the remaining
ratings are filled by modelassist 0003, which knows the activations.
"""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Min


def mark_ratings_after_first_draft(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    database = schema_editor.connection.alias
    draft, rating = apps.get_model("annotation", "Draft"), apps.get_model("annotation", "Rating")
    first_drafts = draft.objects.using(database).values_list("item__campaign").annotate(first=Min("created_at"))
    for campaign, first in first_drafts.order_by("item__campaign"):
        ratings = rating.objects.using(database).filter(item__campaign=campaign)
        ratings.filter(models.Q(created_at__gte=first) | models.Q(draft__isnull=False)).update(critic_active=True)


class Migration(migrations.Migration):
    dependencies = [
        ("annotation", "0006_settled_reports"),
    ]

    operations = [
        migrations.AddField(
            model_name="campaign",
            name="critic_active",
            field=models.BooleanField(
                default=False,
                editable=False,
                help_text="A critic drafts for this campaign. Set where critics are activated.",
            ),
        ),
        migrations.AddField(
            model_name="rating",
            name="critic_active",
            field=models.BooleanField(
                default=False, help_text="A critic was drafting in the campaign when this was first rated."
            ),
        ),
        migrations.RunPython(mark_ratings_after_first_draft, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="rating",
            constraint=models.CheckConstraint(
                condition=models.Q(("draft", None), ("critic_active", True), _connector="OR"),
                name="shown_draft_had_active_critic",
            ),
        ),
    ]
