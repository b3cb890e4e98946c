"""Hours by day and rater: each rating counts once and for a bounded time."""

import csv
import io
from datetime import UTC, date, datetime

import pytest
import time_machine
from django.http import StreamingHttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from annotation.models import Campaign, Rating, RatingRevision
from annotation.raters.hours import MAX_SECONDS, Days, read_days_of_work, sum_hours_by_day, write_timesheet
from tests.annotation import factories

pytestmark = pytest.mark.django_db
WEEK = Days(date(2026, 3, 2), date(2026, 3, 8))


def rate(rater: User, campaign: Campaign, seconds: float) -> int:
    slot = factories.claim(rater, campaign)
    return factories.submit(rater, slot, seconds_spent=seconds).pk


def read_text(answer: object) -> str:
    assert isinstance(answer, StreamingHttpResponse)
    return answer.getvalue().decode()


def test_a_day_holds_its_ratings_edits_skips_and_seconds(campaign: Campaign, clock: time_machine.Traveller) -> None:
    rater = factories.make_user("ann")
    first = rate(rater, campaign, 30)
    clock.move_to(datetime(2026, 3, 2, 17, 30, tzinfo=UTC))
    rate(rater, campaign, 40)
    factories.revise(Rating.objects.get(pk=first), answers=factories.make_answers(4), seconds_spent=500.0)
    slot = factories.claim(rater, campaign)
    factories.skip(rater, slot, kind="broken", reason="black")
    clock.move_to(datetime(2026, 3, 4, 8, tzinfo=UTC))
    rate(rater, campaign, 10)

    monday, wednesday = read_days_of_work(WEEK, campaign=campaign)

    assert (monday.day, monday.ratings, monday.edits, monday.skips, monday.seconds) == (date(2026, 3, 2), 2, 1, 1, 570)
    assert monday.first is not None
    assert monday.last is not None
    assert (monday.first.hour, monday.last.hour) == (9, 17)
    assert (wednesday.day, wednesday.ratings, wednesday.seconds) == (date(2026, 3, 4), 1, 10)
    assert [round(3600 * hours) for _, hours in sum_hours_by_day(WEEK, [monday, wednesday])] == [570, 0, 10, 0, 0, 0, 0]


@pytest.mark.usefixtures("clock")
def test_a_tab_left_open_counts_only_up_to_the_bound(campaign: Campaign) -> None:
    rate(factories.make_user(), campaign, 50_000)
    assert [work.seconds for work in read_days_of_work(WEEK, campaign=campaign)] == [MAX_SECONDS]


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("raters", [2, 4])
def test_the_queries_do_not_grow_with_the_raters(
    campaign: Campaign, raters: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(raters):
        rate(factories.make_user(), campaign, 5)
    with django_assert_num_queries(3):
        assert len(read_days_of_work(WEEK, campaign=campaign)) == raters


@pytest.mark.usefixtures("clock")
def test_the_file_is_safe_to_open_in_a_spreadsheet(campaign: Campaign) -> None:
    rater = factories.make_user("=cmd", display_name="@sum")
    rate(rater, campaign, 1800 / 5)
    rows = list(csv.reader(io.StringIO("".join(write_timesheet(read_days_of_work(WEEK, campaign=campaign))))))
    assert rows[1] == ["'=cmd", "'@sum", "no", "2026-03-02", "1", "0", "0", "0.10", "09:00", "09:00"]


@pytest.mark.usefixtures("clock")
def test_raters_see_their_own_days_and_leads_those_of_all(client: Client, campaign: Campaign) -> None:
    ann, bo = factories.make_user("ann"), factories.make_user("bo")
    rate(ann, campaign, 60)
    rate(bo, campaign, 60)
    client.force_login(ann)
    page = client.get("/my-hours").content.decode()
    assert "Mon 2 Mar 2026" in page
    assert "bo" not in page.split("<tbody>")[1].split("</tbody>")[0]
    for path in ("timesheet", "timesheet.csv"):
        assert client.get(f"/campaigns/{campaign.name}/{path}").status_code == 403
    client.force_login(factories.make_lead())
    both = client.get(f"/campaigns/{campaign.name}/timesheet?first=2026-03-01&last=2026-03-03").content.decode()
    assert "ann" in both
    assert "bo" in both
    alone = client.get(f"/campaigns/{campaign.name}/timesheet.csv?rater=bo")
    assert [row[0] for row in csv.reader(io.StringIO(read_text(alone)))] == ["\ufeffrater", "bo"]
    table = client.get(f"/campaigns/{campaign.name}/timesheet?rater=ann").content.decode().split("<tbody>")[1]
    assert "bo" not in table.split("</tbody>")[0]
    assert client.get(f"/campaigns/{campaign.name}/timesheet?rater=<script>").status_code == 404
    file = client.get(f"/campaigns/{campaign.name}/timesheet.csv?first=2026-03-01&last=2026-03-03")
    assert read_text(file).count("\n") == 3


@pytest.mark.parametrize("asked", ["first=x&last=y", "first=2026-05-01&last=2026-01-01", "first=0001-01-01", "first="])
def test_an_invalid_range_of_days_becomes_the_usual_one(client: Client, asked: str) -> None:
    client.force_login(factories.make_user())
    assert client.get(f"/my-hours?{asked}").status_code == 200
    assert not RatingRevision.objects.exists()
