"""The detectors fitted to the ratings of a campaign become a critic with scores, once for the same ratings."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import AuditEntry, Role, User
from annotation.models import Campaign, Clip, Item, Split
from modelassist.engine.evaluation import detector_scores, intervals
from modelassist.engine.evaluation.fit_process import NO_SCORES_ON_ALIGNMENT, fit_request
from modelassist.kinds.base import ClipQuestion
from modelassist.models import Critic, DetectorFit
from modelassist.reads.evaluation import arrange_splits, read_headline
from modelassist.reads.paired import read_blind_scores, read_critic_scores
from modelassist.services import fitting
from modelassist.services.builtin import register_detectors
from modelassist.services.proposers import choose_proposer
from operations import jobs
from operations.jobs import JobError
from operations.models import Job, JobState
from qsave.axes import Axis
from qsave.detectors.features import FEATURES
from qsave.run.evaluation import Evaluation
from qsave.taxonomy import DEFAULT_TAXONOMY
from tests.annotation.factories import make_user, make_video
from tests.datasets.world import rated_campaign, spread_scores

TRAIN = 14
LEAST = 12
TOLD = 4


@pytest.fixture(scope="module")
def campaign_key(module_db: None) -> int:
    return rated_campaign(TRAIN, 2, 2, raters=2, name="spring", title="Spring").pk


@pytest.fixture
def campaign(db: None, campaign_key: int) -> Campaign:
    return Campaign.objects.get(pk=campaign_key)


@pytest.fixture
def lead(db: None) -> User:
    return make_user("lena", role=Role.LEAD)


@pytest.fixture(autouse=True)
def small_world(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Few clips are enough, one of their readings tells the visual scores, and the fit runs in this process."""
    monkeypatch.setattr(detector_scores, "LEAST_CLIPS", LEAST)
    monkeypatch.setattr(fitting, "LEAST_CLIPS", LEAST)
    for module in (detector_scores, intervals):
        monkeypatch.setattr(module, "RESAMPLES", 50)
    monkeypatch.setattr(fitting, "read_features", read_made_features)
    monkeypatch.setattr(fitting, "run_fit", fit_here)
    settings.DEFAULT_CRITIC = "detectors"


def read_made_features(clip: Clip) -> list[float]:
    """Return readings of which one is the visual score; a clip is told by its name, so each is its own."""
    features = [0.0] * len(FEATURES)
    features[TOLD] = float(np.mean([spread_scores(clip, rater)[Axis.VISUAL] for rater in (0, 1)]))
    return features


def fit_here(request: Mapping[str, Any]) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(json.dumps(fit_request(json.loads(json.dumps(request))).to_json()))
    return value


def do_fit(lead: User, campaign: Campaign) -> DetectorFit:
    job = jobs.run(fitting.request_fit(actor=lead, campaign=campaign).pk)
    assert job is not None
    assert job.state == JobState.DONE, job.error
    return DetectorFit.objects.get(campaign=campaign)


def test_an_axis_that_readings_tell_becomes_a_critic_with_its_figures(lead: User, campaign: Campaign) -> None:
    fit = do_fit(lead, campaign)
    critic = fit.critic
    assert critic is not None
    assert (str(critic), critic.kind, critic.origin) == ("detectors-spring@1", "detectors", "ratings")
    assert (critic.parent, critic.created_by) == (register_detectors(), None)
    evaluation = Evaluation.from_json(critic.evaluation)
    [table] = arrange_splits(evaluation)
    assert (table.split, table.clips, table.is_cross_validated) == ("cross-validation", TRAIN, True)
    assert isinstance(read_headline(evaluation)["visual"].value, float)
    for sentence in (fit.reasons["dynamic"], NO_SCORES_ON_ALIGNMENT, f"Fitted to {TRAIN} clips", "Better than the"):
        assert sentence in critic.card
    assert fit.reasons["dynamic"].startswith("No better than the constant")


def test_clips_of_val_and_test_have_no_part_in_it(lead: User, campaign: Campaign) -> None:
    fit = do_fit(lead, campaign)
    train = Item.objects.filter(campaign=campaign, clip__prompt_group__split=Split.TRAIN)
    assert {int(item) for item in fit.unseen["visual"]} == set(train.values_list("pk", flat=True))
    assert list(fit.unseen) == ["visual"]


