"""Check by its files whether a folder is a model that can be loaded here, and read its settings.

The site and the engine call the same functions, so both refuse a folder with the same message. This module loads no
weights and imports neither torch nor transformers; an import contract checks this.
"""

import hashlib
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import Any, get_type_hints

from qsave.detectors.propose import DETECTORS
from qsave.frames.slowfast import FrameConfig
from qsave.parsing import parse_json
from qsave.run.files import EVALUATION_FILE

MODEL_TYPES = ("qwen3_vl", "qwen2_5_vl")
QUANTIZERS: Mapping[str, Mapping[str, str]] = {
    "aqlm": {"aqlm": "aqlm"},
    "auto-round": {"auto_round": "auto-round"},
    "awq": {"gptqmodel": "gptqmodel"},
    "bitsandbytes": {"bitsandbytes": "bitsandbytes"},
    "compressed-tensors": {"compressed_tensors": "compressed-tensors"},
    "gptq": {"optimum": "optimum", "gptqmodel": "gptqmodel"},
    "hqq": {"hqq": "hqq"},
    "quanto": {"optimum.quanto": "optimum-quanto"},
    "quark": {"quark": "amd-quark"},
    "spqr": {"spqr_quant": "spqr-quant"},
    "torchao": {"torchao": "torchao"},
    "vptq": {"vptq": "vptq"},
}
"""For each `quant_method` of config.json: the modules that transformers imports to load such weights, and their
packages."""
CRITIC_FILE = "critic.json"
"""The file with those settings of a trained critic that transformers does not store; it is next to the weights."""
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_INDEX = "model.safetensors.index.json"
_TOKENIZERS = ("tokenizer.json", "vocab.json")
"""A model has one of these files: the newer form of a tokenizer, or the older one, which also needs merges.txt."""
_LONGEST_HEADER = 100 * 1024 * 1024
_UNQUANTISED = "name the model as it was before it was quantised"


class ModelError(ValueError):
    """A model that cannot be loaded or cannot serve as a critic; the message says what is missing and where."""


@dataclass(frozen=True, slots=True)
class CriticSettings:
    """The content of critic.json; the defaults are for a model that is not a critic yet."""

    frames: Mapping[str, Any] = field(default_factory=dict)
    """Fields of a FrameConfig, without checking them against the unit of the model."""
    max_new_tokens: int = 512
    simulated: bool = False
    """Whether the critic learned from simulated clips or ratings."""
    readings: Sequence[str] = ()
    """The detectors whose findings are in every question to the critic; empty if it is asked without readings."""


def check_model(name: str) -> Path | None:
    """Return the folder that a name refers to, or None for a hub id, which is not checked.

    Raises ModelError for a folder that cannot be loaded here.
    """
    folder = check_outline(name)
    if folder is not None:
        with _refuse_unreadable(folder):
            _check_weights(folder)
    return folder


def check_outline(name: str) -> Path | None:
    """Check a model as `check_model` does, but without its weights."""
    folder = find_folder(name)
    if folder is not None:
        with _refuse_unreadable(folder):
            _check_config(folder)
            _check_tokenizer(folder)
            read_critic_settings(folder)
    return folder


def check_trainable(name: str) -> Path | None:
    """Check a model as `check_model` does, and that training can start from it: it must not be quantised."""
    folder = check_model(name)
    if folder is not None and (method := _read_quantizer(read_object(folder / "config.json"))):
        raise ModelError(
            f"{folder} is quantised ({method}), and quantised weights cannot be trained here: {_UNQUANTISED}."
        )
    return folder


def find_folder(name: str) -> Path | None:
    """Return the path that a name refers to, or None if it is a hub id; raises ModelError if it is neither."""
    try:
        path = Path(name).expanduser()
        if path.exists():
            return path
    except RuntimeError:  # "~name" of a user that does not exist
        pass
    except OSError as error:
        raise ModelError(f"{name} cannot be read: {error.strerror}.") from None
    if name.startswith((".", "/", "~")) or not _HUB_ID.fullmatch(name):
        raise ModelError(
            f"{name or 'An empty name'}: there is no such model folder. A hub id looks like Qwen/Qwen3-VL-8B-Instruct."
        )
    return None


def identify_model(name: str) -> str:
    """Return a digest of the weights and settings in a model's folder; for a hub id, the id itself.

    The digest does not depend on the path. It leaves out `evaluation.json`: evaluating a critic does not change it.
    """
    folder = check_model(name)
    if folder is None:
        return name
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".bin", ".json", ".safetensors") and path.name != EVALUATION_FILE:
            with path.open("rb") as file:
                digest.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def read_critic_settings(folder: Path | None) -> CriticSettings:
    """Read critic.json; returns the defaults if the file does not exist. Raises ModelError for an invalid value."""
    path = folder / CRITIC_FILE if folder else None
    if path is None or not path.is_file():
        return CriticSettings()
    values = read_object(path)
    frames = values.get("frames", {})
    if not isinstance(frames, dict):
        raise ModelError(f"{path}: frames must be an object, got {frames!r}.")
    settings, frame_fields = get_type_hints(CriticSettings), get_type_hints(FrameConfig)
    if unknown := [*(values.keys() - settings.keys()), *(frames.keys() - frame_fields.keys())]:
        raise ModelError(f"{path} has settings that this version does not know: {', '.join(sorted(unknown))}.")
    for name, value in frames.items():
        _check_type(f"{path}: frames.{name}", value, frame_fields[name])
    for name in ("max_new_tokens", "simulated"):
        if name in values:
            _check_type(f"{path}: {name}", values[name], settings[name])
    readings = values.get("readings", [])
    if not isinstance(readings, list) or not all(isinstance(name, str) for name in readings):
        raise ModelError(f"{path}: readings must be a list of names of detectors, got {readings!r}.")
    if foreign := sorted(set(readings) - set(DETECTORS)):
        raise ModelError(f"{path}: this version has no detectors of these names: {', '.join(foreign)}.")
    if values.get("max_new_tokens", 1) < 1:
        raise ModelError(f"{path}: max_new_tokens must be at least 1, got {values['max_new_tokens']}.")
    return CriticSettings(**values)


