"""Whether a process lives is known from its lock, whatever ended it."""

from pathlib import Path

import pytest
from pytest_django import Settings

from operations import process_locks
from tests.support import processes
from tests.support.waiting import wait_until

NAME_AND_WAIT = (
    "import django, time; django.setup(); from operations import process_locks; "
    "print(process_locks.get_name(), flush=True); time.sleep(600)"
)


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    settings.VAR_DIR = tmp_path
    return tmp_path / "processes"


@pytest.mark.django_db
def test_a_process_is_dead_from_the_moment_at_which_it_is_killed(folder: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with processes.python("-c", NAME_AND_WAIT, log=log, DJANGO_SETTINGS_MODULE="config.settings") as process:
        wait_until(lambda: "\n" in log.read_text() or process.poll() is not None, what="its name")
        name = log.read_text().strip()
        assert not process_locks.has_dead()
        process.kill()
        process.wait()
    assert process_locks.has_dead()
    with pytest.raises(ZeroDivisionError), process_locks.hold_dead():
        assert not process_locks.has_dead()  # another sweep leaves it to this one
        raise ZeroDivisionError
    with process_locks.hold_dead() as names:
        assert names == [name]
    assert list(folder.iterdir()) == []


def test_a_process_has_one_name_and_is_not_dead_to_itself() -> None:
    assert process_locks.get_name() == process_locks.get_name()
    with process_locks.hold_dead() as names:
        assert process_locks.get_name() not in names
