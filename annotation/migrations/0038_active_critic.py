"""Name the critic that drafts for a campaign, of which it was only stored that there is one.

modelassist 0012 fills the name from the activations.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotation", "0037_import_root")]

    operations = [
        migrations.AddField(
            "campaign",
            "active_critic",
            models.CharField(
                blank=True,
                default="",
                editable=False,
                help_text="Name and version of the critic whose drafts raters are shown; empty if none drafts.",
                max_length=120,
            ),
            preserve_default=False,
        ),
    ]