def test_the_same_clips_give_the_same_version_and_others_the_next(
    lead: User, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = do_fit(lead, campaign)
    assert do_fit(lead, campaign) == first
    assert Critic.objects.filter(name="detectors-spring").count() == 1
    monkeypatch.setattr(fitting, "read_features", lambda clip: clip.clip_id != "train-00" and read_made_features(clip))
    jobs.run(fitting.request_fit(actor=lead, campaign=campaign).pk)
    versions = Critic.objects.filter(name="detectors-spring").values_list("version", flat=True)
    assert sorted(versions) == [1, 2]
    assert DetectorFit.objects.filter(campaign=campaign).count() == 2


def test_it_scores_a_clip_and_is_compared_by_scores_of_folds_that_did_not_see_it(
    lead: User, campaign: Campaign, tmp_path: Path
) -> None:
    fit = do_fit(lead, campaign)
    assert fit.critic is not None
    video = tmp_path / "clip.mp4"
    video.write_bytes(make_video())
    question = ClipQuestion(video, "A fox", DEFAULT_TAXONOMY)
    [answer] = choose_proposer(fit.critic).propose([question])
    [built_in] = choose_proposer(register_detectors()).propose([question])
    assert answer.proposal is not None
    assert built_in.proposal is not None
    assert list(answer.proposal.scores) == [Axis.VISUAL]
    assert built_in.proposal.scores == {}
    compared = read_critic_scores(campaign, fit.critic)
    assert compared[Axis.VISUAL] == {int(item): score for item, score in fit.unseen["visual"].items()}
    assert compared[Axis.DYNAMIC] == {}


def test_without_a_better_axis_there_is_no_critic_and_the_page_says_why(
    client: Client, lead: User, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "read_features", lambda clip: [0.0] * len(FEATURES))
    fit = do_fit(lead, campaign)
    assert fit.critic is None
    client.force_login(lead)
    page = client.get(reverse("drafting", args=["spring"])).content.decode()
    assert "No axis gets scores yet." in page
    assert page.count("No better than the constant") == 2
    assert "alignment gets no score" in page


def test_too_few_clips_are_a_reason_and_a_clip_that_cannot_be_measured_is_left_out(
    lead: User, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        fitting, "read_features", lambda clip: [] if clip.clip_id > "train-10" else [0.0] * len(FEATURES)
    )
    fit = do_fit(lead, campaign)
    assert (fit.clips, fit.rated, fit.critic) == (11, TRAIN, None)
    assert fit.reasons["visual"] == "There are 11 clips with ratings; scores need at least 12."


def test_the_site_fits_by_itself_from_the_bound_on_and_after_growth(
    lead: User, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "LEAST_CLIPS", TRAIN + 1)
    assert fitting.queue_fits() == 0
    monkeypatch.setattr(fitting, "LEAST_CLIPS", TRAIN)
    assert fitting.queue_fits() == 1
    assert fitting.queue_fits() == 0  # one waits
    jobs.run(Job.objects.get(kind=fitting.FIT_SCORES).pk)
    assert fitting.queue_fits() == 0
    DetectorFit.objects.update(rated=TRAIN * 0.8)
    assert fitting.queue_fits() == 1
    Job.objects.all().delete()
    Campaign.objects.update(is_simulated=True)
    assert fitting.queue_fits() == 0


def test_a_button_asks_for_a_fit_once(client: Client, lead: User, campaign: Campaign) -> None:
    client.force_login(lead)
    for _ in range(2):
        answer = client.post(reverse("drafting-fit", args=["spring"]), follow=True)
        assert "being fitted to the ratings" in answer.content.decode()
    assert Job.objects.filter(kind=fitting.FIT_SCORES).count() == 1
    assert AuditEntry.objects.filter(action="detectors.fit_requested").count() == 1


def test_blind_means_need_two_ratings(campaign: Campaign) -> None:
    clips = fitting.list_rated_clips(campaign)
    blind = read_blind_scores(campaign)
    assert [clip.mos[Axis.VISUAL] for clip in clips] == [blind[Axis.VISUAL][clip.item] for clip in clips]
    assert read_blind_scores(campaign, least=3)[Axis.VISUAL] == {}


@pytest.mark.django_db(False)
def test_the_process_of_a_fit_answers_and_its_failure_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    few = {"features": [[0.0]], "mos": [3.0], "groups": ["one"]}
    request = {"seed": 0, "simulated": True, "axes": {"visual": few, "dynamic": few}}
    assert fitting.run_fit(request) == fit_here(request)
    with pytest.raises(JobError, match=r"The regression ended with code 1: KeyError: 'axes'\. Run the job again\."):
        fitting.run_fit({"seed": 0})
