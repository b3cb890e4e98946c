"""The people, the campaigns and the clock that annotation's tests share."""

from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from annotation.models import Campaign, Clip
from tests.annotation.factories import START, make_campaign, make_lead, make_user


@pytest.fixture
def lead(db: None) -> User:
    return make_lead("lena")


@pytest.fixture
def as_lead(lead: User) -> Client:
    """A client that is signed in as the lead."""
    client = Client()
    client.force_login(lead)
    return client


@pytest.fixture
def rater(db: None) -> User:
    return make_user("rita")


@pytest.fixture
def as_rater(rater: User) -> Client:
    """A client that is signed in as the rater."""
    client = Client()
    client.force_login(rater)
    return client


@pytest.fixture
def campaign(lead: User) -> Campaign:
    """An open campaign of six clips with three blind rating slots each."""
    return make_campaign(6, actor=lead, name="spring", title="Spring clips", overlap=3, assisted_share=0)


@pytest.fixture
def clips(campaign: Campaign) -> list[Clip]:
    """The campaign's clips, the oldest first."""
    return list(Clip.objects.filter(items__campaign=campaign).order_by("pk"))


@pytest.fixture
def empty_campaign(lead: User) -> Campaign:
    """An open campaign without clips."""
    return make_campaign(actor=lead, name="autumn")


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that shows START until the test moves it."""
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller
