"""A critic predicts a campaign: all splits, apart from drafts, resumed after a stop, measured against blind ratings."""

import csv
from io import BytesIO, StringIO

import pyarrow.parquet as pq
import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role, User
from annotation.agreement.reviews import review
from annotation.models import Campaign, Draft, Item
from modelassist.kinds.base import ClipAnswer, ClipQuestion, CriticUnavailable
from modelassist.models import Critic, Prediction, PredictionSet
from modelassist.reads.predictions import COLUMNS, read_figures, read_rows
from modelassist.services import predicting, predicting_work
from modelassist.services.critics import ConsentMissing
from operations import jobs
from operations.models import Job, JobState
from qsave.axes import Axis
from qsave.proposal import AxisProposal, Proposal
from qsave.report_card import AxisReport, Evidence, ReportCard, TimeRange
from qsave.run.encoding import decode_figure
from tests.annotation.factories import make_user
from tests.datasets.world import rated_campaign
from tests.modelassist.fake_critics import Answering, make_critic, make_endpoint

pytestmark = pytest.mark.django_db
CLIPS = 8


@pytest.fixture
def lead() -> User:
    return make_user("lena", role=Role.LEAD)


@pytest.fixture
def campaign(db: None) -> Campaign:
    return rated_campaign(4, 2, 2, raters=2, name="spring", title="Spring", overlap=2, assisted_share=0.0)


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Answering:
    fake = Answering()
    monkeypatch.setattr(predicting_work, "make_proposer", fake)
    return fake


def request(lead: User, campaign: Campaign, critic: Critic | None = None, **values: object) -> PredictionSet:
    chosen = critic or make_critic()
    return predicting.request_predictions(actor=lead, campaign=campaign, critic=chosen, **values)  # type: ignore[arg-type]


def do_next_job() -> Job:
    job = jobs.run(Job.objects.filter(kind=predicting.PREDICT_CLIPS, state=JobState.QUEUED).latest("created_at").pk)
    assert job is not None
    return job


def read(row: PredictionSet) -> PredictionSet:
    return PredictionSet.objects.select_related("job", "critic", "campaign").get(pk=row.pk)


def test_all_splits_are_predicted_and_nothing_becomes_a_draft(
    lead: User, campaign: Campaign, answering: Answering
) -> None:
    row = request(lead, campaign)
    do_next_job()
    assert (read(row).state, read(row).clips) == ("done", CLIPS)
    predicted = Prediction.objects.filter(prediction_set=row)
    assert set(predicted.values_list("item__clip__prompt_group__split", flat=True)) == {"train", "val", "test"}
    assert not Draft.objects.exists()


def test_figures_are_those_of_the_axes_with_scores(lead: User, campaign: Campaign, answering: Answering) -> None:
    row = request(lead, campaign)
    do_next_job()
    visual, dynamic, alignment = read_figures(read(row))
    assert (visual.axis, visual.proposed, visual.scored, visual.clips) == (Axis.VISUAL, CLIPS, CLIPS, CLIPS)
    assert visual.defects == [("blur", CLIPS)]
    assert visual.plot is not None
    assert (dynamic.proposed, dynamic.scored, dynamic.clean, dynamic.plot) == (CLIPS, 0, CLIPS, None)
    assert (alignment.proposed, alignment.plot) == (0, None)


def test_one_bad_clip_fails_alone_and_is_asked_again_on_resume(
    lead: User, campaign: Campaign, answering: Answering
) -> None:
    good, bad = answering.answer, ClipAnswer(error="This clip cannot be decoded.")
    prompt = Item.objects.filter(campaign=campaign).earliest("pk").clip.prompt

    def answer(question: ClipQuestion) -> ClipAnswer:
        assert isinstance(good, ClipAnswer)
        return bad if question.prompt == prompt else good

    answering.answer = answer
    row = request(lead, campaign)
    do_next_job()
    failed = Prediction.objects.exclude(error="").count()
    assert 1 <= failed < CLIPS
    answering.answer, asked = good, len(answering.questions)
    assert predicting.resume(actor=lead, prediction_set=row)
    do_next_job()
    assert len(answering.questions) == asked + failed
    assert not Prediction.objects.exclude(error="").exists()


def test_a_critic_that_stops_answering_fails_the_job_and_resume_goes_on_where_it_stopped(
    lead: User, campaign: Campaign, answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predicting_work, "BATCH", 3)
    good = answering.answer

    def answer(question: ClipQuestion) -> ClipAnswer:
        if answering.rounds > 1:
            raise CriticUnavailable("The server is down.")
        assert isinstance(good, ClipAnswer)
        return good

    answering.answer = answer
    row = request(lead, campaign)
    assert (do_next_job().error, read(row).state) == ("The server is down.", "failed")
    assert Prediction.objects.count() == 3
    answering.answer = good
    predicting.resume(actor=lead, prediction_set=row)
    do_next_job()
    assert (read(row).state, Prediction.objects.count()) == ("done", CLIPS)


