"""Says of each release which format its folder is written in: of those that are there, the first."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("datasets", "0001_initial")]

    operations = [
        migrations.AddField(
            "release",
            "format",
            models.CharField(
                default="qsave-release/1", help_text="What its folder is written in.", max_length=20
            ),
        ),
        migrations.AlterField(
            "release",
            "format",
            models.CharField(
                default="qsave-release/2", help_text="What its folder is written in.", max_length=20
            ),
        ),
    ]
