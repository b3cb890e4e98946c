"""A reported clip is given to nobody, in any kind of slot, until a lead settles the report."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction

from accounts.models import User
from annotation.agreement.scores import read_checks, read_scores
from annotation.campaigns import reports
from annotation.campaigns.guidelines import Example, read_available_examples, set_guidelines
from annotation.campaigns.progress import read_progress
from annotation.models import AxisAnswer, Campaign, Item, Offer, Rating, SavedWork, Skip, Slot
from annotation.rating import checks, queue
from annotation.rating.answers import answers_to_json
from annotation.rating.drafts import list_items_without_draft
from annotation.rating.qualification import choose_qualification
from annotation.rating.queue import LeaseLost
from annotation.rating.queue_sql import read_rater_status, record_offer
from annotation.rating.upcoming import guess_next_clip
from qsave.axes import AXES
from tests.annotation import factories
from tests.datasets.records import release
from tests.datasets.test_snapshot import snapshot

pytestmark = pytest.mark.django_db
KINDS = ["broken", "flagged"]


def report_clip(rater: User, slot: Slot, kind: str = "broken") -> None:
    factories.skip(rater, slot, kind=kind, reason="It stays black.")


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_gets_a_reported_clip_until_it_is_given_out_again(kind: str) -> None:
    campaign = factories.make_campaign(1, overlap=3)
    first, second = factories.make_user(), factories.make_user()
    report_clip(first, factories.claim(first, campaign), kind)
    assert queue.claim(rater=second, campaign=campaign) is None
    reports.give_out_again(actor=campaign.created_by, item=Item.objects.get())
    assert factories.claim(second, campaign).item_id == Item.objects.get().pk
    assert queue.claim(rater=first, campaign=campaign) is None  # the rater who reported it does not get it again


def test_a_clip_that_is_only_skipped_goes_to_others() -> None:
    campaign = factories.make_campaign(1, overlap=3)
    first = factories.make_user()
    report_clip(first, factories.claim(first, campaign), "skipped")
    assert factories.claim(factories.make_user(), campaign).item_id == Item.objects.get().pk


def test_a_rater_may_finish_a_reported_clip_that_they_hold_but_not_get_it_back() -> None:
    campaign = factories.make_campaign(1, overlap=4)
    holder, leaver, reporter = (factories.make_user() for _ in range(3))
    held, left = factories.claim(holder, campaign), factories.claim(leaver, campaign)
    queue.hand_back(rater=leaver, lease=factories.get_lease(left))
    report_clip(reporter, factories.claim(reporter, campaign))
    assert factories.claim(holder, campaign).pk == held.pk
    assert factories.submit(holder, factories.claim(holder, campaign)).slot_id == held.pk
    assert queue.claim(rater=leaver, campaign=campaign) is None


def _choose_repeat(campaign: Campaign, rater: User) -> object:
    factories.rate_all(rater, campaign)
    Item.objects.update(availability="reported")
    return checks.choose_repeat(rater, campaign, 50)


def _choose_gold(campaign: Campaign, rater: User) -> object:
    Item.objects.update(gold=dict.fromkeys(AXES, 3), availability="reported")
    return checks.choose_gold(rater, campaign, 1)


def _claim_qualification(campaign: Campaign, rater: User) -> object:
    Item.objects.filter(pk=Item.objects.earliest("pk").pk).update(
        gold=dict.fromkeys(AXES, 3), is_qualification=True, availability="reported"
    )
    campaign.qualification_mark = 0.5
    campaign.save()
    assert choose_qualification(rater, campaign) is None
    return queue.claim(rater=rater, campaign=campaign)  # nor may anybody rate without having qualified


@pytest.mark.parametrize("give", [_choose_repeat, _choose_gold, _claim_qualification])
def test_a_reported_clip_is_given_out_in_no_kind_of_check_slot(give: Callable[[Campaign, User], object]) -> None:
    assert give(factories.make_campaign(20, overlap=1), factories.make_user()) is None


def test_a_reported_clip_is_not_guessed_drafted_or_shown_as_an_example() -> None:
    campaign = factories.make_campaign(1, overlap=3, assisted_share=1.0)
    item = Item.objects.get()
    example = [Example("visual", 3, item.clip, "Like this.")]
    guideline = set_guidelines(actor=campaign.created_by, campaign=campaign, text="Look.", examples=example)
    assert len(read_available_examples(guideline)) == 1
    assert list_items_without_draft(campaign=campaign, critic="toy@1", limit=9) == [item]
    reporter = factories.make_user()
    report_clip(reporter, factories.claim(reporter, campaign))
    assert guess_next_clip(rater=reporter, campaign=campaign) is None
    assert list_items_without_draft(campaign=campaign, critic="toy@1", limit=9) == []
    assert read_available_examples(guideline) == []


def test_a_plain_skip_can_become_a_report_but_a_report_stays_as_it_is() -> None:
    campaign = factories.make_campaign(1, overlap=3)
    rater = factories.make_user()
    slot = factories.claim(rater, campaign)
    for kind, kept in [("skipped", "skipped"), ("broken", "broken"), ("flagged", "broken"), ("skipped", "broken")]:
        factories.skip(rater, slot, kind=kind, reason=f"As {kind}.")
        skip = Skip.objects.get()
        assert (skip.kind, skip.reason) == (kept, f"As {kept}.")
        assert (Item.objects.get().availability == "reported") == (kept == "broken")
    reports.give_out_again(actor=campaign.created_by, item=Item.objects.get())
    factories.skip(rater, slot, kind="broken")  # an old page sends it again
    assert Item.objects.get().availability == "available"


EXCLUDED = "A lead has taken this clip out of the campaign"


def test_a_rater_whose_clip_is_excluded_loses_it_is_told_and_can_finish_it_when_it_returns() -> None:
    campaign = factories.make_campaign(2, overlap=1)
    rater, answers = factories.make_user(), factories.make_answers(2)
    slot = factories.claim(rater, campaign)
    item = slot.item
    reports.exclude(actor=campaign.created_by, item=item, reason="Gore.")

    with pytest.raises(LeaseLost, match=EXCLUDED):
        queue.renew(rater=rater, lease=factories.get_lease(slot), item_id=item.pk)
    with pytest.raises(LeaseLost, match=EXCLUDED):
        factories.submit(rater, slot, answers=answers)
    assert not Rating.objects.exists()
    assert SavedWork.objects.get().answers == answers_to_json(answers)
    assert queue.find_excluded_work(rater, campaign) == item
    following = queue.claim(rater=rater, campaign=campaign)
    assert following is not None
    assert following.item_id != item.pk
    factories.submit(rater, following)

    reports.give_out_again(actor=campaign.created_by, item=item, reason="It is ketchup.")
    assert queue.find_excluded_work(rater, campaign) is None
    again = factories.claim(rater, campaign)
    assert (again.item_id, again.arm) == (item.pk, slot.arm)
    assert SavedWork.objects.get().answers == answers_to_json(answers)
    assert factories.submit(rater, again).item_id == item.pk


@pytest.mark.parametrize("kind", list(Slot.Kind))
def test_exclusion_takes_a_slot_of_every_kind_and_leaves_those_that_are_done(kind: Slot.Kind) -> None:
    campaign = factories.make_campaign(overlap=2)
    item = factories.make_item(campaign, slots=2)
    done = factories.submit(first := factories.make_user(), factories.claim(first, campaign)).slot
    held = Slot.objects.exclude(pk=done.pk).get()
    Slot.objects.filter(pk=held.pk).update(kind=kind)
    rater = factories.make_user()
    slot = queue._lease(Slot.objects.get(pk=held.pk), rater, campaign, read_rater_status(rater, campaign))
    reports.exclude(actor=campaign.created_by, item=item, reason="Gore.")
    states = dict(Slot.objects.values_list("pk", "state"))
    assert states == {done.pk: "done", slot.pk: "free"}
    assert (Offer.objects.get(rater=rater).handed_back_at is None) == (kind != Slot.Kind.REPEAT)


@pytest.mark.parametrize("availability", ["reported", "excluded"])
def test_an_item_that_leaves_the_queue_while_its_slot_is_chosen_is_not_given_out(availability: str) -> None:
    campaign = factories.make_campaign(1, overlap=1)
    slot, rater = Slot.objects.get(), factories.make_user()
    Item.objects.update(availability=availability, exclusion_reason="Gore." if availability == "excluded" else "")
    with pytest.raises(Item.DoesNotExist):
        record_offer(slot, rater, 1)
    assert not Offer.objects.exists()
    assert queue.claim(rater=rater, campaign=campaign) is None


def test_an_excluded_clip_leaves_figures_progress_and_releases_with_its_reason_and_comes_back(tmp_path: Path) -> None:
    campaign = factories.make_campaign(2, overlap=1, gold_share=0)
    factories.rate_all(factories.make_user(), campaign)
    item = Item.objects.earliest("pk")
    reports.exclude(actor=campaign.created_by, item=item, reason="Gore.")

    assert {score.item for score in read_scores(campaign)} == set(
        Item.objects.exclude(pk=item.pk).values_list("pk", flat=True)
    )
    assert (read_progress(campaign).slots, read_progress(campaign).done) == (1, 1)
    records = [replace(record, fast=(0.0, 0.5), slow=(0.25,)) for record in snapshot(campaign, tmp_path)]
    manifest = release(tmp_path / "release", records)
    left_out = [row for row in manifest["excluded"] if row["clip_id"] == item.clip.clip_id]
    assert [row["reason"] for row in left_out] == ["excluded by a lead: Gore."]
    assert manifest["counts"]["left_out"]["the release"]["excluded by a lead"] == 1
    assert AxisAnswer.objects.count() == 2 * len(AXES)  # the ratings stay

    reports.give_out_again(actor=campaign.created_by, item=item, reason="No gore.")
    assert len(read_scores(campaign)) == 2 * len(AXES)
    assert read_progress(campaign).slots == 2


def test_answers_on_an_excluded_gold_do_not_count_as_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "draw_check_kind", lambda *_asked: Slot.Kind.GOLD)
    campaign = factories.make_campaign(1, overlap=1)
    Item.objects.update(gold=dict.fromkeys(AXES, 3))
    for rater in (factories.make_user(), factories.make_user()):  # the second one gets a gold slot
        factories.submit(rater, factories.claim(rater, campaign))
    assert len(read_checks(campaign)) == len(AXES)
    reports.exclude(actor=campaign.created_by, item=Item.objects.get(), reason="Gore.")
    assert read_checks(campaign) == []


def test_only_a_lead_decides_and_says_why() -> None:
    campaign = factories.make_campaign(1)
    item = Item.objects.get()
    with pytest.raises(ValidationError, match="Write why"):
        reports.exclude(actor=campaign.created_by, item=item, reason=" \x00 ")
    with pytest.raises(PermissionDenied):
        reports.exclude(actor=factories.make_user(), item=item, reason="x")
    with pytest.raises(PermissionDenied):
        reports.give_out_again(actor=factories.make_user(), item=item)


@pytest.mark.parametrize(("availability", "reason"), [("excluded", ""), ("available", "why"), ("gone", "")])
def test_the_database_keeps_a_reason_with_every_exclusion_and_only_there(availability: str, reason: str) -> None:
    factories.make_campaign(1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Item.objects.update(availability=availability, exclusion_reason=reason)
