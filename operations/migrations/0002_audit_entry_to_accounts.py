"""Hand AuditEntry over to accounts: only Django's state changes; the table stays.

Migrations that read the model as `operations.AuditEntry` name this one in their `run_before`.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("operations", "0001_initial"),
        ("accounts", "0006_audit_entry"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel(name="AuditEntry")]),
    ]
