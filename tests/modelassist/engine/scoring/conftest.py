"""A folder of clips to score, and the command with a tiny critic."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from modelassist.engine.cli.options import main
from modelassist.engine.generation import critic
from modelassist.engine.generation.read_scores import Scored
from modelassist.engine.generation.sampler import Sample
from modelassist.engine.models.loader import LoadedModel
from tests.modelassist.engine.scoring.scores import CARD, Run
from tests.modelassist.engine.small import write_clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four clips with prompts, and one file that is no video."""
    folder = tmp_path_factory.mktemp("clips")
    for number in range(4):
        write_clip(folder / f"clip-{number}.mp4", 40 * number, frames=3 + number)
        (folder / f"clip-{number}.txt").write_text("A square" + " that wanders" * number)
    (folder / "broken.mp4").write_bytes(b"no video")
    (folder / "broken.txt").write_text("A cat")
    return folder


@pytest.fixture
def fluent(monkeypatch: pytest.MonkeyPatch) -> list[Sample]:
    """Read everything that the tiny critic generates as one fixed card. The list has the generated samples."""
    generated: list[Sample] = []

    def read(critic: LoadedModel, samples: Sequence[Sample]) -> Scored:
        generated.extend(samples)
        return CARD

    monkeypatch.setattr(critic, "read_scores", read)
    return generated


@pytest.fixture
def run(folder: Path, tiny_folder: Path, tmp_path: Path) -> Run:
    def run(*options: str, source: Path = folder) -> int:
        critic = ["--model", str(tiny_folder), "--tokens-per-batch", "1200"]
        return main(["score", str(source), *critic, "--out", str(tmp_path / "scores.jsonl"), *options])

    return run
