"""Drafts of critics, ratings with their revisions, skips, reviews and screenings."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.models.campaigns import AXIS_CHOICES, Arm, Campaign, Exposure, Guideline, Item, Slot
from qsave.axes import MAX_LEVEL, MIN_LEVEL, Axis


class Draft(models.Model):
    """A critic's proposal for an item; without any axis if the critic has nothing to say of the clip. Immutable."""

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="drafts")
    critic = models.CharField(max_length=120, help_text="Name and version, for example starter@1.")
    proposal = models.JSONField(help_text="qsave.proposal.proposal_to_json")
    text = models.TextField(help_text="The critic's output as generated.")
    latency_ms = models.PositiveIntegerField(default=0)
    clip_version = models.PositiveIntegerField(default=1, help_text="Version of the clip that the critic saw.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["item", "critic", "clip_version"], name="draft_once_a_critic"),
        ]
        indexes: ClassVar = [models.Index(fields=["item", "-created_at"], name="draft_newest")]


class Rating(models.Model):
    """One rater's rating of one item. Never overwritten: each submit or edit is a revision."""

    slot = models.OneToOneField(Slot, on_delete=models.PROTECT, related_name="rating")
    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="ratings")
    rater = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="ratings", db_index=False
    )
    arm = models.CharField(max_length=8, choices=Arm.choices)
    exposure = models.CharField(max_length=10, choices=Exposure.choices, default=Exposure.NONE)
    draft = models.ForeignKey(Draft, null=True, blank=True, on_delete=models.PROTECT, related_name="ratings")
    guideline = models.ForeignKey(Guideline, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    is_simulated = models.BooleanField(default=False)
    critic_active = models.BooleanField(
        default=False, help_text="A critic drafted for the campaign when this rating was first submitted."
    )
    clip_version = models.PositiveIntegerField(default=1, help_text="Version of the clip that the rater saw.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(draft=None, exposure="none")
                | models.Q(draft__isnull=False, exposure__in=["late", "from_start"], arm="assisted"),
                name="rating_exposure_matches_its_draft",
            ),
            models.CheckConstraint(
                condition=models.Q(draft=None) | models.Q(critic_active=True),
                name="shown_draft_had_active_critic",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["rater", "created_at"], name="rating_by_time")]

    @property
    def is_blind(self) -> bool:
        """True if no critic can have influenced this rating; in SQL, `make_blind_condition`."""
        return self.arm == Arm.BLIND or not self.critic_active


def make_blind_condition(path: str = "") -> models.Q:
    """Return the condition `Rating.is_blind` for a queryset; `path` leads to the rating ("revision__rating__")."""
    return models.Q((f"{path}arm", Arm.BLIND)) | models.Q((f"{path}critic_active", False))


class RatingRevision(models.Model):
    """One submit or edit of a rating. The newest (`is_current`) counts."""

    rating = models.ForeignKey(Rating, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    is_current = models.BooleanField(default=True)
    key = models.UUIDField(
        unique=True, default=uuid.uuid4, help_text="Idempotency key: the same key is stored only once."
    )
    viewing = models.JSONField(default=dict, help_text="How the clip was watched: share, plays, stalls, viewport.")
    seconds_spent = models.FloatField(default=0.0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["rating", "number"], name="revision_number_unique"),
            models.UniqueConstraint(
                fields=["rating"], condition=models.Q(is_current=True), name="one_current_revision"
            ),
        ]


class AxisAnswer(models.Model):
    """One revision's answer on one axis. Its exposure is the rating's, or NONE if the draft does not propose it."""

    class DraftUse(models.TextChoices):
        """What the rater did with the critic's text and defects on this axis."""

        NONE = "none"
        CONFIRMED = "confirmed"
        EDITED = "edited"
        CLEARED = "cleared"

    revision = models.ForeignKey(RatingRevision, on_delete=models.PROTECT, related_name="answers")
    axis = models.CharField(max_length=10, choices=AXIS_CHOICES)
    score = models.PositiveSmallIntegerField()
    evidence = models.JSONField(default=list, help_text="qsave.report_card.evidence_to_json; [] means no defect.")
    reason = models.TextField(blank=True)
    exposure = models.CharField(
        max_length=10, choices=Exposure.choices, default=Exposure.NONE, db_default=Exposure.NONE.value
    )
    draft_use = models.CharField(max_length=9, choices=DraftUse.choices, default=DraftUse.NONE)
    draft_edit_distance = models.PositiveIntegerField(null=True, blank=True)
    confirm_ms = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["revision", "axis"], name="axis_once_a_revision"),
            models.CheckConstraint(
                condition=models.Q(score__gte=MIN_LEVEL) & models.Q(score__lte=MAX_LEVEL), name="score_is_a_level"
            ),
            models.CheckConstraint(condition=models.Q(axis__in=[axis.value for axis in Axis]), name="axis_known"),
            models.CheckConstraint(
                condition=models.Q(exposure__in=["late", "from_start"])
                | models.Q(exposure="none", draft_use="none", draft_edit_distance=None),
                name="no_use_of_a_draft_without_exposure",
            ),
        ]


class Review(models.Model):
    """A lead's final report card for an item. The newest of the clip's current version is in force.

    Rows are never deleted. A row that undoes another one repeats the card that was in force before that one; its card
    is None if no card was in force, and the item then has no review.
    """

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="reviews")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reviews")
    card = models.JSONField(null=True, blank=True, help_text="qsave.report_card.card_to_json")
    note = models.TextField(blank=True)
    undoes = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="undone_by")
    clip_version = models.PositiveIntegerField(default=1, help_text="Version of the clip that the lead saw.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(card__isnull=False) | models.Q(undoes__isnull=False), name="review_has_a_card"
            ),
        ]


class Screening(models.Model):
    """A verdict on a rater within a campaign, with its reason. The newest counts."""

    class Verdict(models.TextChoices):
        KEPT = "kept"
        SCREENED = "screened", "screened out"

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="screenings")
    rater = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="screenings")
    verdict = models.CharField(max_length=8, choices=Verdict.choices)
    reason = models.TextField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)


class Skip(models.Model):
    """A rater skipped an item: too hard, broken, or flagged for the lead. They do not get it again.

    The last two are reports, which stay open until a lead settles them.
    """

    class Kind(models.TextChoices):
        SKIPPED = "skipped"
        BROKEN = "broken", _("clip does not play")
        FLAGGED = "flagged", _("for the lead")

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="skips")
    rater = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="skips")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    reason = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["item", "rater"], name="skip_once"),
            models.CheckConstraint(
                condition=models.Q(settled_at__isnull=True, settled_by__isnull=True)
                | models.Q(settled_at__isnull=False, settled_by__isnull=False, kind__in=["broken", "flagged"]),
                name="skip_settled_by_somebody",
            ),
        ]
