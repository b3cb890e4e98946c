"""`active_critic` says it now."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("annotation", "0038_active_critic")]

    operations = [migrations.RemoveField("campaign", "critic_active")]
