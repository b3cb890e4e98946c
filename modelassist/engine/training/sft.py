"""The classroom: human report cards as targets, under dual supervision.

Loss = cross-entropy on the answer's tokens + weight x Huber between the expected score and the MOS, read at the level
words of the human answer. The second term sees what the first rounds away: 3.4 is not 3. Weight 0 is plain SFT.

Behind its reasons a level is easily guessed from their words. So the row may carry a second completion that answers at
once: its level words, and only they, are learnt from as well, and what they teach is to look. It costs a dozen tokens,
as the prompt is shared.

A step is cut into micro-batches of rows of like length, so that padding costs little and memory has a bound. Every mean
is over the whole step, not a mean of means: how a step is cut does not change it.

Beside the judged clips of a step there may be others that are only described: their captions add a loss of their own.
Verdicts alone teach a model that starts from nothing to write like a judge, not to see. (Describing first and judging
after does not do: what was seen is forgotten in the first steps of judging.)

The cool-down is this stage again, on other rows and at a lower rate.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from modelassist.engine.generation.read_scores import compute_expected_scores, find_level_positions
from modelassist.engine.inputs.batching import split_by_length
from modelassist.engine.inputs.examples import Example, Feeder, built
from modelassist.engine.inputs.rows import Packed, Row, completion_logits, pack
from modelassist.engine.inputs.vision import Features, encode
from modelassist.engine.models.distributed import Machine
from modelassist.engine.models.loader import Loaded
from modelassist.engine.settings.config import MICRO_TOKENS, CooldownConfig, SftConfig
from modelassist.engine.sizing.flops import Work, count
from modelassist.engine.support.seeds import make_generator
from modelassist.engine.training.optimise import batch_at, cosine_rate, descend, make_optimizer
from qsave.axes import AXES

Pair = tuple[Example, Row]
"""A clip and what it is taught with."""


@dataclass(frozen=True, slots=True)
class SftLoss:
    """The loss and its terms."""

    total: Tensor
    cross_entropy: Tensor
    """Of the human answers, a mean over their tokens."""
    huber: Tensor
    """Of the expected scores at the level words of the human answers."""
    direct: Tensor
    """The same two, weighted and summed, where the answer is given at once; 0 without such completions."""


@dataclass(frozen=True, slots=True)
class Whole:
    """What the means of a step are taken over: all of its micro-batches, of all processes."""

    rows: int
    tokens: int
    """Of the human answers."""
    described: int = 0
    """Tokens of captions."""

    @classmethod
    def of(cls, judged: Sequence[Row], described: Sequence[Row], machine: Machine) -> "Whole":
        here = {"rows": len(judged), "tokens": _answered(judged), "described": _answered(described)}
        return cls(**{name: int(count) for name, count in machine.total(here).items()})


def sft_loss(
    critic: Loaded,
    logits: Tensor,
    packed: Packed,
    mos: Tensor,
    huber_weight: float,
    direct_weight: float = 0.0,
    *,
    whole: Whole,
) -> SftLoss:
    """What a micro-batch adds to the loss of `whole`; `mos` is (rows, 3). A row holds the human answer, then the direct
    one if that has weight."""
    losses = F.cross_entropy(logits, packed.targets, reduction="none")
    every = 2 if direct_weight else 1
    full = losses[packed.owners % every == 0].sum() / whole.tokens
    places = _level_rows(critic, packed).view(-1, every, len(AXES))
    scores = compute_expected_scores(logits[:, list(critic.level_ids)])
    target, verdicts = mos.to(logits.device), whole.rows * len(AXES)
    huber = F.huber_loss(scores[places[:, 0]], target, reduction="sum") / verdicts
    total = full + huber_weight * huber if huber_weight else full
    direct = torch.zeros_like(full)
    if direct_weight:
        distance = F.huber_loss(scores[places[:, 1]], target, reduction="sum")
        direct = (losses[places[:, 1]].sum() + huber_weight * distance) / verdicts
        total = total + direct_weight * direct
    return SftLoss(total, full, huber, direct)


def _answered(rows: Sequence[Row]) -> int:
    return sum(len(row.completions[0]) for row in rows)


class SftStage:
    """A stage of SFT over given examples, and over captioned clips beside them: classroom or cool-down."""

    def __init__(
        self,
        critic: Loaded,
        feeder: Feeder,
        examples: Sequence[Example],
        config: SftConfig | CooldownConfig,
        *,
        captioned: Sequence[Example] = (),
        name: str,
        seed: int,
        micro_tokens: int = MICRO_TOKENS,
        machine: Machine | None = None,
        report: Callable[[str], None] = tqdm.write,
    ) -> None:
        self.critic, self.feeder, self.examples, self.captioned = critic, feeder, examples, captioned
        self.config, self.name, self.seed, self.micro_tokens = config, name, seed, micro_tokens
        self.machine, self.report = machine or Machine(), report
        self.terms = ("loss", "cross_entropy", "huber", "direct", *(["captions"] if captioned else []))
        self.steps = config.steps
        self.direct, self.shift, self.warmup, self.captions_batch, weight_decay = 0.0, 0.0, 0, 0, 0.0
        if isinstance(config, SftConfig):
            self.direct, self.shift, self.warmup = config.direct_weight, config.shift, config.warmup
            self.captions_batch, weight_decay = config.captions_batch, config.weight_decay
        self.optimizer = make_optimizer(critic, weight_decay)

    def step(self, index: int) -> dict[str, float]:
        """One batch of human answers, and one of captions where there are any; each process takes its part of both."""
        batch = self._drawn(index, self.examples, self.config.batch, self.name)
        captioned = self._drawn(index, self.captioned, self.captions_batch, f"{self.name}/captions")
        judged, described = self._pairs(index, batch, self.name), self._pairs(index, captioned, f"{self.name}/captions")
        micros = [*self._micros(judged), *self._micros(described)]
        rows = [row for _, row in [*judged, *described]]
        whole = Whole.of(rows[: len(judged)], rows[len(judged) :], self.machine)
        rate = cosine_rate(self.config.learning_rate, index, self.steps, self.warmup)
        terms = dict.fromkeys(self.terms, 0.0)
        self.critic.network.train()
        losses = self._losses(index, micros, whole, terms)
        norm = descend(self, losses, rate, self._named(index, [*batch, *captioned]))
        laid_out = sum(len(micro) * max(row.length for _, row in micro) for micro in micros)
        work = count(self.critic, Work.of(rows)).useful
        sizes = {"tokens": sum(row.length for row in rows), "laid_out": laid_out, "flops": work}
        told = self.machine.total({**terms, **sizes})
        padding = 1 - told["tokens"] / told.pop("laid_out")
        return {**told, "learning_rate": rate, "gradient_norm": norm, "padding": padding}

    def _drawn(self, index: int, examples: Sequence[Example], size: int, name: str) -> list[Example]:
        """The clips of a step's batch."""
        return [examples[place] for place in batch_at(len(examples), size, index, self.seed, name)] if examples else []

    def _pairs(self, index: int, batch: Sequence[Example], name: str) -> list[Pair]:
        """This process's clips of a batch, as rows."""
        if not batch:
            return []
        moves = iter(self.machine.part(self._moves(index, len(batch), name)))
        return built(
            self.machine.part(batch),
            lambda example: self.feeder.row(example, next(moves), direct=self.direct > 0 and bool(example.targets)),
            self.machine,
            self.report,
        )

    def _micros(self, pairs: Sequence[Pair]) -> list[list[Pair]]:
        """A batch cut into passes of rows of like length."""
        lengths = [row.length for _, row in pairs]
        return [[pairs[place] for place in places] for places in split_by_length(lengths, self.micro_tokens)]

    def _losses(
        self, index: int, micros: Sequence[Sequence[Pair]], whole: Whole, terms: dict[str, float]
    ) -> Iterator[tuple[str, Tensor]]:
        """The loss of each micro-batch, named; its terms are added to `terms`. All processes take as many passes as the
        one with most; those that have fewer go through a filler that teaches nothing."""
        for place in range(max(self.machine.gathered(len(micros)))):
            micro = micros[place] if place < len(micros) else []
            found = self._loss(micro, whole) if micro else {"loss": self._nothing()}
            for name, value in found.items():
                terms[name] += value.item()
            yield self._named(index, [example for example, _ in micro]), found["loss"]

    def _loss(self, micro: Sequence[Pair], whole: Whole) -> dict[str, Tensor]:
        """What a micro-batch adds to the loss of the step, and to its terms."""
        batch, rows = [example for example, _ in micro], [row for _, row in micro]
        packed = pack(self.critic, rows)
        logits = self._logits(rows, packed, lambda: self.feeder.features(batch, [row.prompt for row in rows]))
        if not batch[0].targets:
            described = F.cross_entropy(logits, packed.targets, reduction="sum") / whole.described
            return {"loss": described, "captions": described}
        loss = sft_loss(self.critic, logits, packed, _mos(batch), self.config.huber_weight, self.direct, whole=whole)
        return {
            "loss": loss.total,
            "cross_entropy": loss.cross_entropy,
            "huber": loss.huber,
            "direct": loss.direct,
        }

    def _nothing(self) -> Tensor:
        row = self.feeder.filler()
        return self._logits([row], pack(self.critic, [row]), lambda: encode(self.critic, [row.prompt])).sum() * 0.0

    def _logits(self, rows: Sequence[Row], packed: Packed, features: Callable[[], list[Features]]) -> Tensor:
        return self.machine.run(lambda: completion_logits(self.critic, rows, packed, features()))

    def _named(self, index: int, batch: Sequence[Example]) -> str:
        return f"{self.name} step {index + 1}, clips {', '.join(example.clip_id for example in batch)}"

    def _moves(self, index: int, count: int, name: str) -> list[tuple[float, float]]:
        """How far the frames of each clip of a batch are moved."""
        draws = torch.rand(count, 2, generator=make_generator(self.seed, name, "shift", index)) * 2 - 1
        return [(down * self.shift, across * self.shift) for down, across in draws.tolist()]


def _mos(batch: Sequence[Example]) -> Tensor:
    return torch.tensor([[example.targets[axis].mos for axis in AXES] for example in batch], dtype=torch.float32)


def _level_rows(critic: Loaded, packed: Packed) -> Tensor:
    """Which of the packed tokens are level words: three a completion, in the order of the axes."""
    found: list[int] = []
    start = 0
    targets = packed.targets.tolist()
    for size in torch.bincount(packed.owners).tolist():
        places = find_level_positions(critic, targets[start : start + size])
        if places is None:
            raise ValueError("a training answer does not hold its three level words")
        found += [start + place for place in places]
        start += size
    return torch.tensor(found, device=packed.targets.device)
