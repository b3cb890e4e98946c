"""An error that one clip causes costs its own card only, in `score`, drafting, training and evaluation."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
import torch

from modelassist.engine.evaluation.predictions import predict
from modelassist.engine.generation import critic as critic_module
from modelassist.engine.generation.critic import Critic
from modelassist.engine.generation.read_scores import Scored
from modelassist.engine.generation.sampler import Sample
from modelassist.engine.inputs import frame_store as frame_store_module
from modelassist.engine.inputs.examples import load_examples
from modelassist.engine.inputs.feeder import Feeder
from modelassist.engine.inputs.frame_store import FrameStore
from modelassist.engine.inputs.gathering import decode_clips
from modelassist.engine.inputs.prompt import Prompt, build_prompt
from modelassist.engine.models.distributed import Machine
from modelassist.engine.models.loader import LoadedModel
from modelassist.engine.settings.sampling import Sampling
from qsave.frames.slowfast import FrameConfig, Frames, Watched, read, watch
from qsave.release.reader import ReleaseReader
from tests.modelassist.engine.predictions import make_scored
from tests.modelassist.engine.small import write_clip

CARD = make_scored(3.5, [])
BAD = "a bad prompt"
PROMPTS = ("one", BAD, "three", "four")


@pytest.fixture
def items(tmp_path: Path) -> list[tuple[Path, str]]:
    for number in range(len(PROMPTS)):
        write_clip(tmp_path / f"{number}.mp4", 40 * number)
    return [(tmp_path / f"{number}.mp4", prompt) for number, prompt in enumerate(PROMPTS)]


@pytest.fixture
def fluent(critic: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> Critic:
    """A critic whose every answer is read as a card."""
    monkeypatch.setattr(critic_module, "read_scores", lambda *_: CARD)
    return Critic(critic, Sampling(token_budget=100_000))


def asks_bad(critic: LoadedModel, prompts: Sequence[Prompt]) -> bool:
    bad = critic.tokenizer.encode(BAD, add_special_tokens=False)[-3:]
    return any(str(bad)[1:-1] in str(prompt.ids.tolist()) for prompt in prompts)


def fail_while_reading(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fails(path: Path, config: FrameConfig) -> Watched:
        if path.name == "1.mp4":
            raise error
        return watch(path, config)

    monkeypatch.setattr(critic_module, "watch", fails)


def fail_while_asking(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    build = build_prompt

    def fails(critic: LoadedModel, frames: Frames, messages: Sequence[Mapping[str, str]]) -> Prompt:
        if BAD in messages[1]["content"]:
            raise error
        return build(critic, frames, messages)

    monkeypatch.setattr(critic_module, "build_prompt", fails)


def fail_while_generating(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    stream = critic_module.stream_answers

    def fails(critic: LoadedModel, prompts: Sequence[Prompt], sampling: Sampling) -> Iterator[tuple[int, list[Sample]]]:
        if asks_bad(critic, prompts):
            raise error
        return stream(critic, prompts, sampling)

    monkeypatch.setattr(critic_module, "stream_answers", fails)


Fail = Callable[[pytest.MonkeyPatch, Exception], None]
FAILS = [fail_while_reading, fail_while_asking, fail_while_generating]
BEGINNINGS = ["The file cannot be used: ", "The critic failed on this clip (", "The critic failed on this clip ("]


@pytest.mark.parametrize(("fail", "beginning"), list(zip(FAILS, BEGINNINGS, strict=True)))
@pytest.mark.parametrize("error", [AttributeError("width"), IndexError("out of range"), RuntimeError("shape")])
def test_an_error_of_one_clip_costs_its_own_card(
    fluent: Critic,
    items: list[tuple[Path, str]],
    monkeypatch: pytest.MonkeyPatch,
    fail: Fail,
    beginning: str,
    error: Exception,
) -> None:
    fail(monkeypatch, error)

    results = fluent.score(items)

    assert [result.card is not None for result in results] == [True, False, True, True]
    assert (results[1].error or "").startswith(beginning)


@pytest.mark.parametrize("fail", FAILS)
@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory")])
def test_full_memory_is_no_fault_of_a_clip(
    fluent: Critic, items: list[tuple[Path, str]], monkeypatch: pytest.MonkeyPatch, fail: Fail, error: Exception
) -> None:
    fail(monkeypatch, error)

    with pytest.raises(type(error)):
        fluent.score(items)


def test_an_error_of_every_clip_is_no_fault_of_a_clip(
    fluent: Critic, items: list[tuple[Path, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> Iterator[tuple[int, Scored]]:
        raise RuntimeError("a broken critic")

    monkeypatch.setattr(critic_module, "stream_answers", fails)

    with pytest.raises(RuntimeError, match="a broken critic"):
        fluent.score(items)


def test_training_and_evaluation_go_on_without_a_clip_that_sets_something_off(
    critic: LoadedModel, release_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = load_examples(ReleaseReader(release_folder), "sft", "train")[:3]

    def fails(path: Path, config: FrameConfig) -> Frames:
        if path == examples[1].path:
            raise UnicodeDecodeError("utf-8", b"\xe9", 0, 1, "invalid continuation byte")
        return read(path, config)

    monkeypatch.setattr(frame_store_module, "read", fails)
    store = FrameStore(tmp_path, critic.frames)

    usable, problems = decode_clips(store, examples, "train", Machine())
    predictions = predict(critic, Feeder(critic, store), examples, Sampling(token_budget=4096), label="train")

    assert usable == [examples[0], examples[2]]
    assert [problem.startswith(f"clip {examples[1].clip_id} left out: ") for problem in problems] == [True]
    assert ["The file cannot be" in (each.scored.error or "") for each in predictions] == [False, True, False]
