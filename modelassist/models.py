"""Training runs, the critics they made, and which critic drafts for which campaign."""

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models

from annotation.models import Campaign, Item
from datasets.models import Release
from operations.models import Job


class Run(models.Model):
    """One training run: what it started from, where it writes, how it went. Metrics are in its folder."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="runs")
    base_model = models.CharField(max_length=300, help_text="A local model folder or a hub id.")
    settings_json = models.JSONField(default=dict)
    folder = models.CharField(max_length=300, help_text="Path under RUN_ROOT.")
    job = models.OneToOneField(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="run")
    evaluation = models.JSONField(default=dict)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]


class Critic(models.Model):
    """A model version that can draft."""

    name = models.SlugField(max_length=80)
    version = models.PositiveIntegerField()
    model = models.CharField(max_length=300, help_text="A local model folder or a hub id.")
    run = models.ForeignKey(Run, null=True, blank=True, on_delete=models.PROTECT, related_name="critics")
    learned_from_simulated = models.BooleanField(
        default=False, help_text="It, or a critic it learned on from, learned from simulated clips or ratings."
    )
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    evaluation = models.JSONField(default=dict)
    card = models.TextField(blank=True, help_text="How it was made, what it measures, how weak it is (Markdown).")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["name", "-version"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "version"], name="critic_version_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


class Activation(models.Model):
    """Which critic drafts for a campaign (at most one at a time), and whether and why its drafting is paused."""

    campaign = models.OneToOneField(Campaign, on_delete=models.CASCADE, related_name="activation")
    critic = models.ForeignKey(Critic, on_delete=models.PROTECT, related_name="activations")
    activated_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    activated_at = models.DateTimeField(auto_now=True)
    paused_reason = models.CharField(max_length=500, blank=True, help_text="Why the critic cannot draft now.")
    failures = models.PositiveIntegerField(default=0, help_text="Failed tries in a row.")
    retry_at = models.DateTimeField(null=True, blank=True, help_text="When it is tried again.")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(paused_reason="", failures=0, retry_at=None)
                | (~models.Q(paused_reason="") & models.Q(failures__gte=1, retry_at__isnull=False)),
                name="pause_has_reason_and_retry",
            ),
        ]

    def is_paused(self, now: datetime) -> bool:
        """Whether the critic must not be tried yet."""
        return self.retry_at is not None and self.retry_at > now


class FailedDraft(models.Model):
    """A failed attempt to draft: counted and shown to engineers, never shown to a rater as a draft."""

    critic = models.ForeignKey(Critic, on_delete=models.CASCADE, related_name="failed_drafts")
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="failed_drafts")
    error = models.CharField(max_length=500)
    text = models.TextField(blank=True, help_text="The critic's words as generated, if it came to any.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["critic", "item"], name="failed_draft_once"),
        ]
