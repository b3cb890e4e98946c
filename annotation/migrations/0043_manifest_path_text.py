"""Say plainly what the path of an import holds."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotation', '0042_contested_clips'),
    ]

    operations = [
        migrations.AlterField(
            model_name='clipimport',
            name='manifest',
            field=models.TextField(blank=True, help_text='Path of the table on this host; empty without a table.'),
        ),
    ]
