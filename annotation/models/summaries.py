"""What the list of clips filters and sorts by: derived rows that `annotation.campaigns.summaries` alone writes."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.models.campaigns import Campaign, Item


class ItemSummary(models.Model):
    """One row for each item. It repeats what is stored elsewhere, so that the list reads a page from one index.

    Figures rest on the ratings that count (`annotation.agreement.scores`), so an excluded or withdrawn item has none. A
    tally packs the number, the sum and the sum of squares of an item's scores on one axis (`qsave.statistics.tallies`).
    """

    class State(models.TextChoices):
        UNRATED = "unrated", _("not rated yet")
        STARTED = "started", _("partly rated")
        RATED = "rated", _("fully rated")
        QUALIFICATION = "qualification", _("qualification")
        REPORTED = "reported", _("held back")
        EXCLUDED = "excluded", _("excluded")
        PREPARING = "preparing", _("being prepared")
        WITHDRAWN = "withdrawn", _("withdrawn")

    item = models.OneToOneField(Item, primary_key=True, on_delete=models.CASCADE, related_name="summary")
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="+", db_index=False)
    generator = models.CharField(max_length=120)
    split = models.CharField(max_length=5)
    state = models.CharField(max_length=13, choices=State.choices)
    is_gold = models.BooleanField(help_text="Its scores are known; it is neither withdrawn nor a qualification clip.")
    priority = models.SmallIntegerField()
    slot_count = models.PositiveIntegerField(help_text="Rating slots.")
    rating_count = models.PositiveIntegerField(help_text="Rating slots that are done.")
    report_count = models.PositiveIntegerField(help_text="Reports that no lead has settled.")
    spread = models.PositiveSmallIntegerField(
        help_text="Widest gap between two raters' scores of one axis, in levels; 0 with fewer than two ratings."
    )
    is_reviewed = models.BooleanField(help_text="A lead's review of the clip's current version is in force.")
    visual_gap = models.PositiveSmallIntegerField(help_text="Widest gap on this axis; so are the next two.")
    dynamic_gap = models.PositiveSmallIntegerField()
    alignment_gap = models.PositiveSmallIntegerField()
    visual_is_split = models.BooleanField(
        help_text="Its scores have no consensus (`qsave.consensus`); so the next two."
    )
    dynamic_is_split = models.BooleanField()
    alignment_is_split = models.BooleanField()
    visual_contested = models.PositiveSmallIntegerField(
        help_text="Defects on which raters have no majority (`qsave.consensus`); so are the next two."
    )
    dynamic_contested = models.PositiveSmallIntegerField()
    alignment_contested = models.PositiveSmallIntegerField()
    visual_tally = models.PositiveBigIntegerField()
    visual_blind_tally = models.PositiveBigIntegerField(help_text="Tally of blind ratings only; so are the next two.")
    dynamic_tally = models.PositiveBigIntegerField()
    dynamic_blind_tally = models.PositiveBigIntegerField()
    alignment_tally = models.PositiveBigIntegerField()
    alignment_blind_tally = models.PositiveBigIntegerField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["campaign", "item"], name="summary_by_item"),
            models.Index(fields=["campaign", "generator", "item"], name="summary_by_generator"),
            models.Index(fields=["campaign", "split", "item"], name="summary_by_split"),
            models.Index(
                fields=["campaign", "state", "item"], include=["slot_count", "rating_count"], name="summary_by_state"
            ),
            models.Index(fields=["campaign", "priority", "item"], name="summary_by_priority"),
            models.Index(fields=["campaign", "rating_count", "item"], name="summary_by_ratings"),
            models.Index(fields=["campaign", "report_count", "item"], name="summary_by_reports"),
            models.Index(fields=["campaign", "spread", "item"], include=["state"], name="summary_by_spread"),
            models.Index(fields=["campaign", "visual_tally", "visual_blind_tally"], name="summary_by_visual"),
            models.Index(fields=["campaign", "dynamic_tally", "dynamic_blind_tally"], name="summary_by_dynamic"),
            models.Index(fields=["campaign", "alignment_tally", "alignment_blind_tally"], name="summary_by_alignment"),
            models.Index(fields=["campaign", "item"], condition=models.Q(is_gold=True), name="summary_of_golds"),
            models.Index(
                fields=["campaign", "item"],
                condition=models.Q(visual_contested__gt=0)
                | models.Q(dynamic_contested__gt=0)
                | models.Q(alignment_contested__gt=0),
                name="summary_contested",
            ),
        ]


class ItemDefect(models.Model):
    """A defect that raters whose ratings count named on an item, and how many of them did."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="+", db_index=False)
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="defects", db_index=False)
    defect = models.CharField(max_length=120)
    rating_count = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["item", "defect"], name="defect_once_an_item"),
        ]
        indexes: ClassVar = [models.Index(fields=["campaign", "defect", "item"], name="items_by_defect")]
