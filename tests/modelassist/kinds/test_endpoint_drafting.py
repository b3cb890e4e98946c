"""An endpoint critic drafts for a campaign: with a lead's consent, and until its server fails."""

import json

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import Role, User
from annotation.campaigns.campaigns import add_clips, create_campaign, set_state
from annotation.models import Campaign, Draft
from modelassist.kinds.endpoint.proposer import get_endpoint
from modelassist.models import Activation, Critic, EndpointUsage, FailedDraft
from modelassist.services.consent import withdraw_consent
from modelassist.services.critics import activate, store_version
from modelassist.services.drafting import draft_next
from qsave.axes import AXES
from qsave.proposal import proposal_from_json
from tests.annotation.factories import SHORT_VIDEO, make_clip
from tests.modelassist.kinds.scripted_server import ScriptedServer, chat, respond

pytestmark = pytest.mark.django_db

TEXT = json.dumps({axis: {"reason": "It looks even all over.", "evidence": [], "level": "good"} for axis in AXES})


@pytest.fixture
def lead(db: None) -> User:
    return User.objects.create_user("lea", None, role=Role.ENGINEER)


@pytest.fixture
def campaign(lead: User) -> Campaign:
    campaign = create_campaign(actor=lead, name="spring", title="Spring", overlap=1, assisted_share=1.0)
    clips = [make_clip(f"clip{number}", video=SHORT_VIDEO) for number in range(3)]
    add_clips(actor=lead, campaign=campaign, clips=clips)
    return set_state(actor=lead, campaign=campaign, state=Campaign.State.OPEN)


@pytest.fixture
def critic(lead: User, server: ScriptedServer, settings: Settings) -> Critic:
    settings.CRITIC_HOSTS = ["127.0.0.1"]
    get_endpoint.cache_clear()
    endpoint = {"base_url": server.url, "model": "grader", "retries": 0}
    critic = Critic(name="lab", kind=Critic.Kind.ENDPOINT, origin=Critic.Origin.ENDPOINT, settings=endpoint)
    return store_version(actor=lead, critic=critic)


def test_an_endpoint_drafts_all_axes_and_fails_on_one_clip_alone(
    lead: User, campaign: Campaign, critic: Critic, server: ScriptedServer
) -> None:
    server.script = [chat(TEXT), respond(413, b""), chat(TEXT)]
    activate(actor=lead, critic=critic, campaign=campaign, consents_to=f"127.0.0.1:{server.port}")

    drafted = draft_next(campaign=campaign, limit=9)

    assert (drafted.drafted, drafted.failed, drafted.paused) == (2, 1, "")
    for draft in Draft.objects.all():
        assert draft.text == TEXT
        assert {axis: one.score for axis, one in proposal_from_json(draft.proposal).axes.items()} == dict.fromkeys(
            AXES, 4
        )
    assert "refuses the request for this clip (status 413)" in FailedDraft.objects.get().error


def test_requests_and_tokens_are_counted_also_where_they_fail(
    lead: User, campaign: Campaign, critic: Critic, server: ScriptedServer, client: Client
) -> None:
    server.script = [chat(TEXT, usage={"prompt_tokens": 1200, "completion_tokens": 30}), respond(503, b"")]
    activate(actor=lead, critic=critic, campaign=campaign, consents_to=f"127.0.0.1:{server.port}")

    draft_next(campaign=campaign, limit=9)
    draft_next(campaign=campaign, limit=9)  # drafting is paused: nothing is sent

    usage = EndpointUsage.objects.get()
    assert usage.requests == 1 + len(server.requests)  # the first asks which models there are
    assert (usage.prompt_tokens, usage.completion_tokens) == (1200, 30)
    assert usage.seconds > 0
    client.force_login(lead)
    assert "1,200 read, 30 written" in client.get(f"/critics/{critic.pk}").content.decode()


def test_a_server_that_fails_pauses_drafting_with_the_sentence(
    lead: User, campaign: Campaign, critic: Critic, server: ScriptedServer
) -> None:
    server.script = [respond(503, b"")]
    activation = activate(actor=lead, critic=critic, campaign=campaign, consents_to=f"127.0.0.1:{server.port}")

    draft_next(campaign=campaign, limit=9)

    activation.refresh_from_db()
    assert activation.paused_reason == "The server 127.0.0.1 fails (status 503). Drafting tries again by itself."
    assert len(server.requests) == 1
    assert not FailedDraft.objects.exists()


def test_no_clip_leaves_the_machine_once_consent_is_withdrawn(
    lead: User, campaign: Campaign, critic: Critic, server: ScriptedServer
) -> None:
    host = f"127.0.0.1:{server.port}"
    activate(actor=lead, critic=critic, campaign=campaign, consents_to=host)
    withdraw_consent(actor=lead, campaign=campaign, host=host)

    draft_next(campaign=campaign, limit=9)

    assert "no lead has agreed" in Activation.objects.get().paused_reason
    assert server.requests == []


def test_a_host_that_the_operator_does_not_name_gets_nothing(
    lead: User, campaign: Campaign, critic: Critic, server: ScriptedServer, settings: Settings
) -> None:
    settings.CRITIC_HOSTS = []
    activate(actor=lead, critic=critic, campaign=campaign, consents_to=f"127.0.0.1:{server.port}")

    draft_next(campaign=campaign, limit=9)

    assert "adds the host to QSAVE_CRITIC_HOSTS" in Activation.objects.get().paused_reason
    assert server.requests == []
