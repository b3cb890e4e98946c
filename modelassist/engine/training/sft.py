"""Supervised fine-tuning (SFT) on human report cards, under dual supervision.

Loss = cross-entropy on the answer's tokens + weight x Huber loss between the expected score and the MOS. The expected
score is read at the level words of the human answer. The Huber term keeps what a level word rounds away: 3.4 is not 3.
Weight 0 is plain SFT.

A level that follows its reasons is easy to guess from their words. So a row may have a second completion, the direct
answer, without reasons. Only its level words are targets; the model must read them from the frames. It costs a dozen
tokens, as the prompt is shared.

A step is split into micro-batches of rows of similar length, so that padding costs little and memory has a bound. Every
mean is over the whole step, not a mean of means: the split does not change it.

A step may also have clips with captions, which add their own loss: from report cards alone a model that starts from
scratch learns to write them, but not to see. (A separate stage of captions before SFT does not help: the model forgets
them in the first steps of SFT.)

The cool-down is the same stage with other rows and a lower rate.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from modelassist.engine.generation.read_scores import compute_expected_scores, find_level_positions
from modelassist.engine.inputs.batching import split_by_length
from modelassist.engine.inputs.examples import Example
from modelassist.engine.inputs.feeder import build_each
from modelassist.engine.inputs.rows import Packed, Row, compute_completion_logits, pack
from modelassist.engine.inputs.vision import Features, encode
from modelassist.engine.models.distributed import Machine
from modelassist.engine.models.loader import LoadedModel
from modelassist.engine.settings.config import MICRO_TOKENS, CooldownConfig, SftConfig
from modelassist.engine.sizing.flops import Work, count_flops
from modelassist.engine.support.seeds import make_generator
from modelassist.engine.training.optimise import compute_cosine_rate, make_optimizer, take_step
from modelassist.engine.training.stages import StageContext, name_step, select_batch
from qsave.axes import AXES

Pair = tuple[Example, Row]
"""A clip and its training row."""


@dataclass(frozen=True, slots=True)
class SftLoss:
    """The loss of a micro-batch and its terms."""

    total: Tensor
    cross_entropy: Tensor
    """Mean over the tokens of the human answers."""
    huber: Tensor
    """Huber loss of the expected scores at the level words of the human answers."""
    direct: Tensor
    """Weighted sum of the same two losses on the direct answers; 0 without any."""


@dataclass(frozen=True, slots=True)
class StepTotals:
    """The divisors for the means of a step: counts over all micro-batches in all processes."""

    rows: int
    tokens: int
    """Tokens of the human answers."""
    caption_tokens: int = 0

    @classmethod
    def count(cls, rated: Sequence[Row], captioned: Sequence[Row], machine: Machine) -> "StepTotals":
        """Add up the rows of a step over all processes."""
        own = {"rows": len(rated), "tokens": _count_tokens(rated), "caption_tokens": _count_tokens(captioned)}
        return cls(**{name: int(total) for name, total in machine.sum_values(own).items()})


@dataclass(frozen=True, slots=True)
class SftWeights:
    """Weights of the loss terms beside the cross-entropy of the human answers."""

    huber: float
    direct: float = 0.0


def compute_sft_loss(
    model: LoadedModel, logits: Tensor, packed: Packed, mos: Tensor, weights: SftWeights, totals: StepTotals
) -> SftLoss:
    """Compute what a micro-batch adds to the loss of a step.

    `logits` is (C, V), `mos` (rows, 3). A row has the human answer, then the direct answer if its weight is not 0.
    """
    losses = F.cross_entropy(logits, packed.targets, reduction="none")
    completions = 2 if weights.direct else 1
    cross_entropy = losses[packed.owners % completions == 0].sum() / totals.tokens
    positions = _find_level_words(model, packed).view(-1, completions, len(AXES))
    scores = compute_expected_scores(logits[:, list(model.level_ids)])
    target, verdicts = mos.to(logits.device), totals.rows * len(AXES)
    huber = F.huber_loss(scores[positions[:, 0]], target, reduction="sum") / verdicts
    total = cross_entropy + weights.huber * huber if weights.huber else cross_entropy
    direct = torch.zeros_like(cross_entropy)
    if weights.direct:
        distance = F.huber_loss(scores[positions[:, 1]], target, reduction="sum")
        direct = (losses[positions[:, 1]].sum() + weights.huber * distance) / verdicts
        total = total + weights.direct * direct
    return SftLoss(total, cross_entropy, huber, direct)


class SftStage:
    """A stage of SFT on rated clips and, if there are any, on captioned clips; the cool-down is such a stage too."""

    def __init__(
        self,
        context: StageContext,
        examples: Sequence[Example],
        config: SftConfig | CooldownConfig,
        *,
        name: str = "sft",
        captioned: Sequence[Example] = (),
        micro_tokens: int = MICRO_TOKENS,
    ) -> None:
        self.context, self.model, self.machine, self.seed = context, context.model, context.machine, context.seed
        self.examples, self.captioned, self.config, self.name = examples, captioned, config, name
        self.micro_tokens, self.steps = micro_tokens, config.steps
        self.terms = ("loss", "cross_entropy", "huber", "direct", *(["captions"] if captioned else []))
        self.weights, self.shift = SftWeights(config.huber_weight), 0.0
        self.warmup_steps, self.captions_batch, weight_decay = 0, 0, 0.0
        if isinstance(config, SftConfig):
            self.weights, self.shift = SftWeights(config.huber_weight, config.direct_weight), config.shift
            self.warmup_steps, self.captions_batch = config.warmup_steps, config.captions_batch
            weight_decay = config.weight_decay
        self.optimizer = make_optimizer(self.model, weight_decay)

    def step(self, index: int) -> dict[str, float]:
        """Take a step on a batch of rated and a batch of captioned clips; each process works on its share of both."""
        captions = f"{self.name}/captions"
        batch = select_batch(self.examples, self.config.batch, index, self.seed, self.name)
        captioned_batch = select_batch(self.captioned, self.captions_batch, index, self.seed, captions)
        rated = self._build_rows(index, batch, self.name)
        captioned = self._build_rows(index, captioned_batch, captions)
        micro_batches = [*self._split(rated), *self._split(captioned)]
        totals = StepTotals.count([row for _, row in rated], [row for _, row in captioned], self.machine)

        terms = dict.fromkeys(self.terms, 0.0)
        losses = self._compute_losses(index, micro_batches, totals, terms)
        rate = compute_cosine_rate(self.config.learning_rate, index, self.steps, self.warmup_steps)
        self.model.network.train()
        norm = take_step(self, losses, rate, name_step(self.name, index, [*batch, *captioned_batch]))

        figures = self.machine.sum_values(terms | self._count_work(micro_batches))
        padding = 1 - figures["tokens"] / figures.pop("padded_tokens")
        return {**figures, "learning_rate": rate, "gradient_norm": norm, "padding": padding}

    def _build_rows(self, index: int, batch: Sequence[Example], name: str) -> list[Pair]:
        """Build the rows of this process's clips of a batch; returns the clips with their rows."""
        if not batch:
            return []
        shifts = iter(self.machine.take_share(self._draw_shifts(index, len(batch), name)))

        def build(example: Example) -> Row:
            is_direct = self.weights.direct > 0 and bool(example.targets)
            return self.context.feeder.make_row(example, next(shifts), direct=is_direct)

        return build_each(self.machine.take_share(batch), build, self.machine, self.context.report)

    def _draw_shifts(self, index: int, count: int, name: str) -> list[tuple[float, float]]:
        """Draw how far the frames of each clip are shifted: down and across, as shares of the frame."""
        draws = torch.rand(count, 2, generator=make_generator(self.seed, name, "shift", index)) * 2 - 1
        return [(down * self.shift, across * self.shift) for down, across in draws.tolist()]

    def _split(self, pairs: Sequence[Pair]) -> list[list[Pair]]:
        """Split a batch into micro-batches of rows of similar length."""
        lengths = [row.length for _, row in pairs]
        return [
            [pairs[position] for position in positions] for positions in split_by_length(lengths, self.micro_tokens)
        ]

    def _compute_losses(
        self, index: int, micro_batches: Sequence[Sequence[Pair]], totals: StepTotals, terms: dict[str, float]
    ) -> Iterator[tuple[str, Tensor]]:
        """Yield the loss of each micro-batch with its name, and add its terms to `terms`.

        All processes run the same number of passes: those with fewer micro-batches add passes with a zero gradient.
        """
        for position in range(max(self.machine.gather(len(micro_batches)))):
            micro_batch = micro_batches[position] if position < len(micro_batches) else []
            values = self._compute_terms(micro_batch, totals) if micro_batch else {"loss": self._compute_filler_loss()}
            for name, value in values.items():
                terms[name] += value.item()
            yield name_step(self.name, index, [example for example, _ in micro_batch]), values["loss"]

    def _compute_terms(self, micro_batch: Sequence[Pair], totals: StepTotals) -> dict[str, Tensor]:
        """Compute what a micro-batch adds to the loss of the step and to its terms."""
        batch, rows = [example for example, _ in micro_batch], [row for _, row in micro_batch]
        packed, prompts = pack(self.model, rows), [row.prompt for row in rows]
        logits = self._compute_logits(rows, packed, lambda: self.context.feeder.compute_features(batch, prompts))
        if not batch[0].targets:
            captions = F.cross_entropy(logits, packed.targets, reduction="sum") / totals.caption_tokens
            return {"loss": captions, "captions": captions}
        mos = torch.tensor([[example.targets[axis].mos for axis in AXES] for example in batch], dtype=torch.float32)
        loss = compute_sft_loss(self.model, logits, packed, mos, self.weights, totals)
        return {
            "loss": loss.total,
            "cross_entropy": loss.cross_entropy,
            "huber": loss.huber,
            "direct": loss.direct,
        }

    def _compute_filler_loss(self) -> Tensor:
        row = self.context.feeder.make_filler()
        packed = pack(self.model, [row])
        return self._compute_logits([row], packed, lambda: encode(self.model, [row.prompt])).sum() * 0.0

    def _compute_logits(self, rows: Sequence[Row], packed: Packed, features: Callable[[], list[Features]]) -> Tensor:
        return self.machine.run(lambda: compute_completion_logits(self.model, rows, packed, features()))

    def _count_work(self, micro_batches: Sequence[Sequence[Pair]]) -> dict[str, float]:
        """Count tokens, padded tokens and operations of this process's share of a step."""
        rows = [row for micro_batch in micro_batches for _, row in micro_batch]
        padded = sum(len(micro_batch) * max(row.length for _, row in micro_batch) for micro_batch in micro_batches)
        flops = count_flops(self.model, Work.of(rows)).useful
        return {"tokens": sum(row.length for row in rows), "padded_tokens": padded, "flops": flops}


def _count_tokens(rows: Sequence[Row]) -> int:
    return sum(len(row.completions[0]) for row in rows)


def _find_level_words(model: LoadedModel, packed: Packed) -> Tensor:
    """Find the positions of the level words in the packed tokens: three per completion, in the order of the axes."""
    positions: list[int] = []
    start = 0
    targets = packed.targets.tolist()
    for size in torch.bincount(packed.owners).tolist():
        level_words = find_level_positions(model, targets[start : start + size])
        if level_words is None:
            raise ValueError("A training answer does not hold its three level words.")
        positions += [start + position for position in level_words]
        start += size
    return torch.tensor(positions, device=packed.targets.device)
