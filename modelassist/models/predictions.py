"""A critic's answers to the clips of a campaign, stored apart from drafts: no rater ever sees them."""

from typing import ClassVar

from django.db import models

from accounts.models import User
from annotation.models import Campaign, Item
from modelassist.models.critics import Critic
from modelassist.models.scorings import KEY_LENGTH
from operations.models import Job, JobState

ERROR_LENGTH = 500


class PredictionSet(models.Model):
    """The request that one critic answers the clips of a campaign, and how it went.

    A job works for about a minute and queues the next, so that other jobs get their turn; `job` is the newest.
    """

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="prediction_sets")
    critic = models.ForeignKey(Critic, on_delete=models.PROTECT, related_name="prediction_sets")
    only_rated = models.BooleanField(default=False, help_text="Only clips with blind ratings, from all splits.")
    is_direct = models.BooleanField(default=False, help_text="Scores alone, without reasons and defects.")
    job = models.OneToOneField(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="prediction_set")
    clips = models.PositiveIntegerField(default=0, help_text="How many clips it is about, when a job last counted.")
    figures = models.JSONField(default=dict, blank=True, help_text="Figures against blind ratings, at `finished_at`.")
    key = models.CharField(
        max_length=KEY_LENGTH, blank=True, help_text="Idempotency key: the next request of the same person repeats it."
    )
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(finished_at=None) | models.Q(cancelled_at=None), name="prediction_set_ends_once"
            ),
            models.UniqueConstraint(
                fields=["created_by", "key"], condition=~models.Q(key=""), name="prediction_set_once_a_key"
            ),
        ]

    def __str__(self) -> str:
        return f"predictions {self.pk}"

    @property
    def state(self) -> str:
        """A state of a job. Between two jobs the set is still running."""
        if self.cancelled_at is not None or (self.job and self.job.state == JobState.CANCELLED):
            return JobState.CANCELLED
        if self.finished_at is not None:
            return JobState.DONE
        if self.job is None:
            return JobState.FAILED
        return JobState.RUNNING if self.job.state == JobState.DONE else self.job.state


class Prediction(models.Model):
    """What the critic answered for one clip, or why there is no answer."""

    prediction_set = models.ForeignKey(PredictionSet, on_delete=models.CASCADE, related_name="predictions")
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="predictions")
    clip_version = models.PositiveIntegerField(help_text="Version of the clip that the critic saw.")
    proposal = models.JSONField(null=True, blank=True, help_text="The proposed axes; empty if there is no answer.")
    error = models.CharField(max_length=ERROR_LENGTH, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["prediction_set", "item"], name="one_prediction_a_clip"),
            models.CheckConstraint(
                condition=models.Q(proposal__isnull=False, error="")
                | (models.Q(proposal__isnull=True) & ~models.Q(error="")),
                name="prediction_or_error",
            ),
        ]
