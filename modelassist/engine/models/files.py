"""The folder of a model: what is kept in one beside what transformers keeps, and writing it.

Read without loading a weight. Which folders are refused is `model_folder`'s to say.
"""

import hashlib
import json
import os
import re
import shutil
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

from safetensors import SafetensorError
from transformers import PreTrainedTokenizerBase

from modelassist.engine.models.families import geometry_of
from modelassist.engine.models.folder import CRITIC_FILE, ModelError, check_model, local_folder, read_object
from qsave.frames.slowfast import FrameConfig

_DEFAULTS: dict[str, Any] = {"frames": {}, "max_new_tokens": 512, "simulated": False}
"""Of a model that is no critic yet."""
_OS_ERROR = re.compile(r"\(os error (\d+)\)")
"""How safetensors tells what the system answered."""


def identity(name: str) -> str:
    """What a model is, wherever it lies: a digest of its folder's weights and settings, not of its figures; of a hub id
    the id."""
    folder = check_model(name)
    if folder is None:
        return name
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".bin", ".json", ".safetensors") and path.name != "evaluation.json":
            with path.open("rb") as file:
                digest.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def tell_of_default_frames(name: str) -> None:
    """Say where a local model is about to judge without frame settings of its own: a critic that has lost them looks
    like a model that never had any, and scores otherwise."""
    folder = local_folder(name)
    if folder and not (folder / CRITIC_FILE).is_file():
        print(f"{name}: no {CRITIC_FILE}: looking with default frames", file=sys.stderr)


def write_model(folder: Path, network: Any, tokenizer: PreTrainedTokenizerBase) -> None:
    """Write weights, config and tokenizer, all for the same readers; raises OSError where there is no room."""
    try:
        network.save_pretrained(folder)
    except SafetensorError as error:
        number = _OS_ERROR.search(str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(folder.parent)) from error
    tokenizer.save_pretrained(folder)
    for path in folder.glob("*.safetensors"):
        shutil.copymode(folder / "config.json", path)  # safetensors are written for their owner alone


def write_settings(folder: Path, frames: FrameConfig, max_new_tokens: int, *, simulated: bool = False) -> None:
    """Write what of a critic transformers has no place for."""
    plain = {field.name: getattr(frames, field.name) for field in fields(frames)}
    settings = {"frames": plain, "max_new_tokens": max_new_tokens} | ({"simulated": True} if simulated else {})
    text = json.dumps(settings, indent=2)
    (folder / CRITIC_FILE).write_text(text + "\n", encoding="utf-8")


def settings_of(folder: Path | None) -> dict[str, Any]:
    """Frame settings kept beside a trained critic; the defaults for a model that is none yet."""
    if folder is None or not (folder / CRITIC_FILE).is_file():
        return _DEFAULTS
    path = folder / CRITIC_FILE
    found = read_object(path)
    frames = found.get("frames", {})
    if not isinstance(frames, dict):
        raise ModelError(f"{path}: frames must be an object, got {frames!r}")
    kinds = get_type_hints(FrameConfig)
    if set(found) - set(_DEFAULTS) or set(frames) - set(kinds):
        raise ModelError(f"{path} has settings that this version does not know")
    for field, value in frames.items():
        _check_number(f"{path}: frames.{field}", value, kinds[field])
    settings = _DEFAULTS | found
    _check_number(f"{path}: max_new_tokens", settings["max_new_tokens"], int)
    if settings["max_new_tokens"] < 1:
        raise ModelError(f"{path}: max_new_tokens must be at least 1, got {settings['max_new_tokens']}")
    return settings


def frames_of(folder: Path | None, config: Any) -> FrameConfig:
    """The frame settings of a critic, in the unit of its model."""
    frames = settings_of(folder)["frames"] | {"unit": geometry_of(config).unit}
    try:
        return FrameConfig(**frames)
    except ValueError as error:
        where = folder / CRITIC_FILE if folder else config.model_type
        raise ModelError(f"{where}: its frame settings cannot be: {error}") from None


def _check_number(field: str, value: object, kind: type) -> None:
    if type(value) not in {kind, int}:  # a float may be written without a point; True is no number
        raise ModelError(f"{field} must be a {'whole number' if kind is int else 'number'}, got {value!r}")
