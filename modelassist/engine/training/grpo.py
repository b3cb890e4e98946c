"""Group-relative policy optimisation (GRPO): rollouts of the model, rewarded and compared within their group.

Sampling encodes each prompt once for its group, and the training step does the same (`rows`). In the first optimiser
step of a round the policy is still the old one, so its log-probabilities serve as the old policy's: no extra pass is
needed. Log-probabilities are those of the distribution that was sampled: same temperature, same forbidden tokens. A
sample that was cut off at the length limit has a reward but no loss.

Shape letters: K clips of a round, G samples of each, C tokens of all samples.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from statistics import fmean

import torch
from torch import Tensor

from modelassist.engine.generation.read_scores import parse_sample
from modelassist.engine.generation.sampler import Sample, forbid, generate
from modelassist.engine.inputs.examples import Example
from modelassist.engine.inputs.feeder import build_each
from modelassist.engine.inputs.prompt import Prompt
from modelassist.engine.inputs.rows import Packed, Row, compute_completion_logits, pack
from modelassist.engine.inputs.vision import Features
from modelassist.engine.models.loader import LoadedModel
from modelassist.engine.settings.config import GrpoConfig
from modelassist.engine.settings.sampling import Sampling
from modelassist.engine.support.seeds import derive_seed
from modelassist.engine.training.optimise import list_trainable, make_optimizer, take_step
from modelassist.engine.training.rewards import Terms, compute_reward_terms
from modelassist.engine.training.stages import StageContext, name_step, select_batch

_EPSILON = 1e-4


@dataclass(frozen=True, slots=True)
class Rollouts:
    """The samples of one round."""

    examples: list[Example]
    """(K)"""
    groups: list[list[Sample]]
    """(K, G)"""
    rows: list[Row]
    """(K) one row for each clip: its prompt with the G samples."""
    packed: Packed
    features: list[Features]
    """(K) detached vision features; not used in the loss if the vision tower is trained."""

    @property
    def samples(self) -> list[Sample]:
        """(K x G) in one list."""
        return [sample for group in self.groups for sample in group]


@dataclass(frozen=True, slots=True)
class PolicyLoss:
    """The loss, and two figures to monitor."""

    total: Tensor
    clipped: float
    """Share of tokens whose ratio was clipped."""
    kl: float


def compute_advantages(rewards: Tensor, scale: str) -> Tensor:
    """Compute advantages (K, G): rewards minus the group's mean, divided by its sample SD if `scale` is `group`."""
    centred = rewards - rewards.mean(dim=1, keepdim=True)
    return centred / (rewards.std(dim=1, keepdim=True) + _EPSILON) if scale == "group" else centred


def compute_policy_loss(
    new: Tensor, old: Tensor, advantage: Tensor, mask: Tensor, config: GrpoConfig, reference: Tensor | None = None
) -> PolicyLoss:
    """Compute the clipped policy loss over the tokens.

    `new`, `old` and `reference` are log-probabilities (C) under the three policies, `advantage` is (C), and `mask` (C)
    marks the tokens that count.
    """
    ratio = torch.exp(new - old)
    clipped = ratio.clamp(1 - config.epsilon, 1 + config.epsilon_high)
    losses = -torch.minimum(ratio * advantage, clipped * advantage)
    kl = torch.zeros_like(new)
    if reference is not None:
        kl = torch.exp(reference - new) - (reference - new) - 1
        losses = losses + config.beta * kl
    count = mask.sum().clamp(min=1)
    is_clipped = (ratio * advantage > clipped * advantage) & mask
    return PolicyLoss(
        (losses * mask).sum() / count, float(is_clipped.sum() / count), float((kl.detach() * mask).sum() / count)
    )


