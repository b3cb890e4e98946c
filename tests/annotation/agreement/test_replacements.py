"""Slots that open in place of a screened rater's ratings, and close when the rater counts again."""

import pytest
from django.test import Client

from accounts.models import AuditEntry, User
from annotation.agreement.replacements import count_replaceable, reopen_slots
from annotation.agreement.reviews import screen
from annotation.campaigns.reports import exclude
from annotation.models import Campaign, Item, Slot
from annotation.rating.answers import AnswersRefused
from tests.annotation.factories import claim, make_campaign, make_user, rate_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def rated(lead: User) -> tuple[Campaign, User]:
    """A campaign of three clips, each rated by two people, and one of the two."""
    campaign = make_campaign(3, actor=lead, overlap=2, assisted_share=0.0)
    people = [make_user(name) for name in ("ada", "bob")]
    for person in people:
        rate_all(person, campaign)
    return campaign, people[0]


def count_free(campaign: Campaign) -> int:
    return Slot.objects.filter(campaign=campaign, state=Slot.State.FREE).count()


def set_verdict(lead: User, campaign: Campaign, rater: User, verdict: str) -> None:
    screen(actor=lead, campaign=campaign, rater=rater, verdict=verdict, reason="All threes.")


def test_each_clip_of_a_screened_rater_gets_one_free_slot_once(lead: User, rated: tuple[Campaign, User]) -> None:
    campaign, ada = rated
    set_verdict(lead, campaign, ada, "screened")
    assert count_replaceable(campaign, {ada.pk}) == {ada.pk: 3}
    assert [reopen_slots(actor=lead, campaign=campaign, rater=ada) for _ in range(2)] == [3, 0]
    assert count_free(campaign) == 3
    assert count_replaceable(campaign, {ada.pk}) == {}
    assert rate_all(ada, campaign) == 0  # nobody rates a clip twice
    assert rate_all(make_user(), campaign) == 3
    assert AuditEntry.objects.get(action="rater.slots_reopened").data["number"] == 3


def test_slots_that_nobody_took_close_when_the_rater_counts_again(lead: User, rated: tuple[Campaign, User]) -> None:
    campaign, ada = rated
    set_verdict(lead, campaign, ada, "screened")
    reopen_slots(actor=lead, campaign=campaign, rater=ada)
    held = claim(make_user(), campaign)
    set_verdict(lead, campaign, ada, "kept")
    assert count_free(campaign) == 0
    held.refresh_from_db()
    assert held.state == Slot.State.LEASED
    assert {item.summary.slot_count for item in Item.objects.filter(campaign=campaign)} == {2, 3}


def test_excluded_clips_and_raters_who_count_get_no_slots(lead: User, rated: tuple[Campaign, User]) -> None:
    campaign, ada = rated
    with pytest.raises(AnswersRefused, match="nothing to replace"):
        reopen_slots(actor=lead, campaign=campaign, rater=ada)
    first = Item.objects.filter(campaign=campaign).order_by("pk")[0]
    exclude(actor=lead, item=first, reason="A real person.")
    set_verdict(lead, campaign, ada, "screened")
    assert count_replaceable(campaign, {ada.pk}) == {ada.pk: 2}
    assert reopen_slots(actor=lead, campaign=campaign, rater=ada) == 2


def test_the_page_offers_it_with_the_verdict_and_later(as_lead: Client, rated: tuple[Campaign, User]) -> None:
    campaign, ada = rated
    raters = f"/campaigns/{campaign.name}/raters/{ada.pk}"
    form = {"verdict": "screened", "reason": "All threes.", "reopen": "1"}
    page = as_lead.post(f"{raters}/screen", form, follow=True).content.decode()
    assert "3 rating slots are open again in place of the ratings of \u2068ada\u2069." in page
    assert count_free(campaign) == 3
    page = as_lead.post(f"{raters}/reopen", follow=True).content.decode()
    assert "0 rating slots are open again" in page
