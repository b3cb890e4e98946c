"""Training and scoring use the same prompts, token for token and pixel for pixel."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from modelassist.engine.generation import critic as critic_module
from modelassist.engine.generation.critic import Critic
from modelassist.engine.generation.read_scores import read_scores
from modelassist.engine.generation.sampler import Sample
from modelassist.engine.inputs.examples import load_examples
from modelassist.engine.inputs.feeder import Feeder
from modelassist.engine.inputs.frame_store import FrameStore
from modelassist.engine.inputs.prompt import Prompt, encode_completion
from modelassist.engine.models.loader import LoadedModel, load
from modelassist.engine.models.saver import save
from modelassist.engine.settings.sampling import Sampling
from qsave.detectors.prompt_line import MEASURED_WORD
from qsave.detectors.propose import ENABLED
from qsave.release.reader import ReleaseReader


def same(one: Prompt, other: Prompt) -> bool:
    tensors = all(
        torch.equal(getattr(one, name), getattr(other, name)) for name in ("ids", "positions", "pixels", "grids")
    )
    return tensors and (one.next_position, one.images) == (other.next_position, other.images)


@pytest.mark.parametrize("kind", ["sft", "rl"])
def test_the_prompt_of_a_row_is_the_prompt_of_a_clip_that_is_scored(
    either: LoadedModel, release_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    prompts_seen: list[Prompt] = []

    def take(critic: LoadedModel, prompts: Sequence[Prompt], sampling: Sampling) -> Iterator[tuple[int, list[Sample]]]:
        prompts_seen.extend(prompts)
        return iter(())

    reader = ReleaseReader(release_folder)
    items = [(reader.media_path(row), row.video_prompt) for row in reader.rows(kind, "train")]
    monkeypatch.setattr(critic_module, "stream_answers", take)
    list(Critic(either).stream(items))

    feeder = Feeder(either, FrameStore(tmp_path, either.frames))
    examples = load_examples(reader, kind, "train")
    assert len(prompts_seen) == len(examples) == 8
    for prompt, example in zip(prompts_seen, examples, strict=True):
        assert same(prompt, feeder.make_prompt(example))
        if kind == "sft":
            assert same(prompt, feeder.make_row(example).prompt)


def test_a_critic_that_is_told_readings_is_always_asked_with_them(
    critic: LoadedModel, release_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training, evaluation and scoring add the same line, and the saved critic keeps it."""
    critic.readings = ENABLED
    reader = ReleaseReader(release_folder)
    example = load_examples(reader, "sft", "train")[0]
    [row] = [row for row in reader.rows("sft", "train") if row.id == example.id]
    feeder = Feeder(critic, FrameStore(tmp_path / "frames", critic.frames))
    prompt = feeder.make_prompt(example)
    assert same(prompt, feeder.make_row(example).prompt)
    assert f"\n{MEASURED_WORD} " in critic.tokenizer.decode(prompt.ids)
    assert MEASURED_WORD not in critic.tokenizer.decode(feeder.make_prompt(replace(example, targets={})).ids)

    save(critic, tmp_path / "model")
    again = load(str(tmp_path / "model"))
    assert again.readings == ENABLED
    asked: list[Prompt] = []

    def take(_: LoadedModel, prompts: Sequence[Prompt], sampling: Sampling) -> Iterator[tuple[int, list[Sample]]]:
        asked.extend(prompts)
        return iter(())

    monkeypatch.setattr(critic_module, "stream_answers", take)
    list(Critic(again).stream([(example.path, row.video_prompt)]))
    [scored] = asked
    assert same(prompt, scored)


def test_an_answer_that_is_learnt_is_read_back_as_it_was_given(either: LoadedModel, release_folder: Path) -> None:
    for example in load_examples(ReleaseReader(release_folder), "sft", "train"):
        ids = encode_completion(either, example.answer)
        sample = Sample(ids, finished=True, level_logits=torch.zeros(len(ids), 5))
        assert read_scores(either, [sample]).text == example.answer
