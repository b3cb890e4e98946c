"""The lead's page of one clip."""

import html
import re

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from annotation.agreement.mos_rows import read_mos_rows
from annotation.campaigns.marking import mark_item
from annotation.models import Item
from qsave.axes import AXES
from qsave.proposal import AxisProposal, Proposal
from qsave.report_card import Evidence
from tests.annotation.disputed_item import LONG_REASON, make_disputed_item
from tests.annotation.factories import (
    claim,
    make_campaign,
    make_clip,
    make_item,
    make_user,
    revise,
    store_draft,
    submit,
)

pytestmark = pytest.mark.django_db


def test_a_clip_is_marked_on_its_page(as_lead: Client) -> None:
    campaign = make_campaign(1)
    item = Item.objects.get()
    path = f"/campaigns/{campaign.name}/items/{item.pk}"
    assert "Nobody has rated this clip yet" in as_lead.get(path).content.decode()
    form = {
        "mark": "qualification",
        "visual": "2",
        "dynamic": "",
        "alignment": "4.5",
        "feedback": "So.",
        "priority": "3",
    }
    assert as_lead.post(path, form)["Location"] == path
    item.refresh_from_db()
    assert (item.gold, item.is_qualification, item.feedback, item.priority) == (
        {"visual": 2.0, "alignment": 4.5},
        True,
        "So.",
        3,
    )
    assert not item.slots.exists()
    assert 'value="4.5"' in as_lead.get(path).content.decode()


@pytest.mark.parametrize(
    ("change", "field"),
    [({"visual": "9"}, "visual"), ({"visual": ""}, None), ({"priority": "5000"}, "priority"), ({"mark": ""}, "mark")],
)
def test_invalid_marks_have_an_error_at_their_field(as_lead: Client, change: dict[str, str], field: str | None) -> None:
    campaign = make_campaign(1)
    item = Item.objects.get()
    form = {"mark": "gold", "visual": "2", "feedback": "", "priority": "0"} | change
    page = as_lead.post(f"/campaigns/{campaign.name}/items/{item.pk}", form).content.decode()
    assert (f'id="id_{field}_error"' if field else "known score of at least one axis") in page
    item.refresh_from_db()
    assert (item.gold, item.priority) == (None, 0)


@pytest.fixture
def disputed(lead: User) -> Item:
    return make_disputed_item(lead)


def open_page(client: Client, item: Item) -> str:
    page = client.get(reverse("campaign-item", args=(item.campaign.name, item.pk)))
    assert page.status_code == 200
    return " ".join(page.content.decode().split())


def read_rows(page: str, heading: str) -> list[str]:
    """Return the rows of the table below a heading, each as its text."""
    section = page.split(f'id="{heading}-heading"')[1].split("</section>")[0]
    rows = re.findall(r"<tr.*?</tr>", section.split("<tbody>")[1])
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows]


def test_each_rating_shows_whole_reasons_its_origin_and_whether_it_counts(as_lead: Client, disputed: Item) -> None:
    page = open_page(as_lead, disputed)
    rita, ruben, rosa = read_rows(page, "ratings")
    assert rita.startswith("R1 rita assisted 12 s · 100% watched")
    assert re.findall(r"draft (?:confirmed|edited|cleared)|own words", rita) == [
        "draft confirmed",
        "draft edited",
        "draft cleared",
    ]
    assert ruben.startswith("R2 ruben blind edited once 13 s")
    assert ruben.count(" ".join(LONG_REASON.split())) == 3
    assert "blur , noise , watermark" in ruben
    assert "draft" not in ruben
    assert "own words" not in ruben
    assert "screened out" in rosa
    assert "no defect" in rosa


