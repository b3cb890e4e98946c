"""The trainer process: told apart from others, watched from anywhere, stopped, and reported when it fails."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.conf import settings

from modelassist.services import trainer
from tests.support.waiting import wait_until

SLEEPS = [sys.executable, "-c", "import sys, time; print('working', flush=True); time.sleep(600)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)",
]


def start(folder: Path, command: list[str]) -> None:
    trainer.start(folder, command, cwd=folder)


def wait_for_words(folder: Path, words: str) -> None:
    wait_until(lambda: words in trainer.read_last_lines(folder), what=f"{words!r} of the process")


def pid_of(folder: Path) -> int:
    return int(json.loads((folder / trainer.RECORD).read_text())["pid"])


def test_it_runs_until_stopped(tmp_path: Path) -> None:
    start(tmp_path, SLEEPS)
    assert trainer.is_running(tmp_path)
    trainer.stop(tmp_path)
    assert not trainer.is_running(tmp_path)


def test_a_second_start_beside_a_living_trainer_starts_nothing(tmp_path: Path) -> None:
    start(tmp_path, SLEEPS)
    first = pid_of(tmp_path)
    start(tmp_path, SLEEPS)
    assert pid_of(tmp_path) == first
    trainer.stop(tmp_path)


def test_one_that_ignores_the_request_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "STOP_SECONDS", 0.3)
    start(tmp_path, DEAF)
    wait_for_words(tmp_path, "deaf")
    trainer.stop(tmp_path)
    assert not trainer.is_running(tmp_path)


def test_a_process_id_of_somebody_else_is_never_taken_for_the_trainer(tmp_path: Path) -> None:
    (tmp_path / trainer.LOCK).touch()
    (tmp_path / trainer.RECORD).write_text(f'{{"pid": {os.getpid()}}}')
    assert not trainer.is_running(tmp_path)
    trainer.stop(tmp_path)  # would end this very test


def test_stopping_where_nothing_was_started_does_nothing(tmp_path: Path) -> None:
    trainer.stop(tmp_path)
    assert not trainer.is_running(tmp_path)


def test_watching_ends_when_the_trainer_was_killed_and_its_last_words_are_there(tmp_path: Path) -> None:
    start(tmp_path, SLEEPS)
    wait_for_words(tmp_path, "working")
    threading.Timer(0.2, os.kill, (pid_of(tmp_path), signal.SIGKILL)).start()
    trainer.watch(tmp_path, lambda share, words: None, every=0.05)
    assert not trainer.is_running(tmp_path)
    assert trainer.read_last_lines(tmp_path) == "working"


def test_the_trainer_outlives_the_process_that_started_it(tmp_path: Path) -> None:
    launcher = (
        "import sys; from pathlib import Path; from modelassist.services import trainer; "
        f"trainer.start(Path({str(tmp_path)!r}), {SLEEPS!r}, cwd=Path({str(tmp_path)!r}))"
    )
    code = f"import django; django.setup(); {launcher}"
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        cwd=settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
    )
    assert trainer.is_running(tmp_path)
    trainer.stop(tmp_path)
    assert not trainer.is_running(tmp_path)


def test_progress_before_there_is_any(tmp_path: Path) -> None:
    assert trainer.read_progress(tmp_path) == (0.0, "starting")


def test_progress_is_what_the_trainer_says(tmp_path: Path) -> None:
    (tmp_path / "progress.json").write_text('{"share": 0.25, "message": "sft: step 1 of 4", "finished": false}')
    assert trainer.read_progress(tmp_path) == (0.25, "sft: step 1 of 4")


@pytest.mark.parametrize("text", ["", '{"share": 0.', "[]"])
def test_a_half_written_progress_file_is_no_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "progress.json").write_text(text)
    assert trainer.read_progress(tmp_path) == (0.0, "starting")


def test_last_lines_leave_out_what_a_progress_bar_overwrote(tmp_path: Path) -> None:
    (tmp_path / trainer.LOG).write_bytes(b"10%\r20%\r30% done\n\nTraceback\nModelError: no weights\n")
    assert trainer.read_last_lines(tmp_path, 2) == "Traceback\nModelError: no weights"
    assert trainer.read_last_lines(tmp_path, 3).splitlines()[0] == "30% done"


@pytest.mark.parametrize("given", ["", "7"])
def test_it_leaves_half_of_the_cores_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", given) if given else monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    start(tmp_path, [sys.executable, "-c", "import os; print('threads', os.environ['OMP_NUM_THREADS'], flush=True)"])
    wait_for_words(tmp_path, f"threads {given or 3}")
