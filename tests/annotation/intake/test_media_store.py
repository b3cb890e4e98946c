"""Media files are readable for their group, whatever the umask is."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from annotation.intake.media_store import move_into_store, open_incoming_folder

SHA = "ab" * 32


@pytest.fixture(params=[0o077, 0o022])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    old = os.umask(request.param)
    yield
    os.umask(old)


def read_mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("setgid", [0, stat.S_ISGID])
def test_a_settled_file_is_for_the_group_of_the_media_folder(umask: None, setgid: int) -> None:
    root = Path(settings.MEDIA_ROOT)
    root.chmod(0o750 | setgid)
    with open_incoming_folder() as folder:
        file = folder / "clip"
        file.write_bytes(b"frames")
        name = move_into_store(file, "clips", SHA, ".mp4")
    assert name == f"clips/ab/{SHA}.mp4"
    assert read_mode(root / name) == 0o640
    assert [read_mode(root / part) for part in ("clips", "clips/ab")] == [0o750 | setgid] * 2
    assert (root / name).stat().st_gid == root.stat().st_gid
