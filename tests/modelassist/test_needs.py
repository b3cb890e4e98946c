"""Training and drafting that need somebody, and what is under way."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.home import read_home
from accounts.models import Role, User
from annotation.models import Campaign
from datasets.models import Release
from modelassist.models import Activation, Critic, Run
from modelassist.reads.needs import (
    RECENT,
    list_current_runs,
    list_failed_runs,
    list_paused_drafting,
    list_running_drafting,
)
from modelassist.services.adding import KIND as ADD_CRITIC
from operations.models import Job, JobState
from tests.annotation import factories

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def engineer() -> User:
    return factories.make_user(role=Role.ENGINEER)


def add_run(engineer: User, state: JobState, age: timedelta = HOUR) -> Run:
    campaign = factories.make_campaign(actor=engineer)
    number = Release.objects.count() + 1
    release = Release.objects.create(number=number, name="spring", campaign=campaign, created_by=engineer)
    ended = None if state in (JobState.QUEUED, JobState.RUNNING) else timezone.now() - age
    job = Job.objects.create(kind="train_critic", state=state, finished_at=ended, error="No memory is left.")
    return Run.objects.create(release=release, base_model="a/b", folder="r", job=job, created_by=engineer)


def activate(engineer: User, campaign: Campaign, *, is_paused: bool) -> Activation:
    critic, _new = Critic.objects.get_or_create(name="starter", version=1, model="a/b")
    pause = {"paused_reason": "No such folder.", "failures": 1, "retry_at": timezone.now() + HOUR} if is_paused else {}
    return Activation.objects.create(campaign=campaign, critic=critic, activated_by=engineer, **pause)


@pytest.mark.parametrize(
    ("state", "age", "failed", "current"),
    [
        (JobState.FAILED, HOUR, True, False),
        (JobState.FAILED, RECENT + HOUR, False, False),
        (JobState.QUEUED, RECENT + HOUR, False, True),
        (JobState.RUNNING, RECENT + HOUR, False, True),
        (JobState.DONE, HOUR, False, True),
        (JobState.DONE, RECENT + HOUR, False, False),
        (JobState.CANCELLED, HOUR, False, False),
    ],
)
def test_a_run_needs_somebody_or_goes_on(
    engineer: User, state: JobState, age: timedelta, failed: bool, current: bool
) -> None:
    add_run(engineer, state, age)
    now = timezone.now()
    assert (list_failed_runs(now).exists(), list_current_runs(now).exists()) == (failed, current)


@pytest.mark.parametrize(
    ("state", "is_paused", "paused", "running"),
    [("open", True, 1, 0), ("open", False, 0, 1), ("closed", True, 0, 0), ("paused", False, 0, 0)],
)
def test_drafting_is_paused_or_goes_on_in_open_campaigns(
    engineer: User, state: str, is_paused: bool, paused: int, running: int
) -> None:
    activate(engineer, factories.make_campaign(1, state=state), is_paused=is_paused)
    assert (list_paused_drafting().count(), list_running_drafting().count()) == (paused, running)


def test_every_line_and_card_leads_somewhere(client: Client, engineer: User) -> None:
    for state in (JobState.FAILED, JobState.QUEUED, JobState.RUNNING, JobState.DONE):
        add_run(engineer, state)
    for is_paused in (True, False):
        activate(engineer, factories.make_campaign(1), is_paused=is_paused)
    arguments = {"name": "better", "model": "a/b"}
    Job.objects.create(kind=ADD_CRITIC, state=JobState.FAILED, arguments=arguments, finished_at=timezone.now())
    home = read_home(engineer)
    kinds = [line.kind for line in home.needs]
    assert kinds[:3] == ["Drafting paused", "Failed", "Failed"]
    client.force_login(engineer)
    cards = [card for section in home.sections for card in section.cards]
    assert len([card for card in cards if card.title.startswith("Run ")]) == 3
    for url in {line.url for line in home.needs} | {card.url for card in cards}:
        assert client.get(url).status_code == 200


def test_leads_see_paused_drafting_and_no_runs(engineer: User) -> None:
    add_run(engineer, JobState.FAILED)
    Campaign.objects.update(state="archived")
    activate(engineer, factories.make_campaign(1), is_paused=True)
    kinds = {line.kind for line in read_home(factories.make_lead()).needs}
    assert "Drafting paused" in kinds
    assert "Failed" not in kinds
