"""A lead, their campaign, and a rater who is signed in."""

import pytest
from django.test import Client

from accounts.models import User
from annotation.models import Campaign
from tests.annotation.factories import make_campaign, make_lead, make_user


@pytest.fixture
def lead() -> User:
    return make_lead("lena")


@pytest.fixture
def rater(client: Client) -> User:
    user = make_user("rita")
    client.force_login(user)
    return user


@pytest.fixture
def campaign(lead: User) -> Campaign:
    return make_campaign(name="floor", actor=lead)
