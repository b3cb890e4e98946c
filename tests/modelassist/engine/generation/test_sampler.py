"""Compare generation with transformers' own generate, and training rows with rows of one completion each."""

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from modelassist.engine.generation.sampler import generate
from modelassist.engine.inputs.prompt import Prompt, build_prompt
from modelassist.engine.inputs.rows import Row, compute_completion_logits, pack
from modelassist.engine.inputs.vision import Features, encode
from modelassist.engine.models.loader import LoadedModel
from modelassist.engine.settings.sampling import Sampling
from qsave.frames.slowfast import Frames
from tests.modelassist.engine.inputs.test_prompt import messages, reference_inputs, some_frames

LENGTH = 24


@pytest.fixture
def critic(either: LoadedModel) -> LoadedModel:
    return either


@pytest.fixture
def seen(critic: LoadedModel) -> list[Frames]:
    unit = 2 * critic.geometry.unit
    return [some_frames(5, 2, seed=1, unit=unit), some_frames(2, 0, seed=2, unit=unit)]


@pytest.fixture
def prompts(critic: LoadedModel, seen: list[Frames]) -> list[Prompt]:
    """Two prompts of unequal length."""
    longer = "A much longer prompt of many words that nobody knows"
    return [build_prompt(critic, seen[0], messages()), build_prompt(critic, seen[1], messages(longer))]


def reference(critic: LoadedModel, prompt: Prompt, frames: Frames) -> tuple[int, ...]:
    """Return the tokens that transformers generates for one prompt."""
    output = critic.base.generate(
        **reference_inputs(critic, prompt, frames),
        max_new_tokens=LENGTH,
        do_sample=False,
        suppress_tokens=critic.never_generated,
        eos_token_id=list(critic.end_ids),
    )
    return tuple(output[0, len(prompt.ids) :].tolist())


def test_greedy_groups_equal_generate(critic: LoadedModel, prompts: list[Prompt], seen: list[Frames]) -> None:
    groups = generate(critic, prompts, encode(critic, prompts), Sampling(3), max_new_tokens=LENGTH)
    for prompt, frames, group in zip(prompts, seen, groups, strict=True):
        assert {sample.ids for sample in group} == {reference(critic, prompt, frames)}


def test_a_batch_padded_on_the_left_gives_what_each_prompt_gives_alone(
    critic: LoadedModel, prompts: list[Prompt]
) -> None:
    features = encode(critic, prompts)
    together = generate(critic, prompts, features, max_new_tokens=LENGTH)
    for index, (sample,) in enumerate(together):
        ((alone,),) = generate(critic, [prompts[index]], [features[index]], max_new_tokens=LENGTH)
        assert (sample.ids, sample.finished) == (alone.ids, alone.finished)
        assert torch.allclose(sample.level_logits, alone.level_logits, atol=1e-5)


def test_vision_marks_are_never_generated(critic: LoadedModel, prompts: list[Prompt]) -> None:
    groups = generate(critic, prompts, encode(critic, prompts), Sampling(4, 9.0), max_new_tokens=60)
    drawn = {token for group in groups for sample in group for token in sample.ids}
    assert len(drawn) > 100
    assert not drawn & set(critic.never_generated)


def test_the_same_seed_draws_the_same_samples_and_another_does_not(critic: LoadedModel, prompts: list[Prompt]) -> None:
    def draw(seed: int) -> list[tuple[int, ...]]:
        features = encode(critic, prompts)
        groups = generate(critic, prompts, features, Sampling(2, 1.0, seed), max_new_tokens=8)
        return [sample.ids for group in groups for sample in group]

    assert draw(1) == draw(1) != draw(2)


def test_what_is_drawn_for_a_clip_does_not_depend_on_the_other_clips(
    critic: LoadedModel, prompts: list[Prompt]
) -> None:
    def draw(some: list[Prompt]) -> list[list[tuple[int, ...]]]:
        groups = generate(critic, some, encode(critic, some), Sampling(3, 1.0, 1), max_new_tokens=8)
        return [[sample.ids for sample in group] for group in groups]

    together = draw(prompts)
    assert together == [draw([prompt])[0] for prompt in prompts]
    assert len({ids for group in together for ids in group}) > len(prompts)


def test_tokens_are_drawn_as_often_as_they_are_likely(critic: LoadedModel, prompts: list[Prompt]) -> None:
    count, temperature = 3000, 1.7
    (features,) = encode(critic, prompts[:1])
    packed = pack(critic, [Row(prompts[0], ((0,),))])
    logits = compute_completion_logits(critic, [Row(prompts[0], ((0,),))], packed, [features])[0].detach()
    logits[critic.never_generated] = -torch.inf
    shares = torch.softmax(logits / temperature, -1)
    (samples,) = generate(critic, prompts[:1], [features], Sampling(count, temperature, 3), max_new_tokens=1)
    seen = torch.bincount(torch.tensor([sample.ids[0] for sample in samples]), minlength=len(shares))
    often = shares * count >= 5
    counts = [*seen[often].tolist(), int(seen[~often].sum())]
    expected = [*(shares[often] * count).tolist(), float(shares[~often].sum() * count)]
    assert chisquare(counts, np.array(expected) * count / sum(expected)).pvalue > 1e-3


