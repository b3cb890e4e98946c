"""The time and viewing record of a rating over all its revisions, and all that reads them."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.services import issue_token
from annotation.agreement.figures import compute_agreement
from annotation.agreement.rater_inputs import read_sittings
from annotation.campaigns.reports import exclude, give_out_again
from annotation.models import Campaign, Item, Rating, RatingRevision
from annotation.raters.hours import Days, read_days_of_work
from annotation.rating.work import merge_viewings, read_work
from datasets.services.policy import ReleasePolicy
from datasets.services.records import read_records
from datasets.services.snapshot import write_snapshot
from qsave.statistics.figures import Figure
from tests.annotation import factories

FIRST = {"watched_share": 0.9, "watched_to_end": True, "plays": 2, "viewport": [1366, 768], "speeds": [1, 0.5]}


@pytest.mark.parametrize(
    ("viewings", "merged"),
    [
        ([], {}),
        ([FIRST], FIRST),
        ([FIRST, {}], FIRST),
        ([{}, FIRST], FIRST),
        ([FIRST, FIRST], FIRST | {"plays": 4}),
        (
            [FIRST, {"watched_share": 0.2, "watched_to_end": False, "plays": 1, "viewport": [390, 844], "speeds": [2]}],
            FIRST | {"plays": 3, "speeds": [1, 0.5, 2]},
        ),
        ([{"watched_to_end": False}, {"watched_to_end": True}], {"watched_to_end": True}),
        ([{"watched_share": "much"}, {"watched_share": 0.5}], {"watched_share": 0.5}),
        ([{"plays": True}, {"plays": None}], {"plays": True}),
        ([{"stalls": 1}, None, ["stalls"], {"stalls": 2}], {"stalls": 3}),
    ],
)
def test_viewing_records_are_merged_by_what_each_value_means(viewings: list[Any], merged: dict[str, Any]) -> None:
    assert merge_viewings(viewings) == merged


def make_edited_rating(campaign: Campaign) -> Rating:
    """Make a rating of 31.5 s with a viewing record and edit it twice: in 5 s, and without scripts."""
    rater = factories.make_user()
    slot = factories.claim(rater, campaign)
    rating = factories.submit(rater, slot, viewing=FIRST, seconds_spent=31.5)
    for viewing, seconds in (({"watched_share": 0.4, "plays": 1}, 5.0), ({}, 0.0)):
        factories.revise(rating, answers=factories.make_answers(4), viewing=viewing, seconds_spent=seconds)
    return rating


@pytest.mark.django_db
def test_an_edit_keeps_the_time_and_the_viewing_record_and_adds_its_own(
    tmp_path: Path, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    campaign = factories.make_campaign(1, overlap=1)
    rating = make_edited_rating(campaign)
    with django_assert_num_queries(1):
        work = read_work(RatingRevision.objects.filter(rating__slot__campaign=campaign))[rating.pk]

    assert (work.seconds, work.viewing) == (36.5, FIRST | {"plays": 3})
    stored = rating.revisions.order_by("number").values_list("seconds_spent", flat=True)
    assert list(stored) == [31.5, 5, 0]  # each revision keeps its own
    assert read_sittings(campaign).compute_means() == ({rating.rater_id: 36.5}, {rating.rater_id: 0.9})
    assert [day.seconds for day in read_days_of_work(Days.last_days(2), campaign=campaign)] == [36.5]
    write_snapshot(campaign, tmp_path / "snapshot", ReleasePolicy())
    (record,) = read_records(tmp_path / "snapshot")
    assert [(row.seconds_spent, row.share_watched) for row in record.ratings] == [(36.5, 0.9)]


@pytest.mark.django_db
def test_an_excluded_clip_is_in_no_figure_of_a_rater() -> None:
    campaign = factories.make_campaign(2, overlap=1)
    rater = factories.make_user()
    for seconds, watched in ((90.0, 1.0), (30.0, 0.5)):
        slot = factories.claim(rater, campaign)
        factories.submit(rater, slot, viewing={"watched_share": watched}, seconds_spent=seconds)
    assert read_figures(campaign) == (2, 60.0, 0.75)

    item = Item.objects.get(ratings__revisions__seconds_spent=90)
    exclude(actor=factories.make_lead(), item=item, reason="Gore.")
    assert read_figures(campaign) == (1, 30.0, 0.5)
    give_out_again(actor=factories.make_lead(), item=item, reason="It is harmless.")
    assert read_figures(campaign) == (2, 60.0, 0.75)


def read_figures(campaign: Campaign) -> tuple[int, Figure, Figure]:
    """Return ratings, seconds and watched share from the only row of the table of raters."""
    (row,) = compute_agreement(campaign).raters
    return row.ratings, row.seconds, row.watched


@pytest.mark.django_db
def test_the_api_tells_the_seconds_of_the_submit_and_its_edits() -> None:
    campaign = factories.make_campaign(1, overlap=1)
    make_edited_rating(campaign)
    _, secret = issue_token(actor=factories.make_lead(), name="script")
    answer = Client(headers={"Authorization": f"Bearer {secret}"}).get(f"/api/campaigns/{campaign.name}/ratings")
    (row,) = answer.json()["results"]
    assert (row["revision"], row["seconds_spent"], len(row["answers"])) == (3, 36.5, 3)
