"""A scripted server, and one clip with its question."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelassist.kinds.base import ClipQuestion
from qsave.taxonomy import DEFAULT_TAXONOMY
from tests.modelassist.engine.small import write_clip
from tests.modelassist.kinds.scripted_server import ScriptedServer, run_scripted_server


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with run_scripted_server() as server:
        yield server


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of 6 frames at 8 a second."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    write_clip(path, 90)
    return path


@pytest.fixture
def question(clip: Path) -> ClipQuestion:
    return ClipQuestion(clip, "A square wanders", DEFAULT_TAXONOMY)
