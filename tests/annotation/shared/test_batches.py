"""Changes of large campaigns in short transactions: raters keep working, and an interrupted change is completed."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client

from accounts.models import User
from annotation.campaigns.campaigns import StateRefused, add_clips, set_state
from annotation.campaigns.duplicate import CopiedParts, copy_clips, duplicate_campaign
from annotation.campaigns.guidelines import Example, read_examples, set_guidelines
from annotation.campaigns.marking import mark_item, set_order_scores
from annotation.campaigns.policy import update_policy
from annotation.campaigns.ranks import apply_order
from annotation.campaigns.reports import exclude
from annotation.campaigns.slots import update_slots
from annotation.models import Campaign, Item, Slot
from annotation.shared import batches
from operations import jobs
from operations.models import Job
from tests.annotation import factories

Work = Callable[[Campaign], Iterator[tuple[int, int]]]


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_SIZE", 3)


CHANGES: dict[str, dict[str, Any]] = {
    "raise": {"overlap": 6},
    "lower": {"overlap": 2},
    "redraw": {"seed": 7, "assisted_share": 0.9},
    "reorder": {"order": "priority"},
    "all": {"seed": 9, "overlap": 1, "order": "score"},
}


def change(name: str) -> Work:
    """A change of settings as the body of its job."""

    def work(campaign: Campaign) -> Iterator[tuple[int, int]]:
        update_policy(actor=campaign.created_by, campaign=campaign, **CHANGES[name])
        return update_slots(campaign, Job.objects.get(kind="update_slots").arguments["newest_slot"])

    return work


def duplicate(campaign: Campaign) -> Iterator[tuple[int, int]]:
    lead = campaign.created_by
    made = duplicate_campaign(actor=lead, campaign=campaign, name="made", title="Made", parts=CopiedParts(clips=True))
    return copy_clips(actor=lead, source=campaign, target=made, golds=True, qualification=True)


def rate_once(rater: User, campaign: Campaign) -> int:
    """Claim and submit on a connection of this thread, which does not wait for a lock."""
    try:
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA busy_timeout = 100")
        slot = factories.claim(rater, campaign)
        return factories.submit(rater, slot).pk
    finally:
        connections.close_all()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("work", "state"),
    [
        pytest.param(duplicate, "open", id="duplicate"),
        *(pytest.param(change(name), "open", id=name) for name in ("raise", "lower", "reorder")),
        *(pytest.param(change(name), "draft", id=name) for name in ("redraw", "all")),
    ],
)
def test_submits_are_stored_between_the_batches(work: Work, state: str) -> None:
    """A rater on another connection claims and submits after every batch: the lock is free then."""
    changed = factories.make_campaign(10, overlap=4, state=state)
    rated = changed if state == "open" else factories.make_campaign(10)
    rater = factories.make_user()
    with ThreadPoolExecutor(1) as other:
        stored = [other.submit(rate_once, rater, rated).result() for _done in work(changed)]
    assert len(set(stored)) == 4


@pytest.mark.django_db(transaction=True)
def test_submits_are_stored_between_the_batches_of_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign, rater = factories.make_campaign(10, order="score"), factories.make_user()
    names = list(campaign.items.values_list("clip__clip_id", flat=True))
    open_batch, stored = batches.open_batch, []

    with ThreadPoolExecutor(1) as other:

        @contextmanager
        def and_rate() -> Iterator[None]:
            with open_batch():
                yield
            stored.append(other.submit(rate_once, rater, campaign).result())

        monkeypatch.setattr(batches, "open_batch", and_rate)
        scores = {name: number / 2 for number, name in enumerate(names)}
        assert set_order_scores(actor=campaign.created_by, campaign=campaign, scores=scores) == 10
    assert len(set(stored)) == 4
    open_slots = campaign.slots.exclude(state="done")
    assert open_slots.exists()
    assert all(slot.rank == scores[slot.item.clip.clip_id] for slot in open_slots)


@pytest.mark.django_db
def test_scores_that_were_cut_off_are_stored_when_they_are_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = factories.make_campaign(10, order="score")
    scores = dict.fromkeys(campaign.items.values_list("clip__clip_id", flat=True), 1.0)
    left, open_batch = iter(range(2)), batches.open_batch

    def end_after_two() -> Any:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return open_batch()

    with monkeypatch.context() as patch:
        patch.setattr(batches, "open_batch", end_after_two)
        with pytest.raises(KeyboardInterrupt):
            set_order_scores(actor=campaign.created_by, campaign=campaign, scores=scores)
    assert campaign.items.filter(order_score=1).count() == campaign.slots.filter(rank=1).count() / 3 == 6
    assert set_order_scores(actor=campaign.created_by, campaign=campaign, scores=scores) == 4
    assert set(campaign.slots.values_list("rank", flat=True)) == {1.0}


def read_slots(campaign: Campaign) -> list[tuple[object, ...]]:
    return sorted(campaign.slots.values_list("item__clip__clip_id", "number", "arm", "place", "rank"))


@pytest.mark.django_db
@pytest.mark.parametrize("cut", [0, 1, 3])
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_was_cut_off_is_whole_after_another_run(name: str, cut: int) -> None:
    """As whole as a campaign that had these settings when its clips came in."""
    lead, clips = factories.make_lead(), [factories.make_clip() for _ in range(10)]
    changed = factories.make_campaign(state="draft", overlap=4, assisted_share=0.5)
    values = {field: getattr(changed, field) for field in ("seed", "overlap", "order", "assisted_share")}
    fresh = factories.make_campaign(state="draft", **values | CHANGES[name])
    for campaign in (changed, fresh):
        add_clips(actor=lead, campaign=campaign, clips=clips)
        prefer_some(campaign)

    for _ in zip(range(cut), change(name)(changed), strict=False):
        pass
    job = jobs.run(Job.objects.get(kind="update_slots").pk)
    assert job is not None
    assert job.state == "done"
    assert read_slots(changed) == read_slots(fresh)


def prefer_some(campaign: Campaign) -> None:
    """Give every item a priority and a score, and its slots the rank that the campaign's order makes of them."""
    for number, item in enumerate(campaign.items.order_by("pk")):
        item.priority, item.order_score = number % 3, number / 2 if number % 4 else None
        item.save()
    apply_order(campaign)


