"""The settings of sampling, which every generation of text uses together."""

from dataclasses import dataclass

from modelassist.engine.settings.config import TOKENS_PER_BATCH


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the answers to a prompt are sampled; the default is one greedy answer."""

    samples: int = 1
    """Answers to each prompt."""
    temperature: float = 0.0
    """0 is greedy; above it the whole distribution is sampled."""
    seed: int = 0
    """The seed of all draws."""
    token_budget: int = TOKENS_PER_BATCH
    """Padded prompt and output tokens of one batch; one prompt always fits."""

    @classmethod
    def for_scores(cls, samples: int, *, seed: int = 0, token_budget: int = TOKENS_PER_BATCH) -> "Sampling":
        """Return the sampling for a score: the greedy answer, or several answers at temperature 1 for their mean."""
        return cls(samples, temperature=0.0 if samples == 1 else 1.0, seed=seed, token_budget=token_budget)
