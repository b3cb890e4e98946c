"""Both kinds of model are built, trained, saved, loaded and scored with."""

import json
import math
from pathlib import Path

import pytest
import torch

from modelassist.engine.generation.critic import Critic
from modelassist.engine.models.folder import ModelError
from modelassist.engine.models.loader import LoadedModel, load, load_frame_config
from modelassist.engine.settings.config import Config, LoraConfig, SftConfig
from modelassist.engine.training import train as training
from qsave.frames.slowfast import FrameConfig
from qsave.release.reader import ReleaseReader
from tests.modelassist.engine.small import read_metrics

ONE_STEP = {"max_new_tokens": 8, "sft": SftConfig(steps=1, batch=2, warmup_steps=0)}
WAYS = {
    "full": Config(**ONE_STEP),  # type: ignore[arg-type]
    "lora": Config(**ONE_STEP, lora=LoraConfig(rank=4)),  # type: ignore[arg-type]
    "bfloat16": Config(**ONE_STEP, dtype="bfloat16", gradient_checkpointing=True),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("way", WAYS)
def test_a_step_of_sft_and_a_card_from_what_it_made(
    folder_of_either: Path, release_folder: Path, tmp_path: Path, way: str
) -> None:
    training.train(release_folder, str(folder_of_either), tmp_path, WAYS[way], stages=["sft"])
    (row,) = read_metrics(tmp_path)
    assert math.isfinite(row["loss"])
    before, after = load(str(folder_of_either)), load(str(tmp_path / "model"))
    assert type(after.base) is type(before.base)
    assert moved(before, after, "language_model")
    assert moved(before, after, "visual") == (way != "lora")
    clip = ReleaseReader(release_folder).media_path(next(ReleaseReader(release_folder).rows("sft", "test")))
    (scored,) = Critic(after).score([(clip, "A square wanders")])
    assert scored.card is None
    assert scored.error == "the output was cut off after 8 tokens"


def moved(before: LoadedModel, after: LoadedModel, part: str) -> bool:
    """Return whether the weights of a part changed by more than the rounding of a saved model."""
    weights_after = after.base.state_dict()
    pairs = [(value, weights_after[name]) for name, value in before.base.state_dict().items() if part in name]
    assert pairs
    return any(not torch.equal(old.bfloat16().float(), new) for old, new in pairs)


def test_each_kind_looks_in_its_own_unit(folder_of_either: Path, either: LoadedModel) -> None:
    unit = {"qwen3_vl": 32, "qwen2_5_vl": 28}[either.base.config.model_type]
    assert either.geometry.unit == either.frames.unit == load_frame_config(str(folder_of_either)).unit == unit
    either.set_frames(FrameConfig(fast_frames=3, unit=16))
    assert (either.frames.fast_frames, either.frames.unit) == (3, unit)
    with pytest.raises(ModelError, match=f"at least {unit}x{unit} pixels"):
        either.set_frames(FrameConfig(fast_pixels=400, unit=16))


def test_settings_that_no_version_knew_name_the_file_and_older_ones_are_taken(
    folder_of_either: Path, either: LoadedModel, tmp_path: Path
) -> None:
    for path in folder_of_either.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "critic.json").unlink()
    older = {"frames": {"fast_frames": 3, "slow_frames": 1}, "max_new_tokens": 9}
    (tmp_path / "critic.json").write_text(json.dumps(older))
    critic = load(str(tmp_path))
    assert (critic.frames.slow_frames, critic.frames.unit, critic.max_new_tokens) == (1, either.geometry.unit, 9)
    (tmp_path / "critic.json").write_text(json.dumps(older | {"frames": {"fast_frames": 0}}))
    with pytest.raises(ModelError, match="the frame settings are not possible: fast_frames must be at least 1"):
        load(str(tmp_path))
