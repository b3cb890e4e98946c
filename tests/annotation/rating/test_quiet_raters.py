"""Who has stopped rating in a campaign, while clips wait for them."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from annotation.models import Campaign, Qualification, Screening
from annotation.rating.quiet_raters import FORGOTTEN_AFTER, QUIET_AFTER, find_quiet_raters
from tests.annotation import factories

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def campaign() -> Campaign:
    return factories.make_campaign(5, overlap=2)


def list_quiet(campaign: Campaign) -> list[User]:
    open_clips = campaign.items.filter(slots__kind="seat", slots__state="free").distinct().count()
    return find_quiet_raters(campaign, open_clips, timezone.now())


def rate(rater: User, campaign: Campaign, clips: int, *, ago: timedelta = timedelta()) -> None:
    with time_machine.travel(timezone.now() - ago, tick=False):
        for _number in range(clips):
            factories.submit(rater, factories.claim(rater, campaign))


@pytest.mark.parametrize(
    ("away", "is_quiet"),
    [
        (QUIET_AFTER - HOUR, False),
        (QUIET_AFTER + HOUR, True),
        (FORGOTTEN_AFTER - HOUR, True),
        (FORGOTTEN_AFTER + HOUR, False),
    ],
)
def test_a_rater_is_quiet_after_some_days_and_then_forgotten(
    campaign: Campaign, away: timedelta, is_quiet: bool
) -> None:
    ann, busy = factories.make_user("ann"), factories.make_user("busy")
    factories.make_user("new")
    rate(ann, campaign, 2, ago=away)
    rate(busy, campaign, 1)
    assert list_quiet(campaign) == ([ann] if is_quiet else [])


def test_a_rater_for_whom_no_clip_waits_is_not_quiet(campaign: Campaign) -> None:
    ann = factories.make_user("ann")
    rate(ann, campaign, 4, ago=QUIET_AFTER + HOUR)
    assert list_quiet(campaign) == [ann]
    rate(ann, campaign, 1, ago=QUIET_AFTER + HOUR)
    assert list_quiet(campaign) == []


@pytest.mark.parametrize("kind", ["gone", "program", "failed", "screened"])
def test_people_whom_nobody_expects_are_not_quiet(campaign: Campaign, kind: str) -> None:
    ann = factories.make_user("ann", is_simulated=kind == "program")
    rate(ann, campaign, 2, ago=QUIET_AFTER + HOUR)
    if kind == "gone":
        User.objects.filter(pk=ann.pk).update(is_active=False)
    if kind == "failed":
        Campaign.objects.filter(pk=campaign.pk).update(qualification_mark=0.5)
        campaign.refresh_from_db()
        Qualification.objects.create(campaign=campaign, rater=ann, share=0, passed=False)
    if kind == "screened":
        values = {"verdict": "screened", "reason": "Too fast.", "decided_by": campaign.created_by}
        Screening.objects.create(campaign=campaign, rater=ann, **values)
    assert list_quiet(campaign) == []


@pytest.mark.parametrize("raters", [1, 3])
def test_it_takes_one_query_and_two_more_if_somebody_is_quiet(
    campaign: Campaign, raters: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    people = [factories.make_user() for _number in range(raters)]
    with django_assert_num_queries(1):
        assert find_quiet_raters(campaign, 5, timezone.now()) == []
    for person in people:
        rate(person, campaign, 1, ago=QUIET_AFTER + HOUR)
    with django_assert_num_queries(2):
        assert len(find_quiet_raters(campaign, 5, timezone.now())) == raters
    with django_assert_num_queries(3):
        find_quiet_raters(campaign, 1, timezone.now())