def test_a_long_set_is_cut_into_jobs_and_a_cancelled_one_asks_no_more(
    lead: User, campaign: Campaign, answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predicting_work, "SECONDS_A_JOB", 0)
    row = request(lead, campaign)
    first = do_next_job()
    assert (first.state, read(row).state) == (JobState.DONE, "queued")
    assert predicting.cancel(actor=lead, prediction_set=row)
    assert read(row).state == "cancelled"
    assert not Job.objects.filter(state=JobState.QUEUED).exists()
    predicting.continue_later(read(row), lead)
    assert not Job.objects.filter(state=JobState.QUEUED).exists()
    assert not predicting.cancel(actor=lead, prediction_set=row)


def test_only_rated_clips_are_asked_about_on_request(lead: User, campaign: Campaign, answering: Answering) -> None:
    critic = make_critic()
    assert request(lead, campaign, critic, only_rated=True).clips == CLIPS
    empty = Campaign.objects.create(
        name="empty", title="Empty", salt="s", created_by=lead, taxonomy=campaign.taxonomy, overlap=1
    )
    with pytest.raises(predicting.NothingToPredict):
        request(lead, empty, critic)


def test_an_endpoint_needs_the_consent_of_the_campaign(lead: User, campaign: Campaign, answering: Answering) -> None:
    remote = make_endpoint()
    with pytest.raises(ConsentMissing, match=r"models\.example"):
        request(lead, campaign, remote)
    assert request(lead, campaign, remote, consents_to="models.example").clips == CLIPS


def test_files_have_a_row_for_each_clip_and_are_safe_for_spreadsheets(
    lead: User, campaign: Campaign, answering: Answering
) -> None:
    evil = AxisProposal((Evidence("blur", TimeRange(0.1, 0.4)),), '=HYPERLINK("x")', 3.25)
    answering.answer = ClipAnswer(Proposal(visual=evil, dynamic=AxisProposal(())))
    row = request(lead, campaign)
    do_next_job()
    client = Client()
    client.force_login(lead)
    answer = client.get(reverse("prediction-file", args=["spring", row.pk, "csv"]))
    lines = list(csv.DictReader(StringIO(answer.getvalue().decode("utf-8-sig"))))
    assert len(lines) == CLIPS
    assert lines[0]["visual_reason"] == '\'=HYPERLINK("x")'
    assert (lines[0]["visual_score"], lines[0]["visual_defects"]) == ("3.2500", "blur 0.10-0.40 s")
    assert (lines[0]["dynamic_defects"], lines[0]["alignment_defects"], lines[0]["dynamic_score"]) == ("none", "", "")
    assert float(lines[0]["visual_blind_mos"]) >= 1
    answer = client.get(reverse("prediction-file", args=["spring", row.pk, "parquet"]))
    table = pq.read_table(BytesIO(answer.getvalue()))
    assert (table.column_names, table.num_rows) == (list(COLUMNS), CLIPS)
    assert table["visual_score"][0].as_py() == 3.25
    assert table["alignment_score"][0].as_py() is None


def test_the_pages_show_progress_figures_and_what_to_do(lead: User, campaign: Campaign, answering: Answering) -> None:
    client = Client()
    client.force_login(lead)
    page = reverse("predictions", args=["spring"])
    critic, remote = make_critic(), make_endpoint()
    asked = client.post(page, {"critic": remote.pk, "clips": "all"}).content.decode()
    assert "models.example" in asked
    assert "Agree and predict this campaign" in asked
    sent = client.post(page, {"critic": critic.pk, "clips": "all"})
    assert "Cancel predictions" in client.get(sent["Location"]).content.decode()
    do_next_job()
    done = client.get(sent["Location"]).content.decode()
    for words in (
        "Against blind ratings",
        "plot-visual",
        "This critic proposes nothing on this axis",
        "never measured",
    ):
        assert words in done
    assert "plot-dynamic" not in done
    assert "8 of 8 clips answered" in " ".join(client.get(page).content.decode().split())
    row = PredictionSet.objects.get()
    client.post(reverse("prediction-resume", args=["spring", row.pk]))
    client.post(reverse("prediction-cancel", args=["spring", row.pk]))
    assert read(row).state == "cancelled"
    client.post(reverse("prediction-delete", args=["spring", row.pk]))
    assert not PredictionSet.objects.exists()


