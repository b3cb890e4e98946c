"""A critic from elsewhere is tried on clips before it is registered, and what is wrong with it is one sentence."""

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import User
from annotation.campaigns.campaigns import add_clips, create_campaign, set_state
from annotation.models import Campaign
from modelassist.engine.models.folder import CRITIC_FILE, ModelError
from modelassist.kinds import engine
from modelassist.kinds.base import ClipAnswer
from modelassist.models import Critic, EndpointUsage, FailedDraft
from modelassist.services import adding, consent, drafting
from modelassist.services.adding import NewCritic, request_critic
from modelassist.services.critics import activate
from operations import jobs
from operations.models import Job, JobState
from qsave.answers.json_form import render_json
from qsave.proposal import proposal_from_json
from qsave.report_card import AxisReport, ReportCard
from tests.annotation.factories import SHORT_VIDEO, make_clip
from tests.modelassist.kinds.scripted_server import Answer, ScriptedServer, chat, respond, run_scripted_server
from tests.modelassist.kinds.test_engine import STAND_IN

pytestmark = pytest.mark.django_db

CARD = ReportCard(*[AxisReport(3, (), "A reason of enough letters to count.")] * 3)
CARD_FILE = "---\nlicense: apache-2.0\ntags: [video]\n---\n# Ada\n\nWeak.\n"


@pytest.fixture
def as_engineer(client: Client, engineer: User) -> Client:
    client.force_login(engineer)
    return client


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PROGRAM", STAND_IN)


@pytest.fixture
def campaign(engineer: User) -> Campaign:
    campaign = create_campaign(actor=engineer, name="spring", title="Spring", overlap=1, assisted_share=1.0)
    add_clips(actor=engineer, campaign=campaign, clips=[make_clip("one", video=SHORT_VIDEO)])
    return set_state(actor=engineer, campaign=campaign, state=Campaign.State.OPEN)


def add(client: Client, model: object, way: str = "folder", **more: str) -> str:
    sent = {"name": "ada", "model": str(model), **more}
    return client.post(f"/critics/add?way={way}", sent, follow=True).content.decode()


def add_endpoint(client: Client, server: ScriptedServer, model: str = "grader", **more: str) -> str:
    limits = {"timeout": "20", "concurrency": "1", "max_tokens": "512", "structured": "auto", "prompt": "general"}
    return add(client, model, "endpoint", base_url=server.url, **(limits | more))


def do_job(kind: str = adding.KIND) -> Job:
    job = jobs.run(Job.objects.filter(kind=kind, state=JobState.QUEUED).latest("created_at").pk)
    assert job is not None
    return job


@pytest.mark.usefixtures("stand_in")
def test_a_folder_that_answers_is_added_once_with_its_card_and_licence(
    as_engineer: Client, tiny_model: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "ada")
    (folder / "README.md").write_text(CARD_FILE)
    assert "The critic is being tried." in add(as_engineer, folder)
    assert not Critic.objects.exists()
    job = do_job()
    assert (job.state, job.error) == (JobState.DONE, "")
    critic = Critic.objects.get()
    assert (str(critic), critic.kind, critic.origin, critic.learned_from_simulated) == (
        "ada@1", "engine", "folder", False,
    )  # fmt: skip
    assert (critic.licence, critic.card) == ("apache-2.0", "# Ada\n\nWeak.")
    assert critic.prompt_version
    page = as_engineer.get("/critics/add").content.decode()
    assert "visual" in page
    assert "3.5" in page
    Job.objects.update(state=JobState.QUEUED)  # as if the worker had died before it stored the end
    assert do_job().result["critic"] == "ada@1"
    assert Critic.objects.count() == 1


def test_what_only_shows_when_it_is_loaded_fails_the_trial_in_one_line(
    as_engineer: Client, tiny_model: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "odd")
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["num_hidden_layers"] = 5
    (folder / "config.json").write_text(json.dumps(config))
    add(as_engineer, folder)
    job = do_job()
    assert job.state == JobState.FAILED
    assert "weights are missing" in job.error
    assert "\n" not in job.error
    assert not Critic.objects.exists()


