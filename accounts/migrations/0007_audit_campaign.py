"""Audit entries name their campaign, and every combination of filters has an index."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

INDEXES = [
    ["actor"],
    ["action"],
    ["campaign"],
    ["actor", "action"],
    ["actor", "campaign"],
    ["campaign", "action"],
    ["actor", "campaign", "action"],
]


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_audit_entry")]

    operations = [
        migrations.AddField(
            model_name="auditentry",
            name="campaign",
            field=models.CharField(
                blank=True,
                default="",
                help_text="Name of the campaign that it was done in; empty for none.",
                max_length=80,
            ),
        ),
        migrations.AlterField(
            model_name="auditentry",
            name="action",
            field=models.CharField(max_length=60),
        ),
        migrations.AlterField(
            model_name="auditentry",
            name="actor",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        *(
            migrations.AddIndex(
                model_name="auditentry",
                index=models.Index(fields=[*fields, "id"], name=f"audit_by_{'_'.join(fields)}"),
            )
            for fields in INDEXES
        ),
    ]
