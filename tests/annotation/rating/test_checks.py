"""Check slots (gold, repeat and qualification), which are made for one rater.

What is drawn depends on the keys of rows, which differ from run to run: a test that counts draws makes so many that
chance fails it less than once in ten thousand runs.
"""

from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError
from django.utils import timezone

from accounts.models import User
from annotation.agreement.scores import read_scores
from annotation.models import Campaign, Item, Qualification, Rating, SavedWork, Slot
from annotation.rating import checks, queue
from annotation.rating.qualification import find_failed_qualification
from annotation.rating.queue import LeaseLost
from annotation.rating.ratings import EditRefused, explain_no_edit
from qsave.axes import AXES
from tests.annotation import factories

pytestmark = pytest.mark.django_db


def list_kinds(rater: User, campaign: Campaign) -> list[str]:
    """List the kinds of a rater's slots in the order of their ratings."""
    mine = Rating.objects.filter(rater=rater, slot__campaign=campaign).order_by("pk")
    return list(mine.values_list("slot__kind", flat=True))


def make_gold(campaign: Campaign, *, count: int = 1, score: int = 3, **fields: object) -> list[Item]:
    items = list(Item.objects.filter(campaign=campaign, gold__isnull=True).order_by("pk")[:count])
    for item in items:
        Item.objects.filter(pk=item.pk).update(gold=dict.fromkeys(AXES, score), **fields)
    if fields.get("is_qualification"):
        Slot.objects.filter(item__in=items).delete()
    return items


def test_a_campaign_without_checks_has_rating_slots_only() -> None:
    campaign, rater = factories.make_campaign(4), factories.make_user()
    factories.rate_all(rater, campaign)
    assert set(list_kinds(rater, campaign)) == {"seat"}


def test_repeats_come_once_an_item_and_after_a_while_in_the_arm_of_the_first_time() -> None:
    campaign, rater = factories.make_campaign(40, overlap=1, repeat_share=0.5), factories.make_user()
    factories.rate_all(rater, campaign)
    rated = list(Rating.objects.filter(rater=rater).order_by("pk").values_list("item", "slot__kind", "arm"))
    repeats = [number for number, (_, kind, _) in enumerate(rated) if kind == "repeat"]
    assert len(repeats) >= 5
    for number in repeats:
        item, _, arm = rated[number]
        earlier = [place for place, (other, *_) in enumerate(rated[:number]) if other == item]
        assert len(earlier) == 1
        assert number - earlier[0] > checks.REPEAT_GAP
        assert rated[earlier[0]][2] == arm


def test_a_repeat_counts_neither_as_a_rating_slot_nor_in_the_figures() -> None:
    campaign, rater = factories.make_campaign(30, overlap=1, repeat_share=0.5), factories.make_user()
    factories.rate_all(rater, campaign)
    assert Rating.objects.count() > 30
    assert len(read_scores(campaign)) == 30 * len(AXES)
    assert Slot.objects.filter(kind="seat").count() == 30


def test_a_skipped_repeat_does_not_come_again() -> None:
    campaign, rater = factories.make_campaign(40, overlap=1, repeat_share=0.5), factories.make_user()
    skipped = []
    while (slot := queue.claim(rater=rater, campaign=campaign)) is not None:
        if slot.kind == Slot.Kind.REPEAT:
            skipped.append(slot.item_id)
            factories.skip(rater, slot, kind="skipped", reason="again")
        else:
            factories.submit(rater, slot)
    assert len(skipped) == len(set(skipped)) >= 5


def test_the_database_refuses_a_second_repeat() -> None:
    campaign, rater = factories.make_campaign(1), factories.make_user()
    place = {"item": Item.objects.get(), "campaign": campaign, "rater": rater, "state": "done", "kind": "repeat"}
    Slot.objects.create(**place, number=1001, arm="blind")
    with pytest.raises(IntegrityError):
        Slot.objects.create(**place, number=1002, arm="blind")


