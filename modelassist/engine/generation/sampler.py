"""Free generation: several samples for each prompt, from one prefill.

A prompt is encoded once and its cache repeated for its samples. Positions are explicit and the mask hides the padding
only, so greedy output equals transformers' own `generate`, token for token. The logits of the five level words are
returned with every token: scores are read from them at the positions of the levels.

Shape letters: B prompts, G samples of each, R = B x G, S steps, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import Cache, DynamicCache

from modelassist.engine.generation.kv_cache import join_caches
from modelassist.engine.inputs.prompt import Prompt
from modelassist.engine.inputs.vision import Features, build_encoder_outputs
from modelassist.engine.models.loader import LoadedModel
from modelassist.engine.settings.sampling import Sampling
from modelassist.engine.support.seeds import make_generator


@dataclass(frozen=True, slots=True)
class Sample:
    """One continuation of a prompt."""

    ids: tuple[int, ...]
    """Tokens, including the end token."""
    finished: bool
    """False if the sample was cut off at the length limit."""
    level_logits: Tensor
    """(S, 5) logits of the level words at every step, before temperature."""


@torch.no_grad()
def generate(
    model: LoadedModel,
    prompts: Sequence[Prompt],
    features: Sequence[Features],
    sampling: Sampling = Sampling(),  # noqa: B008  # it is frozen
    *,
    max_new_tokens: int,
) -> list[list[Sample]]:
    """Generate `sampling.samples` continuations of each prompt.

    The draws for a prompt depend only on the seed and its own tokens, not on the rest of the batch.
    """
    count = sampling.samples
    state = prefill(model, prompts, features, count, max_new_tokens)
    generators = (
        [make_generator(sampling.seed, "sample", *prompt.ids.tolist()) for prompt in prompts]
        if sampling.temperature
        else []
    )
    tokens, levels = [], []
    done = torch.zeros(len(prompts) * count, dtype=torch.bool)
    ends = torch.tensor(model.end_ids)
    for step in range(max_new_tokens):
        levels.append(state.logits[:, list(model.level_ids)].cpu())
        token = _choose_tokens(model, state.logits, sampling.temperature, generators)
        tokens.append(token)
        done |= torch.isin(token, ends)
        if bool(done.all()) or step + 1 == max_new_tokens:
            break
        state.advance(token)
    samples = _cut_samples(model, torch.stack(tokens, dim=1), torch.stack(levels, dim=1))
    return [samples[start : start + count] for start in range(0, len(samples), count)]


@dataclass(slots=True)
class DecodingState:
    """The batch between two steps."""

    model: LoadedModel
    cache: Cache
    mask: Tensor
    """(R, tokens) bool: False at padding."""
    position: Tensor
    """(R,) of the next token."""
    logits: Tensor
    """(R, V) of the next token."""

    def advance(self, token: Tensor) -> None:
        """Feed one token a row, (R,)."""
        self.feed(token[:, None])

    def feed(self, tokens: Tensor) -> None:
        """Feed as many tokens to each row, (R, T); `logits` are then those of the token after them."""
        base, count = self.model.base, tokens.shape[1]
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(self.mask), count)], dim=1)
        positions = self.position[:, None] + torch.arange(count, device=self.position.device)
        hidden = base.model(
            input_ids=tokens.to(base.device),
            position_ids=positions.expand(3, -1, -1),
            attention_mask=self.mask,
            past_key_values=self.cache,
            use_cache=True,
        ).last_hidden_state
        self.logits = base.lm_head(hidden[:, -1]).float()
        self.position = self.position + count


def prefill(
    model: LoadedModel, prompts: Sequence[Prompt], features: Sequence[Features], count: int, max_new_tokens: int
) -> DecodingState:
    """Encode the prompts one by one, then batch them with `count` rows each.

    Prefill is bound by arithmetic: a batch would not be faster, and its padding mask would rule out the causal kernel.
    Decoding is bound by memory, so a batch is faster there.
    """
    encoded = [_encode_prompt(model, prompt, part) for prompt, part in zip(prompts, features, strict=True)]
    lengths = [len(prompt.ids) for prompt in prompts]
    device = model.device
    starts = torch.tensor([max(lengths) - length for length in lengths], device=device)
    mask = torch.arange(max(lengths), device=device) >= starts[:, None]
    positions = torch.tensor([prompt.next_position for prompt in prompts], device=device)
    return DecodingState(
        model,
        cache=join_caches([cache for cache, _ in encoded], lengths, count, max_new_tokens),
        mask=mask.repeat_interleave(count, dim=0),
        position=positions.repeat_interleave(count),
        logits=torch.cat([logits for _, logits in encoded]).repeat_interleave(count, dim=0),
    )


def _encode_prompt(model: LoadedModel, prompt: Prompt, features: Features) -> tuple[DynamicCache, Tensor]:
    """Return the cache of one prompt, and the logits (1, V) of the token after it."""
    base = model.base
    output = base.model(
        input_ids=prompt.ids[None].to(base.device),
        position_ids=prompt.positions[:, None].to(base.device),
        mm_encoder_outputs=build_encoder_outputs([prompt], [features]),
        past_key_values=DynamicCache(config=base.config.text_config),
        use_cache=True,
    )
    return output.past_key_values, base.lm_head(output.last_hidden_state[:, -1]).float()


def forbid(model: LoadedModel, logits: Tensor) -> Tensor:
    """Set the logits of tokens that must never be generated to -inf; samples come from the resulting distribution."""
    return logits.index_fill(-1, torch.tensor(model.never_generated, device=logits.device), float("-inf"))


def _choose_tokens(
    model: LoadedModel, logits: Tensor, temperature: float, generators: Sequence[torch.Generator]
) -> Tensor:
    """Choose the next token of each row; the result is on the CPU.

    Each draw is one random number from a CPU generator, which selects a token by the cumulative distribution. So a seed
    gives the same draws on every device.
    """
    allowed = forbid(model, logits)
    if temperature == 0:
        return allowed.argmax(-1).cpu()
    count = len(logits) // len(generators)
    draws = torch.cat([torch.rand(count, 1, dtype=torch.float64, generator=own) for own in generators])
    cumulative = torch.softmax(allowed / temperature, dim=-1).double().cumsum(-1)
    return torch.searchsorted(cumulative, draws.to(logits.device) * cumulative[:, -1:], right=True)[:, 0].cpu()


def _cut_samples(model: LoadedModel, tokens: Tensor, levels: Tensor) -> list[Sample]:
    """Cut each row after its first end token."""
    samples = []
    for row, logits in zip(tokens.tolist(), levels, strict=True):
        end = next((position + 1 for position, token in enumerate(row) if token in model.end_ids), None)
        samples.append(Sample(tuple(row[:end]), end is not None, logits[:end]))
    return samples
