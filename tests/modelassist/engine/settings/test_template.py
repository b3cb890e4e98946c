"""The file of all settings holds the defaults."""

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


def test_unset_settings_are_set_by_removing_their_marks(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(re.sub(r"^#(?! )", "", render_settings(), flags=re.MULTILINE))
    assert load_config(tmp_path / "run.toml") == Config(frames=FrameConfig())


def test_every_setting_has_a_comment_above_it() -> None:
    lines = render_settings().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"#?[\[a-z]", line):
            assert re.match(r"# \S", lines[number - 1]), line


def test_the_comments_are_the_docstrings_of_the_source() -> None:
    docs = read_field_docs(RewardConfig)
    assert docs["defects"] == "F1 of the listed defects against those that raters listed."
    assert list(docs) == list(asdict(RewardConfig()))