def count_parameters(folder: Path) -> int:
    """Count the weights in a model folder, from the headers of its safetensors files."""
    return sum(prod(shape) for path in folder.glob("*.safetensors") for shape in read_shapes(path).values())


def read_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Read the shape of each weight from the header of a safetensors file.

    Raises ModelError if the header is broken or the file shorter than its header says.
    """
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 0 < length <= min(_LONGEST_HEADER, path.stat().st_size - 8):
            raise ModelError(f"{path} is not a safetensors file.")
        try:
            header = parse_json(file.read(length))
            weights = {name: entry for name, entry in header.items() if name != "__metadata__"}
            end = max(entry["data_offsets"][1] for entry in weights.values())
            shapes = {name: tuple(entry["shape"]) for name, entry in weights.items()}
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            raise ModelError(f"{path} is not a safetensors file: its header is broken.") from None
    if path.stat().st_size != 8 + length + end:
        raise ModelError(f"{path} is cut off: {path.stat().st_size} bytes where its header says {8 + length + end}.")
    return shapes


def is_installed(module: str) -> bool:
    """Whether a module can be imported here."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # its parent package is missing
        return False


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object; raises ModelError if the file holds anything else."""
    try:
        value = parse_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path} is not JSON: {str(error).rstrip('.')}.") from None
    if not isinstance(value, dict):
        raise ModelError(f"{path} is not a JSON object.")
    return value


@contextmanager
def _refuse_unreadable(folder: Path) -> Iterator[None]:
    """Raise ModelError for a file that this process has no permission to read."""
    try:
        yield
    except OSError as error:
        raise ModelError(f"{error.filename or folder} cannot be read: {error.strerror}.") from None


def _check_config(folder: Path) -> None:
    if not folder.is_dir():
        raise ModelError(
            f"{folder} is a file; a model is a folder with config.json, a tokenizer and weights in *.safetensors."
        )
    config = folder / "config.json"
    if not config.is_file() and (folder / "adapter_config.json").is_file():
        raise ModelError(f"{folder} holds adapters alone (adapter_config.json): merge them into their model first.")
    if not config.is_file():
        raise ModelError(f"{folder} is not a model folder: it has no config.json.")
    values = read_object(config)
    if values.get("model_type") not in MODEL_TYPES:
        raise ModelError(
            f"{config}: model_type is {values.get('model_type')!r}; a critic is built on {' or '.join(MODEL_TYPES)}."
        )
    _check_quantizer(folder, _read_quantizer(values))


def _read_quantizer(config: Mapping[str, object]) -> str:
    """Return the method by which a model's weights are quantised; empty if they are not."""
    settings = config.get("quantization_config")
    if not settings:
        return ""
    if not isinstance(settings, Mapping):
        return "unknown"
    loads_bits = settings.get("load_in_4bit") or settings.get("load_in_8bit")
    return str(settings.get("quant_method") or ("bitsandbytes" if loads_bits else "unknown"))


def _check_quantizer(folder: Path, method: str) -> None:
    missing = [package for module, package in QUANTIZERS.get(method, {}).items() if not is_installed(module)]
    if missing:
        raise ModelError(
            f"{folder} is quantised ({method}), which needs {' and '.join(missing)} here: install it with"
            f" `pip install {' '.join(missing)}`, or {_UNQUANTISED}."
        )


def _check_tokenizer(folder: Path) -> None:
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        raise ModelError(f"{folder} has no tokenizer ({' or '.join(_TOKENIZERS)}): copy it from the original model.")
    if not (folder / "tokenizer_config.json").is_file():
        raise ModelError(f"{folder} has no tokenizer_config.json: copy the tokenizer from the original model.")


def _check_weights(folder: Path) -> None:
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise ModelError(f"{folder} has no weights in *.safetensors (other weight formats are never opened).")
    index = folder / _INDEX
    shards = read_object(index).get("weight_map") if index.is_file() else {}
    if not isinstance(shards, dict):
        raise ModelError(f"{index} has no weight_map: copy it again from the original model.")
    missing = sorted(name for name in set(map(str, shards.values())) if not (folder / name).is_file())
    if missing:
        raise ModelError(
            f"{folder} lacks {len(missing)} of its weight files, {missing[0]} first: copy them from the original model."
        )
    for path in weights:
        read_shapes(path)


def _check_type(name: str, value: object, kind: type) -> None:
    """Raise ModelError unless a setting has its type; a float may be written as a whole number, but not as True."""
    if type(value) not in ({float, int} if kind is float else {kind}):
        wanted = {int: "a whole number", float: "a number", bool: "true or false"}[kind]
        raise ModelError(f"{name} must be {wanted}, got {value!r}.")
