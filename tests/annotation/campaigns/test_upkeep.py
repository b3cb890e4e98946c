"""The jobs that a campaign waits for: which is unfinished, and who may restart it."""

import pytest
from django.core.exceptions import PermissionDenied

from accounts.models import User
from annotation.campaigns.upkeep import find_unfinished_upkeep, restart_upkeep
from annotation.models import Campaign
from operations.models import Job, JobState
from tests.annotation import factories

pytestmark = pytest.mark.django_db


def make_job(campaign: Campaign, state: str, kind: str = "update_slots") -> Job:
    return Job.objects.create(kind=kind, arguments={"campaign": campaign.pk, "newest_slot": 0}, state=state)


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.CANCELLED])
def test_a_job_that_ended_early_is_queued_again_with_its_arguments(lead: User, state: str) -> None:
    campaign = factories.make_campaign()
    ended = make_job(campaign, state)
    job = restart_upkeep(actor=lead, campaign=campaign)
    assert job is not None
    assert (job.pk != ended.pk, job.kind, job.arguments) == (True, ended.kind, ended.arguments)


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING, JobState.DONE])
def test_a_job_that_runs_or_is_done_is_not_restarted(lead: User, state: str) -> None:
    campaign = factories.make_campaign()
    make_job(campaign, state)
    assert restart_upkeep(actor=lead, campaign=campaign) is None
    assert Job.objects.count() == 1


def test_the_newest_job_of_each_kind_counts() -> None:
    campaign, other = factories.make_campaign(), factories.make_campaign()
    make_job(campaign, JobState.FAILED)
    make_job(campaign, JobState.DONE)
    make_job(other, JobState.FAILED)
    assert find_unfinished_upkeep(campaign) is None
    copy = make_job(campaign, JobState.FAILED, "copy_clips")
    assert find_unfinished_upkeep(campaign) == copy


def test_only_a_lead_restarts() -> None:
    campaign = factories.make_campaign()
    make_job(campaign, JobState.FAILED)
    with pytest.raises(PermissionDenied):
        restart_upkeep(actor=factories.make_user(), campaign=campaign)
