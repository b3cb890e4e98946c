"""Training runs, critics of every kind, which critic drafts for which campaign, and what may stop it."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import User
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
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]


class Critic(models.Model):
    """A version of something that can draft: a model, an endpoint, or the detectors."""

    class Kind(models.TextChoices):
        """How it answers; `modelassist.kinds` has a module for each."""

        DETECTORS = "detectors", _("detectors")
        ENDPOINT = "endpoint", _("endpoint")
        ENGINE = "engine", _("local model")
        STARTER = "starter", _("starter")

    class Origin(models.TextChoices):
        RUN = "run", _("training run")
        FOLDER = "folder", _("model folder")
        HUB = "hub", _("model hub")
        ENDPOINT = "endpoint", _("endpoint")
        BUILT_IN = "built-in", _("built in")
        RATINGS = "ratings", _("ratings of a campaign")

    name = models.SlugField(max_length=80)
    version = models.PositiveIntegerField()
    kind = models.CharField(max_length=9, choices=Kind.choices, default=Kind.ENGINE)
    origin = models.CharField(max_length=8, choices=Origin.choices, default=Origin.FOLDER)
    model = models.CharField(
        max_length=300, blank=True, help_text="A local model folder or a hub id; empty for a critic without weights."
    )
    settings = models.JSONField(
        default=dict, blank=True, help_text="The settings of its kind. A key is named here and never stored."
    )
    licence = models.CharField(max_length=120, blank=True)
    prompt_version = models.CharField(max_length=40, blank=True, help_text="Empty if it was not recorded.")
    taxonomy_version = models.CharField(
        max_length=40, blank=True, help_text="The defects it was trained on; empty if it takes those of the campaign."
    )
    run = models.ForeignKey(Run, null=True, blank=True, on_delete=models.PROTECT, related_name="critics")
    learned_from_simulated = models.BooleanField(
        default=False, help_text="It, or a critic it learned on from, learned from simulated clips or ratings."
    )
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    evaluation = models.JSONField(default=dict, blank=True)
    card = models.TextField(blank=True, help_text="How it was made, what it measures, how weak it is (Markdown).")
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["name", "-version"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "version"], name="critic_version_unique"),
            models.CheckConstraint(
                condition=models.Q(kind__in=["engine", "starter"]) & ~models.Q(model="")
                | models.Q(kind__in=["detectors", "endpoint"], model=""),
                name="critic_has_weights_by_kind",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="endpoint", origin="endpoint")
                | (~models.Q(kind="endpoint") & ~models.Q(origin="endpoint")),
                name="critic_origin_of_endpoints",
            ),
            models.CheckConstraint(
                condition=models.Q(origin="run", run__isnull=False) | (~models.Q(origin="run") & models.Q(run=None)),
                name="critic_origin_of_runs",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


DRAFTED_STATES = (Campaign.State.DRAFT, Campaign.State.OPEN)
"""Campaigns in these states get drafts. One in preparation counts, so that drafts are there when it opens."""


class Activation(models.Model):
    """Which critic drafts for a campaign (at most one at a time), and whether and why its drafting is paused."""

    campaign = models.OneToOneField(Campaign, on_delete=models.CASCADE, related_name="activation")
    critic = models.ForeignKey(Critic, on_delete=models.PROTECT, related_name="activations")
    activated_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
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


class ActivationPeriod(models.Model):
    """The time in which a critic was the active one of a campaign: the history from which a lead can roll back."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="activation_periods")
    critic = models.ForeignKey(Critic, on_delete=models.PROTECT, related_name="activation_periods")
    started_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField()
    ended_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-started_at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["campaign"], condition=models.Q(ended_at=None), name="one_open_activation_period"
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at=None, ended_by=None)
                | models.Q(ended_at__isnull=False, ended_by__isnull=False),
                name="ended_period_says_by_whom",
            ),
        ]


class Consent(models.Model):
    """A lead lets the clips of a campaign be sent to a host, until the consent is withdrawn."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="consents")
    host = models.CharField(max_length=300, help_text="host or host:port, as in the address of the endpoint.")
    given_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    given_at = models.DateTimeField(auto_now_add=True)
    withdrawn_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-given_at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["campaign", "host"], condition=models.Q(withdrawn_at=None), name="one_consent_a_host"
            ),
            models.CheckConstraint(condition=~models.Q(host=""), name="consent_names_a_host"),
            models.CheckConstraint(
                condition=models.Q(withdrawn_at=None, withdrawn_by=None)
                | models.Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False),
                name="withdrawn_consent_says_by_whom",
            ),
        ]


class StopRules(models.Model):
    """The bounds of a campaign at which drafting stops by itself; a campaign without a row has the defaults."""

    campaign = models.OneToOneField(Campaign, on_delete=models.CASCADE, related_name="stop_rules")
    anchoring_bound = models.FloatField(
        default=0.5, help_text="Levels by which drafts may pull assisted ratings before drafting stops."
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(anchoring_bound__gte=0, anchoring_bound__lte=4), name="anchoring_bound_in_levels"
            ),
        ]


class DraftingStop(models.Model):
    """A stop rule stopped a critic in a campaign: why, and who resumed drafting with which reason."""

    class Rule(models.TextChoices):
        ANCHORING = "anchoring", _("drafts pull the ratings")
        CONSTANT = "constant", _("worse than the constant")

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="drafting_stops")
    critic = models.ForeignKey(Critic, on_delete=models.CASCADE, related_name="drafting_stops")
    rule = models.CharField(max_length=9, choices=Rule.choices)
    reason = models.CharField(max_length=500, help_text="The figures that passed the bound, in a full sentence.")
    stopped_at = models.DateTimeField(auto_now_add=True)
    resumed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    resumed_at = models.DateTimeField(null=True, blank=True)
    resume_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering: ClassVar = ["-stopped_at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["campaign", "critic"], condition=models.Q(resumed_at=None), name="one_open_drafting_stop"
            ),
            models.CheckConstraint(
                condition=models.Q(resumed_at=None, resumed_by=None, resume_reason="")
                | (models.Q(resumed_at__isnull=False, resumed_by__isnull=False) & ~models.Q(resume_reason="")),
                name="resumed_stop_says_by_whom_and_why",
            ),
        ]
