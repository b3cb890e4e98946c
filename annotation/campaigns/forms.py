"""Forms of the lead's pages. They only read input; the rules are in the services beside this module."""

import re
import unicodedata
from dataclasses import fields
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.forms.models import fields_for_model, model_to_dict
from django.utils.translation import gettext_lazy as _

from annotation.campaigns.duplicate import CopiedParts
from annotation.campaigns.guidelines import MAX_TEXT_LENGTH
from annotation.campaigns.marking import MAX_PRIORITY, Mark, read_order_scores
from annotation.campaigns.policy import BOUNDS, FIXED_ONCE_OPENED, has_opened, is_whole
from annotation.models import Campaign
from annotation.shared.number_fields import limit_number
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL

GROUPS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (_("Ratings and agreement"), ("overlap", "overlap_cap", "disagreement_bound", "lease_minutes")),
    (_("Drafts"), ("assisted_share", "shows_draft_scores")),
    (_("Checks"), ("gold_share", "repeat_share", "qualification_mark")),
    (_("Viewing"), ("min_viewport_width", "min_viewport_height", "requires_watched")),
    (_("Who may rate"), ("open_to",)),
    (_("Order and draws"), ("order", "seed")),
    (_("Reasons and edits"), ("min_reason_length", "edit_hours", "waives_reason_when_excellent")),
    (_("Review"), ("names_raters_in_review",)),
)


LABELS: dict[str, Any] = {
    "title": _("Title"),
    "name": _("Short name"),
    "overlap": _("Ratings for each clip"),
    "overlap_cap": _("Most ratings for a clip if raters disagree"),
    "disagreement_bound": _("Largest score gap that still counts as agreement"),
    "lease_minutes": _("Minutes that a clip is reserved for a rater"),
    "assisted_share": _("Assisted share: train ratings that see the critic's draft"),
    "shows_draft_scores": _("Also show the critic's scores"),
    "gold_share": _("Share of golds among a rater's clips"),
    "repeat_share": _("Share of repeats among a rater's clips"),
    "qualification_mark": _("Qualification pass mark"),
    "requires_watched": _("Require that the clip is watched to its end"),
    "min_viewport_width": _("Minimum width of the window, in pixels"),
    "min_viewport_height": _("Minimum height of the window, in pixels"),
    "open_to": _("Open to"),
    "order": _("Order of clips"),
    "seed": _("Random seed"),
    "min_reason_length": _("Minimum length of a reason, in characters"),
    "waives_reason_when_excellent": _("No reason needed for “excellent” without a defect"),
    "edit_hours": _("Hours in which a rating can be edited"),
    "names_raters_in_review": _("Show the names of raters to the lead who reviews a clip"),
}
HELP: dict[str, Any] = {
    "name": _("For links and scripts: small letters, digits and hyphens. Leave empty to make it from the title."),
    "overlap": _("Three to five is usual; more ratings narrow the intervals. You can raise it later."),
    "overlap_cap": _("Leave empty to give every clip the same number."),
    "disagreement_bound": _("If scores of one axis differ by more, the clip gets another rating, up to the maximum."),
    "lease_minutes": _("After that the clip can go to another rater. Typed answers are kept."),
    "assisted_share": _("0 to 1. The other ratings are blind, so that the critic's influence can be measured."),
    "shows_draft_scores": _("Off by default: visible scores influence raters most."),
    "gold_share": _("0 to 0.5. Golds are clips with known scores. Mark them on the Clips page."),
    "repeat_share": _("0 to 0.5. A rater gets a clip again, unannounced, after at least ten others."),
    "qualification_mark": _(
        "0 to 1: the share of right answers. An answer within one level of the known score is right. Leave empty for "
        "no qualification."
    ),
    "requires_watched": "",
    "min_viewport_width": _("0 allows any size."),
    "min_viewport_height": _("0 allows any size."),
    "open_to": _("Invite or add members on the Members page."),
    "order": _("Set priorities and upload scores on the Clips page. Clips with equal values are balanced."),
    "seed": _("The same seed and clips give the same arms and the same order."),
    "min_reason_length": _("0 requires no reason."),
    "edit_hours": _("Counted from the first submit. Leave empty to allow edits until the campaign closes."),
    "names_raters_in_review": _(
        "Without names they are Rater 1, Rater 2 and so on, so that a lead judges the cards alone."
    ),
}


MAX_NAME_LENGTH = 80
NAME_ERRORS = {"invalid": _("Use only letters, digits, hyphens and underscores.")}


def propose_name(title: str) -> str:
    """Make a short name from a title: its letters a to z and digits. Empty for a title without them.

    `static/js/campaign-name.js` has the same rule, so that the page proposes what the form would take.
    """
    letters = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:MAX_NAME_LENGTH].strip("-")


def choose_name(form: forms.Form) -> str:
    """Return the short name of a form, by default one made from its title.

    Raises ValidationError if another campaign has that name, or if the title gives none.
    """
    name: str = form.cleaned_data["name"] or propose_name(form.cleaned_data.get("title", ""))
    if not name:
        raise ValidationError(_("Enter a short name: the title has no letters from a to z and no digits."))
    if Campaign.objects.filter(name=name).exists():
        raise ValidationError(
            _("Another campaign has the short name %(name)s already. Choose a different one."), params={"name": name}
        )
    return name