def test_every_defect_is_in_the_table_with_its_time_and_box(as_lead: Client, disputed: Item) -> None:
    rows = read_rows(open_page(as_lead, disputed), "pieces")
    assert rows == [
        "R1 rita visual blur 0.50–1.00 –",
        "R2 ruben visual blur 0.50–1.25 25% × 50% at 25%, 25%",
        "R2 ruben visual noise 0.60–0.70 –",
        "R2 ruben visual watermark whole clip 15% × 10% at 80%, 85%",
        "R2 ruben dynamic jitter 1.50–1.75 40% × 40% at 50%, 10%",
        "R2 ruben alignment wrong count – –",
        "S starter@1 visual blur 0.50–1.00 –",
        "L lena visual blur – –",
    ]


def test_a_draft_shows_its_card_and_who_saw_it(as_lead: Client, disputed: Item) -> None:
    (row,) = read_rows(open_page(as_lead, disputed), "drafts")
    assert "starter@1" in row
    assert "shown to rita visual: draft confirmed dynamic: draft edited alignment: draft cleared" in row
    assert row.count("The edges of the square shimmer a little.") == 3


def test_a_review_shows_its_card_and_its_note(as_lead: Client, disputed: Item) -> None:
    (row,) = read_rows(open_page(as_lead, disputed), "reviews")
    assert "The hand decides." in row
    assert "The edges wobble from the middle on, in motion" in row


def test_the_mos_of_the_page_is_that_of_the_record(as_lead: Client, disputed: Item) -> None:
    page = open_page(as_lead, disputed)
    row = next(read_mos_rows(disputed.campaign))
    for axis in AXES:
        mos = row.mos[axis]
        assert (
            f'<strong class="figure">{mos.mos:.2f}</strong> <span class="interval">[{mos.low:.2f}, {mos.high:.2f}]'
            in page
        )
    assert page.count("2 ratings, 1 blind") == 3


def test_the_history_tells_everything_newest_first(as_lead: Client, disputed: Item) -> None:
    page = open_page(as_lead, disputed)
    history = page.split('<ol class="clip-history">')[1].split("</ol>")[0]
    entries = [
        re.sub(r"[\u2068\u2069]", "", " ".join(re.sub(r"<[^>]+>", " ", entry).split()))
        for entry in re.findall(r"<span>(.*?)</span>", history)
    ]
    assert entries[0] == "lena reviewed the clip: visual 2, dynamic 2, alignment 2. “ The hand decides. ”"
    assert entries[-1] == "The clip was added to the campaign."
    old_reason = " ".join(f"{LONG_REASON}On dynamic.".split())
    for sentence in (
        "lena returned clip fox-in-snow to the queue of disputed .",
        "lena settled the report of rex.",
        "rex reported the clip to the lead. “ It looks like a real person. ”",
        f"ruben edited the rating (version 2): dynamic from 2 to 3; reason of dynamic, which was: {old_reason}.",
        "ruben rated the clip: visual 2, dynamic 2, alignment 2.",
        "ruben got the clip, without a draft.",
        "rita got the clip with a draft of starter@1.",
        "starter@1 drafted a report card.",
    ):
        assert sentence in entries
    order = [entry.split(":")[0] for entry in entries]
    assert order.index("ruben edited the rating (version 2)") < order.index("ruben rated the clip")


def find_links(page: str) -> dict[str, str]:
    """Return the addresses of the previous and the next clip."""
    links = re.findall(r"<a\s[^>]*rel=\"(prev|next)\"[^>]*href=\"([^\"]+)\"", page)
    return {way: html.unescape(address) for way, address in links}


