"""The page and the API that score a clip: a form without scripts, an answer to poll, the critic's figures beside it."""

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import Role
from accounts.services import issue_token
from modelassist.kinds.base import ClipAnswer
from modelassist.models import Critic, Scoring
from modelassist.services import scoring_work
from operations import jobs
from qsave.proposal import Proposal
from tests.annotation.factories import make_user, make_video
from tests.modelassist.fake_critics import Answering, make_critic, make_endpoint
from tests.modelassist.test_views import FIGURES

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_folder(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(scoring_work, "choose_proposer", Answering())


@pytest.fixture
def page() -> Client:
    client = Client()
    client.force_login(make_user("lena", role=Role.LEAD))
    return client


@pytest.fixture
def api() -> Client:
    _token, secret = issue_token(actor=make_user("sam", role=Role.LEAD), name="script")
    return Client(headers={"Authorization": f"Bearer {secret}"})


def make_body(critic: object, **values: object) -> dict[str, object]:
    video = SimpleUploadedFile("fox.mp4", make_video())
    return {"video": video, "prompt": "A red fox", "critic": critic} | values


def run_newest_job() -> Scoring:
    one = Scoring.objects.latest("created_at")
    assert one.job_id is not None
    jobs.run(one.job_id)
    return one


def test_the_form_leads_to_a_page_that_shows_the_answer(page: Client) -> None:
    critic = make_critic(evaluation={"splits": {"test": FIGURES}})
    sent = page.post(reverse("score"), make_body(critic.pk, key="k"))
    one = Scoring.objects.get()
    assert sent["Location"] == reverse("scoring", args=[one.pk])
    assert "waiting" in page.get(sent["Location"]).content.decode()
    run_newest_job()
    shown = page.get(sent["Location"]).content.decode()
    for words in ("The edge is soft.", "not proposed", "No frozen frame", "SRCC", "data-start", "data-gaps"):
        assert words in shown
    assert "never measured" not in shown
    video = page.get(reverse("scoring-video", args=[one.pk]), headers={"Range": "bytes=0-9"})
    assert (video.status_code, video["Content-Type"], len(video.getvalue())) == (206, "video/mp4", 10)


def test_a_critic_without_an_evaluation_says_so(page: Client, api: Client) -> None:
    make_critic()
    api.post("/api/scorings", make_body("ada"))
    one = run_newest_job()
    assert "never measured" in page.get(reverse("scoring", args=[one.pk])).content.decode()
    assert api.get(f"/api/scorings/{one.pk}").json()["trust"] == {"is_measured": False}


def test_the_page_of_an_endpoint_names_the_host_and_asks(page: Client) -> None:
    sent = page.post(reverse("score"), make_body(make_endpoint().pk), follow=True)
    assert "Send this clip to <bdi>models.example</bdi>" in " ".join(sent.content.decode().split())
    one = Scoring.objects.get()
    page.post(reverse("scoring-agree", args=[one.pk]), {"host": "models.example"})
    run_newest_job()
    assert Scoring.objects.get().state == "done"


def test_the_form_says_what_is_wrong_and_a_second_press_sends_nothing(page: Client) -> None:
    critic = make_critic()
    assert "This field is required" in page.post(reverse("score"), {"key": "k"}).content.decode()
    for prompt in ("A red fox", "A red fox"):
        page.post(reverse("score"), make_body(critic.pk, key="k", prompt=prompt))
    answer = page.post(reverse("score"), make_body(critic.pk, key="k", prompt="A hare"))
    assert Scoring.objects.count() == 1
    assert "sent before" in answer.content.decode()


def test_a_script_sends_a_clip_and_polls_for_the_answer(api: Client) -> None:
    make_critic()
    make_critic(version=2, evaluation={"splits": {"test": FIGURES}})
    headers = {"Idempotency-Key": "k"}
    first = api.post("/api/scorings", make_body("ada"), headers=headers)
    assert (first.status_code, first.json()["state"], first.json()["answer"]) == (202, "queued", None)
    run_newest_job()
    polled = api.get(first["Location"]).json()
    assert (polled["state"], polled["error"], polled["critic"]["version"]) == ("done", "", 2)
    assert polled["answer"]["alignment"] is None
    assert polled["answer"]["visual"]["score"] == 3.5
    assert polled["trust"]["axes"]["visual"]["srcc"]["value"] == pytest.approx(0.8, abs=0.2)
    again = api.post("/api/scorings", make_body("ada@2"), headers=headers)
    assert (again.status_code, again["Location"]) == (202, first["Location"])
    other = api.post("/api/scorings", make_body("ada@2", prompt="A hare"), headers=headers)
    assert other.status_code == 409


@pytest.mark.parametrize("critic", ["nobody", "ada@7", "ada@", "ada@99999999999999999999", "ada@²"])
def test_a_script_that_names_no_critic_learns_how_to(api: Client, critic: str) -> None:
    make_critic()
    answer = api.post("/api/scorings", make_body(critic))
    assert (answer.status_code, list(answer.json())) == (400, ["critic"])


def test_a_script_must_name_the_host_that_gets_the_clip(api: Client) -> None:
    make_endpoint()
    refused = api.post("/api/scorings", make_body("remote"))
    assert (refused.status_code, list(refused.json())) == (400, ["consents_to"])
    assert api.post("/api/scorings", make_body("remote", consents_to="models.example")).status_code == 202


def test_a_failed_scoring_can_be_tried_again_and_deleted(page: Client) -> None:
    critic: Critic = make_critic()
    page.post(reverse("score"), make_body(critic.pk, video=SimpleUploadedFile("a.mp4", b"text")))
    one = run_newest_job()
    shown = page.get(reverse("scoring", args=[one.pk])).content.decode()
    assert "There is no answer." in shown
    page.post(reverse("scoring-retry", args=[one.pk]))
    assert Scoring.objects.get().job_id != one.job_id
    page.post(reverse("scoring-delete", args=[one.pk]))
    assert not Scoring.objects.exists()
    assert page.get(reverse("scoring", args=[one.pk])).status_code == 404


def test_an_answer_without_any_axis_says_so(page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring_work, "choose_proposer", Answering(ClipAnswer(Proposal())))
    page.post(reverse("score"), make_body(make_critic().pk))
    one = run_newest_job()
    shown = page.get(reverse("scoring", args=[one.pk])).content.decode()
    assert "nothing to propose" in shown
    assert shown.count("not proposed") == 3
