"""The form that freezes a release. Rules live in `datasets.services`; a form only reads what was typed."""

from typing import Any

from django import forms
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from annotation.models import Campaign, Clip, Rating
from datasets.option_fields import make_form_field, read_policy
from datasets.services.judgements import list_sources
from datasets.services.options import OPTIONS
from datasets.services.policy import ReleasePolicy
from qsave.words import isolate


def select_campaigns_with_ratings() -> QuerySet[Campaign]:
    """Return the campaigns that a release can be made of."""
    return Campaign.objects.filter(Exists(Rating.objects.filter(item__campaign=OuterRef("pk"))))


class FreezeForm(forms.Form):
    """The campaign, the name, and a field for each option of a policy."""

    campaign = forms.ModelChoiceField(
        select_campaigns_with_ratings().order_by("title"),
        to_field_name="name",
        label=_("Campaign"),
        empty_label=None,
    )
    name = forms.SlugField(
        label=_("Name"),
        max_length=80,
        initial="release",
        help_text=_("Letters, digits, hyphens and underscores. The release also gets a number."),
        error_messages={"invalid": _("Use only letters, digits, hyphens and underscores.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields |= {name: make_form_field(name) for name in OPTIONS}
        self._offer("imported_sources", list_sources())
        self._offer("left_out_generators", _list_generators(str(self["campaign"].value() or "")))

    def _offer(self, name: str, values: list[str]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(value, isolate(value)) for value in values]

    def make_policy(self) -> ReleasePolicy:
        """Make the policy of a valid form. Raises ReleaseRefused for options that do not go together."""
        return read_policy(self.cleaned_data)


def _list_generators(campaign: str) -> list[str]:
    """Return the generators of a campaign's clips; of the first campaign offered, if none is chosen."""
    chosen = select_campaigns_with_ratings().order_by("title")
    first = (chosen.filter(name=campaign) if campaign else chosen).first()
    clips = Clip.objects.filter(items__campaign=first)
    return list(clips.order_by("generator").values_list("generator", flat=True).distinct())
