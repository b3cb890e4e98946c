"""Forms of the lead's pages. Rules live in `annotation.services`; a form only reads what was typed."""

from dataclasses import fields
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.models import fields_for_model, model_to_dict
from django.utils.translation import gettext_lazy as _

from annotation.campaigns.duplicate import CopiedParts
from annotation.campaigns.marking import Mark
from annotation.campaigns.policy import FIXED_ONCE_OPENED, has_opened
from annotation.models import Campaign

GROUPS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (_("Seats and agreement"), ("overlap", "overlap_cap", "disagreement_bound", "lease_minutes")),
    (_("Drafts"), ("assisted_share", "shows_draft_scores")),
    (_("Checks"), ("gold_share", "repeat_share", "qualification_mark")),
    (_("Viewing"), ("min_viewport_width", "min_viewport_height", "requires_watched")),
    (_("Who may rate"), ("open_to",)),
    (_("Order"), ("order", "seed")),
    (_("Reasons and edits"), ("min_reason_length", "edit_hours", "waives_reason_when_excellent")),
)


LABELS: dict[str, Any] = {
    "title": _("Title"),
    "name": _("Short name"),
    "overlap": _("Ratings wanted for each clip"),
    "overlap_cap": _("At most, where raters disagree"),
    "disagreement_bound": _("Levels apart that are agreement"),
    "lease_minutes": _("Minutes a clip is held for a rater"),
    "assisted_share": _("Share of train seats that see the critic's draft"),
    "shows_draft_scores": _("Show the critic's scores too"),
    "gold_share": _("Share of golds among a rater's clips"),
    "repeat_share": _("Share of repeats among a rater's clips"),
    "qualification_mark": _("Right answers that let a rater in"),
    "requires_watched": _("The clip must be watched to its end"),
    "min_viewport_width": _("Least width of the window, in pixels"),
    "min_viewport_height": _("Least height of the window, in pixels"),
    "open_to": _("Open to"),
    "order": _("Clips come"),
    "seed": _("Seed of all draws"),
    "min_reason_length": _("Shortest reason, in characters"),
    "waives_reason_when_excellent": _("No reason needed for “excellent” without a defect"),
    "edit_hours": _("Hours in which a rating may be edited"),
}
HELP: dict[str, Any] = {
    "name": _("For links and scripts: small letters, digits and hyphens."),
    "overlap": _("Three to five is usual; more narrows the intervals. It can rise later."),
    "overlap_cap": _("Empty: no clip gets more than the rest."),
    "disagreement_bound": _("Scores of one axis further apart give the clip another seat, up to the number beside."),
    "lease_minutes": _("After that the clip goes to somebody else; what was typed is kept."),
    "assisted_share": _("0 to 1. The other seats are blind, so that the critic's pull on scores can be measured."),
    "shows_draft_scores": _("Off by default: seen scores pull people's scores most."),
    "gold_share": _("0 to 0.5. Golds are clips whose scores are known; mark them on the page of clips."),
    "repeat_share": _("0 to 0.5. A rater meets a clip again, unannounced, after at least ten others."),
    "qualification_mark": _(
        "A share, 0 to 1. An answer within one level of the known score is right. Empty: nobody has to qualify."
    ),
    "requires_watched": "",
    "min_viewport_width": _("0: any."),
    "min_viewport_height": _("0: any."),
    "open_to": _("Members come by an invitation, or are added on the page of members."),
    "order": _("Priorities and scores are given on the page of clips. Among equals, evenly."),
    "seed": _("The same seed and clips give the same arms and order."),
    "min_reason_length": _("0: a reason may be left out."),
    "edit_hours": _("Counted from the first submit. Empty: until the campaign closes."),
}


class PolicyForm(forms.Form):
    """The settings of a campaign. What may change when, and what goes together, is for the service to say."""

    names: tuple[str, ...] = ("title", *(name for _title, names in GROUPS for name in names))

    def __init__(self, data: Any = None, *, campaign: Campaign | None = None) -> None:
        super().__init__(data, initial=model_to_dict(campaign, fields=self.names) if campaign else None)
        settings = fields_for_model(Campaign, fields=self.names, labels=LABELS, help_texts=HELP)
        self.fields = settings | self.fields
        for name in FIXED_ONCE_OPENED if campaign and has_opened(campaign) else ():
            self.fields[name].disabled = True
            self.fields[name].help_text = _("Fixed since the campaign opened: the arms of its seats are drawn by it.")

    @property
    def groups(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """The settings as the page shows them: a title and its fields."""
        return [(title, [self[name] for name in names]) for title, names in GROUPS]


class CampaignForm(PolicyForm):
    """What a campaign starts with: its settings, a name for links, and its first guidelines."""

    names = (*PolicyForm.names, "name")
    guidelines = forms.CharField(
        label=_("Guidelines"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=_("What raters are asked to look for, in Markdown. A later change makes a new version."),
    )


class DuplicateForm(forms.Form):
    title = forms.CharField(label=_("Title"), max_length=160)
    name = forms.SlugField(label=LABELS["name"], max_length=80, help_text=HELP["name"])
    clips = forms.BooleanField(label=_("The clips, with priorities and scores for the order"), required=False)
    golds = forms.BooleanField(label=_("Which clips are golds"), required=False)
    qualification = forms.BooleanField(label=_("Which clips are the qualification"), required=False)
    members = forms.BooleanField(label=_("The members"), required=False)

    def as_arguments(self) -> dict[str, Any]:
        """Return the arguments of `duplicate_campaign`."""
        values = self.cleaned_data
        parts = CopiedParts(**{part.name: values[part.name] for part in fields(CopiedParts)})
        return {"title": values["title"], "name": values["name"], "parts": parts}


class GuidelineForm(forms.Form):
    text = forms.CharField(
        label=_("Guidelines, in Markdown"), widget=forms.Textarea(attrs={"rows": 14}), max_length=100_000, strip=False
    )


class MarkForm(forms.Form):
    """What a lead says of one item."""

    mark = forms.ChoiceField(label=_("This clip is"), choices=Mark.choices, widget=forms.RadioSelect)
    visual = forms.FloatField(label=_("Known: visual"), required=False)
    dynamic = forms.FloatField(label=_("Known: dynamic"), required=False)
    alignment = forms.FloatField(label=_("Known: alignment"), required=False)
    feedback = forms.CharField(
        label=_("Feedback"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Of a qualification clip: why its scores are what they are. Raters read it after their answer."),
    )
    priority = forms.IntegerField(
        label=_("Priority"), initial=0, help_text=_("Higher comes first, where the campaign goes by priority.")
    )

    def add_refusal(self, refusal: ValidationError) -> None:
        """Shows what a service refused: at its field where the form has one, else above all of them."""
        for field, problems in refusal.error_dict.items():
            self.add_error(field if field in self.fields else None, problems)


class OrderScoresForm(forms.Form):
    scores = forms.FileField(label=_("Scores"), help_text=_("CSV with the columns clip_id and score."))

    def text(self) -> str:
        """The file's text; raises ValidationError when there is none."""
        if not self.is_valid():
            raise ValidationError(_("Choose a CSV file with the columns clip_id and score."))
        try:
            return str(self.cleaned_data["scores"].read().decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise ValidationError(_("This file is not text in UTF-8. Save it as CSV in UTF-8.")) from None
