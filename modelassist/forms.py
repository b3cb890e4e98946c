"""Forms of the engineer's pages. Rules live in `modelassist.services`; a form only reads what was typed."""

import json
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.models import Campaign
from datasets.models import Release
from modelassist.models import Critic
from qsave.release import FORMAT


class StartRunForm(forms.Form):
    """What a training run starts from."""

    release = forms.ModelChoiceField(Release.objects.none(), label=_("Release"), empty_label=None)
    critic = forms.ModelChoiceField(
        Critic.objects.all(),
        required=False,
        empty_label=_("(another model, named on the right)"),
        label=_("Start from a critic"),
    )
    base_model = forms.CharField(
        label=_("Or from a model"),
        required=False,
        max_length=300,
        help_text=_(
            "A Qwen3-VL or Qwen2.5-VL: a folder on the machine that trains, or a hub id such as"
            " Qwen/Qwen3-VL-2B-Instruct."
        ),
    )
    name = forms.SlugField(
        label=_("Name of the critic"),
        max_length=80,
        initial="critic",
        help_text=_("Small letters, digits, hyphens. The version counts itself."),
    )
    settings = forms.CharField(
        label=_("Settings that differ from the defaults"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "class": "mono", "spellcheck": "false"}),
        help_text=_('JSON, for example {"sft": {"steps": 200}}. Empty means the defaults.'),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["release"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Release.objects.filter(state=Release.State.FROZEN, format=FORMAT)

    def clean_settings(self) -> dict[str, Any]:
        text = self.cleaned_data["settings"].strip()
        try:
            value = json.loads(text or "{}")
        except ValueError as error:
            raise forms.ValidationError(_("This is not JSON: %(error)s.") % {"error": error}) from error
        if not isinstance(value, dict):
            raise forms.ValidationError(_("Write a JSON object: braces around names and values."))
        return value

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if bool(data.get("critic")) == bool(data.get("base_model")):
            self.add_error("base_model", _("Choose a critic or name a model: one of the two."))
        return data


class AddCriticForm(forms.Form):
    """A model that comes from elsewhere."""

    name = forms.SlugField(
        label=_("Name of the critic"),
        max_length=80,
        help_text=_("Small letters, digits, hyphens. The version counts itself."),
    )
    model = forms.CharField(
        label=_("Model"),
        max_length=300,
        help_text=_("A folder on the machine that drafts, or a hub id. It is loaded once before it is added."),
    )


class ActivateForm(forms.Form):
    campaign = forms.ModelChoiceField(
        label=_("Campaign"),
        queryset=Campaign.objects.exclude(state=Campaign.State.ARCHIVED).order_by("title"),
        empty_label=None,
        help_text=_("Another critic that drafts there is replaced; drafts already made stay."),
    )
