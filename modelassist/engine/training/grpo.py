"""The practice match: groups of samples of the critic's own, judged by rewards, learnt from by their advantage.

Sampling encodes each prompt once for its group, and so does the training step (`rows`). The first update on a round
has ratio 1, so its log-probabilities are the old policy's: no extra pass is needed. Log-probabilities are those of the
distribution that was sampled from: same temperature, same tokens ruled out. A sample that was cut off at the length
limit has a reward but teaches nothing.

Shape letters: K clips of a round, G samples of each, C tokens of all samples.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from statistics import fmean

import torch
from torch import Tensor
from tqdm import tqdm

from modelassist.engine.generation.read_scores import parse_sample
from modelassist.engine.generation.sampler import Sample, forbid, generate
from modelassist.engine.inputs.examples import Example, Feeder, built
from modelassist.engine.inputs.prompt import Prompt
from modelassist.engine.inputs.rows import Packed, Row, completion_logits, pack
from modelassist.engine.inputs.vision import Features
from modelassist.engine.models.distributed import Machine
from modelassist.engine.models.loader import Loaded
from modelassist.engine.settings.config import GrpoConfig
from modelassist.engine.settings.sampling import Sampling
from modelassist.engine.support.seeds import derive_seed
from modelassist.engine.training.optimise import batch_at, descend, make_optimizer, trainable
from modelassist.engine.training.rewards import Terms, reward_terms

_EPSILON = 1e-4


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of sampling gave."""

    rows: list[Row]
    features: list[Features]
    """Detached, for everything but a tower that is being trained."""
    rewards: Tensor
    """(K, G)"""
    terms: list[list[Terms]]
    finished: Tensor
    """(K x G) bool"""
    lengths: list[int]


@dataclass(frozen=True, slots=True)
class PolicyLoss:
    """The loss, and what is worth watching about it."""

    total: Tensor
    clipped: float
    """Share of tokens whose ratio was clipped."""
    kl: float


def advantages(rewards: Tensor, scale: str) -> Tensor:
    """(K, G) rewards as advantages: less the group's mean and, for `group`, over its (sample) standard deviation."""
    centred = rewards - rewards.mean(dim=1, keepdim=True)
    return centred / (rewards.std(dim=1, keepdim=True) + _EPSILON) if scale == "group" else centred


def policy_loss(
    new: Tensor, old: Tensor, advantage: Tensor, kept: Tensor, config: GrpoConfig, reference: Tensor | None = None
) -> PolicyLoss:
    """Clipped policy loss over tokens (C): log-probabilities now and then, advantage, and which tokens count."""
    ratio = torch.exp(new - old)
    clipped = ratio.clamp(1 - config.clip_low, 1 + config.clip_high)
    losses = -torch.minimum(ratio * advantage, clipped * advantage)
    kl = torch.zeros_like(new)
    if reference is not None:
        kl = torch.exp(reference - new) - (reference - new) - 1
        losses = losses + config.kl_beta * kl
    count = kept.sum().clamp(min=1)
    bites = (ratio * advantage > clipped * advantage) & kept
    return PolicyLoss(
        (losses * kept).sum() / count, float(bites.sum() / count), float((kl.detach() * kept).sum() / count)
    )


