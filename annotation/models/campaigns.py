"""Campaigns, their guidelines, their items, and the slots of each item."""

import secrets
import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.models.clips import Clip
from qsave.axes import MAX_LEVEL, MIN_LEVEL, Axis
from qsave.taxonomy import DEFAULT_TAXONOMY

AXIS_CHOICES = [(axis.value, axis.value) for axis in Axis]


def new_salt() -> str:
    return secrets.token_hex(32)


def default_taxonomy() -> list[dict[str, str]]:
    return [{"id": defect.id, "axis": defect.axis.value, "label": defect.label} for defect in DEFAULT_TAXONOMY]


class Campaign(models.Model):
    """A set of clips to rate, and the settings for rating them."""

    class State(models.TextChoices):
        DRAFT = "draft"
        OPEN = "open"
        PAUSED = "paused"
        CLOSED = "closed"
        ARCHIVED = "archived"

    class Order(models.TextChoices):
        """Which items come first. Among items of equal rank, each gets its first rating before any gets its second."""

        BALANCED = "balanced", _("balanced")
        PRIORITY = "priority", _("by priority")
        SCORE = "score", _("by uploaded score")

    class OpenTo(models.TextChoices):
        EVERYONE = "everyone", _("every annotator")
        MEMBERS = "members", _("members only")

    name = models.SlugField(max_length=80, unique=True)
    title = models.CharField(max_length=160)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    overlap = models.PositiveSmallIntegerField(default=3, help_text="Number of rating slots of an item: k.")
    assisted_share = models.FloatField(
        default=0.5, help_text="Share of rating slots of train items that are drawn into the assisted arm."
    )
    shows_draft_scores = models.BooleanField(default=False)
    lease_minutes = models.PositiveSmallIntegerField(default=20)
    min_reason_length = models.PositiveSmallIntegerField(default=20)
    waives_reason_when_excellent = models.BooleanField(default=False)
    overlap_cap = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Most slots an item gets if its raters disagree; empty: k and no more."
    )
    disagreement_bound = models.PositiveSmallIntegerField(
        default=2, help_text="Scores of one axis that differ by more than this add a slot, up to the cap."
    )
    order = models.CharField(max_length=8, choices=Order.choices, default=Order.BALANCED)
    open_to = models.CharField(max_length=8, choices=OpenTo.choices, default=OpenTo.EVERYONE)
    gold_share = models.FloatField(default=0.0, help_text="Share of a rater's clips that are golds.")
    repeat_share = models.FloatField(default=0.0, help_text="Share of a rater's clips that they get a second time.")
    qualification_mark = models.FloatField(
        null=True,
        blank=True,
        help_text="Share of answers within one level of the known scores that a rater needs to qualify.",
    )
    edit_hours = models.PositiveIntegerField(
        null=True, blank=True, help_text="Hours in which a rating may be edited; empty: until the campaign closes."
    )
    names_raters_in_review = models.BooleanField(
        default=True, help_text="Reviews show the names of raters; else Rater 1, Rater 2 and so on."
    )
    requires_watched = models.BooleanField(
        default=False, help_text="A rating can only be submitted once the clip was watched to its end."
    )
    min_viewport_width = models.PositiveIntegerField(default=0, help_text="CSS pixels; 0: any.")
    min_viewport_height = models.PositiveIntegerField(default=0, help_text="CSS pixels; 0: any.")
    taxonomy = models.JSONField(default=default_taxonomy)
    seed = models.PositiveIntegerField(default=0)
    salt = models.CharField(
        max_length=64, default=new_salt, editable=False, help_text="For pseudonyms and hidden checks; never shown."
    )
    is_simulated = models.BooleanField(default=False)
    active_critic = models.CharField(
        max_length=120,
        blank=True,
        editable=False,
        help_text="Name and version of the critic whose drafts raters are shown; empty if none drafts.",
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(overlap__gte=1), name="campaign_overlap_at_least_one"),
            models.CheckConstraint(
                condition=models.Q(assisted_share__gte=0) & models.Q(assisted_share__lte=1),
                name="campaign_assisted_share_is_a_share",
            ),
            models.CheckConstraint(
                condition=models.Q(gold_share__gte=0, repeat_share__gte=0, gold_share__lte=0.5, repeat_share__lte=0.5),
                name="campaign_checks_are_the_smaller_part",
            ),
            models.CheckConstraint(
                condition=models.Q(overlap_cap=None) | models.Q(overlap_cap__gte=models.F("overlap")),
                name="campaign_cap_not_below_overlap",
            ),
            models.CheckConstraint(
                condition=models.Q(qualification_mark=None)
                | models.Q(qualification_mark__gte=0, qualification_mark__lte=1),
                name="campaign_qualification_mark_is_a_share",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class Guideline(models.Model):
    """One version of a campaign's guidelines, in Markdown; a rating refers to the version that its rater saw."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="guidelines")
    number = models.PositiveIntegerField()
    text = models.TextField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "number"], name="guideline_number_unique"),
        ]


class GuidelineExample(models.Model):
    """A clip that shows, in one version of the guidelines, what a level of an axis looks like."""

    guideline = models.ForeignKey(Guideline, on_delete=models.CASCADE, related_name="examples")
    axis = models.CharField(max_length=10, choices=AXIS_CHOICES)
    level = models.PositiveSmallIntegerField()
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["guideline", "axis", "level", "clip"], name="example_once"),
            models.CheckConstraint(
                condition=models.Q(level__gte=MIN_LEVEL, level__lte=MAX_LEVEL), name="example_level_is_a_level"
            ),
        ]


class Item(models.Model):
    """A clip in a campaign. A qualification item has no rating slots: each new rater rates it once.

    Only an available item is given out. A report holds an item back until a lead gives it out again or excludes it. The
    items of a clip are being prepared until its files are ready, and withdrawn with their clip.
    """

    class Availability(models.TextChoices):
        AVAILABLE = "available", _("given out")
        REPORTED = "reported", _("held back")
        EXCLUDED = "excluded", _("excluded")
        PREPARING = "preparing", _("being prepared")
        WITHDRAWN = "withdrawn", _("withdrawn")

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="items")
    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="items")
    gold = models.JSONField(null=True, blank=True, help_text="Known scores by axis, of a gold or a qualification clip.")
    is_qualification = models.BooleanField(default=False)
    feedback = models.TextField(
        blank=True, help_text="Explains the known scores; raters see it after a qualification clip."
    )
    priority = models.SmallIntegerField(default=0, help_text="Higher comes first in a campaign ordered by priority.")
    order_score = models.FloatField(
        null=True, blank=True, help_text="Higher comes first in a campaign ordered by score."
    )
    availability = models.CharField(max_length=9, choices=Availability.choices, default=Availability.AVAILABLE)
    exclusion_reason = models.TextField(
        blank=True,
        help_text="Why a lead excluded the item; empty if nobody did. It stays while the clip is withdrawn.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "clip"], name="clip_once_a_campaign"),
            models.CheckConstraint(
                condition=models.Q(availability__in=["available", "reported", "preparing"], exclusion_reason="")
                | models.Q(availability="withdrawn")
                | (models.Q(availability="excluded") & ~models.Q(exclusion_reason="")),
                name="item_excluded_with_a_reason",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["campaign"],
                condition=models.Q(availability__in=["reported", "excluded", "preparing", "withdrawn"]),
                name="item_held_back",
            ),
            # The search of clips joins summaries to clips through items; this index has all that the join needs.
            models.Index(fields=["id", "clip"], name="item_to_clip"),
        ]


LEFT_OUT = (Item.Availability.EXCLUDED, Item.Availability.WITHDRAWN)
"""Items that figures and new releases leave out."""


class Arm(models.TextChoices):
    BLIND = "blind"
    ASSISTED = "assisted"


class Exposure(models.TextChoices):
    """Whether a rater saw the draft: never, from the start, or only later."""

    NONE = "none"
    LATE = "late"
    FROM_START = "from_start"


class Slot(models.Model):
    """One of an item's k rating slots (kind `seat`), or a check slot: one rater's gold, repeat or qualification slot.

    The arm of a rating slot is drawn when it is created; a lease holds the slot for one rater for a time. Check slots
    are created for one rater when they are due, and never count towards k. They are blind; only a repeat has the arm of
    the first rating. When the file of a clip is replaced, the slots that are done become slots of an earlier file (kind
    `earlier`), which never count either.
    """

    class Kind(models.TextChoices):
        SEAT = "seat", _("Rating")
        GOLD = "gold", _("Gold")
        REPEAT = "repeat", _("Repeat")
        QUALIFICATION = "qualification", _("Qualification")
        EARLIER = "earlier", _("Earlier file")

    class State(models.TextChoices):
        FREE = "free"
        LEASED = "leased"
        DONE = "done"

    item = models.ForeignKey(Item, on_delete=models.PROTECT, related_name="slots")
    campaign = models.ForeignKey(
        Campaign,
        on_delete=models.PROTECT,
        related_name="slots",
        help_text="Campaign of the item, repeated here for the queue.",
    )
    number = models.PositiveSmallIntegerField()
    place = models.PositiveIntegerField(default=0, help_text="Position of the item in the campaign's seeded order.")
    arm = models.CharField(max_length=8, choices=Arm.choices)
    kind = models.CharField(max_length=13, choices=Kind.choices, default=Kind.SEAT)
    rank = models.FloatField(default=0.0, help_text="Rank of the item in the campaign's order; higher comes first.")
    state = models.CharField(max_length=6, choices=State.choices, default=State.FREE)
    rater = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="slots",
        db_index=False,
    )
    lease = models.UUIDField(
        null=True, blank=True, help_text="Changes with every claim, so that an old tab cannot submit."
    )
    leased_at = models.DateTimeField(null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True, help_text="When its rating was first submitted.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["item", "number"], name="slot_number_unique"),
            models.UniqueConstraint(
                fields=["item", "rater"],
                condition=models.Q(kind__in=["seat", "gold", "qualification"], rater__isnull=False),
                name="rater_once_an_item",
            ),
            models.UniqueConstraint(
                fields=["item", "rater"],
                condition=models.Q(kind="repeat", rater__isnull=False),
                name="one_repeat_a_rater_and_item",
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
            models.Index(fields=["rater", "state", "campaign", "item"], name="slot_by_rater"),
            models.Index(fields=["item", "state"], name="slot_by_item"),
            models.Index(
                fields=["campaign", "-rank", "number", "place"],
                condition=models.Q(kind="seat", state__in=["free", "leased"]),
                name="slot_open",
            ),
            models.Index(
                fields=["campaign", "done_at"],
                condition=models.Q(kind="seat", done_at__isnull=False),
                name="slot_by_time_done",
            ),
        ]


class Offer(models.Model):
    """Records that a rater was given an item: the arm, the item's position in their sequence, and the draft they saw.

    An offer outlives the lease. From the offers the queue finds, in one query, the items that are new to a rater; and a
    rater who saw an item in one arm never gets it in the other.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="offers")
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="offers")
    rater = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="offers")
    arm = models.CharField(max_length=8, choices=Arm.choices)
    number = models.PositiveIntegerField(help_text="Number of the offer among the rater's in this campaign, from 1.")
    offered_at = models.DateTimeField()
    draft = models.ForeignKey(
        "Draft",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="offers",
        help_text="The critic's draft that the rater saw, with the item or later.",
    )
    exposure = models.CharField(max_length=10, choices=Exposure.choices, default=Exposure.NONE)
    handed_back_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["item", "rater"], name="offered_once"),
            models.UniqueConstraint(fields=["campaign", "rater", "number"], name="offer_number_unique"),
            models.CheckConstraint(
                condition=models.Q(draft=None, exposure="none")
                | models.Q(draft__isnull=False, exposure__in=["late", "from_start"], arm="assisted"),
                name="offer_exposure_matches_its_draft",
            ),
        ]


class SavedWork(models.Model):
    """What a rater has typed about an item but not submitted. It survives an expired lease."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="saved_work")
    rater = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_work")
    answers = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=1, help_text="Rises with every save; a stale tab gets 409.")
    tab = models.UUIDField(default=uuid.uuid4)
    saved_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["item", "rater"], name="saved_work_once"),
        ]
