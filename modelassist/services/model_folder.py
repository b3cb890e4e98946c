"""Is this a model? Answered from the files alone, so that the web process can ask without loading torch."""

import json
import re
import struct
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

MODEL_TYPES = ("qwen3_vl", "qwen2_5_vl")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_MAX_HEADER = 100 * 1024 * 1024


class NotAModel(ValueError):
    """What was named is no model folder and no hub id; the message says what is missing."""


def check_model(name: str) -> None:
    """Raise NotAModel unless `name` is a folder with a Qwen3-VL or Qwen2.5-VL in it, or has the form of a hub id.

    A hub id is taken at its word: whether it can be fetched shows when it is loaded.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        _check_config(path)
        _check_weights(path)
        _check_tokenizer(path)
    elif path.exists():
        raise NotAModel(
            _("%(name)s is a file; a model is a folder with config.json, a tokenizer and *.safetensors")
            % {"name": name}
        )
    elif name.startswith((".", "/", "~")) or not _HUB_ID.fullmatch(name):
        raise NotAModel(
            _("%(name)r: there is no such model folder (a hub id looks like Qwen/Qwen3-VL-8B-Instruct)")
            % {"name": name}
        )


def _check_config(folder: Path) -> None:
    config = folder / "config.json"
    if not config.is_file():
        raise NotAModel(_("%(folder)s is not a model folder: it has no config.json") % {"folder": folder})
    kind = _json_object(config).get("model_type")
    if kind not in MODEL_TYPES:
        raise NotAModel(
            _("%(file)s: model_type is %(found)r; a critic is built on %(wanted)s")
            % {"file": config, "found": kind, "wanted": " / ".join(MODEL_TYPES)}
        )


def _check_weights(folder: Path) -> None:
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise NotAModel(
            _("%(folder)s has no weights in *.safetensors (other weight formats are never opened)") % {"folder": folder}
        )
    for path in weights:
        _check_safetensors(path)


def _check_safetensors(path: Path) -> None:
    """The header must be readable and the file as long as its header says: a cut-off copy is found here."""
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 0 < length <= min(_MAX_HEADER, path.stat().st_size - 8):
            raise NotAModel(_("%(file)s is not a safetensors file") % {"file": path})
        try:
            header = json.loads(file.read(length))
            end = max(entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__")
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            raise NotAModel(_("%(file)s is not a safetensors file: its header is broken") % {"file": path}) from None
    if path.stat().st_size != 8 + length + end:
        raise NotAModel(
            _("%(file)s is cut off: %(size)s bytes where its header says %(said)s")
            % {"file": path, "size": path.stat().st_size, "said": 8 + length + end}
        )


def _check_tokenizer(folder: Path) -> None:
    if not (folder / "tokenizer_config.json").is_file():
        raise NotAModel(
            _("%(folder)s has no tokenizer (tokenizer_config.json): save it beside the weights") % {"folder": folder}
        )


def _json_object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise NotAModel(_("%(file)s is not JSON: %(error)s") % {"file": path, "error": error}) from None
    if not isinstance(value, dict):
        raise NotAModel(_("%(file)s is not a JSON object") % {"file": path})
    return value