def _make_field(setting: models.Field[Any, Any], **options: Any) -> forms.Field | None:
    """Make the form field of a setting, with the bounds of `annotation.campaigns.policy`."""
    if setting.name in BOUNDS:
        options |= limit_number(*BOUNDS[setting.name], is_whole=is_whole(setting.name))
    return setting.formfield(**options)


class PolicyForm(forms.Form):
    """The settings of a campaign. `annotation.campaigns.policy` says which may change when."""

    names: tuple[str, ...] = ("title", *(name for _title, names in GROUPS for name in names))

    def __init__(self, data: Any = None, *, campaign: Campaign | None = None) -> None:
        super().__init__(data, initial=model_to_dict(campaign, fields=self.names) if campaign else None)
        settings = fields_for_model(
            Campaign, fields=self.names, labels=LABELS, help_texts=HELP, formfield_callback=_make_field
        )
        if "name" in settings:
            settings["name"].error_messages |= NAME_ERRORS
        self.fields = settings | self.fields
        for name in FIXED_ONCE_OPENED if campaign and has_opened(campaign) else ():
            self.fields[name].disabled = True
            self.fields[name].help_text = _("Fixed since the campaign opened: the arms of its slots are drawn from it.")

    @property
    def groups(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """Return the settings in the groups of the page: each a title and its fields."""
        return [(title, [self[name] for name in names]) for title, names in GROUPS]


class CampaignForm(PolicyForm):
    """A new campaign: its settings, its short name and its first guidelines."""

    names = (*PolicyForm.names, "name")
    guidelines = forms.CharField(
        label=_("Guidelines"),
        required=False,
        max_length=MAX_TEXT_LENGTH,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=_("What raters should look for, in Markdown. Each change creates a new version."),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        self.fields["name"].required = False  # the title gives one

    def clean_name(self) -> str:
        return choose_name(self)


class DuplicateForm(forms.Form):
    title = forms.CharField(label=_("Title"), max_length=160)
    name = forms.SlugField(
        label=LABELS["name"],
        required=False,
        max_length=MAX_NAME_LENGTH,
        help_text=HELP["name"],
        error_messages=NAME_ERRORS,
    )
    clips = forms.BooleanField(label=_("Clips, with priorities and order scores"), required=False)
    golds = forms.BooleanField(label=_("Gold marks"), required=False)
    qualification = forms.BooleanField(label=_("Qualification marks"), required=False)
    members = forms.BooleanField(label=_("Members"), required=False)

    def clean_name(self) -> str:
        return choose_name(self)

    def as_arguments(self) -> dict[str, Any]:
        """Return the arguments of `duplicate_campaign`."""
        values = self.cleaned_data
        parts = CopiedParts(**{part.name: values[part.name] for part in fields(CopiedParts)})
        return {"title": values["title"], "name": values["name"], "parts": parts}


class GuidelineForm(forms.Form):
    text = forms.CharField(
        label=_("Guidelines, in Markdown"),
        widget=forms.Textarea(attrs={"rows": 14}),
        max_length=MAX_TEXT_LENGTH,
        strip=False,
    )


_LEVEL = limit_number(MIN_LEVEL, MAX_LEVEL, is_whole=False)


class RefusableForm(forms.Form):
    """A form whose values a service may refuse."""

    def add_refusal(self, refusal: ValidationError) -> None:
        """Show each problem at its field, or above the form if it has no such field."""
        for field, problems in refusal.error_dict.items():
            self.add_error(field if field in self.fields else None, problems)


class KnownScoresForm(RefusableForm):
    """The known scores of a gold."""

    visual = forms.FloatField(label=_("Known visual score"), required=False, **_LEVEL)
    dynamic = forms.FloatField(label=_("Known dynamic score"), required=False, **_LEVEL)
    alignment = forms.FloatField(label=_("Known alignment score"), required=False, **_LEVEL)

    def read_scores(self) -> dict[str, float]:
        values = self.cleaned_data
        return {axis.value: values[axis.value] for axis in AXES if values[axis.value] is not None}


class MarkForm(KnownScoresForm):
    """The mark, known scores and priority of one item."""

    mark = forms.ChoiceField(label=_("This clip is"), choices=Mark.choices, widget=forms.RadioSelect)
    feedback = forms.CharField(
        label=_("Feedback"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("For a qualification clip: explain its scores. Raters read this after their answer."),
    )
    priority = forms.IntegerField(
        label=_("Priority"),
        initial=0,
        help_text=_("Higher comes first in a campaign ordered by priority."),
        **limit_number(-MAX_PRIORITY, MAX_PRIORITY),
    )


class OrderScoresForm(forms.Form):
    scores = forms.FileField(
        label=_("Scores"), help_text=_("A table (CSV, TSV, JSON, JSONL or Parquet) with clip_id and score.")
    )

    def read_scores(self) -> dict[str, float | None]:
        """Return the scores by clip_id; raises ValidationError without a readable file."""
        if not self.is_valid():
            raise ValidationError(_("Choose a table with the columns clip_id and score."))
        file = self.cleaned_data["scores"]
        return read_order_scores(file, file.name)
