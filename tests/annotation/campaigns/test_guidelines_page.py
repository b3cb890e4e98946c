"""The lead's page of guidelines, and the raters' view of them."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from annotation.campaigns.campaigns import set_state
from annotation.campaigns.guidelines import Example, read_examples, set_guidelines
from annotation.models import Campaign, Clip
from annotation.raters.admission import list_visible_clips
from tests.annotation.factories import make_campaign, make_user
from tests.support.markup import collapse_space

pytestmark = pytest.mark.django_db


def make_path(campaign: Campaign) -> str:
    return f"/campaigns/{campaign.name}/guidelines"


def make_example_fields(*examples: tuple[str, int, Clip, str]) -> dict[str, Any]:
    """Make the form's fields for these examples."""
    parts = ("axis", "level", "clip", "note")
    rows = [(axis, level, clip.pk, note) for axis, level, clip, note in examples]
    return {f"example-{part}": [row[place] for row in rows] for place, part in enumerate(parts)}


def test_new_guidelines_are_a_new_version_after_a_look(as_lead: Client, lead: User, campaign: Campaign) -> None:
    set_guidelines(actor=lead, campaign=campaign, text="Old")
    looked = as_lead.post(make_path(campaign), {"text": "**New**", "look": "1"}).content.decode()
    assert "<strong>New</strong>" in looked
    assert campaign.guidelines.count() == 1
    as_lead.post(make_path(campaign), {"text": "**New**", "save": "1"})
    assert list(campaign.guidelines.order_by("number").values_list("text", flat=True)) == ["Old", "**New**"]


def test_examples_are_found_added_and_taken_out_before_anything_is_stored(
    as_lead: Client, campaign: Campaign, clips: list[Clip]
) -> None:
    page = as_lead.post(make_path(campaign), {"text": "T", "q": clips[1].clip_id, "find": "1"})
    search_page = collapse_space(page.content.decode())
    assert f'name="add" value="{clips[1].pk}"' in search_page
    assert f'name="add" value="{clips[0].pk}"' not in search_page
    by_prompt = as_lead.post(make_path(campaign), {"text": "T", "q": clips[2].prompt[5:30], "find": "1"})
    assert f'name="add" value="{clips[2].pk}"' in collapse_space(by_prompt.content.decode())
    nothing = as_lead.post(make_path(campaign), {"text": "T", "q": "no such clip", "find": "1"}).content.decode()
    assert "No clip of this campaign" in nothing

    one_example = make_example_fields(("visual", 1, clips[0], "melted"))
    add = {"text": "T", "axis": "dynamic", "level": "4", "add": str(clips[1].pk)}
    added = as_lead.post(make_path(campaign), one_example | add).content.decode()
    assert added.count('name="example-clip"') == 2
    assert 'name="example-axis" value="dynamic"' in added

    both = make_example_fields(("visual", 1, clips[0], "melted"), ("dynamic", 4, clips[1], ""))
    fewer = as_lead.post(make_path(campaign), both | {"text": "T", "out": "0"}).content.decode()
    assert fewer.count('name="example-clip"') == 1
    assert not campaign.guidelines.exists()

    as_lead.post(make_path(campaign), both | {"text": "T", "save": "1"})
    stored = read_examples(campaign.guidelines.get())
    assert stored == [Example("visual", 1, clips[0], "melted"), Example("dynamic", 4, clips[1], "")]


def test_a_clip_of_elsewhere_is_refused_in_words(as_lead: Client, campaign: Campaign) -> None:
    make_campaign(1)
    other = Clip.objects.exclude(items__campaign=campaign).get()
    page = as_lead.post(make_path(campaign), make_example_fields(("visual", 1, other, "")) | {"text": "T", "save": "1"})
    assert "is not in this campaign" in page.content.decode()
    assert not campaign.guidelines.exists()


def test_an_earlier_version_can_be_read(as_lead: Client, lead: User, campaign: Campaign) -> None:
    for text in ("First words", "Second words"):
        set_guidelines(actor=lead, campaign=campaign, text=text)
    assert '<p dir="auto">First words</p>' in as_lead.get(f"{make_path(campaign)}?older=1").content.decode()
    for number in ("3", "x", "-1", "9" * 30):
        assert as_lead.get(make_path(campaign), {"older": number}).status_code == 404


def test_raters_see_the_examples_by_axis_and_level_in_drawer_and_page(
    client: Client, lead: User, campaign: Campaign, clips: list[Clip]
) -> None:
    examples = [Example("dynamic", 2, clips[0], "It slides."), Example("visual", 5, clips[1])]
    set_guidelines(actor=lead, campaign=campaign, text="# Look", examples=examples)
    client.force_login(make_user())
    for path in (f"/rate/{campaign.name}/", f"/rate/{campaign.name}/guidelines"):
        page = client.get(path).content.decode()
        assert page.index("Play an example of visual 5, excellent") < page.index("Play an example of dynamic 2, poor")
        assert "It slides." in page
        assert "js/examples" in page


def test_the_page_loads_no_script_for_examples_that_are_not_there(
    client: Client, lead: User, campaign: Campaign
) -> None:
    set_guidelines(actor=lead, campaign=campaign, text="# Look")
    client.force_login(make_user())
    assert "js/examples" not in client.get(f"/rate/{campaign.name}/").content.decode()


def test_raters_may_play_the_examples_while_they_may_read_them(
    lead: User, campaign: Campaign, clips: list[Clip]
) -> None:
    draft = make_campaign(1, state="draft")
    (secret,) = Clip.objects.filter(items__campaign=draft)
    for where, clip in ((campaign, clips[0]), (draft, secret)):
        set_guidelines(actor=lead, campaign=where, text="T", examples=[Example("visual", 3, clip)])
    set_state(actor=lead, campaign=campaign, state="closed")
    assert list(list_visible_clips(make_user())) == [clips[0]]


def test_annotators_do_not_get_to_the_leads_page(client: Client, campaign: Campaign) -> None:
    client.force_login(make_user())
    assert client.get(make_path(campaign)).status_code == 403