def test_golds_go_to_every_rater_beyond_the_rating_slots_and_never_twice() -> None:
    campaign = factories.make_campaign(60, overlap=1, gold_share=0.5)
    golds = {item.pk for item in make_gold(campaign, count=3)}
    raters = [factories.make_user() for _ in range(3)]
    for rater in raters:
        for _ in range(20):
            slot = factories.claim(rater, campaign)
            factories.submit(rater, slot)
    met = [set(Rating.objects.filter(rater=rater, item__in=golds).values_list("item", flat=True)) for rater in raters]
    assert sum(len(items) for items in met) >= 5
    rating_slots = Slot.objects.filter(item__in=golds, kind="seat")
    assert rating_slots.count() == 3  # one for each item: the overlap is 1
    assert Slot.objects.filter(item__in=golds, kind="gold", arm="blind").count() >= 2
    assert Rating.objects.values("item", "rater").distinct().count() == Rating.objects.count()


def test_checks_are_drawn_from_the_salt_and_not_from_the_seed() -> None:
    campaign = factories.make_campaign(0, repeat_share=0.2, gold_share=0.2)
    rater = factories.make_user()

    def draws(**changes: object) -> list[object]:
        for name, value in changes.items():
            setattr(campaign, name, value)
        due = [checks.draw_check_kind(campaign, rater, number) for number in range(1, 200)]
        return [due, checks.draw_gold_start(campaign, rater, 7)]

    drawn = draws(seed=0, salt="a")
    assert draws(seed=1, salt="a") == drawn
    assert draws(seed=0, salt="b") != drawn


def test_the_choice_of_a_gold_and_of_a_repeat_is_drawn_from_the_salt() -> None:
    campaign, rater = factories.make_campaign(40, overlap=1), factories.make_user()
    factories.rate_all(rater, campaign)
    golds = factories.make_campaign(40, overlap=1)
    make_gold(golds, count=40)

    def choices() -> list[int]:
        repeats = [checks.choose_repeat(rater, campaign, number) for number in range(60, 70)]
        chosen = [checks.choose_gold(rater, golds, number) for number in range(1, 10)]
        return [slot.item_id for slot in [*repeats, *chosen] if slot]

    drawn = choices()
    campaign.seed = golds.seed = 5
    assert choices() == drawn
    campaign.salt = golds.salt = "another"
    assert choices() != drawn


def test_the_same_salt_gives_the_same_checks() -> None:
    campaign = factories.make_campaign(0, repeat_share=0.2, gold_share=0.2)
    rater = factories.make_user()
    drawn = [checks.draw_check_kind(campaign, rater, number) for number in range(1, 4000)]
    assert drawn == [checks.draw_check_kind(campaign, rater, number) for number in range(1, 4000)]
    for kind in (Slot.Kind.REPEAT, Slot.Kind.GOLD):
        assert 0.14 < drawn.count(kind) / len(drawn) < 0.26


@pytest.fixture
def qualifying_campaign() -> Campaign:
    """Four clips, of which two are the qualification set: everything is known to be a 3."""
    campaign = factories.make_campaign(4, qualification_mark=0.8)
    make_gold(campaign, count=2, is_qualification=True)
    return campaign


def test_a_rater_who_passes_goes_on_to_the_rating_slots(qualifying_campaign: Campaign) -> None:
    rater = factories.make_user()
    factories.rate_all(rater, qualifying_campaign, 4)  # within one level of 3
    assert list_kinds(rater, qualifying_campaign) == ["qualification"] * 2 + ["seat"] * 2
    verdict = Qualification.objects.get()
    assert (verdict.share, verdict.passed) == (1.0, True)
    assert len(read_scores(qualifying_campaign)) == 2 * len(AXES)


