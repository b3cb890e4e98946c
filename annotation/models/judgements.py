"""Ratings made elsewhere: judgements of clips by people or programs that this site did not ask."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from annotation.models.campaigns import Campaign
from annotation.models.clips import SHA256_HEX, Clip
from operations.models import Job
from qsave.axes import Axis


class JudgementImport(models.Model):
    """One table of ratings made elsewhere: its file, the mapping that a lead confirmed, and what came of it."""

    class State(models.TextChoices):
        PREVIEWED = "previewed", _("not started")
        RUNNING = "running", _("running")
        DONE = "done", _("finished")
        FAILED = "failed", _("failed")

    campaign = models.ForeignKey(
        Campaign,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="judgement_imports",
        help_text="The campaign whose defects the mapping uses. Judgements belong to clips, not to a campaign.",
    )
    source = models.CharField(max_length=80, blank=True, help_text="Who judged, for example the name of a dataset.")
    name = models.CharField(max_length=300, help_text="Name of the file.")
    format = models.CharField(max_length=20)
    file = models.TextField(blank=True, help_text="Path of the file on this host; empty once it is imported.")
    mapping = models.JSONField(default=dict)
    state = models.CharField(max_length=9, choices=State.choices, default=State.PREVIEWED)
    rows = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    present = models.PositiveIntegerField(default=0, help_text="Judgements that were stored already.")
    differing = models.PositiveIntegerField(default=0, help_text="Those among them that have another value here.")
    refused = models.PositiveIntegerField(default=0, help_text="Rows that were refused.")
    problems = models.JSONField(default=list, help_text="The first refused rows, as [number, reason].")
    notes = models.JSONField(default=list, help_text="Remarks on the whole file, as sentences.")
    error = models.TextField(blank=True, help_text="Why the import failed.")
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["campaign", "-created_at"], name="judgement_import_by_time")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state="previewed") | ~Q(source=""), name="judgement_import_names_its_source"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RefusedJudgement(models.Model):
    """A row of a file of ratings that could not be stored, and why. `JudgementImport.problems` has the first ones."""

    judgement_import = models.ForeignKey(JudgementImport, on_delete=models.CASCADE, related_name="refusals")
    number = models.PositiveIntegerField(help_text="Number of the row in its file, from 1.")
    reason = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["judgement_import", "number"], name="judgement_refused_once"),
        ]


class AbsentClip(models.Model):
    """A video that was judged elsewhere and that this site does not have. It goes once the video is imported."""

    digest = models.CharField(max_length=SHA256_HEX, unique=True, help_text="SHA-256 of what the table says of it.")
    clip_id = models.CharField(max_length=200, blank=True)
    sha256 = models.CharField(max_length=SHA256_HEX, blank=True)
    video = models.CharField(max_length=1000, blank=True)
    prompt = models.TextField(blank=True)
    generator = models.CharField(max_length=120, blank=True)
    prompt_group = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.clip_id or self.video or self.sha256 or self.prompt


class ImportedJudgement(models.Model):
    """One judgement of one axis that was made elsewhere. It is never a slot and never blind, and no MOS counts it.

    Without a value it holds evidence or a reason alone. The value is as its source wrote it, on the stated scale.
    """

    judgement_import = models.ForeignKey(JudgementImport, on_delete=models.CASCADE, related_name="judgements")
    clip = models.ForeignKey(Clip, null=True, blank=True, on_delete=models.CASCADE, related_name="judgements")
    clip_version = models.PositiveIntegerField(
        default=1, help_text="Version of the clip when it was matched; figures leave out those of earlier files."
    )
    absent_clip = models.ForeignKey(
        AbsentClip, null=True, blank=True, on_delete=models.CASCADE, related_name="judgements"
    )
    axis = models.CharField(max_length=9, choices=[(axis.value, axis.value) for axis in Axis])
    their_axis = models.CharField(max_length=120, help_text="What the source calls the axis.")
    source = models.CharField(max_length=80)
    rater = models.CharField(max_length=200, blank=True, help_text="Name of the rater there; empty if unknown.")
    occurrence = models.PositiveIntegerField(
        default=0, help_text="Number from 0 among the judgements of unknown raters of one clip and axis in a file."
    )
    value = models.FloatField(null=True, blank=True)
    scale_min = models.FloatField(null=True, blank=True)
    scale_max = models.FloatField(null=True, blank=True)
    original = models.CharField(max_length=200, blank=True, help_text='The words of the source: "5-Very Good".')
    reason = models.TextField(blank=True)
    language = models.CharField(max_length=35, blank=True, help_text="Language of the reason, as in BCP 47.")
    evidence = models.JSONField(default=list)
    n = models.PositiveIntegerField(null=True, blank=True, help_text="Ratings behind a published mean.")
    sd = models.FloatField(null=True, blank=True, help_text="Their standard deviation.")
    metadata = models.JSONField(default=dict, help_text="What else the source says: times, skips, other fields.")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["source", "clip"], name="judgement_by_source")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(axis__in=[axis.value for axis in Axis]), name="judgement_axis_known"),
            models.CheckConstraint(condition=~Q(source=""), name="judgement_has_a_source"),
            models.CheckConstraint(
                condition=Q(clip__isnull=False, absent_clip__isnull=True)
                | Q(clip__isnull=True, absent_clip__isnull=False),
                name="judgement_of_one_clip",
            ),
            models.CheckConstraint(
                condition=Q(value__isnull=True, scale_min__isnull=True, scale_max__isnull=True)
                | Q(
                    value__isnull=False,
                    scale_min__isnull=False,
                    scale_max__isnull=False,
                    scale_min__lt=F("scale_max"),
                    value__gte=F("scale_min"),
                    value__lte=F("scale_max"),
                ),
                name="judgement_value_within_scale",
            ),
            models.CheckConstraint(condition=Q(sd__isnull=True) | Q(sd__gte=0), name="judgement_sd_not_negative"),
            models.CheckConstraint(condition=Q(occurrence=0) | Q(rater=""), name="judgement_one_of_a_known_rater"),
            models.UniqueConstraint(
                fields=["clip", "clip_version", "axis", "their_axis", "source", "rater", "occurrence"],
                condition=Q(clip__isnull=False),
                name="judgement_once_for_a_clip",
            ),
            models.UniqueConstraint(
                fields=["absent_clip", "axis", "their_axis", "source", "rater", "occurrence"],
                condition=Q(absent_clip__isnull=False),
                name="judgement_once_for_an_absent_clip",
            ),
        ]
