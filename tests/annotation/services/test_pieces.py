"""Large campaigns are duplicated, and get more seats, in short transactions: raters go on meanwhile."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections
from django.test import Client

from annotation.models import Campaign, Item, Slot
from annotation.services import pieces, queue
from annotation.services.duplicate import copy_clips, duplicate_campaign
from annotation.services.guidelines import Example, examples_of, set_guidelines
from annotation.services.marking import mark_item
from annotation.services.policy import add_seats, update_policy
from annotation.services.reports import exclude
from operations import jobs
from operations.models import Job
from tests.annotation import factories

Work = Callable[[Campaign], Iterator[tuple[int, int]]]


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE", 3)


def more_seats(campaign: Campaign) -> Iterator[tuple[int, int]]:
    Campaign.objects.filter(pk=campaign.pk).update(overlap=campaign.overlap + 2)
    return add_seats(campaign)


def duplicate(campaign: Campaign) -> Iterator[tuple[int, int]]:
    boss = campaign.created_by
    made = duplicate_campaign(actor=boss, campaign=campaign, name="made", title="Made", clips=True)
    return copy_clips(actor=boss, source=campaign, target=made, golds=True, qualification=True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("work", [more_seats, duplicate])
def test_submits_are_stored_between_the_pieces(work: Work) -> None:
    """A rater on another connection claims and submits after every piece: the lock is free then."""
    campaign, rater = factories.make_campaign(10), factories.make_user()

    def rate() -> int:
        try:
            if connection.vendor == "sqlite":
                with connection.cursor() as cursor:
                    cursor.execute("PRAGMA busy_timeout = 100")
            slot = queue.claim(rater=rater, campaign=campaign)
            assert slot is not None
            return factories.submit(rater, slot).pk
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as other:
        rated = [other.submit(rate).result() for _done in work(campaign)]
    assert len(set(rated)) == 4


def seats_of(campaign: Campaign) -> list[tuple[object, ...]]:
    return sorted(campaign.slots.values_list("item__clip__clip_id", "number", "arm", "place", "rank"))


@pytest.mark.django_db
@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_seats_that_a_cut_off_job_did_not_add_are_added_when_it_runs_again(cut: int) -> None:
    campaign = factories.make_campaign(10, overlap=2)
    update_policy(actor=factories.lead(), campaign=campaign, overlap=4)
    for _ in zip(range(cut), add_seats(campaign), strict=False):
        pass
    job = jobs.run(Job.objects.get(kind="add_seats").pk)
    assert job is not None
    assert job.state == "done"
    assert set(Slot.objects.values_list("number", flat=True)) == {1, 2, 3, 4}
    assert Slot.objects.count() == 40


@pytest.mark.django_db
@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_a_duplicate_that_was_cut_off_is_whole_after_another_run(cut: int) -> None:
    campaign = factories.make_campaign(10, overlap=2, order="priority", assisted_share=0.5)
    boss = campaign.created_by
    items = list(Item.objects.select_related("clip").order_by("pk"))
    Item.objects.filter(pk=items[4].pk).update(priority=3)
    Slot.objects.filter(item=items[4]).update(rank=3)
    mark_item(actor=boss, item=items[1], mark="gold", scores={"visual": 2})
    exclude(actor=boss, item=items[2], reason="Gore.")
    set_guidelines(actor=boss, campaign=campaign, text="Look.", examples=[Example("visual", 1, items[0].clip, "so")])

    made = duplicate_campaign(actor=boss, campaign=campaign, name="made", title="Made", clips=True, golds=True)
    started = copy_clips(actor=boss, source=campaign, target=made, golds=True, qualification=False)
    for _ in zip(range(cut), started, strict=False):
        pass
    for item in made.items.all():  # what is there is whole at every moment
        assert item.slots.count() == 2
    job = jobs.run(Job.objects.get(kind="copy_clips").pk)

    assert job is not None
    assert (job.state, job.result) == ("done", {"clips": 10})
    assert seats_of(made) == seats_of(campaign)
    fields = ("clip", "gold", "priority", "availability", "exclusion_reason")
    assert list(made.items.order_by("pk").values_list(*fields)) == list(
        campaign.items.order_by("pk").values_list(*fields)
    )
    assert [one.note for one in examples_of(made.guidelines.get())] == ["so"]
    assert made.state == "draft"


@pytest.mark.django_db
def test_the_page_of_a_campaign_shows_what_is_still_going_on(client: Client) -> None:
    campaign = factories.make_campaign(10, overlap=2)
    client.force_login(campaign.created_by)
    update_policy(actor=campaign.created_by, campaign=campaign, overlap=3)
    path = f"/campaigns/{campaign.name}"
    assert "Clips are getting more seats" in client.get(path).content.decode()
    jobs.run(Job.objects.get(kind="add_seats").pk)
    assert "Clips are getting more seats" not in client.get(path).content.decode()
