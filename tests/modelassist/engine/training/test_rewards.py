"""Rewards and advantages: answers known from outside, and what must hold of any of them."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modelassist.engine.settings.config import GrpoConfig, RewardConfig
from modelassist.engine.training.grpo import advantages, policy_loss
from modelassist.engine.training.rewards import (
    accuracy_reward,
    contradicts,
    defect_f1,
    evidence_overlap,
    length_guard,
    rank_rewards,
    reward_terms,
    time_iou,
)
from qsave.axes import AXES, Axis, level_of_mos
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
    return {axis: Target(mos, se, 3, level_of_mos(mos), defects, evidence) for axis in AXES}


def timed(defect: str, start: float, end: float) -> Evidence:
    return Evidence(defect, TimeRange(start, end))


def test_advantages_are_those_worked_out_by_hand() -> None:
    rewards = torch.tensor([[1, 0.4, 0.7, 0.7, 0.7, 1, 0.4, 1]])
    centred = advantages(rewards, "none")
    assert torch.allclose(centred, rewards - 0.7375)
    assert torch.allclose(advantages(rewards, "group"), centred / 0.250357, rtol=1e-3)


def test_a_group_without_spread_teaches_nothing() -> None:
    assert not advantages(torch.full((2, 4), 0.7), "group").any()


@given(scores, levels, levels)
def test_accuracy_never_rises_with_distance(mos: float, one: int, other: int) -> None:
    near, far = sorted((one, other), key=lambda level: abs(level - mos))
    assert 1 >= accuracy_reward(card(near, near, near), targets(mos), 0.5) >= accuracy_reward(
        card(far, far, far), targets(mos), 0.5
    ) >= 0  # fmt: skip


def test_accuracy_is_a_gaussian_as_wide_as_the_doubt() -> None:
    assert accuracy_reward(card(4, 4, 4), targets(3.0, se=1.0), 0.5) == pytest.approx(0.606531, abs=1e-6)
    assert accuracy_reward(card(4, 4, 4), targets(3.0, se=0.1), 0.5) == pytest.approx(0.135335, abs=1e-6)


def test_standing_in_the_order_of_the_mos_is_rewarded() -> None:
    meant = [targets(1.5), targets(4.5)]
    right = rank_rewards([[card(1, 1, 1)] * 2, [card(5, 5, 5)] * 2], meant)
    wrong = rank_rewards([[card(5, 5, 5)] * 2, [card(1, 1, 1)] * 2], meant)
    assert min(map(min, right)) > 0.99
    assert max(map(max, wrong)) < 0.01


def test_one_clip_alone_has_no_order() -> None:
    assert rank_rewards([[card(1, 1, 1), None]], [targets(3.0)]) == [[0.0, 0.0]]


@given(st.lists(st.sampled_from("abcd"), unique=True), st.lists(st.sampled_from("abcd"), unique=True))
def test_defect_f1_is_one_for_equal_lists_and_zero_for_disjoint_ones(said: list[str], meant: list[str]) -> None:
    value = defect_f1(said, meant)
    assert 0 <= value <= 1
    assert (value == 1) == (set(said) == set(meant))
    assert (value == 0) == (not set(said) & set(meant) and bool(said or meant))


@pytest.mark.parametrize(
    ("one", "other", "iou"),
    [
        ((0, 2), (1, 3), 1 / 3),
        ((0, 1), (2, 3), 0.0),
        ((1, 2), (1, 2), 1.0),
        ((1, 1), (1, 1), 1.0),
        ((0, 4), (1, 2), 0.25),
    ],
)
def test_overlap_in_time(one: tuple[float, float], other: tuple[float, float], iou: float) -> None:
    assert time_iou(TimeRange(*one), TimeRange(*other)) == pytest.approx(iou)
    assert time_iou(TimeRange(*other), TimeRange(*one)) == pytest.approx(iou)


def test_evidence_counts_only_under_its_own_defect() -> None:
    meant = (timed("blur", 0, 2),)
    assert evidence_overlap((timed("blur", 1, 2),), meant) == pytest.approx(0.5)
    assert evidence_overlap((timed("noise", 0, 2),), meant) == 0
    assert evidence_overlap((), meant) == 0
    assert evidence_overlap((timed("blur", 0, 2),), (Evidence("blur"),)) is None


@pytest.mark.parametrize(
    ("level", "evidence", "expected"),
    [(5, (Evidence("blur"),), True), (5, (), False), (2, (), True), (2, (Evidence("blur"),), False), (3, (), False)],
)
def test_defects_that_deny_the_level(level: int, evidence: tuple[Evidence, ...], expected: bool) -> None:
    assert contradicts(AxisReport(level, evidence)) is expected


@given(st.integers(0, 300))
def test_the_length_guard_falls_evenly(length: int) -> None:
    value = length_guard(length, 100, 200)
    assert value == pytest.approx(1.0 if length <= 100 else max(0.0, 2 - length / 100))


def test_where_defects_are_unknown_naming_some_costs_nothing() -> None:
    unknown = {axis: replace(target, described=False) for axis, target in targets(2).items()}
    cards = [[card(2, 2, 2), card(2, 2, 2, evidence=(Evidence("blur"),))]]
    ((silent, named),) = reward_terms(cards, [[9, 9]], [unknown], REWARDS, 99)
    assert silent.defects == named.defects == 1.0
    ((silent, named),) = reward_terms(cards, [[9, 9]], [targets(2)], REWARDS, 99)
    assert silent.defects > named.defects


def test_what_does_not_parse_earns_nothing() -> None:
    terms = reward_terms([[None, card(3, 3, 3)]], [[50, 50]], [targets(3.0)], REWARDS, 160)
    assert terms[0][0].total(REWARDS) == 0
    assert terms[0][1].total(REWARDS) > 1


@given(levels, levels, levels, scores)
def test_every_term_lies_between_nothing_and_all(one: int, two: int, three: int, mos: float) -> None:
    group = [card(one, two, three, evidence=(timed("blur", 0, 1),)), card(three, one, two)]
    meant = [targets(mos, evidence=(timed("blur", 0.5, 1),)), targets(6 - mos)]
    for terms in reward_terms([group, group[::-1]], [[10, 300]] * 2, meant, REWARDS, 160):
        for term in terms:
            assert all(0 <= getattr(term, name) <= 1 + 1e-9 for name in term.__slots__)


def test_the_ratio_is_clipped_on_the_side_that_would_gain() -> None:
    config = GrpoConfig(clip_low=0.2, clip_high=0.28)
    old = torch.zeros(4)
    new = torch.log(torch.tensor([1.5, 1.5, 0.5, 0.5]))
    advantage = torch.tensor([1.0, -1.0, 1.0, -1.0])
    loss = policy_loss(new, old, advantage, torch.ones(4, dtype=torch.bool), config)
    assert loss.total.item() == pytest.approx(-(1.28 - 1.5 + 0.5 - 0.8) / 4)
    assert loss.clipped == 0.5


def test_masked_tokens_neither_count_nor_pull() -> None:
    new = torch.zeros(4, requires_grad=True)
    kept = torch.tensor([True, True, False, False])
    loss = policy_loss(new, torch.zeros(4), torch.tensor([1.0, 1.0, 5.0, 5.0]), kept, GrpoConfig())
    loss.total.backward()
    assert loss.total.item() == pytest.approx(-1)
    assert new.grad is not None
    assert new.grad.tolist() == [-0.5, -0.5, 0, 0]


def test_the_divergence_is_counted_where_there_is_a_reference() -> None:
    new, reference = torch.log(torch.tensor([0.5])), torch.log(torch.tensor([0.25]))
    kept = torch.ones(1, dtype=torch.bool)
    loss = policy_loss(new, new, torch.zeros(1), kept, GrpoConfig(kl_beta=2.0), reference)
    assert loss.kl == pytest.approx(0.5 - torch.log(torch.tensor(0.5)).item() - 1)
    assert loss.total.item() == pytest.approx(2 * loss.kl)
