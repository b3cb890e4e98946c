"""Number fields of forms say which numbers they take."""

import re
from collections.abc import Iterator

import pytest
from django import forms
from django.core.exceptions import ValidationError

from annotation.campaigns.forms import CampaignForm, MarkForm, PolicyForm
from annotation.raters.panel_pages import PanelForm
from annotation.shared.number_fields import describe_range
from datasets.forms import FreezeForm

pytestmark = pytest.mark.django_db  # a form may read its choices when it is made
OURS = ("accounts.", "annotation.", "datasets.", "modelassist.", "operations.")
BUILT_LATER = (PolicyForm, CampaignForm, FreezeForm)
"""Forms whose fields are made when the form is."""


def list_forms(base: type[forms.Form] = forms.Form) -> Iterator[type[forms.Form]]:
    for form in base.__subclasses__():
        yield form
        yield from list_forms(form)


def list_number_fields() -> list[tuple[str, forms.IntegerField]]:
    """Return each number field of each form that people type; a FloatField is an IntegerField to Django."""
    fields = [
        (f"{form.__name__}.{name}", field)
        for form in list_forms()
        if form.__module__.startswith(OURS)
        for name, field in (form().fields if form in BUILT_LATER else form.base_fields).items()
    ]
    numbers = [(name, field) for name, field in fields if isinstance(field, forms.IntegerField)]
    return [(name, field) for name, field in numbers if not field.widget.is_hidden]


def test_every_form_with_numbers_is_listed() -> None:
    listed = {name.partition(".")[0] for name, _field in list_number_fields()}
    assert listed >= {form.__name__ for form in (PolicyForm, CampaignForm, MarkForm, PanelForm, FreezeForm)}


@pytest.mark.parametrize("value", ["", "many", "-9999999", "1e400", "9" * 5000, "nan", "1.25"])
def test_every_wrong_number_is_answered_with_the_numbers_that_are_wanted(value: str) -> None:
    refused = 0
    for name, field in list_number_fields():
        try:
            field.clean(value)
        except ValidationError as refusal:
            refused += 1
            [text] = refusal.messages
            assert re.fullmatch(r"Enter a (whole )?number from -?[\d.]+ to [\d.]+\.", text), (name, text)
    assert refused


def test_a_range_says_whether_the_number_is_whole() -> None:
    assert describe_range(1, 20) == "Enter a whole number from 1 to 20."
    assert describe_range(0, 0.5, is_whole=False) == "Enter a number from 0 to 0.5."
