"""What is refused as a model, and what a loaded one knows of its words."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from transformers import PreTrainedTokenizerFast

from modelassist.engine import model
from modelassist.engine.model import Loaded, ModelError, level_ids, load, save
from modelassist.engine.tiny import build_tokenizer
from qsave.axes import LEVEL_WORDS


@pytest.fixture
def copy(tiny_folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_folder, tmp_path / "copy")


def test_a_folder_without_a_config_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is not a model folder: it has no config\.json"):
        load(str(tmp_path))


def test_a_path_that_is_not_there_is_not_taken_for_a_hub_id() -> None:
    with pytest.raises(ModelError, match="there is no such model folder"):
        load("./nowhere")


def test_a_file_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "model").touch()
    with pytest.raises(ModelError, match="is a file"):
        load(str(tmp_path / "model"))


@pytest.mark.parametrize(("text", "error"), [("{", "is not JSON"), ("[]", "not a JSON object"), ("{}", "model_type")])
def test_a_config_of_another_kind_is_refused(copy: Path, text: str, error: str) -> None:
    (copy / "config.json").write_text(text)
    with pytest.raises(ModelError, match=error):
        load(str(copy))


def test_pickled_weights_are_never_opened(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"no weights in \*\.safetensors"):
        load(str(copy))


def test_a_truncated_weights_file_is_an_error(copy: Path) -> None:
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:10_000])
    with pytest.raises(ModelError, match="cannot be loaded"):
        load(str(copy))


def test_missing_weights_are_refused_instead_of_drawn(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    config["text_config"]["num_hidden_layers"] += 1
    config["text_config"].pop("layer_types", None)
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="weights are missing"):
        load(str(copy))


def test_level_words_are_single_tokens_in_context(critic: Loaded) -> None:
    assert [str(critic.tokenizer.decode([token])).strip() for token in critic.level_ids] == list(LEVEL_WORDS)


def test_a_tokenizer_that_spells_the_levels_is_refused() -> None:
    letters = Tokenizer(BPE(vocab={char: place for place, char in enumerate(sorted(ByteLevel.alphabet()))}, merges=[]))
    letters.pre_tokenizer = ByteLevel(add_prefix_space=False)
    with pytest.raises(ModelError, match="single tokens"):
        level_ids(PreTrainedTokenizerFast(tokenizer_object=letters))


def test_the_tokenizer_writes_any_text_and_reads_it_back() -> None:
    tokenizer = build_tokenizer(["A red circle rises over sand"])
    for text in ("A red circle rises over sand", "naïve 狐 🎬\t\n  two  spaces", "visual: good\n</answer>"):
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer.encode(" red circle rises")) == 3


def test_what_was_saved_loads_with_the_same_weights_rounded(critic: Loaded, tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in critic.base.state_dict().items()}
    save(critic, tmp_path / "kept")
    again = load(str(tmp_path / "kept"))
    for name, value in before.items():
        assert torch.equal(again.base.state_dict()[name], value.to(torch.bfloat16).float()), name
    assert again.frames == critic.frames
    assert again.tokenizer.get_vocab() == critic.tokenizer.get_vocab()
    assert sum(path.stat().st_size for path in (tmp_path / "kept").glob("*.safetensors")) < 16_000_000


def test_unknown_settings_beside_a_model_are_refused(copy: Path) -> None:
    (copy / model.CRITIC_FILE).write_text('{"frames": {"eyes": 3}}')
    with pytest.raises(ModelError, match="does not know"):
        load(str(copy))


def test_a_folder_below_home_may_be_named_by_a_tilde(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tiny_folder.parent))
    assert load(f"~/{tiny_folder.name}").frames == model.frame_config(f"~/{tiny_folder.name}")
