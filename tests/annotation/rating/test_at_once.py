"""Several raters, and several tabs of one rater, at the same moment."""

import hashlib
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import pytest
from django.db import connection, transaction

from accounts.models import User
from annotation.campaigns import reports
from annotation.campaigns.campaigns import add_clips
from annotation.campaigns.marking import mark_items, set_order_scores
from annotation.campaigns.more_ratings import request_ratings
from annotation.campaigns.policy import update_policy
from annotation.corrections.correct import correct_clip
from annotation.corrections.new_files import NewFile
from annotation.corrections.replacement import replace_file
from annotation.corrections.withdrawal import withdraw_clips
from annotation.intake.manifests import Row
from annotation.intake.prompt_groups import group_prompts
from annotation.models import (
    FILE_FIELDS,
    Campaign,
    Clip,
    GroupedPrompt,
    Item,
    Offer,
    Rating,
    RatingRevision,
    SavedWork,
    Slot,
)
from annotation.rating import queue
from annotation.rating.queue import LeaseLost
from qsave.axes import AXES
from tests.annotation import factories
from tests.annotation.summaries import check_summaries
from tests.support.threads import run_at_once
from tests.support.waiting import LIMIT_SECONDS, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def make_file(name: str) -> NewFile:
    """Make the values of another file, without a file."""
    values = {field: getattr(Clip.objects.earliest("pk"), field) for field in FILE_FIELDS}
    return NewFile(values | {"sha256": hashlib.sha256(name.encode()).hexdigest()})


def list_items(campaign: Campaign) -> list[Item]:
    return list(campaign.items.select_related("clip"))


def list_clips(campaign: Campaign) -> list[Clip]:
    return [item.clip for item in list_items(campaign)]


ACTS: dict[str, Callable[[User, Campaign], object]] = {
    "a new order": lambda lead, campaign: update_policy(actor=lead, campaign=campaign, order="priority"),
    "order scores": lambda lead, campaign: set_order_scores(
        actor=lead, campaign=campaign, scores={item.clip.clip_id: 1.0 for item in list_items(campaign)}
    ),
    "marks": lambda lead, campaign: mark_items(
        actor=lead, items=list_items(campaign), mark="gold", scores={"visual": 3}, priority=2
    ),
    "more ratings": lambda lead, campaign: request_ratings(actor=lead, items=list_items(campaign), ratings=3),
    "an exclusion": lambda lead, campaign: reports.exclude_items(
        actor=lead, items=list_items(campaign), reason="Gore."
    ),
    "a withdrawal": lambda lead, campaign: withdraw_clips(actor=lead, clips=list_clips(campaign), reason="Rights."),
    "new files": lambda lead, campaign: [
        replace_file(actor=lead, clip=clip, file=make_file(clip.clip_id), reason="Wrong.")
        for clip in list_clips(campaign)
    ],
    "new prompts": lambda lead, campaign: [
        correct_clip(actor=lead, clip=clip, values={"prompt": "A kite", "generator": "toy-2"}, reason="Wrong.")
        for clip in list_clips(campaign)
    ],
}
"""Writes of a lead that lock slots and items."""


def test_raters_who_claim_at_once_get_different_slots() -> None:
    campaign = factories.make_campaign(2, overlap=3)
    raters = [factories.make_user() for _ in range(8)]

    slots = run_at_once(*[lambda rater=rater: queue.claim(rater=rater, campaign=campaign) for rater in raters])

    taken = [slot.pk for slot in slots if isinstance(slot, Slot)]
    assert len(taken) == len(set(taken)) == 6  # two items with three slots each
    assert slots.count(None) == 2


def test_two_tabs_that_claim_at_once_get_the_same_slot() -> None:
    campaign, rater = factories.make_campaign(9), factories.make_user()

    slots = run_at_once(*[lambda: queue.claim(rater=rater, campaign=campaign)] * 4)

    assert len({(slot.pk, slot.lease) for slot in slots if isinstance(slot, Slot)}) == 1
    assert None not in slots
    assert (Slot.objects.filter(state="leased").count(), Offer.objects.count()) == (1, 1)


