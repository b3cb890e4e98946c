"""`check` loads a model and lets it write; whatever ends that is one line."""

from pathlib import Path

import pytest

from modelassist.engine.cli import commands
from modelassist.engine.cli.options import main


@pytest.mark.parametrize(
    "error",
    [RuntimeError("self and mat2 need\none dtype"), ImportError("no kernel"), AssertionError("shape")],
)
def test_a_model_that_loads_and_cannot_generate_is_refused_in_one_line(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(commands, "generate_answers", fails)

    assert main(["check", "--model", str(tiny_folder)]) == 1

    *_, last = capsys.readouterr().err.strip().splitlines()
    words = " ".join(str(error).split())
    assert last == f"error: {tiny_folder} cannot be used here: {type(error).__name__}: {words}"
