"""Bytes and figures that are promised to be the same everywhere: another machine is imitated, as far as one can."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.earlier_var import FIXTURES, ROOT, environment_for, migrate_once

NO_WIDE_SIMD = "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR AVX2 FMA3"
OLDER = {
    "NPY_DISABLE_CPU_FEATURES": NO_WIDE_SIMD,
    "OPENBLAS_CORETYPE": "Nehalem",
    "OMP_NUM_THREADS": "1",
    "PYTHONHASHSEED": "7",
}
ELSEWHERE = {"TZ": "Asia/Kolkata", "LC_ALL": "C", "LANG": "C"}


def keep_promises(
    var: Path, folder: Path, changes: dict[str, str], *, umask: int = 0o022, cores: set[int] | None = None
) -> object:
    """What `tests.support.promises` prints in a process of its own with this environment."""
    shutil.copytree(var, folder / "var")
    environment = environment_for(folder / "var") | {"OMP_NUM_THREADS": "2"} | changes
    (folder / "work").mkdir()

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.support.promises", str(folder / "work")],
        env=environment, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False,
        umask=umask, preexec_fn=lambda: os.sched_setaffinity(0, cores) if cores else None,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return migrate_once(tmp_path_factory, FIXTURES[0])


@pytest.fixture(scope="module")
def here(var: Path, tmp_path_factory: pytest.TempPathFactory) -> object:
    return keep_promises(var, tmp_path_factory.mktemp("here"), {})


def test_an_older_processor_with_one_core_gives_the_same_bytes_and_figures(
    var: Path, tmp_path: Path, here: object
) -> None:
    assert keep_promises(var, tmp_path, OLDER, cores={min(os.sched_getaffinity(0))}) == here


def test_another_place_gives_the_same_bytes_and_figures(var: Path, tmp_path: Path, here: object) -> None:
    """Another time zone and locale, a strict umask and a folder with spaces."""
    folder = tmp_path / "a folder with spaces, and ümlauts"
    folder.mkdir()
    assert keep_promises(var, folder, ELSEWHERE, umask=0o077) == here
