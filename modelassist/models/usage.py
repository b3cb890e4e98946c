"""What endpoint critics were asked, by day."""

from typing import ClassVar

from django.db import models

from modelassist.models.critics import Critic


class EndpointUsage(models.Model):
    """Sums of one critic on one day (UTC). A server that does not count tokens leaves them at 0."""

    critic = models.ForeignKey(Critic, on_delete=models.CASCADE, related_name="usage")
    day = models.DateField()
    requests = models.PositiveBigIntegerField(default=0, help_text="Requests that were sent, repeated ones too.")
    seconds = models.FloatField(default=0.0, help_text="From sending to the last byte, summed over requests.")
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    completion_tokens = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["critic", "day"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["critic", "day"], name="one_usage_a_critic_and_day")]
