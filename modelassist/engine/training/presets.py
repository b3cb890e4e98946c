"""The settings of a run by what is trained: a tiny model, adapters on a pretrained one, or all of its weights.

A folder with fewer than TINY_PARAMETERS weights holds a tiny model (`init-tiny` makes some two million; the smallest
Qwen-VL has two thousand million). Any other folder and every hub id is pretrained: it gets the recipe for adapters
unless `lora.rank = 0` asks for all weights. Free of torch.
"""

import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from modelassist.engine.models.folder import check_outline, count_parameters
from modelassist.engine.settings.config import (
    FREE,
    STAGES,
    Config,
    ConfigError,
    config_from,
    config_to,
    flat,
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
"""Whose settings a pretrained model gets where nothing else is said. A tiny one gets those of `Config`."""
HIGHEST_RATE: Mapping[Trained, float] = {Trained.TINY: 2e-2, Trained.LORA: 1e-3, Trained.FULL: 5e-5}
"""Learning rates beyond these ruin such a model; `allow_high_rates` allows them. Those of adapters are beyond that of
all weights, so that `lora.rank = 0` does not take over the rates of a recipe for adapters."""
_WORDS: Mapping[Trained, str] = {
    Trained.TINY: "a tiny model",
    Trained.LORA: "adapters on a pretrained model",
    Trained.FULL: "all weights of a pretrained model",
}


def recipe_names() -> list[str]:
    """The recipes that this version has."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def read_recipe(name: str) -> dict[str, Any]:
    """The settings of a recipe, without the defaults; raises ConfigError for a name there is not."""
    if name not in recipe_names():
        raise ConfigError(f"there is no recipe {name!r}; there is {', '.join(recipe_names())}")
    values = read_settings(RECIPES / f"{name}.toml")
    assert isinstance(values, dict)  # TOML is
    return values


def parse_overrides(lines: Iterable[str]) -> dict[str, Any]:
    """Settings written as `sft.learning_rate=1e-5`, one a line, as nested tables; raises ConfigError."""
    found: dict[str, Any] = {}
    for line in lines:
        found = merge(found, _parse_override(line))
    return found


def merge(*tables: Mapping[str, Any]) -> dict[str, Any]:
    """Nested tables as one; what a later one says goes over what an earlier one says."""
    found: dict[str, Any] = {}
    for table in tables:
        for name, value in table.items():
            below = found.get(name)
            are_tables = isinstance(below, Mapping) and isinstance(value, Mapping)
            found[name] = merge(below or {}, value) if are_tables else value
    return found


def settings_for(model: str, given: Mapping[str, Any], *, recipe: str = "", whole: bool = False) -> dict[str, Any]:
    """The settings of a run from `model`, as tables: those of the recipe or, without one, of what is trained, under
    those that are `given`. Learning rates are checked.

    `whole`: what is given was written as the settings of a whole run. For a pretrained model it has to say then whether
    adapters or all weights are trained. Raises ConfigError, and ModelError where there is no such folder.
    """
    values = merge(_read_base(model, given, recipe, whole=whole), given)
    check_rates(model, config_from(values))
    return values


def are_same(config: Config, begun: Mapping[str, Any]) -> bool:
    """Whether a run with these settings is the one that began with those of its run file, frames aside."""
    now, then = flat(config_to(config)), flat(begun)
    free = {name for name in {*now, *then} if name in FREE or name.split(".")[0] == "frames"}
    return all(now.get(name) == then.get(name) for name in {*now, *then} - free)


def check_rates(model: str, config: Config) -> None:
    """Raise ConfigError for a learning rate that ruins such a model, unless it is allowed by name."""
    trained = trained_of(model, config)
    highest = HIGHEST_RATE[trained]
    for stage in STAGES:
        rate = getattr(config, stage).learning_rate
        if config.steps_of(stage) and rate > highest and not config.allow_high_rates:
            recipe = f"take the recipe {DEFAULT_RECIPE[trained]}" if trained in DEFAULT_RECIPE else "leave it out"
            raise ConfigError(
                f"{stage}.learning_rate = {rate:g} ruins {_WORDS[trained]}, for which the most is {highest:g}:"
                f" lower it, {recipe}, or allow it by allow_high_rates = true"
            )


def trained_of(model: str, config: Config) -> Trained:
    """What a run from `model` with these settings trains."""
    if is_tiny(model):
        return Trained.TINY
    return Trained.LORA if config.lora.rank else Trained.FULL


def is_tiny(model: str) -> bool:
    """Whether a model is a folder with few weights, which learns from nothing."""
    folder = check_outline(model)
    return folder is not None and 0 < count_parameters(folder) < TINY_PARAMETERS


def _read_base(model: str, given: Mapping[str, Any], recipe: str, *, whole: bool) -> dict[str, Any]:
    """What lies under the given settings."""
    if recipe:
        return read_recipe(recipe)
    if is_tiny(model):
        return {}
    adapters = given.get("lora")
    rank = adapters.get("rank") if isinstance(adapters, Mapping) else None
    if whole and rank is None and _has_rates(given):
        raise ConfigError(
            f"{model} is a pretrained model: set lora.rank, which is 0 where all weights are trained (recipe"
            f" {DEFAULT_RECIPE[Trained.FULL]}) and 64, say, where adapters are (recipe {DEFAULT_RECIPE[Trained.LORA]})"
        )
    return read_recipe(DEFAULT_RECIPE[Trained.FULL if rank == 0 else Trained.LORA])


def _has_rates(given: Mapping[str, Any]) -> bool:
    tables = (given.get(stage) for stage in STAGES)
    return any(isinstance(table, Mapping) and "learning_rate" in table for table in tables)


def _parse_override(line: str) -> dict[str, Any]:
    name, mark, value = (part.strip() for part in line.partition("="))
    for written in (value, json.dumps(value)) if name and mark else ():
        try:
            return parse_toml(f"{name} = {written}")
        except ValueError:  # a word without quotes is one
            continue
    raise ConfigError(f"{line.strip()!r} sets nothing: write a name and a value, for example sft.learning_rate=1e-5")