def test_level_logits_are_those_of_the_step_that_wrote_the_token(critic: LoadedModel, prompts: list[Prompt]) -> None:
    features = encode(critic, prompts)
    groups = generate(critic, prompts, features, max_new_tokens=6)
    rows = [Row(prompt, (group[0].ids,)) for prompt, group in zip(prompts, groups, strict=True)]
    logits = compute_completion_logits(critic, rows, pack(critic, rows), features)[:, list(critic.level_ids)]
    generated = torch.cat([group[0].level_logits for group in groups])
    assert torch.allclose(logits, generated, atol=1e-5)


def shared_rows(critic: LoadedModel, prompts: list[Prompt]) -> list[Row]:
    rng = np.random.default_rng(0)
    lengths = ((5, 9, 1), (7, 2, 4))
    return [
        Row(prompt, tuple(tuple(rng.integers(20, 300, length).tolist()) for length in some))
        for prompt, some in zip(prompts, lengths, strict=True)
    ]


def token_logps(critic: LoadedModel, rows: list[Row]) -> torch.Tensor:
    packed = pack(critic, rows)
    logits = compute_completion_logits(critic, rows, packed, encode(critic, [row.prompt for row in rows]))
    return torch.log_softmax(logits, -1).gather(-1, packed.targets[:, None])[:, 0]


def test_a_shared_prompt_gives_the_numbers_of_full_rows(critic: LoadedModel, prompts: list[Prompt]) -> None:
    rows = shared_rows(critic, prompts)
    full = [Row(row.prompt, (completion,)) for row in rows for completion in row.completions]
    together = token_logps(critic, rows)
    apart = torch.cat([token_logps(critic, [row]) for row in full])
    assert torch.allclose(together, apart, atol=1e-5)

    gradients = []
    for logps in (together, apart):
        critic.network.zero_grad()
        logps.sum().backward()
        gradients.append({name: _gradient(value) for name, value in critic.network.named_parameters()})
    scale = max(float(gradient.abs().max()) for gradient in gradients[1].values())
    for name, gradient in gradients[0].items():
        assert torch.allclose(gradient, gradients[1][name], atol=1e-5 * scale), name


def _gradient(parameter: torch.nn.Parameter) -> torch.Tensor:
    assert parameter.grad is not None
    return parameter.grad.clone()


def test_full_rows_are_what_the_model_itself_computes(
    critic: LoadedModel, prompts: list[Prompt], seen: list[Frames]
) -> None:
    row = Row(prompts[0], (shared_rows(critic, prompts)[0].completions[1],))
    completion = torch.tensor(row.completions[0])
    base_inputs = reference_inputs(critic, row.prompt, seen[0])
    more = {"input_ids": completion, "mm_token_type_ids": torch.zeros_like(completion)}
    lengthened = {name: torch.cat([base_inputs[name], tokens[None]], dim=1) for name, tokens in more.items()}
    logits = critic.base(**base_inputs | lengthened).logits[0, len(row.prompt.ids) - 1 : -1]
    expected = torch.log_softmax(logits, -1).gather(-1, completion[:, None])[:, 0]
    assert torch.allclose(token_logps(critic, [row]), expected, atol=1e-5)


def test_gradients_reach_the_tower_through_both_kinds_of_frames(critic: LoadedModel, prompts: list[Prompt]) -> None:
    for frame_kind in ("image", "video"):
        prompt = prompts[0]
        pixels = prompt.pixels.float().requires_grad_(True)
        seen = Prompt(prompt.ids, prompt.positions, prompt.next_position, pixels, prompt.grids, prompt.images)
        token_logps(critic, [Row(seen, ((300, 301, 302),))]).sum().backward()
        patches = int(prompt.grids[: prompt.images].prod(1).sum())
        part = pixels.grad[:patches] if frame_kind == "image" else pixels.grad[patches:]  # type: ignore[index]
        assert bool((part.abs().amax(dim=1) > 0).all())


@pytest.mark.parametrize("kind", ["slow", "fast"])
def test_either_kind_of_frames_alone_teaches_every_weight_of_the_tower(
    critic: LoadedModel, prompts: list[Prompt], kind: str
) -> None:
    row = Row(prompts[0], ((300, 301, 302),))
    (features,) = encode(critic, [row.prompt])
    images, every = row.prompt.images, len(row.prompt.grids)
    silent = range(images, every) if kind == "slow" else range(images)

    def only(tensors: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        return tuple(each.detach() if index in silent else each for index, each in enumerate(tensors))

    heard = Features(only(features.pooler_output), tuple(map(only, features.deepstack_features)))
    packed = pack(critic, [row])
    logits = compute_completion_logits(critic, [row], packed, [heard])
    torch.log_softmax(logits, -1).gather(-1, packed.targets[:, None]).sum().backward()
    untaught = [
        name
        for name, value in critic.base.model.visual.named_parameters()
        if value.grad is None or not bool(value.grad.any())
    ]
    assert untaught == []
