"""Settings: what is read, and what is refused with which error."""

import json
from dataclasses import fields
from pathlib import Path

import pytest

from modelassist.engine.settings import config
from modelassist.engine.settings.config import (
    NEW_NAMES,
    Config,
    ConfigError,
    dump_config,
    flatten,
    load_config,
    parse_config,
)
from modelassist.engine.training.presets import parse_overrides

RECIPES = sorted((Path(config.__file__).parents[1] / "recipes").glob("*.toml"))


def test_defaults_survive_a_round_trip_through_tables() -> None:
    assert parse_config(dump_config(Config())) == Config()


@pytest.mark.parametrize("suffix", ["toml", "json"])
def test_settings_are_read_from_a_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"run.{suffix}"
    path.write_text("seed = 3\n[sft]\nsteps = 7\n" if suffix == "toml" else '{"seed": 3, "sft": {"steps": 7}}')
    loaded = load_config(path)
    assert (loaded.seed, loaded.sft.steps, loaded.grpo) == (3, 7, Config().grpo)


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"sead": 1}, r"Unknown setting sead; did you mean seed\?"),
        ({"sft": {"learning_rates": 1}}, r"Unknown setting sft.learning_rates; did you mean sft.learning_rate\?"),
        ({"sft": {"lr": 1}}, "Unknown setting sft.lr; known settings are steps, batch, learning_rate"),
        ({"sft": {"steps": "many"}}, "sft.steps: expected int"),
        ({"sft": {"steps": True}}, "sft.steps: expected int"),
        ({"sft": 3}, "sft: expected a table"),
        ({"sft": {"learning_rate": float("nan")}}, "sft.learning_rate must be a finite number of at least 0, got nan"),
        ({"sft": {"shift": 1.0}}, "sft.shift must be at least 0 and below 1"),
        ({"lora": {"rank": -1}}, "lora.rank must be a finite number of at least 0, got -1"),
        ({"grpo": {"rewards": {"format": float("inf")}}}, "grpo.rewards.format must be a finite number of at least 0"),
        ({"frames": {"fast_frames": 0}}, "frames: fast_frames must be at least 1, got 0"),
        ({"frames": {"slow_pixels": 99}}, "frames: slow_pixels must be at least 32x32 pixels, got 99"),
        ({"grpo": {"scale_rewards": "batch"}}, "grpo.scale_rewards must be group or none"),
        ({"grpo": {"num_generations": 1}}, "grpo.num_generations must be at least 2"),
        ({"cooldown": {"probe": 0}}, "cooldown.probe must be at least 1"),
        ({"sft": {"steps": -1}}, "sft.steps must be a finite number of at least 0"),
        ({"dtype": "int8"}, "dtype must be"),
        ([], "settings: expected a table"),
    ],
)
def test_a_wrong_setting_is_named(values: object, error: str) -> None:
    with pytest.raises(ConfigError, match=error):
        parse_config(values)


def test_a_broken_or_missing_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("sft = ")
    with pytest.raises(ConfigError, match=r"broken.toml is not TOML"):
        load_config(tmp_path / "broken.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "none.toml")


def test_an_integer_is_accepted_for_a_float() -> None:
    assert parse_config(json.loads('{"sft": {"huber_weight": 0}}')).sft.huber_weight == 0.0


@pytest.mark.parametrize(("old", "new"), NEW_NAMES.items())
def test_an_old_name_is_refused_with_the_new_one(tmp_path: Path, old: str, new: str) -> None:
    refusal = rf"{old} is called {new} now; rename it\."
    with pytest.raises(ConfigError, match=f"^{refusal}"):
        parse_config(parse_overrides([f"{old}=1"]))
    table, _, name = old.rpartition(".")
    (tmp_path / "run.toml").write_text(f"[{table}]\n{name} = 1\n" if table else f"{name} = 1\n")
    with pytest.raises(ConfigError, match=f"run.toml: {refusal}"):
        load_config(tmp_path / "run.toml")


def test_every_new_name_is_a_setting() -> None:
    assert set(NEW_NAMES.values()) <= flatten(dump_config(Config())).keys()


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_is_read(path: Path) -> None:
    assert load_config(path) != Config()


def test_there_are_recipes() -> None:
    assert RECIPES


def test_every_setting_is_explained() -> None:
    source = Path(config.__file__).read_text().splitlines()
    for kind in (
        Config,
        config.SftConfig,
        config.GrpoConfig,
        config.CooldownConfig,
        config.LoraConfig,
    ):
        for item in fields(kind):
            line = next(n for n, text in enumerate(source) if text.startswith(f"    {item.name}: "))
            assert source[line + 1].strip().startswith('"""'), f"{kind.__name__}.{item.name}"
