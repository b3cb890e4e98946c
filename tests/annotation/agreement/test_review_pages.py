"""The review queue and the page of one clip: order, filters, acts by form, refusals, and what stays hidden."""

import re
from html import unescape
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.models import AuditEntry, User
from annotation.agreement.review_acts import take_consensus
from annotation.agreement.review_order import QueueFilter, ReviewOrder
from annotation.agreement.review_version import read_version
from annotation.agreement.reviews import read_reviews_in_force, review
from annotation.campaigns.campaigns import add_clips
from annotation.campaigns.disputes import PRECISION
from annotation.campaigns.progress import read_progress_and_counts
from annotation.campaigns.summaries import refresh_summaries
from annotation.models import Campaign, Item, ItemSummary, Slot
from annotation.rating import queue
from annotation.rating.answers import Answer
from qsave.axes import AXES, Axis
from qsave.report_card import Evidence, card_from_json
from qsave.statistics.tallies import unpack_tally
from tests.annotation import factories

pytestmark = pytest.mark.django_db
QUEUE_QUERIES, CLIP_QUERIES = 11, 17
SCORES = {"calm": (3, 3), "wide": (1, 5), "gap": (2, 5), "defect": (4, 4), "held-out": (5, 1)}


def answer(name: str, number: int) -> dict[Axis, Answer]:
    """Make the answers of a rater: on "gap" only the dynamic scores differ, on "defect" one of two names a defect."""
    score = SCORES[name][number]
    answers = factories.make_answers(4 if name == "gap" else score)
    if name == "gap":
        answers[Axis.DYNAMIC] = Answer(score, (), "It jumps in the middle.")
    if name == "defect" and number == 1:
        answers[Axis.VISUAL] = Answer(score, (Evidence("blur"),), "The edge is soft.")
    return answers


@pytest.fixture
def lead() -> User:
    return factories.make_lead("lena")


@pytest.fixture
def as_lead(client: Client, lead: User) -> Client:
    client.force_login(lead)
    return client


@pytest.fixture
def campaign(lead: User) -> Campaign:
    campaign = factories.make_campaign(actor=lead, overlap=2, name="spring", min_reason_length=0)
    for name in SCORES:
        split = "test" if name == "held-out" else "train"
        generator = "toy-2" if name == "wide" else "toy-1"
        clip = factories.make_clip(name, split=split, generator=generator)
        add_clips(actor=lead, campaign=campaign, clips=[clip])
    for number, rater in enumerate((factories.make_user("ann"), factories.make_user("ben"))):
        while slot := queue.claim(rater=rater, campaign=campaign):
            factories.submit(rater, slot, answers=answer(slot.item.clip.clip_id, number))
    return campaign


def read_text(html: str) -> str:
    """Return the words of a page, without isolates, each space once."""
    text = unescape(re.sub(r"<[^>]+>", " ", html)).translate(dict.fromkeys(map(ord, "\u2066\u2067\u2068\u2069")))
    return re.sub(r"\s+", " ", text)


def find(campaign: Campaign, name: str) -> Item:
    items = Item.objects.select_related("campaign", "clip__prompt_group", "summary")
    return items.get(campaign=campaign, clip__clip_id=name)


def list_queue(as_lead: Client, **filters: str) -> list[str]:
    page = as_lead.get(reverse("review-queue", args=["spring"]), filters)
    return [row.summary.item.clip.clip_id for row in page.context["page"].rows]


def open_clip(as_lead: Client, item: Item) -> str:
    return as_lead.get(reverse("review-clip", args=[item.campaign.name, item.pk])).content.decode()


def send(as_lead: Client, item: Item, act: str, query: str = "", **values: Any) -> Any:
    data = {"act": act, "seen": str(read_version(item))} | values
    return as_lead.post(reverse("review-clip", args=[item.campaign.name, item.pk]) + query, data)


OWN: dict[str, Any] = {
    f"{axis.value}_{field}": value
    for axis in AXES
    for field, value in (("score", "4"), ("defects", ["blur"] if axis == Axis.VISUAL else []), ("words", "It is soft."))
} | {"reason": "The edge decides."}


