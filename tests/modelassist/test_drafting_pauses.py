"""A critic that cannot load or answer pauses drafting with its reason, is tried after growing waits and recovers."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.db import IntegrityError
from django.test import Client

from accounts.models import AuditEntry, Role, User
from annotation.campaigns.campaigns import add_clips, create_campaign, set_state
from annotation.models import Campaign, Draft, Item
from modelassist.kinds.base import ClipAnswer, ClipQuestion, CriticUnavailable
from modelassist.models import Activation, Critic, FailedDraft
from modelassist.services import drafting, pauses
from modelassist.services.critics import activate, register_critic, retry_now
from operations import jobs
from operations.models import Job, JobState
from qsave.proposal import Proposal
from qsave.report_card import AxisReport, ReportCard
from tests.annotation.factories import SHORT_VIDEO, make_clip

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_process")]

CARD = ReportCard(*[AxisReport(3, (), "A reason of enough letters to count.")] * 3)
READABLE = ClipAnswer(Proposal.from_card(CARD), "as generated")
UNREADABLE = ClipAnswer(text="babble", error="the output is not in the grammar: line 1")
CLIPS = 12
START = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)


@pytest.fixture
def campaign(engineer: User) -> Campaign:
    campaign = create_campaign(actor=engineer, name="spring", title="Spring", overlap=1, assisted_share=1.0)
    add_clips(
        actor=engineer,
        campaign=campaign,
        clips=[make_clip(f"clip{number}", video=SHORT_VIDEO) for number in range(CLIPS)],
    )
    return set_state(actor=engineer, campaign=campaign, state=Campaign.State.OPEN)


@pytest.fixture
def critic(engineer: User, campaign: Campaign, tiny_model: Path) -> Critic:
    critic = register_critic(actor=engineer, name="ada", model=str(tiny_model))
    activate(actor=engineer, critic=critic, campaign=campaign)
    return critic


class Voice:
    """A critic that gives every clip the same answer."""

    def __init__(self, says: ClipAnswer) -> None:
        self.says = says

    def propose(self, questions: list[ClipQuestion]) -> list[ClipAnswer]:
        return [self.says for _ in questions]


class Faulty:
    """A critic that cannot answer."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def propose(self, questions: list[ClipQuestion]) -> list[ClipAnswer]:
        raise self.error


def let_draft(monkeypatch: pytest.MonkeyPatch, proposer: Voice | Faulty) -> None:
    monkeypatch.setattr(drafting, "make_proposer", lambda *_, **__: proposer)


def do_jobs() -> list[Job]:
    """Run every queued drafting job."""
    done = []
    while (job := Job.objects.filter(kind=drafting.KIND, state=JobState.QUEUED).first()) is not None:
        finished = jobs.run(job.pk)
        assert finished is not None
        done.append(finished)
    return done


def top_up_rounds(rounds: int) -> int:
    """Run rounds of topping up, every ten seconds as workers do; return how many jobs they queued."""
    found = 0
    for _ in range(rounds):
        found += drafting.queue_missing_drafts()
        do_jobs()
    return found


def test_a_moved_folder_pauses_drafting_and_six_rounds_make_no_failed_job(campaign: Campaign, critic: Critic) -> None:
    Critic.objects.update(model="/nowhere/at/all")
    with time_machine.travel(START, tick=False):
        done = do_jobs()
        assert top_up_rounds(6) == 0
    assert [job.state for job in done] == [JobState.DONE]
    assert "/nowhere/at/all" in str(done[0].result["paused"])
    activation = Activation.objects.get()
    assert "/nowhere/at/all" in activation.paused_reason
    assert (activation.failures, activation.retry_at) == (1, START + timedelta(minutes=1))
    assert not Job.objects.filter(state=JobState.FAILED).exists()
    assert not FailedDraft.objects.exists()


def test_waits_double_from_a_minute_to_an_hour() -> None:
    minutes = [pauses.compute_wait(failures) / timedelta(minutes=1) for failures in (1, 2, 3, 4, 5, 6, 7, 8, 1000)]
    assert minutes == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_day_of_a_missing_folder_makes_few_jobs_and_none_that_failed(campaign: Campaign, critic: Critic) -> None:
    Critic.objects.update(model="/nowhere")
    with time_machine.travel(START, tick=False) as clock:
        do_jobs()
        for _ in range(24 * 60):
            clock.shift(timedelta(minutes=1))
            top_up_rounds(1)
    assert Job.objects.filter(kind=drafting.KIND).count() <= 32
    assert not Job.objects.filter(state=JobState.FAILED).exists()


