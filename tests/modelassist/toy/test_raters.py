from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelassist.toy.raters import SimulatedRater, make_rater
from modelassist.toy.world import make_spec
from qsave.axes import AXES, Axis
from qsave.grammar import parse, render
from qsave.report_card import ReportCard

SPECS = [make_spec(5, index) for index in range(240)]


def rated(rater: SimulatedRater) -> list[ReportCard]:
    return [rater.rate(spec, rater.make_rng(spec)) for spec in SPECS]


def scores(rater: SimulatedRater, axis: Axis) -> list[float]:
    return [card.axis(axis).score for card in rated(rater)]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 10**5))
def test_a_card_is_one_that_a_person_could_have_submitted(seed: int, index: int) -> None:
    rater, spec = make_rater(seed), make_spec(seed, index)
    card = rater.rate(spec, rater.make_rng(spec))
    assert parse(render(card)) == card
    for axis in AXES:
        report = card.axis(axis)
        assert report.score in (1, 2, 3, 4, 5)
        assert len(report.reason) >= 20
        assert set(report.defects) <= {fault.defect for fault in spec.faults if fault.axis is axis}
        for piece in report.evidence:
            assert piece.time is None or piece.time.start < piece.time.end <= spec.duration


def test_a_reason_names_the_defects_and_says_when() -> None:
    for card in rated(make_rater(0)):
        for axis in AXES:
            for piece in card.axis(axis).evidence:
                words = card.axis(axis).reason.lower()
                assert any(part in words for part in (piece.defect, piece.defect.replace("-", " ")))
                if piece.time:
                    assert f"{piece.time.start:g} to {piece.time.end:g} s" in words


def test_the_same_rater_and_clip_give_the_same_card_and_another_attempt_another() -> None:
    rater = make_rater(1)
    assert rated(rater) == rated(make_rater(1))
    reasons = {rater.rate(SPECS[0], rater.make_rng(SPECS[0], attempt)).visual.reason for attempt in range(12)}
    assert len(reasons) > 1


@pytest.mark.parametrize("axis", AXES)
def test_raters_follow_the_true_quality(axis: Axis) -> None:
    truth = [spec.compute_quality(axis) for spec in SPECS]
    for seed in range(3):
        assert np.corrcoef(truth, scores(make_rater(seed), axis))[0, 1] > 0.8


def test_bias_noise_and_taste_do_what_they_say() -> None:
    exact = SimulatedRater(seed=1, noise=0.0)
    assert scores(exact, Axis.VISUAL) == [float(np.rint(spec.compute_quality(Axis.VISUAL))) for spec in SPECS]
    harsh = replace(exact, bias={Axis.VISUAL: -1.0})
    assert np.mean(scores(harsh, Axis.VISUAL)) < np.mean(scores(exact, Axis.VISUAL)) - 0.7
    assert scores(harsh, Axis.DYNAMIC) == scores(exact, Axis.DYNAMIC)
    noisy = replace(exact, noise=1.0)
    assert np.std(np.subtract(scores(noisy, Axis.VISUAL), scores(exact, Axis.VISUAL))) > 0.5
    fond = replace(exact, taste={"noise": 0.0})
    for spec, card, plain in zip(SPECS, rated(fond), rated(exact), strict=True):
        if spec.find_fault("noise"):
            assert card.visual.score >= plain.visual.score


def test_low_scores_have_a_reason_and_excellent_ones_no_defect() -> None:
    for spec, card in zip(SPECS, rated(make_rater(2)), strict=True):
        for axis in AXES:
            report = card.axis(axis)
            faulty = any(fault.axis is axis for fault in spec.faults)
            assert not (report.score == 5 and report.evidence)
            assert not (report.score < 4 and faulty and not report.evidence)


def test_strong_faults_are_noticed_more_often_than_weak_ones() -> None:
    seen: dict[bool, list[bool]] = {True: [], False: []}
    for spec, card in zip(SPECS, rated(make_rater(3)), strict=True):
        for fault in spec.faults:
            seen[fault.strength > 0.6].append(fault.defect in card.axis(fault.axis).defects)
    assert np.mean(seen[True]) > 0.85 > np.mean(seen[False])


def test_raters_differ() -> None:
    raters = [make_rater(seed) for seed in range(6)]
    assert len({tuple(rater.bias.values()) for rater in raters}) == 6
    assert len({tuple(scores(rater, Axis.VISUAL)) for rater in raters}) == 6


def test_what_is_seen_is_held_against_what_was_asked_word_by_word() -> None:
    for spec, card in zip(SPECS, rated(make_rater(4)), strict=True):
        comparison = card.alignment.reason.split("Asked and seen: ")[1].split(". ")[0]
        *pairs, besides = comparison.split("; ")
        wrong = {fault.defect for fault in spec.faults if fault.axis is Axis.ALIGNMENT}
        for pair in pairs:
            *words, verdict = pair.split()
            half = len(words) // 2
            assert (words[:half] == words[half:]) == (verdict == "same")
            assert words[0] in spec.prompt.lower()
        differs = any(pair.endswith("other") for pair in pairs) or besides != "nothing besides"
        assert differs == bool(wrong)
