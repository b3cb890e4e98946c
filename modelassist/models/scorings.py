"""Clips that people sent to a critic to be scored once, outside all campaigns."""

import uuid
from typing import ClassVar

from django.db import models

from accounts.models import User
from modelassist.models.critics import Critic
from operations.models import Job, JobState

SHA256_HEX = 64
KEY_LENGTH = 200
NAME_LENGTH = 255


class Scoring(models.Model):
    """A clip that somebody sent to a critic, and the answer. Its files are in a folder that has the name of its key.

    It is deleted with its files some days later (SCORING_DAYS). It never becomes a clip of a campaign.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    critic = models.ForeignKey(Critic, on_delete=models.CASCADE, related_name="scorings")
    prompt = models.TextField()
    file_name = models.CharField(max_length=NAME_LENGTH, help_text="The name that the sender's file had.")
    sha256 = models.CharField(max_length=SHA256_HEX, help_text="Of the bytes of the file.")
    key = models.CharField(max_length=KEY_LENGTH, help_text="Idempotency key: the sender's next request repeats this.")
    host = models.CharField(max_length=300, blank=True, help_text="The host to which the sender lets the clip be sent.")
    job = models.OneToOneField(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="scoring")
    facts = models.JSONField(default=dict, blank=True, help_text="The fields of the file, once it was read.")
    proposal = models.JSONField(null=True, blank=True, help_text="What the critic answered; empty before that.")
    text = models.TextField(blank=True, help_text="The critic's words as generated, if it generates any.")
    seconds = models.FloatField(null=True, blank=True, help_text="How long the critic took.")
    created_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["created_by", "key"], name="scoring_once_a_key"),
            models.CheckConstraint(condition=~models.Q(key=""), name="scoring_has_a_key"),
        ]

    @property
    def state(self) -> str:
        """`asked` while it waits for consent; else the state of its job. A job that was cancelled has failed."""
        if self.proposal is not None:
            return JobState.DONE
        if self.job is None:
            return "asked"
        return JobState.FAILED if self.job.state == JobState.CANCELLED else self.job.state