class GrpoStage:
    """A stage of group-relative policy optimisation."""

    name = "grpo"

    def __init__(
        self,
        critic: Loaded,
        feeder: Feeder,
        examples: Sequence[Example],
        config: GrpoConfig,
        *,
        seed: int,
        max_new_tokens: int,
        reference: Mapping[str, Tensor] | None = None,
        machine: Machine | None = None,
        report: Callable[[str], None] = tqdm.write,
    ) -> None:
        self.critic, self.feeder, self.examples = critic, feeder, examples
        self.config, self.seed, self.limit = config, seed, max_new_tokens
        self.steps = config.steps
        self.reference = reference
        """The weights that divergence is measured from (`snapshot`); none where it is not measured."""
        self.machine, self.report = machine or Machine(), report
        self.optimizer = make_optimizer(critic, 0.0)

    def step(self, index: int) -> dict[str, float]:
        """Sample a round, then learn from it `updates` times."""
        chosen = batch_at(len(self.examples), self.config.clips, index, self.seed, self.name)
        pairs = built([self.examples[place] for place in chosen], self.feeder.prompt, self.machine, self.report)
        batch = [example for example, _ in pairs]
        played = self._play(batch, [prompt for _, prompt in pairs], index)
        packed = pack(self.critic, played.rows)
        what = f"grpo step {index + 1}, clips {', '.join(example.clip_id for example in batch)}"
        learnt = self._learn(batch, played, packed, what)
        return {**learnt, **_figures(played)}

    def _play(self, batch: Sequence[Example], prompts: Sequence[Prompt], index: int) -> Round:
        """Sample a group for each clip and reward it."""
        self.critic.network.eval()
        features, groups = self.machine.run(lambda: self._sample(batch, prompts, index))
        terms = self._judge(batch, groups)
        totals = [[term.total(self.config.rewards) for term in group] for group in terms]
        return Round(
            rows=[
                Row(prompt, tuple(sample.ids for sample in group))
                for prompt, group in zip(prompts, groups, strict=True)
            ],
            features=features,
            rewards=torch.tensor(totals),
            terms=terms,
            finished=torch.tensor([sample.finished for group in groups for sample in group]),
            lengths=[len(sample.ids) for group in groups for sample in group],
        )

    @torch.no_grad()
    def _sample(
        self, batch: Sequence[Example], prompts: Sequence[Prompt], index: int
    ) -> tuple[list[Features], list[list[Sample]]]:
        features = [part.detached() for part in self.feeder.features(batch, prompts)]
        groups = generate(
            self.critic,
            prompts,
            features,
            Sampling(self.config.group, self.config.temperature, derive_seed(self.seed, self.name, index)),
            max_new_tokens=self.limit,
        )
        return features, groups

    def _judge(self, batch: Sequence[Example], groups: Sequence[Sequence[Sample]]) -> list[list[Terms]]:
        return reward_terms(
            [[parse_sample(self.critic, sample) for sample in group] for group in groups],
            [[len(sample.ids) for sample in group] for group in groups],
            [example.targets for example in batch],
            self.config.rewards,
            self.limit,
        )

    def _learn(self, batch: Sequence[Example], played: Round, packed: Packed, what: str) -> dict[str, float]:
        """Update on one round; the figures are means over its updates."""
        owners = packed.owners
        advantage = advantages(played.rewards, self.config.scale).flatten().to(owners.device)[owners]
        kept = played.finished.to(owners.device)[owners]
        reference = self._reference_logps(batch, played, packed)
        old: Tensor | None = None
        seen: list[dict[str, float]] = []
        self.critic.network.train()
        for _ in range(self.config.updates):
            new, entropy = self.machine.run(lambda: self._logps(played, packed, self._features(batch, played)))
            old = new.detach() if old is None else old
            loss = policy_loss(new, old, advantage, kept, self.config, reference)
            norm = descend(self, [(what, loss.total)], self.config.learning_rate, what)
            seen.append(
                {
                    "loss": loss.total.item(),
                    "clip_share": loss.clipped,
                    "kl": loss.kl,
                    "entropy": entropy,
                    "gradient_norm": norm,
                }
            )
        return {key: fmean(figures[key] for figures in seen) for key in seen[0]}

    def _features(self, batch: Sequence[Example], played: Round) -> Sequence[Features]:
        """What the tower says now: what it said, where it is not trained."""
        if self.feeder.frozen:
            return played.features
        return self.feeder.features(batch, [row.prompt for row in played.rows])

    def _logps(self, played: Round, packed: Packed, features: Sequence[Features]) -> tuple[Tensor, float]:
        """Log-probabilities (C) of the sampled tokens under the sampling distribution, and its mean entropy."""
        logits = completion_logits(self.critic, played.rows, packed, features)
        logs = torch.log_softmax(forbid(self.critic, logits) / self.config.temperature, dim=-1)
        with torch.no_grad():
            entropy = -(logs.exp() * logs.clamp(min=-1e4)).sum(-1).mean()
        return logs.gather(-1, packed.targets[:, None])[:, 0], float(entropy)

    @torch.no_grad()
    def _reference_logps(self, batch: Sequence[Example], played: Round, packed: Packed) -> Tensor | None:
        """What the reference thinks of the samples."""
        if self.reference is None:
            return None
        with standing_in(self.critic, self.reference):
            return self.machine.run(lambda: self._logps(played, packed, self._features(batch, played))[0])


def snapshot(critic: Loaded) -> dict[str, Tensor]:
    """A copy of what is trained, adapters or weights, as it stands now."""
    return {name: value.detach().clone() for name, value in trainable(critic).items()}


@contextmanager
def standing_in(critic: Loaded, weights: Mapping[str, Tensor]) -> Iterator[None]:
    """In this block the critic is the one that `weights` were a snapshot of."""
    named = trainable(critic)
    own = {name: value.data for name, value in named.items()}
    try:
        for name, value in named.items():
            value.data = weights[name]
        yield
    finally:
        for name, value in named.items():
            value.data = own[name]


def _figures(played: Round) -> dict[str, float]:
    """What the round looked like: every reward term, spread, length."""
    flat = [term for group in played.terms for term in group]
    means = {f"reward_{item.name}": fmean(getattr(term, item.name) for term in flat) for item in fields(Terms)}
    return {
        "reward": played.rewards.mean().item(),
        **means,
        "zero_spread": (played.rewards.std(dim=1) < _EPSILON).float().mean().item(),
        "finished": played.finished.float().mean().item(),
        "length": fmean(played.lengths),
    }
