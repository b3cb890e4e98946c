"""Pairs of clips of one prompt, of which one is better on an axis by more than the errors of both.

The rule: MOS(chosen) - MOS(rejected) > Z * sqrt(SE(chosen)^2 + SE(rejected)^2).

The error model: the MOS of a clip is its true mean plus a normal error with the standard error of its target, and the
errors of two clips are independent. Then a pair of truly equal clips passes with a probability of 5%, either way round.
Where the same raters graded both clips their biases are partly the same and cancel in the difference, so the true error
is smaller and the rule errs on the safe side. The rule is applied to each pair on its own, without a correction for
their number: of many pairs of equal clips one in twenty passes.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from qsave.axes import AXES, Axis
from qsave.release.presets.files import PresetFiles
from qsave.release.presets.samples import LoadedSample
from qsave.release.rows import DIGITS

Z = 1.96
"""How many standard errors of the difference two clips are apart: a two-sided test at 5%."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the pairs of a clip need, small enough to hold all clips of a split in memory."""

    clip_id: str
    generator: str
    clip: Path
    path: str
    """Where the clip is in the release and in the preset."""
    sha256: str
    duration: float
    simulated: bool
    scores: Mapping[Axis, tuple[float, float]]
    """MOS and its standard error."""


@dataclass(frozen=True, slots=True)
class Pair:
    chosen: Candidate
    rejected: Candidate
    axis: Axis
    difference: float
    """Of the two MOS, above 0."""
    error: float
    """Standard error of the difference."""


def compute_error(first: float, second: float) -> float:
    """Return the standard error of the difference of two means with independent errors."""
    return math.hypot(first, second)


def find_pairs(candidates: Sequence[Candidate]) -> Iterator[Pair]:
    """Yield every pair of clips of one prompt that the rule accepts, axis by axis, in the order of the clips' ids."""
    ordered = sorted(candidates, key=lambda candidate: candidate.clip_id)
    for axis in AXES:
        for first, second in combinations(ordered, 2):
            difference = first.scores[axis][0] - second.scores[axis][0]
            error = compute_error(first.scores[axis][1], second.scores[axis][1])
            if abs(difference) > Z * error and first.sha256 != second.sha256:
                chosen, rejected = (first, second) if difference > 0 else (second, first)
                yield Pair(chosen, rejected, axis, abs(difference), error)


@dataclass(slots=True)
class _Prompt:
    group: str
    candidates: list[Candidate] = field(default_factory=list)


class PairFiles:
    """`{train,val,test}.jsonl` with a row a pair, beside the clips in `media/` that a pair names."""

    def __init__(self, files: PresetFiles) -> None:
        self._files = files
        self._splits: dict[str, dict[str, _Prompt]] = {}

    def write(self, loaded: LoadedSample) -> None:
        row = loaded.sample.rl
        prompts = self._splits.setdefault(row.split, {})
        prompts.setdefault(row.video_prompt, _Prompt(row.prompt_group)).candidates.append(_make_candidate(loaded))

    def finish(self) -> None:
        for split, prompts in self._splits.items():
            for prompt, entry in sorted(prompts.items()):
                for pair in find_pairs(entry.candidates):
                    for candidate in (pair.chosen, pair.rejected):
                        self._files.add_file(candidate.clip, candidate.path)
                    self._files.write_line(f"{split}.jsonl", _pair_to_json(pair, prompt, entry.group, split))


def _make_candidate(loaded: LoadedSample) -> Candidate:
    row = loaded.sample.rl
    return Candidate(
        clip_id=row.clip_id,
        generator=row.generator,
        clip=loaded.clip,
        path=row.media.path,
        sha256=row.media.sha256,
        duration=row.media.duration,
        simulated=row.simulated,
        scores={axis: (row.solution[axis].mos, row.solution[axis].se) for axis in AXES},
    )


def _pair_to_json(pair: Pair, prompt: str, group: str, split: str) -> dict[str, Any]:
    """Return a row. `chosen` and `rejected` are structs, at which a trainer that expects texts there stops."""
    return {
        "id": f"{pair.axis}:{pair.chosen.clip_id}:{pair.rejected.clip_id}",
        "axis": pair.axis.value,
        "video_prompt": prompt,
        "prompt_group": group,
        "split": split,
        "simulated": pair.chosen.simulated or pair.rejected.simulated,
        "chosen": _candidate_to_json(pair.chosen, pair.axis),
        "rejected": _candidate_to_json(pair.rejected, pair.axis),
        "difference": round(pair.difference, DIGITS),
        "error": round(pair.error, DIGITS),
    }


def _candidate_to_json(candidate: Candidate, axis: Axis) -> dict[str, Any]:
    mos, error = candidate.scores[axis]
    return {
        "clip_id": candidate.clip_id,
        "generator": candidate.generator,
        "path": candidate.path,
        "sha256": candidate.sha256,
        "duration": round(candidate.duration, DIGITS),
        "mos": round(mos, DIGITS),
        "se": round(error, DIGITS),
    }
