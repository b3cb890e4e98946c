"""What can be wrong with a critic is one sentence wherever it is met: page, command and API; and nothing else stops."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import User
from annotation.campaigns.campaigns import add_clips, create_campaign
from annotation.models import Campaign, Clip, Draft, Split
from modelassist.kinds import engine
from modelassist.kinds.base import ClipAnswer
from modelassist.models import Activation, Critic, FailedDraft, Prediction, Scoring
from modelassist.services import consent, critics, drafting, predicting, scoring
from modelassist.services.builtin import register_detectors
from operations import jobs
from operations.models import Job, JobState
from qsave.proposal import proposal_from_json
from tests.annotation.factories import SHORT_VIDEO, make_clip, make_video
from tests.modelassist.conftest import InProcess
from tests.modelassist.fake_critics import Answering
from tests.modelassist.kinds.scripted_server import ScriptedServer, respond, run_scripted_server
from tests.modelassist.test_adding import change_architecture, cut_off, leave_adapters, quantise

pytestmark = pytest.mark.django_db

FOLDERS: Mapping[str, tuple[Callable[[Path], object], str]] = {
    "moved": (shutil.rmtree, "there is no such model folder"),
    "cut off": (cut_off, "is cut off"),
    "of another architecture": (change_architecture, "a critic is built on qwen3_vl or qwen2_5_vl"),
    "quantised without its library": (quantise, "pip install gptqmodel"),
    "an adapter without its base": (leave_adapters, "holds adapters alone"),
}


def stop_server(server: ScriptedServer) -> str:
    return server.url.replace(str(server.port), "9")


def answer_nonsense(server: ScriptedServer) -> str:
    server.script = [respond(200, b"<html>Hello</html>")]
    return server.url


ENDPOINTS: Mapping[str, tuple[Callable[[ScriptedServer], str], str]] = {
    "an endpoint that is down": (stop_server, "cannot be reached"),
    "an endpoint that answers nonsense": (answer_nonsense, "answers with something else than JSON"),
}


@pytest.fixture
def campaign(engineer: User) -> Campaign:
    """One train clip that waits for a draft, and a clip of val."""
    campaign = create_campaign(actor=engineer, name="spring", title="Spring", overlap=1, assisted_share=1.0)
    clips = [make_clip("one", video=SHORT_VIDEO), make_clip("val", split=Split.VAL, video=SHORT_VIDEO)]
    add_clips(actor=engineer, campaign=campaign, clips=clips)
    return campaign


@pytest.fixture
def as_engineer(client: Client, engineer: User) -> Client:
    client.force_login(engineer)
    return client


@pytest.fixture(params=[*FOLDERS, *ENDPOINTS])
def spoilt(
    request: pytest.FixtureRequest,
    engineer: User,
    campaign: Campaign,
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[Critic, str]]:
    """A critic that drafted for the campaign and went bad since, and the sentence that says so."""
    monkeypatch.setattr(engine, "EngineProposer", lambda model, *_: InProcess(model))
    monkeypatch.setattr(settings, "CRITIC_HOSTS", ["127.0.0.1"])
    if request.param in FOLDERS:
        spoil, sentence = FOLDERS[request.param]
        folder = shutil.copytree(tiny_model, tmp_path / "ada")
        critic = Critic.objects.create(name="ada", version=1, model=str(folder))
        critics.activate(actor=engineer, critic=critic, campaign=campaign)
        spoil(folder)
        yield critic, sentence
        return
    begin, sentence = ENDPOINTS[request.param]
    with run_scripted_server() as server:
        values = {"base_url": begin(server), "model": "m", "retries": 0}
        critic = Critic.objects.create(name="ada", version=1, kind="endpoint", origin="endpoint", settings=values)
        critics.activate(actor=engineer, critic=critic, campaign=campaign, consents_to=consent.find_host(critic))
        yield critic, sentence


def do_job(kind: str) -> Job:
    job = jobs.run(Job.objects.filter(kind=kind, state=JobState.QUEUED).latest("created_at").pk)
    assert job is not None
    return job


def read_page(client: Client, path: str) -> str:
    return " ".join(client.get(path).content.decode().split())


def test_a_critic_that_went_bad_is_one_sentence_wherever_it_is_asked(
    as_engineer: Client,
    engineer: User,
    campaign: Campaign,
    spoilt: tuple[Critic, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    critic, sentence = spoilt
    assert do_job(drafting.KIND).state == JobState.DONE
    assert sentence in Activation.objects.get().paused_reason
    assert sentence in read_page(as_engineer, "/campaigns/spring/drafting")

    host = consent.find_host(critic)
    clip = SimpleUploadedFile("clip.mp4", make_video())
    body = {"video": clip, "prompt": "A square", "critic": "ada", "consents_to": host}
    sent = as_engineer.post("/api/scorings", body)
    do_job(scoring.SCORE_CLIP)
    answer = as_engineer.get(sent["Location"]).json()
    assert (answer["state"], sentence in answer["error"]) == ("failed", True)
    assert sentence in read_page(as_engineer, f"/scorings/{answer['id']}")

    sent = as_engineer.post(
        "/api/campaigns/spring/predictions", {"critic": "ada", "consents_to": host}, "application/json"
    )
    do_job(predicting.PREDICT_CLIPS)
    answer = as_engineer.get(sent["Location"]).json()
    assert (answer["state"], sentence in answer["error"]) == ("failed", True)
    assert sentence in read_page(as_engineer, f"/campaigns/spring/predictions/{answer['id']}")

    other = Critic.objects.create(name="bob", version=1, kind="detectors", origin="built-in")
    critics.activate(actor=engineer, critic=other, campaign=campaign)
    monkeypatch.setattr(drafting, "make_proposer", Answering())
    assert drafting.draft_next(campaign=campaign, limit=1).drafted == 1


@pytest.mark.parametrize(("spoil", "sentence"), FOLDERS.values(), ids=FOLDERS)
def test_a_folder_that_cannot_be_loaded_is_refused_at_once_by_command_and_api(
    as_engineer: Client, tiny_model: Path, tmp_path: Path, spoil: Callable[[Path], object], sentence: str
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "ada")
    spoil(folder)
    answer = as_engineer.post("/api/critics", {"name": "ada", "model": str(folder)}, "application/json")
    assert (answer.status_code, sentence in answer.json()["detail"]) == (400, True)
    with pytest.raises(CommandError, match=sentence):
        call_command("add_critic", "ada", "--model", str(folder))
    assert not Job.objects.exists()


@pytest.mark.parametrize(("begin", "sentence"), ENDPOINTS.values(), ids=ENDPOINTS)
def test_an_endpoint_that_does_not_answer_is_refused_by_command_and_api(
    as_engineer: Client,
    monkeypatch: pytest.MonkeyPatch,
    begin: Callable[[ScriptedServer], str],
    sentence: str,
) -> None:
    monkeypatch.setattr(settings, "CRITIC_HOSTS", ["127.0.0.1"])
    with run_scripted_server() as server:
        endpoint = {"base_url": begin(server), "model": "m", "retries": 0, "frames": {"fast_frames": 1}}
        body: dict[str, Any] = {"name": "ada", "endpoint": endpoint}
        sent = as_engineer.post("/api/critics", json.dumps(body), "application/json")
        assert sent.status_code == 202
        assert sentence in do_job("add_critic").error
        if begin is answer_nonsense:  # the command repeats requests, which takes long where nobody listens
            with pytest.raises(CommandError, match=sentence):
                call_command("add_critic", "ada", "--endpoint", server.url, "--served-model", "m")
    assert not Critic.objects.exists()


def test_a_clip_that_is_gone_fails_alone(engineer: User, as_engineer: Client, campaign: Campaign) -> None:
    lost = make_clip("lost", video=SHORT_VIDEO, prompt="gone")
    add_clips(actor=engineer, campaign=campaign, clips=[lost])
    Clip.objects.filter(pk=lost.pk).update(original="clips/aa/gone.mp4")
    detectors = register_detectors()
    critics.activate(actor=engineer, critic=detectors, campaign=campaign)
    do_job(drafting.KIND)
    sentence = "The file cannot be read: No such file or directory."
    assert (Draft.objects.count(), FailedDraft.objects.get().error) == (1, sentence)
    assert sentence in read_page(as_engineer, "/campaigns/spring/drafting")
    predicting.request_predictions(actor=engineer, campaign=campaign, critic=detectors)
    assert do_job(predicting.PREDICT_CLIPS).state == JobState.DONE
    errors = Prediction.objects.order_by("item").values_list("item__clip__clip_id", "error")
    assert dict(errors) == {"one": "", "val": "", "lost": sentence}
    assert not Scoring.objects.exists()


def test_a_critic_of_another_taxonomy_fails_on_the_clips_where_it_names_other_defects(
    engineer: User, as_engineer: Client, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = ClipAnswer(proposal_from_json({"visual": {"evidence": [{"defect": "sixth-finger"}]}}))
    monkeypatch.setattr(drafting, "make_proposer", Answering(foreign))
    critic = Critic.objects.create(name="ada", version=1, kind="detectors", origin="built-in")
    critics.activate(actor=engineer, critic=critic, campaign=campaign)
    assert do_job(drafting.KIND).state == JobState.DONE
    assert "The critic named defects that this campaign does not have:" in read_page(
        as_engineer, "/campaigns/spring/drafting"
    )
    assert Activation.objects.get().paused_reason == ""
