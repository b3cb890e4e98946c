"""Free generation: a group of continuations for each prompt, from one prefill.

A prompt is encoded once and its cache repeated for the group. Positions are explicit and the mask is the padding's,
so greedy output equals transformers' own `generate`, token for token. Beside every token the logits of the five level
words are kept: where the grammar puts a level, the score is read from them.

Shape letters: B prompts, G samples of each, R = B x G, S steps, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import Cache, DynamicCache

from modelassist.engine.generation.kv_cache import joined
from modelassist.engine.inputs.prompt import Prompt
from modelassist.engine.inputs.vision import Features, encoder_outputs
from modelassist.engine.models.loader import Loaded
from modelassist.engine.settings.sampling import Sampling
from modelassist.engine.support.seeds import generator


@dataclass(frozen=True, slots=True)
class Sample:
    """One continuation as it was generated."""

    ids: tuple[int, ...]
    """Tokens, the one that ended it included."""
    finished: bool
    """False where it was cut off at the length limit."""
    level_logits: Tensor
    """(S, 5) logits of the level words at every step, before temperature."""


@torch.no_grad()
def generate(
    critic: Loaded,
    prompts: Sequence[Prompt],
    features: Sequence[Features],
    sampling: Sampling = Sampling(),  # noqa: B008  # it is frozen
    *,
    max_new_tokens: int,
) -> list[list[Sample]]:
    """Generate `sampling.samples` continuations of each prompt. The draws for a prompt follow from the seed and its
    own tokens, whatever else is in the batch."""
    group = sampling.samples
    state = _prefill(critic, prompts, features, group, max_new_tokens)
    draws = (
        [generator(sampling.seed, "sample", *prompt.ids.tolist()) for prompt in prompts] if sampling.temperature else []
    )
    tokens, levels = [], []
    done = torch.zeros(len(prompts) * group, dtype=torch.bool)
    ends = torch.tensor(critic.end_ids)
    for step in range(max_new_tokens):
        levels.append(state.logits[:, list(critic.level_ids)].cpu())
        token = _choose(critic, state.logits, sampling.temperature, draws)
        tokens.append(token)
        done |= torch.isin(token, ends)
        if bool(done.all()) or step + 1 == max_new_tokens:
            break
        state.advance(token)
    flat = _samples(critic, torch.stack(tokens, dim=1), torch.stack(levels, dim=1))
    return [flat[start : start + group] for start in range(0, len(flat), group)]


class _State:
    """The running batch: cache, padding mask, next position and last logits."""

    def __init__(self, critic: Loaded, cache: Cache, mask: Tensor, position: Tensor, logits: Tensor) -> None:
        self.critic, self.cache, self.mask, self.position, self.logits = critic, cache, mask, position, logits

    def advance(self, token: Tensor) -> None:
        """Feed one token a row."""
        base = self.critic.base
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(self.mask), 1)], dim=1)
        hidden = base.model(
            input_ids=token[:, None].to(base.device),
            position_ids=self.position.expand(3, -1)[..., None],
            attention_mask=self.mask,
            past_key_values=self.cache,
            use_cache=True,
        ).last_hidden_state
        self.logits = base.lm_head(hidden[:, -1]).float()
        self.position = self.position + 1


def _prefill(
    critic: Loaded, prompts: Sequence[Prompt], features: Sequence[Features], group: int, max_new_tokens: int
) -> _State:
    """Each prompt is read by itself, then all go on together. Reading is bound by arithmetic: side by side it would
    gain nothing, and lose the causal kernel to a mask of the padding. Writing is bound by memory: there company pays.
    """
    read = [_read(critic, prompt, part) for prompt, part in zip(prompts, features, strict=True)]
    sizes = [len(prompt.ids) for prompt in prompts]
    cache = joined([cache for cache, _ in read], sizes, group, max_new_tokens)
    device = critic.device
    starts = torch.tensor([max(sizes) - size for size in sizes], device=device)
    mask = torch.arange(max(sizes), device=device) >= starts[:, None]
    following = torch.tensor([prompt.next_position for prompt in prompts], device=device)
    return _State(
        critic,
        cache,
        mask.repeat_interleave(group, dim=0),
        following.repeat_interleave(group),
        torch.cat([logits for _, logits in read]).repeat_interleave(group, dim=0),
    )


def _read(critic: Loaded, prompt: Prompt, features: Features) -> tuple[DynamicCache, Tensor]:
    """The cache of one prompt, and the logits (1, V) of what follows it."""
    base = critic.base
    output = base.model(
        input_ids=prompt.ids[None].to(base.device),
        position_ids=prompt.positions[:, None].to(base.device),
        mm_encoder_outputs=encoder_outputs([prompt], [features]),
        past_key_values=DynamicCache(config=base.config.text_config),
        use_cache=True,
    )
    return output.past_key_values, base.lm_head(output.last_hidden_state[:, -1]).float()


def forbid(critic: Loaded, logits: Tensor) -> Tensor:
    """Logits with everything that is never generated ruled out: the distribution that samples come from."""
    return logits.index_fill(-1, torch.tensor(critic.never_generated, device=logits.device), float("-inf"))


def _choose(critic: Loaded, logits: Tensor, temperature: float, draws: Sequence[torch.Generator]) -> Tensor:
    """The next token of each row, on the CPU. A draw is one number from there, so that a seed means the same on every
    device: the token whose share of the distribution it falls into."""
    allowed = forbid(critic, logits)
    if temperature == 0:
        return allowed.argmax(-1).cpu()
    group = len(logits) // len(draws)
    shares = torch.cat([torch.rand(group, 1, dtype=torch.float64, generator=own) for own in draws]).to(logits.device)
    reached = torch.softmax(allowed / temperature, dim=-1).double().cumsum(-1)
    return torch.searchsorted(reached, shares * reached[:, -1:], right=True)[:, 0].cpu()


def _samples(critic: Loaded, tokens: Tensor, levels: Tensor) -> list[Sample]:
    """Cut each row at its first end token."""
    samples = []
    for row, logits in zip(tokens.tolist(), levels, strict=True):
        end = next((place + 1 for place, token in enumerate(row) if token in critic.end_ids), None)
        samples.append(Sample(tuple(row[:end]), end is not None, logits[:end]))
    return samples
