"""The form that freezes a release. Rules live in `datasets.services`; a form only reads what was typed."""

from typing import Any

from django import forms
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from annotation.models import Campaign, Rating
from annotation.shared.number_fields import LARGEST_INTEGER, limit_number
from datasets.services.judgements import list_sources
from datasets.services.options import TARGETS
from datasets.services.policy import ReleasePolicy
from qsave.words import isolate


def select_campaigns_with_ratings() -> QuerySet[Campaign]:
    """Return the campaigns that a release can be made of."""
    return Campaign.objects.filter(Exists(Rating.objects.filter(item__campaign=OuterRef("pk"))))


class FreezeForm(forms.Form):
    """The choices of a policy that people make on the page; the others keep their defaults."""

    campaign = forms.ModelChoiceField(
        select_campaigns_with_ratings().order_by("title"), label=_("Campaign"), empty_label=None
    )
    name = forms.SlugField(
        label=_("Name"),
        max_length=80,
        initial="release",
        help_text=_("Letters, digits, hyphens and underscores. The release also gets a number."),
        error_messages={"invalid": _("Use only letters, digits, hyphens and underscores.")},
    )
    target = forms.ChoiceField(
        label=_("Target"),
        choices=[(name, kind.label) for name, kind in TARGETS.items()],
        help_text=_(
            "The score that a critic learns. Train clips without a target are left out and counted. Targets of val and "
            "test count blind ratings only and are never the lead's scores."
        ),
    )
    clips = forms.ChoiceField(
        label=_("Clips"), choices=(("copy", _("Copy the clips into the release")), ("none", _("Leave the clips out")))
    )
    unedited_drafts = forms.BooleanField(
        label=_("Train on drafts that raters accepted unedited"),
        required=False,
        help_text=_("Off by default, so that a critic does not learn from its own words unnoticed."),
    )
    seed = forms.IntegerField(
        label=_("Seed"),
        initial=0,
        help_text=_("Breaks ties between equally good reasons."),
        **limit_number(0, LARGEST_INTEGER),
    )
    imported_sources = forms.MultipleChoiceField(
        label=_("Ratings made elsewhere"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("The release gets those of the chosen sources in a file of their own. No target counts them."),
    )
    allow_small_splits = forms.BooleanField(label=_("Freeze the release with small splits"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sources = self.fields["imported_sources"]
        assert isinstance(sources, forms.MultipleChoiceField)
        sources.choices = [(name, isolate(name)) for name in list_sources()]

    def make_policy(self) -> ReleasePolicy:
        """Make the policy of a valid form."""
        data = self.cleaned_data
        return ReleasePolicy(
            target=data["target"],
            media=data["clips"],
            unedited_drafts=data["unedited_drafts"],
            seed=data["seed"],
            allow_small_splits=data["allow_small_splits"],
            imported_sources=tuple(data["imported_sources"]),
        )
