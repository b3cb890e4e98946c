"""A training run that is killed with SIGKILL resumes with the losses of an undisturbed one."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.modelassist.engine.small import make_release, make_tiny, read_metrics
from tests.support.speed import allow

SETTINGS = {
    "max_new_tokens": 24,
    "save_steps": 3,
    "sft": {"steps": 14, "batch": 4, "warmup_steps": 2},
    "grpo": {"rounds": 3, "clips": 2, "num_generations": 2},
    "cooldown": {"steps": 5, "batch": 4, "samples": 2, "probe": 2},
}
STEPS = 22
KILLS = 10
SECONDS = allow(300)


class World:
    """A release and a model to start from, and the command that trains on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("release", "tiny"):
            (folder / name).mkdir()
        make_release(folder / "release")
        make_tiny(folder / "tiny")

    def train(self, out: Path, **changed: Any) -> subprocess.Popen[bytes]:
        """Start the run in `out`, or resume it."""
        config = self.folder / f"{out.name}.json"
        config.write_text(json.dumps(SETTINGS | changed))
        command = [sys.executable, "-m", "modelassist.engine", "train", "--out", str(out), "--config", str(config)]
        command += ["--release", str(self.folder / "release"), "--model", str(self.folder / "tiny")]
        command += ["--keep-unreadable"]
        if (out / "checkpoints").is_dir():
            command.append("--resume")
        with (self.folder / f"{out.name}.log").open("ab") as log:
            environment = os.environ | {"OMP_NUM_THREADS": "1"}
            return subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stdout=log, stderr=log)

    def finish(self, out: Path, **changed: Any) -> list[tuple[str, int, float]]:
        """Finish a run; returns the loss of every step, in the order of the file."""
        assert self.train(out, **changed).wait(SECONDS) == 0, (self.folder / f"{out.name}.log").read_text()[-3000:]
        return [(row["stage"], row["step"], row["loss"]) for row in read_metrics(out) if "loss" in row]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("kills"))


@pytest.fixture(scope="module")
def uncut(world: World) -> list[tuple[str, int, float]]:
    losses = world.finish(world.folder / "uncut")
    assert len(losses) == STEPS
    return losses


def kill_when(process: subprocess.Popen[bytes], due: Callable[[], bool], pause: float = 0.0) -> None:
    """Kill a process with SIGKILL, a moment after a condition holds."""
    deadline = time.monotonic() + SECONDS
    while not due():
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.001)
    time.sleep(pause)
    process.kill()
    process.wait()


def has_logged(out: Path, steps: int) -> bool:
    path = out / "metrics.jsonl"
    return path.is_file() and path.read_text().count('"loss"') >= steps


def is_writing(checkpoints: Path, besides: Collection[Path]) -> bool:
    return any(path not in besides for path in checkpoints.glob(".*-*"))


@pytest.mark.long
def test_a_run_killed_at_ten_random_steps_ends_with_the_same_losses(
    world: World, uncut: list[tuple[str, int, float]]
) -> None:
    out, draw = world.folder / "killed", random.Random(4)
    for step in sorted(draw.sample(range(1, STEPS), KILLS)):
        kill_when(world.train(out), partial(has_logged, out, step), draw.random() / 10)
    assert world.finish(out) == uncut
    for name in ("predictions-test.csv", "predictions-val.csv"):
        assert (out / name).read_bytes() == (world.folder / "uncut" / name).read_bytes()


@pytest.mark.long
def test_a_kill_while_a_checkpoint_is_written_loses_only_the_steps_since_the_last(
    world: World, uncut: list[tuple[str, int, float]]
) -> None:
    out = world.folder / "half"
    checkpoints = out / "checkpoints"
    unfinished = 0
    while unfinished < 3:
        left = list(checkpoints.glob(".*-*"))
        kill_when(world.train(out, save_steps=1), partial(is_writing, checkpoints, left))
        unfinished += is_writing(checkpoints, left)
    assert world.finish(out, save_steps=1) == uncut
    assert not list(checkpoints.glob(".*"))