def test_a_rater_who_fails_gets_nothing_until_a_lead_admits_them(qualifying_campaign: Campaign) -> None:
    rater = factories.make_user()
    factories.rate_all(rater, qualifying_campaign, 5)
    assert list_kinds(rater, qualifying_campaign) == ["qualification"] * 2
    assert queue.claim(rater=rater, campaign=qualifying_campaign) is None
    verdict = find_failed_qualification(rater, qualifying_campaign)
    assert verdict is not None
    assert verdict.share == 0.0
    Qualification.objects.update(let_in_by=qualifying_campaign.created_by)
    assert find_failed_qualification(rater, qualifying_campaign) is None
    assert queue.claim(rater=rater, campaign=qualifying_campaign) is not None


def test_a_skipped_qualification_clip_counts_as_missed(qualifying_campaign: Campaign) -> None:
    rater = factories.make_user()
    slot = factories.claim(rater, qualifying_campaign)
    factories.skip(rater, slot, kind="skipped", reason="no idea")
    factories.rate_all(rater, qualifying_campaign, 3)
    assert Qualification.objects.get().share == 0.5
    assert list_kinds(rater, qualifying_campaign) == ["qualification"]


@pytest.mark.parametrize(("score", "share", "passed"), [(3, 0.5, False), (3, 0.5, True), (5, 0.0, False)])
def test_a_rater_who_skips_the_last_qualification_clip_also_gets_a_verdict(
    qualifying_campaign: Campaign, score: int, share: float, passed: bool
) -> None:
    Campaign.objects.filter(pk=qualifying_campaign.pk).update(qualification_mark=0.5 if passed else 0.8)
    qualifying_campaign.refresh_from_db()
    rater = factories.make_user()
    slot = factories.claim(rater, qualifying_campaign)
    factories.submit(rater, slot, answers=factories.make_answers(score))
    last = factories.claim(rater, qualifying_campaign)
    factories.skip(rater, last, kind="broken", reason="black")
    after = queue.claim(rater=rater, campaign=qualifying_campaign)
    verdict = Qualification.objects.get()
    assert (verdict.share, verdict.passed) == (share, passed)
    assert (after is not None) == passed


def test_a_pass_mark_without_a_qualification_set_excludes_nobody() -> None:
    campaign, rater = factories.make_campaign(1, qualification_mark=0.9), factories.make_user()
    assert factories.rate_all(rater, campaign) == 1


def test_a_qualification_answer_cannot_be_edited_after_the_feedback(qualifying_campaign: Campaign) -> None:
    rater = factories.make_user()
    slot = factories.claim(rater, qualifying_campaign)
    rating = factories.submit(rater, slot, answers=factories.make_answers(5))
    with pytest.raises(EditRefused, match="known scores"):
        factories.revise(rating, answers=factories.make_answers(3))


def test_a_check_slot_that_was_handed_back_is_given_out_again_and_late_answers_are_saved(
    qualifying_campaign: Campaign,
) -> None:
    rater, other = factories.make_user(), factories.make_user()
    slot = factories.claim(rater, qualifying_campaign)
    queue.hand_back(rater=rater, lease=factories.get_lease(slot))
    with pytest.raises(LeaseLost):
        factories.submit(rater, slot)
    assert SavedWork.objects.filter(rater=rater, item=slot.item_id).exists()
    taken = factories.claim(other, qualifying_campaign)
    assert (taken.pk, taken.item_id) == (slot.pk, slot.item_id)
    again = factories.claim(rater, qualifying_campaign)
    assert (again.item_id, again.pk) != (slot.item_id, slot.pk)
    assert again.item_id == slot.item_id


def test_edits_end_after_the_campaigns_hours() -> None:
    campaign, rater = factories.make_campaign(1, edit_hours=2), factories.make_user()
    factories.rate_all(rater, campaign)
    rating = Rating.objects.select_related("item__campaign", "slot").get()
    assert explain_no_edit(rating) == ""
    with time_machine.travel(timezone.now() + timedelta(hours=2, seconds=1)):
        assert "time to edit" in explain_no_edit(rating)
