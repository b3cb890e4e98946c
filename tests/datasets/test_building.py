"""Building as a job: one snapshot, progress, cancelling, and one release for one request."""

from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, Role
from annotation.models import Rating
from datasets.models import Release
from datasets.needs import list_failed_releases
from datasets.services import releases, snapshot
from datasets.services.policy import ReleasePolicy, ReleaseRefused
from datasets.services.presets import request_preset
from datasets.services.records import read_records
from operations import jobs
from operations.models import Job, JobState
from tests.annotation.factories import make_user
from tests.datasets.test_releases import left_over, planned
from tests.datasets.world import campaign_with, clip_with_file, engineer, rate, rated_campaign
from tests.support.threads import run_at_once

SMALL = ReleasePolicy(allow_small_splits=True)


@pytest.mark.django_db(transaction=True)
def test_ratings_that_are_saved_during_the_build_are_not_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = campaign_with([clip_with_file(name) for name in "abc"], assisted_share=0.0, overlap=2)
    rate(campaign, 1)
    monkeypatch.setattr(snapshot, "CHUNK", 1)
    messages = []

    def rate_meanwhile(share: float, message: str) -> None:
        messages.append(message)
        if len(messages) == 2:
            rate(campaign, 1)

    snapshot.write_snapshot(campaign, tmp_path / "snapshot", SMALL, rate_meanwhile)
    assert messages == [f"reading ratings: {number} of 3 clips" for number in range(3)]
    assert Rating.objects.count() == 6
    assert [len(record.ratings) for record in read_records(tmp_path / "snapshot")] == [1, 1, 1]


@pytest.mark.django_db(transaction=True)
def test_two_requests_at_once_make_one_release() -> None:
    campaign, person = rated_campaign(2, 0, 0), engineer()

    def request() -> Release:
        return releases.request_release(actor=person, campaign=campaign, name="first", policy=SMALL)

    first, second = run_at_once(request, request)
    assert isinstance(first, Release)
    assert isinstance(second, Release)
    assert first.number == second.number == 1
    assert {first.is_requested_again, second.is_requested_again} == {False, True}
    assert Job.objects.count() == 1


@pytest.mark.django_db
def test_another_name_or_policy_or_a_frozen_release_is_another_request() -> None:
    campaign, person = rated_campaign(2, 0, 0), engineer()
    policies = {"first": SMALL, "second": SMALL}
    made = [releases.request_release(actor=person, campaign=campaign, name=n, policy=p) for n, p in policies.items()]
    other = ReleasePolicy(allow_small_splits=True, seed=1)
    made.append(releases.request_release(actor=person, campaign=campaign, name="first", policy=other))
    for release in made:
        assert release.job
        jobs.run(release.job.pk)
    made.append(releases.request_release(actor=person, campaign=campaign, name="first", policy=SMALL))
    assert [release.number for release in made] == [1, 2, 3, 4]


@pytest.mark.django_db
def test_a_command_does_not_build_what_a_job_builds() -> None:
    campaign = rated_campaign(2, 0, 0)
    planned(campaign)
    with pytest.raises(ReleaseRefused, match="with the same name and options is being built already"):
        releases.build_release(actor=engineer(), campaign=campaign, name="first", policy=SMALL)


@pytest.mark.django_db
def test_the_api_answers_a_repeated_request_with_the_release_that_is_being_built(client: Client) -> None:
    campaign = rated_campaign(2, 0, 0)
    client.force_login(make_user(role=Role.ENGINEER))
    request = {"campaign": campaign.name, "name": "first", "policy": {"allow_small_splits": True}}
    answers = [client.post("/api/releases", request, content_type="application/json") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 200]
    assert answers[0].json()["number"] == answers[1].json()["number"]


@pytest.mark.django_db
def test_progress_grows_and_names_the_steps() -> None:
    release, steps = planned(rated_campaign(3, 0, 0)), []
    releases.build(release, progress=lambda share, message: steps.append((share, message.partition(":")[0])))
    shares = [share for share, _message in steps]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] <= 1
    names = ["reading ratings", "checking the clips and computing targets", "writing clips", "hashing files"]
    assert list(dict.fromkeys(message for _share, message in steps)) == names


@pytest.mark.django_db
@pytest.mark.parametrize("step", ["reading ratings", "writing clips", "hashing files"])
def test_a_build_that_is_cancelled_leaves_nothing(step: str) -> None:
    release, person = planned(rated_campaign(3, 0, 0)), engineer()
    job = release.job
    assert job

    def cancel_at(_share: float, message: str) -> None:
        if message.startswith(step):
            releases.cancel_job(actor=person, release=release, job=job)
            if step != "hashing files":  # the last report is before the end of the work
                raise jobs.JobCancelledError

    with pytest.raises(jobs.JobCancelledError):
        releases.build(release, progress=cancel_at)
    release.refresh_from_db()
    assert release.state == Release.State.FAILED
    assert left_over() == []
    assert AuditEntry.objects.filter(action="job.cancelled").exists()
    assert not list_failed_releases(timezone.now())


@pytest.mark.django_db
def test_the_page_cancels_a_build_a_verification_and_a_preset(client: Client) -> None:
    release = planned(rated_campaign(2, 0, 0))
    client.force_login(make_user(role=Role.ENGINEER))
    assert release.job
    jobs.run(release.job.pk)
    release.refresh_from_db()
    request_preset(actor=engineer(), release=release, name="hf")
    client.post("/releases/1/verify")
    second = releases.request_release(actor=engineer(), campaign=release.campaign, name="second", policy=SMALL)
    waiting = list(Job.objects.filter(state=JobState.QUEUED))
    assert len(waiting) == 3
    for job in waiting:
        number = second.number if job == second.job else 1
        path = f"/releases/{number}/jobs/{job.pk}/cancel"
        assert path in client.get(f"/releases/{number}").content.decode()
        assert client.post(f"/releases/{3 - number}/jobs/{job.pk}/cancel").status_code == 302
        assert Job.objects.get(pk=job.pk).state == JobState.QUEUED  # it is one of the other release
        page = client.post(path, follow=True).content.decode()
        assert "Job cancelled." in page
        assert path not in page
        assert jobs.run(job.pk) is None
        assert "cannot be cancelled" in client.post(path, follow=True).content.decode()
    second.refresh_from_db()
    assert second.state == Release.State.FAILED
    assert not (Path(settings.RELEASE_ROOT) / "0002-second").exists()
