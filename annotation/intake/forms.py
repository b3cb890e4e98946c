"""The form that uploads a manifest with its videos."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _


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
        error_messages=dict.fromkeys(
            ("required", "missing", "invalid"), _("Choose a manifest with its videos, or one zip that holds them all.")
        ),
        allow_empty_file=True,  # an empty video is refused with its row, not with the form
        label=_("Files"),
        help_text=_("A manifest (CSV, TSV, JSON, JSONL or Parquet) with its videos, or one zip that holds them all."),
    )
