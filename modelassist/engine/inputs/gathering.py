"""What a run learns from and is measured on: clips of a release, decoded once; those that cannot be read left out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelassist.engine.inputs.examples import DataError, Example, FrameStore, load_examples, readable
from modelassist.engine.models.distributed import Machine
from qsave.release.encoding import ReleaseError
from qsave.release.manifest import verify_release
from qsave.release.reader import ReleaseReader
from qsave.splits import HELD_OUT

_KIND_OF_STAGE = {"sft": "sft", "grpo": "rl", "cooldown": "cooldown"}
_MOST_NAMED = 3
_FIRST_STAGE_NEEDS = "a critic needs rated clips in the train split"


@dataclass(frozen=True, slots=True)
class Material:
    """What a run learns from and is measured on."""

    train: Mapping[str, Sequence[Example]]
    """Examples of each stage."""
    held_out: Mapping[str, Sequence[Example]]
    """Examples of each split that is measured; splits without any are left out."""
    constant: Sequence[Example]
    """The train clips whose mean is the constant predictor."""
    captioned: Sequence[Example] = ()
    """Clips with captions, targets of SFT beside the rated clips."""


def open_release(folder: Path) -> ReleaseReader:
    """A release that is as it was frozen; raises ReleaseError, naming the first things that are not."""
    reader = ReleaseReader(folder)
    problems = verify_release(folder)
    if problems:
        more = f" and {len(problems) - _MOST_NAMED} more" if len(problems) > _MOST_NAMED else ""
        named = "; ".join(problems[:_MOST_NAMED])
        raise ReleaseError(f"{folder} is not as it was frozen: {named}{more}. Put that right, or copy it anew")
    return reader


def gather(
    reader: ReleaseReader,
    store: FrameStore,
    stages: Sequence[str],
    captioned: Sequence[Example],
    machine: Machine,
    report: Callable[[str], None],
) -> Material:
    """Decode every clip that the stages need, each process its part; bad ones are reported. `captioned` are
    those that are described beside the judged. Raises DataError where nothing is left to learn from."""
    train: dict[str, list[Example]] = {}
    bad: list[str] = []
    for stage in stages:
        train[stage], problems = _examples(reader, store, _KIND_OF_STAGE[stage], "train", machine)
        bad += problems
    for problem in bad:
        report(problem)
    if not any(train.values()):
        why = f"no clip is left: {bad[0]}" if bad else _FIRST_STAGE_NEEDS
        raise DataError(f"{reader.folder}: there is nothing to train on; {why}")
    held_out = gather_held_out(reader, store, HELD_OUT, machine, report)
    described, problems = readable(store, _unseen(captioned, held_out), "captions", machine)
    for problem in problems:
        report(problem)
    if captioned and not described:
        report("none of the clips with captions can be used: SFT runs without captions")
    return Material(train=train, held_out=held_out, constant=max(train.values(), key=len), captioned=described)


def _unseen(captioned: Sequence[Example], held_out: Mapping[str, Sequence[Example]]) -> list[Example]:
    """Those that are on no clip that is measured."""
    measured = {example.sha256 for examples in held_out.values() for example in examples}
    return [example for example in captioned if example.sha256 not in measured]


def gather_held_out(
    reader: ReleaseReader,
    store: FrameStore,
    splits: Sequence[str],
    machine: Machine,
    report: Callable[[str], None],
) -> dict[str, list[Example]]:
    """The readable examples of the splits that hold any; bad ones are reported."""
    found = {}
    for split in splits:
        found[split], problems = _examples(reader, store, "sft", split, machine)
        for problem in problems:
            report(problem)
    return {split: examples for split, examples in found.items() if examples}


def _examples(
    reader: ReleaseReader, store: FrameStore, kind: str, split: str, machine: Machine
) -> tuple[list[Example], list[str]]:
    if f"{kind}/{split}.jsonl" not in reader.manifest["files"]:
        return [], []
    return readable(store, load_examples(reader, kind, split), f"{kind}/{split}", machine)
