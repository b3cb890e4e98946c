"""What a rater's home says of their own work, against values that are known by construction."""

import random
from datetime import timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from annotation.campaigns import reports
from annotation.campaigns.guidelines import set_guidelines
from annotation.campaigns.marking import mark_item
from annotation.models import Campaign, Item, Qualification, Slot
from annotation.raters import members
from annotation.rating import checks, queue
from annotation.rating.own_work import (
    SETTLED_FOR,
    OwnWork,
    estimate_minutes,
    read_own_work,
    read_settled_reports,
)
from qsave.axes import AXES
from tests.annotation import factories

pytestmark = pytest.mark.django_db
KNOWN = dict.fromkeys((axis.value for axis in AXES), 3.0)


@pytest.fixture
def ann() -> User:
    return factories.make_user("ann")


def rate(rater: User, campaign: Campaign, clips: int, seconds: float = 30.0) -> None:
    for _number in range(clips):
        factories.submit(rater, factories.claim(rater, campaign), seconds_spent=seconds)


def only(rater: User) -> OwnWork:
    (work,) = read_own_work(rater)
    return work


def test_what_is_left_is_what_the_queue_still_gives() -> None:
    """Rated, skipped, reported and excluded clips are not left; one that was handed back is."""
    campaign, ann, ben = factories.make_campaign(8, overlap=2, assisted_share=0), *map(factories.make_user, "ab")
    assert (only(ann).rated, only(ann).left) == (0, 8)
    rate(ann, campaign, 2)
    factories.skip(ann, factories.claim(ann, campaign))
    queue.hand_back(rater=ann, lease=factories.get_lease(factories.claim(ann, campaign)))
    factories.skip(ben, factories.claim(ben, campaign), kind="flagged")
    work = only(ann)
    assert work.rated == 2
    left = 0
    while (slot := queue.claim(rater=ann, campaign=campaign)) is not None:
        factories.submit(ann, slot)
        left += 1
    assert left == work.left
    assert read_own_work(ann) == []


@pytest.mark.parametrize("seed", range(4))
def test_what_is_left_is_what_the_queue_gives_after_any_acts(seed: int) -> None:
    draw, people = random.Random(seed), [factories.make_user() for _number in range(3)]
    campaigns = [factories.make_campaign(6, overlap=2, assisted_share=0.5) for _number in range(2)]
    for _number in range(24):
        rater, campaign = draw.choice(people), draw.choice(campaigns)
        slot = queue.claim(rater=rater, campaign=campaign)
        act = draw.choice(["submit", "submit", "skip", "hand back", "leave"])
        if slot is None:
            continue
        if act == "submit":
            factories.submit(rater, slot)
        elif act == "skip":
            factories.skip(rater, slot)
        elif act == "hand back":
            queue.hand_back(rater=rater, lease=factories.get_lease(slot))
    for rater in people:
        left = {work.campaign: work.left for work in read_own_work(rater)}
        for campaign in campaigns:
            assert left.get(campaign, 0) == count_given(rater, campaign)


def count_given(rater: User, campaign: Campaign) -> int:
    """Count the clips that the queue gives a rater, all leases of others apart, and undo it."""
    given = 0
    with transaction.atomic():
        Slot.objects.filter(campaign=campaign, state="leased").exclude(rater=rater).update(
            state="free", rater=None, lease=None, leased_at=None, lease_expires_at=None
        )
        while (slot := queue.claim(rater=rater, campaign=campaign)) is not None:
            factories.submit(rater, slot)
            given += 1
        transaction.set_rollback(True)
    return given


@pytest.mark.parametrize(("arms", "left"), [(("blind", "blind"), 1), (("blind", "assisted"), 0)])
def test_a_clip_in_the_other_arm_is_not_left(ann: User, arms: tuple[str, str], left: int) -> None:
    campaign = factories.make_campaign()
    item = factories.make_item(campaign, slots=2)
    slot = factories.claim(ann, campaign)
    queue.hand_back(rater=ann, lease=factories.get_lease(slot))
    item.slots.filter(pk=slot.pk).update(state="done", rater=factories.make_user())
    item.slots.exclude(pk=slot.pk).update(arm=arms[1])
    assert sum(work.left for work in read_own_work(ann)) == left
    assert (queue.claim(rater=ann, campaign=campaign) is not None) == bool(left)


def test_campaigns_of_members_come_first_then_those_begun_then_the_newest(ann: User) -> None:
    begun, old, own, new = (factories.make_campaign(2, name=name) for name in ("begun", "old", "own", "new"))
    rate(ann, begun, 1)
    members.add_member(actor=own.created_by, campaign=own, username="ann")
    factories.make_campaign(2, open_to="members")
    for state in ("paused", "draft"):
        factories.make_campaign(2, state=state)
    assert [work.campaign for work in read_own_work(ann)] == [own, begun, new, old]


