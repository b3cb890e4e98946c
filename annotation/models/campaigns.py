"""Campaigns, their guidelines, the items in them and the seats (slots) on each item."""

import secrets
import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models

from annotation.models.clips import Clip
from qsave.taxonomy import DEFAULT_TAXONOMY


def new_salt() -> str:
    return secrets.token_hex(32)


def default_taxonomy() -> list[dict[str, str]]:
    return [{"id": d.id, "axis": d.axis.value, "label": d.label} for d in DEFAULT_TAXONOMY]


class Campaign(models.Model):
    """A rating job over many clips, with its policy."""

    class State(models.TextChoices):
        DRAFT = "draft"
        OPEN = "open"
        PAUSED = "paused"
        CLOSED = "closed"
        ARCHIVED = "archived"

    name = models.SlugField(max_length=80, unique=True)
    title = models.CharField(max_length=160)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    overlap = models.PositiveSmallIntegerField(default=3, help_text="Seats (slots) an item gets: k.")
    assisted_share = models.FloatField(default=0.5, help_text="Share of train slots drawn into the assisted arm.")
    shows_draft_scores = models.BooleanField(default=False)
    lease_minutes = models.PositiveSmallIntegerField(default=20)
    min_reason_length = models.PositiveSmallIntegerField(default=20)
    waives_reason_when_excellent = models.BooleanField(default=False)
    taxonomy = models.JSONField(default=default_taxonomy)
    seed = models.PositiveIntegerField(default=0)
    salt = models.CharField(
        max_length=64, default=new_salt, editable=False, help_text="For pseudonyms; never released."
    )
    is_simulated = models.BooleanField(default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(overlap__gte=1), name="campaign_overlap_at_least_one"),
            models.CheckConstraint(
                condition=models.Q(assisted_share__gte=0) & models.Q(assisted_share__lte=1),
                name="campaign_assisted_share_is_a_share",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Guideline(models.Model):
    """One version of a campaign's guidelines, in Markdown; a rating is pinned to the version its rater saw."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="guidelines")
    number = models.PositiveIntegerField()
    text = models.TextField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "number"], name="guideline_number_unique"),
        ]


class Item(models.Model):
    """A clip in a campaign."""

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="items")
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="items")
    gold = models.JSONField(null=True, blank=True, help_text="Known scores by axis, if its scores are known.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "clip"], name="clip_once_a_campaign"),
        ]


class Arm(models.TextChoices):
    BLIND = "blind"
    ASSISTED = "assisted"


class Slot(models.Model):
    """One of an item's k seats. Its arm is drawn when it is made; a lease holds it for one rater for a time."""

    class State(models.TextChoices):
        FREE = "free"
        LEASED = "leased"
        DONE = "done"

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="slots")
    campaign = models.ForeignKey(
        Campaign, on_delete=models.PROTECT, related_name="slots", help_text="The item's, repeated here for the queue."
    )
    number = models.PositiveSmallIntegerField()
    place = models.PositiveIntegerField(default=0, help_text="Where the item lies in the campaign's seeded order.")
    arm = models.CharField(max_length=8, choices=Arm.choices)
    is_repeat = models.BooleanField(default=False)
    state = models.CharField(max_length=6, choices=State.choices, default=State.FREE)
    rater = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="slots"
    )
    lease = models.UUIDField(null=True, blank=True, help_text="Changes with every claim: an old tab cannot submit.")
    leased_at = models.DateTimeField(null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["item", "number"], name="slot_number_unique"),
            models.UniqueConstraint(
                fields=["item", "rater"],
                condition=models.Q(is_repeat=False, rater__isnull=False),
                name="rater_once_an_item",
            ),
            models.UniqueConstraint(
                fields=["campaign", "rater"], condition=models.Q(state="leased"), name="one_lease_a_rater"
            ),
            models.CheckConstraint(
                condition=(
                    models.Q(state="free", rater=None, lease=None, lease_expires_at=None)
                    | models.Q(state="leased", rater__isnull=False, lease__isnull=False, lease_expires_at__isnull=False)
                    | models.Q(state="done", rater__isnull=False)
                ),
                name="slot_state_matches_its_rater",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["state", "lease_expires_at"], name="slot_by_state"),
            models.Index(fields=["rater", "state"], name="slot_by_rater"),
            models.Index(
                fields=["campaign", "number", "place"],
                condition=models.Q(state__in=["free", "leased"]),
                name="slot_open",
            ),
        ]


class Offer(models.Model):
    """That an item was put before a rater: in which arm, and as which in the row of theirs.

    It outlives the lease. A rater who saw an item in one arm never gets it in the other, and the queue finds what is
    still new to a rater by one look-up.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="offers")
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="offers")
    rater = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="offers")
    arm = models.CharField(max_length=8, choices=Arm.choices)
    number = models.PositiveIntegerField(help_text="The rater's running number in this campaign, from 1.")
    offered_at = models.DateTimeField()
    handed_back_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["item", "rater"], name="offered_once"),
            models.UniqueConstraint(fields=["campaign", "rater", "number"], name="offer_number_unique"),
        ]


class SavedWork(models.Model):
    """What a rater has typed for an item and not yet submitted; also what an expired lease's answers become."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="saved_work")
    rater = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_work")
    answers = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=1, help_text="Rises with every save: a stale tab is told so (409).")
    tab = models.UUIDField(default=uuid.uuid4)
    saved_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["item", "rater"], name="saved_work_once"),
        ]