def quantise(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": {"quant_method": "awq"}}))


def change_architecture(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "llama"}))


def leave_adapters(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "adapter_config.json").write_text("{}")


def cut_off(folder: Path) -> None:
    weights = next(folder.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (shutil.rmtree, "there is no such model folder"),
        (cut_off, "is cut off"),
        (change_architecture, "a critic is built on qwen3_vl or qwen2_5_vl"),
        (quantise, "pip install gptqmodel"),
        (leave_adapters, "holds adapters alone"),
    ],
)
def test_a_folder_that_cannot_be_loaded_is_a_sentence_at_once_and_pauses_what_drafts(
    as_engineer: Client,
    engineer: User,
    campaign: Campaign,
    tiny_model: Path,
    tmp_path: Path,
    spoil: Callable[[Path], None],
    sentence: str,
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "ada")
    critic = Critic.objects.create(name="ada", version=1, model=str(folder))
    activation = activate(actor=engineer, critic=critic, campaign=campaign)
    spoil(folder)
    assert sentence in add(as_engineer, folder)
    assert not Job.objects.filter(kind=adding.KIND).exists()
    with pytest.raises(ModelError, match=sentence):
        activate(actor=engineer, critic=critic, campaign=campaign)
    assert activation.retry_at is None


def test_a_folder_says_that_its_critic_learned_from_simulated_data(
    engineer: User, tiny_model: Path, tmp_path: Path, stand_in: None
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    settings = json.loads((folder / CRITIC_FILE).read_text())
    (folder / CRITIC_FILE).write_text(json.dumps(settings | {"simulated": True}))
    request_critic(actor=engineer, new=NewCritic("ada", model=str(folder)))
    assert do_job().state == JobState.DONE
    assert Critic.objects.get().learned_from_simulated


def test_a_hub_id_is_checked_and_its_origin_is_the_hub(as_engineer: Client, stand_in: None) -> None:
    assert "A hub id looks like" in add(as_engineer, "/models/ada", "hub")
    add(as_engineer, "Qwen/Qwen3-VL-2B-Instruct", "hub", licence="Apache-2.0")
    assert do_job().state == JobState.DONE
    assert (Critic.objects.get().origin, Critic.objects.get().licence) == ("hub", "Apache-2.0")


def test_the_name_of_the_built_in_critic_is_taken(as_engineer: Client, tiny_model: Path) -> None:
    assert "is that of the built-in critic" in add(as_engineer, tiny_model, name="detectors")


def allow_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.conf.settings.CRITIC_HOSTS", ["127.0.0.1"])


def test_an_endpoint_is_tried_on_three_made_clips(as_engineer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    allow_loopback(monkeypatch)
    with run_scripted_server() as server:
        server.models = respond(200, b'{"data": []}')
        server.script = [chat(render_json(CARD))]
        add_endpoint(as_engineer, server, licence="Apache-2.0")
        job = do_job()
        assert (job.state, job.error) == (JobState.DONE, "")
        assert len(server.requests) == 3
        critic = Critic.objects.get()
        assert (critic.kind, critic.origin, critic.model, critic.licence) == (
            "endpoint", "endpoint", "", "Apache-2.0",
        )  # fmt: skip
        assert critic.settings["base_url"] == server.url
        assert len(job.result["trial"]) == 3
        assert EndpointUsage.objects.get(critic=critic).requests == 4, "the list of models, and three clips"
        assert "A reason of enough letters" in as_engineer.get("/critics/add?way=endpoint").content.decode()


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (chat("I like this video."), "none of its 3 answers is usable"),
        (respond(401, b"{}"), "refuses a request without a key"),
        (respond(404, b"{}"), "has no model 'grader'. It lists none"),
        (respond(200, b"<html>"), "answers with something else than JSON"),
    ],
)
def test_an_endpoint_that_does_not_answer_is_a_sentence_and_not_added(
    as_engineer: Client, monkeypatch: pytest.MonkeyPatch, answer: Answer, sentence: str
) -> None:
    allow_loopback(monkeypatch)
    with run_scripted_server() as server:
        server.models = respond(200, b'{"data": []}')
        server.script = [answer]
        add_endpoint(as_engineer, server)
        job = do_job()
    assert job.state == JobState.FAILED
    assert sentence in job.error
    assert not Critic.objects.exists()


