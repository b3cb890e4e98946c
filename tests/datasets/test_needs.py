"""Releases that need an engineer, and those that are being built."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.home import read_home
from accounts.models import Role, User
from annotation.models import Campaign
from datasets.jobs import VERIFY
from datasets.models import Release
from datasets.needs import RECENT, list_current_releases, list_damaged_releases, list_failed_releases
from operations.models import Job, JobState
from tests.annotation import factories

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def engineer() -> User:
    return factories.make_user(role=Role.ENGINEER)


def add_release(campaign: Campaign, state: str, age: timedelta = HOUR) -> Release:
    number, then = Release.objects.count() + 1, timezone.now() - age
    frozen = {"frozen_at": then, "content_hash": "a" * 64} if state in ("frozen", "withdrawn") else {}
    actor = campaign.created_by
    release = Release.objects.create(
        number=number, name="spring", campaign=campaign, state=state, created_by=actor, **frozen
    )
    Release.objects.filter(pk=release.pk).update(created_at=then)
    return release


@pytest.mark.parametrize(
    ("states", "failed", "current"),
    [
        ([("failed", HOUR)], [1], []),
        ([("failed", RECENT + HOUR)], [], []),
        ([("failed", HOUR), ("failed", HOUR)], [2, 1], []),
        ([("failed", 2 * HOUR), ("building", HOUR)], [], [2]),
        ([("frozen", 2 * HOUR), ("failed", HOUR)], [2], [1]),
        ([("frozen", RECENT + HOUR), ("building", RECENT + HOUR)], [], [2]),
        ([("withdrawn", HOUR)], [], []),
    ],
)
def test_a_failed_release_needs_somebody_until_a_later_one_replaces_it(
    states: list[tuple[str, timedelta]], failed: list[int], current: list[int]
) -> None:
    campaign, other = factories.make_campaign(), factories.make_campaign()
    for state, age in states:
        add_release(campaign, state, age)
    add_release(other, "withdrawn")
    now = timezone.now()
    assert [release.number for release in list_failed_releases(now)] == failed
    assert [release.number for release in list_current_releases(now)] == current


@pytest.mark.parametrize(
    ("problems", "damaged"),
    [([["a.parquet"]], True), ([[]], False), ([["a.parquet"], []], False), ([[], ["a.parquet"]], True)],
)
def test_the_last_check_of_a_release_decides(problems: list[list[str]], damaged: bool) -> None:
    release = add_release(factories.make_campaign(), "frozen")
    for found in problems:
        arguments = {"release": release.pk}
        Job.objects.create(kind=VERIFY, state=JobState.DONE, arguments=arguments, result={"problems": found})
    assert list_damaged_releases(timezone.now()) == ([release] if damaged else [])


def test_the_home_of_an_engineer_leads_to_their_releases(client: Client, engineer: User) -> None:
    campaign = factories.make_campaign(1)
    for state in ("failed", "building"):
        add_release(factories.make_campaign(1) if state == "failed" else campaign, state)
    home = read_home(engineer)
    (line,) = (line for line in home.needs if line.kind == "Failed")
    (section,) = (section for section in home.sections if section.title == "Releases")
    client.force_login(engineer)
    for url in (line.url, *(card.url for card in section.cards)):
        assert client.get(url).status_code == 200
    assert "Failed" not in {line.kind for line in read_home(factories.make_lead()).needs}
