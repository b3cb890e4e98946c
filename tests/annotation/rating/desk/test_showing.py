"""The desk's content by arm and state, and the letters of its defects."""

import pytest
from django.test import Client

from accounts.models import User
from annotation.models import Arm, Campaign, Guideline, Slot
from annotation.rating.desk_presenter import PAGE_LETTERS, assign_letters
from annotation.rating.upcoming import guess_next_clip
from qsave.axes import AXES
from qsave.taxonomy import DEFAULT_TAXONOMY
from tests.annotation.factories import claim, make_draft
from tests.annotation.rating.desk.forms import SCRIPT, add_clip, make_form, post, start
from tests.support.markup import collapse_space

pytestmark = pytest.mark.django_db


def test_opening_the_page_takes_no_slot_and_the_post_does(
    as_rater: Client, rater: User, empty_campaign: Campaign
) -> None:
    add_clip(empty_campaign)
    assert b"Show the first clip" in as_rater.get("/rate/autumn/").content
    assert not Slot.objects.filter(state=Slot.State.LEASED).exists()
    response = post(as_rater, empty_campaign, "start")
    assert (response.status_code, response["Location"]) == (302, "/rate/autumn/")
    assert Slot.objects.get().rater == rater


def test_the_desk_shows_the_leased_clip_with_its_prompt_and_the_campaigns_own_defects(
    as_rater: Client, empty_campaign: Campaign
) -> None:
    Campaign.objects.update(taxonomy=[{"id": "own-fault", "axis": "visual", "label": "own fault"}])
    add_clip(empty_campaign, prompt="two <b>guys</b> talking")
    start(as_rater, empty_campaign)
    page = collapse_space(as_rater.get("/rate/autumn/").content.decode())
    assert "two &lt;b&gt;guys&lt;/b&gt; talking" in page
    assert 'value="own-fault"' in page
    assert 'value="blur"' not in page


def test_the_first_clip_comes_as_a_partial_to_a_script(as_rater: Client, empty_campaign: Campaign) -> None:
    add_clip(empty_campaign)
    page = post(as_rater, empty_campaign, "start", headers=SCRIPT).content.decode()
    assert "<html" not in page
    assert 'data-axis="visual"' in page


def test_the_assisted_arm_shows_the_draft_unconfirmed_and_no_drafted_score(
    as_rater: Client, empty_campaign: Campaign
) -> None:
    make_draft(add_clip(empty_campaign, arm=Arm.ASSISTED))
    start(as_rater, empty_campaign)
    page = collapse_space(as_rater.get("/rate/autumn/").content.decode())
    assert page.count("starter@1") == 3
    assert "The edges of the square shimmer a little. Seen for visual." in page
    assert "4 good</strong>" not in page


def test_drafted_scores_are_shown_if_the_campaign_shows_them_and_are_not_chosen(
    as_rater: Client, empty_campaign: Campaign
) -> None:
    Campaign.objects.update(shows_draft_scores=True)
    make_draft(add_clip(empty_campaign, arm=Arm.ASSISTED))
    start(as_rater, empty_campaign)
    page = collapse_space(as_rater.get("/rate/autumn/").content.decode())
    assert page.count("<strong>4 good</strong>") == 3
    assert 'data-word="good" checked' not in page


def test_the_blind_arm_holds_nothing_of_the_draft(as_rater: Client, empty_campaign: Campaign) -> None:
    item = add_clip(empty_campaign, arm=Arm.BLIND)
    make_draft(item)
    slot = start(as_rater, empty_campaign)
    for page in (as_rater.get("/rate/autumn/"), post(as_rater, empty_campaign, "start", headers=SCRIPT)):
        text = page.content.decode().lower()
        assert "square shimmer" not in text
        assert "starter@1" not in text
        assert "draft" not in text.replace(
            "/rate/autumn/draft?lease=", ""
        )  # asked in either arm, or it would tell them apart
    assert as_rater.get(f"/rate/autumn/draft?lease={slot.lease}").status_code == 204


def test_guidelines_are_at_hand_as_cleaned_html(as_rater: Client, empty_campaign: Campaign, lead: User) -> None:
    Guideline.objects.create(
        campaign=empty_campaign, number=3, text="Look **twice** <script>x</script>", created_by=lead
    )
    for path in ("/rate/autumn/", "/rate/autumn/guidelines"):
        page = as_rater.get(path).content.decode()
        assert "<strong>twice</strong>" in page
        assert "version 3" in page
        assert "<script>x" not in page


@pytest.mark.parametrize(
    ("state", "words"),
    [("paused", "This campaign is paused"), ("closed", "This campaign is closed"), ("archived", "is closed")],
)
def test_a_campaign_that_takes_no_new_raters_says_so(
    as_rater: Client, empty_campaign: Campaign, state: str, words: str
) -> None:
    add_clip(empty_campaign)
    Campaign.objects.update(state=state)
    assert words in as_rater.get("/rate/autumn/").content.decode()
    assert words in post(as_rater, empty_campaign, "start", headers=SCRIPT).content.decode()
    assert not Slot.objects.filter(state=Slot.State.LEASED).exists()


def test_a_draft_campaign_is_hidden_from_raters_and_leads_read_that_it_is_not_open(
    as_rater: Client, empty_campaign: Campaign, lead: User
) -> None:
    Campaign.objects.update(state="draft")
    assert as_rater.get("/rate/autumn/").status_code == 404
    as_rater.force_login(lead)
    assert "not open yet" in as_rater.get("/rate/autumn/").content.decode()


def test_the_desk_says_when_nothing_is_left(as_rater: Client, empty_campaign: Campaign) -> None:
    assert "Nothing left to rate" in post(as_rater, empty_campaign, "start", headers=SCRIPT).content.decode()
    assert "Nothing left to rate" in post(as_rater, empty_campaign, "start").content.decode()


def test_the_list_names_campaigns_with_clips_for_the_rater_and_says_when_there_are_none(
    as_rater: Client, empty_campaign: Campaign
) -> None:
    add_clip(empty_campaign)
    assert "/rate/autumn/" in as_rater.get("/rate/").content.decode()
    Campaign.objects.update(state="paused")
    assert "No clip waits for you at the moment" in as_rater.get("/rate/").content.decode()


def test_the_guess_at_the_next_clip_is_what_the_next_claim_gives(
    as_rater: Client, rater: User, empty_campaign: Campaign
) -> None:
    for number in range(6):
        add_clip(empty_campaign, f"clip-{number}", prompt=f"prompt number {number // 2}", slots=2)
    slot = claim(rater, empty_campaign)
    for _ in range(5):
        guess = guess_next_clip(rater=rater, campaign=empty_campaign)
        upcoming = as_rater.get("/rate/autumn/upcoming")
        reasons = {f"{axis}-reason": f"Words for slot {slot.pk} and {axis}" for axis in AXES}
        assert post(as_rater, empty_campaign, data=make_form(slot) | reasons).status_code == 302
        slot = claim(rater, empty_campaign)
        assert guess == slot.item.clip
        assert upcoming.json() == {"video": f"/media/video/{slot.item.clip.pk}"}
    assert as_rater.get("/rate/autumn/upcoming").status_code == 204


def test_every_default_defect_has_a_letter_of_its_own_on_its_axis() -> None:
    for axis in AXES:
        letters = assign_letters([defect.label for defect in DEFAULT_TAXONOMY if defect.axis == axis])
        assert all(len(letter) == 1 for letter in letters)
        assert len(set(letters)) == len(letters)
        assert not set(letters) & PAGE_LETTERS


def test_more_defects_than_letters_leave_the_last_without() -> None:
    letters = assign_letters([f"defect {number}" for number in range(30)])
    assert letters[-1] == ""
    assert len({letter for letter in letters if letter}) == 26 - len(PAGE_LETTERS)
