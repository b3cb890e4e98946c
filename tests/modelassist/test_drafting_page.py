"""The Drafting page: which critic drafts for a campaign, its backlog, and what a lead can do about it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import AuditEntry, Role, User
from annotation.campaigns.campaigns import add_clips, create_campaign, set_state
from annotation.models import Campaign, Draft
from modelassist.kinds.base import CriticUnavailable
from modelassist.models import Activation, ActivationPeriod, Consent, Critic, DraftingStop, FailedDraft
from modelassist.reads.backlog import read_drafting_page
from modelassist.services import builtin, consent, critics, drafting
from modelassist.services.critics import activate, deactivate, roll_back, store_version
from modelassist.services.proposers import make_proposer
from modelassist.services.starter import register_starter
from operations.models import Job
from tests.annotation.factories import SHORT_VIDEO, make_clip
from tests.support.migrating import use_empty_database

pytestmark = pytest.mark.django_db
URL = "http://127.0.0.1:9/v1"


@pytest.fixture
def lead(db: None) -> User:
    return User.objects.create_user("lea", None, role=Role.LEAD)


@pytest.fixture
def page(client: Client, lead: User) -> Callable[[], str]:
    client.force_login(lead)
    return lambda: client.get("/campaigns/spring/drafting").content.decode()


@pytest.fixture
def campaign(engineer: User) -> Campaign:
    campaign = create_campaign(actor=engineer, name="spring", title="Spring", overlap=1, assisted_share=1.0)
    clips = [make_clip(f"clip{number}", video=SHORT_VIDEO) for number in range(4)]
    add_clips(actor=engineer, campaign=campaign, clips=clips)
    return set_state(actor=engineer, campaign=campaign, state=Campaign.State.OPEN)


@pytest.fixture
def detectors() -> Critic:
    return builtin.register_detectors()


def make_endpoint(engineer: User, url: str = URL) -> Critic:
    server = {"base_url": url, "model": "qwen"}
    critic = Critic(name="lab", kind=Critic.Kind.ENDPOINT, origin=Critic.Origin.ENDPOINT, settings=server)
    return store_version(actor=engineer, critic=critic)


def test_the_backlog_counts_what_waits_is_drafted_silent_and_failed(
    engineer: User, campaign: Campaign, detectors: Critic, page: Callable[[], str]
) -> None:
    activate(actor=engineer, critic=detectors, campaign=campaign)
    first, second, third, _fourth = campaign.items.order_by("pk")
    Draft.objects.create(item=first, critic=str(detectors), proposal={"visual": {}}, latency_ms=1500)
    Draft.objects.create(item=second, critic=str(detectors), proposal={}, latency_ms=500)
    FailedDraft.objects.create(critic=detectors, item=third, error="The file is corrupt or cut off.")
    backlog = read_drafting_page(campaign).backlog
    assert backlog is not None
    assert (backlog.waiting, backlog.drafted, backlog.silent, backlog.failed) == (1, 1, 1, 1)
    assert (backlog.draft_seconds, backlog.queue_seconds) == (1.0, None)
    assert "The file is corrupt or cut off." in page()


def test_failed_clips_are_tried_again(
    engineer: User, campaign: Campaign, detectors: Critic, client: Client, page: Callable[[], str]
) -> None:
    activate(actor=engineer, critic=detectors, campaign=campaign)
    for item in campaign.items.all():
        FailedDraft.objects.create(critic=detectors, item=item, error="no")
    page()
    assert "tries 4 clips again" in client.post("/drafting/spring/retry-failed", follow=True).content.decode()
    assert not FailedDraft.objects.exists()
    assert "no failed draft" in client.post("/drafting/spring/retry-failed", follow=True).content.decode()


def test_the_page_reads_a_fixed_number_of_queries(
    engineer: User, campaign: Campaign, detectors: Critic, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    activate(actor=engineer, critic=detectors, campaign=campaign)
    for item in campaign.items.all():
        FailedDraft.objects.create(critic=detectors, item=item, error="no")
    with django_assert_max_num_queries(19):
        read_drafting_page(campaign)


def test_a_lead_starts_stops_and_rolls_back(
    engineer: User, campaign: Campaign, detectors: Critic, client: Client, page: Callable[[], str]
) -> None:
    assert "No critic drafts for this campaign" in page()
    starter = register_starter(actor=engineer)
    client.post("/drafting/spring/activate", {"critic": detectors.pk})
    asked = client.post("/drafting/spring/activate", {"critic": starter.pk}).content.decode()
    assert "learned from simulated data" in asked
    assert Activation.objects.get().critic == detectors
    client.post("/drafting/spring/activate", {"critic": starter.pk, "accepts_simulated": "yes"})
    assert f"Roll back to <bdi>{detectors}</bdi>" in page()
    client.post("/drafting/spring/roll-back")
    assert Activation.objects.get().critic == detectors
    client.post("/drafting/spring/stop")
    assert not Activation.objects.exists()
    assert [period.ended_at is None for period in ActivationPeriod.objects.all()] == [False] * 3
    assert AuditEntry.objects.filter(action="critic.rolled_back").count() == 1
    client.post("/drafting/spring/roll-back")
    assert Activation.objects.get().critic == detectors


def test_without_a_former_critic_nothing_is_rolled_back(engineer: User, campaign: Campaign, detectors: Critic) -> None:
    with pytest.raises(critics.NothingToRollBackTo):
        roll_back(actor=engineer, campaign=campaign)
    activate(actor=engineer, critic=detectors, campaign=campaign)
    activate(actor=engineer, critic=detectors, campaign=campaign)
    with pytest.raises(critics.NothingToRollBackTo):
        roll_back(actor=engineer, campaign=campaign)
    deactivate(actor=engineer, campaign=campaign)
    assert roll_back(actor=engineer, campaign=campaign).critic == detectors


def test_an_endpoint_asks_for_consent_with_its_host(
    engineer: User, campaign: Campaign, client: Client, page: Callable[[], str]
) -> None:
    lab = make_endpoint(engineer)
    page()
    asked = client.post("/drafting/spring/activate", {"critic": lab.pk}).content.decode()
    assert "Agree and start drafting" in asked
    assert "127.0.0.1:9" in asked
    assert not Activation.objects.exists()
    client.post("/drafting/spring/activate", {"critic": lab.pk, "consents_to": "elsewhere.example"})
    assert not Activation.objects.exists()
    client.post("/drafting/spring/activate", {"critic": lab.pk, "consents_to": "127.0.0.1:9"})
    assert Activation.objects.get().critic == lab
    given = Consent.objects.get()
    assert (given.host, given.given_by.username, given.withdrawn_at) == ("127.0.0.1:9", "lea", None)
    client.post("/drafting/spring/withdraw-consent", {"host": "127.0.0.1:9"})
    assert "Agree to send clips to" in page()
    with pytest.raises(CriticUnavailable, match="no lead has agreed"):
        make_proposer(lab, campaign=campaign)
    client.post("/drafting/spring/consent", {"host": "127.0.0.1:9"})
    assert consent.has_consent(campaign, "127.0.0.1:9")
    assert Consent.objects.count() == 2


def test_another_host_and_another_campaign_ask_again(engineer: User, campaign: Campaign) -> None:
    lab = make_endpoint(engineer)
    activate(actor=engineer, critic=lab, campaign=campaign, consents_to="127.0.0.1:9")
    other = create_campaign(actor=engineer, name="autumn", title="Autumn")
    with pytest.raises(critics.ConsentMissing):
        activate(actor=engineer, critic=lab, campaign=other)
    moved = make_endpoint(engineer, "https://api.example.org/v1")
    with pytest.raises(critics.ConsentMissing) as caught:
        activate(actor=engineer, critic=moved, campaign=campaign)
    assert caught.value.host == "api.example.org"


def test_without_consent_drafting_pauses_and_a_consent_resumes_it(engineer: User, campaign: Campaign) -> None:
    lab = make_endpoint(engineer)
    activate(actor=engineer, critic=lab, campaign=campaign, consents_to="127.0.0.1:9")
    consent.withdraw_consent(actor=engineer, campaign=campaign, host="127.0.0.1:9")
    assert drafting.draft_next(campaign=campaign, limit=4).drafted == 0
    assert "no lead has agreed" in Activation.objects.get().paused_reason
    assert drafting.queue_missing_drafts() == 0
    Job.objects.all().delete()
    consent.give_consent(actor=engineer, campaign=campaign, host="127.0.0.1:9")
    assert drafting.queue_missing_drafts() == 1


def test_a_rule_that_stopped_drafting_is_overruled_with_a_reason(
    engineer: User, campaign: Campaign, detectors: Critic, client: Client, page: Callable[[], str]
) -> None:
    activate(actor=engineer, critic=detectors, campaign=campaign)
    DraftingStop.objects.create(campaign=campaign, critic=detectors, rule="anchoring", reason="Visual: too near.")
    assert "Visual: too near." in page()
    assert "A rule stopped" in client.get("/").content.decode()
    assert drafting.draft_next(campaign=campaign, limit=4).paused == "Visual: too near."
    assert "Say why drafting resumes" in client.post("/drafting/spring/resume", follow=True).content.decode()
    client.post("/drafting/spring/resume", {"reason": "The pull is wanted: golds."})
    stop = DraftingStop.objects.get()
    assert (stop.resume_reason, stop.resumed_by.username if stop.resumed_by else "") == (
        "The pull is wanted: golds.",
        "lea",
    )
    assert "The pull is wanted: golds." in page()


@pytest.mark.parametrize(("bound", "saved"), [("0.25", 0.25), ("5", 0.5), ("", 0.5), ("nan", 0.5)])
def test_the_bound_of_anchoring_is_set(
    campaign: Campaign, client: Client, page: Callable[[], str], bound: str, saved: float
) -> None:
    page()
    client.post("/drafting/spring/bound", {"bound": bound})
    assert read_drafting_page(campaign).anchoring_bound == saved


def test_new_campaigns_of_real_clips_begin_with_the_detectors(engineer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "DEFAULT_CRITIC", "detectors")
    real = create_campaign(actor=engineer, name="real", title="Real")
    create_campaign(actor=engineer, name="toy", title="Toy", is_simulated=True)
    activation = Activation.objects.get()
    assert (activation.campaign, activation.critic.kind) == (real, "detectors")
    assert real.active_critic == str(activation.critic)
    builtin.register_after_migrate(using="default")
    assert Critic.objects.count() == 1
    deactivate(actor=engineer, campaign=real)
    assert not Activation.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_migrated_in_part_gets_no_critic_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "DEFAULT_CRITIC", "detectors")
    with use_empty_database():
        builtin.register_after_migrate(using="default")
        assert connection.introspection.table_names() == []


def test_the_detectors_draft_real_files_and_say_nothing_of_alignment(
    engineer: User, campaign: Campaign, detectors: Critic
) -> None:
    broken = campaign.items.select_related("clip").latest("pk").clip
    Path(settings.MEDIA_ROOT, broken.original).write_bytes(b"no video")
    activate(actor=engineer, critic=detectors, campaign=campaign)
    result = drafting.draft_next(campaign=campaign, limit=8)
    assert (result.drafted, result.failed, result.paused) == (3, 1, "")
    assert FailedDraft.objects.get().error.startswith("The file is not a video")
    assert {axis for draft in Draft.objects.all() for axis in draft.proposal} <= {"visual", "dynamic"}


def test_a_critic_of_older_thresholds_is_paused_with_the_version_to_activate(
    engineer: User, campaign: Campaign, detectors: Critic
) -> None:
    older = Critic.objects.create(name=detectors.name, version=detectors.version - 1, kind=detectors.kind)
    activate(actor=engineer, critic=older, campaign=campaign)
    paused = drafting.draft_next(campaign=campaign, limit=8).paused
    assert f"Activate version {detectors.version}" in paused
    assert not Draft.objects.exists()