def test_the_overview_and_home_count_what_the_queue_lists(as_lead: Client, campaign: Campaign, lead: User) -> None:
    for listed in (4, 3):
        assert len(list_queue(as_lead)) == listed
        assert read_progress_and_counts(campaign)[1].disputed == listed
        overview = as_lead.get(reverse("campaign", args=["spring"])).content.decode()
        assert f'<a href="{reverse("review-queue", args=["spring"])}">{listed}</a>' in overview
        assert f"Raters disagree on {listed} clips of" in read_text(as_lead.get("/").content.decode())
        defect = find(campaign, "defect")
        if listed == 4:
            review(actor=lead, item=defect, card=factories.make_card(4), note="It is soft.")


def test_the_most_disputed_clip_comes_first_and_filters_limit_the_queue(as_lead: Client, campaign: Campaign) -> None:
    assert list_queue(as_lead) == ["wide", "held-out", "gap", "defect"]
    assert list_queue(as_lead, axis="dynamic") == ["wide", "held-out", "gap"]
    assert list_queue(as_lead, axis="visual", split="train") == ["wide", "held-out", "defect"][::2]
    assert list_queue(as_lead, generator="toy-2") == ["wide"]
    assert list_queue(as_lead, reviewed="reviewed") == []
    assert list_queue(as_lead, split="nonsense", after="x") == ["wide", "held-out", "gap", "defect"]
    assert list_queue(as_lead, after=str(find(campaign, "held-out").pk)) == ["gap", "defect"]


def test_a_dispute_is_what_the_pooled_spread_does_not_explain(campaign: Campaign) -> None:
    order = ReviewOrder(campaign, QueueFilter())
    for row in order.read_page(None).rows:
        expected = 0.0
        for axis in AXES:
            tally = unpack_tally(getattr(row.summary, f"{axis.value}_tally"))
            excess = tally.deviations / order.spreads[axis] ** 2 - (tally.n - 1)
            expected += max(0.0, excess) + getattr(row.summary, f"{axis.value}_is_split")
            expected += getattr(row.summary, f"{axis.value}_contested")
        assert row.dispute == pytest.approx(expected, abs=0.5 / PRECISION + 1e-9)
    assert order.read_dispute(find(campaign, "calm").pk) == 0


def test_neighbours_walk_the_queue_both_ways(campaign: Campaign) -> None:
    order = ReviewOrder(campaign, QueueFilter())
    keys = order.read_keys(None, limit=9)
    for before, after in pairwise(keys):
        assert order.read_keys(before, limit=1) == [after]
    walk = [None, *keys, None]
    assert [order.find_neighbours(key) for key in keys] == list(zip(walk, walk[2:], strict=False))