def test_a_double_submit_with_one_key_stores_one_rating_and_answers_both() -> None:
    campaign, rater = factories.make_campaign(1), factories.make_user()
    slot, key, given = queue.claim(rater=rater, campaign=campaign), uuid.uuid4(), factories.make_answers()
    assert slot is not None

    outcomes = run_at_once(*[lambda: factories.submit(rater, slot, key=key, answers=given)] * 4)

    assert {outcome.pk for outcome in outcomes if isinstance(outcome, Rating)} == {Rating.objects.get().pk}
    assert len([outcome for outcome in outcomes if isinstance(outcome, Rating)]) == 4
    assert (RatingRevision.objects.count(), SavedWork.objects.count()) == (1, 0)


def test_two_tabs_that_submit_at_once_store_one_rating_and_keep_the_other_words() -> None:
    campaign, rater = factories.make_campaign(1), factories.make_user()
    slot = factories.claim(rater, campaign)

    outcomes = run_at_once(*[lambda: factories.submit(rater, slot)] * 2)

    assert Counter(type(outcome) for outcome in outcomes) == {Rating: 1, LeaseLost: 1}
    assert Rating.objects.count() == SavedWork.objects.count() == 1


def test_many_raters_who_begin_at_once_get_their_qualification_clip() -> None:
    campaign = factories.make_campaign(2, qualification_mark=0.5)
    first = Item.objects.order_by("pk")[0]
    Item.objects.filter(pk=first.pk).update(gold=dict.fromkeys(AXES, 3), is_qualification=True)
    raters = [factories.make_user() for _ in range(2 * queue.ATTEMPTS)]

    slots = run_at_once(*[lambda rater=rater: queue.claim(rater=rater, campaign=campaign) for rater in raters])

    assert [slot.item_id for slot in slots if isinstance(slot, Slot)] == [first.pk] * len(raters)


def test_a_new_order_and_a_claim_at_the_same_moment_do_not_stand_in_each_others_way() -> None:
    campaign, rater, lead = factories.make_campaign(3), factories.make_user(), factories.make_lead()

    def reorder() -> Campaign:
        return update_policy(actor=lead, campaign=campaign, order="priority")

    def claim() -> Slot | None:
        with transaction.atomic():
            slot = queue.claim(rater=rater, campaign=campaign)
            begun.set()
            if connection.vendor == "postgresql":  # SQLite has one writer at a time: the other has not begun
                wait_until(_is_any_lock_awaited, what="the new order, waiting for the slot")
            return slot

    begun = threading.Event()
    outcomes = run_at_once(claim, lambda: begun.wait(timeout=LIMIT_SECONDS) and reorder())

    assert [type(outcome) for outcome in outcomes] == [Slot, Campaign]


@pytest.mark.parametrize("act", ACTS)
def test_an_act_of_a_lead_waits_for_a_submit_and_neither_fails(act: str) -> None:
    campaign, lead, rater = (
        factories.make_campaign(2, overlap=1, overlap_cap=3),
        factories.make_lead(),
        factories.make_user(),
    )
    slot = factories.claim(rater, campaign)

    def submit() -> Rating:
        with transaction.atomic():
            Slot.objects.select_for_update().get(pk=slot.pk)
            begun.set()
            if connection.vendor == "postgresql":
                wait_until(_is_any_lock_awaited, what="the lead's act, waiting for the slot")
            return factories.submit(rater, slot)  # it also locks the item

    begun = threading.Event()
    outcomes = run_at_once(submit, lambda: begun.wait(timeout=LIMIT_SECONDS) and ACTS[act](lead, campaign))

    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    assert Rating.objects.get().item_id == slot.item_id


def _is_any_lock_awaited() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return int(cursor.fetchone()[0]) > 0


