"""Videos to import, and uploads in a folder of the test's own."""

from pathlib import Path

import pytest
from pytest_django import Settings

from annotation.intake import upload_folders
from tests.annotation.factories import write_video


@pytest.fixture(autouse=True)
def own_uploads(settings: Settings, tmp_path: Path) -> None:
    """Keep a test's uploads in its own folder."""
    settings.VAR_DIR = tmp_path / "var"
    upload_folders.get_upload_root().mkdir(parents=True)


@pytest.fixture
def video_folder(tmp_path: Path) -> Path:
    """A folder with three videos of different content: v/1.mp4, v/2.mp4 and v/3.mp4."""
    folder = tmp_path / "source"
    for number in (1, 2, 3):
        write_video(folder / "v" / f"{number}.mp4", 40 + 20 * number)
    return folder
