"""Let a loaded critic answer a chat request, as `score` does: the same prompt, the same greedy sampling."""

import math
import time
import uuid
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import torch

from modelassist.engine.generation.critic import Critic
from modelassist.engine.generation.read_scores import Scored, read_scores
from modelassist.engine.generation.sampler import Sample, generate
from modelassist.engine.inputs.prompt import Prompt, build_prompt
from modelassist.engine.inputs.vision import encode
from modelassist.engine.serving.questions import ChatQuestion
from qsave.answers.json_form import render_json
from qsave.answers.reading import locate_levels
from qsave.axes import LEVEL_WORDS, Axis
from qsave.grammar import parse

_LEAST_LOGPROB = -100.0
"""Log-probabilities below it are raised to it, since JSON has no infinity."""

Json = dict[str, Any]


def complete(critic: Critic, name: str, question: ChatQuestion) -> Json:
    """Return the chat completion of a question: JSON if that was asked for and the answer is readable."""
    prompt = build_prompt(critic.loaded, question.frames, critic.build_question(question.prompt))
    sample = _generate(critic, prompt, question)
    scored = read_scores(critic.loaded, [sample])
    content = render_json(parse(scored.text)) if question.as_json and scored.card else scored.text
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": content, "refusal": None},
        "logprobs": {"content": list(_list_tokens(content, scored))} if question.logprobs else None,
        "finish_reason": "stop" if sample.finished else "length",
    }
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": name,
        "choices": [choice],
        "usage": _count_tokens(len(prompt.ids), sample),
    }


def _generate(critic: Critic, prompt: Prompt, question: ChatQuestion) -> Sample:
    model = critic.loaded
    if critic.guide is not None:
        ((_, (sample,)),) = critic.guide.stream([prompt], [question.frames.fast_times[-1]], len(prompt.ids))
        return sample
    model.network.eval()
    limit = min(question.max_tokens or model.max_new_tokens, model.max_new_tokens)
    with torch.no_grad():
        features = encode(model, [prompt])
    return generate(model, [prompt], features, max_new_tokens=limit)[0][0]


def _list_tokens(content: str, scored: Scored) -> Iterator[Json]:
    """Yield the content in pieces: each level word with the log-probabilities of all five, and the text between them.

    The probability of the text between is not computed: its `logprob` is 0.
    """
    spans = {span: axis for axis, span in locate_levels(content).items() if axis in scored.probabilities}
    cuts = sorted({0, len(content), *(cut for span in spans for cut in span)})
    for span in pairwise(cuts):
        axis = spans.get(span)
        yield (
            _make_level_token(content[slice(*span)], axis, scored) if axis else _make_token(content[slice(*span)], 0.0)
        )


def _make_level_token(word: str, axis: Axis, scored: Scored) -> Json:
    logprobs = {
        name: max(_LEAST_LOGPROB, math.log(share) if share else _LEAST_LOGPROB)
        for name, share in zip(LEVEL_WORDS, scored.probabilities[axis], strict=True)
    }
    top = sorted(logprobs.items(), key=lambda pair: -pair[1])
    return {**_make_token(word, logprobs[word]), "top_logprobs": [_make_token(*pair) for pair in top]}


def _make_token(text: str, logprob: float) -> Json:
    return {"token": text, "logprob": logprob, "bytes": list(text.encode()), "top_logprobs": []}


def _count_tokens(prompt: int, sample: Sample) -> Json:
    completion = len(sample.ids)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
