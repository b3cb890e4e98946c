"""Free generation: a group of continuations for each prompt, from one prefill.

The prompt is encoded once and its cache repeated for the group. Positions are explicit and the mask is the padding's,
so greedy output equals transformers' own `generate`, token for token. Beside every token the logits of the five level
words are kept: where the grammar puts a level, the score is read from them.

Shape letters: B prompts, G samples of each, R = B x G, S steps, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import DynamicCache

from modelassist.engine.inputs import Prompt
from modelassist.engine.model import Loaded
from modelassist.engine.vision import Features, encoder_outputs


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
    *,
    max_new_tokens: int,
    group: int = 1,
    temperature: float = 0.0,
    generator: torch.Generator | None = None,
) -> list[list[Sample]]:
    """`group` continuations of each prompt; temperature 0 is greedy, otherwise the whole distribution is sampled."""
    state = _prefill(critic, prompts, features, group)
    tokens, levels = [], []
    done = torch.zeros(len(prompts) * group, dtype=torch.bool)
    ends = torch.tensor(critic.end_ids)
    for step in range(max_new_tokens):
        levels.append(state.logits[:, list(critic.level_ids)].cpu())
        token = _choose(critic, state.logits, temperature, generator)
        tokens.append(token)
        done |= torch.isin(token, ends)
        if bool(done.all()) or step + 1 == max_new_tokens:
            break
        state.advance(token)
    flat = _samples(critic, torch.stack(tokens, dim=1), torch.stack(levels, dim=1))
    return [flat[start : start + group] for start in range(0, len(flat), group)]


class _State:
    """The running batch: cache, padding mask, next position and last logits."""

    def __init__(self, critic: Loaded, cache: DynamicCache, mask: Tensor, position: Tensor, logits: Tensor) -> None:
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


def _prefill(critic: Loaded, prompts: Sequence[Prompt], features: Sequence[Features], group: int) -> _State:
    base = critic.base
    ids, positions, mask = (tensor.to(base.device) for tensor in _left_padded(critic, prompts))
    output = base.model(
        input_ids=ids,
        position_ids=positions,
        attention_mask=mask,
        mm_encoder_outputs=encoder_outputs(prompts, features),
        past_key_values=DynamicCache(config=base.config.text_config),
        use_cache=True,
    )
    output.past_key_values.batch_repeat_interleave(group)
    logits = base.lm_head(output.last_hidden_state[:, -1]).float()
    following = torch.tensor([prompt.next_position for prompt in prompts], device=base.device)
    return _State(
        critic,
        output.past_key_values,
        mask.repeat_interleave(group, dim=0),
        following.repeat_interleave(group),
        logits.repeat_interleave(group, dim=0),
    )


def _left_padded(critic: Loaded, prompts: Sequence[Prompt]) -> tuple[Tensor, Tensor, Tensor]:
    """Ids (B, N), positions (3, B, N) and bool mask (B, N) of a batch whose prompts all end at the same place."""
    size = max(len(prompt.ids) for prompt in prompts)
    ids = torch.full((len(prompts), size), critic.pad_id)
    positions = torch.zeros(3, len(prompts), size, dtype=torch.long)
    mask = torch.zeros(len(prompts), size, dtype=torch.bool)
    for index, prompt in enumerate(prompts):
        start = size - len(prompt.ids)
        ids[index, start:] = prompt.ids
        positions[:, index, start:] = prompt.positions
        mask[index, start:] = True
    return ids, positions, mask


def forbid(critic: Loaded, logits: Tensor) -> Tensor:
    """Logits with everything that is never generated ruled out: the distribution that samples come from."""
    return logits.index_fill(-1, torch.tensor(critic.never_generated, device=logits.device), float("-inf"))


def _choose(critic: Loaded, logits: Tensor, temperature: float, generator: torch.Generator | None) -> Tensor:
    """The next token of each row, on the CPU (so that a seed means the same draws on every device)."""
    allowed = forbid(critic, logits).cpu()
    if temperature == 0:
        return allowed.argmax(-1)
    probabilities = torch.softmax(allowed / temperature, dim=-1)
    return torch.multinomial(probabilities, 1, generator=generator)[:, 0]


def _samples(critic: Loaded, tokens: Tensor, levels: Tensor) -> list[Sample]:
    """Cut each row at its first end token."""
    samples = []
    for row, logits in zip(tokens.tolist(), levels, strict=True):
        end = next((place + 1 for place, token in enumerate(row) if token in critic.end_ids), None)
        samples.append(Sample(tuple(row[:end]), end is not None, logits[:end]))
    return samples
