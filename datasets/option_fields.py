"""Fields of the form, of the API and of the command, made from the table of options."""

from argparse import ArgumentParser
from typing import Any

from django import forms
from rest_framework import serializers

from annotation.shared.number_fields import limit_number
from datasets.services.options import OPTIONS, Choice, Flag, Names, Number, Option
from datasets.services.policy import ReleasePolicy

DEFAULTS = ReleasePolicy()


def make_form_field(name: str) -> forms.Field:
    """Return the field of the page. The choices of names are those of the site, so the form fills them in."""
    option = OPTIONS[name]
    texts: dict[str, Any] = {"label": option.label, "help_text": option.help, "initial": getattr(DEFAULTS, name)}
    match option.kind:
        case Choice(labels):
            return forms.ChoiceField(choices=list(labels.items()), **texts)
        case Flag():
            return forms.BooleanField(required=False, **texts)
        case Number(low, high):
            return forms.IntegerField(**texts, **limit_number(low, high))
        case Names():
            return forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple, **texts)


def make_serializer_field(name: str) -> serializers.Field[Any, Any, Any, Any]:
    """Return the field of the API's schema. `ReleasePolicy.from_json` checks what a script sends."""
    option = OPTIONS[name]
    texts: dict[str, Any] = {"required": False, "help_text": f"{option.label}. {option.help}"}
    match option.kind:
        case Choice(labels):
            return serializers.ChoiceField(choices=list(labels), **texts)
        case Flag():
            return serializers.BooleanField(**texts)
        case Number(low, high):
            return serializers.IntegerField(min_value=low, max_value=high, **texts)
        case Names():
            return serializers.ListField(child=serializers.CharField(), **texts)


def add_argument(parser: ArgumentParser, name: str) -> None:
    """Add the option of the command."""
    option = OPTIONS[name]
    values: dict[str, Any] = {
        "dest": name,
        "default": getattr(DEFAULTS, name),
        "help": f"{option.label}. {option.help}",
    }
    match option.kind:
        case Choice(labels):
            values["choices"] = list(labels)
        case Flag():
            values["action"] = "store_true"
        case Number():
            values["type"] = int
        case Names():
            values |= {"action": "append", "default": [], "metavar": "NAME"}
    parser.add_argument(*name_flags(name, option), **values)


def name_flags(name: str, option: Option) -> list[str]:
    """Return the flags of the command; `--policy` is the earlier name of `--target`."""
    flag = f"--{option.flag or name.replace('_', '-')}"
    return [flag, "--policy"] if name == "target" else [flag]


def read_policy(values: dict[str, Any]) -> ReleasePolicy:
    """Return the policy of cleaned values, by the names of options. Raises ReleaseRefused."""
    return ReleasePolicy.from_json({name: values[name] for name in OPTIONS if name in values})
