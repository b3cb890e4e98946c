"""Clips, and the prompt groups that keep near prompts in one split."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from annotation.models.prompt_index import TokenSet

SHA256_HEX = 64


class Split(models.TextChoices):
    TRAIN = "train"
    VAL = "val"
    TEST = "test"


class PromptGroup(models.Model):
    """Prompts that are equal or similar, or that a manifest names as one group. Its split is drawn once."""

    representative = models.TextField(
        unique=True, help_text="The normalised prompt, or the name, of the group's first row."
    )
    name = models.CharField(
        max_length=200,
        unique=True,
        null=True,
        blank=True,
        help_text="The prompt_group of manifests; empty if the group was made by similarity.",
    )
    split = models.CharField(max_length=5, choices=Split.choices)
    generator = models.CharField(
        max_length=120,
        blank=True,
        help_text="Generator of the group's first row; splits are stratified by it.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(
        null=True, blank=True, help_text="When people last changed its split or its prompts."
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(split__in=Split.values), name="prompt_group_split_known"),
            models.CheckConstraint(condition=~models.Q(name=""), name="prompt_group_name_not_empty"),
        ]


class GroupedPrompt(models.Model):
    """A prompt and its permanent group. Stored before the first clip of its manifest."""

    group = models.ForeignKey(PromptGroup, on_delete=models.CASCADE, related_name="prompts")
    text = models.TextField(help_text="The prompt as its manifest first wrote it.")
    digest = models.CharField(max_length=SHA256_HEX, help_text="SHA-256 of the normalised prompt.")
    is_named = models.BooleanField(default=False, help_text="The manifest named the group, so similarity was not used.")
    bridges_splits = models.BooleanField(default=False, help_text="Similar to groups of different splits.")
    token_set = models.ForeignKey(
        TokenSet,
        null=True,
        on_delete=models.PROTECT,
        related_name="prompts",
        help_text="Empty until the index has the prompt.",
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["digest"], condition=models.Q(is_named=False), name="one_group_by_similarity"
            ),
            models.UniqueConstraint(
                fields=["digest", "group"], condition=models.Q(is_named=True), name="one_prompt_in_a_named_group"
            ),
        ]


class VideoFile(models.Model):
    """The files of one video under MEDIA_ROOT, named by their hash, and the facts that were read from them."""

    sha256 = models.CharField(max_length=SHA256_HEX, db_index=True)
    original = models.CharField(max_length=200, help_text="Path of the original under MEDIA_ROOT.")
    rendition = models.CharField(max_length=200, blank=True, help_text="Playable copy, if browsers need one.")
    poster = models.CharField(max_length=200)
    codec = models.CharField(max_length=40)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    fps_numerator = models.PositiveIntegerField()
    fps_denominator = models.PositiveIntegerField()
    duration = models.FloatField(help_text="Seconds, from presentation times.")
    frames = models.PositiveIntegerField()
    has_audio = models.BooleanField()
    bytes = models.PositiveBigIntegerField(db_index=True, help_text="Size of the original.")
    frame_times = models.JSONField(
        default=dict, help_text='SlowFast choice by configuration key: {key: {"fast": [s], "slow": [s]}}.'
    )
    shown_times = models.JSONField(
        default=list,
        help_text="Time of each frame of the playable file, in seconds from the first; empty if there are too many.",
    )

    class Meta:
        abstract = True

    @property
    def playable(self) -> str:
        """Path under MEDIA_ROOT of the file that browsers play."""
        return self.rendition or self.original


FILE_FIELDS = tuple(field.name for field in VideoFile._meta.fields)


class Clip(VideoFile):
    """One generated video with its prompt and its generator.

    A lead may replace its file: the clip then has the next version, and its earlier files are rows of `ClipVersion`. A
    withdrawn clip is in no queue, list, figure or new release; its items are withdrawn too. The successor of a
    withdrawn clip has the same video with another prompt.
    """

    clip_id = models.CharField(max_length=200, unique=True, help_text="The name in its manifest, or its hash.")
    prompt = models.TextField()
    generator = models.CharField(max_length=120, db_index=True)
    seed = models.CharField(max_length=20, blank=True, default="", help_text="In digits: it may be 2**64 - 1.")
    metadata = models.JSONField(default=dict)
    prompt_group = models.ForeignKey(PromptGroup, on_delete=models.PROTECT, related_name="clips")
    bridges_splits = models.BooleanField(
        default=False, help_text="Similar to groups of different splits; releases leave it out and list it."
    )
    is_ready = models.BooleanField(
        default=True, help_text="Poster, frame times and rendition exist; before that its items are not given out."
    )
    is_simulated = models.BooleanField(default=False)
    content_warning = models.CharField(max_length=200, blank=True)
    version = models.PositiveIntegerField(default=1, help_text="Rises when its file is replaced.")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    withdrawal_reason = models.TextField(blank=True)
    successor = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="predecessors")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(duration__gte=0), name="clip_duration_not_negative"),
            models.CheckConstraint(condition=models.Q(fps_denominator__gt=0), name="clip_fps_defined"),
            models.CheckConstraint(
                condition=models.Q(
                    withdrawn_at__isnull=True, withdrawn_by__isnull=True, withdrawal_reason="", successor__isnull=True
                )
                | (models.Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False) & ~models.Q(withdrawal_reason="")),
                name="clip_withdrawn_with_a_reason",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["withdrawn_at"], condition=models.Q(withdrawn_at__isnull=False), name="clip_withdrawn"
            ),
        ]

    def __str__(self) -> str:
        return self.clip_id

    @property
    def is_withdrawn(self) -> bool:
        return self.withdrawn_at is not None


class ClipVersion(VideoFile):
    """The files that a clip had before they were replaced."""

    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(help_text="The clip's version while it had these files.")
    replaced_at = models.DateTimeField(auto_now_add=True)
    replaced_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["clip", "number"], name="version_number_unique"),
            models.CheckConstraint(condition=~models.Q(reason=""), name="version_replaced_with_a_reason"),
        ]

    @property
    def content_warning(self) -> str:
        return self.clip.content_warning
