"""torchrun: two processes have the losses of one, load each other's checkpoints, and log each step once."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.modelassist.engine.small import make_release, make_tiny, read_metrics, seal
from tests.support.speed import allow

SETTINGS: dict[str, Any] = {
    "max_new_tokens": 16,
    "micro_tokens": 250,
    "save_steps": 2,
    "sft": {"steps": 5, "batch": 5, "warmup_steps": 1},
    "cooldown": {"steps": 2, "batch": 3, "samples": 2, "probe": 2},
}
"""Batches that two processes cannot halve, in micro-batches of which one needs more than the other."""
KINDS = ("ddp", "fsdp")
LIKE: dict[str, dict[str, Any]] = {
    "full": {},
    "adapters": {"lora": {"rank": 4}, "gradient_checkpointing": True},
    "frozen_tower": {"freeze_vision": True},
    "recomputed": {"gradient_checkpointing": True},
}
pytestmark = pytest.mark.long


class World:
    """A release, a model, and runs on them in one process or two."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("release", "tiny"):
            (folder / name).mkdir()
        make_release(folder / "release")
        make_tiny(folder / "tiny")

    def train(
        self, out: Path, changed: Mapping[str, Any], *more: str, processes: int = 1, stages: str = "sft,cooldown"
    ) -> subprocess.CompletedProcess[str]:
        config = self.folder / "config.json"
        config.write_text(json.dumps({**SETTINGS, **changed}))
        start = (
            ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m"] if processes > 1 else []
        )
        command = [sys.executable, "-m", *start, "modelassist.engine", "train", "--out", str(out), "--stages", stages]
        command += ["--config", str(config), "--release", str(self.folder / "release")]
        command += ["--model", str(self.folder / "tiny"), "--keep-unreadable", *more]
        return subprocess.run(
            command, cwd=settings.BASE_DIR, env=os.environ | {"OMP_NUM_THREADS": "1"},
            capture_output=True, text=True, check=False, timeout=allow(300),
        )  # fmt: skip

    def finish(self, name: str, changed: Mapping[str, Any], *more: str, processes: int = 1) -> list[dict[str, Any]]:
        """Finish a run; returns its metrics."""
        done = self.train(self.folder / name, changed, *more, processes=processes)
        assert done.returncode == 0, done.stderr[-3000:]
        return read_metrics(self.folder / name)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("processes"))


@pytest.fixture(scope="module")
def alone(world: World) -> list[dict[str, Any]]:
    return world.finish("alone", {})


def check_same(mine: list[dict[str, Any]], other: list[dict[str, Any]], rel: float = 1e-4) -> None:
    assert [(row["stage"], row["step"]) for row in mine] == [(row["stage"], row["step"]) for row in other]
    for row, wanted in zip(mine, other, strict=True):
        assert row["tokens"] == wanted["tokens"]
        for name in ("loss", "cross_entropy", "huber", "direct", "gradient_norm"):
            assert row[name] == pytest.approx(wanted[name], rel=rel, abs=rel / 100), (row["stage"], row["step"], name)


@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_have_the_losses_and_files_of_one(world: World, alone: list[dict[str, Any]], kind: str) -> None:
    check_same(world.finish(kind, {"parallel": kind}, processes=2), alone)
    names = [sorted(path.name for path in (world.folder / run).iterdir()) for run in (kind, "alone")]
    assert names[0] == names[1]
    assert [path.name for path in (world.folder / kind / "checkpoints").glob(".*")] == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("like", ["adapters", "frozen_tower", "recomputed"])
def test_two_processes_have_the_losses_of_one_in_every_way_to_train(world: World, kind: str, like: str) -> None:
    alone = world.folder / f"alone-{like}"
    mine = read_metrics(alone) if alone.is_dir() else world.finish(alone.name, LIKE[like])
    check_same(world.finish(f"{kind}-{like}", {"parallel": kind, **LIKE[like]}, processes=2), mine)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("like", ["full", "adapters"])
def test_two_processes_stay_close_to_one_in_bfloat16(world: World, kind: str, like: str) -> None:
    few = {**LIKE[like], "dtype": "bfloat16", "cooldown": {"steps": 0}}
    alone = world.folder / f"alone-few-{like}"
    mine = read_metrics(alone) if alone.is_dir() else world.finish(alone.name, few)
    check_same(world.finish(f"{kind}-few-{like}", {"parallel": kind, **few}, processes=2), mine, rel=0.1)


def test_a_clip_that_cannot_be_read_is_reported_once_by_whichever_process(world: World) -> None:
    release = shutil.copytree(world.folder / "release", world.folder / "spoilt")
    rows = [json.loads(line) for line in (release / "sft" / "train.jsonl").read_text().splitlines()]
    bad = {row["clip_id"] for row in rows[:2]}
    for row in rows[:2]:
        (release / row["media"]["path"]).write_bytes(b"no video")
    seal(release)
    runs = []
    for name, processes in (("spoilt-alone", 1), ("spoilt-both", 2)):
        done = world.train(world.folder / name, {}, "--release", str(release), processes=processes)
        assert done.returncode == 0, done.stderr[-3000:]
        metrics = read_metrics(world.folder / name)
        problems = [row["problem"].split()[1] for row in metrics if row["stage"] == "data"]
        assert sorted(problems) == sorted(bad)
        runs.append([row for row in metrics if row["stage"] != "data"])
    alone, both = runs
    check_same(both, alone)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_of_two_processes_resumes_with_one_and_the_reverse(
    world: World, alone: list[dict[str, Any]], kind: str
) -> None:
    for first, second in ((1, 2), (2, 1)):
        name = f"{kind}-{first}-then-{second}"
        half = world.train(world.folder / name, {"parallel": kind}, processes=first, stages="sft")
        assert half.returncode == 0, half.stderr[-3000:]
        check_same(world.finish(name, {"parallel": kind}, "--resume", processes=second), alone)


def test_grpo_in_two_processes_is_refused_before_any_work(world: World) -> None:
    done = world.train(world.folder / "grpo", {}, processes=2, stages="sft,grpo")
    assert done.returncode != 0
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert "GRPO takes one process" in errors[0]
    assert not (world.folder / "grpo").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_loss_that_is_not_finite_stops_all_and_is_reported_once(world: World, kind: str) -> None:
    wild = {
        "parallel": kind,
        "sft": {"steps": 5, "batch": 5, "warmup_steps": 1, "learning_rate": 1e30},
        "allow_high_rates": True,
    }
    done = world.train(world.folder / f"wild-{kind}", wild, processes=2)
    assert done.returncode != 0
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert "clips clip-" in errors[0]
    assert "nan" in errors[0] or "inf" in errors[0]