def test_a_script_predicts_a_campaign_and_gets_the_numbers_of_the_page(
    lead: User, campaign: Campaign, answering: Answering
) -> None:
    client = Client()
    client.force_login(lead)
    make_critic()
    address, body = "/api/campaigns/spring/predictions", {"critic": "ada", "clips": "rated"}
    headers = {"Idempotency-Key": "spring-1"}
    first = client.post(address, body, "application/json", headers=headers)
    assert (first.status_code, first.json()["state"], first.json()["figures"]) == (202, "queued", None)
    again = client.post(address, body, "application/json", headers=headers)
    assert (again["Location"], PredictionSet.objects.count()) == (first["Location"], 1)
    other = client.post(address, body | {"clips": "all"}, "application/json", headers=headers)
    assert (other.status_code, other.json()["detail"][:8]) == (409, "The key ")
    do_next_job()
    polled = client.get(first["Location"]).json()
    shown = read_figures(PredictionSet.objects.select_related("campaign").get())
    assert (polled["state"], polled["clips"], polled["answered"], polled["failed"]) == ("done", CLIPS, CLIPS, 0)
    for one in shown:
        figures = polled["figures"][one.axis]
        assert (figures["proposed"], figures["clips"]) == (one.proposed, one.clips)
        assert decode_figure(figures.get("srcc")) == one.srcc
    assert client.get(address).json()[0]["id"] == polled["id"]
    assert client.get(polled["files"]["csv"]).getvalue().decode().count("\n") == CLIPS + 1
    assert client.post(f"{first['Location']}/cancel").status_code == 409
    assert client.post(f"{first['Location']}/resume").status_code == 202
    assert client.post(f"{first['Location']}/cancel").json()["state"] == "cancelled"
    assert client.delete(first["Location"]).status_code == 204
    assert client.get(first["Location"]).status_code == 404


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"critic": "nobody"}, "critic", "There is no critic"),
        ({"critic": "remote"}, "consents_to", "To agree, send the name of the host"),
        ({"critic": "remote", "clips": "most"}, "clips", "not a valid choice"),
        ({"critic": "remote", "is_direct": "true"}, "is_direct", "Only a local model"),
    ],
)
def test_what_a_script_cannot_predict_says_why(
    lead: User, campaign: Campaign, body: dict[str, str], field: str, words: str
) -> None:
    client = Client()
    client.force_login(lead)
    make_endpoint()
    answer = client.post("/api/campaigns/spring/predictions", body, "application/json")
    assert answer.status_code == 400
    assert words in answer.json()[field][0]
    assert not PredictionSet.objects.exists()


def test_a_clips_page_shows_the_newest_predictions_and_hides_them_before_a_lead_decides(
    lead: User, campaign: Campaign, answering: Answering
) -> None:
    request(lead, campaign)
    do_next_job()
    request(lead, campaign, make_critic("ada", 2))
    do_next_job()
    client = Client()
    client.force_login(lead)
    items = {item.clip.prompt_group.split: item for item in campaign.items.all()}

    def read_page(item: Item) -> str:
        return " ".join(client.get(reverse("campaign-item", args=["spring", item.pk])).content.decode().split())

    shown, hidden = read_page(items["train"]), read_page(items["val"])
    assert shown.count("The edge is soft.") == 2
    assert "The edge is soft." not in hidden
    assert "Predictions appear here once a lead has reviewed this clip" in hidden
    card = ReportCard(*[AxisReport(3, (), "A reason.")] * 3)
    review(actor=lead, item=items["val"], card=card, note="")
    assert read_page(items["val"]).count("The edge is soft.") == 2


def test_scores_only_are_asked_of_a_local_model_and_say_nothing_of_defects(
    lead: User, campaign: Campaign, answering: Answering
) -> None:
    answering.answer = ClipAnswer(Proposal(visual=AxisProposal(score=3.5)))
    row = request(lead, campaign, is_direct=True)
    do_next_job()
    assert {question.is_direct for question in answering.questions} == {True}
    first = next(read_rows(read(row)))
    assert (first["visual_score"], first["visual_defects"]) == (3.5, None)
    figures = read(row).figures["visual"]
    assert (figures["clean"], figures["silent"]) == (0, figures["proposed"])
    with pytest.raises(predicting.CannotAnswerDirectly, match="Only a local model"):
        request(lead, campaign, make_endpoint(), is_direct=True)


def test_the_page_asks_for_scores_only(client: Client, lead: User, campaign: Campaign) -> None:
    client.force_login(lead)
    page = reverse("predictions", args=[campaign.name])
    choice = {"clips": "all", "answers": "direct"}
    refused = client.post(
        page, choice | {"critic": make_critic("measuring", kind="detectors", model="", origin="built-in").pk}
    )
    assert "Only a local model gives scores without reasons." in refused.content.decode()
    client.post(page, choice | {"critic": make_critic().pk})
    assert PredictionSet.objects.get().is_direct
