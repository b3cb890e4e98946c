"""Versions of guidelines with their example clips."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from annotation.campaigns.guidelines import Example, read_examples, set_guidelines
from annotation.models import Campaign, Clip, GuidelineExample
from tests.annotation import factories

pytestmark = pytest.mark.django_db


def test_each_text_gets_a_number_and_the_same_text_no_second(campaign: Campaign) -> None:
    lead = factories.make_lead()
    numbers = [set_guidelines(actor=lead, campaign=campaign, text=text).number for text in ("a", "a", "b")]
    assert numbers == [1, 1, 2]


def test_another_example_or_note_or_order_is_another_version(campaign: Campaign, clips: list[Clip]) -> None:
    lead = factories.make_lead()
    bad, good = Example("visual", 1, clips[0], "melted"), Example("visual", 5, clips[1])
    noted = Example("visual", 5, clips[1], "crisp")
    given: tuple[list[Example], ...] = ([bad], [bad], [bad, good], [bad, noted], [noted, bad], [])
    numbers = [set_guidelines(actor=lead, campaign=campaign, text="a", examples=examples).number for examples in given]
    assert numbers == [1, 1, 2, 3, 4, 5]
    assert read_examples(campaign.guidelines.get(number=3)) == [bad, noted]


def test_a_new_text_alone_takes_the_examples_along(campaign: Campaign, clips: list[Clip]) -> None:
    lead, example = factories.make_lead(), Example("dynamic", 2, clips[2], "slides")
    set_guidelines(actor=lead, campaign=campaign, text="a", examples=[example])
    assert read_examples(set_guidelines(actor=lead, campaign=campaign, text="b")) == [example]
    assert GuidelineExample.objects.count() == 2


def test_invalid_examples_are_refused_and_make_no_version(campaign: Campaign, clips: list[Clip]) -> None:
    stranger = factories.make_clip()
    for examples in (
        [Example("sound", 3, clips[0])],
        [Example("visual", 0, clips[0])],
        [Example("visual", 6, clips[0])],
        [Example("visual", 3, stranger)],
        [Example("visual", 3, clips[0], "x" * 301)],
        [Example("visual", 3, clips[0]), Example("visual", 3, clips[0], "again")],
        [Example("visual", 3, clips[0])] * 61,
    ):
        with pytest.raises(ValidationError) as caught:
            set_guidelines(actor=factories.make_lead(), campaign=campaign, text="a", examples=examples)
        assert list(caught.value.message_dict) == ["examples"]
    assert not campaign.guidelines.exists()


def test_annotators_may_not_write_guidelines(campaign: Campaign) -> None:
    with pytest.raises(PermissionDenied):
        set_guidelines(actor=factories.make_user(), campaign=campaign, text="a")
