"""A withdrawn clip is in no queue, list, figure or new release, and comes back as it was."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client

from accounts.models import AuditEntry, User
from annotation.agreement.axis_tallies import read_axis_tallies
from annotation.agreement.clip_filter import ClipFilter
from annotation.agreement.clip_list import find_neighbours, read_clip_page
from annotation.agreement.clip_mos import read_item_mos
from annotation.agreement.figures import compute_agreement
from annotation.agreement.mos_rows import read_mos_rows
from annotation.agreement.rater_inputs import read_sittings
from annotation.agreement.scores import read_checks, read_scores
from annotation.campaigns import reports
from annotation.campaigns.campaigns import add_clips
from annotation.campaigns.duplicate import CopiedParts, duplicate_campaign
from annotation.campaigns.guidelines import Example, read_available_examples, set_guidelines
from annotation.campaigns.marking import mark_item
from annotation.campaigns.more_ratings import request_ratings
from annotation.campaigns.progress import read_progress, read_progress_and_counts
from annotation.corrections.withdrawal import restore_clip, restore_items, withdraw_clips, withdraw_items
from annotation.intake.import_report import read_split_sizes
from annotation.models import Campaign, Clip, Item, ItemSummary, SavedWork, Slot
from annotation.raters.admission import list_visible_clips
from annotation.rating import checks, own_work, queue
from annotation.rating.drafts import list_items_without_draft
from annotation.rating.queue import LeaseLost
from annotation.rating.tries import list_try_order
from datasets.services.snapshot import count_held_out, has_train_clips
from qsave.axes import AXES
from qsave.splits import SplitSize
from tests.annotation.factories import (
    claim,
    get_lease,
    make_campaign,
    make_clip,
    make_lead,
    make_user,
    rate_all,
    skip,
    submit,
)
from tests.annotation.summaries import check_summaries
from tests.datasets.test_snapshot import snapshot

pytestmark = pytest.mark.django_db
REASON = "The generator's licence forbids it."


@dataclass
class World:
    """A campaign with one rated clip, which is a gold and an example, and a rater who has not seen it."""

    campaign: Campaign
    item: Item
    rater: User
    newcomer: User
    folder: Path

    @property
    def lead(self) -> User:
        return self.campaign.created_by


@pytest.fixture
def world(tmp_path: Path) -> World:
    campaign = make_campaign(1, overlap=2, assisted_share=1.0)
    item, rater = Item.objects.get(), make_user()
    example = [Example("visual", 3, item.clip, "Like this.")]
    set_guidelines(actor=campaign.created_by, campaign=campaign, text="Look.", examples=example)
    submit(rater, claim(rater, campaign))
    mark_item(actor=campaign.created_by, item=item, mark="gold", scores=dict.fromkeys(map(str, AXES), 3.0))
    return World(campaign, item, rater, make_user(), tmp_path)


def _list_clips(world: World) -> bool:
    page = read_clip_page(world.campaign, ClipFilter())
    assert page.count == len(page.rows)
    return bool(page.rows)


def _read_api(world: World) -> bool:
    client = Client()
    client.force_login(world.lead)
    return bool(client.get(f"/api/campaigns/{world.campaign.name}/items").json()["results"])


def _have_mos(world: World) -> bool:
    item = Item.objects.select_related("campaign").get(pk=world.item.pk)
    return any(one.scores for one in read_item_mos(item, set(), lambda axis: read_axis_tallies(world.campaign, axis)))


PLACES: dict[str, Callable[[World], object]] = {
    "the queue": lambda world: queue.list_open_slots(world.campaign).exists(),
    "golds": lambda world: checks.choose_gold(world.newcomer, world.campaign, 1),
    "drafting": lambda world: list_items_without_draft(campaign=world.campaign, critic="toy@1", limit=9),
    "what a rater has left": lambda world: own_work.read_own_work(world.newcomer),
    "examples": lambda world: read_available_examples(world.campaign.guidelines.get()),
    "media for raters": lambda world: list_visible_clips(world.rater).exists(),
    "tries": lambda world: list_try_order(world.campaign),
    "the list of clips": _list_clips,
    "the list of clips by MOS": lambda world: read_clip_page(world.campaign, ClipFilter(sort="mos")).rows,
    "the API": _read_api,
    "scores": lambda world: read_scores(world.campaign),
    "sittings": lambda world: len(read_sittings(world.campaign).rater),
    "the MOS of the clip": _have_mos,
    "the table of MOS": lambda world: list(read_mos_rows(world.campaign)),
    "agreement": lambda world: compute_agreement(world.campaign).clips,
    "tallies": lambda world: ItemSummary.objects.filter(visual_tally__gt=0).exists(),
    "progress": lambda world: read_progress(world.campaign).slots,
    "the number of clips": lambda world: read_progress_and_counts(world.campaign)[1].every,
    "the number of golds": lambda world: read_progress_and_counts(world.campaign)[1].gold,
    "split sizes": lambda world: read_split_sizes(world.campaign)["train"] != SplitSize(),
    "split sizes of the site": lambda world: read_split_sizes(None)["train"] != SplitSize(),
    "a duplicate": lambda world: duplicate_campaign(
        actor=world.lead, campaign=world.campaign, name="copy", title="Copy", parts=CopiedParts(clips=True)
    ).items.exists(),
    "a new release": lambda world: snapshot(world.campaign, world.folder),
    "the check before a release": lambda world: has_train_clips(world.campaign, reviewed=False),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_withdrawn_clip_is_nowhere_and_a_restored_one_is_where_it_was(world: World, place: str) -> None:
    has_clip = PLACES[place]
    if place != "a duplicate":
        assert has_clip(world)
    withdraw_clips(actor=world.lead, clips=[world.item.clip], reason=REASON)
    assert not has_clip(world)
    check_summaries(world.campaign)
    if place != "a duplicate":
        restore_clip(actor=world.lead, clip=world.item.clip, reason="The licence changed.")
        assert has_clip(world)
        check_summaries(world.campaign)


def test_val_and_test_clips_that_are_withdrawn_count_in_no_release() -> None:
    campaign = make_campaign(1, overlap=1, split="val")
    rate_all(make_user(), campaign)
    assert count_held_out(campaign)["val"] == SplitSize(1, 1)
    withdraw_clips(actor=make_lead(), clips=list(Clip.objects.all()), reason=REASON)
    assert count_held_out(campaign) == {}


def test_answers_on_a_withdrawn_gold_do_not_count_as_checks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "draw_check_kind", lambda *_given: Slot.Kind.GOLD)
    Slot.objects.filter(state="free").delete()
    submit(world.newcomer, claim(world.newcomer, world.campaign))
    assert read_checks(world.campaign)
    withdraw_clips(actor=world.lead, clips=[world.item.clip], reason=REASON)
    assert not read_checks(world.campaign)


def test_a_rater_who_is_rating_the_clip_is_told_and_can_finish_it_when_it_returns(lead: User) -> None:
    campaign = make_campaign(2, actor=lead, overlap=1)
    rater = make_user()
    slot = claim(rater, campaign)
    clip = slot.item.clip
    withdraw_clips(actor=lead, clips=[clip], reason=REASON)
    with pytest.raises(LeaseLost, match="A lead has taken this clip out"):
        queue.renew(rater=rater, lease=get_lease(slot), item_id=slot.item_id)
    with pytest.raises(LeaseLost, match="A lead has taken this clip out"):
        submit(rater, slot)
    assert queue.find_excluded_work(rater, campaign) == slot.item
    assert [work.item for work in own_work.list_excluded_work(rater, SavedWork.objects.get().saved_at)] == [slot.item]
    submit(rater, claim(rater, campaign))
    assert queue.claim(rater=rater, campaign=campaign) is None
    restore_clip(actor=lead, clip=clip, reason="A mistake.")
    assert claim(rater, campaign).item_id == slot.item_id


def test_a_clip_is_withdrawn_in_all_its_campaigns_and_in_later_ones(lead: User) -> None:
    clip = make_clip()
    first, second, third = (make_campaign(actor=lead) for _ in range(3))
    for campaign in (first, second):
        add_clips(actor=lead, campaign=campaign, clips=[clip])
    withdraw_clips(actor=lead, clips=[clip], reason=REASON)
    add_clips(actor=lead, campaign=third, clips=[clip])
    assert list(clip.items.values_list("availability", flat=True)) == ["withdrawn"] * 3
    entries = AuditEntry.objects.filter(action="clip.withdrawn").order_by("campaign")
    assert [entry.campaign for entry in entries] == sorted([first.name, second.name])
    restore_clip(actor=lead, clip=clip, reason="A mistake.")
    assert list(clip.items.values_list("availability", flat=True)) == ["available"] * 3


@pytest.mark.parametrize("before", ["available", "excluded", "reported", "preparing"])
def test_a_restored_clip_is_what_it_was_and_its_reports_are_settled(lead: User, before: str) -> None:
    campaign = make_campaign(1, actor=lead, overlap=2)
    item = Item.objects.get()
    if before == "excluded":
        reports.exclude(actor=lead, item=item, reason="Gore.")
    elif before == "reported":
        reporter = make_user()
        skip(reporter, claim(reporter, campaign), kind="broken")
    elif before == "preparing":
        Clip.objects.update(is_ready=False)
        Item.objects.update(availability="preparing")
    withdraw_clips(actor=lead, clips=[item.clip], reason=REASON)
    restore_clip(actor=lead, clip=item.clip, reason="A mistake.")
    item.refresh_from_db()
    assert item.availability == ("available" if before == "reported" else before)
    assert item.exclusion_reason == ("Gore." if before == "excluded" else "")
    assert not item.skips.filter(settled_at=None).exists()


@pytest.mark.parametrize("act", ["exclude", "give out", "more ratings"])
def test_other_acts_leave_a_withdrawn_clip_as_it_is(lead: User, act: str) -> None:
    make_campaign(1, actor=lead)
    item = Item.objects.get()
    withdraw_clips(actor=lead, clips=[item.clip], reason=REASON)
    outcome = {
        "exclude": lambda: reports.exclude_items(actor=lead, items=[item], reason="Gore."),
        "give out": lambda: reports.give_out_items(actor=lead, items=[item], reason="Fine."),
        "more ratings": lambda: request_ratings(actor=lead, items=[item], ratings=9),
    }[act]()
    assert outcome.describe_left() == {item.pk: "This clip is withdrawn. Restore it first."}
    item.refresh_from_db()
    assert item.availability == "withdrawn"


def test_the_neighbours_of_a_withdrawn_clip_are_those_of_its_place(lead: User) -> None:
    campaign = make_campaign(3, actor=lead)
    first, second, third = Item.objects.order_by("pk")
    withdraw_clips(actor=lead, clips=[second.clip], reason=REASON)
    tallies = read_axis_tallies(campaign, ClipFilter().axis)
    neighbours = {item.pk: find_neighbours(campaign, ClipFilter(), item.pk, tallies) for item in (first, second, third)}
    assert neighbours == {first.pk: (None, third.pk), second.pk: (first.pk, third.pk), third.pk: (first.pk, None)}
    only = read_clip_page(campaign, ClipFilter(state="withdrawn"))
    assert ([row.item.pk for row in only.rows], only.count) == ([second.pk], 1)


def test_a_withdrawal_needs_a_reason_and_a_lead_and_happens_once(lead: User, rater: User) -> None:
    clip = make_clip()
    with pytest.raises(ValidationError, match="Write why"):
        withdraw_clips(actor=lead, clips=[clip], reason=" ")
    with pytest.raises(PermissionDenied):
        withdraw_clips(actor=rater, clips=[clip], reason=REASON)
    assert withdraw_clips(actor=lead, clips=[clip], reason=REASON) == [clip]
    assert withdraw_clips(actor=lead, clips=[clip], reason="Again.") == []
    assert Clip.objects.get().withdrawal_reason == REASON
    with pytest.raises(ValidationError, match="Write why"):
        restore_clip(actor=lead, clip=clip, reason="")
    assert AuditEntry.objects.filter(action="clip.withdrawn", target_type="annotation.clip").count() == 1


def test_many_clips_are_withdrawn_from_all_campaigns_in_one_act_and_restored(lead: User) -> None:
    campaign, other = make_campaign(3, actor=lead), make_campaign(actor=lead)
    items = list(campaign.items.order_by("pk"))
    add_clips(actor=lead, campaign=other, clips=[items[0].clip])
    reports.exclude(actor=lead, item=items[1], reason="Still.")

    withdrawn = withdraw_items(actor=lead, items=items[:2], reason=REASON)
    assert [item.pk for item in withdrawn.changed] == [item.pk for item in items[:2]]
    assert set(other.items.values_list("availability", flat=True)) == {"withdrawn"}
    assert AuditEntry.objects.filter(action="clip.withdrawn").count() == 3  # one of the clips is in two campaigns
    check_summaries(campaign)
    successor = items[2].clip
    Clip.objects.filter(pk=items[0].clip_id).update(successor=successor)

    restored = restore_items(actor=lead, items=items, reason="It allows it now.")
    assert ([item.pk for item in restored.changed], list(restored.left)) == ([items[1].pk], [items[0].pk])
    assert "has taken its place" in restored.describe_left()[items[0].pk]
    availability = campaign.items.order_by("pk").values_list("availability", flat=True)
    assert list(availability) == ["withdrawn", "excluded", "available"]
    check_summaries(campaign)


def test_many_clips_are_not_withdrawn_without_a_reason_or_by_a_rater(lead: User) -> None:
    items = list(make_campaign(2, actor=lead).items.all())
    with pytest.raises(ValidationError, match="Write why"):
        withdraw_items(actor=lead, items=items, reason=" ")
    with pytest.raises(PermissionDenied):
        withdraw_items(actor=make_user(), items=items, reason=REASON)
    assert not Clip.objects.exclude(withdrawn_at=None).exists()
