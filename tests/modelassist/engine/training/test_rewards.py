"""Rewards: cases known by hand, and what holds of any of them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelassist.engine.settings.config import RewardConfig
from modelassist.engine.training.rewards import (
    compute_accuracy_reward,
    compute_length_reward,
    compute_rank_rewards,
    compute_reward_terms,
)
from qsave.axes import AXES, Axis, round_to_level
from qsave.release.rows import Target
from qsave.report_card import AxisReport, Evidence, ReportCard, TimeRange

REWARDS = RewardConfig()
levels = st.integers(1, 5)
scores = st.floats(1, 5)


def card(*levels_of_axes: int, evidence: tuple[Evidence, ...] = ()) -> ReportCard:
    visual, dynamic, alignment = (AxisReport(level, evidence) for level in levels_of_axes)
    return ReportCard(visual, dynamic, alignment)


def targets(mos: float, se: float = 0.2, evidence: tuple[Evidence, ...] = ()) -> dict[Axis, Target]:
    defects = tuple(piece.defect for piece in evidence)
    return {axis: Target(mos, se, 3, round_to_level(mos), defects, evidence) for axis in AXES}


def timed(defect: str, start: float, end: float) -> Evidence:
    return Evidence(defect, TimeRange(start, end))


@given(scores, levels, levels)
def test_accuracy_never_rises_with_distance(mos: float, one: int, other: int) -> None:
    near, far = sorted((one, other), key=lambda level: abs(level - mos))
    assert 1 >= compute_accuracy_reward(card(near, near, near), targets(mos), 0.5) >= compute_accuracy_reward(
        card(far, far, far), targets(mos), 0.5
    ) >= 0  # fmt: skip


def test_accuracy_is_a_gaussian_as_wide_as_the_standard_error() -> None:
    assert compute_accuracy_reward(card(4, 4, 4), targets(3.0, se=1.0), 0.5) == pytest.approx(0.606531, abs=1e-6)
    assert compute_accuracy_reward(card(4, 4, 4), targets(3.0, se=0.1), 0.5) == pytest.approx(0.135335, abs=1e-6)


def test_the_order_of_the_mos_is_rewarded() -> None:
    meant = [targets(1.5), targets(4.5)]
    right = compute_rank_rewards([[card(1, 1, 1)] * 2, [card(5, 5, 5)] * 2], meant)
    wrong = compute_rank_rewards([[card(5, 5, 5)] * 2, [card(1, 1, 1)] * 2], meant)
    assert min(map(min, right)) > 0.99
    assert max(map(max, wrong)) < 0.01


def test_one_clip_alone_has_no_order() -> None:
    assert compute_rank_rewards([[card(1, 1, 1), None]], [targets(3.0)]) == [[0.0, 0.0]]


@given(st.integers(0, 300))
def test_the_length_reward_falls_linearly(length: int) -> None:
    value = compute_length_reward(length, 100, 200)
    assert value == pytest.approx(1.0 if length <= 100 else max(0.0, 2 - length / 100))


def test_defects_are_not_penalised_where_people_described_none() -> None:
    unknown = {axis: replace(target, described=False) for axis, target in targets(2).items()}
    cards = [[card(2, 2, 2), card(2, 2, 2, evidence=(Evidence("blur"),))]]
    ((silent, named),) = compute_reward_terms(cards, [[9, 9]], [unknown], REWARDS, 99)
    assert silent.defects == named.defects == 1.0
    ((silent, named),) = compute_reward_terms(cards, [[9, 9]], [targets(2)], REWARDS, 99)
    assert silent.defects > named.defects


def test_a_sample_that_does_not_parse_has_no_reward() -> None:
    terms = compute_reward_terms([[None, card(3, 3, 3)]], [[50, 50]], [targets(3.0)], REWARDS, 160)
    assert terms[0][0].compute_total(REWARDS) == 0
    assert terms[0][1].compute_total(REWARDS) > 1


@given(levels, levels, levels, scores)
def test_every_term_is_between_0_and_1(one: int, two: int, three: int, mos: float) -> None:
    group = [card(one, two, three, evidence=(timed("blur", 0, 1),)), card(three, one, two)]
    meant = [targets(mos, evidence=(timed("blur", 0.5, 1),)), targets(6 - mos)]
    for terms in compute_reward_terms([group, group[::-1]], [[10, 300]] * 2, meant, REWARDS, 160):
        for term in terms:
            assert all(0 <= getattr(term, name) <= 1 + 1e-9 for name in term.__slots__)
