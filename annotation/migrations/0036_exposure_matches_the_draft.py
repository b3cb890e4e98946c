"""An exposure needs a draft, and a use of a draft needs an exposure.

It is a migration of its own: PostgreSQL alters no table in the transaction that has filled it.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("annotation", "0035_exposure_by_axis")]

    operations = [
        migrations.RemoveConstraint("rating", "blind_ratings_saw_no_draft"),
        migrations.AddConstraint(
            "rating",
            models.CheckConstraint(
                condition=models.Q(
                    models.Q(("draft", None), ("exposure", "none")),
                    models.Q(("arm", "assisted"), ("draft__isnull", False), ("exposure__in", ["late", "from_start"])),
                    _connector="OR",
                ),
                name="rating_exposure_matches_its_draft",
            ),
        ),
        migrations.AddConstraint(
            "axisanswer",
            models.CheckConstraint(
                condition=models.Q(
                    ("exposure__in", ["late", "from_start"]),
                    models.Q(("draft_edit_distance", None), ("draft_use", "none"), ("exposure", "none")),
                    _connector="OR",
                ),
                name="no_use_of_a_draft_without_exposure",
            ),
        ),
    ]
