"""The settings of a run by default: none ruins a pretrained model."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from modelassist.engine.cli.options import main
from modelassist.engine.settings.config import STAGES, Config, ConfigError, dump_config, parse_config
from modelassist.engine.training import presets
from modelassist.engine.training.presets import (
    HIGHEST_RATE,
    Trained,
    choose_settings,
    find_trained,
    is_tiny,
    list_recipes,
    merge,
    parse_overrides,
    read_recipe,
)
from tests.modelassist.engine.small import make_release

HUB = "Qwen/Qwen3-VL-8B-Instruct"


def config_for(model: str, options_given: dict[str, Any] | None = None, **options: Any) -> Config:
    return parse_config(choose_settings(model, options_given or {}, **options))


@pytest.fixture
def pretrained(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder that counts as pretrained."""
    monkeypatch.setattr(presets, "TINY_PARAMETERS", 1000)
    return str(tiny_folder)


def test_a_tiny_model_gets_the_defaults(tiny_folder: Path) -> None:
    assert is_tiny(str(tiny_folder))
    assert config_for(str(tiny_folder)) == Config()
    assert config_for(str(tiny_folder)).sft.learning_rate == 4e-3


@pytest.mark.parametrize(
    ("options_given", "trained"),
    [({}, Trained.LORA), ({"lora": {"rank": 8}}, Trained.LORA), ({"lora": {"rank": 0}}, Trained.FULL)],
)
def test_a_pretrained_model_gets_the_rates_of_what_is_trained(
    pretrained: str, options_given: dict[str, Any], trained: Trained
) -> None:
    for model in (pretrained, HUB):
        config = config_for(model, options_given)
        assert find_trained(model, config) == trained
        assert all(getattr(config, stage).learning_rate <= HIGHEST_RATE[trained] for stage in STAGES)
        assert config.sft.learning_rate == {Trained.LORA: 1e-4, Trained.FULL: 1e-5}[trained]
    assert config_for(HUB, {"lora": {"rank": 8}}).lora.rank == 8


def test_given_settings_override_the_recipe(pretrained: str) -> None:
    config = config_for(pretrained, {"sft": {"learning_rate": 2e-5}})
    assert (config.sft.learning_rate, config.sft.steps, config.lora.rank) == (2e-5, 1500, 64)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("rank", [0, 64])
def test_a_ruinous_rate_is_refused_with_the_recipe_to_take(stage: str, rank: int) -> None:
    length = "rounds" if stage == "grpo" else "steps"
    options_given = {"lora": {"rank": rank}, stage: {"learning_rate": 4e-3, length: 5}}
    recipe = presets.DEFAULT_RECIPE[Trained.LORA if rank else Trained.FULL]
    with pytest.raises(ConfigError, match=rf"^{stage}\.learning_rate = 0\.004 ruins .* recipe {recipe}"):
        choose_settings(HUB, options_given)
    assert choose_settings(HUB, {**options_given, "allow_high_rates": True})
    assert choose_settings(HUB, merge(options_given, {stage: {length: 0}}))


@pytest.mark.parametrize("trained", presets.DEFAULT_RECIPE)
def test_a_recipe_for_a_pretrained_model_allows_steps_of_every_stage(trained: Trained) -> None:
    more = {"sft": {"steps": 5}, "grpo": {"rounds": 5}, "cooldown": {"steps": 5}}
    config = config_for(HUB, more, recipe=presets.DEFAULT_RECIPE[trained])
    assert find_trained(HUB, config) == trained


def test_the_rates_of_adapters_are_refused_for_all_weights() -> None:
    recipe = presets.DEFAULT_RECIPE[Trained.LORA]
    refusal = r"^sft\.learning_rate = 0\.0001 ruins all weights .* take the recipe qwen3-vl-8b-full"
    with pytest.raises(ConfigError, match=refusal):
        choose_settings(HUB, {"lora": {"rank": 0}}, recipe=recipe)
    with pytest.raises(ConfigError, match=refusal):
        choose_settings(HUB, merge(read_recipe(recipe), {"lora": {"rank": 0}}), is_whole=True)


def test_the_toy_recipe_is_refused_for_a_pretrained_model() -> None:
    with pytest.raises(ConfigError, match="ruins all weights of a pretrained model"):
        choose_settings(HUB, {}, recipe="toy")


