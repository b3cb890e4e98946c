"""Forms of the pages of releases. Rules live in `datasets.services`; a form only reads what was typed."""

from django import forms
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from annotation.models import Campaign, Rating
from datasets.services.policy import ReleasePolicy

TARGETS = (
    ("mean", _("Mean of the ratings (MOS)")),
    ("bias_corrected", _("Mean corrected for raters' biases (mixed model)")),
    ("bt500", _("Mean after BT.500 screening (clips with seven ratings or more)")),
    ("p910", _("P.910 (panels: clips with twelve ratings or more)")),
    ("reviewed", _("Reviewed clips only (the lead's scores)")),
)


def campaigns_with_ratings() -> QuerySet[Campaign]:
    return Campaign.objects.filter(Exists(Rating.objects.filter(item__campaign=OuterRef("pk"))))


class FreezeForm(forms.Form):
    """The choices that a person makes; the rest of the policy keeps its defaults."""

    campaign = forms.ModelChoiceField(campaigns_with_ratings().order_by("title"), label=_("Campaign"), empty_label=None)
    name = forms.SlugField(
        label=_("Name"),
        max_length=80,
        initial="release",
        help_text=_("Small letters, digits, hyphens. It gets a number."),
    )
    target = forms.ChoiceField(
        label=_("Target"),
        choices=TARGETS,
        help_text=_(
            "What a critic learns to say. A train clip without a target is left out and counted. Val and test count "
            "blind ratings only, and are never the lead's scores."
        ),
    )
    clips = forms.ChoiceField(
        label=_("Clips"), choices=(("copy", _("Copy the clips into it")), ("none", _("Leave the clips out")))
    )
    unedited_drafts = forms.BooleanField(
        label=_("Train on drafts that raters accepted unedited"),
        required=False,
        help_text=_("Off by default: a critic should not learn from itself unawares."),
    )
    seed = forms.IntegerField(
        label=_("Seed"), min_value=0, initial=0, help_text=_("Breaks ties between equally good reasons.")
    )
    allow_small_splits = forms.BooleanField(label=_("Freeze it with small splits"), required=False)

    def policy(self) -> ReleasePolicy:
        """What was chosen, of a valid form."""
        data = self.cleaned_data
        return ReleasePolicy(
            target=data["target"],
            media=data["clips"],
            unedited_drafts=data["unedited_drafts"],
            seed=data["seed"],
            allow_small_splits=data["allow_small_splits"],
        )
