"""Direct answers: the level of each axis without reasons, from one prefill.

The text is fixed but for three level words. So only three short passes follow the prompt, in place of one for each
token of a reasoned answer, and every answer can be read. Scores are expectations over the levels, as elsewhere. An axis
sees the levels that were chosen before it, as in the direct answers that SFT trains on (`sft.direct_weight`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from modelassist.engine.generation.read_scores import Scored, compute_expected_scores, find_level_positions
from modelassist.engine.generation.sampler import prefill
from modelassist.engine.inputs.batching import split_by_length
from modelassist.engine.inputs.prompt import Prompt, encode_completion
from modelassist.engine.inputs.vision import Features, encode
from modelassist.engine.models.loader import LoadedModel
from qsave.axes import AXES, MAX_LEVEL, MIN_LEVEL
from qsave.grammar import drop_reasons, render
from qsave.report_card import AxisReport, ReportCard


@dataclass(frozen=True, slots=True)
class DirectForm:
    """The fixed tokens before the level word of each axis."""

    parts: tuple[Tensor, ...]

    @property
    def length(self) -> int:
        """The tokens of an answer up to its last level word."""
        return sum(len(part) + 1 for part in self.parts)


def make_form(model: LoadedModel) -> DirectForm:
    """Find the fixed tokens of a direct answer in this model's tokenizer."""
    ids = encode_completion(model, _render_levels([MIN_LEVEL] * len(AXES)))
    positions = find_level_positions(model, ids)
    assert positions is not None  # the loader has checked the level words
    starts = (0, *(position + 1 for position in positions))
    return DirectForm(tuple(torch.tensor(ids[start:end]) for start, end in zip(starts, positions, strict=False)))


def stream_direct_answers(
    model: LoadedModel, prompts: Sequence[Prompt], token_budget: int
) -> Iterator[tuple[int, Scored]]:
    """Answer batch by batch; yields the position of each prompt and its scores. They do not depend on the batch."""
    model.network.eval()
    form = make_form(model)
    for positions in split_by_length([len(prompt.ids) for prompt in prompts], token_budget, extra=form.length):
        batch = [prompts[position] for position in positions]
        with torch.no_grad():
            features = [encode(model, [prompt])[0] for prompt in batch]
        yield from zip(positions, answer_directly(model, batch, features, form), strict=True)


def answer_directly_each(model: LoadedModel, prompts: Sequence[Prompt], token_budget: int) -> list[Scored]:
    """Answer many prompts directly, in their order."""
    by_position = dict(stream_direct_answers(model, prompts, token_budget))
    return [by_position[position] for position in range(len(prompts))]


@torch.no_grad()
def answer_directly(
    model: LoadedModel, prompts: Sequence[Prompt], features: Sequence[Features], form: DirectForm
) -> list[Scored]:
    """Answer one batch: prefill, then read the level of each axis and continue with the most likely word."""
    state = prefill(model, prompts, features, 1, form.length)
    level_ids = torch.tensor(model.level_ids)
    chosen = torch.empty(len(prompts), 0, dtype=torch.long)
    levels, logits = [], []
    for part in form.parts:
        state.feed(torch.cat([chosen, part.expand(len(prompts), -1)], dim=1))
        of_levels = state.logits[:, model.level_ids].cpu()
        choice = of_levels.argmax(-1)
        chosen = level_ids[choice][:, None]
        levels.append(choice + MIN_LEVEL)
        logits.append(of_levels)
    rows = zip(torch.stack(levels, dim=1).tolist(), torch.stack(logits, dim=1), strict=True)
    return [_make_scored(chosen_levels, of_axes) for chosen_levels, of_axes in rows]


def _make_scored(levels: Sequence[int], logits: Tensor) -> Scored:
    """Make the result from the chosen level of each axis and the logits (axes, 5)."""
    scores = compute_expected_scores(logits).clamp(MIN_LEVEL, MAX_LEVEL).tolist()
    shares = torch.softmax(logits.float(), dim=-1).tolist()
    card = ReportCard(**{axis.value: AxisReport(score) for axis, score in zip(AXES, scores, strict=True)})
    probabilities = {axis: tuple(share) for axis, share in zip(AXES, shares, strict=True)}
    return Scored(card, _render_levels(levels), probabilities, is_direct=True)


def _render_levels(levels: Sequence[int]) -> str:
    reports = {axis.value: AxisReport(level) for axis, level in zip(AXES, levels, strict=True)}
    return drop_reasons(render(ReportCard(**reports)))
