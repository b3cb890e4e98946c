"""A row of a re-imported manifest is compared with the clip that it names."""

from typing import Any

import pytest

from annotation.corrections.correct import correct_clip
from annotation.corrections.differences import describe_differences, find_differences
from annotation.intake.manifests import Row
from annotation.models import Clip, Item
from tests.annotation.factories import make_campaign, make_lead

pytestmark = pytest.mark.django_db
FIELDS = {"seed": "7", "content_warning": "gore", "metadata": {"steps": 30}}


def make_row(clip: Clip, **changes: Any) -> Row:
    values: dict[str, Any] = {"video": "a.mp4", "prompt": clip.prompt, "generator": clip.generator}
    return Row(**(values | changes))


@pytest.fixture
def item() -> Item:
    make_campaign(1)
    Clip.objects.update(**FIELDS)
    Item.objects.update(gold={"visual": 3.0})
    return Item.objects.select_related("clip__prompt_group").get()


@pytest.mark.parametrize(
    ("changes", "name", "after", "words"),
    [
        ({"prompt": "A kite"}, "prompt", "A kite", "A kite"),
        ({"generator": "toy-2"}, "generator", "toy-2", "toy-1"),
        ({"seed": 2**64 - 1}, "seed", str(2**64 - 1), "Seed"),
        ({"content_warning": "blood"}, "content_warning", "blood", "gore"),
        ({"metadata": {"sampler": "euler"}}, "metadata", {"steps": 30, "sampler": "euler"}, "sampler"),
        ({"metadata": {"steps": 31}}, "metadata", {"steps": 31}, "steps"),
        ({"gold": {"visual": 4.0}}, "gold", {"visual": 4.0}, "Known scores"),
    ],
)
def test_each_value_that_a_row_states_otherwise_is_a_difference_that_can_be_applied(
    item: Item, changes: dict[str, Any], name: str, after: object, words: str
) -> None:
    (difference,) = find_differences(item.clip, make_row(item.clip, **changes), item=item)
    assert (difference.name, difference.after) == (name, after)
    (sentence,) = describe_differences([difference])
    assert words in sentence
    correct_clip(
        actor=make_lead(),
        clip=item.clip,
        values={name: difference.after},
        reason="Imported again.",
        campaign=item.campaign,
    )
    item = Item.objects.select_related("clip__prompt_group").get(pk=item.pk)
    assert find_differences(item.clip, make_row(item.clip, **changes), item=item) == []


@pytest.mark.parametrize("changes", [{}, {"seed": 7}, {"metadata": {"steps": 30}}, {"gold": {"visual": 3.0}}])
def test_an_empty_cell_and_an_equal_value_are_no_difference(item: Item, changes: dict[str, Any]) -> None:
    row = make_row(item.clip, **changes)
    assert find_differences(item.clip, row, sha256=item.clip.sha256, item=item) == []
    assert find_differences(item.clip, row) == []


def test_another_file_is_a_difference(item: Item) -> None:
    (difference,) = find_differences(item.clip, make_row(item.clip), sha256="0" * 64)
    assert (difference.name, describe_differences([difference])) == ("video", ["The video is another file."])
