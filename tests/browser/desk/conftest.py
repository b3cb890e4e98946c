"""A campaign, a rater, and their desk in a real browser."""

from typing import Any

import pytest
from playwright.sync_api import Page

from accounts.models import User
from annotation.models import Campaign
from tests.annotation.factories import make_campaign, make_lead, make_user
from tests.browser.looks import sign_in


@pytest.fixture
def campaign(live_server: object) -> Campaign:
    return make_campaign(name="autumn", actor=make_lead("lena"))


@pytest.fixture
def rater(campaign: Campaign) -> User:
    return make_user("rita")


@pytest.fixture
def desk(page: Page, rater: User, live_server: Any) -> Page:
    """A page signed in as the rater."""
    sign_in(page.context, rater, live_server.url)
    return page
