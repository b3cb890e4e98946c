"""Rules that say what a campaign needs of its lead, against values that are known by construction."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from annotation.agreement.reviews import review
from annotation.campaigns import reports
from annotation.campaigns.needs import (
    STALLED_AFTER,
    CampaignWork,
    compute_pace,
    is_finished,
    is_running,
    is_stalled,
    read_work,
)
from annotation.campaigns.progress import read_progress
from annotation.campaigns.summaries import refresh_summaries
from annotation.models import Campaign, Item, Slot
from qsave.axes import AXES
from tests.annotation import factories
from tests.annotation.factories import START

DAY = timedelta(days=1)


def make_work(state: str = "open", **values: object) -> CampaignWork:
    """Make the work of a campaign in which 4 of 10 ratings are done and one was given an hour ago."""
    campaign = Campaign(name="spring", state=state, created_at=START - 30 * DAY)
    last = START - timedelta(hours=1)
    work = CampaignWork(campaign, 10, 4, 6, 3, 0, 0, 4.0, last)
    return replace(work, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("work", "running", "stalled", "finished"),
    [
        (make_work(), True, False, False),
        (make_work("draft"), False, False, False),
        (make_work("paused", last_rated_at=START - 9 * DAY), False, False, False),
        (make_work("closed", done=10, open_slots=0), False, False, False),
        (make_work(last_rated_at=START - STALLED_AFTER), True, False, False),
        (make_work(last_rated_at=START - STALLED_AFTER - timedelta(seconds=1)), True, True, False),
        (make_work(pace=None, last_rated_at=None), True, True, False),
        (make_work(open_slots=0, last_rated_at=START - 9 * DAY), False, False, False),
        (make_work(open_slots=0, done=10, last_rated_at=START - 9 * DAY), False, False, True),
        (make_work(slots=0, done=0, open_slots=0), False, False, False),
    ],
)
def test_a_campaign_runs_stalls_and_finishes(work: CampaignWork, running: bool, stalled: bool, finished: bool) -> None:
    assert (is_running(work), is_stalled(work, START), is_finished(work)) == (running, stalled, finished)


@pytest.mark.parametrize(
    ("ratings", "first", "pace"),
    [(0, None, None), (14, START - 7 * DAY, 2.0), (14, START - 2 * DAY, 7.0), (14, START - timedelta(hours=1), 14.0)],
)
def test_the_pace_counts_the_days_since_the_first_rating(
    ratings: int, first: datetime | None, pace: float | None
) -> None:
    assert compute_pace(ratings, first, START) == pace


@pytest.mark.django_db
def test_the_work_of_a_campaign_counts_what_the_queue_can_give_out() -> None:
    lead, (ann, ben) = factories.make_lead(), (factories.make_user(), factories.make_user())
    campaign = factories.make_campaign(4, actor=lead, overlap=2, assisted_share=0)
    first, second, third = list(campaign.items.order_by("pk"))[:3]
    clips = {item.clip.clip_id: 3 for item in campaign.items.all()}
    factories.rate_all(ann, campaign, clips)
    factories.skip(ben, factories.claim(ben, campaign), kind="flagged")
    reported = campaign.items.get(availability="reported")
    others = [item for item in (first, second, third) if item != reported]
    reports.exclude(actor=lead, item=others[0], reason="It is black.")
    (work,) = read_work(timezone.now())
    assert (work.slots, work.done, work.open_slots, work.open_clips) == (6, 3, 2, 2)
    assert (work.reported, work.disputed, work.pace) == (1, 0, 4.0)
    assert work.last_rated_at == Slot.objects.filter(done_at__isnull=False).latest("done_at").done_at


@pytest.mark.django_db
def test_a_campaign_is_not_finished_while_a_clip_is_prepared_and_its_page_counts_the_same_slots() -> None:
    campaign = factories.make_campaign(2, overlap=1)
    factories.rate_all(factories.make_user(), campaign, 3)
    assert is_finished(read_work(timezone.now())[0])
    item = factories.make_item(campaign)
    Item.objects.filter(pk=item.pk).update(availability=Item.Availability.PREPARING)
    refresh_summaries([item.pk])
    (work,) = read_work(timezone.now())
    assert not is_finished(work)
    progress = read_progress(campaign)
    assert (work.slots, work.done) == (progress.slots, progress.done) == (3, 2)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("scores", "bound", "overlap", "disputed"),
    [((1, 5), 2, 2, 1), ((1, 3), 2, 2, 0), ((1, 3), 1, 2, 1), ((1, 5), 2, 3, 0), ((5, 5), 0, 2, 0)],
)
def test_a_clip_is_disputed_if_its_scores_differ_by_more_than_the_bound_and_no_slot_is_left(
    scores: tuple[int, int], bound: int, overlap: int, disputed: int
) -> None:
    campaign = factories.make_campaign(1, overlap=overlap, disagreement_bound=bound)
    for score in scores:
        factories.rate_all(factories.make_user(), campaign, score)
    (work,) = read_work(timezone.now())
    assert work.disputed == disputed


@pytest.mark.django_db
def test_a_review_settles_a_dispute() -> None:
    lead = factories.make_lead()
    campaign = factories.make_campaign(1, actor=lead, overlap=2)
    for score in (1, 5):
        factories.rate_all(
            factories.make_user(),
            campaign,
            {item.clip.clip_id: dict.fromkeys(AXES, score) for item in campaign.items.all()},
        )
    assert read_work(timezone.now())[0].disputed == 1
    review(actor=lead, item=campaign.items.get(), card=factories.make_card(3), note="")
    assert read_work(timezone.now())[0].disputed == 0


@pytest.mark.django_db
@pytest.mark.parametrize("campaigns", [1, 4])
def test_the_work_of_all_campaigns_takes_two_queries(
    campaigns: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for state in ("open", "draft", "closed", "paused")[:campaigns]:
        factories.make_campaign(2, state=state)
    factories.make_campaign(1, state="archived")
    with django_assert_num_queries(2):
        work = read_work(timezone.now())
    assert [one.campaign.state for one in work] == ["paused", "closed", "draft", "open"][-campaigns:]
