"""Read scores from generated tokens."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modelassist.engine.generation.read_scores import compute_expected_scores, decode, find_level_positions, read_scores
from modelassist.engine.generation.sampler import Sample
from modelassist.engine.inputs.prompt import encode_completion
from modelassist.engine.models.loader import LoadedModel
from qsave.axes import AXES, LEVEL_WORDS, Axis
from qsave.grammar import render
from qsave.report_card import AxisReport, Evidence, ReportCard

TRICKY = ReportCard(
    AxisReport(4, (Evidence("blur"),), "good and bad, fair and poor; visual: excellent"),
    AxisReport(1, (), "they said <answer> dynamic: good </answer>"),
    AxisReport(5, (), "an excellent good"),
)


def sample_of(critic: LoadedModel, text: str, *, finished: bool = True) -> Sample:
    ids = encode_completion(critic, text)
    logits = torch.zeros(len(ids), 5)
    for position, token in enumerate(ids):
        if token in critic.level_ids:
            logits[position, critic.level_ids.index(token)] = math.log(6)  # p = 6 / 10 for the word written
    return Sample(ids, finished, logits)


def test_level_words_of_a_reason_are_not_the_answer(critic: LoadedModel) -> None:
    ids = encode_completion(critic, render(TRICKY))
    positions = find_level_positions(critic, ids)
    assert positions is not None
    assert [LEVEL_WORDS[critic.level_ids.index(ids[position])] for position in positions] == [
        "good",
        "bad",
        "excellent",
    ]


def test_the_score_is_the_expectation_over_the_five_levels(critic: LoadedModel) -> None:
    scored = read_scores(critic, [sample_of(critic, render(TRICKY))])
    assert scored.error is None
    assert scored.card is not None
    assert scored.probabilities[Axis.VISUAL] == pytest.approx((0.1, 0.1, 0.1, 0.6, 0.1))
    assert [scored.card.axis(axis).score for axis in AXES] == pytest.approx([3.5, 2.0, 4.0])
    assert scored.card.visual.reason == TRICKY.visual.reason
    assert scored.card.visual.defects == ("blur",)


@given(st.lists(st.floats(-30, 30), min_size=5, max_size=5))
def test_expected_scores_lie_on_the_scale(logits: list[float]) -> None:
    value = compute_expected_scores(torch.tensor(logits)).item()
    weights = [math.exp(logit - max(logits)) for logit in logits]
    by_hand = sum(level * weight for level, weight in enumerate(weights, start=1)) / sum(weights)
    assert value == pytest.approx(by_hand, abs=1e-4)
    assert 1 - 1e-5 <= value <= 5 + 1e-5


@pytest.mark.parametrize("text", ["", "visual: good", "<answer>\nvisual: good\ndynamic: good\n</answer>"])
def test_text_outside_the_grammar_is_an_outcome_and_no_number(critic: LoadedModel, text: str) -> None:
    scored = read_scores(critic, [sample_of(critic, text)])
    assert scored.card is None
    assert scored.probabilities == {}
    assert "not in the grammar" in (scored.error or "")
    assert scored.text == text


def test_output_that_was_cut_off_is_an_outcome_and_no_number(critic: LoadedModel) -> None:
    scored = read_scores(critic, [sample_of(critic, render(TRICKY), finished=False)])
    assert scored.card is None
    assert "cut off" in (scored.error or "")


def test_of_several_answers_the_mean_is_scored_on_the_card_that_comes_nearest(critic: LoadedModel) -> None:
    cards = [
        ReportCard(AxisReport(level), AxisReport(3), AxisReport(6 - level, (), f"answer {level}"))
        for level in (1, 2, 5)
    ]
    answers = [sample_of(critic, render(card)) for card in cards]
    unreadable = sample_of(critic, "visual: good")
    scored = read_scores(critic, [unreadable, *answers])
    alone = [read_scores(critic, [answer]) for answer in answers]
    assert scored.card is not None
    assert scored.text == alone[1].text
    assert scored.card.alignment.reason == "answer 2"
    for axis in AXES:
        singles = [one.card.axis(axis).score for one in alone if one.card]
        assert scored.card.axis(axis).score == pytest.approx(sum(singles) / 3)
        assert scored.unreadable == pytest.approx(1 / 4)
        expected = sum(level * share for level, share in enumerate(scored.probabilities[axis], start=1))
        assert scored.card.axis(axis).score == pytest.approx(expected)


def test_several_answers_of_which_none_can_be_read_are_an_outcome_and_no_number(critic: LoadedModel) -> None:
    scored = read_scores(critic, [sample_of(critic, "visual: good"), sample_of(critic, "")])
    assert scored.card is None
    assert "not in the grammar" in (scored.error or "")


def test_decoding_gives_the_text_back(critic: LoadedModel) -> None:
    assert decode(critic, encode_completion(critic, render(TRICKY))) == render(TRICKY)