def test_the_pages_take_a_fixed_number_of_queries(
    as_lead: Client, campaign: Campaign, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    item = find(campaign, "wide")
    for _copy in range(2):
        with django_assert_num_queries(QUEUE_QUERIES):
            list_queue(as_lead)
        with django_assert_num_queries(CLIP_QUERIES):
            open_clip(as_lead, item)
        calm = find(campaign, "calm")
        ItemSummary.objects.filter(pk=calm.pk).update(visual_gap=4)


def test_a_card_is_taken_and_the_next_clip_shows_what_was_done(as_lead: Client, campaign: Campaign) -> None:
    item = find(campaign, "wide")
    rating = item.ratings.order_by("pk")[0]

    answer = send(as_lead, item, "card", "?axis=dynamic", rating=rating.pk)

    entry = AuditEntry.objects.latest("pk")
    following = reverse("review-clip", args=["spring", find(campaign, "held-out").pk])
    assert answer["Location"] == f"{following}?axis=dynamic&done={entry.pk}"
    assert card_from_json(read_reviews_in_force([item.pk])[item.pk].card).visual.score == 1
    text = read_text(as_lead.get(answer["Location"]).content.decode())
    assert "lena took the card of" in text
    assert "A review never changes a target of val or test" in text
    assert list_queue(as_lead) == ["held-out", "gap", "defect"]

    back = as_lead.post(reverse("review-undo", args=["spring"]) + "?axis=dynamic", {"entry": entry.pk}, follow=True)
    assert back.redirect_chain[-1][0] == reverse("review-clip", args=["spring", item.pk]) + "?axis=dynamic"
    assert "Undone." in back.content.decode()
    assert list_queue(as_lead)[0] == "wide"


def test_an_own_card_keeps_the_marks_of_raters(as_lead: Client, campaign: Campaign) -> None:
    item = find(campaign, "defect")
    assert send(as_lead, item, "own", **OWN).status_code == 302
    card = card_from_json(read_reviews_in_force([item.pk])[item.pk].card)
    assert (card.visual.score, card.visual.evidence) == (4, (Evidence("blur"),))


@pytest.mark.parametrize(
    ("act", "values", "words"),
    [
        ("own", OWN | {"reason": ""}, "This field is required"),
        ("own", OWN | {"visual_defects": ["nonsense"]}, "nonsense"),
        ("more", {"more": "0", "reason": "Close."}, "whole number from 1 to 50"),
        ("gold", {"reason": "It is plain."}, "Give the known score of at least one axis"),
        ("exclude", {"reason": " "}, "This field is required"),
        ("consensus", {}, "Raters have no consensus on"),
        ("card", {"rating": "9999999"}, "no rating of the clip that counts"),
    ],
)
def test_a_refused_act_says_why_and_keeps_what_was_typed(
    as_lead: Client, campaign: Campaign, act: str, values: dict[str, Any], words: str
) -> None:
    item = find(campaign, "wide")
    answer = send(as_lead, item, act, **values)
    text = answer.content.decode()
    assert (answer.status_code, words in text) == (400, True)
    for typed in (value for value in values.values() if isinstance(value, str) and len(value) > 8):
        assert typed in text
    assert not AuditEntry.objects.filter(action__in=["item.reviewed", "item.marked", "item.excluded"]).exists()


def test_a_lead_who_comes_second_keeps_what_they_typed(as_lead: Client, campaign: Campaign) -> None:
    item = find(campaign, "defect")
    seen = str(read_version(item))
    take_consensus(actor=factories.make_lead("ada"), item=item, seen=read_version(item), reason="They agree.")

    answer = send(as_lead, item, "own", seen=seen, **OWN)

    text = read_text(answer.content.decode())
    assert answer.status_code == 409
    assert "Nothing was saved: the clip has changed" in text
    assert re.search(r"ada took the consensus of raters on clip .*They agree\.", text)
    assert "The edge decides." in text
    assert send(as_lead, item, "own", **OWN).status_code == 302  # the page has the new version, so they may decide


def test_more_ratings_gold_and_exclusion_by_form(as_lead: Client, campaign: Campaign) -> None:
    item = find(campaign, "wide")
    send(as_lead, item, "gold", visual="2", reason="It is plain.")
    assert find(campaign, "wide").gold == {"visual": 2.0}
    send(as_lead, item, "more", more="2", reason="It is close.")
    assert Slot.objects.filter(item=item).count() == 4
    assert "wide" not in list_queue(as_lead)
    answer = send(as_lead, find(campaign, "defect"), "exclude", reason="A real person.")
    assert answer["Location"].startswith(reverse("review-queue", args=["spring"]))  # it was the last one
    assert find(campaign, "defect").availability == "excluded"
    assert "A real person." in open_clip(as_lead, find(campaign, "defect"))


def test_drafts_stay_hidden_until_the_lead_has_decided(as_lead: Client, campaign: Campaign) -> None:
    item = find(campaign, "defect")
    factories.make_draft(item)
    refresh_summaries([item.pk])
    assert "starter@1" not in open_clip(as_lead, item)
    send(as_lead, item, "consensus")
    assert "starter@1" in open_clip(as_lead, item)


def test_the_page_hides_names_if_the_campaign_says_so(as_lead: Client, campaign: Campaign) -> None:
    item = find(campaign, "wide")
    assert "ann" in read_text(open_clip(as_lead, item))
    Campaign.objects.filter(pk=campaign.pk).update(names_raters_in_review=False)
    text = read_text(open_clip(as_lead, item))
    assert ("Rater 1" in text, re.search(r"\bann\b", text)) == (True, None)


def test_an_act_that_does_not_exist_is_not_found(as_lead: Client, campaign: Campaign) -> None:
    assert send(as_lead, find(campaign, "wide"), "praise").status_code == 404
    assert as_lead.get(reverse("review-clip", args=["spring", 10**9])).status_code == 404
    page = as_lead.post(reverse("review-undo", args=["spring"]), {"entry": "x"}, follow=True)
    assert "no such act that can be undone" in page.content.decode()
