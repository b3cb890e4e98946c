"""The site and the engine refuse a folder that is no model from its files alone, in the same sentence."""

import html
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from django.test import Client

from accounts.models import User
from modelassist.engine.cli.options import main
from modelassist.engine.models import folder as folder_module
from modelassist.engine.models.families import FAMILIES
from modelassist.engine.models.folder import MODEL_TYPES, ModelError, check_model, check_trainable, count_parameters
from modelassist.engine.models.loader import load
from operations.models import Job


def drop(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).unlink()

    return change


def write(name: str, content: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return change


def rename(name: str, other: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).rename(folder / other)

    return change


def quantise(**settings: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"quantization_config": settings}))

    return change


def replace_by_a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_bytes(b"weights")


def empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def keep_adapters_only(folder: Path) -> None:
    empty(folder)
    (folder / "adapter_config.json").write_text("{}")
    (folder / "adapter_model.safetensors").write_bytes(b"")


def cut_off(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def make_a_folder_of(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return change


WEIGHTS = "model.safetensors"
SHARDS = json.dumps({"weight_map": {"a": WEIGHTS, "b": "model-00002-of-00002.safetensors"}}).encode()
INSTALL = "here: install it with `pip install {packages}`, or name the model as it was before it was quantised."
KINDS: Mapping[str, tuple[Callable[[Path], None], str]] = {
    "a file": (
        replace_by_a_file,
        "{folder} is a file; a model is a folder with config.json, a tokenizer and weights in *.safetensors.",
    ),
    "empty": (empty, "{folder} is not a model folder: it has no config.json."),
    "no config": (drop("config.json"), "{folder} is not a model folder: it has no config.json."),
    "config is a folder": (
        make_a_folder_of("config.json"),
        "{folder} is not a model folder: it has no config.json.",
    ),
    "broken config": (
        write("config.json", b"{"),
        "{folder}/config.json is not JSON: Expecting property name",
    ),
    "config not UTF-8": (
        write("config.json", b'{"model_type": "\xff"}'),
        "{folder}/config.json is not JSON: 'utf-8' codec can't decode byte 0xff in position 16: invalid start byte.",
    ),
    "config a list": (write("config.json", b"[]"), "{folder}/config.json is not a JSON object."),
    "no model type": (
        write("config.json", b"{}"),
        "{folder}/config.json: model_type is None; a critic is built on qwen3_vl or qwen2_5_vl.",
    ),
    "another kind of model": (
        write("config.json", b'{"model_type": "llama"}'),
        "{folder}/config.json: model_type is 'llama'; a critic is built on qwen3_vl or qwen2_5_vl.",
    ),
    "adapters": (
        keep_adapters_only,
        "{folder} holds adapters alone (adapter_config.json): merge them into their model first.",
    ),
    "no weights": (
        drop(WEIGHTS),
        "{folder} has no weights in *.safetensors (other weight formats are never opened).",
    ),
    "pickled weights": (
        rename(WEIGHTS, "pytorch_model.bin"),
        "{folder} has no weights in *.safetensors (other weight formats are never opened).",
    ),
    "cut off weights": (cut_off, "{folder}/model.safetensors is cut off: "),
    "empty weights": (write(WEIGHTS, b""), "{folder}/model.safetensors is not a safetensors file."),
    "broken header": (
        write(WEIGHTS, b"\x08\0\0\0\0\0\0\0notjson!" + b"x" * 50),
        "{folder}/model.safetensors is not a safetensors file: its header is broken.",
    ),
    "header too long": (write(WEIGHTS, b"\xff" * 64), "{folder}/model.safetensors is not a safetensors file."),
    "missing shard": (
        write("model.safetensors.index.json", SHARDS),
        "{folder} lacks 1 of its weight files, model-00002-of-00002.safetensors first: copy them from",
    ),
    "no weight map": (
        write("model.safetensors.index.json", b'{"weight_map": 3}'),
        "{folder}/model.safetensors.index.json has no weight_map: copy it again from the original model.",
    ),
    "no tokenizer": (
        drop("tokenizer.json"),
        "{folder} has no tokenizer (tokenizer.json or vocab.json): copy it from the original model.",
    ),
    "no tokenizer config": (
        drop("tokenizer_config.json"),
        "{folder} has no tokenizer_config.json: copy the tokenizer from the original model.",
    ),
    "critic.json without a list of readings": (
        write("critic.json", b'{"readings": "freeze"}'),
        "{folder}/critic.json: readings must be a list of names of detectors, got 'freeze'.",
    ),
    "critic.json with readings of another version": (
        write("critic.json", b'{"readings": ["freeze", "hum"]}'),
        "{folder}/critic.json: this version has no detectors of these names: freeze, hum.",
    ),
    "broken critic.json": (write("critic.json", b"[]"), "{folder}/critic.json is not a JSON object."),
    "unknown setting": (
        write("critic.json", b'{"frames": {"eyes": 3}}'),
        "{folder}/critic.json has settings that this version does not know: eyes.",
    ),
    "wrong setting": (
        write("critic.json", b'{"simulated": "yes"}'),
        "{folder}/critic.json: simulated must be true or false, got 'yes'.",
    ),
    "awq": (
        quantise(quant_method="awq", bits=4),
        "{folder} is quantised (awq), which needs gptqmodel " + INSTALL.format(packages="gptqmodel"),
    ),
    "gptq": (
        quantise(quant_method="gptq", bits=4),
        "{folder} is quantised (gptq), which needs optimum and gptqmodel "
        + INSTALL.format(packages="optimum gptqmodel"),
    ),
    "bitsandbytes": (
        quantise(quant_method="bitsandbytes", load_in_4bit=True),
        "{folder} is quantised (bitsandbytes), which needs bitsandbytes " + INSTALL.format(packages="bitsandbytes"),
    ),
    "old bitsandbytes": (
        quantise(load_in_8bit=True),
        "{folder} is quantised (bitsandbytes), which needs bitsandbytes " + INSTALL.format(packages="bitsandbytes"),
    ),
}
WEIGHTS_ALONE = {kind for kind in KINDS if "weight" in kind or kind in ("broken header", "header too long")}
WEIGHTS_ALONE |= {"missing shard"}
"""Kinds that lack nothing which `size` reads: it needs no weights."""


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_model, tmp_path / "model")


def test_a_model_folder_passes(tiny_model: Path) -> None:
    assert check_model(str(tiny_model)) == tiny_model


def test_a_hub_id_is_not_checked() -> None:
    assert check_model("Qwen/Qwen3-VL-8B-Instruct") is None


@pytest.mark.parametrize("kind", KINDS)
def test_the_site_and_every_command_refuse_a_folder_in_the_same_sentence(
    client: Client, engineer: User, folder: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    spoil, start = KINDS[kind]
    spoil(folder)
    with pytest.raises(ModelError) as refusal:
        check_model(str(folder))
    sentence = str(refusal.value)
    assert sentence.startswith(start.format(folder=folder))
    assert sentence.endswith(".")
    assert "\n" not in sentence

    client.force_login(engineer)
    page = client.post("/critics/add", {"name": "ada", "model": str(folder)}).content.decode()
    assert sentence in html.unescape(page)
    assert not Job.objects.exists()

    (folder.parent / "clip.mp4").write_bytes(b"no clip")
    model = ["--model", str(folder)]
    release = ["--release", str(folder.parent / "release"), "--out", str(folder.parent / "out")]
    commands = [
        ["score", str(folder.parent / "clip.mp4"), "--prompt", "a square", *model],
        ["evaluate", *release, *model],
        ["train", *release, *model],
        ["check", *model],
    ]
    for command in [*commands, *([] if kind in WEIGHTS_ALONE else [["size", *model]])]:
        assert main(command) == 1, command
        assert capsys.readouterr().err == f"error: {sentence}\n", command


def test_a_file_that_may_not_be_read_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, **_: object) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(ModelError) as refusal:
        check_model(str(folder))
    assert str(refusal.value) == f"{folder}/config.json cannot be read: Permission denied."


def test_the_check_loads_no_model_library() -> None:
    code = "import sys, modelassist.engine.models.folder; print({'torch', 'transformers', 'peft'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_quantised_model_whose_package_is_installed_passes_and_is_not_trained(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    KINDS["awq"][0](folder)
    monkeypatch.setattr(folder_module, "is_installed", lambda module: True)
    check_model(str(folder))
    with pytest.raises(ModelError, match="cannot be trained here"):
        check_trainable(str(folder))


def test_the_kinds_of_model_are_those_that_the_engine_loads() -> None:
    assert set(MODEL_TYPES) == set(FAMILIES)


def test_the_weights_of_a_folder_are_counted(tiny_model: Path) -> None:
    network = load(str(tiny_model)).network
    assert count_parameters(tiny_model) == sum(value.numel() for value in network.parameters())


@pytest.mark.parametrize(
    "name", ["", "nowhere", "./nowhere", "/nowhere/at/all", "a/b/c", "../..", "~nobody-has-this-name/model", "a" * 300]
)
def test_names_of_nothing_are_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError):
        check_model(name)
