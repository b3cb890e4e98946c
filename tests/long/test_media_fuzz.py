"""Eight thousand damaged clips, in processes that a crash or a hang of the decoder would show."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.speed import allow

pytestmark = pytest.mark.long

MOST_MEGABYTES = 400


@pytest.mark.parametrize("seed", range(8))
def test_a_thousand_damaged_clips_go_in_or_are_refused_in_a_sentence(tmp_path: Path, seed: int) -> None:
    command = [sys.executable, "-m", "tests.qsave.frames.fuzz", str(tmp_path), "1000", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=allow(900), check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    assert int(done.stdout.split("peak MB:")[1]) < MOST_MEGABYTES
