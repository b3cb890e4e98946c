"""Guided generation: greedy answers whose form is forced, for models that were not trained on report cards."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from modelassist.engine.generation.sampler import Sample, prefill
from modelassist.engine.generation.skeleton import AnswerPlan, Step, Steps, plan_budget
from modelassist.engine.generation.vocabulary import Vocabulary
from modelassist.engine.inputs.batching import split_by_length
from modelassist.engine.inputs.prompt import Prompt
from modelassist.engine.inputs.vision import Features, encode
from modelassist.engine.models.loader import LoadedModel
from qsave.prompt import make_untuned_prompt, make_user_prompt
from qsave.taxonomy import DEFAULT_TAXONOMY, Defect


class _Answer:
    """One answer while it is written."""

    def __init__(self, plan: AnswerPlan) -> None:
        self.steps: Steps[None] = plan.list_steps()
        self.step: Step | None = next(self.steps)
        self.ids: list[int] = []

    def take(self, logits: Tensor) -> int:
        """Decide by the logits (V,) of the next token until one is written; returns it."""
        while True:
            assert self.step is not None
            allowed = self.step.allowed.to(logits.device)
            token = int(allowed[logits[allowed].argmax()])
            is_written = token not in self.step.unwritten
            try:
                self.step = self.steps.send(token)
            except StopIteration:
                self.step = None
            if is_written:
                self.ids.append(token)
                return token


@torch.no_grad()
def generate_guided(
    model: LoadedModel, prompts: Sequence[Prompt], features: Sequence[Features], plans: Sequence[AnswerPlan]
) -> list[Sample]:
    """Generate one answer for each prompt, in the form of its plan. It does not depend on the rest of the batch."""
    state = prefill(model, prompts, features, 1, max(plan.budget.most for plan in plans))
    answers = [_Answer(plan) for plan in plans]
    levels: list[Tensor] = []
    while True:
        levels.append(state.logits[:, list(model.level_ids)].cpu())
        tokens = [
            answer.take(row) if answer.step is not None else model.pad_id
            for answer, row in zip(answers, state.logits, strict=True)
        ]
        if all(answer.step is None for answer in answers):
            break
        state.advance(torch.tensor(tokens))
    stacked = torch.stack(levels, dim=1)
    return [
        Sample(tuple(answer.ids), True, row[: len(answer.ids)]) for answer, row in zip(answers, stacked, strict=True)
    ]


class Guide:
    """Asks a model that was not trained on report cards: it is told the defects, and the form is forced."""

    def __init__(self, model: LoadedModel, taxonomy: Sequence[Defect] = DEFAULT_TAXONOMY) -> None:
        self.taxonomy = tuple(taxonomy)
        self._model = model
        self._vocabulary = Vocabulary(model)

    def build_question(self, prompt: str) -> list[dict[str, str]]:
        """Build the messages that ask about one video prompt, up to the assistant's turn."""
        system = make_untuned_prompt(self.taxonomy, as_json=False)
        return [{"role": "system", "content": system}, {"role": "user", "content": make_user_prompt(prompt)}]

    def stream(
        self, prompts: Sequence[Prompt], seconds: Sequence[float], token_budget: int
    ) -> Iterator[tuple[int, list[Sample]]]:
        """Generate batch by batch; yields the position of each prompt and its one sample.

        `seconds` is the last second of each clip.
        """
        self._model.network.eval()
        plans = [self._make_plan(last) for last in seconds]
        lengths = [len(prompt.ids) for prompt in prompts]
        most = max((plan.budget.most for plan in plans), default=0)
        for positions in split_by_length(lengths, token_budget, extra=most):
            batch = [prompts[position] for position in positions]
            with torch.no_grad():
                features = [encode(self._model, [prompt])[0] for prompt in batch]
            samples = generate_guided(self._model, batch, features, [plans[position] for position in positions])
            yield from ((position, [sample]) for position, sample in zip(positions, samples, strict=True))

    def _make_plan(self, seconds: float) -> AnswerPlan:
        budget = plan_budget(self._vocabulary, self.taxonomy, seconds, self._model.max_new_tokens)
        return AnswerPlan(self._vocabulary, self.taxonomy, seconds, budget)
