"""Releases: frozen, numbered datasets."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from annotation.models import Campaign
from operations.models import Job
from qsave.release.manifest import FORMAT


class Release(models.Model):
    """One numbered dataset of a campaign. Once frozen it never changes; a withdrawn one keeps its row."""

    class State(models.TextChoices):
        BUILDING = "building"
        FROZEN = "frozen"
        FAILED = "failed"
        WITHDRAWN = "withdrawn"

    number = models.PositiveIntegerField(unique=True)
    name = models.SlugField(max_length=80)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="releases")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    state = models.CharField(max_length=9, choices=State.choices, default=State.BUILDING)
    policy = models.JSONField(default=dict, help_text="Every choice that shaped it: targets, reasons, filters, seed.")
    counts = models.JSONField(default=dict)
    content_hash = models.CharField(max_length=64, blank=True)
    format = models.CharField(max_length=20, default=FORMAT, help_text="What its folder is written in.")
    folder = models.CharField(max_length=300, blank=True, help_text="Path under RELEASE_ROOT.")
    is_simulated = models.BooleanField(default=False)
    job = models.OneToOneField(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="release")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    frozen_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    withdrawal_reason = models.TextField(blank=True)
    is_requested_again = False
    """Not stored: this object answers a second request for a release that was being built already."""

    class Meta:
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~models.Q(state="frozen") | (~models.Q(content_hash="") & models.Q(frozen_at__isnull=False)),
                name="frozen_release_has_its_hash",
            ),
            models.CheckConstraint(
                condition=models.Q(withdrawn_at__isnull=True, withdrawn_by__isnull=True, withdrawal_reason="")
                | models.Q(state="withdrawn", withdrawn_at__isnull=False, withdrawn_by__isnull=False),
                name="release_withdrawn_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} #{self.number}"

    @property
    def is_of_earlier_format(self) -> bool:
        """Whether it was frozen in a format that this version does not read."""
        return self.state == self.State.FROZEN and self.format != FORMAT
