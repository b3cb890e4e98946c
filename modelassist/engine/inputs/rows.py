"""Training rows: [prompt | completion 1 | .. | completion G], and the logits of the completions.

All completions of a clip share one prompt, which is encoded once. With a bool mask a completion sees only the prompt
and itself, and the positions of each completion start again after the prompt. So the results equal those of G separate
rows. SFT is the case G = 1. A float 0/1 mask, two-dimensional positions or positions inferred by the model would each
change the result without an error. The diagonal of the mask is always True, so padded tokens give no NaN.

Shape letters: B rows, N tokens of the longest row, C tokens of all completions, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from modelassist.engine.inputs.prompt import Prompt
from modelassist.engine.inputs.vision import Features, build_encoder_outputs
from modelassist.engine.models.loader import LoadedModel


@dataclass(frozen=True, slots=True)
class Row:
    """A prompt and its completions: token ids, including the end of the turn if the completion reached it."""

    prompt: Prompt
    completions: tuple[tuple[int, ...], ...]

    @property
    def length(self) -> int:
        return len(self.prompt.ids) + sum(map(len, self.completions))


@dataclass(frozen=True, slots=True)
class Packed:
    """Rows as one batch."""

    ids: Tensor
    """(B, N)"""
    positions: Tensor
    """(3, B, N)"""
    mask: Tensor
    """(B, 1, N, N) bool: which token sees which."""
    rows: Tensor
    """(C,) the row of each completion token."""
    places: Tensor
    """(C,) the position in the row whose output predicts the token."""
    targets: Tensor
    """(C,) the token itself."""
    owners: Tensor
    """(C,) the completion of the token, numbered over the whole batch."""


def pack(model: LoadedModel, rows: Sequence[Row]) -> Packed:
    """Pack rows into one batch, padded on the right to the longest."""
    size = max(row.length for row in rows)
    ids = torch.full((len(rows), size), model.pad_id)
    positions = torch.zeros(3, len(rows), size, dtype=torch.long)
    mask = torch.eye(size, dtype=torch.bool).repeat(len(rows), 1, 1)
    where: list[tuple[Tensor, ...]] = []
    for index, row in enumerate(rows):
        _write_prompt(row.prompt, ids[index], positions[:, index], mask[index])
        start = len(row.prompt.ids)
        for completion in row.completions:
            places = _write_completion(row.prompt, completion, start, ids[index], positions[:, index], mask[index])
            like = torch.ones_like(places)
            where.append((index * like, places, torch.tensor(completion), len(where) * like))
            start += len(completion)
    placed = [torch.cat(column) for column in zip(*where, strict=True)]
    device = model.device
    return Packed(
        ids=ids.to(device),
        positions=positions.to(device),
        mask=mask[:, None].to(device),
        rows=placed[0].to(device),
        places=placed[1].to(device),
        targets=placed[2].to(device),
        owners=placed[3].to(device),
    )


def compute_completion_logits(
    model: LoadedModel, rows: Sequence[Row], packed: Packed, features: Sequence[Features]
) -> Tensor:
    """Compute the (C, V) logits of every completion token, in the order of `packed`; the head runs for those only."""
    prompts = [row.prompt for row in rows]
    base = model.base
    hidden = base.model(
        input_ids=packed.ids,
        position_ids=packed.positions,
        attention_mask=packed.mask,
        mm_encoder_outputs=build_encoder_outputs(prompts, features),
        use_cache=False,
    ).last_hidden_state
    logits: Tensor = base.lm_head(hidden[packed.rows, packed.places])
    return logits.float()


def _write_prompt(prompt: Prompt, ids: Tensor, positions: Tensor, mask: Tensor) -> None:
    size = len(prompt.ids)
    ids[:size] = prompt.ids
    positions[:, :size] = prompt.positions
    mask[:size, :size] = torch.ones(size, size, dtype=torch.bool).tril()


def _write_completion(
    prompt: Prompt, completion: tuple[int, ...], start: int, ids: Tensor, positions: Tensor, mask: Tensor
) -> Tensor:
    """Write one completion of a row at `start`; returns the positions that predict its tokens."""
    size, shared = len(completion), len(prompt.ids)
    end = start + size
    ids[start:end] = torch.tensor(completion)
    positions[:, start:end] = torch.arange(prompt.next_position, prompt.next_position + size)
    mask[start:end, :shared] = True
    mask[start:end, start:end] = torch.ones(size, size, dtype=torch.bool).tril()
    places = torch.arange(start - 1, end - 1)
    places[0] = shared - 1  # the prompt's last token predicts the first one, even if other completions are between them
    return places
