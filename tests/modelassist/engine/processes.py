"""The work of one process in the tests of `distributed`; a separate module, so that it starts fast."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.multiprocessing.spawn import spawn

from modelassist.engine.inputs.examples import load_examples
from modelassist.engine.inputs.feeder import Feeder
from modelassist.engine.inputs.frame_store import FrameStore
from modelassist.engine.models import loader
from modelassist.engine.models.adapters import prepare
from modelassist.engine.models.distributed import Machine, gather_tensor, join_processes
from modelassist.engine.settings.config import Config, SftConfig
from modelassist.engine.training.optimise import TrainingError, list_trainable
from modelassist.engine.training.sft import SftStage
from modelassist.engine.training.stages import StageContext
from qsave.release.reader import ReleaseReader

CONFIG = Config(sft=SftConfig(steps=2, batch=5, warmup_steps=0, learning_rate=1e-3))
"""Five clips, so that two processes get different numbers of them."""
MICRO_TOKENS = 250
"""One or two clips a pass, so that one process has more passes than the other."""


def learn(machine: Machine, folder: Path, learning_rate: float = CONFIG.sft.learning_rate) -> dict[str, Any]:
    """Take two steps of SFT on the release in `folder`; return their figures and a sum of each trained weight."""
    critic = loader.load(str(folder / "tiny"))
    prepare(critic, CONFIG)
    machine.shard(critic)
    examples = load_examples(ReleaseReader(folder / "release"), "sft", "train")
    feeder = Feeder(critic, FrameStore(folder / f"frames-{machine.rank}", critic.frames))
    config = replace(CONFIG.sft, learning_rate=learning_rate)
    stage = SftStage(StageContext(critic, feeder, machine=machine), examples, config, micro_tokens=MICRO_TOKENS)
    figures = [stage.step(index) for index in range(config.steps)]
    sums = {name: float(gather_tensor(value.detach()).abs().sum()) for name, value in list_trainable(critic).items()}
    return {"figures": figures, "sums": sums}


def run_process(rank: int, size: int, port: int, folder: str) -> None:
    """Run one of `size` processes: take the same two steps in both ways of sharing, and write a report."""
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(size), "LOCAL_RANK": str(rank)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    machine = join_processes("ddp", torch.float32)
    report: dict[str, Any] = {
        "joined": [machine.rank, machine.size, machine.is_leader],
        "part": machine.take_share("abcde"),
        "gathered": machine.gather({"rank": machine.rank}),
        "total": machine.sum_values({"one": 1.0, "rank": float(rank)}),
        "ddp": learn(machine, Path(folder)),
        "fsdp": learn(Machine(kind="fsdp", rank=rank, size=size), Path(folder)),
        "stopped": _learn_too_fast(machine, Path(folder)),
    }
    (Path(folder) / f"report-{rank}.json").write_text(json.dumps(report))
    machine.leave()


def _learn_too_fast(machine: Machine, folder: Path) -> str:
    """Return the error that stops a run with far too high a learning rate."""
    try:
        learn(machine, folder, 1e30)
    except TrainingError as error:
        return str(error)
    return ""


def run_processes(folder: Path, port: int, size: int = 2) -> list[dict[str, Any]]:
    """Run `size` processes and return the report of each."""
    spawn(run_process, args=(size, port, str(folder)), nprocs=size)
    return [json.loads((folder / f"report-{rank}.json").read_text()) for rank in range(size)]
