"""What each act on clips of the list asks for."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.campaigns.forms import KnownScoresForm, RefusableForm
from annotation.campaigns.marking import MAX_PRIORITY
from annotation.campaigns.policy import BOUNDS
from annotation.campaigns.reports import MAX_REASON_LENGTH
from annotation.shared.number_fields import limit_number


class ActForm(RefusableForm):
    """A form of an act; this one asks for nothing."""

    def read_values(self) -> dict[str, Any]:
        """Return the arguments of the act's service."""
        return dict(self.cleaned_data)


class ReasonForm(ActForm):
    """Asks for the reason alone."""

    reason = forms.CharField(label=_("Reason"), max_length=MAX_REASON_LENGTH)


class ReturnForm(ActForm):
    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=MAX_REASON_LENGTH, help_text=_("Excluded clips need one.")
    )


class GoldForm(ActForm, KnownScoresForm):
    def read_values(self) -> dict[str, Any]:
        return {"scores": self.read_scores()}


class PriorityForm(ActForm):
    priority = forms.IntegerField(
        label=_("Priority"),
        initial=0,
        help_text=_("Higher comes first in a campaign ordered by priority."),
        **limit_number(-MAX_PRIORITY, MAX_PRIORITY),
    )


class RatingsForm(ActForm):
    ratings = forms.IntegerField(
        label=_("Ratings of each clip"),
        help_text=_("At least as many, those given included."),
        **limit_number(*BOUNDS["overlap"]),
    )