@pytest.mark.django_db
def test_a_lower_overlap_leaves_taken_slots_and_those_that_disagreement_opened_later() -> None:
    campaign = factories.make_campaign(10, overlap=4, overlap_cap=6, disagreement_bound=1)
    update_policy(actor=factories.make_lead(), campaign=campaign, overlap=2)
    first, second, *_ = campaign.items.order_by("pk")
    taken = first.slots.get(number=4)
    later = Slot.objects.create(item=second, campaign=campaign, number=5, arm="blind")
    Slot.objects.filter(pk=taken.pk).update(state="done", rater=factories.make_user())

    jobs.run(Job.objects.get(kind="update_slots").pk)

    assert set(campaign.slots.filter(number__gt=2).values_list("pk", flat=True)) == {taken.pk, later.pk}
    assert campaign.slots.count() == 22


@pytest.mark.django_db
def test_a_later_change_completes_one_that_was_cancelled() -> None:
    lead, campaign = factories.make_lead(), factories.make_campaign(10, overlap=4)
    update_policy(actor=lead, campaign=campaign, overlap=2)
    jobs.cancel(job=Job.objects.get(), actor=lead)
    update_policy(actor=lead, campaign=campaign, order="priority")
    jobs.run(Job.objects.get(state="queued").pk)
    assert campaign.slots.count() == 20


@pytest.mark.django_db
def test_a_campaign_whose_arms_are_half_drawn_does_not_open(client: Client) -> None:
    campaign = factories.make_campaign(10, state="draft", assisted_share=0)
    lead = campaign.created_by
    update_policy(actor=lead, campaign=campaign, assisted_share=1)
    jobs.cancel(job=Job.objects.get(), actor=lead)
    with pytest.raises(StateRefused, match="still being drawn"):
        set_state(actor=lead, campaign=campaign, state="open")

    client.force_login(lead)
    path = f"/campaigns/{campaign.name}"
    assert "Finish the update" in client.get(path).content.decode()
    assert client.post(f"{path}/finish-upkeep").headers["Location"] == path
    assert "Finish the update" not in client.get(path).content.decode()
    client.post(f"{path}/finish-upkeep")  # it waits already
    jobs.run(Job.objects.get(state="queued").pk)

    assert set(campaign.slots.values_list("arm", flat=True)) == {"assisted"}
    assert set_state(actor=lead, campaign=campaign, state="open").state == "open"


@pytest.mark.django_db
def test_arms_stay_once_a_campaign_is_open() -> None:
    campaign = factories.make_campaign(10, assisted_share=0)
    Campaign.objects.filter(pk=campaign.pk).update(assisted_share=1)
    for _done in update_slots(campaign, 0):
        pass
    assert set(campaign.slots.values_list("arm", flat=True)) == {"blind"}


@pytest.mark.django_db
@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_a_duplicate_that_was_cut_off_is_whole_after_another_run(cut: int) -> None:
    campaign = factories.make_campaign(10, overlap=2, order="priority", assisted_share=0.5)
    lead = campaign.created_by
    items = list(Item.objects.select_related("clip").order_by("pk"))
    Item.objects.filter(pk=items[4].pk).update(priority=3)
    Slot.objects.filter(item=items[4]).update(rank=3)
    mark_item(actor=lead, item=items[1], mark="gold", scores={"visual": 2})
    exclude(actor=lead, item=items[2], reason="Gore.")
    set_guidelines(actor=lead, campaign=campaign, text="Look.", examples=[Example("visual", 1, items[0].clip, "so")])

    made = duplicate_campaign(
        actor=lead, campaign=campaign, name="made", title="Made", parts=CopiedParts(clips=True, golds=True)
    )
    started = copy_clips(actor=lead, source=campaign, target=made, golds=True, qualification=False)
    for _ in zip(range(cut), started, strict=False):
        pass
    for item in made.items.all():  # every copied item is complete
        assert item.slots.count() == 2
    job = jobs.run(Job.objects.get(kind="copy_clips").pk)

    assert job is not None
    assert (job.state, job.result) == ("done", {"clips": 10})
    assert read_slots(made) == read_slots(campaign)
    fields = ("clip", "gold", "priority", "availability", "exclusion_reason")
    assert list(made.items.order_by("pk").values_list(*fields)) == list(
        campaign.items.order_by("pk").values_list(*fields)
    )
    assert [one.note for one in read_examples(made.guidelines.get())] == ["so"]
    assert made.state == "draft"


@pytest.mark.django_db
def test_the_page_of_a_campaign_shows_what_is_still_going_on(client: Client) -> None:
    campaign = factories.make_campaign(10, overlap=2)
    client.force_login(campaign.created_by)
    update_policy(actor=campaign.created_by, campaign=campaign, overlap=3)
    path = f"/campaigns/{campaign.name}"
    assert "Updating the slots of each clip" in client.get(path).content.decode()
    jobs.run(Job.objects.get(kind="update_slots").pk)
    assert "Updating the slots of each clip" not in client.get(path).content.decode()
