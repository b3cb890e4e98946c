import json
import subprocess
import sys
from pathlib import Path

import pytest

from qsave.detectors import __main__ as command
from qsave.detectors.propose import ENABLED
from qsave.detectors.readings import readings_from_json
from tests.qsave.frames.clips import write_clip


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> None:
    monkeypatch.setattr(sys, "argv", ["python -m qsave.detectors", *map(str, arguments)])
    command.main()


def test_the_command_prints_readings_and_proposal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = write_clip(tmp_path / "clip.mp4", frames=3)
    run(monkeypatch, clip)
    text = capsys.readouterr().out
    assert text.startswith("96x64 pixels, 3 frames, 0.25 s\n")
    assert "sharpness" in text
    assert "Off: banding. A flat cartoon" in text

    run(monkeypatch, clip, "--json")
    value = json.loads(capsys.readouterr().out)
    assert len(readings_from_json(value["readings"]).times) == 3
    assert value["proposal"].keys() <= {"visual", "dynamic"}


def test_a_file_that_is_no_video_is_refused_with_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as refusal:
        run(monkeypatch, tmp_path / "gone.mp4")
    assert str(refusal.value).startswith(f"{tmp_path / 'gone.mp4'}: ")


def test_the_detectors_load_neither_django_nor_torch_nor_scikit_learn() -> None:
    heavy = ("django", "torch", "sklearn", "scipy")
    code = f"import sys, modelassist.kinds.detectors; print([name for name in {heavy} if name in sys.modules])"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
    assert ENABLED
