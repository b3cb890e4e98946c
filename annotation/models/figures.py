"""The stored figures of agreement: derived rows that `annotation.agreement.stored` alone writes."""

from typing import ClassVar

from django.db import models

from annotation.models.campaigns import Campaign
from operations.models import Job


class AgreementFigures(models.Model):
    """The state of a campaign's stored figures. They exist once `computed_at` is set."""

    campaign = models.OneToOneField(Campaign, primary_key=True, on_delete=models.CASCADE, related_name="+")
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    version = models.CharField(max_length=20, blank=True, help_text="Version of the code that computed them.")
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of all that the figures depend on.")
    marks = models.JSONField(default=dict, help_text="Newest rows that were read: annotation.agreement.change_marks.")
    computed_at = models.DateTimeField(null=True, help_text="When the ratings were read.")
    seconds = models.FloatField(default=0.0, help_text="How long the last computation took.")


class AgreementSection(models.Model):
    """One section of the stored figures, as `qsave.json_records` writes it."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=40)
    content = models.JSONField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "name"], name="agreement_section_once_a_campaign"),
        ]
