"""A draft holds a proposal of any subset of the axes. A stored report card is a proposal of all three."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotation", "0031_bytes_of_videos")]

    operations = [
        migrations.RenameField("draft", "card", "proposal"),
        migrations.AlterField("draft", "proposal", models.JSONField(help_text="qsave.proposal.proposal_to_json")),
    ]
