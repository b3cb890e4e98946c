"""What the corrections of a clip ask for."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.campaigns.forms import RefusableForm
from annotation.corrections.records import MAX_REASON_LENGTH
from annotation.intake.manifests import MAX_LENGTHS, MAX_METADATA_BYTES, MAX_PROMPT_LENGTH
from annotation.models import Clip


class CorrectionForm(RefusableForm):
    """A correction with its reason, the last field."""

    reason = forms.CharField(
        label=_("Reason"), max_length=MAX_REASON_LENGTH, help_text=_("It is saved in the audit trail.")
    )

    def __init__(self, data: Any = None, files: Any = None, *, clip: Clip) -> None:
        super().__init__(data, files, initial=self.read_initial(clip), auto_id=f"{type(self).__name__.lower()}-%s")
        self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])

    def read_initial(self, clip: Clip) -> dict[str, Any]:
        """Return what the fields show first."""
        return {}

    def read_values(self) -> dict[str, Any]:
        """Return the values for `correct_clip`."""
        return {name: value for name, value in self.cleaned_data.items() if name != "reason"}


class DetailsForm(CorrectionForm):
    generator = forms.CharField(label=_("Generator"), max_length=MAX_LENGTHS["generator"])
    seed = forms.CharField(label=_("Seed"), required=False, max_length=40)
    content_warning = forms.CharField(
        label=_("Content warning"),
        required=False,
        max_length=MAX_LENGTHS["content_warning"],
        help_text=_("With a warning, the clip is blurred until the rater shows it."),
    )
    metadata = forms.JSONField(
        label=_("Metadata"),
        required=False,
        max_length=MAX_METADATA_BYTES,
        widget=forms.Textarea(attrs={"rows": 5, "class": "mono", "spellcheck": "false"}),
        help_text=_("JSON: names with their values."),
        error_messages={"invalid": _('Write JSON, for example {"steps": 30}.')},
    )

    def read_initial(self, clip: Clip) -> dict[str, Any]:
        return {name: getattr(clip, name) for name in ("generator", "seed", "content_warning")} | {
            "metadata": clip.metadata
        }

    def clean_metadata(self) -> dict[str, Any]:
        metadata = self.cleaned_data["metadata"] or {}
        if not isinstance(metadata, dict):
            raise forms.ValidationError(_('Write JSON, for example {"steps": 30}.'))
        return metadata


class PromptForm(CorrectionForm):
    prompt = forms.CharField(
        label=_("Prompt"),
        max_length=MAX_PROMPT_LENGTH,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 4, "dir": "auto"}),
    )

    def read_initial(self, clip: Clip) -> dict[str, Any]:
        return {"prompt": clip.prompt}


class FileForm(CorrectionForm):
    video = forms.FileField(
        label=_("New video file"),
        allow_empty_file=True,  # the refusal of an empty file says what it is
        help_text=_("MP4, MOV, WebM, MKV, AVI or GIF."),
    )


class WithdrawalForm(CorrectionForm):
    """Asks for the reason alone."""
