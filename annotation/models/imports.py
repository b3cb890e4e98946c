"""Imports of clips, and the rows of their tables, which are stored before any video is read."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.models.campaigns import Campaign
from annotation.models.clips import Clip
from operations.models import Job


class ClipImport(models.Model):
    """One import: where its table and its videos are, who requested it, and how far it is."""

    class State(models.TextChoices):
        PREVIEWED = "previewed", _("not started")
        RUNNING = "running", _("running")
        DONE = "done", _("finished")
        CANCELLED = "cancelled", _("cancelled")
        FAILED = "failed", _("failed")
        UNDONE = "undone", _("undone")

    class Source(models.TextChoices):
        UPLOAD = "upload", _("uploaded files")
        FOLDER = "folder", _("a folder on the server")
        BUCKET = "bucket", _("a bucket")

    campaign = models.ForeignKey(Campaign, null=True, blank=True, on_delete=models.PROTECT, related_name="imports")
    state = models.CharField(max_length=9, choices=State.choices, default=State.RUNNING)
    source = models.CharField(max_length=6, choices=Source.choices, default=Source.UPLOAD)
    name = models.CharField(max_length=300, help_text="What people call it: the file name of its table, or its folder.")
    manifest = models.TextField(blank=True, help_text="Path of the table on this host; empty without a table.")
    videos = models.TextField(help_text="Folder of the videos on this host, or the address of a bucket.")
    root = models.TextField(blank=True, help_text="Folder on this host that no link below `videos` may lead out of.")
    applies_changes = models.BooleanField(
        default=False, help_text="Clips that exist already get the values of their rows."
    )
    group_column = models.CharField(
        max_length=200, blank=True, help_text="Rows with the same value of this column are one prompt group."
    )
    is_simulated = models.BooleanField(default=False)
    row_count = models.PositiveIntegerField(null=True, help_text="How many rows it has; empty until all are stored.")
    done_before = models.PositiveIntegerField(
        default=0, help_text="Rows that were done when its job last began: the speed does not count them."
    )
    preview = models.JSONField(default=dict, help_text="What would come of it, in numbers, before it starts.")
    notes = models.JSONField(default=list, help_text="Remarks on the whole import, as sentences.")
    error = models.TextField(blank=True, help_text="Why the import failed.")
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["campaign", "-created_at"], name="import_by_time")]

    def __str__(self) -> str:
        return self.name


class ImportRow(models.Model):
    """One row of an import. A worker claims a waiting row; once the video is hashed and probed, the row has a clip."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        WORKING = "working", _("being read")
        STORED = "stored", _("being prepared")
        ADDED = "added", _("added")
        PRESENT = "present", _("present already")
        DIFFERS = "differs", _("present, but different")
        CHANGED = "changed", _("changed")
        REFUSED = "refused", _("refused")
        CANCELLED = "cancelled", _("cancelled")

    clip_import = models.ForeignKey(ClipImport, on_delete=models.CASCADE, related_name="rows")
    number = models.PositiveIntegerField(help_text="Number of the row in its table, from 1.")
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    values = models.JSONField(default=dict, help_text="The checked values of the row.")
    reason = models.TextField(blank=True, help_text="Why the row was refused, or how it differs from its clip.")
    note = models.TextField(blank=True, help_text="What to know about an imported row.")
    clip = models.ForeignKey(Clip, null=True, blank=True, on_delete=models.SET_NULL, related_name="import_rows")
    is_new = models.BooleanField(default=False, help_text="This row made the clip.")
    worker = models.CharField(max_length=80, blank=True, help_text="The process that works on it.")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How many processes have claimed it.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["clip_import", "number"], name="import_row_number_unique"),
            models.CheckConstraint(
                condition=models.Q(state__in=["stored", "added", "present", "differs", "changed"])
                | models.Q(clip__isnull=True),
                name="import_row_clip_only_if_stored",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["clip_import", "state", "number"], name="import_row_by_state")]
