"""How a campaign goes: its pace, who is at work, and the slots that nobody left may take."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from annotation.campaigns import campaigns
from annotation.campaigns.progress import read_progress
from annotation.models import Campaign, Qualification
from annotation.raters.members import add_member
from annotation.rating import queue
from annotation.rating.outlook import Outlook, Stranded, find_stranded, read_outlook
from tests.annotation import factories

pytestmark = pytest.mark.django_db


def read(campaign: Campaign) -> Outlook:
    return read_outlook(campaign, read_progress(campaign))


def test_ratings_of_the_day_pace_and_expected_end(clock: time_machine.Traveller) -> None:
    campaign, rater = factories.make_campaign(8, overlap=1), factories.make_user("ada")
    assert (read(campaign).pace, read(campaign).end) == (None, None)
    for days, ratings in ((0, 1), (1, 3), (1, 2)):
        clock.shift(timedelta(days=days))
        for _ in range(ratings):
            factories.submit(rater, factories.claim(rater, campaign))
    outlook = read(campaign)
    assert (outlook.today, outlook.yesterday, outlook.pace) == (2, 3, 3.0)
    assert outlook.end == timezone.now() + timedelta(days=2 / 3)
    clock.shift(timedelta(days=7))
    outlook = read(campaign)
    assert (outlook.today, outlook.yesterday) == (0, 0)
    assert outlook.pace == pytest.approx(2 / 7)
    campaigns.set_state(actor=factories.make_lead(), campaign=campaign, state="paused")
    assert read(campaign).end is None


def test_a_first_day_counts_as_a_whole_one(clock: time_machine.Traveller) -> None:
    campaign, rater = factories.make_campaign(8, overlap=1), factories.make_user()
    factories.submit(rater, factories.claim(rater, campaign))
    clock.shift(timedelta(minutes=5))
    assert read(campaign).pace == 1.0


def test_who_is_at_work_now(clock: time_machine.Traveller) -> None:
    campaign = factories.make_campaign(3, lease_minutes=10)
    ada, ben = factories.make_user("ada"), factories.make_user("ben")
    factories.claim(ada, campaign)
    clock.shift(timedelta(minutes=6))
    factories.claim(ben, campaign)
    assert [worker.name for worker in read(campaign).at_work] == ["ada", "ben"]
    clock.shift(timedelta(minutes=6))
    assert [worker.name for worker in read(campaign).at_work] == ["ben"]


def test_slots_are_stranded_exactly_when_no_rater_gets_any_of_them(lead: User) -> None:
    campaign = factories.make_campaign(3, actor=lead, overlap=3)
    ada = factories.make_user("ada")
    assert find_stranded(campaign) is None
    factories.rate_all(ada, campaign)
    assert queue.claim(rater=ada, campaign=campaign) is None
    assert find_stranded(campaign) == Stranded(slots=6, people=2)
    ben = factories.make_user("ben")
    assert find_stranded(campaign) is None
    slot = factories.claim(ben, campaign)
    factories.submit(ben, slot)
    slot = factories.claim(ben, campaign)
    factories.skip(ben, slot)
    queue.hand_back(rater=ben, lease=factories.get_lease(factories.claim(ben, campaign)))
    assert find_stranded(campaign) == Stranded(slots=3, people=2)  # he may still take the clip that he gave back
    factories.submit(ben, factories.claim(ben, campaign))
    assert find_stranded(campaign) == Stranded(slots=4, people=2)


def test_who_may_no_longer_rate_does_not_remain(lead: User) -> None:
    campaign = factories.make_campaign(1, actor=lead, overlap=1, open_to="members")
    ada = factories.make_user("ada")
    assert find_stranded(campaign) == Stranded(1, 1)
    add_member(actor=lead, campaign=campaign, username="ada")
    assert find_stranded(campaign) is None
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert find_stranded(campaign) == Stranded(1, 1)
    User.objects.filter(pk=ada.pk).update(is_active=True)
    Campaign.objects.filter(pk=campaign.pk).update(qualification_mark=0.5)
    campaign.refresh_from_db()
    failed = Qualification.objects.create(campaign=campaign, rater=ada, share=0.1, passed=False)
    assert find_stranded(campaign) == Stranded(1, 1)
    failed.let_in_by = lead
    failed.save()
    assert find_stranded(campaign) is None


def test_the_overview_says_that_nobody_is_left_and_what_to_do(as_lead: Client, lead: User) -> None:
    campaign = factories.make_campaign(2, actor=lead, overlap=2)
    factories.rate_all(factories.make_user("ada"), campaign)
    page = as_lead.get(f"/campaigns/{campaign.name}").content.decode()
    assert "2 slots are open, and nobody is left who may rate them." in page
    assert "Invite 1 person" in page
    assert "Expected end" not in page
    assert "Ratings today" in page
    factories.make_user("ben")
    assert "nobody is left" not in as_lead.get(f"/campaigns/{campaign.name}").content.decode()


@pytest.mark.parametrize("path", ["/campaigns/{}", "/campaigns/{}/agreement", "/campaigns"])
def test_a_lead_who_is_no_member_is_not_sent_to_a_desk_that_is_not_open_to_them(
    as_lead: Client, lead: User, path: str
) -> None:
    campaign = factories.make_campaign(1, actor=lead, name="closed-shop", open_to="members")
    desk = f'href="/rate/{campaign.name}/"'
    assert desk not in as_lead.get(path.format(campaign.name)).content.decode()
    add_member(actor=lead, campaign=campaign, username=lead.username)
    if path != "/campaigns":  # the list sends members by the overview
        assert desk in as_lead.get(path.format(campaign.name)).content.decode()


@pytest.mark.parametrize("raters", [1, 4])
def test_the_outlook_takes_as_many_queries_with_more_raters(
    lead: User, raters: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    campaign = factories.make_campaign(3, actor=lead, overlap=5)
    for _ in range(raters):
        factories.rate_all(factories.make_user(), campaign)
    progress = read_progress(campaign)
    with django_assert_num_queries(6):
        assert read_outlook(campaign, progress).stranded
