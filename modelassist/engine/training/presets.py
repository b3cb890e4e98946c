"""Choose the settings of a run by what it trains: a tiny model, adapters on a pretrained model, or all of its weights.

A folder with fewer than TINY_PARAMETERS weights holds a tiny model (`init-tiny` makes one of about two million weights;
the smallest Qwen-VL has two billion). Any other folder and every hub id is pretrained: it gets the recipe for adapters
unless `lora.rank = 0` selects all weights. This module does not import torch.
"""

import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path

from modelassist.engine.models.folder import check_outline, count_parameters
from modelassist.engine.settings.config import (
    FREE_TO_CHANGE,
    STAGES,
    Config,
    ConfigError,
    Table,
    dump_config,
    flatten,
    parse_config,
    read_settings,
)
from qsave.parsing import parse_toml

TINY_PARAMETERS = 100_000_000
RECIPES = Path(__file__).parents[1] / "recipes"


class Trained(StrEnum):
    """What a run trains."""

    TINY = "tiny"
    LORA = "lora"
    FULL = "full"


DEFAULT_RECIPE: Mapping[Trained, str] = {Trained.LORA: "qwen3-vl-8b-lora", Trained.FULL: "qwen3-vl-8b-full"}
"""The recipe of a pretrained model if none is named. A tiny model gets the defaults of `Config`."""
HIGHEST_RATE: Mapping[Trained, float] = {Trained.TINY: 2e-2, Trained.LORA: 1e-3, Trained.FULL: 5e-5}
"""Learning rates above these ruin the model; `allow_high_rates` permits them. The rates of the recipe for adapters are
above the limit for full training, so that recipe with `lora.rank = 0` is refused."""
_NAMES: Mapping[Trained, str] = {
    Trained.TINY: "a tiny model",
    Trained.LORA: "adapters on a pretrained model",
    Trained.FULL: "all weights of a pretrained model",
}


def list_recipes() -> list[str]:
    """Return the names of the recipes of this version."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def read_recipe(name: str) -> dict[str, object]:
    """Read the settings of a recipe, without the defaults; raises ConfigError for an unknown name."""
    if name not in list_recipes():
        raise ConfigError(f"There is no recipe {name!r}; the recipes are {', '.join(list_recipes())}.")
    return read_settings(RECIPES / f"{name}.toml")


def parse_overrides(lines: Iterable[str]) -> dict[str, object]:
    """Parse settings written as `sft.learning_rate=1e-5`, one a line, into nested tables; raises ConfigError."""
    tables: dict[str, object] = {}
    for line in lines:
        tables = merge(tables, _parse_override(line))
    return tables


def merge(*tables: Table) -> dict[str, object]:
    """Merge nested tables; later ones take precedence."""
    merged: dict[str, object] = {}
    for table in tables:
        for name, value in table.items():
            below = merged.get(name)
            if isinstance(value, Mapping):
                merged[name] = merge(below if isinstance(below, Mapping) else {}, value)
            else:
                merged[name] = value
    return merged


def choose_settings(model_name: str, given: Table, *, recipe: str = "", is_whole: bool = False) -> dict[str, object]:
    """Choose the settings of a run, as nested tables, and check the learning rates.

    `given` overrides the recipe or, without one, the preset of the model. `is_whole` means that `given` is a file for a
    whole run: for a pretrained model it must also set `lora.rank` if it sets a learning rate. Raises ConfigError, or
    ModelError if there is no such folder.
    """
    settings = merge(_read_base(model_name, given, recipe, is_whole=is_whole), given)
    check_rates(model_name, parse_config(settings))
    return settings


def are_same(config: Config, begun: Table) -> bool:
    """Whether settings equal those of the start of a run, apart from the frames and settings that may change."""
    now, then = flatten(dump_config(config)), flatten(begun)
    free = {name for name in {*now, *then} if name in FREE_TO_CHANGE or name.split(".")[0] == "frames"}
    return all(now.get(name) == then.get(name) for name in {*now, *then} - free)


def check_rates(model_name: str, config: Config) -> None:
    """Raise ConfigError for a learning rate that would ruin the model, unless `allow_high_rates` is set."""
    trained = find_trained(model_name, config)
    highest = HIGHEST_RATE[trained]
    for stage in STAGES:
        rate = getattr(config, stage).learning_rate
        if config.count_steps(stage) and rate > highest and not config.allow_high_rates:
            recipe = f"take the recipe {DEFAULT_RECIPE[trained]}" if trained in DEFAULT_RECIPE else "leave it out"
            raise ConfigError(
                f"{stage}.learning_rate = {rate:g} ruins {_NAMES[trained]}, for which the highest is {highest:g}:"
                f" lower it, {recipe}, or set allow_high_rates = true."
            )


def find_trained(model_name: str, config: Config) -> Trained:
    """Return what a run from a model with these settings trains."""
    if is_tiny(model_name):
        return Trained.TINY
    return Trained.LORA if config.lora.rank else Trained.FULL


def is_tiny(model_name: str) -> bool:
    """Whether a model is a folder with few weights, to be trained from scratch."""
    folder = check_outline(model_name)
    return folder is not None and 0 < count_parameters(folder) < TINY_PARAMETERS


def _read_base(model_name: str, given: Table, recipe: str, *, is_whole: bool) -> dict[str, object]:
    """Read the settings that the given ones override."""
    if recipe:
        return read_recipe(recipe)
    if is_tiny(model_name):
        return {}
    adapters = given.get("lora")
    rank = adapters.get("rank") if isinstance(adapters, Mapping) else None
    if is_whole and rank is None and _has_rates(given):
        raise ConfigError(
            f"{model_name} is a pretrained model: set lora.rank, to 0 to train all weights (recipe"
            f" {DEFAULT_RECIPE[Trained.FULL]}) or to 64, say, for adapters (recipe {DEFAULT_RECIPE[Trained.LORA]})."
        )
    return read_recipe(DEFAULT_RECIPE[Trained.FULL if rank == 0 else Trained.LORA])


def _has_rates(given: Table) -> bool:
    tables = (given.get(stage) for stage in STAGES)
    return any(isinstance(table, Mapping) and "learning_rate" in table for table in tables)


def _parse_override(line: str) -> dict[str, object]:
    name, equals, value = (part.strip() for part in line.partition("="))
    for written in (value, json.dumps(value)) if name and equals else ():
        try:
            return parse_toml(f"{name} = {written}")
        except ValueError:  # a word without quotes is a string
            continue
    raise ConfigError(f"{line.strip()!r} sets nothing: write a name and a value, for example sft.learning_rate=1e-5.")
