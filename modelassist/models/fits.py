"""Regressions of the detectors: fitted to the ratings of a campaign, they give scores."""

from typing import ClassVar

from django.db import models

from annotation.models import Campaign
from modelassist.models.critics import Critic


class DetectorFit(models.Model):
    """What a fit to the blind ratings of a campaign rests on, and what came of it. The same ratings are fitted once."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="detector_fits")
    critic = models.OneToOneField(
        Critic,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="fit",
        help_text="The version that gives these scores; empty if no axis is better than the constant.",
    )
    digest = models.CharField(max_length=64, help_text="Of the ratings, the files and the way of fitting.")
    rated = models.PositiveIntegerField(help_text="Clips with enough ratings when it was fitted.")
    clips = models.PositiveIntegerField(help_text="Those of them that could be measured.")
    scores = models.JSONField(default=dict, blank=True, help_text="Figures and coefficients by axis, as numbers.")
    unseen = models.JSONField(
        default=dict, blank=True, help_text="Axis, item, and its score by the fold that did not see its prompt."
    )
    reasons = models.JSONField(default=dict, blank=True, help_text="A sentence by axis: why it has scores, or none.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "digest"], name="same_ratings_are_fitted_once"),
        ]
