"""Forms of the engineer's pages. The rules are in `modelassist.services`; a form only parses the input."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.models import Campaign
from annotation.shared.number_fields import limit_number
from datasets.models import Release
from modelassist.engine.settings.config import ConfigError
from modelassist.engine.training.presets import list_recipes, parse_overrides
from modelassist.models import Critic
from qsave.axes import MAX_LEVEL, MIN_LEVEL
from qsave.parsing import parse_json
from qsave.release.manifest import FORMAT
from qsave.words import isolate


class StartRunForm(forms.Form):
    """The release, the model and the settings of a training run."""

    release = forms.ModelChoiceField(Release.objects.none(), label=_("Release"), empty_label=None)
    critic = forms.ModelChoiceField(
        Critic.objects.all(),
        required=False,
        empty_label=_("(none: use the model in the next field)"),
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
        help_text=_("Lower-case letters, digits and hyphens. The version is added automatically."),
        error_messages={"invalid": _("Use only lower-case letters, digits and hyphens.")},
    )
    recipe = forms.ChoiceField(
        label=_("Recipe"),
        required=False,
        choices=lambda: [("", _("Automatic (by the model)")), *((name, name) for name in list_recipes())],
        help_text=_("Automatic: a tiny model trains with its own settings, a pretrained model with adapters (LoRA)."),
    )
    settings = forms.CharField(
        label=_("Settings that differ from the recipe"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "class": "mono", "spellcheck": "false"}),
        help_text=_('One per line, for example sft.steps = 200; or JSON, for example {"sft": {"steps": 200}}.'),
    )
    allow_high_rates = forms.BooleanField(
        label=_("Allow learning rates above the limits"),
        required=False,
        help_text=_("Limits: 2e-2 for a tiny model, 1e-3 for adapters, 5e-5 for all weights of a pretrained model."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["release"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Release.objects.filter(state=Release.State.FROZEN, format=FORMAT)

    def clean_settings(self) -> dict[str, Any]:
        text = self.cleaned_data["settings"].strip()
        if text and text[0] not in "{[":
            try:
                return parse_overrides(line for line in text.splitlines() if line.strip())
            except ConfigError as error:
                raise forms.ValidationError(str(error)) from error
        try:
            value = parse_json(text or "{}")
        except ValueError as error:
            raise forms.ValidationError(_("This is not JSON: %(error)s.") % {"error": error}) from error
        if not isinstance(value, dict):
            raise forms.ValidationError(_("Write a JSON object: braces around names and values."))
        return value

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if bool(data.get("critic")) == bool(data.get("base_model")):
            self.add_error("base_model", _("Choose exactly one of the two: a critic or a model."))
        if data.get("allow_high_rates") and "settings" in data:
            data["settings"] = {**data["settings"], "allow_high_rates": True}
        return data


class AddCriticForm(forms.Form):
    """A model that was not trained here."""

    name = forms.SlugField(
        label=_("Name of the critic"),
        max_length=80,
        help_text=_("Lower-case letters, digits and hyphens. The version is added automatically."),
        error_messages={"invalid": _("Use only lower-case letters, digits and hyphens.")},
    )
    model = forms.CharField(
        label=_("Model"),
        max_length=300,
        help_text=_(
            "A folder on the machine that drafts, or a hub id. The site loads it once before it adds the critic."
        ),
    )


class CampaignField(forms.ModelChoiceField):  # type: ignore[type-arg]  # the class takes no argument while it runs
    """A choice of campaigns. Each title keeps its own direction beside the words of the site."""

    def label_from_instance(self, obj: Any) -> str:
        return isolate(obj)


class ActivateForm(forms.Form):
    """Where a critic drafts. Closed campaigns need no drafts."""

    campaign = CampaignField(
        label=_("Campaign"),
        queryset=Campaign.objects.exclude(state__in=[Campaign.State.CLOSED, Campaign.State.ARCHIVED]).order_by("title"),
        empty_label=_("Choose a campaign"),
        help_text=_(
            "This critic replaces the one that drafts there now. Raters who get a clip from now on see its drafts only."
        ),
    )


class ChooseCriticForm(forms.Form):
    """Which critic drafts for a campaign."""

    critic = forms.ModelChoiceField(
        label=_("Critic"),
        queryset=Critic.objects.all(),
        empty_label=_("Choose a critic"),
        help_text=_("It replaces the one that drafts now. Existing drafts stay."),
    )


class AnchoringBoundForm(forms.Form):
    """By how much drafts may pull ratings."""

    bound = forms.FloatField(
        label=_("Largest pull of drafts, in levels"),
        **limit_number(0, MAX_LEVEL - MIN_LEVEL, is_whole=False),
        help_text=_("Drafting stops where the 95% interval of the pull lies above this."),
    )
