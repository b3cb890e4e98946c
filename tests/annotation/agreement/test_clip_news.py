"""What the list of clips says of what has come in since it was opened."""

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from annotation.campaigns.campaigns import set_state
from annotation.campaigns.reports import give_out_again
from annotation.models import Campaign
from tests.annotation.factories import claim, make_campaign, rate_all, skip, submit
from tests.support.markup import collapse_space

LIVE = {"HX-Request": "true", "HX-Target": "live"}
QUIET = "No rating or report since you opened this list."


def read_news(client: Client, campaign: Campaign, since: object) -> str:
    page = client.get(f"/campaigns/{campaign.name}/items/news", {"since": str(since)}, headers=LIVE)
    assert page.status_code == 200
    return collapse_space(page.content.decode())


def test_it_counts_what_is_new_in_this_campaign_alone(
    as_lead: Client, campaign: Campaign, lead: User, rater: User
) -> None:
    submit(rater, claim(rater, campaign))
    skip(rater, claim(rater, campaign), kind="flagged")
    since = timezone.now().timestamp()
    assert QUIET in read_news(as_lead, campaign, since)
    rate_all(rater, make_campaign(2, actor=lead))
    skip(rater, claim(rater, campaign))  # no report
    assert QUIET in read_news(as_lead, campaign, since)

    submit(rater, claim(rater, campaign))
    slot = claim(rater, campaign)
    skip(rater, slot, kind="broken")
    news = read_news(as_lead, campaign, since)
    assert "1 new rating<" in news
    assert "1 new report<" in news
    give_out_again(actor=lead, item=slot.item)
    assert "report<" not in read_news(as_lead, campaign, since)


@pytest.mark.parametrize("since", ["", "yesterday", "nan", "inf", "1e300"])
def test_a_time_that_is_none_counts_from_now(as_lead: Client, campaign: Campaign, rater: User, since: str) -> None:
    submit(rater, claim(rater, campaign))
    assert QUIET in read_news(as_lead, campaign, since)


def test_it_takes_five_queries(
    as_lead: Client, campaign: Campaign, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(5):
        read_news(as_lead, campaign, 0)


def test_the_list_asks_only_while_ratings_come_in(as_lead: Client, campaign: Campaign, lead: User) -> None:
    path = f"/campaigns/{campaign.name}/items"
    assert f'data-live="{path}/news?since=' in as_lead.get(path).content.decode()
    set_state(actor=lead, campaign=campaign, state="closed")
    assert "data-live" not in as_lead.get(path).content.decode()
