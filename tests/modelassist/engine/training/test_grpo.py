"""GRPO: advantages, the policy loss, and the divergence from the reference policy."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from modelassist.engine.models import loader
from modelassist.engine.settings.config import GrpoConfig, LoraConfig
from modelassist.engine.training import grpo
from modelassist.engine.training import train as training
from modelassist.engine.training.grpo import compute_advantages, compute_policy_loss
from tests.modelassist.engine.small import read_metrics
from tests.modelassist.engine.training.runs import CONFIG, Figures, cut_after


def test_advantages_are_those_worked_out_by_hand() -> None:
    rewards = torch.tensor([[1, 0.4, 0.7, 0.7, 0.7, 1, 0.4, 1]])
    centred = compute_advantages(rewards, "none")
    assert torch.allclose(centred, rewards - 0.7375)
    assert torch.allclose(compute_advantages(rewards, "group"), centred / 0.250357, rtol=1e-3)


def test_a_group_with_equal_rewards_has_no_advantage() -> None:
    assert not compute_advantages(torch.full((2, 4), 0.7), "group").any()


def test_the_ratio_is_clipped_only_where_the_objective_would_rise() -> None:
    config = GrpoConfig(epsilon=0.2, epsilon_high=0.28)
    old = torch.zeros(4)
    new = torch.log(torch.tensor([1.5, 1.5, 0.5, 0.5]))
    advantage = torch.tensor([1.0, -1.0, 1.0, -1.0])
    loss = compute_policy_loss(new, old, advantage, torch.ones(4, dtype=torch.bool), config)
    assert loss.total.item() == pytest.approx(-(1.28 - 1.5 + 0.5 - 0.8) / 4)
    assert loss.clipped == 0.5


def test_masked_tokens_have_no_loss_and_no_gradient() -> None:
    new = torch.zeros(4, requires_grad=True)
    mask = torch.tensor([True, True, False, False])
    loss = compute_policy_loss(new, torch.zeros(4), torch.tensor([1.0, 1.0, 5.0, 5.0]), mask, GrpoConfig())
    loss.total.backward()
    assert loss.total.item() == pytest.approx(-1)
    assert new.grad is not None
    assert new.grad.tolist() == [-0.5, -0.5, 0, 0]


def test_kl_is_added_if_there_is_a_reference() -> None:
    new, reference = torch.log(torch.tensor([0.5])), torch.log(torch.tensor([0.25]))
    mask = torch.ones(1, dtype=torch.bool)
    loss = compute_policy_loss(new, new, torch.zeros(1), mask, GrpoConfig(beta=2.0), reference)
    assert loss.kl == pytest.approx(0.5 - torch.log(torch.tensor(0.5)).item() - 1)
    assert loss.total.item() == pytest.approx(2 * loss.kl)


@pytest.mark.parametrize("rank", [0, pytest.param(4, marks=pytest.mark.long)])
def test_kl_is_measured_from_the_weights_at_the_start_of_grpo(
    taught: tuple[Path, Figures], release_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: int
) -> None:
    # Whether the samples of a group differ, and so have an advantage, depends on how a machine rounds.
    monkeypatch.setattr(grpo, "compute_advantages", lambda rewards, scale: torch.ones_like(rewards))
    settings = replace(CONFIG.grpo, rounds=2, clips=4, num_generations=4, num_iterations=1, beta=0.1, temperature=1.5)
    config = replace(CONFIG, grpo=settings, lora=LoraConfig(rank=rank), max_new_tokens=96)
    training.train(release_folder, str(taught[0]), tmp_path, config, stages=["sft", "grpo"])
    first, second = (row["kl"] for row in read_metrics(tmp_path) if row["stage"] == "grpo")
    assert first == pytest.approx(0, abs=1e-9)  # whatever SFT changed
    assert second > 1e-9


@pytest.mark.parametrize("rank", [pytest.param(0, marks=pytest.mark.long), 4])
def test_kl_is_measured_from_the_same_weights_after_a_resume(
    taught: tuple[Path, Figures], release_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: int
) -> None:
    monkeypatch.setattr(grpo, "compute_advantages", lambda rewards, scale: torch.ones_like(rewards))  # as above
    settings = replace(CONFIG.grpo, rounds=3, clips=2, num_generations=3, beta=0.1, temperature=1.5)
    config = replace(
        CONFIG,
        save_steps=1,
        sft=replace(CONFIG.sft, steps=1, learning_rate=1e-6),
        grpo=settings,
        lora=LoraConfig(rank=rank),
        max_new_tokens=96,
    )

    def train(out: Path, *, resume: bool = False) -> None:
        training.train(release_folder, str(taught[0]), out, config, stages=["sft", "grpo"], resume=resume)

    train(tmp_path / "whole")
    with cut_after(monkeypatch, 3):
        train(tmp_path / "cut")
    train(tmp_path / "cut", resume=True)
    whole, resumed = ([row["kl"] for row in read_metrics(tmp_path / name)[1:]] for name in ("whole", "cut"))
    assert resumed == whole
    assert whole[-1] > 0


def test_adapters_change_no_other_weight_and_are_merged_at_the_end(
    taught: tuple[Path, Figures], release_folder: Path, tmp_path: Path
) -> None:
    config = replace(CONFIG, lora=LoraConfig(rank=4, alpha=8), gradient_checkpointing=True, max_new_tokens=192)
    training.train(release_folder, str(taught[0]), tmp_path, config, stages=["sft", "grpo"])
    before, after = (loader.load(str(path)).base.state_dict() for path in (taught[0], tmp_path / "model"))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all("language_model" in name and "_proj" in name for name in changed)
