"""Count what an endpoint is asked, whoever asks: drafting, a score of one clip, predictions."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from modelassist.kinds.base import ClipAnswer, ClipQuestion
from modelassist.kinds.endpoint.usage import Usage
from modelassist.models import Critic, EndpointUsage

if TYPE_CHECKING:
    from modelassist.kinds.endpoint.proposer import EndpointCritic


@dataclass(slots=True)
class CountedEndpoint:
    """An endpoint whose use is stored, also when it fails."""

    critic: Critic
    endpoint: "EndpointCritic"
    uncounted: Usage = field(default_factory=Usage)
    """What a critic was asked that is not stored yet; `record_usage` adds it once it is."""

    def propose(self, questions: Sequence[ClipQuestion]) -> list[ClipAnswer]:
        """Answer each question, in order. Raises CriticUnavailable."""
        try:
            return self.endpoint.propose(questions)
        finally:
            self._count(self.endpoint.take_usage())

    def _count(self, usage: Usage) -> None:
        if self.critic._state.adding:
            self.uncounted += usage
        else:
            record_usage(critic=self.critic, usage=usage)


@transaction.atomic
def record_usage(*, critic: Critic, usage: Usage) -> None:
    """Add what a critic was asked to the sums of today."""
    if not usage.requests:
        return
    today, _is_new = EndpointUsage.objects.get_or_create(critic=critic, day=timezone.now().date())
    EndpointUsage.objects.filter(pk=today.pk).update(
        requests=F("requests") + usage.requests,
        seconds=F("seconds") + usage.seconds,
        prompt_tokens=F("prompt_tokens") + usage.prompt_tokens,
        completion_tokens=F("completion_tokens") + usage.completion_tokens,
    )
