"""Help texts and labels only; the database does not change."""

import django.db.models.deletion
import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotation', '0013_offered_drafts'),
    ]

    operations = [
        migrations.AlterField(
            model_name='axisanswer',
            name='evidence',
            field=models.JSONField(default=list, help_text='qsave.report_card.evidence_to_json; [] means no defect.'),
        ),
        migrations.AlterField(
            model_name='campaign',
            name='assisted_share',
            field=models.FloatField(default=0.5, help_text='Share of rating slots of train items that are drawn into the assisted arm.'),
        ),
        migrations.AlterField(
            model_name='campaign',
            name='critic_active',
            field=models.BooleanField(default=False, editable=False, help_text='A critic drafts for this campaign. Set when a critic is activated.'),
        ),
        migrations.AlterField(
            model_name='campaign',
            name='disagreement_bound',
            field=models.PositiveSmallIntegerField(default=2, help_text='Scores of one axis that differ by more than this add a slot, up to the cap.'),
        ),
        migrations.AlterField(
            model_name='campaign',
            name='gold_share',
            field=models.FloatField(default=0.0, help_text="Share of a rater's clips that are golds."),
        ),
        migrations.AlterField(
            model_name='campaign',
            name='order',
            field=models.CharField(choices=[('balanced', 'balanced'), ('priority', 'by priority'), ('score', 'by uploaded score')], default='balanced', max_length=8),
        ),
        migrations.AlterField(
            model_name='campaign',
            name='overlap',
            field=models.PositiveSmallIntegerField(default=3, help_text='Number of rating slots of an item: k.'),
        ),
        migrations.AlterField(
            model_name='campaign',
            name='overlap_cap',
            field=models.PositiveSmallIntegerField(blank=True, help_text='Most slots an item gets if its raters disagree; empty: k and no more.', null=True),
        ),
        migrations.AlterField(
            model_name='campaign',
            name='qualification_mark',
            field=models.FloatField(blank=True, help_text='Share of answers within one level of the known scores that a rater needs to qualify.', null=True),
        ),
        migrations.AlterField(
            model_name='campaign',
            name='repeat_share',
            field=models.FloatField(default=0.0, help_text="Share of a rater's clips that they get a second time."),
        ),
        migrations.AlterField(
            model_name='campaign',
            name='requires_watched',
            field=models.BooleanField(default=False, help_text='A rating can only be submitted once the clip was watched to its end.'),
        ),
        migrations.AlterField(
            model_name='clip',
            name='bridges_splits',
            field=models.BooleanField(default=False, help_text='Similar to groups of different splits; releases leave it out and list it.'),
        ),
        migrations.AlterField(
            model_name='clip',
            name='clip_id',
            field=models.CharField(help_text='The name in its manifest, or its hash.', max_length=200, unique=True),
        ),
        migrations.AlterField(
            model_name='clip',
            name='rendition',
            field=models.CharField(blank=True, help_text='Playable copy, if browsers need one.', max_length=200),
        ),
        migrations.AlterField(
            model_name='clip',
            name='shown_times',
            field=models.JSONField(default=list, help_text='Time of each frame of the playable file, in seconds from the first; empty if there are too many.'),
        ),
        migrations.AlterField(
            model_name='draft',
            name='text',
            field=models.TextField(help_text="The critic's output as generated."),
        ),
        migrations.AlterField(
            model_name='groupedprompt',
            name='bridges_splits',
            field=models.BooleanField(default=False, help_text='Similar to groups of different splits.'),
        ),
        migrations.AlterField(
            model_name='groupedprompt',
            name='is_named',
            field=models.BooleanField(default=False, help_text='The manifest named the group, so similarity was not used.'),
        ),
        migrations.AlterField(
            model_name='item',
            name='exclusion_reason',
            field=models.TextField(blank=True, help_text='Why a lead excluded the item; empty if it is not excluded.'),
        ),
        migrations.AlterField(
            model_name='item',
            name='feedback',
            field=models.TextField(blank=True, help_text='Explains the known scores; raters see it after a qualification clip.'),
        ),
        migrations.AlterField(
            model_name='item',
            name='gold',
            field=models.JSONField(blank=True, help_text='Known scores by axis, of a gold or a qualification clip.', null=True),
        ),
        migrations.AlterField(
            model_name='item',
            name='order_score',
            field=models.FloatField(blank=True, help_text='Higher comes first in a campaign ordered by score.', null=True),
        ),
        migrations.AlterField(
            model_name='item',
            name='priority',
            field=models.SmallIntegerField(default=0, help_text='Higher comes first in a campaign ordered by priority.'),
        ),
        migrations.AlterField(
            model_name='offer',
            name='draft',
            field=models.ForeignKey(blank=True, help_text="The critic's draft that the rater saw, with the item or later.", null=True, on_delete=django.db.models.deletion.PROTECT, related_name='offers', to='annotation.draft'),
        ),
        migrations.AlterField(
            model_name='offer',
            name='number',
            field=models.PositiveIntegerField(help_text="Number of the offer among the rater's in this campaign, from 1."),
        ),
        migrations.AlterField(
            model_name='panel',
            name='quota',
            field=models.PositiveIntegerField(help_text='Number of ratings after which a participant is done.'),
        ),
        migrations.AlterField(
            model_name='panel',
            name='return_url',
            field=models.URLField(blank=True, help_text='Address that a participant returns to when done.'),
        ),
        migrations.AlterField(
            model_name='promptgroup',
            name='generator',
            field=models.CharField(blank=True, help_text="Generator of the group's first row; splits are stratified by it.", max_length=120),
        ),
        migrations.AlterField(
            model_name='promptgroup',
            name='name',
            field=models.CharField(blank=True, help_text='The prompt_group of manifests; empty if the group was made by similarity.', max_length=200, null=True, unique=True),
        ),
        migrations.AlterField(
            model_name='promptgroup',
            name='representative',
            field=models.TextField(help_text="The normalised prompt, or the name, of the group's first row.", unique=True),
        ),
        migrations.AlterField(
            model_name='rating',
            name='critic_active',
            field=models.BooleanField(default=False, help_text='A critic drafted for the campaign when this rating was first submitted.'),
        ),
        migrations.AlterField(
            model_name='ratingrevision',
            name='key',
            field=models.UUIDField(default=uuid.uuid4, help_text='Idempotency key: the same key is stored only once.', unique=True),
        ),
        migrations.AlterField(
            model_name='savedwork',
            name='version',
            field=models.PositiveIntegerField(default=1, help_text='Rises with every save; a stale tab gets 409.'),
        ),
        migrations.AlterField(
            model_name='slot',
            name='campaign',
            field=models.ForeignKey(help_text='Campaign of the item, repeated here for the queue.', on_delete=django.db.models.deletion.PROTECT, related_name='slots', to='annotation.campaign'),
        ),
        migrations.AlterField(
            model_name='slot',
            name='kind',
            field=models.CharField(choices=[('seat', 'Rating'), ('gold', 'Gold'), ('repeat', 'Repeat'), ('qualification', 'Qualification')], default='seat', max_length=13),
        ),
        migrations.AlterField(
            model_name='slot',
            name='lease',
            field=models.UUIDField(blank=True, help_text='Changes with every claim, so that an old tab cannot submit.', null=True),
        ),
        migrations.AlterField(
            model_name='slot',
            name='place',
            field=models.PositiveIntegerField(default=0, help_text="Position of the item in the campaign's seeded order."),
        ),
        migrations.AlterField(
            model_name='slot',
            name='rank',
            field=models.FloatField(default=0.0, help_text="Rank of the item in the campaign's order; higher comes first."),
        ),
    ]
