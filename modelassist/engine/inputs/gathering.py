"""Gather the training and held-out clips of a run: decoded clips of a release, without those that cannot be read."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from modelassist.engine.inputs.examples import DataError, Example, load_examples
from modelassist.engine.inputs.frame_store import FrameStore
from modelassist.engine.models.distributed import Machine
from qsave.release.encoding import ReleaseError
from qsave.release.manifest import verify_release
from qsave.release.reader import ReleaseReader
from qsave.splits import HELD_OUT

_KIND_OF_STAGE = {"sft": "sft", "grpo": "rl", "cooldown": "cooldown"}
_MAX_NAMED = 3
_FIRST_STAGE_NEEDS = "a critic needs rated clips in the train split"


@dataclass(frozen=True, slots=True)
class Material:
    """The examples that a run trains on and is evaluated on."""

    train: Mapping[str, Sequence[Example]]
    """Examples of each stage."""
    held_out: Mapping[str, Sequence[Example]]
    """Examples of each held-out split that has any."""
    constant: Sequence[Example]
    """The train clips whose mean is the constant predictor."""
    captioned: Sequence[Example] = ()
    """Clips with captions, which SFT uses in addition to the rated clips."""


def open_release(folder: Path) -> ReleaseReader:
    """Open a release and verify that it is unchanged; raises ReleaseError, which names the first differences."""
    reader = ReleaseReader(folder)
    problems = verify_release(folder)
    if problems:
        more = f" and {len(problems) - _MAX_NAMED} more" if len(problems) > _MAX_NAMED else ""
        named = "; ".join(problems[:_MAX_NAMED])
        raise ReleaseError(f"{folder} is not as it was frozen: {named}{more}. Repair it, or copy it again.")
    return reader


def gather(
    reader: ReleaseReader,
    store: FrameStore,
    stages: Sequence[str],
    captioned: Sequence[Example],
    machine: Machine,
    report: Callable[[str], None],
) -> Material:
    """Decode every clip that the stages need, each process its share; clips that cannot be read are reported.

    `captioned` are the clips with captions, for SFT. Raises DataError if nothing is left to train on.
    """
    train: dict[str, list[Example]] = {}
    bad: list[str] = []
    for stage in stages:
        train[stage], problems = _load_split(reader, store, _KIND_OF_STAGE[stage], "train", machine)
        bad += problems
    for problem in bad:
        report(problem)
    if not any(train.values()):
        why = f"no clip is left: {bad[0].rstrip('.')}" if bad else _FIRST_STAGE_NEEDS
        raise DataError(f"{reader.folder}: there is nothing to train on; {why}.")
    held_out = gather_held_out(reader, store, HELD_OUT, machine, report)
    described, problems = decode_clips(store, _drop_held_out(captioned, held_out), "captions", machine)
    for problem in problems:
        report(problem)
    if captioned and not described:
        report("None of the clips with captions can be used: SFT runs without captions.")
    return Material(train=train, held_out=held_out, constant=max(train.values(), key=len), captioned=described)


def _drop_held_out(captioned: Sequence[Example], held_out: Mapping[str, Sequence[Example]]) -> list[Example]:
    """Drop captions of clips that are held out."""
    held_out_hashes = {example.sha256 for examples in held_out.values() for example in examples}
    return [example for example in captioned if example.sha256 not in held_out_hashes]


def gather_held_out(
    reader: ReleaseReader,
    store: FrameStore,
    splits: Sequence[str],
    machine: Machine,
    report: Callable[[str], None],
) -> dict[str, list[Example]]:
    """Load the examples of each split that has any; clips that cannot be read are reported."""
    examples = {}
    for split in splits:
        examples[split], problems = _load_split(reader, store, "sft", split, machine)
        for problem in problems:
            report(problem)
    return {split: rows for split, rows in examples.items() if rows}


def _load_split(
    reader: ReleaseReader, store: FrameStore, kind: str, split: str, machine: Machine
) -> tuple[list[Example], list[str]]:
    if f"{kind}/{split}.jsonl" not in reader.manifest["files"]:
        return [], []
    return decode_clips(store, load_examples(reader, kind, split), f"{kind}/{split}", machine)


def count_helpers(machine: Machine) -> int:
    """Return how many processes may decode clips for one process of a run: its share of the machine's cores."""
    return max(1, (os.cpu_count() or 1) // machine.size)


def decode_clips(
    store: FrameStore, examples: Sequence[Example], label: str, machine: Machine
) -> tuple[list[Example], list[str]]:
    """Decode every clip once, each process its share; returns the usable examples, and the errors of the others."""
    problems: dict[str, str] = {}
    share = machine.take_share(examples)
    with closing(store.decode_all(share, count_helpers(machine))) as decoded:
        for example, problem in tqdm(
            decoded, f"frames {label}", len(share), unit="clip", leave=False, disable=not machine.is_leader
        ):
            if problem:
                problems[example.sha256] = f"clip {example.clip_id} left out: {problem}"
    bad = {sha256: problem for own in machine.gather(problems) for sha256, problem in own.items()}
    return [example for example in examples if example.sha256 not in bad], list(bad.values())
