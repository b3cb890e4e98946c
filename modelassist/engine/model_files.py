"""The folder of a model: which are refused and why, what is kept in one beside what transformers keeps, and writing it.

Read without loading a weight. Anything but safetensors is never opened.
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

from modelassist.engine.families import FAMILIES, geometry_of
from qsave.frames.slowfast import FrameConfig

CRITIC_FILE = "critic.json"
"""Beside a trained critic's weights: the frame settings it was trained with."""
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_DEFAULTS: dict[str, Any] = {"frames": {}, "max_new_tokens": 512}
"""Of a model that is no critic yet."""
_OS_ERROR = re.compile(r"\(os error (\d+)\)")
"""How safetensors tells what the system answered."""


class ModelError(ValueError):
    """A model that cannot be loaded or cannot serve as a critic; the message says what is missing and where."""


def check(name: str) -> Path | None:
    """The folder meant by a name, or None for a hub id; raises ModelError for what is plainly no model. Nothing is
    loaded."""
    folder = local_folder(name)
    if folder is not None:
        _check_folder(folder)
    return folder


def identity(name: str) -> str:
    """What a model is, wherever it lies: a digest of its folder's weights and settings, not of its figures; of a hub id
    the id."""
    folder = check(name)
    if folder is None:
        return name
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".bin", ".json", ".safetensors") and path.name != "evaluation.json":
            with path.open("rb") as file:
                digest.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def local_folder(name: str) -> Path | None:
    """The folder meant by a name, or None where it is a hub id."""
    path = Path(name).expanduser()
    if path.exists():
        return path
    if name.startswith((".", "/", "~")) or not _HUB_ID.fullmatch(name):
        raise ModelError(f"{name}: there is no such model folder (a hub id looks like Qwen/Qwen3-VL-8B-Instruct)")
    return None


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


def write_settings(folder: Path, frames: FrameConfig, max_new_tokens: int) -> None:
    """Write what of a critic transformers has no place for."""
    plain = {field.name: getattr(frames, field.name) for field in fields(frames)}
    text = json.dumps({"frames": plain, "max_new_tokens": max_new_tokens}, indent=2)
    (folder / CRITIC_FILE).write_text(text + "\n", encoding="utf-8")


def settings_of(folder: Path | None) -> dict[str, Any]:
    """Frame settings kept beside a trained critic; the defaults for a model that is none yet."""
    if folder is None or not (folder / CRITIC_FILE).is_file():
        return _DEFAULTS
    path = folder / CRITIC_FILE
    found = _json_object(path)
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


def _check_folder(folder: Path) -> None:
    """Refuse what is plainly not a model before anything is loaded."""
    if not folder.is_dir():
        raise ModelError(f"{folder} is a file; a model is a folder with config.json and *.safetensors")
    config = folder / "config.json"
    if not config.is_file():
        raise ModelError(f"{folder} is not a model folder: it has no config.json")
    kind = _json_object(config).get("model_type")
    if kind not in FAMILIES:
        raise ModelError(f"{config}: model_type is {kind!r}; a critic is built on {' or '.join(FAMILIES)}")
    if not any(folder.glob("*.safetensors")):
        raise ModelError(f"{folder} has no weights in *.safetensors (other weight formats are never opened)")


def _check_number(field: str, value: object, kind: type) -> None:
    if type(value) not in {kind, int}:  # a float may be written without a point; True is no number
        raise ModelError(f"{field} must be a {'whole number' if kind is int else 'number'}, got {value!r}")


def _json_object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ModelError(f"{path} is not a JSON object")
    return value
