"""The form that starts an import of uploaded files."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from annotation.intake.manifests import MAX_LENGTHS
from annotation.shared.number_fields import limit_number

MOST_ROOTS = 1000


class ManyFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    """Any number of files, cleaned to a list."""

    widget = ManyFilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:
        files = data if isinstance(data, list | tuple) else [data]
        return [super(ManyFilesField, self).clean(file, initial) for file in files if file]


class ImportForm(forms.Form):
    """Files of this request, or the keys of uploads that have arrived before it."""

    use_required_attribute = False

    sent = ManyFilesField(
        allow_empty_file=True,  # an empty video is refused with its row, not with the form
        label=_("Files"),
        help_text=_("Videos, with a manifest (CSV, TSV, JSON, JSONL or Parquet) or without one; or a zip of them."),
    )
    generator = forms.CharField(
        required=False,
        max_length=MAX_LENGTHS["generator"],
        label=_("Generator of videos in no folder"),
        help_text=_(
            "Only for videos that no manifest and no folder describes: the model that made them, such as wan-2.2."
        ),
    )
    uploads = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not values.get("sent") and not values.get("uploads") and "sent" not in self.errors:
            self.add_error("sent", _("Choose videos, a manifest with its videos, or one zip that holds them all."))
        return values


class BucketForm(forms.Form):
    """The address of a bucket, or of a folder in it."""

    address = forms.CharField(
        max_length=1_000, label=_("Address"), help_text=_("Such as s3://videos/batch-7: a bucket, and a folder in it.")
    )
    generator = forms.CharField(
        required=False,
        max_length=MAX_LENGTHS["generator"],
        label=_("Generator of videos in no folder"),
        help_text=_("Only for videos that no manifest and no folder describes, such as wan-2.2."),
    )


class ServerFolderForm(forms.Form):
    """A folder below one of the roots that an operator names."""

    root = forms.IntegerField(required=False, widget=forms.HiddenInput, **limit_number(0, MOST_ROOTS))
    path = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)
    generator = forms.CharField(
        required=False,
        max_length=MAX_LENGTHS["generator"],
        label=_("Generator of videos in no folder"),
        help_text=_("Only for videos that no manifest and no folder describes, such as wan-2.2."),
    )

    def clean_root(self) -> int:
        return int(self.cleaned_data["root"] or 0)