@pytest.mark.parametrize(
    ("seconds", "clips", "minutes"),
    [
        ([60.0] * 4, 6, None),
        ([60.0] * 5, 6, 6),
        ([10, 20, 90, 600, 80], 8, 11),
        ([1.0] * 9, 3, 1),
        ([60.0] * 5, 0, None),
    ],
)
def test_minutes_follow_from_the_median_of_enough_times(seconds: list[float], clips: int, minutes: int | None) -> None:
    assert estimate_minutes(seconds, clips) == minutes


def test_the_times_of_the_campaign_count_until_the_rater_has_enough(ann: User) -> None:
    campaign = factories.make_campaign(16, overlap=3)
    rate(factories.make_user(is_simulated=True), campaign, 6, seconds=1)
    rate(factories.make_user(), campaign, 4, seconds=120)
    assert only(ann).minutes is None
    rate(factories.make_user(), campaign, 1, seconds=120)
    assert only(ann).minutes == 32
    rate(ann, campaign, 5, seconds=60)
    assert (only(ann).left, only(ann).minutes) == (11, 11)


@pytest.mark.parametrize("kind", ["gold", "repeat"])
def test_a_rated_campaign_stays_while_a_check_can_come(ann: User, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gold, repeat = (0.5, 0.0) if kind == "gold" else (0.0, 0.5)
    campaign = factories.make_campaign(14, overlap=1, gold_share=gold, repeat_share=repeat)
    monkeypatch.setattr(checks, "draw_check_kind", lambda *_args: None)
    factories.rate_all(ann, campaign)
    assert read_own_work(ann) == []
    monkeypatch.setattr(checks, "draw_check_kind", lambda *_args: Slot.Kind(kind))
    item = factories.make_item(campaign, slots=1)
    item.slots.all().delete()
    Item.objects.filter(pk=item.pk).update(gold=KNOWN)
    work = only(ann)
    assert (work.rated, work.left, work.is_rounded) == (14, 0, True)
    assert factories.claim(ann, campaign).kind == kind
    assert only(ann) == work


@pytest.mark.parametrize(("clips", "left"), [(9, 0), (10, 10), (14, 10), (16, 20)])
def test_what_is_left_is_rounded_where_checks_are_hidden(ann: User, clips: int, left: int) -> None:
    factories.make_campaign(clips, gold_share=0.1)
    assert (only(ann).left, only(ann).is_rounded) == (left, True)


def test_a_rater_qualifies_first_and_is_told_if_they_failed(ann: User) -> None:
    campaign = factories.make_campaign(4, qualification_mark=1.0)
    lead, items = campaign.created_by, list(campaign.items.order_by("pk"))
    for item in items[:2]:
        mark_item(actor=lead, item=item, mark="qualification", scores=KNOWN)
    assert (only(ann).to_qualify, only(ann).is_turned_away) == (2, False)
    factories.rate_all(ann, campaign, 1)
    assert Qualification.objects.get().passed is False
    assert (only(ann).to_qualify, only(ann).is_turned_away) == (0, True)
    members.let_in(actor=lead, campaign=campaign, rater=ann)
    assert (only(ann).to_qualify, only(ann).left) == (None, 2)


def test_guidelines_are_new_once_they_change_after_the_last_clip(ann: User) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        campaign = factories.make_campaign(4, guidelines="Look.")
        assert only(ann).guideline is None
        clock.shift(60)
        rate(ann, campaign, 1)
        clock.shift(60)
        set_guidelines(actor=campaign.created_by, campaign=campaign, text="Look twice.")
        assert only(ann).guideline == 2
        clock.shift(60)
        rate(ann, campaign, 1)
        assert only(ann).guideline is None


@pytest.mark.parametrize(("kind", "counts"), [("broken", True), ("flagged", True), ("skipped", False)])
def test_a_rater_sees_for_some_days_how_their_report_was_settled(ann: User, kind: str, counts: bool) -> None:
    campaign, now = factories.make_campaign(3), timezone.now()
    lead = campaign.created_by
    for _number in range(2):
        factories.skip(ann, factories.claim(ann, campaign), kind=kind)
    assert read_settled_reports(ann, now) == []
    first, second = Item.objects.filter(skips__rater=ann).order_by("pk")
    reports.exclude(actor=lead, item=first, reason="It is black.")
    reports.give_out_again(actor=lead, item=second)
    later = timezone.now()
    outcomes = {report.clip: report.is_excluded for report in read_settled_reports(ann, later)}
    assert outcomes == ({first.clip.clip_id: True, second.clip.clip_id: False} if counts else {})
    assert read_settled_reports(factories.make_user(), later) == []
    assert read_settled_reports(ann, later + SETTLED_FOR + timedelta(minutes=1)) == []


@pytest.mark.parametrize("campaigns", [1, 3])
def test_own_work_takes_two_queries_and_one_for_each_campaign_whose_times_are_needed(
    ann: User, campaigns: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    made = [factories.make_campaign(8) for _number in range(campaigns)]
    fixed = 2 + (connection.vendor == "postgresql")  # the setting for the plan
    with django_assert_num_queries(fixed + campaigns):
        assert len(read_own_work(ann)) == campaigns
    for campaign in made:
        rate(ann, campaign, 5)
    with django_assert_num_queries(fixed):
        assert len(read_own_work(ann)) == campaigns