LISTS: dict[str, tuple[Answer | None, str]] = {
    "one model": (respond(200, b'{"data": [{"id": "only"}]}'), ""),
    "two models": (respond(200, b'{"data": [{"id": "a"}, {"id": "b"}]}'), "lists 2 models: "),
    "none": (respond(200, b'{"data": []}'), "lists no model. Enter the name of the model."),
    "no list": (None, "does not list its models. Enter the name of the model."),
    "nonsense": (respond(200, b'{"data": [{"id": 7}, 3]}'), "lists no model. Enter the name"),
}


@pytest.mark.parametrize(("models", "sentence"), LISTS.values(), ids=LISTS)
def test_a_server_is_asked_for_its_model_if_nobody_names_it(
    as_engineer: Client, monkeypatch: pytest.MonkeyPatch, models: Answer | None, sentence: str
) -> None:
    allow_loopback(monkeypatch)
    with run_scripted_server() as server:
        server.models, server.script = models, [chat(render_json(CARD))]
        add_endpoint(as_engineer, server, model="")
        job = do_job()
    assert sentence in job.error
    assert job.state == (JobState.FAILED if sentence else JobState.DONE)
    assert [critic.settings["model"] for critic in Critic.objects.all()] == ([] if sentence else ["only"])


def test_without_consent_no_clip_of_a_campaign_reaches_the_server(
    as_engineer: Client, engineer: User, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_loopback(monkeypatch)
    with run_scripted_server() as server:
        server.models = respond(200, b'{"data": []}')
        server.script = [chat(render_json(CARD))]
        page = add_endpoint(as_engineer, server, campaign=str(campaign.pk))
        assert "No lead has agreed" in page
        assert not Job.objects.filter(kind=adding.KIND).exists()
        add_endpoint(as_engineer, server)
        do_job()
        critic, made = Critic.objects.get(), len(server.requests)
        host = consent.find_host(critic)
        activate(actor=engineer, critic=critic, campaign=campaign, consents_to=host)
        consent.withdraw_consent(actor=engineer, campaign=campaign, host=host)
        assert "no lead has agreed" in str(do_job(drafting.KIND).result["paused"])
        assert len(server.requests) == made
        consent.give_consent(actor=engineer, campaign=campaign, host=host)
        assert drafting.draft_next(campaign=campaign, limit=4).drafted == 1
        assert len(server.requests) == made + 1


def test_defects_of_another_taxonomy_are_a_sentence_and_retired_ones_are_left_out(
    engineer: User, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer_with(*defects: str) -> ClipAnswer:
        evidence = [{"defect": defect} for defect in defects]
        return ClipAnswer(proposal_from_json({"visual": {"evidence": evidence}}))

    class Odd:
        def __init__(self, answer: ClipAnswer) -> None:
            self.answer = answer

        def propose(self, questions: list[object]) -> list[ClipAnswer]:
            return [self.answer for _ in questions]

    critic = Critic.objects.create(name="ada", version=1, kind="detectors", origin="built-in")
    activate(actor=engineer, critic=critic, campaign=campaign)
    monkeypatch.setattr(drafting, "make_proposer", lambda *_, **__: Odd(answer_with("blur", "sixth-finger")))
    drafting.draft_next(campaign=campaign, limit=1)
    error = FailedDraft.objects.get().error
    assert error.startswith("The critic named defects that this campaign does not have:")
    assert "sixth-finger" in error
    taxonomy = [entry | ({"retired": True} if entry["id"] == "noise" else {}) for entry in campaign.taxonomy]
    campaign.taxonomy = taxonomy
    proposal = answer_with("blur", "noise").proposal
    assert proposal is not None
    fitted = drafting.fit_taxonomy(proposal, campaign)
    assert fitted.visual is not None
    assert [piece.defect for piece in fitted.visual.evidence or ()] == ["blur"]


def test_a_script_adds_a_folder_and_an_endpoint(
    as_engineer: Client, tiny_model: Path, stand_in: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_loopback(monkeypatch)
    answer = as_engineer.post("/api/critics", {"name": "ada", "model": str(tiny_model)}, "application/json")
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    assert do_job().state == JobState.DONE
    listed = as_engineer.get("/api/critics").json()["results"]
    assert [(one["name"], one["kind"], one["origin"]) for one in listed] == [("ada", "engine", "folder")]
    assert as_engineer.get(f"/api/critics/{listed[0]['id']}").json()["version"] == 1


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"name": "ada"}, "exactly one of the two"),
        ({"name": "ada", "model": "/nowhere"}, "no such model folder"),
        ({"name": "ada", "endpoint": {"base_url": "ftp://x", "model": "m"}}, "not the address of a server"),
        ({"name": "ada", "endpoint": {"base_url": "http://h/v1", "model": "m", "api_key": "s"}}, "no setting"),
        ({"name": "detectors", "model": "Qwen/Qwen3-VL-2B-Instruct"}, "is that of the built-in critic"),
    ],
)
def test_what_a_script_cannot_add_says_why(as_engineer: Client, sent: dict[str, object], sentence: str) -> None:
    answer = as_engineer.post("/api/critics", sent, "application/json")
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert not Job.objects.exists()


