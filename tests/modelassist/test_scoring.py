"""A clip is scored outside all campaigns: once a key, only where its sender agreed, and deleted some days later."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Role, User
from annotation.models import Clip
from modelassist.kinds.base import ClipAnswer, CriticUnavailable
from modelassist.models import Critic, Scoring
from modelassist.services import scoring, scoring_work
from modelassist.services.critics import ConsentMissing
from operations import jobs
from operations.models import Job, JobState
from tests.annotation.factories import make_user, make_video
from tests.modelassist.fake_critics import PROPOSAL, Answering, make_critic, make_endpoint

pytestmark = pytest.mark.django_db
VIDEO = make_video()


@pytest.fixture(autouse=True)
def own_folder(settings: Settings, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path


@pytest.fixture
def lead() -> User:
    return make_user("lena", role=Role.LEAD)


@pytest.fixture
def critic(db: None) -> Critic:
    return make_critic()


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Answering:
    fake = Answering()
    monkeypatch.setattr(scoring_work, "choose_proposer", fake)
    return fake


def upload(content: bytes = VIDEO) -> SimpleUploadedFile:
    return SimpleUploadedFile("fox.mp4", content)


def send(lead: User, critic: Critic, content: bytes = VIDEO, **values: object) -> Scoring:
    sent = {"prompt": "A red fox", "upload": upload(content)} | values
    return scoring.request_scoring(actor=lead, critic=critic, **sent)  # type: ignore[arg-type]


def get_job(one: Scoring) -> Job:
    assert one.job is not None
    one.job.refresh_from_db()
    return one.job


def work(one: Scoring) -> Scoring:
    jobs.run(get_job(one).pk)
    return Scoring.objects.select_related("job", "critic").get(pk=one.pk)


def test_the_answer_is_stored_with_the_facts_of_the_file(lead: User, critic: Critic, answering: Answering) -> None:
    done = work(send(lead, critic))
    assert done.state == "done"
    assert done.proposal is not None
    assert set(done.proposal) == {"visual", "dynamic"}
    assert done.facts["duration"] > 0
    assert len(done.facts["shown_times"]) == done.facts["frames"]
    [question] = answering.questions
    assert (question.prompt, question.video.read_bytes()) == ("A red fox", VIDEO)
    assert not Clip.objects.exists()


def test_a_file_that_is_no_video_fails_alone_with_the_words_of_an_import(
    lead: User, critic: Critic, answering: Answering
) -> None:
    empty, text = (work(send(lead, critic, content)) for content in (b"", b"#!/bin/sh\nrm -r /"))
    assert [one.state for one in (empty, text)] == ["failed", "failed"]
    assert "empty" in get_job(empty).error
    assert get_job(text).error.endswith(".")
    assert answering.rounds == 0


@pytest.mark.parametrize("fault", [ClipAnswer(text="Hm", error="No report card."), CriticUnavailable("It is down.")])
def test_a_critic_that_does_not_answer_is_tried_again_on_request(
    lead: User, critic: Critic, answering: Answering, fault: ClipAnswer | CriticUnavailable
) -> None:
    def fail(_question: object) -> ClipAnswer:
        if isinstance(fault, Exception):
            raise fault
        return fault

    answering.answer = fail
    failed = work(send(lead, critic))
    assert (failed.state, get_job(failed).error) == (
        "failed",
        str(fault) if isinstance(fault, Exception) else fault.error,
    )
    answering.answer = ClipAnswer(PROPOSAL)
    scoring.retry(actor=lead, scoring=failed)
    assert work(Scoring.objects.get()).state == "done"
    with pytest.raises(scoring.NotFailed):
        scoring.retry(actor=lead, scoring=failed)


def test_a_job_that_is_repeated_after_its_answer_asks_nothing(lead: User, critic: Critic, answering: Answering) -> None:
    done = work(send(lead, critic))
    Job.objects.filter(pk=get_job(done).pk).update(state=JobState.QUEUED)
    assert work(done).state == "done"
    assert answering.rounds == 1


@pytest.mark.parametrize(
    ("content", "prompt", "is_same"),
    [(VIDEO, "A red fox", True), (VIDEO + b"0", "A red fox", False), (VIDEO, "A", False)],
)
def test_a_key_stands_for_one_request(
    lead: User, critic: Critic, content: bytes, prompt: str, *, is_same: bool
) -> None:
    first = send(lead, critic, key="k-1")
    if is_same:
        assert send(lead, critic, content, prompt=prompt, key="k-1") == first
    else:
        with pytest.raises(scoring.KeyReused, match="k-1"):
            send(lead, critic, content, prompt=prompt, key="k-1")
    assert Job.objects.count() == 1
    assert list_folders() == [first.pk.hex]
    assert send(make_user("another", role=Role.LEAD), critic, key="k-1") != first


def test_without_a_key_each_request_is_its_own(lead: User, critic: Critic) -> None:
    assert send(lead, critic) != send(lead, critic)


def test_an_endpoint_gets_no_clip_before_its_sender_agreed_to_its_host(lead: User, answering: Answering) -> None:
    remote = make_endpoint()
    with pytest.raises(ConsentMissing, match=r"models\.example"):
        send(lead, remote)
    assert list_folders() == []
    waiting = send(lead, remote, asks_later=True)
    assert (waiting.state, Job.objects.count()) == ("asked", 0)
    with pytest.raises(ConsentMissing):
        scoring.agree(actor=lead, scoring=waiting, host="other.example")
    scoring.agree(actor=lead, scoring=waiting, host="models.example")
    assert work(Scoring.objects.get()).state == "done"
    assert work(send(lead, remote, consents_to="models.example")).state == "done"


def test_a_host_that_changed_after_the_consent_gets_nothing(lead: User, answering: Answering) -> None:
    remote = make_endpoint()
    sent = send(lead, remote, consents_to="models.example")
    Critic.objects.update(settings={"base_url": "https://other.example/v1"})
    failed = work(sent)
    assert failed.state == "failed"
    assert "other.example" in get_job(failed).error
    assert answering.rounds == 0


def test_a_scoring_is_deleted_with_its_files(
    lead: User, critic: Critic, django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[object]]
) -> None:
    kept, gone = send(lead, critic), send(lead, critic)
    job_of_gone = get_job(gone)
    with django_capture_on_commit_callbacks(execute=True):
        scoring.delete(actor=lead, scoring=gone)
    assert list_folders() == [kept.pk.hex]
    assert Job.objects.get(pk=job_of_gone.pk).state == JobState.CANCELLED
    Scoring.objects.update(created_at=timezone.now() - timedelta(days=8))
    assert scoring.delete_expired() == 1
    assert list_folders() == []
    job = jobs.run(get_job(kept).pk)
    assert job is not None
    assert (job.state, job.error) == (JobState.FAILED, "This clip was deleted before it was scored.")


def test_what_is_missing_is_refused_before_anything_is_stored(lead: User, critic: Critic) -> None:
    with pytest.raises(ValidationError) as refusal:
        send(lead, critic, prompt="  ")
    assert list(refusal.value.message_dict) == ["prompt"]
    with pytest.raises(PermissionDenied):
        send(make_user("rita"), critic)
    assert list_folders() == []


def list_folders() -> list[str]:
    root = scoring.get_root()
    return sorted(folder.name for folder in root.iterdir()) if root.exists() else []
