"""Numbers in requests: a page answers whatever somebody writes into its address."""

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from annotation.models import Campaign
from annotation.shared.text import parse_number


@given(st.integers(0, 10**18 - 1))
def test_a_number_is_read(number: int) -> None:
    assert parse_number(str(number)) == number


@given(st.text(max_size=20).filter(lambda text: not set(text) <= set("0123456789")))
def test_another_text_is_no_number(text: str) -> None:
    assert parse_number(text) is None


NO_NUMBERS = ["", "9" * 19, "9" * 5000, "-1", "+1", "1_0", " 1", "²", "٣"]


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_a_text_that_looks_like_a_number_is_none(text: str) -> None:
    assert parse_number(text) is None


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/campaigns?before=", 200),
        ("/campaigns/spring/items?after=", 200),
        ("/campaigns/spring/generators?prompt=", 200),
        ("/campaigns/spring/generators?page=", 200),
        ("/campaigns/spring/guidelines?older=", 404),
        ("/my-ratings/?before=", 200),
        ("/rate/spring/?rated=", 200),
        ("/rate/spring/try?at=", 200),
    ],
)
def test_a_page_answers_a_number_that_is_none(as_lead: Client, campaign: Campaign, address: str, status: int) -> None:
    for text in NO_NUMBERS:
        assert (text, as_lead.get(address + text).status_code) == (text, status)


@pytest.mark.parametrize(
    "address",
    [
        "/people?after=",
        "/people?kind=",
        "/campaigns/spring/items?q=",
        "/campaigns/spring/items?kind=",
        "/campaigns/spring/members?after=",
        "/campaigns/spring/timesheet?rater=",
        "/campaigns/spring/timesheet?first=",
        "/my-ratings/?campaign=",
        "/rate/spring/draft?lease=",
    ],
)
def test_a_page_answers_a_character_that_no_database_stores(as_lead: Client, campaign: Campaign, address: str) -> None:
    assert as_lead.get(address + "a%00b").status_code == 400


def test_a_search_in_a_form_leaves_out_what_no_database_stores(as_lead: Client, campaign: Campaign) -> None:
    page = as_lead.post("/campaigns/spring/guidelines", {"find": "", "q": "a\x00b", "text": ""})
    assert (page.status_code, page.context["sheet"].query) == (200, "ab")
