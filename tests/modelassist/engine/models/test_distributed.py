"""One process alone, and two that share a run: the same losses, the same weights. More ways, and through torchrun:
tests/long/test_training_processes.py."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from modelassist.engine.models import distributed, loader
from modelassist.engine.models.distributed import Machine, gather_tensor, join_processes, shard_like
from tests.modelassist.engine.processes import learn, run_processes
from tests.modelassist.engine.small import make_release, make_tiny
from tests.support.once import make_once
from tests.support.services import find_free_port


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one process reports alone, and each of two that share the run."""

    def learn_in_all_ways(folder: Path) -> None:
        for name in ("release", "tiny"):
            (folder / name).mkdir()
        make_release(folder / "release")
        make_tiny(folder / "tiny")
        reports = {"alone": learn(Machine(), folder), "both": run_processes(folder, find_free_port())}
        (folder / "reports.json").write_text(json.dumps(reports))

    folder = make_once(tmp_path_factory, "distributed", learn_in_all_ways)
    return dict(json.loads((folder / "reports.json").read_text()))


@pytest.fixture
def alone(reports: dict[str, Any]) -> dict[str, Any]:
    return dict(reports["alone"])


@pytest.fixture
def both(reports: dict[str, Any]) -> list[dict[str, Any]]:
    return list(reports["both"])


def test_one_process_has_all_the_work_and_leads() -> None:
    alone = Machine()
    assert alone.is_leader
    assert alone.take_share([3, 1, 2]) == [3, 1, 2]
    assert alone.gather("a") == ["a"]
    assert alone.sum_values({"loss": 2.5}) == {"loss": 2.5}
    alone.leave()


def test_parts_are_all_of_the_work_and_nothing_twice() -> None:
    parts = [Machine(rank=rank, size=3).take_share(range(8)) for rank in range(3)]
    assert sorted(index for part in parts for index in part) == list(range(8))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert [Machine(rank=rank, size=3).is_leader for rank in range(3)] == [True, False, False]


def test_one_process_leaves_gradients_and_the_model_as_they_are(tiny_folder: Path) -> None:
    value = nn.Parameter(torch.ones(3))
    value.grad = torch.full((3,), 2.0)
    Machine(kind="fsdp").sum_gradients([value])
    assert value.grad.tolist() == [2.0, 2.0, 2.0]
    critic = loader.load(str(tiny_folder))
    Machine(kind="fsdp").shard(critic)
    assert not any("DTensor" in type(weight.data).__name__ for weight in critic.network.parameters())


@pytest.mark.parametrize(("dtype", "result"), [(torch.float32, torch.float32), (torch.bfloat16, torch.bfloat16)])
def test_work_is_done_in_the_arithmetic_of_the_run(dtype: torch.dtype, result: torch.dtype) -> None:
    product = nn.Linear(4, 4)
    assert Machine(dtype=dtype).run(lambda: product(torch.ones(1, 4))).dtype == result


def test_without_torchrun_there_is_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    machine = join_processes("fsdp", torch.bfloat16)
    assert (machine.size, machine.rank, machine.dtype) == (1, 0, torch.bfloat16)


def test_gradients_travel_in_buckets_of_one_type_each_once_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed, "_BUCKET", 10)
    sizes = [4, 4, 4, 30, 2, 2]
    values = [nn.Parameter(torch.zeros(size)) for size in sizes]
    values[-1].data = values[-1].data.double()
    buckets = distributed._split_into_buckets(values)
    assert [id(value) for bucket in buckets for value in bucket] == [id(value) for value in values]
    assert [[value.numel() for value in bucket] for bucket in buckets] == [[4, 4], [4], [30], [2], [2]]
    assert all(len({value.dtype for value in bucket}) == 1 for bucket in buckets)


def test_whole_tensors_stay_as_they_are() -> None:
    tensor = torch.arange(3.0)
    assert gather_tensor(tensor) is tensor
    assert shard_like(tensor, torch.zeros(3)).tolist() == [0.0, 1.0, 2.0]


def test_two_processes_know_of_each_other(both: list[dict[str, Any]]) -> None:
    assert [report["joined"] for report in both] == [[0, 2, True], [1, 2, False]]
    assert [report["part"] for report in both] == [["a", "c", "e"], ["b", "d"]]
    for report in both:
        assert report["gathered"] == [{"rank": 0}, {"rank": 1}]
        assert report["total"] == {"one": 2.0, "rank": 1.0}


@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_two_processes_learn_what_one_does(both: list[dict[str, Any]], alone: dict[str, Any], kind: str) -> None:
    for report in both:
        for mine, expected in zip(report[kind]["figures"], alone["figures"], strict=True):
            for name in ("loss", "cross_entropy", "huber", "direct", "tokens", "flops", "gradient_norm"):
                assert mine[name] == pytest.approx(expected[name], rel=1e-4), name
        assert report[kind]["sums"] == pytest.approx(alone["sums"], rel=1e-4)


def test_a_loss_that_is_no_number_stops_both_with_one_word(both: list[dict[str, Any]]) -> None:
    first, second = (report["stopped"] for report in both)
    assert first == second
    assert first.startswith("sft step 2, clips clip-")
