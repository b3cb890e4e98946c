"""Forms of the engineer's pages. The rules are in `modelassist.services`; a form only parses the input."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.models import Campaign
from annotation.shared.number_fields import limit_number
from datasets.models import Release
from modelassist.engine.settings.config import ConfigError
from modelassist.engine.training.presets import list_recipes, parse_overrides
from modelassist.kinds.endpoint.settings import EndpointSettings, SettingsError
from modelassist.models import Critic
from modelassist.services.adding import NewCritic
from modelassist.services.critics import Papers
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


class CampaignField(forms.ModelChoiceField):  # type: ignore[type-arg]  # the class takes no argument while it runs
    """A choice of campaigns. Each title keeps its own direction beside the words of the site."""

    def label_from_instance(self, obj: Any) -> str:
        return isolate(obj)


class NewCriticForm(forms.Form):
    """What every new critic has: a name, and papers that its folder may also bring."""

    name = forms.SlugField(
        label=_("Name of the critic"),
        max_length=80,
        help_text=_("Lower-case letters, digits and hyphens. The version is added automatically."),
        error_messages={"invalid": _("Use only lower-case letters, digits and hyphens.")},
    )
    licence = forms.CharField(
        label=_("Licence"),
        max_length=120,
        required=False,
        help_text=_("For example Apache-2.0. If it is empty, that of the model's card is used."),
    )
    card = forms.CharField(
        label=_("Model card"),
        max_length=100_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("How it was made and how weak it is, in Markdown. If it is empty, that of the folder is used."),
    )

    def read_papers(self) -> Papers:
        return Papers(card=self.cleaned_data["card"], licence=self.cleaned_data["licence"])


class FolderForm(NewCriticForm):
    """A model in a folder of the machine that drafts."""

    model = forms.CharField(
        label=_("Folder"),
        max_length=300,
        help_text=_("A Qwen3-VL or Qwen2.5-VL with its tokenizer, on the machine that drafts."),
    )
    field_order = ("name", "model", "licence", "card")

    def read_new_critic(self) -> NewCritic:
        return NewCritic(self.cleaned_data["name"], model=self.cleaned_data["model"], papers=self.read_papers())


class HubForm(FolderForm):
    """A model of a hub, which is downloaded when it is tried."""

    model = forms.RegexField(
        r"\A[A-Za-z0-9][\w.-]*/[\w.-]+\Z",
        label=_("Hub id"),
        max_length=300,
        help_text=_("Such as Qwen/Qwen3-VL-2B-Instruct. It is downloaded when it is tried."),
        error_messages={"invalid": _("A hub id looks like Qwen/Qwen3-VL-8B-Instruct.")},
    )


class EndpointForm(NewCriticForm):
    """An OpenAI-compatible server."""

    base_url = forms.CharField(
        label=_("Address"),
        max_length=300,
        help_text=_(
            "Up to the version: http://127.0.0.1:8000/v1. Its host must be in QSAVE_CRITIC_HOSTS if it is private."
        ),
    )
    model = forms.CharField(
        label=_("Model on the server"),
        max_length=300,
        required=False,
        help_text=_("If it is empty, the server is asked for the only model that it lists."),
    )
    prompt = forms.ChoiceField(
        label=_("Trained here"),
        choices=[("general", _("No")), ("critic", _("Yes, it is a critic that a training run made"))],
        help_text=_("Such a critic is asked with the prompt of its training, and answers in its own form."),
    )
    key = forms.CharField(
        label=_("Name of the key"),
        max_length=60,
        required=False,
        help_text=_(
            "Not the key itself: the operator sets it as QSAVE_CRITIC_KEY_ and this name. Empty if the server"
            " needs none."
        ),
    )
    timeout = forms.FloatField(label=_("Seconds of a request"), initial=120, **limit_number(1, 3600, is_whole=False))
    concurrency = forms.IntegerField(label=_("Clips at a time"), initial=2, **limit_number(1, 64))
    max_tokens = forms.IntegerField(label=_("Most tokens of an answer"), initial=1024, **limit_number(16, 32_768))
    structured = forms.ChoiceField(
        label=_("Form of the answer"),
        choices=[
            ("auto", _("JSON schema where the server takes it")),
            ("json_schema", _("JSON schema")),
            ("grammar", _("Text grammar (vLLM)")),
            ("none", _("Only said in the prompt")),
        ],
    )
    campaign = CampaignField(
        label=_("Try it on"),
        queryset=Campaign.objects.exclude(state=Campaign.State.ARCHIVED).order_by("title"),
        empty_label=_("Three made clips"),
        required=False,
        help_text=_("Clips of a campaign are sent only if a lead has agreed to the host."),
    )
    field_order = (
        "name", "base_url", "model", "prompt", "key", "campaign", "structured", "timeout", "concurrency", "max_tokens",
        "licence", "card",
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        names = ("base_url", "model", "prompt", "key", "timeout", "concurrency", "max_tokens", "structured")
        if all(name in data for name in names):
            try:
                data["endpoint"] = EndpointSettings.from_json({name: data[name] for name in names})
            except SettingsError as error:
                self.add_error(None, str(error))
        return data

    def read_new_critic(self) -> NewCritic:
        data = self.cleaned_data
        return NewCritic(data["name"], endpoint=data["endpoint"], papers=self.read_papers())


ADD_FORMS: dict[str, type[FolderForm] | type[EndpointForm]] = {
    "folder": FolderForm,
    "hub": HubForm,
    "endpoint": EndpointForm,
}
"""The form of each way to add a critic."""


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
        help_text=_("It replaces the one that drafts now. Raters who get a clip from now on see its drafts only."),
    )


class AnchoringBoundForm(forms.Form):
    """By how much drafts may pull ratings."""

    bound = forms.FloatField(
        label=_("Largest pull of drafts, in levels"),
        **limit_number(0, MAX_LEVEL - MIN_LEVEL, is_whole=False),
        help_text=_("Drafting stops where the 95% interval of the pull lies above this."),
    )
