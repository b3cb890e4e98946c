from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('modelassist', '0009_fill_kinds_of_critics'),
    ]

    operations = [
        migrations.AddConstraint(
            model_name='critic',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ['engine', 'starter']), models.Q(('model', ''), _negated=True)), models.Q(('kind__in', ['detectors', 'endpoint']), ('model', '')), _connector='OR'), name='critic_has_weights_by_kind'),
        ),
        migrations.AddConstraint(
            model_name='critic',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'endpoint'), ('origin', 'endpoint')), models.Q(models.Q(('kind', 'endpoint'), _negated=True), models.Q(('origin', 'endpoint'), _negated=True)), _connector='OR'), name='critic_origin_of_endpoints'),
        ),
        migrations.AddConstraint(
            model_name='critic',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('origin', 'run'), ('run__isnull', False)), models.Q(models.Q(('origin', 'run'), _negated=True), ('run', None)), _connector='OR'), name='critic_origin_of_runs'),
        ),
    ]