def test_drafting_recovers_by_itself_when_the_folder_is_back(
    campaign: Campaign, critic: Critic, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_draft(monkeypatch, Faulty(CriticUnavailable("There is no such model folder.")))
    with time_machine.travel(START, tick=False) as clock:
        do_jobs()
        let_draft(monkeypatch, Voice(READABLE))
        assert top_up_rounds(1) == 0
        clock.shift(timedelta(minutes=1))
        assert top_up_rounds(1) == 1
    assert Draft.objects.count() == CLIPS
    activation = Activation.objects.get()
    assert (activation.paused_reason, activation.failures, activation.retry_at) == ("", 0, None)
    actions = AuditEntry.objects.filter(action__startswith="drafting.").order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["drafting.paused", "drafting.resumed"]


def test_a_defect_fails_its_job_once_and_pauses_too(
    campaign: Campaign, critic: Critic, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    let_draft(monkeypatch, Faulty(KeyError("num_heads")))
    with caplog.at_level(logging.CRITICAL):
        assert [job.state for job in do_jobs()] == [JobState.FAILED]
    assert "KeyError" in Activation.objects.get().paused_reason
    assert top_up_rounds(6) == 0


def test_a_critic_of_which_no_answer_can_be_read_pauses(
    campaign: Campaign, critic: Critic, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_draft(monkeypatch, Voice(UNREADABLE))
    do_jobs()
    assert FailedDraft.objects.count() == pauses.UNREADABLE_IN_A_ROW < CLIPS
    reason = Activation.objects.get().paused_reason
    assert "None of its last 8 answers could be read" in reason
    assert "not in the grammar" in reason


def test_clips_that_cannot_be_read_are_no_fault_of_the_critic(
    campaign: Campaign, critic: Critic, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_draft(monkeypatch, Voice(ClipAnswer(error="The file is corrupt or cut off.")))
    do_jobs()
    assert FailedDraft.objects.count() == CLIPS
    assert Activation.objects.get().retry_at is None


def test_a_readable_answer_ends_the_count(campaign: Campaign, critic: Critic) -> None:
    items = list(Item.objects.filter(campaign=campaign).order_by("pk"))
    activation = Activation.objects.get()
    for item in items[: pauses.UNREADABLE_IN_A_ROW]:
        FailedDraft.objects.create(critic=critic, item=item, error="not in the grammar", text="babble")
    assert pauses.describe_unreadable(activation)
    Draft.objects.create(item=items[-1], critic=str(critic), proposal={}, text="")
    assert not pauses.describe_unreadable(activation)


def test_try_again_now_tries_at_once_and_keeps_the_count(
    engineer: User, campaign: Campaign, critic: Critic, client: Client
) -> None:
    Critic.objects.update(model="/nowhere")
    do_jobs()
    lead = User.objects.create_user("lea", None, role=Role.LEAD)
    client.force_login(lead)
    page = client.get("/campaigns/spring").content.decode()
    assert "Drafting is paused" in page
    assert "/nowhere" in page
    client.post("/drafting/spring/retry")
    do_jobs()
    assert Activation.objects.get().failures == 2
    client.force_login(engineer)
    for address in ("/critics", f"/critics/{critic.pk}"):
        page = client.get(address).content.decode()
        assert "failed 2 times in a row" in page
        assert "Try again now" in page
    Activation.objects.update(paused_reason="", failures=0, retry_at=None)
    assert not retry_now(actor=engineer, campaign=campaign)
    assert "Drafting is paused" not in client.get("/campaigns/spring").content.decode()


def test_another_critic_begins_without_the_pause(
    engineer: User, campaign: Campaign, critic: Critic, tiny_model: Path
) -> None:
    Critic.objects.update(model="/nowhere")
    do_jobs()
    other = register_critic(actor=engineer, name="bob", model=str(tiny_model))
    activate(actor=engineer, critic=other, campaign=campaign)
    activation = Activation.objects.get()
    assert (activation.critic, activation.failures, activation.retry_at) == (other, 0, None)


def test_a_pause_has_a_reason_and_a_time_in_the_database(campaign: Campaign, critic: Critic) -> None:
    with pytest.raises(IntegrityError):
        Activation.objects.update(failures=1)
