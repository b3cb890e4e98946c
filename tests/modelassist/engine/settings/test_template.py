"""The file of all settings: what it says is what the engine takes when nothing is said."""

import re
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from modelassist.engine.cli.options import main
from modelassist.engine.settings.config import Config, RewardConfig, load_config
from modelassist.engine.settings.template import read_field_docs, render_settings
from qsave.frames.slowfast import FrameConfig


def without_unset(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def test_the_file_spells_out_the_defaults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["settings"]) == 0
    text = capsys.readouterr().out
    assert tomllib.loads(text) == without_unset(asdict(Config()))
    (tmp_path / "run.toml").write_text(text)
    assert load_config(tmp_path / "run.toml") == Config()


def test_what_is_unset_can_be_set_by_taking_the_marks_away(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(re.sub(r"^#(?! )", "", render_settings(), flags=re.MULTILINE))
    assert load_config(tmp_path / "run.toml") == Config(frames=FrameConfig())


def test_every_setting_has_its_words_above_it() -> None:
    lines = render_settings().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"#?[\[a-z]", line):
            assert re.match(r"# \S", lines[number - 1]), line


def test_the_words_are_those_of_the_source() -> None:
    said = read_field_docs(RewardConfig)
    assert said["defects"] == "F1 of the defects listed against those people listed."
    assert list(said) == list(asdict(RewardConfig()))
