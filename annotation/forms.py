"""Forms of the lead's pages. Rules live in `annotation.services`; a form only reads what was typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from annotation.models import Campaign

if TYPE_CHECKING:  # generic for the type checker only
    CampaignModelForm = forms.ModelForm[Campaign]
else:
    CampaignModelForm = forms.ModelForm


class CampaignForm(CampaignModelForm):
    """What a campaign starts with."""

    guidelines = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text="What raters are asked to look for, in Markdown. A later change makes a new version.",
    )

    class Meta:
        model = Campaign
        fields = (
            "title",
            "name",
            "overlap",
            "assisted_share",
            "lease_minutes",
            "min_reason_length",
            "waives_reason_when_excellent",
            "shows_draft_scores",
            "seed",
        )
        labels = {  # noqa: RUF012 - Django's Meta
            "name": "Short name",
            "overlap": "Ratings wanted for each clip",
            "assisted_share": "Share of train seats that see the critic's draft",
            "lease_minutes": "Minutes a clip is held for a rater",
            "min_reason_length": "Shortest reason, in characters",
            "waives_reason_when_excellent": "No reason needed for “excellent” without a defect",
            "shows_draft_scores": "Show the critic's scores too",
            "seed": "Seed of all draws",
        }
        help_texts = {  # noqa: RUF012 - Django's Meta
            "name": "For links and scripts: small letters, digits and hyphens.",
            "overlap": "Three to five is usual; more narrows the intervals.",
            "assisted_share": "0 to 1. The other seats are blind, so that the critic's pull on scores can be measured.",
            "lease_minutes": "After that the clip goes to somebody else; what was typed is kept.",
            "shows_draft_scores": "Off by default: seen scores pull people's scores most.",
            "seed": "The same seed and clips give the same arms and order.",
        }

    def clean_overlap(self) -> int:
        overlap: int = self.cleaned_data["overlap"]
        if not 1 <= overlap <= 50:
            raise forms.ValidationError("Ask for 1 to 50 ratings a clip.")
        return overlap

    def clean_assisted_share(self) -> float:
        share: float = self.cleaned_data["assisted_share"]
        if not 0 <= share <= 1:
            raise forms.ValidationError("A share lies between 0 and 1.")
        return share


class GuidelineForm(forms.Form):
    text = forms.CharField(label="Guidelines, in Markdown", widget=forms.Textarea(attrs={"rows": 16}))


class ManyFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    """One or more files, cleaned to a list."""

    widget = ManyFilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:
        files = (data if isinstance(data, list | tuple) else [data]) or [None]
        return [super(ManyFilesField, self).clean(file, initial) for file in files]


class ImportForm(forms.Form):
    sent = ManyFilesField(
        label="Files",
        help_text="A manifest (CSV, TSV, JSON, JSONL or Parquet) with its videos, or one zip that holds them all.",
    )
