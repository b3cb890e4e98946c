"""The classroom: human report cards as targets, under dual supervision.

Loss = cross-entropy on the answer's tokens + weight x Huber between the expected score and the MOS, read at the level
words of the human answer. The second term sees what the first rounds away: 3.4 is not 3. Weight 0 is plain SFT. The
cool-down is this stage again, on other rows and at a lower rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from modelassist.engine.config import CooldownConfig, SftConfig
from modelassist.engine.data import Example, Feeder
from modelassist.engine.model import Loaded
from modelassist.engine.optimise import batch_at, cosine_rate, descend, make_optimizer
from modelassist.engine.rows import Packed, completion_logits, pack
from modelassist.engine.scoring import expected_scores, level_places
from qsave.axes import AXES


@dataclass(frozen=True, slots=True)
class SftLoss:
    """The two terms and their sum."""

    total: Tensor
    cross_entropy: Tensor
    huber: Tensor


def sft_loss(critic: Loaded, logits: Tensor, packed: Packed, mos: Tensor, huber_weight: float) -> SftLoss:
    """The loss of a batch of human answers; `mos` is (rows, 3), one completion a row."""
    cross_entropy = F.cross_entropy(logits, packed.targets)
    level_logits = logits[_level_rows(critic, packed)][:, list(critic.level_ids)]
    huber = F.huber_loss(expected_scores(level_logits).view(-1, len(AXES)), mos.to(logits.device))
    total = cross_entropy + huber_weight * huber if huber_weight else cross_entropy
    return SftLoss(total, cross_entropy, huber)


class SftStage:
    """A stage of SFT over given examples."""

    def __init__(
        self,
        critic: Loaded,
        feeder: Feeder,
        examples: Sequence[Example],
        config: SftConfig | CooldownConfig,
        *,
        name: str,
        seed: int,
    ) -> None:
        self.critic, self.feeder, self.examples = critic, feeder, examples
        self.config, self.name, self.seed = config, name, seed
        self.steps = config.steps
        self.warmup = config.warmup if isinstance(config, SftConfig) else 0
        self.optimizer = make_optimizer(critic, config.weight_decay if isinstance(config, SftConfig) else 0.0)

    def step(self, index: int) -> dict[str, float]:
        """One batch of human answers."""
        chosen = batch_at(len(self.examples), self.config.batch, index, self.seed, self.name)
        batch = [self.examples[place] for place in chosen]
        rate = cosine_rate(self.config.learning_rate, index, self.steps, self.warmup)
        self.critic.network.train()
        rows = [self.feeder.row(example) for example in batch]
        packed = pack(self.critic, rows)
        logits = completion_logits(self.critic, rows, packed, self.feeder.features(batch, [row.prompt for row in rows]))
        loss = sft_loss(self.critic, logits, packed, _mos(batch), self.config.huber_weight)
        what = f"{self.name} step {index + 1}, clips {', '.join(example.clip_id for example in batch)}"
        norm = descend(self, loss.total, rate, what)
        return {
            "loss": loss.total.item(),
            "cross_entropy": loss.cross_entropy.item(),
            "huber": loss.huber.item(),
            "learning_rate": rate,
            "gradient_norm": norm,
            "tokens": float(sum(row.length for row in rows)),
        }


def _mos(batch: Sequence[Example]) -> Tensor:
    return torch.tensor([[example.targets[axis].mos for axis in AXES] for example in batch])


def _level_rows(critic: Loaded, packed: Packed) -> list[int]:
    """Which of the packed tokens are level words: three a completion, in the order of the axes."""
    targets, owners = packed.targets.tolist(), packed.owners.tolist()
    found: list[int] = []
    for owner in range(owners[-1] + 1):
        start = owners.index(owner)
        completion = targets[start : start + owners.count(owner)]
        places = level_places(critic, completion)
        if places is None:
            raise ValueError("a training answer does not hold its three level words")
        found += [start + place for place in places]
    return found
