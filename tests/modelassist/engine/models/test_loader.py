"""Which models are refused while loading, and what a loaded one knows of its vocabulary."""

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from httpx2 import ConnectError
from huggingface_hub import constants
from huggingface_hub.utils._http import http_backoff
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from torch import Tensor
from transformers import AutoConfig, PreTrainedTokenizerFast

from modelassist.engine.generation.critic import Critic
from modelassist.engine.models import loader
from modelassist.engine.models.folder import CRITIC_FILE, ModelError
from modelassist.engine.models.loader import LoadedModel, find_level_ids, load
from modelassist.engine.models.saver import save
from modelassist.engine.models.tiny import build_tokenizer
from qsave.axes import LEVEL_WORDS


@pytest.fixture
def copy(tiny_folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_folder, tmp_path / "copy")


def test_a_path_that_is_not_there_is_not_taken_for_a_hub_id() -> None:
    with pytest.raises(ModelError, match="there is no such model folder"):
        load("./nowhere")


Weights = dict[str, Tensor]


def rewrite(folder: Path, change: Callable[[Weights], Weights]) -> None:
    """Replace the weights in a folder."""
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Capture the log, including that of transformers, which does not propagate to pytest's handler."""
    logger = logging.getLogger("transformers.modeling_utils")
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


def test_missing_weights_are_refused_instead_of_drawn(copy: Path, logged: pytest.LogCaptureFixture) -> None:
    rewrite(copy, lambda weights: {name: value for name, value in weights.items() if "layers.1.mlp" not in name})
    with pytest.raises(
        ModelError, match=r"3 weights are missing; the first is model\.language_model\.layers\.1\.mlp\.down_proj"
    ):
        load(str(copy))
    assert logged.messages == []


def test_a_weight_of_another_shape_is_named_with_both(copy: Path, logged: pytest.LogCaptureFixture) -> None:
    words = len(load(str(copy)).tokenizer)
    rewrite(copy, lambda weights: weights | {"lm_head.weight": torch.zeros(7, 128)})
    with pytest.raises(ModelError, match=rf": lm_head\.weight is 7 x 128, but config\.json expects {words} x 128\.$"):
        load(str(copy))
    assert logged.messages == []


def test_weights_without_a_place_are_told_and_left_out(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(copy, lambda weights: weights | {"model.language_model.layers.9.extra": torch.zeros(2)})
    load(str(copy))
    assert (
        "1 weights that config.json does not name are left out; the first is model.language" in capsys.readouterr().err
    )


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_weight_that_is_no_number_is_refused(copy: Path, broken: float) -> None:
    def spoil(weights: Weights) -> Weights:
        weights["lm_head.weight"][3, 5] = broken
        return weights

    rewrite(copy, spoil)
    with pytest.raises(ModelError, match=r"1 weights contain NaN or infinity; the first is lm_head\.weight\."):
        load(str(copy))


def test_a_hub_that_does_not_answer_is_told_once_and_a_folder_named_instead(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        try:
            http_backoff("HEAD", "http://127.0.0.1:1/config.json", max_retries=2, base_wait_time=0)
        except ConnectError as error:
            raise OSError("We couldn't connect") from error

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(AutoConfig, "from_pretrained", unreachable)
    with pytest.raises(
        ModelError, match=r"Some/Model: its config cannot be loaded: We couldn't connect\. You can also name"
    ):
        load("Some/Model")
    assert caplog.messages == ["Some/Model: the hub does not answer yet; retrying for up to half a minute."]


def test_level_words_are_single_tokens_in_context(critic: LoadedModel) -> None:
    assert [str(critic.tokenizer.decode([token])).strip() for token in critic.level_ids] == list(LEVEL_WORDS)


def test_a_tokenizer_that_spells_the_levels_is_refused() -> None:
    letters = Tokenizer(BPE(vocab={char: index for index, char in enumerate(sorted(ByteLevel.alphabet()))}, merges=[]))
    letters.pre_tokenizer = ByteLevel(add_prefix_space=False)
    with pytest.raises(ModelError, match="single tokens"):
        find_level_ids(PreTrainedTokenizerFast(tokenizer_object=letters))


def test_the_tokenizer_writes_any_text_and_reads_it_back() -> None:
    tokenizer = build_tokenizer(["A red circle rises over sand"])
    for text in ("A red circle rises over sand", "naïve 狐 🎬\t\n  two  spaces", "visual: good\n</answer>"):
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer.encode(" red circle rises")) == 3


def test_what_was_saved_loads_with_the_same_weights_rounded(critic: LoadedModel, tmp_path: Path) -> None:
    before = {name: value.clone() for name, value in critic.base.state_dict().items()}
    save(critic, tmp_path / "kept")
    again = load(str(tmp_path / "kept"))
    for name, value in before.items():
        assert torch.equal(again.base.state_dict()[name], value.to(torch.bfloat16).float()), name
    assert again.frames == critic.frames
    assert again.tokenizer.get_vocab() == critic.tokenizer.get_vocab()
    assert sum(path.stat().st_size for path in (tmp_path / "kept").glob("*.safetensors")) < 16_000_000


def test_what_was_saved_is_for_whom_the_umask_lets_read(critic: LoadedModel, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        save(critic, tmp_path / "kept")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "kept").iterdir()}
    assert "model.safetensors" in modes
    assert modes == dict.fromkeys(modes, 0o640)


def test_unknown_settings_beside_a_model_are_refused(copy: Path) -> None:
    (copy / CRITIC_FILE).write_text('{"frames": {"eyes": 3}}')
    with pytest.raises(ModelError, match="does not know"):
        load(str(copy))


def test_who_judges_without_frame_settings_says_so_once(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Critic.load(str(copy))
    (copy / CRITIC_FILE).unlink()
    load(str(copy))  # to train from
    assert capsys.readouterr().err == ""
    Critic.load(str(copy))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{copy}: it has no critic.json, so the default frame settings are used")


def test_a_folder_below_home_may_be_named_by_a_tilde(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tiny_folder.parent))
    assert load(f"~/{tiny_folder.name}").frames == loader.load_frame_config(f"~/{tiny_folder.name}")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[]", "is not a JSON object"),
        ('{"frames": [3]}', r"frames must be an object, got \[3\]"),
        ('{"frames": {"fast_frames": "8"}}', r"frames\.fast_frames must be a whole number, got '8'"),
        ('{"frames": {"slow_pixels": 9.5}}', r"frames\.slow_pixels must be a whole number, got 9\.5"),
        ('{"frames": {"min_distance": true}}', r"frames\.min_distance must be a number, got True"),
        ('{"max_new_tokens": null}', "max_new_tokens must be a whole number, got None"),
        ('{"max_new_tokens": 0}', "max_new_tokens must be at least 1, got 0"),
    ],
)
def test_a_setting_beside_a_model_that_cannot_be_is_named_with_its_file(copy: Path, text: str, error: str) -> None:
    (copy / CRITIC_FILE).write_text(text)
    with pytest.raises(ModelError, match=rf"critic\.json:? {error}\.$"):
        load(str(copy))


def test_a_whole_number_may_stand_for_a_share(copy: Path) -> None:
    (copy / CRITIC_FILE).write_text('{"frames": {"min_distance": 1}}')
    assert load(str(copy)).frames.min_distance == 1
