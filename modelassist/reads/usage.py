"""What an endpoint critic was asked so far, in words."""

from dataclasses import dataclass

from django.db.models import Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.shared.amounts import group_digits
from modelassist.kinds.endpoint.usage import Usage
from modelassist.models import Critic


@dataclass(frozen=True, slots=True)
class UsageWords:
    """The sums over all days."""

    requests: str
    tokens: str


def read_usage(critic: Critic) -> UsageWords | None:
    """Return what a critic was asked; None for a critic that is no endpoint."""
    if critic.kind != Critic.Kind.ENDPOINT:
        return None
    names = ("requests", "seconds", "prompt_tokens", "completion_tokens")
    return describe_usage(Usage(**critic.usage.aggregate(**{name: Sum(name, default=0) for name in names})))


def describe_usage(usage: Usage) -> UsageWords:
    """Put sums into words."""
    seconds = round(usage.seconds)
    requests = ngettext("%(n)s request, %(seconds)s s", "%(n)s requests, %(seconds)s s", usage.requests)
    tokens = _("%(read)s read, %(written)s written")
    return UsageWords(
        requests % {"n": group_digits(usage.requests), "seconds": group_digits(seconds)},
        tokens % {"read": group_digits(usage.prompt_tokens), "written": group_digits(usage.completion_tokens)},
    )
