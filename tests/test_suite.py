"""The suite runs a failed test once more, alone: flaky is told apart from broken."""

from pathlib import Path

import pytest

from tests.support.suite import Half, report, run_half

SETTINGS = "[pytest]\naddopts = -p xdist.plugin\n"
FLAKY = """
from pathlib import Path
import pytest
def test_fails_the_first_time():
    marker = Path({marker!r})
    seen = marker.exists()
    marker.touch()
    assert seen
@pytest.fixture
def failing_the_first_time():
    marker = Path({marker!r} + "-fixture")
    seen = marker.exists()
    marker.touch()
    assert seen
def test_is_set_up_the_second_time(failing_the_first_time): pass
def test_passes(): pass
"""
BROKEN = "def test_fails_always(): assert False\n"


def run(folder: Path, *contents: str) -> Half:
    for number, content in enumerate(contents):
        (folder / f"test_{number}.py").write_text(content.format(marker=str(folder / "marker")))
    (folder / "pytest.ini").write_text(SETTINGS)
    return run_half(
        "half", ["-c", str(folder / "pytest.ini"), str(folder), "-n", "1"], {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    )


def test_a_test_that_passes_when_it_runs_again_alone_is_listed_and_fails_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    half = run(tmp_path, FLAKY)
    assert half == Half(
        "half", True, ("test_0.py::test_fails_the_first_time", "test_0.py::test_is_set_up_the_second_time")
    )
    assert report([half])
    closing = capsys.readouterr().out.splitlines()[-3:]
    assert [line.partition(" (")[0] for line in closing[:2]] == [f"FLAKY {test}" for test in half.flaky]
    assert closing[2] == "== all passed"


def test_a_test_that_fails_twice_fails_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    half = run(tmp_path, FLAKY, BROKEN)
    assert not half.passed
    assert half.flaky == ("test_0.py::test_fails_the_first_time", "test_0.py::test_is_set_up_the_second_time")
    assert not report([half])
    assert capsys.readouterr().out.splitlines()[-1] == "== FAILED"


@pytest.mark.parametrize("content", ["import no_such_module\n", "def test_with(no_such_fixture): pass\n"])
def test_a_file_that_cannot_be_read_fails_the_run(tmp_path: Path, content: str) -> None:
    assert run(tmp_path, content, "def test_passes(): pass\n") == Half("half", False)


def test_a_run_that_breaks_is_not_called_flaky(tmp_path: Path) -> None:
    """A test process that dies takes its test down again when it runs alone."""
    assert not run(tmp_path, "import os\ndef test_dies(): os._exit(3)\n").passed


def test_a_run_without_any_test_fails(tmp_path: Path) -> None:
    assert not run(tmp_path, "").passed