@pytest.mark.parametrize(
    ("query", "order"),
    [("", "abcde"), ("?split=train", "abc"), ("?sort=-priority", "edcba"), ("?split=val&sort=-priority", "ed")],
)
def test_the_next_clip_is_that_of_the_list_that_the_lead_came_from(as_lead: Client, query: str, order: str) -> None:
    campaign = make_campaign()
    items = {}
    for number, name in enumerate("abcde"):
        item = make_item(campaign, make_clip(name, split="train" if name in "abc" else "val"))
        items[name] = mark_item(actor=campaign.created_by, item=item, mark="plain", priority=number)
    address = reverse("campaign-item", args=(campaign.name, items[order[0]].pk)) + query
    seen, page = [], ""
    while address:
        page = " ".join(as_lead.get(address).content.decode().split())
        seen.append(address)
        address = find_links(page).get("next", "")
    assert seen == [reverse("campaign-item", args=(campaign.name, items[name].pk)) + query for name in order]
    assert find_links(page)["prev"] == seen[-2]
    assert "Last clip of the list" in page
    back = f"/campaigns/{campaign.name}/items{query}{'&' if query else '?'}at={items[order[-1]].pk}"
    assert f'href="{html.escape(back)}#clip-{items[order[-1]].pk}"' in page


def test_a_decision_keeps_the_list_that_the_lead_came_from(as_lead: Client) -> None:
    campaign = make_campaign(2)
    path = f"/campaigns/{campaign.name}/items/{campaign.items.order_by('pk')[0].pk}"
    page = as_lead.get(f"{path}?state=unrated&after=1,2").content.decode()
    assert f'action="{path}/exclude?state=unrated"' in page
    form = {"mark": "plain", "priority": "2"}
    assert as_lead.post(f"{path}?state=unrated", form)["Location"] == f"{path}?state=unrated"
    assert as_lead.post(f"{path}/exclude?state=unrated", {"reason": "Gore."})["Location"] == f"{path}?state=unrated"
    page = as_lead.get(f"{path}?state=unrated").content.decode()
    assert find_links(page)["next"].endswith("?state=unrated")
    assert as_lead.get(f"{path}?state=nonsense&axis=1").status_code == 200


def test_a_partial_draft_says_what_is_not_proposed_and_what_was_measured(as_lead: Client) -> None:
    campaign = make_campaign(1, assisted_share=1)
    item = Item.objects.get()
    frozen = AxisProposal((Evidence("frozen"),), note="6 equal frames, threshold 5")
    store_draft(item.pk, proposal=Proposal(dynamic=frozen))
    rater = make_user("rita")
    submit(rater, claim(rater, campaign))
    store_draft(item.pk, critic="silent@1", proposal=Proposal())
    page = open_page(as_lead, item)

    partial, silent = read_rows(page, "drafts")
    assert partial.count("not proposed") == 2
    assert "no score frozen Measured: 6 equal frames, threshold 5" in partial
    assert "shown to rita dynamic: draft edited" in partial
    assert silent.count("not proposed") == 3
    (rated,) = read_rows(page, "ratings")
    assert rated.count("not proposed") == 2
    assert "drafted dynamic only." in page
    assert "saw the clip and proposed nothing." in page


def test_a_clip_without_ratings_and_drafts_says_so(as_lead: Client) -> None:
    for split, words in (("train", "No critic has drafted"), ("test", "are never drafted")):
        campaign = make_campaign(1, split=split)
        page = open_page(as_lead, campaign.items.get())
        assert "Nobody has rated this clip yet" in page
        assert "Nobody has named a defect" in page
        assert page.count("undefined: no rating of this clip counts") == 3
        assert words in page


@pytest.mark.parametrize("raters", [2, 20])
def test_the_queries_do_not_grow_with_the_raters(
    as_lead: Client, raters: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    campaign = make_campaign(overlap=20)
    item = make_item(campaign, slots=20)
    for _ in range(raters):
        rating = submit(rater := make_user(), claim(rater, campaign))
        revise(rating)
    with django_assert_num_queries(25):
        open_page(as_lead, item)


def test_a_clip_of_another_campaign_is_not_here(as_lead: Client) -> None:
    make_campaign(1)
    other = make_campaign()
    assert as_lead.get(f"/campaigns/{other.name}/items/{Item.objects.get().pk}").status_code == 404
