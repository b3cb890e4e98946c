"""The bench measures what it can: a peer that cannot be had is one line."""

import subprocess
from pathlib import Path

import pytest

from tests.bench import frames, training
from tests.bench.peers import Peer, PeerMissing, fetch_peer

ROOT = Path(__file__).resolve().parents[1]


def test_a_peer_that_cannot_be_fetched_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    with pytest.raises(PeerMissing, match=r"^/nowhere/such\.whl could not be fetched$"):
        fetch_peer("/nowhere/such.whl")


def test_a_peer_that_does_not_run_says_why(tmp_path: Path) -> None:
    with pytest.raises(
        PeerMissing, match=r"^some==1 does not run here \(ModuleNotFoundError: No module named 'some'\)$"
    ):
        Peer("some==1", tmp_path).run(["-c", "import some"], cwd=tmp_path, env={})


def test_without_its_peers_the_bench_prints_the_other_figures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(requirement: str) -> Peer:
        raise PeerMissing(f"{requirement} could not be fetched")

    monkeypatch.setattr(frames, "fetch_peer", refuse)
    monkeypatch.setattr(training, "fetch_peer", refuse)
    monkeypatch.setattr(frames, "ROUNDS", 1)
    ratio, decord = frames.frames(tmp_path)
    assert "with SlowFast" in ratio
    assert decord.endswith("not measured: decord==0.6.0 could not be fetched")
    assert training.against_trl(tmp_path).endswith("not measured: trl==1.16.0 could not be fetched")


def test_make_bench_installs_what_the_peers_import() -> None:
    """TRL is fetched without its dependencies and imports `datasets`, which is a requirement of the tests alone."""
    plan = subprocess.run(["make", "-n", "-B", "bench"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "-r requirements/dev.txt" in plan