def test_a_file_for_a_pretrained_model_has_to_set_the_rank(tiny_folder: Path) -> None:
    options_given = {"sft": {"learning_rate": 1e-5}}
    with pytest.raises(ConfigError, match=r"set lora\.rank"):
        choose_settings(HUB, options_given, is_whole=True)
    assert choose_settings(HUB, {**options_given, "lora": {"rank": 0}}, is_whole=True)
    assert choose_settings(HUB, {"seed": 3}, is_whole=True)["lora"] == {"rank": 64, "alpha": 128}
    assert choose_settings(str(tiny_folder), options_given, is_whole=True) == options_given


@pytest.mark.parametrize("name", list_recipes())
def test_a_recipe_by_name_is_its_file(name: str, tiny_folder: Path) -> None:
    model = str(tiny_folder) if name == "toy" else HUB
    assert choose_settings(model, {}, recipe=name) == choose_settings(model, read_recipe(name), is_whole=True)


@pytest.mark.parametrize(
    ("line", "tables"),
    [
        ("sft.learning_rate=1e-5", {"sft": {"learning_rate": 1e-5}}),
        ("sft.steps = 200", {"sft": {"steps": 200}}),
        ("dtype=bfloat16", {"dtype": "bfloat16"}),
        ("grpo.rewards.rank=0", {"grpo": {"rewards": {"rank": 0}}}),
        ("freeze_vision=true", {"freeze_vision": True}),
    ],
)
def test_an_override_is_a_dotted_name_and_a_value(line: str, tables: dict[str, Any]) -> None:
    assert parse_overrides([line]) == tables
    assert parse_config(tables) != Config()


@pytest.mark.parametrize("line", ["", "sft.steps", "=3", "sft steps=3"])
def test_a_line_that_sets_nothing_is_refused(line: str) -> None:
    with pytest.raises(ConfigError, match="sets nothing"):
        parse_overrides([line])


def test_the_command_refuses_a_ruinous_rate_before_it_loads_anything(
    pretrained: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--release", str(tmp_path), "--model", pretrained, "--out", str(tmp_path / "out")]
    assert main(["train", *options, "--set", "sft.learning_rate=0.5"]) == 1
    assert "error: sft.learning_rate = 0.5 ruins adapters" in capsys.readouterr().err
    assert main(["train", *options, "--set", "sft.learning_rate=0.5", "--allow-high-rates"]) == 1
    assert "ruins" not in capsys.readouterr().err  # the folder is no release


def test_the_default_step_changes_a_pretrained_model_little(pretrained: str, tmp_path: Path) -> None:
    """Train through the command: it trains adapters only, and the weights of the base hardly change."""
    (tmp_path / "release").mkdir()
    make_release(tmp_path / "release")
    out = tmp_path / "out"
    short = ["sft.steps=2", "sft.batch=2", "grpo.rounds=0", "cooldown.steps=0", "max_new_tokens=8", "dtype=float32"]
    short += ["frames.fast_frames=4", "frames.fast_pixels=4096", "frames.slow_frames=1", "frames.slow_pixels=4096"]
    options = ["--release", str(tmp_path / "release"), "--model", pretrained, "--out", str(out), "--keep-unreadable"]
    assert main(["train", *options, *(word for line in short for word in ("--set", line))]) == 0
    config = json.loads((out / "run.json").read_text())["config"]
    assert (config["lora"]["rank"], config["sft"]["learning_rate"]) == (64, 1e-4)
    before, after = (
        torch.cat([value.float().flatten() for value in load_weights(folder)])
        for folder in (Path(pretrained), out / "model")
    )
    assert (after - before).norm() < 0.02 * before.norm()
    assert main(["train", *options, "--resume"]) == 0  # with the settings that it began with


def load_weights(folder: Path) -> list[torch.Tensor]:
    from safetensors.torch import load_file

    weights = load_file(folder / "model.safetensors")
    return [weights[name] for name in sorted(weights)]


def test_a_run_begun_by_an_older_version_resumes_with_its_own_settings(tmp_path: Path, tiny_folder: Path) -> None:
    from modelassist.engine.training.run_folder import read_settings_of_run

    old = dump_config(Config())
    del old["allow_high_rates"]
    (tmp_path / "run.json").write_text(json.dumps({"config": old}))
    assert parse_config(read_settings_of_run(tmp_path)) == Config()
    assert presets.are_same(Config(), read_settings_of_run(tmp_path))
    assert not presets.are_same(Config(seed=1), read_settings_of_run(tmp_path))
    assert read_settings_of_run(tmp_path / "none") == {}
