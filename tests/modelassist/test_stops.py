"""Drafting stops by itself where drafts pull the ratings or are worse than a constant, and only then."""

from collections.abc import Callable

import numpy as np
import pytest

from accounts.models import AuditEntry, User
from annotation.agreement.answers import CountedAnswers, CountedRatings
from annotation.models import Campaign, Draft
from modelassist.models import Activation, Critic, DraftingStop, Prediction, PredictionSet
from modelassist.reads import paired
from modelassist.services import builtin, stops
from modelassist.services.critics import activate
from qsave.axes import AXES, Axis
from tests.annotation import factories

pytestmark = pytest.mark.django_db

CLIPS, RATERS = 24, 6
Scoring = Callable[[int, int], int]
"""(number of the clip, number of the rater) -> score"""


@pytest.fixture
def critic() -> Critic:
    return builtin.register_detectors()


@pytest.fixture
def activation(engineer: User, critic: Critic) -> Activation:
    campaign = factories.make_campaign(actor=engineer)
    return activate(actor=engineer, critic=critic, campaign=campaign)


def rate(
    monkeypatch: pytest.MonkeyPatch,
    activation: Activation,
    *,
    drafted: Callable[[int], float],
    blind: Scoring,
    assisted: Scoring,
) -> None:
    """Draft CLIPS clips on the visual axis, and let half of the raters rate blind and half with the draft."""
    items, rows = [], []
    for number in range(CLIPS):
        item = factories.make_item(activation.campaign, factories.make_clip(f"clip{number}"))
        proposal = {"visual": {"score": drafted(number), "evidence": [], "reason": ""}}
        draft = Draft.objects.create(item=item, critic=str(activation.critic), proposal=proposal)
        items.append(item.pk)
        for rater in range(RATERS):
            is_blind = rater % 2 == number % 2
            score = (blind if is_blind else assisted)(number, rater)
            rows.append((item.pk, rater, 0 if is_blind else draft.pk, not is_blind, score))
    answers = make_answers(rows)
    alone = answers.ratings.is_blind
    means = {item: float(answers.score[alone & (answers.item == item)].mean()) for item in items}
    groups = {item: str(number // 2) for number, item in enumerate(items)}
    monkeypatch.setattr(stops, "read_unscreened_answers", lambda campaign: answers)
    monkeypatch.setattr(
        paired, "read_blind_scores", lambda campaign: {axis: means if axis == Axis.VISUAL else {} for axis in AXES}
    )
    monkeypatch.setattr(paired, "read_groups", lambda campaign: groups)


def make_answers(rows: list[tuple[int, int, int, bool, int]]) -> CountedAnswers:
    """Return visual answers from (item, rater, draft, assisted, score)."""
    items, raters, drafts, assisted, scores = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    keys, none = np.arange(len(rows)), np.zeros(len(rows), dtype=np.bool_)
    ratings = CountedRatings(keys, items, raters, drafts, assisted > 0, assisted == 0)
    return CountedAnswers(ratings, keys, np.zeros_like(keys), scores, none, none, np.full_like(keys, -1))


def true_score(number: int, rater: int) -> int:
    """Scores from 1 to 5 that differ by a level between raters."""
    return min(5, max(1, 1 + number % 5 + (rater + number // 5) % 3 - 1))


def draft_well(number: int) -> float:
    return 1 + number % 5


def test_without_drafts_or_ratings_nothing_stops(activation: Activation) -> None:
    assert stops.apply_stop_rules(activation) is None


def test_drafts_that_follow_the_ratings_and_pull_nobody_go_on(
    monkeypatch: pytest.MonkeyPatch, activation: Activation
) -> None:
    rate(monkeypatch, activation, drafted=draft_well, blind=true_score, assisted=true_score)
    assert stops.apply_stop_rules(activation) is None


def test_drafts_that_pull_the_ratings_stop_once_and_a_reason_overrules_it(
    engineer: User, monkeypatch: pytest.MonkeyPatch, activation: Activation
) -> None:
    rate(
        monkeypatch,
        activation,
        drafted=lambda number: 5 - number % 5,
        blind=lambda number, rater: 3,
        assisted=lambda number, rater: 5 - (number + rater // 5) % 5,
    )
    stop = stops.apply_stop_rules(activation)
    assert stop is not None
    assert stop.rule == DraftingStop.Rule.ANCHORING
    assert stop.reason.startswith("Visual: assisted ratings are nearer to the draft than blind ones by ")
    assert "this campaign allows 0.50 (24 clips)" in stop.reason
    assert stops.apply_stop_rules(activation) == stop
    assert AuditEntry.objects.get(action="drafting.stopped").data["critic"] == str(builtin.register_detectors())
    assert stops.resume(actor=engineer, campaign=activation.campaign, reason="A test of drafts.")
    second = stops.apply_stop_rules(activation)
    assert second is None or second.rule == DraftingStop.Rule.CONSTANT


def test_a_higher_bound_lets_the_same_drafts_go_on(
    engineer: User, monkeypatch: pytest.MonkeyPatch, activation: Activation
) -> None:
    stops.set_anchoring_bound(actor=engineer, campaign=activation.campaign, bound=4.0)
    rate(
        monkeypatch,
        activation,
        drafted=draft_well,
        blind=true_score,
        assisted=lambda number, rater: 1 + number % 5,
    )
    assert stops.apply_stop_rules(activation) is None


def test_drafts_worse_than_the_constant_stop(
    engineer: User, monkeypatch: pytest.MonkeyPatch, activation: Activation
) -> None:
    rate(
        monkeypatch,
        activation,
        drafted=lambda number: 5 - number % 5,
        blind=true_score,
        assisted=true_score,
    )
    stop = stops.apply_stop_rules(activation)
    assert stop is not None
    assert stop.rule == DraftingStop.Rule.CONSTANT
    assert "worse than the constant" in stop.reason
    assert "24 clips of 12 prompts" in stop.reason
    assert stops.resume(actor=engineer, campaign=activation.campaign, reason="It is being tuned.")
    assert stops.apply_stop_rules(activation) is None
    activate(actor=engineer, critic=activation.critic, campaign=activation.campaign)
    assert stops.apply_stop_rules(activation) is not None


def test_a_comparison_without_figures_says_what_is_missing(
    engineer: User, monkeypatch: pytest.MonkeyPatch, activation: Activation
) -> None:
    rate(monkeypatch, activation, drafted=draft_well, blind=true_score, assisted=true_score)
    campaign: Campaign = activation.campaign
    other = Critic.objects.create(name="bob", version=1, kind="detectors", origin="built-in")
    lines = {line.axis: line for line in paired.compare_critics(campaign, activation.critic, other)}
    assert set(lines) == set(AXES)
    assert lines[Axis.VISUAL].missing.endswith(" has scored no clip on this axis.")
    assert lines[Axis.DYNAMIC].missing == "No clip has a blind rating on this axis."
    predictions = PredictionSet.objects.create(campaign=campaign, critic=other, created_by=engineer)
    for item in campaign.items.all():
        proposal = {"visual": {"score": 3.0, "evidence": [], "reason": ""}}
        Prediction.objects.create(prediction_set=predictions, item=item, clip_version=1, proposal=proposal)
    gain = next(iter(paired.compare_critics(campaign, activation.critic, other))).gain
    assert gain is not None
    assert gain.counts.clips == CLIPS
    assert isinstance(gain.rmse.value, float)
    assert gain.rmse.value > 0.5