class GrpoStage:
    """A stage of GRPO; one step is a round of sampling and the optimiser steps on its samples."""

    name = "grpo"

    def __init__(
        self,
        context: StageContext,
        examples: Sequence[Example],
        config: GrpoConfig,
        *,
        max_new_tokens: int,
        reference: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.context, self.model, self.machine, self.seed = context, context.model, context.machine, context.seed
        self.examples, self.config, self.limit = examples, config, max_new_tokens
        self.steps = config.rounds
        self.reference = reference
        """Weights of the reference policy (`snapshot`); None without a KL penalty."""
        self.optimizer = make_optimizer(self.model, 0.0)

    def step(self, index: int) -> dict[str, float]:
        """Sample a round of rollouts and take `num_iterations` optimiser steps on it; returns means over the steps."""
        rollouts = self._sample_rollouts(index)
        terms = self._compute_reward_terms(rollouts)  # K x G
        rewards = torch.tensor(
            [[term.compute_total(self.config.rewards) for term in group] for group in terms]
        )  # (K, G)
        advantages = compute_advantages(rewards, self.config.scale_rewards)  # (K, G)

        owners = rollouts.packed.owners  # (C) sample of each token
        token_advantages = advantages.flatten().to(owners.device)[owners]
        mask = torch.tensor([sample.finished for sample in rollouts.samples]).to(owners.device)[owners]
        reference = self._compute_reference_logps(rollouts)
        old: Tensor | None = None
        figures: list[dict[str, float]] = []
        name = name_step(self.name, index, rollouts.examples)
        self.model.network.train()
        for _ in range(self.config.num_iterations):
            logps, entropy = self.machine.run(lambda: self._compute_logps(rollouts))
            old = logps.detach() if old is None else old
            loss = compute_policy_loss(logps, old, token_advantages, mask, self.config, reference)
            norm = take_step(self, [(name, loss.total)], self.config.learning_rate, name)
            others = {"clip_share": loss.clipped, "kl": loss.kl, "entropy": entropy, "gradient_norm": norm}
            figures.append({"loss": loss.total.item(), **others})
        means = {key: fmean(each[key] for each in figures) for key in figures[0]}
        return means | _summarise(rewards, terms, rollouts.samples)

    @torch.no_grad()
    def _sample_rollouts(self, index: int) -> Rollouts:
        """Sample a group of answers for each clip of a round."""
        self.model.network.eval()
        batch = select_batch(self.examples, self.config.clips, index, self.seed, self.name)
        pairs = build_each(batch, self.context.feeder.make_prompt, self.machine, self.context.report)
        examples, prompts = [example for example, _ in pairs], [prompt for _, prompt in pairs]
        features, groups = self.machine.run(lambda: self._generate(examples, prompts, index))
        rows = [
            Row(prompt, tuple(sample.ids for sample in group)) for prompt, group in zip(prompts, groups, strict=True)
        ]
        return Rollouts(examples, groups, rows, pack(self.model, rows), features)

    def _generate(
        self, examples: Sequence[Example], prompts: Sequence[Prompt], index: int
    ) -> tuple[list[Features], list[list[Sample]]]:
        features = [part.detach() for part in self.context.feeder.compute_features(examples, prompts)]
        seed = derive_seed(self.seed, self.name, index)
        sampling = Sampling(self.config.num_generations, self.config.temperature, seed)
        return features, generate(self.model, prompts, features, sampling, max_new_tokens=self.limit)

    def _compute_reward_terms(self, rollouts: Rollouts) -> list[list[Terms]]:
        return compute_reward_terms(
            [[parse_sample(self.model, sample) for sample in group] for group in rollouts.groups],
            [[len(sample.ids) for sample in group] for group in rollouts.groups],
            [example.targets for example in rollouts.examples],
            self.config.rewards,
            self.limit,
        )

    def _compute_logps(self, rollouts: Rollouts) -> tuple[Tensor, float]:
        """Compute log-probabilities (C) of the sampled tokens under the sampling distribution, and its mean entropy."""
        logits = compute_completion_logits(self.model, rollouts.rows, rollouts.packed, self._get_features(rollouts))
        logs = torch.log_softmax(forbid(self.model, logits) / self.config.temperature, dim=-1)
        with torch.no_grad():
            entropy = -(logs.exp() * logs.clamp(min=-1e4)).sum(-1).mean()
        return logs.gather(-1, rollouts.packed.targets[:, None])[:, 0], float(entropy)

    @torch.no_grad()
    def _compute_reference_logps(self, rollouts: Rollouts) -> Tensor | None:
        """Compute log-probabilities (C) of the sampled tokens under the reference policy."""
        if self.reference is None:
            return None
        with use_weights(self.model, self.reference):
            return self.machine.run(lambda: self._compute_logps(rollouts)[0])

    def _get_features(self, rollouts: Rollouts) -> Sequence[Features]:
        """Return the clips' vision features: computed again if the tower is trained, else those of the rollout."""
        if self.context.feeder.frozen:
            return rollouts.features
        return self.context.feeder.compute_features(rollouts.examples, [row.prompt for row in rollouts.rows])


def snapshot(model: LoadedModel) -> dict[str, Tensor]:
    """Copy the trained parameters, adapters or weights, as they are now."""
    return {name: value.detach().clone() for name, value in list_trainable(model).items()}


@contextmanager
def use_weights(model: LoadedModel, weights: Mapping[str, Tensor]) -> Iterator[None]:
    """Give the model the weights of a `snapshot` inside the block."""
    named = list_trainable(model)
    before = {name: value.data for name, value in named.items()}
    try:
        for name, value in named.items():
            value.data = weights[name]
        yield
    finally:
        for name, value in named.items():
            value.data = before[name]


def _summarise(rewards: Tensor, terms: Sequence[Sequence[Terms]], samples: Sequence[Sample]) -> dict[str, float]:
    """Summarise a round: the mean of every reward term, spread, length."""
    flat = [term for group in terms for term in group]
    means = {f"reward_{item.name}": fmean(getattr(term, item.name) for term in flat) for item in fields(Terms)}
    return {
        "reward": rewards.mean().item(),
        **means,
        "zero_spread": (rewards.std(dim=1) < _EPSILON).float().mean().item(),
        "finished": fmean(sample.finished for sample in samples),
        "length": fmean(len(sample.ids) for sample in samples),
    }
