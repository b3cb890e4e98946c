"""What is no model is refused from its files alone, with a word on what is missing."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from modelassist.engine.cli.options import main
from modelassist.engine.models import folder as folder_module
from modelassist.engine.models.families import FAMILIES
from modelassist.engine.models.folder import MODEL_TYPES, ModelError, check_model, check_trainable, count_parameters
from modelassist.engine.models.loader import load


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


def add_to_config(folder: Path, **values: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | values))


def awq(folder: Path) -> None:
    add_to_config(folder, quantization_config={"quant_method": "awq", "bits": 4})


def gptq(folder: Path) -> None:
    add_to_config(folder, quantization_config={"quant_method": "gptq", "bits": 4})


def bitsandbytes(folder: Path) -> None:
    add_to_config(folder, quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True})


def old_bitsandbytes(folder: Path) -> None:
    add_to_config(folder, quantization_config={"load_in_8bit": True})


def without_a_shard(folder: Path) -> None:
    index = {"weight_map": {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def adapters_alone(folder: Path) -> None:
    (folder / "config.json").rename(folder / "adapter_config.json")


def without_vocabulary(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


SPOILT: list[tuple[Callable[[Path], None], str]] = [
    (awq, "quantised .awq., which needs gptqmodel here: install it with `pip install gptqmodel`"),
    (gptq, "pip install optimum gptqmodel"),
    (bitsandbytes, "pip install bitsandbytes"),
    (old_bitsandbytes, "pip install bitsandbytes"),
    (without_a_shard, "model-00002-of-00002.safetensors first"),
    (adapters_alone, "merge them into their model"),
    (without_vocabulary, "has no tokenizer"),
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
]


@pytest.mark.parametrize(("spoil", "words"), SPOILT)
def test_what_is_no_model_is_refused(
    tiny_model: Path, tmp_path: Path, spoil: Callable[[Path], None], words: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    spoil(folder)
    with pytest.raises(ModelError, match=words) as refusal:
        check_model(str(folder))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("spoil", [spoil for spoil, _ in SPOILT])
def test_the_site_score_evaluate_and_train_refuse_it_in_one_line(
    tiny_model: Path, tmp_path: Path, spoil: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    spoil(folder)
    (tmp_path / "clip.mp4").write_bytes(b"no clip")
    model, release = ["--model", str(folder)], ["--release", str(tmp_path / "release"), "--out", str(tmp_path / "out")]
    for command in (
        ["score", str(tmp_path / "clip.mp4"), "--prompt", "a square", *model],
        ["evaluate", *release, *model],
        ["train", *release, *model],
        ["check", *model],
    ):
        assert main(command) == 1
        said = capsys.readouterr().err.strip()
        assert said.startswith("error: ")
        assert "\n" not in said


def test_a_quantised_model_whose_package_is_here_passes_and_is_not_trained(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    awq(folder)
    monkeypatch.setattr(folder_module, "is_installed", lambda module: True)
    check_model(str(folder))
    with pytest.raises(ModelError, match="not trained here"):
        check_trainable(str(folder))


def test_the_kinds_of_model_are_those_that_the_engine_loads() -> None:
    assert set(MODEL_TYPES) == set(FAMILIES)


def test_the_weights_of_a_folder_are_counted(tiny_model: Path) -> None:
    network = load(str(tiny_model)).network
    assert count_parameters(tiny_model) == sum(value.numel() for value in network.parameters())


@pytest.mark.parametrize("name", ["", "nowhere", "./nowhere", "/nowhere/at/all", "a/b/c", "../.."])
def test_names_of_nothing_are_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError):
        check_model(name)


def test_a_file_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.touch()
    with pytest.raises(ModelError, match="is a file"):
        check_model(str(path))