def test_the_command_tries_a_critic_and_prints_what_it_answered(
    engineer: User, tiny_model: Path, stand_in: None, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("add_critic", "ada", "--model", str(tiny_model), "--licence", "Apache-2.0")
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[-1] == "added ada@1"
    assert lines[0].endswith(": visual 3.5 (nothing said of defects)")
    with pytest.raises(CommandError, match="there is no such model folder"):
        call_command("add_critic", "ada", "--model", "/nowhere")
    with pytest.raises(CommandError, match="not the address of a server"):
        call_command("add_critic", "ada", "--endpoint", "127.0.0.1:9")


def test_a_critic_is_compared_with_the_present_one_before_it_is_promoted(
    as_engineer: Client, engineer: User, campaign: Campaign
) -> None:
    first, second = (
        Critic.objects.create(name=name, version=1, kind="detectors", origin="built-in", taxonomy_version="other")
        for name in ("ada", "bob")
    )
    address = f"/critics/{second.pk}?campaign={campaign.pk}"
    assert "there is nothing to compare with" in as_engineer.get(address).content.decode()
    activate(actor=engineer, critic=first, campaign=campaign)
    page = as_engineer.get(address).content.decode()
    assert "The present critic is <bdi>ada@1</bdi>" in page
    assert page.count("No clip has a blind rating on this axis.") == 3
    assert "No axis shows that this critic follows people better" in page
    assert "was trained on other defects" in page
    assert (
        "drafts for this campaign already"
        in as_engineer.get(f"/critics/{first.pk}?campaign={campaign.pk}").content.decode()
    )


def list_documented_commands() -> list[list[str]]:
    text = Path(__file__).parents[2].joinpath("docs", "critics.md").read_text(encoding="utf-8")
    lines = re.findall(r"^    python manage\.py (add_critic .*)$", text, re.MULTILINE)
    return [shlex.split(line) for line in lines]


@pytest.mark.parametrize("command", list_documented_commands(), ids=lambda command: command[1])
def test_the_commands_of_the_documentation_add_their_critics(
    engineer: User, stand_in: None, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    allow_loopback(monkeypatch)
    with run_scripted_server() as server:
        server.models, server.script = respond(200, b'{"data": []}'), [chat(render_json(CARD))]
        call_command(*[word.replace("http://127.0.0.1:8000/v1", server.url) for word in command])
    assert Critic.objects.get().name == command[1]


def test_the_documentation_has_a_command_for_each_way_to_add_a_critic() -> None:
    assert [command[2] for command in list_documented_commands()] == ["--model", "--model", "--endpoint"]
