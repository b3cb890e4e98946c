"""A model with fresh weights answers in the form of report cards, whatever it would write by itself."""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from modelassist.engine.generation.critic import Critic, is_critic
from modelassist.engine.generation.guided import Guide, generate_guided
from modelassist.engine.generation.read_scores import decode, read_scores
from modelassist.engine.generation.skeleton import LEAST_REASON, AnswerPlan, choose, plan_budget
from modelassist.engine.generation.vocabulary import Vocabulary
from modelassist.engine.inputs.prompt import Prompt, build_prompt
from modelassist.engine.inputs.rows import Row, compute_completion_logits, pack
from modelassist.engine.inputs.vision import encode
from modelassist.engine.models import loader
from modelassist.engine.models.folder import CRITIC_FILE
from modelassist.engine.models.loader import LoadedModel
from qsave.axes import AXES, Axis
from qsave.grammar import parse
from qsave.taxonomy import DEFAULT_TAXONOMY, Defect
from tests.modelassist.engine.inputs.test_prompt import some_frames
from tests.modelassist.engine.small import make_tiny, write_clip

FEW = (Defect("blur", Axis.VISUAL, "blur"), Defect("cut-off-7", Axis.DYNAMIC, "cut off"))


def make_prompt(model: LoadedModel, guide: Guide, words: str, frames: int = 3) -> Prompt:
    seen = some_frames(frames, 1, seed=len(words), unit=2 * model.geometry.unit)
    return build_prompt(model, seen, guide.build_question(words))


def shake(model: LoadedModel, seed: int) -> None:
    """Make the weights of the output larger and of another seed, so that the model is sure of other tokens."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        weight = model.base.lm_head.weight
        weight.copy_(torch.randn(weight.shape, generator=generator))


@pytest.mark.parametrize("taxonomy", [DEFAULT_TAXONOMY, FEW, ()], ids=["default", "few", "none"])
@pytest.mark.parametrize(("seconds", "max_tokens"), [(0.0, 1), (5.04, 160), (599.9, 220)])
def test_every_answer_is_a_card_of_its_campaign_and_its_clip(
    critic: LoadedModel, taxonomy: Sequence[Defect], seconds: float, max_tokens: int
) -> None:
    vocabulary = Vocabulary(critic)
    budget = plan_budget(vocabulary, taxonomy, seconds, max_tokens)
    plan = AnswerPlan(vocabulary, taxonomy, seconds, budget)
    prompt = make_prompt(critic, Guide(critic, taxonomy), "A square")
    axes = {defect.id: defect.axis for defect in taxonomy}
    named = 0
    for seed in range(2):
        shake(critic, seed)
        (sample,) = generate_guided(critic, [prompt], encode(critic, [prompt]), [plan])
        scored = read_scores(critic, [sample])

        assert scored.card is not None, scored.error
        assert len(sample.ids) == len(sample.level_logits) <= budget.most
        assert budget.most <= max_tokens or budget.reason == LEAST_REASON
        for axis in AXES:
            report = scored.card.axis(axis)
            assert report.reason.strip()
            named += len(report.evidence)
            for piece in report.evidence:
                assert axes[piece.defect] == axis
                assert piece.time is None or piece.time.end <= seconds
    assert bool(named) <= bool(taxonomy)


def test_the_logits_are_those_of_the_whole_answer(critic: LoadedModel) -> None:
    guide = Guide(critic)
    prompt = make_prompt(critic, guide, "A square")

    ((_, (sample,)),) = guide.stream([prompt], [2.0], 10_000)

    row = Row(prompt, (sample.ids,))
    logits = compute_completion_logits(critic, [row], pack(critic, [row]), encode(critic, [prompt]))
    assert torch.allclose(logits[:, list(critic.level_ids)], sample.level_logits, atol=1e-4)


def test_a_batch_gives_what_each_prompt_gives_alone(critic: LoadedModel) -> None:
    guide = Guide(critic)
    prompts = [
        make_prompt(critic, guide, words, frames) for words, frames in (("A square", 3), ("A", 5), ("Many words", 2))
    ]
    seconds = [0.5, 2.0, 7.0]
    together = dict(guide.stream(prompts, seconds, 100_000))

    for position, (prompt, last) in enumerate(zip(prompts, seconds, strict=True)):
        ((_, (alone,)),) = guide.stream([prompt], [last], 1)
        assert together[position][0].ids == alone.ids
        assert torch.allclose(together[position][0].level_logits, alone.level_logits, atol=1e-5)


def test_a_choice_follows_the_tokens_that_are_taken() -> None:
    options = [((1, 2, 9), "long"), ((1, 3), "short"), ((4,), "other")]
    steps = choose(options)

    assert next(steps).allowed.tolist() == [1, 4]
    assert steps.send(1).allowed.tolist() == [2, 3]
    with pytest.raises(StopIteration) as end:
        steps.send(3)
    assert end.value.value == "short"


def test_a_reason_that_falls_into_a_loop_ends(critic: LoadedModel) -> None:
    vocabulary = Vocabulary(critic)
    plan = AnswerPlan(vocabulary, FEW, 1.0, plan_budget(vocabulary, FEW, 1.0, 3000))
    word = int(vocabulary.first_of_reason[0])
    steps, written = plan.list_steps(), []
    step = next(steps)
    with suppress(StopIteration):
        while True:
            written.append(word if word in step.allowed else int(step.allowed[0]))
            step = steps.send(written[-1])

    assert written.count(word) == 12 * len(AXES)


def test_a_reason_has_no_sign_of_the_grammar(critic: LoadedModel) -> None:
    vocabulary = Vocabulary(critic)
    texts = [decode(critic, [token]) for token in vocabulary.in_reason.tolist()]

    assert len(texts) > 100
    assert not [text for text in texts if set(text) & set("\n\r<[\\(")]
    assert all(decode(critic, [token]).startswith(" ") for token in vocabulary.first_of_reason.tolist())


def test_a_model_without_the_settings_of_a_critic_is_guided(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_tiny(tmp_path / "critic")
    shutil.copytree(tmp_path / "critic", tmp_path / "base")
    (tmp_path / "base" / CRITIC_FILE).unlink()
    write_clip(tmp_path / "clip.mp4", 90)

    trained, untrained = (Critic.load(str(tmp_path / name), "cpu") for name in ("critic", "base"))
    assert "forced into the form of report cards" in capsys.readouterr().err
    untrained.set_taxonomy(FEW)
    trained.set_taxonomy(FEW)
    (scored,) = untrained.score([(tmp_path / "clip.mp4", "A square")])

    assert (is_critic(str(tmp_path / "critic")), is_critic("someone/model")) == (True, False)
    assert trained.guide is None
    assert scored.card is not None
    assert parse(scored.text).axis(Axis.ALIGNMENT).evidence == ()
    assert {piece.defect for axis in AXES for piece in scored.card.axis(axis).evidence} <= {"blur", "cut-off-7"}


def test_either_kind_of_model_is_guided(folder_of_either: Path) -> None:
    model = loader.load(str(folder_of_either))
    guide = Guide(model, FEW)
    prompt = make_prompt(model, guide, "A square")

    ((_, (sample,)),) = guide.stream([prompt], [1.0], 1)

    assert read_scores(model, [sample]).card is not None
