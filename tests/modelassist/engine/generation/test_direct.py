"""Direct answers read the level of each axis from one prefill, as training computes them."""

import pytest
import torch

from modelassist.engine.generation.critic import build_question
from modelassist.engine.generation.direct import answer_directly_each, make_form
from modelassist.engine.generation.read_scores import compute_expected_scores, find_level_positions
from modelassist.engine.inputs.prompt import Prompt, build_prompt, encode_completion
from modelassist.engine.inputs.rows import Row, compute_completion_logits, pack
from modelassist.engine.inputs.vision import encode
from modelassist.engine.models.loader import LoadedModel
from qsave.axes import AXES
from tests.modelassist.engine.inputs.test_prompt import some_frames


def make_prompt(model: LoadedModel, words: str, frames: int = 3) -> Prompt:
    seen = some_frames(frames, 1, seed=len(words), unit=2 * model.geometry.unit)
    return build_prompt(model, seen, build_question(words))


def test_the_scores_are_those_of_the_training_row_with_the_same_answer(either: LoadedModel) -> None:
    prompt = make_prompt(either, "A square")
    [scored] = answer_directly_each(either, [prompt], 10_000)
    assert scored.card is not None
    ids = encode_completion(either, scored.text)
    row = Row(prompt, (ids,))
    with torch.no_grad():
        logits = compute_completion_logits(either, [row], pack(either, [row]), encode(either, [prompt]))
    of_levels = logits[list(find_level_positions(either, ids) or ())][:, list(either.level_ids)]
    assert list(scored.card.scores.values()) == pytest.approx(compute_expected_scores(of_levels).tolist(), abs=1e-4)
    words = [line.split(": ")[1] for line in scored.text.splitlines()[1:-1]]
    assert words == [("bad", "poor", "fair", "good", "excellent")[int(one.argmax())] for one in of_levels]


def test_an_answer_does_not_depend_on_the_batch_and_always_has_levels(critic: LoadedModel) -> None:
    prompts = [make_prompt(critic, "word " * count, frames=2 + count) for count in (1, 4, 2)]
    together = answer_directly_each(critic, prompts, 10_000)
    for prompt, scored in zip(prompts, together, strict=True):
        [alone] = answer_directly_each(critic, [prompt], 1)
        assert scored.card is not None
        assert alone.card is not None
        assert list(scored.card.scores.values()) == pytest.approx(list(alone.card.scores.values()), abs=1e-4)
        assert all(sum(scored.probabilities[axis]) == pytest.approx(1, abs=1e-5) for axis in AXES)
        assert scored.is_direct


def test_the_form_takes_few_tokens(critic: LoadedModel) -> None:
    form = make_form(critic)
    assert len(form.parts) == len(AXES)
    assert form.length < 60  # a reasoned answer has hundreds