def test_no_rater_holds_a_clip_that_is_excluded_while_they_claim_and_submit() -> None:
    campaign, lead = factories.make_campaign(4, overlap=2, gold_share=0.3), factories.make_lead()
    raters = [factories.make_user() for _ in range(4)]
    items = list(Item.objects.order_by("pk"))
    Item.objects.filter(pk__in=[item.pk for item in items[:2]]).update(gold=dict.fromkeys(AXES, 3))

    def rate_twice(rater: User) -> None:
        for _ in range(2):
            slot = queue.claim(rater=rater, campaign=campaign)
            with suppress(LeaseLost):
                if slot is not None:
                    factories.submit(rater, slot)
        queue.claim(rater=rater, campaign=campaign)

    def exclude_all() -> None:
        for item in items:
            reports.exclude(actor=lead, item=item, reason="Gore.")

    outcomes = run_at_once(exclude_all, *[lambda rater=rater: rate_twice(rater) for rater in raters])

    assert outcomes == [None] * 5
    assert not Slot.objects.filter(state="leased").exists()
    assert all(queue.claim(rater=rater, campaign=campaign) is None for rater in raters)


def test_every_rating_is_of_the_file_that_its_rater_got_while_files_are_replaced() -> None:
    campaign, lead = factories.make_campaign(2, overlap=3), factories.make_lead()
    raters, seen = [factories.make_user() for _ in range(3)], {}

    def rate(rater: User) -> None:
        while (slot := queue.claim(rater=rater, campaign=campaign)) is not None:
            version = Clip.objects.get(items=slot.item_id).version
            with suppress(LeaseLost):
                seen[factories.submit(rater, slot).pk] = version

    def replace() -> None:
        for number, clip in enumerate([*list_clips(campaign)] * 3):
            replace_file(actor=lead, clip=clip, file=make_file(f"file-{number}"), reason="Wrong.")

    outcomes = run_at_once(replace, *[lambda rater=rater: rate(rater) for rater in raters])

    assert outcomes == [None] * 4
    stored = Rating.objects.select_related("slot", "item__clip")
    assert all(rating.clip_version >= seen[rating.pk] for rating in stored)
    assert all((rating.slot.kind == "seat") == (rating.clip_version == rating.item.clip.version) for rating in stored)
    assert {slot.number for slot in Slot.objects.filter(kind="seat")} == {1, 2, 3}
    check_summaries(campaign)


def test_a_clip_that_is_withdrawn_while_it_is_added_to_a_campaign_is_withdrawn_there() -> None:
    lead, clips = factories.make_lead(), [factories.make_clip() for _ in range(6)]
    campaign = factories.make_campaign(actor=lead)
    outcomes = run_at_once(
        lambda: add_clips(actor=lead, campaign=campaign, clips=clips),
        lambda: withdraw_clips(actor=lead, clips=clips[:3], reason="Rights."),
    )
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    withdrawn = Item.objects.filter(availability="withdrawn")
    assert {item.clip_id for item in withdrawn} == {clip.pk for clip in clips[:3]}


def test_a_campaign_rated_by_many_at_once_ends_with_exactly_k_ratings_an_item() -> None:
    campaign = factories.make_campaign(6, overlap=2)
    raters = [factories.make_user() for _ in range(4)]

    counts = run_at_once(*[lambda rater=rater: factories.rate_all(rater, campaign) for rater in raters])

    assert sum(count for count in counts if isinstance(count, int)) == 12
    ratings = Counter(Rating.objects.values_list("item", flat=True))
    assert set(ratings.values()) == {2}
    assert Rating.objects.values("item", "rater").distinct().count() == 12


def test_imports_of_near_prompts_at_once_give_them_one_group() -> None:
    near = [
        f"{factories.make_prompt(1)} {factories.make_prompt(2)} {factories.make_prompt(3)} {number}"
        for number in range(4)
    ]
    manifests = [
        [Row(video="a.mp4", prompt=text, generator="toy") for text in (prompt, factories.make_prompt(10 + number))]
        for number, prompt in enumerate(near)
    ]

    outcomes = run_at_once(*[lambda rows=rows: group_prompts(rows, seed=0) for rows in manifests])

    assert outcomes == [None] * 4
    groups = GroupedPrompt.objects.filter(text__in=near).values_list("group", "bridges_splits")
    assert len(set(groups)) == 1
    assert GroupedPrompt.objects.count() == 8
