"""Patches, tokens and positions equal those of Hugging Face's processors; golden/README.md says how to make those."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from modelassist.engine.inputs.prompt import Prompt, build_prompt, normalise
from modelassist.engine.models.loader import MARKS, LoadedModel
from tests.modelassist.engine.golden.cases import CASES, HERE, SYSTEM, TOKENIZER, USER


@dataclass(frozen=True)
class Pair:
    """Our prompt, and the reference's output for the same input."""

    ours: Prompt
    theirs: dict[str, torch.Tensor]

    @property
    def patches(self) -> int:
        """Count the rows of pixels that belong to images."""
        return len(self.theirs.get("pixel_values", ()))


@pytest.fixture
def critic(either: LoadedModel) -> LoadedModel:
    """With the words that the reference was given."""
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(TOKENIZER))
    marks = {mark: tokenizer.get_vocab()[mark] for mark in MARKS}
    return replace(either, tokenizer=tokenizer, mark_ids=marks)


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def pair(critic: LoadedModel, case: str) -> Pair:
    kind = critic.base.config.model_type
    frames = CASES[case].frames(critic.geometry.unit)
    ours = build_prompt(critic, frames, [{"role": "system", "content": SYSTEM}, {"role": "user", "content": USER}])
    with np.load(HERE / f"{kind}-{case}.npz") as arrays:
        return Pair(ours, {name: torch.from_numpy(arrays[name]) for name in arrays.files})


def test_pixels_are_the_same(pair: Pair, critic: LoadedModel) -> None:
    theirs = [pair.theirs[name] for name in ("pixel_values", "pixel_values_videos") if name in pair.theirs]
    ours = normalise(pair.ours.pixels, critic.geometry)
    assert ours.dtype == torch.float32
    assert torch.allclose(ours, torch.cat(theirs), rtol=0, atol=1e-6)


def test_grids_are_the_same(pair: Pair) -> None:
    theirs = [pair.theirs[name] for name in ("image_grid_thw", "video_grid_thw") if name in pair.theirs]
    assert torch.equal(pair.ours.grids, torch.cat(theirs))
    assert pair.ours.images == len(pair.theirs.get("image_grid_thw", ()))


def test_tokens_are_the_same(pair: Pair, critic: LoadedModel) -> None:
    decoded = [critic.tokenizer.decode(ids) for ids in (pair.ours.ids, pair.theirs["input_ids"][0])]
    assert decoded[0] == decoded[1]
    assert torch.equal(pair.ours.ids, pair.theirs["input_ids"][0])


def test_every_vision_token_is_of_the_kind_that_the_reference_says(pair: Pair, critic: LoadedModel) -> None:
    types = pair.theirs["mm_token_type_ids"][0]
    for number, mark in ((1, "<|image_pad|>"), (2, "<|video_pad|>")):
        assert torch.equal(pair.ours.ids == critic.mark_ids[mark], types == number)


def test_positions_are_the_same(pair: Pair, case: str, critic: LoadedModel) -> None:
    theirs, behind = pair.theirs["position_ids"][:, 0].clone(), pair.theirs["next_position"].clone()
    if case == "long" and critic.geometry.positions_per_second:
        last = int((pair.theirs["mm_token_type_ids"][0] == 2).nonzero()[-1])
        shift = int(theirs[:, : last + 1].max()) + 1 - int(theirs[0, last + 1])
        assert shift > 0  # else the reference has come to agree, and this exception can go
        theirs[:, last + 1 :] += shift
        behind = theirs.max() + 1
    assert torch.equal(pair.ours.positions, theirs)
    assert pair.ours.next_position == int(behind)
