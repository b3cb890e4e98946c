"""What is no model is refused from its files alone, with a word on what is missing."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from modelassist.services.model_folder import NotAModel, check_model


def test_a_model_folder_passes(tiny_model: Path) -> None:
    check_model(str(tiny_model))


def test_a_hub_id_is_taken_at_its_word() -> None:
    check_model("Qwen/Qwen3-VL-8B-Instruct")


def without_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def config_no_json(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def config_a_list(folder: Path) -> None:
    (folder / "config.json").write_text("[]")


def another_kind(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"model_type": "llama"}))


def without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def pickled_weights(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def cut_off(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def empty_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")


def not_safetensors(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0notjson!" + b"x" * 50)


def header_says_too_much(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\xff" * 64)


def without_tokenizer(folder: Path) -> None:
    (folder / "tokenizer_config.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (without_config, "no config.json"),
        (config_no_json, "not JSON"),
        (config_a_list, "not a JSON object"),
        (another_kind, "'llama'"),
        (without_weights, "safetensors"),
        (pickled_weights, "safetensors"),
        (cut_off, "cut off"),
        (empty_weights, "not a safetensors file"),
        (not_safetensors, "header is broken"),
        (header_says_too_much, "not a safetensors file"),
        (without_tokenizer, "tokenizer"),
    ],
)
def test_what_is_no_model_is_refused(
    tiny_model: Path, tmp_path: Path, spoil: Callable[[Path], None], words: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    spoil(folder)
    with pytest.raises(NotAModel, match=words):
        check_model(str(folder))


@pytest.mark.parametrize("name", ["", "nowhere", "./nowhere", "/nowhere/at/all", "a/b/c", "../.."])
def test_names_of_nothing_are_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotAModel):
        check_model(name)


def test_a_file_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.touch()
    with pytest.raises(NotAModel, match="is a file"):
        check_model(str(path))
