"""Index the clips with contested defects. PostgreSQL makes no index in the transaction that fills the columns."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotation", "0041_review_queue")]

    operations = [
        migrations.AddIndex(
            "itemsummary",
            models.Index(
                condition=models.Q(
                    ("visual_contested__gt", 0),
                    ("dynamic_contested__gt", 0),
                    ("alignment_contested__gt", 0),
                    _connector="OR",
                ),
                fields=["campaign", "item"],
                name="summary_contested",
            ),
        ),
    ]
