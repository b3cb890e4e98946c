"""Is this a model that can be loaded here? Answered from its files alone, before anything is loaded.

Free of torch, so that the web process asks the very question that `score`, `evaluate` and `train` ask.
"""

import re
import struct
from collections.abc import Mapping
from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import Any

from qsave.parsing import parse_json

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
"""By the `quant_method` of config.json: what transformers imports to load such weights, and the package it is in."""
CRITIC_FILE = "critic.json"
"""Beside a trained critic's weights: what of it transformers has no place for."""
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_INDEX = "model.safetensors.index.json"
_TOKENIZERS = ("tokenizer.json", "vocab.json")
"""One of them: the newer form of a tokenizer, or the older, which has merges.txt beside it."""
_LONGEST_HEADER = 100 * 1024 * 1024


class ModelError(ValueError):
    """A model that cannot be loaded or cannot serve as a critic; the message says what is missing and where."""


def check_model(name: str) -> Path | None:
    """The folder meant by a name, or None for a hub id, which is taken at its word; raises ModelError for a folder that
    cannot be loaded here."""
    folder = local_folder(name)
    if folder is not None:
        _check_config(folder)
        _check_weights(folder)
        check_tokenizer(folder)
    return folder


def check_trainable(name: str) -> Path | None:
    """As `check_model`, for a model to start a training run from."""
    folder = check_model(name)
    if folder is not None and (method := _quantizer(read_object(folder / "config.json"))):
        raise ModelError(f"{folder} is quantised ({method}), and such weights are not trained here: {_ORIGINAL}")
    return folder


def local_folder(name: str) -> Path | None:
    """The folder meant by a name, or None where it is a hub id."""
    path = Path(name).expanduser()
    if path.exists():
        return path
    if name.startswith((".", "/", "~")) or not _HUB_ID.fullmatch(name):
        raise ModelError(
            f"{name or 'An empty name'}: there is no such model folder (a hub id looks like Qwen/Qwen3-VL-8B-Instruct)"
        )
    return None


def learned_from_simulated(folder: Path) -> bool:
    """Whether the critic in a folder says that it learned from simulated clips or ratings."""
    settings = folder / CRITIC_FILE
    return settings.is_file() and read_object(settings).get("simulated") is True


def count_parameters(folder: Path) -> int:
    """How many weights a model folder holds, from the headers of its safetensors files."""
    headers = (read_header(path) for path in folder.glob("*.safetensors"))
    return sum(prod(entry["shape"]) for header in headers for name, entry in header.items() if name != "__metadata__")


def read_header(path: Path) -> dict[str, Any]:
    """The header of a safetensors file; raises ModelError where it is broken or the file is shorter than it says."""
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 0 < length <= min(_LONGEST_HEADER, path.stat().st_size - 8):
            raise ModelError(f"{path} is not a safetensors file")
        try:
            header: dict[str, Any] = parse_json(file.read(length))
            ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
            end = max(ends)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            raise ModelError(f"{path} is not a safetensors file: its header is broken") from None
    if path.stat().st_size != 8 + length + end:
        raise ModelError(f"{path} is cut off: {path.stat().st_size} bytes where its header says {8 + length + end}")
    return header


_ORIGINAL = "name the model as it was before it was quantised"


def _check_config(folder: Path) -> None:
    if not folder.is_dir():
        raise ModelError(
            f"{folder} is a file; a model is a folder with config.json, a tokenizer and weights in *.safetensors"
        )
    config = folder / "config.json"
    if not config.is_file() and (folder / "adapter_config.json").is_file():
        raise ModelError(f"{folder} holds adapters alone (adapter_config.json): merge them into their model first")
    if not config.is_file():
        raise ModelError(f"{folder} is not a model folder: it has no config.json")
    values = read_object(config)
    if values.get("model_type") not in MODEL_TYPES:
        raise ModelError(
            f"{config}: model_type is {values.get('model_type')!r}; a critic is built on {' or '.join(MODEL_TYPES)}"
        )
    _check_quantizer(folder, _quantizer(values))


def _quantizer(config: Mapping[str, Any]) -> str:
    """How a model's weights are quantised; empty where they are not."""
    found = config.get("quantization_config")
    if not found:
        return ""
    if not isinstance(found, Mapping):
        return "unknown"
    loads_bits = found.get("load_in_4bit") or found.get("load_in_8bit")
    return str(found.get("quant_method") or ("bitsandbytes" if loads_bits else "unknown"))


def _check_quantizer(folder: Path, method: str) -> None:
    missing = [package for module, package in QUANTIZERS.get(method, {}).items() if not is_installed(module)]
    if missing:
        raise ModelError(
            f"{folder} is quantised ({method}), which needs {' and '.join(missing)} here: install it with"
            f" `pip install {' '.join(missing)}`, or {_ORIGINAL}"
        )


def is_installed(module: str) -> bool:
    """Whether a module can be imported here."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of the package that it is in
        return False


def _check_weights(folder: Path) -> None:
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise ModelError(f"{folder} has no weights in *.safetensors (other weight formats are never opened)")
    index = folder / _INDEX
    shards = read_object(index).get("weight_map") if index.is_file() else {}
    if not isinstance(shards, dict):
        raise ModelError(f"{index} has no weight_map: copy it again from where the model is from")
    gone = sorted(name for name in set(map(str, shards.values())) if not (folder / name).is_file())
    if gone:
        raise ModelError(f"{folder} lacks {len(gone)} of its files of weights, {gone[0]} first: copy them here")
    for path in weights:
        read_header(path)


def check_tokenizer(folder: Path) -> None:
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        raise ModelError(
            f"{folder} has no tokenizer ({' or '.join(_TOKENIZERS)}): copy it from where the model is from"
        )
    if not (folder / "tokenizer_config.json").is_file():
        raise ModelError(f"{folder} has no tokenizer_config.json: copy its tokenizer from where the model is from")


def read_object(path: Path) -> dict[str, Any]:
    try:
        value = parse_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ModelError(f"{path} is not a JSON object")
    return value
