"""A loaded critic answers a chat request as `score` does, and what it cannot answer is refused in a sentence."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from modelassist.engine.generation.critic import Critic
from modelassist.engine.generation.guided import Guide
from modelassist.engine.generation.sampler import Sample
from modelassist.engine.models.loader import LoadedModel
from modelassist.engine.serving import completions
from modelassist.engine.serving.completions import complete
from modelassist.engine.serving.questions import ChatQuestion, RequestError, read_question
from modelassist.kinds.endpoint.client import read_tokens
from modelassist.kinds.endpoint.levels import compute_expected_scores
from qsave.answers.json_form import make_schema, render_json
from qsave.answers.reading import locate_levels
from qsave.axes import AXES, LEVEL_WORDS
from qsave.frames.chat_parts import build_frame_parts, build_text
from qsave.frames.slowfast import read
from qsave.grammar import LEVEL_PREFIX, render
from qsave.taxonomy import DEFAULT_TAXONOMY
from tests.modelassist.engine.small import FRAMES, write_clip
from tests.qsave.test_grammar import CARD


@pytest.fixture
def parts(tmp_path: Path) -> list[Any]:
    write_clip(tmp_path / "clip.mp4", 90)
    return [*build_frame_parts(read(tmp_path / "clip.mp4", FRAMES), "png"), build_text("Prompt: A square")]


def make_body(parts: object, **more: object) -> dict[str, Any]:
    return {"messages": [{"role": "system", "content": "x"}, {"role": "user", "content": parts}], **more}


def make_sample(model: LoadedModel, text: str, level_logits: Tensor) -> Sample:
    """Make the sample of a model that writes `text`, with these logits at each of its level words."""
    ids: list[int] = []
    for axis in LEVEL_PREFIX:
        text = text.replace(f"{axis}: ", f"{axis}:| ")
    for piece in text.split("|"):
        ids += model.tokenizer.encode(piece, add_special_tokens=False)
    ids.append(model.end_ids[0])
    return Sample(tuple(ids), True, level_logits.expand(len(ids), 5))


@pytest.mark.parametrize("as_json", [True, False])
def test_the_level_words_have_log_probabilities_that_give_the_expected_score(
    critic: LoadedModel, parts: list[Any], monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    form = {"type": "json_schema", "json_schema": {"schema": make_schema(DEFAULT_TAXONOMY)}}
    question = read_question(
        make_body(parts, logprobs=True, **({"response_format": form} if as_json else {})), FRAMES, ""
    )
    logits = torch.tensor([0.0, 1.0, 3.0, 2.0, -200.0])
    text = render(CARD)
    monkeypatch.setattr(completions, "generate", lambda *_, **__: [[make_sample(critic, text, logits)]])

    completion = complete(Critic(critic), "grader", question)

    (choice,) = completion["choices"]
    assert choice["message"]["content"] == (render_json(CARD) if as_json else text)
    assert choice["finish_reason"] == "stop"
    scores = compute_expected_scores(choice["message"]["content"], read_tokens(choice["logprobs"]))
    shares = torch.softmax(logits, 0).tolist()
    assert list(scores.values()) == pytest.approx([sum(level * share for level, share in enumerate(shares, 1))] * 3)
    likely = next(token["top_logprobs"] for token in choice["logprobs"]["content"] if token["top_logprobs"])
    assert {token["token"] for token in likely} == set(LEVEL_WORDS)
    assert all(math.isfinite(token["logprob"]) for token in likely)


def test_an_answer_is_cut_at_the_limit_of_the_request(critic: LoadedModel, parts: list[Any]) -> None:
    completion = complete(Critic(critic), "grader", read_question(make_body(parts, max_tokens=3), FRAMES, ""))

    assert completion["choices"][0]["finish_reason"] == "length"
    assert completion["usage"]["completion_tokens"] == 3
    assert completion["usage"]["total_tokens"] == completion["usage"]["prompt_tokens"] + 3
    assert completion["choices"][0]["logprobs"] is None


def test_a_model_that_is_no_critic_answers_in_the_form(critic: LoadedModel, parts: list[Any]) -> None:
    question = read_question(make_body(parts, logprobs=True), FRAMES, "")

    completion = complete(Critic(critic, guide=Guide(critic)), "base", question)

    content = completion["choices"][0]["message"]["content"]
    assert list(locate_levels(content)) == list(AXES)
    assert completion["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("texts", "prompt"),
    [
        (["Prompt: A red ball"], "A red ball"),
        (["Look.", "Prompt: A red ball", "Be strict."], "A red ball"),
        (["Grade this.", "A red ball"], "A red ball"),
        ([], ""),
    ],
)
def test_the_prompt_is_the_text_that_says_so_else_the_last(parts: list[Any], texts: list[str], prompt: str) -> None:
    body = make_body([*parts[:-1], *map(build_text, texts)])

    question = read_question(body, FRAMES, "")

    assert isinstance(question, ChatQuestion)
    assert (question.prompt, question.as_json, question.logprobs, question.max_tokens) == (prompt, False, False, None)


@pytest.mark.parametrize(
    ("change", "parameter"),
    [
        ({"messages": None}, "messages"),
        ({"messages": [1]}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": "no pictures"}]}, "messages"),
        ({"messages": [{"role": "user", "content": [build_text("no pictures")]}]}, "messages"),
        ({"stream": True}, "stream"),
        ({"n": 2}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "7"}, "max_tokens"),
        ({"max_completion_tokens": True}, "max_completion_tokens"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {"properties": {"a": 1}}}}},
            "response_format",
        ),
        ({"response_format": 7}, "response_format"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_the_part_at_fault(
    parts: list[Any], change: dict[str, object], parameter: str
) -> None:
    with pytest.raises(RequestError) as error:
        read_question({**make_body(parts), **change}, FRAMES, "")

    assert error.value.parameter == parameter
    assert str(error.value).endswith(".")
